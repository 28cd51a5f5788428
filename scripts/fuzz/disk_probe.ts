/**
 * The process that probes a disk. Its argument is a file of its own: every 100 ms it writes a few bytes there and syncs
 * them, until its stdin ends. Each stall is a line of JSON on stdout, a `Span`; the last line is a `ProbeSummary`.
 * @module
 */
import { print } from "../print.ts";
import { type DiskRecord, type Span, STALL_MS_MIN } from "./stalls.ts";

/** What it says at its end. */
export type ProbeSummary = Omit<DiskRecord, "stalls">;

const EVERY_MS = 100;
const TICK_MS = 20;
const CONTENT = new TextEncoder().encode("a few bytes, again and again\n");

/**
 * Counts for how long this process did not get to run. Why: on a machine without a processor to give a sync takes long too,
 * and that is not the disk's doing.
 */
class Ticker {
  lostMs = 0;
  #lastMs = performance.now();

  constructor() {
    setInterval(() => {
      const nowMs = performance.now();
      this.lostMs += Math.max(0, nowMs - this.#lastMs - TICK_MS);
      this.#lastMs = nowMs;
    }, TICK_MS);
  }
}

/** Probes until its stdin ends. */
async function probe(path: string): Promise<void> {
  using file = await Deno.open(path, { create: true, write: true, mode: 0o600 });
  let isOver = false;
  void Array.fromAsync(Deno.stdin.readable).then(() => isOver = true);
  const ticker = new Ticker();
  const sinceMs = Date.now();
  let worstMs = 0;
  while (!isOver) {
    const [beganMs, lostBeforeMs] = [Date.now(), ticker.lostMs];
    // In place, as replicas write their logs: a file that grows would wait for the file system's own journal too.
    await file.seek(0, Deno.SeekMode.Start);
    await file.write(CONTENT);
    await file.syncData();
    const endedMs = Date.now();
    // A tick that is due now is the last that may be late.
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    const waitedMs = Math.max(0, endedMs - beganMs - (ticker.lostMs - lostBeforeMs));
    worstMs = Math.max(worstMs, Math.round(waitedMs));
    if (waitedMs >= STALL_MS_MIN) print(JSON.stringify({ beganMs, endedMs } satisfies Span));
  }
  print(JSON.stringify({ watchedMs: Date.now() - sinceMs, worstMs } satisfies ProbeSummary));
  Deno.exit(0);
}

if (import.meta.main) await probe(Deno.args[0]!);
