/** What each replica runs on, as a table: version, clock, memory, data, room on the disk. @module */
import type { Status } from "../protocol/reply.ts";
import type { StatusView } from "./cluster_view.ts";
import { printable } from "./output.ts";

/** A clock further off than this is worth a colour. */
const CLOCK_OFF_MS = 1000;

/** Where the clock stands in a row. */
export const CLOCK_COLUMN = 2;

/** Rows of the table, the head first. Empty where nobody answered. */
export function machineRows(views: readonly StatusView[]): string[][] {
  const statuses = views.flatMap(({ result }) => result.ok ? [result.value] : []);
  if (statuses.length === 0) return [];
  return [
    ["on", "version", "clock", "memory", "data", "disk free"],
    ...statuses.map((status) => [
      status.id,
      printable(status.version),
      clockText(clockLeadMs(status)),
      bytesText(status.machine?.memory_bytes),
      dataText(status),
      bytesText(status.machine?.disk_free_bytes),
    ]),
  ];
}

/** How far the replica's clock is ahead of those it sees; undefined where it sees none. */
export function clockLeadMs({ peers }: Status): number | undefined {
  const offsets = peers.flatMap(({ alive, clock_offset_ms }) =>
    alive && clock_offset_ms !== undefined ? [clock_offset_ms] : []
  );
  // Why not with a minus: nobody wants to read "-0".
  return offsets.length === 0 ? undefined : 0 - referenceClockMs(offsets);
}

/**
 * Which clock to go by, as its offset from our own: the median of ours and the others', the lower one of two in the
 * middle. Of two clocks nobody knows which is right: then it is the other one. Requires: an offset.
 *
 * Why with our own: of three clocks one of which is wrong, the other two would each see one right and one wrong, and call
 * themselves wrong.
 */
export function referenceClockMs(offsets: readonly number[]): number {
  if (offsets.length === 1) return offsets[0]!;
  const sorted = [0, ...offsets].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)]!;
}

/** `ok`, or how far ahead or behind. */
export function clockText(leadMs: number | undefined): string {
  if (leadMs === undefined) return "?";
  if (Math.abs(leadMs) < CLOCK_OFF_MS) return "ok";
  return `${spanText(Math.abs(leadMs))} ${leadMs > 0 ? "ahead" : "behind"}`;
}

/** `950 kB`, `16.8 MB`, `84.8 GB`; `?` for what is not known. */
export function bytesText(bytes: number | undefined): string {
  if (bytes === undefined) return "?";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let count = bytes;
  for (; count >= 999.5 && unit < units.length - 1; unit++) count /= 1000;
  return `${unit > 0 && count < 99.95 ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
}

/** `2.5 s`, `2 min 0 s`, `3 h 20 min`. */
export function spanText(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 60) return `${(durationMs / 1000).toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

function dataText({ machine }: Status): string {
  if (machine === undefined) return "?";
  return `${bytesText(machine.data_bytes)}, ${machine.segments} ${
    machine.segments === 1 ? "segment" : "segments"
  }`;
}
