/** Virtual time: things happen in the order of their times, and at one time in the order they were asked for. @module */
import { assert } from "../base/assert.ts";

/** Entries of what happens at once that are forgotten together. */
const SOON_MAX = 256;

interface Entry {
  readonly atMs: number;
  readonly sequence: number;
  readonly run: () => void;
}

/** A queue of happenings. Invariant: `#heap` is a binary heap by time, then sequence. */
export class EventQueue {
  #nowMs = 0;
  #sequence = 0;
  readonly #heap: Entry[] = [];
  /**
   * What was asked for at once, from `#soonBegin` on. Why beside the heap: it is every second happening, and as a list it
   * is in order by itself. Invariant: in the order of time, then sequence.
   */
  readonly #soon: Entry[] = [];
  #soonBegin = 0;

  /** Set by happenings that let promises go on: they must settle before the next happening. */
  needsSettling = false;

  /** Virtual milliseconds since the run began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Lets something happen `delayMs` from now. */
  after(delayMs: number, run: () => void): void {
    assert(delayMs >= 0, () => `an event ${delayMs} ms from now`);
    const entry = { atMs: this.#nowMs + delayMs, sequence: this.#sequence++, run };
    if (delayMs === 0) {
      this.#soon.push(entry);
      return;
    }
    this.#heap.push(entry);
    this.#rise(entry, this.#heap.length - 1);
  }

  /** Runs the next happening; false when there is none before `endMs`. */
  runNext(endMs: number): boolean {
    const first = this.#first();
    if (first === undefined || first.atMs > endMs) return false;
    if (first === this.#soon[this.#soonBegin]) this.#takeSoon();
    else this.#takeTop();
    this.#nowMs = first.atMs;
    first.run();
    return true;
  }

  /** Lets time pass in which nothing happens. Requires: nothing is to happen before then. */
  passTo(ms: number): void {
    assert(
      ms >= this.#nowMs && (this.#first()?.atMs ?? Infinity) >= ms,
      () => `time cannot pass to ${ms} ms`,
    );
    this.#nowMs = ms;
  }

  #first(): Entry | undefined {
    const soon = this.#soon[this.#soonBegin];
    const top = this.#heap[0];
    return soon === undefined || top !== undefined && isBefore(top, soon) ? top : soon;
  }

  #takeSoon(): void {
    this.#soonBegin++;
    // Why not as soon as it is empty: an emptied list gives back its memory, and the next entry asks for it again.
    if (this.#soonBegin < this.#soon.length || this.#soonBegin < SOON_MAX) return;
    this.#soon.length = 0;
    this.#soonBegin = 0;
  }

  #takeTop(): void {
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) this.#sink(last);
  }

  /** Puts an entry in place of the first. Why down to the end and up again: the last entry nearly always belongs there. */
  #sink(entry: Entry): void {
    const heap = this.#heap;
    let index = 0;
    for (let child = 1; child < heap.length; child = 2 * index + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      heap[index] = heap[child]!;
      index = child;
    }
    this.#rise(entry, index);
  }

  /** Puts an entry at a free place, or as far above it as it belongs. */
  #rise(entry: Entry, index: number): void {
    const heap = this.#heap;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs !== b.atMs ? a.atMs < b.atMs : a.sequence < b.sequence;
}
