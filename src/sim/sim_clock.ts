/** The clocks of one imagined machine: they run a little fast or slow, and somebody may set the wall clock. @module */
import type { Now } from "../ports.ts";

/** The wall clock at the beginning of every run. */
export const SIM_EPOCH_MS = 1_750_000_000_000;

/** One machine's clocks. */
export class SimClock {
  readonly #driftPpm: number;
  #skewMs: number;
  /** Invariant: the least and the greatest that the wall clock was off so far, at the times when it was looked at. */
  #leastMs: number;
  #greatestMs: number;

  constructor({ skewMs, driftPpm }: { readonly skewMs: number; readonly driftPpm: number }) {
    this.#driftPpm = driftPpm;
    this.#skewMs = skewMs;
    this.#leastMs = skewMs;
    this.#greatestMs = skewMs;
  }

  /** What the machine takes for the time, at a true time. */
  now(trueMs: number): Now {
    const passedMs = trueMs + trueMs * this.#driftPpm / 1_000_000;
    return { monotonicMs: passedMs, wallMs: Math.floor(SIM_EPOCH_MS + passedMs + this.#skewMs) };
  }

  /** Sets the wall clock, to so much ahead of true time. */
  set(trueMs: number, skewMs: number): void {
    this.#note(trueMs);
    this.#skewMs = skewMs - trueMs * this.#driftPpm / 1_000_000;
    this.#note(trueMs);
  }

  /** Between what bounds the wall clock was off, up to a true time. */
  bounds(trueMs: number): { readonly leastMs: number; readonly greatestMs: number } {
    this.#note(trueMs);
    return { leastMs: this.#leastMs, greatestMs: this.#greatestMs };
  }

  #note(trueMs: number): void {
    const offMs = this.#skewMs + trueMs * this.#driftPpm / 1_000_000;
    this.#leastMs = Math.min(this.#leastMs, offMs);
    this.#greatestMs = Math.max(this.#greatestMs, offMs);
  }
}
