/** How often processes ask the disk to sync, as strace sees it: whoever does not count, or counts wrongly, is counted so. @module */
import { UsageError } from "../../src/cli/arguments.ts";

const CALLS = "fsync,fdatasync,sync_file_range,msync";
/** The begin of a call; the second half of one that was interrupted says `resumed` in place of the bracket. */
const CALL = /^\d+ +(?:fsync|fdatasync|sync_file_range|msync)\(/gm;

/** Counts the syncs that these processes make while `work` goes on. Throws `UsageError` where strace is missing. */
export async function countSyncs(pids: readonly number[], work: () => Promise<void>): Promise<number> {
  const file = await Deno.makeTempFile({ prefix: "quartet-syncs-" });
  try {
    const child = spawnStrace([
      "-f",
      "-e",
      `trace=${CALLS}`,
      "-o",
      file,
      ...pids.flatMap((pid) => ["-p", `${pid}`]),
    ]);
    try {
      await untilAttached(child.stderr, pids.length);
      await work();
    } finally {
      endTrace(child);
      await child.status;
    }
    return (await Deno.readTextFile(file)).match(CALL)?.length ?? 0;
  } finally {
    await Deno.remove(file);
  }
}

function spawnStrace(args: readonly string[]): Deno.ChildProcess {
  try {
    return new Deno.Command("strace", { args: [...args], stdin: "null", stdout: "null", stderr: "piped" })
      .spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UsageError("--syncs: strace is not on PATH; on Debian: apt-get install strace");
  }
}

async function untilAttached(stderr: ReadableStream<Uint8Array>, count: number): Promise<void> {
  const reader = stderr.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; text.split("attached").length <= count;) {
    const { value, done } = await reader.read();
    if (done) throw new UsageError(`--syncs: strace may not follow processes here: ${text.trim()}`);
    text += value;
  }
  // What it says from here on (threads that come and go) is nobody's business.
  void (async () => {
    while (!(await reader.read()).done);
  })();
}

function endTrace(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGINT");
  } catch {
    // It has ended by itself, and `untilAttached` told why.
  }
}
