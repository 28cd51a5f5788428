/** Members that the environment starts (VIEW, IPPORT, K), as real processes. @module */
import { idOf } from "../../src/cli/view_start.ts";
import { quartetCommand } from "../../scripts/supervisor/replica_process.ts";
import { eventually } from "./eventually.ts";
import { binaryUnderTest } from "./processes.ts";

/** Variables of a process. */
export type Env = Readonly<Record<string, string>>;

/** Longer than a start on a busy machine. */
export const WITHIN_MS = 20_000;

/** Members in a directory of their own, which is where they store. */
export class Members implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "quartet-test-" });
  readonly #children: Deno.ChildProcess[] = [];

  /** Starts one; what it says on stderr is in the end of `stop`. */
  start(env: Env, ...flags: string[]): Deno.ChildProcess {
    const [command, args] = quartetCommand(binaryUnderTest(), ["replica", ...flags]);
    const child = new Deno.Command(command, {
      args: [...args],
      cwd: this.directory,
      env: { NO_COLOR: "1", VIEW: "", IPPORT: "", PORT: "", K: "", ...env },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#children.push(child);
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) await stop(child);
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** SIGTERM, and how it ended. */
export async function stop(
  child: Deno.ChildProcess,
): Promise<{ readonly code: number; readonly stderr: string }> {
  try {
    child.kill("SIGTERM");
  } catch {
    // It has ended already.
  }
  const { code } = await child.status;
  const stderr = child.stderr.locked ? "" : await new Response(child.stderr).text();
  return { code, stderr };
}

/** What was answered. */
// deno-lint-ignore no-explicit-any -- Why: tests look into answers of every form.
export type Json = any;

/** One request over HTTP, and its answer. */
export async function ask(
  member: string,
  method: string,
  path: string,
  form?: Env,
): Promise<{ status: number; json: Json }> {
  const response = await fetch(`http://${member}${path}`, {
    method,
    ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
  });
  return { status: response.status, json: await response.json() };
}

/** Resolves when all see each other, so that what one is told reaches the others. */
export async function met(members: readonly string[]): Promise<void> {
  for (const member of members) {
    await eventually(
      async () =>
        (await ask(member, "GET", "/readyz")).status === 200 &&
        (await ask(member, "GET", "/peers/healthcheck")).status === 200,
      { withinMs: WITHIN_MS, what: `${member} is ready and hears all others` },
    );
  }
}

/** Addresses of a host that no other test uses. */
export function pickView(count: number): string[] {
  const [a, b] = crypto.getRandomValues(new Uint8Array(2));
  const host = Deno.build.os === "linux" ? `127.${1 + a! % 254}.${b}.7` : "127.0.0.1";
  return Array.from({ length: count }, (_, index) => `${host}:${8081 + index}`);
}

/** The id of the member at an address. */
export function idOfAddress(address: string): string {
  const [host = "", port = ""] = address.split(":");
  return idOf({ host, port: Number(port) });
}
