/** Counts of one run of load: what succeeded between begin and end, how long it took, what failed. @module */
import { Histogram, type HistogramCounts } from "./histogram.ts";

/** What came of a run. Counts and times are of operations that succeeded. */
export interface LoadResult {
  readonly operationCount: number;
  readonly elapsedMs: number;
  readonly latency: HistogramCounts;
  readonly errorCount: number;
  readonly firstError?: string;
}

/** Operations of one process. */
export class Tally {
  readonly #latency = new Histogram();
  readonly #limit: number;
  #beganMs: number | undefined;
  #elapsedMs: number | undefined;
  #startedCount = 0;
  #errorCount = 0;
  #firstError: string | undefined;

  /** `limit`: how many operations may start. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get operationCount(): number {
    return this.#latency.count;
  }

  get hasBegun(): boolean {
    return this.#beganMs !== undefined;
  }

  /** The number, from 0, of one more operation that belongs to this run; undefined: no more do. */
  takeNext(): number | undefined {
    if (this.#elapsedMs !== undefined || this.#startedCount >= this.#limit) return undefined;
    return this.#startedCount++;
  }

  begin(): void {
    this.#beganMs = performance.now();
  }

  end(): void {
    this.#elapsedMs ??= performance.now() - this.#beganMs!;
  }

  onEnd(durationMs: number, error: string | undefined): void {
    // Why errors always count: a failure during the warm-up spoils the run as well.
    if (error !== undefined) {
      this.#errorCount++;
      this.#firstError ??= error;
    } else if (this.#beganMs !== undefined && this.#elapsedMs === undefined) {
      this.#latency.add(durationMs * 1000);
    }
  }

  /** Requires: ended. */
  result(): LoadResult {
    return {
      operationCount: this.#latency.count,
      elapsedMs: this.#elapsedMs!,
      latency: this.#latency.counts(),
      errorCount: this.#errorCount,
      ...(this.#firstError === undefined ? {} : { firstError: this.#firstError }),
    };
  }
}
