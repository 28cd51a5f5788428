/** What a process has used of the machine so far, as /proc tells it. Linux only. @module */

/** Length of one tick in /proc/PID/stat: USER_HZ is 100 on every Linux that Deno runs on. */
const TICK_US = 10_000;

/** CPU time and memory of one process. */
export interface ProcessUsage {
  /** User and system time of all threads since the start. */
  readonly cpuUs: number;
  readonly rssBytes: number;
}

/** What a process has used. Throws `Deno.errors.NotFound` when it is gone. */
export function usageOf(pid: number): ProcessUsage {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // Why the last bracket: the name of a process may hold brackets and spaces. User and system ticks are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
  return {
    cpuUs: (Number(fields[11]) + Number(fields[12])) * TICK_US,
    rssBytes: Number(kilobytes ?? 0) * 1024,
  };
}
