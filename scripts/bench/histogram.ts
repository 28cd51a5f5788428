/** How long many operations took, in buckets that grow with the time: small, quick, and right to one part in 32. @module */

/** Buckets to each doubling of the time. */
const STEPS = 32;
const STEP_BITS = 5;
const BUCKET_COUNT = 27 * STEPS;
const MICROSECONDS_MAX = 2 ** 31 - 1;

/** A histogram as it travels between processes: index and count of each bucket that is not empty. */
export interface HistogramCounts {
  readonly buckets: readonly (readonly [index: number, count: number])[];
  readonly maxUs: number;
}

/** Times in microseconds. */
export class Histogram {
  readonly #buckets = new Float64Array(BUCKET_COUNT);
  #count = 0;
  #maxUs = 0;

  /** The histogram that `counts` was made from. */
  static from({ buckets, maxUs }: HistogramCounts): Histogram {
    const histogram = new Histogram();
    for (const [index, count] of buckets) {
      histogram.#buckets[index]! += count;
      histogram.#count += count;
    }
    histogram.#maxUs = maxUs;
    return histogram;
  }

  get count(): number {
    return this.#count;
  }

  get maxUs(): number {
    return this.#maxUs;
  }

  /** Adds one time. */
  add(durationUs: number): void {
    const us = Math.min(Math.max(Math.round(durationUs), 0), MICROSECONDS_MAX);
    this.#buckets[indexOf(us)]!++;
    this.#count++;
    if (us > this.#maxUs) this.#maxUs = us;
  }

  /** Adds all times of another. */
  merge(other: Histogram): void {
    for (let i = 0; i < BUCKET_COUNT; i++) this.#buckets[i]! += other.#buckets[i]!;
    this.#count += other.#count;
    this.#maxUs = Math.max(this.#maxUs, other.#maxUs);
  }

  /** The time that this share (0 to 1) of all operations did not exceed; 0 where there are none. */
  quantileUs(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let count = 0;
    for (let i = 0; i < BUCKET_COUNT; i++) {
      count += this.#buckets[i]!;
      if (count >= rank) return Math.min(lastOf(i), this.#maxUs);
    }
    return 0;
  }

  /** The form that travels. */
  counts(): HistogramCounts {
    const buckets: (readonly [number, number])[] = [];
    for (let i = 0; i < BUCKET_COUNT; i++) {
      if (this.#buckets[i]! > 0) buckets.push([i, this.#buckets[i]!]);
    }
    return { buckets, maxUs: this.#maxUs };
  }
}

/** Up to 2 × STEPS each microsecond has its own bucket; above, each doubling is cut into STEPS. */
function indexOf(us: number): number {
  const shift = Math.max(0, 31 - Math.clz32(us) - STEP_BITS);
  return shift * STEPS + (us >>> shift);
}

/** The greatest time that falls into a bucket. */
function lastOf(index: number): number {
  const shift = Math.max(0, (index >>> STEP_BITS) - 1);
  return (index - shift * STEPS + 1) * 2 ** shift - 1;
}
