/** What numbers were measured on: versions, processor, and how long the disk takes for the smallest durable write. @module */
import { join } from "@std/path";
import { ROOT } from "../repository.ts";
import { medianOf } from "./median.ts";

/** The machine and the code under test. */
export interface Machine {
  readonly kernel: string;
  readonly deno: string;
  /** Version of the peer; absent where none was measured. */
  readonly peer?: string;
  /** Short name of the commit; with `+` behind it when files differ from it. */
  readonly commit: string;
  readonly cpu: string;
  readonly cpuCount: number;
  readonly fdatasyncUs: number;
  /** Processes that wanted a processor in the last minute; above 0 the machine is not ours alone. */
  readonly loadAverage: number;
}

const WRITE_BYTES = 512;
const FILE_BYTES = 4 * 1024 * 1024;
const SYNC_COUNT = 300;

/** Looks at the machine; the disk is the one of `directory`. */
export async function describeMachine(directory: string, peer?: string): Promise<Machine> {
  const loadAverage = Deno.loadavg()[0]!;
  return {
    kernel: `${Deno.build.os} ${Deno.osRelease()} ${Deno.build.arch}`,
    deno: Deno.version.deno,
    ...(peer === undefined ? {} : { peer }),
    commit: await commitName(),
    cpu: cpuModel(),
    cpuCount: navigator.hardwareConcurrency,
    fdatasyncUs: await fdatasyncUs(directory),
    loadAverage,
  };
}

/** Median time of a write of 512 bytes into a file that was filled beforehand, with its fdatasync. */
async function fdatasyncUs(directory: string): Promise<number> {
  const path = join(directory, "fdatasync");
  const file = await Deno.open(path, { read: true, write: true, create: true });
  try {
    file.writeSync(new Uint8Array(FILE_BYTES));
    await file.sync();
    file.seekSync(0, Deno.SeekMode.Start);
    const bytes = new Uint8Array(WRITE_BYTES).fill(1);
    const durationsUs: number[] = [];
    for (let i = 0; i < SYNC_COUNT; i++) {
      const beganMs = performance.now();
      file.writeSync(bytes);
      file.syncDataSync();
      durationsUs.push((performance.now() - beganMs) * 1000);
    }
    return Math.round(medianOf(durationsUs));
  } finally {
    file.close();
    await Deno.remove(path);
  }
}

/** The name of the processor. */
export function cpuModel(): string {
  try {
    return /^model name\s*:\s*(.+)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? Deno.build.arch;
  } catch {
    // No /proc on this system: the architecture is all that is known.
    return Deno.build.arch;
  }
}

/** Short name of the commit; with `+` behind it when versioned files, but those of `except`, differ from it. */
export async function commitName(except: readonly string[] = []): Promise<string> {
  const git = async (...args: string[]): Promise<string | undefined> => {
    try {
      const { success, stdout } = await new Deno.Command("git", { args, cwd: ROOT, stderr: "null" }).output();
      return success ? new TextDecoder().decode(stdout).trim() : undefined;
    } catch (error) {
      // A machine without git can measure as well.
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  };
  const commit = await git("rev-parse", "--short", "HEAD");
  if (commit === undefined) return "unknown";
  const paths = ["--", ROOT, ...except.map((path) => `:(exclude)${path}`)];
  return await git("status", "--porcelain", "--untracked-files=no", ...paths) === "" ? commit : `${commit}+`;
}
