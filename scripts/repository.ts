/** Where the sources are, and how to run Deno on them. @module */
import { fromFileUrl } from "@std/path";

/** The top of the repository, ending in a separator. */
export const ROOT = fromFileUrl(new URL("..", import.meta.url));

/** Runs this very Deno at the top of the repository, on this terminal; resolves to its exit code. */
export async function runDeno(args: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), { args: [...args], cwd: ROOT, env }).spawn();
  // Why: Ctrl-C reaches the child as well; this process stays to pass its exit code on.
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  const forward = signals.map((signal) => ({ signal, listener: () => endQuietly(child, signal) }));
  for (const { signal, listener } of forward) Deno.addSignalListener(signal, listener);
  const { code } = await child.status;
  for (const { signal, listener } of forward) Deno.removeSignalListener(signal, listener);
  return code;
}

function endQuietly(child: Deno.ChildProcess, signal: Deno.Signal): void {
  if (signal === "SIGINT") return;
  try {
    child.kill(signal);
  } catch {
    // It has ended already.
  }
}
