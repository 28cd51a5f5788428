/**
 * Time as a place on the timeline.
 *
 * Why not a plain scale: requests take milliseconds and histories minutes. On a plain scale every bar would be a hair.
 * Here each stretch between two neighbouring instants gets a width by its length, but never so little that their order
 * cannot be seen, nor so much that nothing else fits. So the order is exact, and lengths are true within these bounds.
 * @module
 */

/** How wide a stretch between two neighbouring instants may be, in pixels. */
export interface StretchWidths {
  readonly first: number;
  /** What a stretch of median length gets. */
  readonly median: number;
  readonly last: number;
}

/** A stretch that is longer than it looks. */
export interface Gap {
  readonly x: number;
  readonly width: number;
  readonly lengthMs: number;
}

/** A mark on the axis. */
export interface Tick {
  readonly ms: number;
  readonly x: number;
}

/** Pixels between two ticks at least. */
const TICK_PX_MIN = 76;

/** Steps between ticks, the largest first: 1, 2 and 5 times powers of ten, from 10 million seconds to a microsecond. */
const TICK_STEPS_MS: readonly number[] = tickSteps();

/** Ticks between two others are at most so much less round, that 312 ms does not stand between 200 ms and 400 ms. */
const STEPS_MAX = 20;

/** From milliseconds to pixels, without ever going back. */
export class TimeAxis {
  readonly #instants: readonly number[];
  readonly #xs: readonly number[];
  readonly #gaps: readonly Gap[];

  /** An axis on which all these instants can be told apart. Those that are not finite are left out. */
  constructor(instants: readonly number[], widths: StretchWidths) {
    const sorted = [...new Set(instants.filter(Number.isFinite))].sort((a, b) => a - b);
    const lengths = sorted.slice(1).map((ms, index) => ms - sorted[index]!);
    const median = [...lengths].sort((a, b) => a - b)[Math.floor(lengths.length / 2)] ?? 1;
    const xs = [0];
    const gaps: Gap[] = [];
    for (const [index, lengthMs] of lengths.entries()) {
      const asked = lengthMs * widths.median / median;
      const width = Math.max(widths.first, Math.min(widths.last, asked));
      if (asked > 1.5 * widths.last) gaps.push({ x: xs[index]!, width, lengthMs });
      xs.push(xs[index]! + width);
    }
    this.#instants = sorted.length > 0 ? sorted : [0];
    this.#xs = xs;
    this.#gaps = gaps;
  }

  get firstMs(): number {
    return this.#instants[0]!;
  }

  get lastMs(): number {
    return this.#instants.at(-1)!;
  }

  get width(): number {
    return this.#xs.at(-1)!;
  }

  get gaps(): readonly Gap[] {
    return this.#gaps;
  }

  /** Where a time lies; times outside lie at the ends. */
  x(ms: number): number {
    if (ms <= this.firstMs) return 0;
    if (ms >= this.lastMs) return this.width;
    let low = 0;
    let high = this.#instants.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#instants[middle]! <= ms) low = middle;
      else high = middle;
    }
    const share = (ms - this.#instants[low]!) / (this.#instants[high]! - this.#instants[low]!);
    return this.#xs[low]! + share * (this.#xs[high]! - this.#xs[low]!);
  }

  /** Times that are round when counted from `originMs`, as round as there is room for, in order. */
  ticks(originMs = 0): readonly Tick[] {
    let ticks: Tick[] = [];
    const ends = [{ ms: this.firstMs, x: -TICK_PX_MIN }, {
      ms: this.lastMs,
      x: this.width + TICK_PX_MIN / 2,
    }];
    for (const stepMs of TICK_STEPS_MS) {
      const fixed = [ends[0]!, ...ticks, ends[1]!];
      const added = fixed.slice(1).flatMap((right, index) =>
        this.#ticksBetween(fixed[index]!, right, stepMs, originMs)
      );
      if (added.length > 0) ticks = [...ticks, ...added].sort((a, b) => a.x - b.x);
    }
    return ticks;
  }

  #ticksBetween(left: Tick, right: Tick, stepMs: number, originMs: number): Tick[] {
    if (right.x - left.x < 2 * TICK_PX_MIN || stepMs * STEPS_MAX < right.ms - left.ms) return [];
    const first = Math.ceil((left.ms - originMs) / stepMs);
    const last = Math.floor((right.ms - originMs) / stepMs);
    const ticks: Tick[] = [];
    let lastX = left.x;
    for (let multiple = first; multiple <= last; multiple++) {
      const ms = originMs + multiple * stepMs;
      const x = this.x(ms);
      if (x - lastX < TICK_PX_MIN || right.x - x < TICK_PX_MIN) continue;
      ticks.push({ ms, x });
      lastX = x;
    }
    return ticks;
  }
}

function tickSteps(): number[] {
  const steps: number[] = [];
  for (let power = 10_000_000_000; power >= 1; power /= 10) steps.push(5 * power, 2 * power, power);
  return [...steps, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
}
