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
const CONTENT = new TextEncoder().encode("a few bytes, again and again\n");

/** Probes until its stdin ends. */
async function probe(path: string): Promise<void> {
  using file = await Deno.open(path, { create: true, write: true, mode: 0o600 });
  let isOver = false;
  void Array.fromAsync(Deno.stdin.readable).then(() => isOver = true);
  const sinceMs = Date.now();
  let worstMs = 0;
  while (!isOver) {
    const beganMs = Date.now();
    // In place, as replicas write their logs: a file that grows would wait for the file system's own journal too.
    file.seekSync(0, Deno.SeekMode.Start);
    file.writeSync(CONTENT);
    await file.syncData();
    const endedMs = Date.now();
    worstMs = Math.max(worstMs, endedMs - beganMs);
    if (endedMs - beganMs >= STALL_MS_MIN) print(JSON.stringify({ beganMs, endedMs } satisfies Span));
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  print(JSON.stringify({ watchedMs: Date.now() - sinceMs, worstMs } satisfies ProbeSummary));
  Deno.exit(0);
}

if (import.meta.main) await probe(Deno.args[0]!);
