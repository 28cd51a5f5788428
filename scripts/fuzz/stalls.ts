/**
 * When the disk stood still, and what that explains: a request that was too late because of it. Knows nothing of wrong
 * answers, deaths and hangs, which no disk explains. Pure; times are those of the machine's wall clock.
 * @module
 */

/** From one moment to another. */
export interface Span {
  readonly beganMs: number;
  readonly endedMs: number;
}

/** What the probe of the disk saw. */
export interface DiskRecord {
  readonly stalls: readonly Span[];
  /** For how long it looked. */
  readonly watchedMs: number;
  /** The slowest sync, stall or not. */
  readonly worstMs: number;
}

/** A polite request that was not done. */
export interface Undone extends Span {
  /** Whether a replica answered that it was not done in time; all else has nothing to do with the disk. */
  readonly isLate: boolean;
  readonly text: string;
}

/** A sync that takes so long is a stall. Requests have 2 s. */
export const STALL_MS_MIN = 250;

/** Share of the time: beyond it the disk says more about lateness than the replicas do. */
export const STALLED_SHARE_MAX = 0.01;

/** How much of a span the disk stood still. */
export function stalledMs({ beganMs, endedMs }: Span, stalls: readonly Span[]): number {
  return stalls.reduce(
    (sum, stall) => sum + Math.max(0, Math.min(endedMs, stall.endedMs) - Math.max(beganMs, stall.beganMs)),
    0,
  );
}

/** Whether the disk stood still for at least half of it. Why half: a stall of 0.3 s explains no wait of 2 s. */
export function isExplained(span: Span, stalls: readonly Span[]): boolean {
  return 2 * stalledMs(span, stalls) >= span.endedMs - span.beganMs;
}

/** Those that were late because the disk stood still. */
export function excusedOf(undone: readonly Undone[], stalls: readonly Span[]): readonly Undone[] {
  return undone.filter((request) => request.isLate && isExplained(request, stalls));
}

/** Share of the time for which the disk stood still. */
export function stalledShare({ stalls, watchedMs }: DiskRecord): number {
  return watchedMs === 0 ? 0 : lengthMs(stalls) / watchedMs;
}

/** All stalls together. */
export function lengthMs(stalls: readonly Span[]): number {
  return stalls.reduce((sum, { beganMs, endedMs }) => sum + endedMs - beganMs, 0);
}

/** The longest of them; 0 where there is none. */
export function longestMs(stalls: readonly Span[]): number {
  return stalls.reduce((longest, { beganMs, endedMs }) => Math.max(longest, endedMs - beganMs), 0);
}
