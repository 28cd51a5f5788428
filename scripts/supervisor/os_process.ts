/**
 * Processes of this machine by pid. A pid alone proves nothing, because the system gives it out again: a process is
 * its pid and the moment it started.
 * @module
 */

/** One process for all time. */
export interface OsProcess {
  readonly pid: number;
  /** When it started, in the words of the operating system; empty where the system does not tell. */
  readonly startMark: string;
}

const decoder = new TextDecoder();

/** The process that has this pid now; undefined when there is none, or only its exit code is left of it. */
export function findProcess(pid: number): OsProcess | undefined {
  if (Deno.build.os === "linux") {
    const fields = statFields(pid);
    // The state is field 3 of /proc/PID/stat, the start time field 22; what follows the name begins with field 3.
    const [state, startMark] = [fields?.[0], fields?.[19]];
    return startMark === undefined || state === "Z" || state === "X" ? undefined : { pid, startMark };
  }
  if (Deno.build.os === "windows") return undefined;
  const { success, stdout } = new Deno.Command("ps", {
    args: ["-o", "lstart=", "-p", String(pid)],
    stderr: "null",
  })
    .outputSync();
  const startMark = decoder.decode(stdout).trim();
  return success && startMark !== "" ? { pid, startMark } : undefined;
}

/** Whether this very process is still there, and not another with its pid. */
export function isRunning(process: OsProcess): boolean {
  return findProcess(process.pid)?.startMark === process.startMark;
}

/** Sends a signal to this very process; false when it is gone. */
export function signalProcess(process: OsProcess, signal: Deno.Signal): boolean {
  if (!isRunning(process)) return false;
  try {
    Deno.kill(process.pid, signal);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Asks a process to end, and after `patienceMs` makes it. Resolves when it is gone. */
export async function endProcess(process: OsProcess, patienceMs: number): Promise<"ended" | "killed"> {
  signalProcess(process, "SIGTERM");
  // Why: a stopped process hears SIGTERM only when it goes on.
  signalProcess(process, "SIGCONT");
  const deadline = performance.now() + patienceMs;
  let outcome: "ended" | "killed" = "ended";
  while (isRunning(process)) {
    if (performance.now() > deadline && outcome === "ended") {
      outcome = "killed";
      signalProcess(process, "SIGKILL");
    }
    await pause(20);
  }
  return outcome;
}

/** The command line of a process, word for word; empty when it cannot be read. */
export function commandLine(pid: number): string[] {
  try {
    // Why the trailing ones: a process that renames itself leaves what it does not need of its command line empty.
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).replace(/\0+$/, "").split("\0");
  } catch {
    // Gone, not ours, or no /proc on this system: nothing is known of it.
    return [];
  }
}

/** The pid of the process that started `pid`, on Linux. */
export function parentOf(pid: number): number | undefined {
  const parent = Number(statFields(pid)?.[1]);
  return parent > 0 ? parent : undefined;
}

/** Resolves after `durationMs`. */
export function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

function statFields(pid: number): string[] | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // Why the last bracket: the name of a process may hold brackets and spaces.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
