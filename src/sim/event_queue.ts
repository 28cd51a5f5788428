/** Virtual time: things happen in the order of their times, and at one time in the order they were asked for. @module */
import { assert } from "../base/assert.ts";

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

  /** Set by happenings that let promises go on: they must settle before the next happening. */
  needsSettling = false;

  /** Virtual milliseconds since the run began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Lets something happen `delayMs` from now. */
  after(delayMs: number, run: () => void): void {
    assert(delayMs >= 0, () => `an event ${delayMs} ms from now`);
    const heap = this.#heap;
    const entry = { atMs: this.#nowMs + delayMs, sequence: this.#sequence++, run };
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
  }

  /** Runs the next happening; false when there is none before `endMs`. */
  runNext(endMs: number): boolean {
    const first = this.#heap[0];
    if (first === undefined || first.atMs > endMs) return false;
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) this.#sink(last);
    this.#nowMs = first.atMs;
    first.run();
    return true;
  }

  /** Lets time pass in which nothing happens. Requires: nothing is to happen before then. */
  passTo(ms: number): void {
    assert(
      ms >= this.#nowMs && (this.#heap[0]?.atMs ?? Infinity) >= ms,
      () => `time cannot pass to ${ms} ms`,
    );
    this.#nowMs = ms;
  }

  #sink(entry: Entry): void {
    const heap = this.#heap;
    let index = 0;
    while (true) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, entry)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = entry;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs !== b.atMs ? a.atMs < b.atMs : a.sequence < b.sequence;
}
