/** Stamps: a hybrid logical clock reading in one safe integer (Kulkarni et al., "Logical Physical Clocks", 2014). @module */

/** `wallMs * 2048 + logical`. Orders writes; equal stamps are told apart by origin. */
export type Stamp = number;

/** Logical steps within one millisecond. */
export const LOGICAL_STEPS = 2048;

/** The first stamp of a wall-clock millisecond. */
export function stampOf(wallMs: number): Stamp {
  return wallMs * LOGICAL_STEPS;
}

/** The wall-clock millisecond a stamp belongs to. */
export function wallMsOf(stamp: Stamp): number {
  return Math.floor(stamp / LOGICAL_STEPS);
}

/** Stamps from outside stay below this (the year 2105), so that a clock can always move past what it has seen. */
export const STAMP_MAX = Number.MAX_SAFE_INTEGER - 2 ** 48;

/** Whether a number from outside can be a stamp at all. */
export function isStamp(value: unknown): value is Stamp {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 && value < STAMP_MAX;
}
