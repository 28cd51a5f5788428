/** What this machine and this user can do, for tests that ask for more than a cluster: those they lack say why. @module */
import { runCommand } from "./processes.ts";
import { SmallDisk } from "./small_disk.ts";

/**
 * Name and `ignore` of a test that asks for more than there is, where `why` says what is missing. The runner shows nothing
 * but the name of a test that it ignores, so the reason stands in it.
 */
export function unless(
  why: string | undefined,
  name: string,
): { readonly name: string; readonly ignore: boolean } {
  return { name: why === undefined ? name : `${name} (ignored: ${why})`, ignore: why !== undefined };
}

/** Why a test of what only Linux has cannot run here; undefined: it can. */
export const WHY_NOT_LINUX: string | undefined = Deno.build.os === "linux" ? undefined : "only Linux has it";

/** Why a test that calls these programs cannot run here; undefined: it can. */
export async function whyNoProgram(...names: readonly string[]): Promise<string | undefined> {
  for (const name of names) if (!await hasProgram(name)) return `there is no ${name} here`;
  return undefined;
}

/** Whether a program is installed. */
export async function hasProgram(name: string): Promise<boolean> {
  return (await runCommand("sh", ["-c", `command -v ${name}`])).code === 0;
}

/** Why `strace` cannot follow another process here; undefined: it can. */
export async function whyNoStrace(): Promise<string | undefined> {
  if (!await hasProgram("strace")) return "there is no strace here";
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  try {
    const attach = ["strace", "-p", String(child.pid), "-o", "/dev/null"];
    const { stderr } = await runCommand("timeout", ["--signal=INT", "1", ...attach]);
    return stderr.includes("attached") ? undefined : "strace may not attach to processes here";
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}

/** Why no small file system can be mounted here; undefined: it can. */
export async function whyNoMount(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "tmpfs is Linux's";
  try {
    await using _disk = await SmallDisk.mount(64 * 1024);
    return undefined;
  } catch {
    return "only root may mount";
  }
}
