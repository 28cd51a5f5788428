/** Imagined time for tests of one part: runs what was asked for in order, and lets promises settle in between. @module */
import { setImmediate } from "node:timers";
import { EventQueue } from "../../src/sim/event_queue.ts";

/** A queue of happenings, and the waiting for it. */
export class VirtualTime {
  readonly #queue = new EventQueue();

  /** Imagined milliseconds since the beginning. */
  get nowMs(): number {
    return this.#queue.nowMs;
  }

  /** Lets something happen `delayMs` from now. */
  after(delayMs: number, run: () => void): void {
    this.#queue.after(delayMs, run);
  }

  /** Runs at most `countMax` happenings; returns how many there were. */
  async run(countMax = Infinity): Promise<number> {
    await settle();
    let count = 0;
    while (count < countMax && this.#queue.runNext(Infinity)) {
      count++;
      await settle();
    }
    return count;
  }

  /** Runs until the promise is settled, and gives what it holds. Throws when nothing is left that could settle it. */
  async finish<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const mark = (): void => {
      isSettled = true;
    };
    promise.then(mark, mark);
    await settle();
    while (!isSettled) {
      if (!this.#queue.runNext(Infinity)) {
        throw new Error("nothing is left to happen, and the promise is pending");
      }
      await settle();
    }
    return await promise;
  }
}

/** Resolves when all promises have settled that can. Why not a `MessageChannel`: its turns come after three microtasks. */
function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(() => resolve()));
}
