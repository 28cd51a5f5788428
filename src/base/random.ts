/** Seeded pseudo-random numbers (sfc32): the only chance that logic and simulator know. @module */
import { TraceHash } from "./hash.ts";

/** A stream of numbers that one seed determines. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `seed` is any safe integer. */
  constructor(seed: number) {
    this.#a = seed >>> 0;
    this.#b = Math.floor(seed / 0x1_0000_0000) >>> 0;
    this.#c = 0x9e3779b9;
    for (let i = 0; i < 15; i++) this.uint32();
  }

  /**
   * The stream of one thing of a run. Why by name: whoever else draws, more often or no longer, moves nothing here. Those who
   * fork from one stream move each other.
   */
  static of(seed: number, name: string): Random {
    const hash = new TraceHash();
    hash.add(`${seed} ${name}`);
    const hex = hash.hex();
    return new Random(
      Number.parseInt(hex.slice(0, 8), 16) * 0x20_0000 + (Number.parseInt(hex.slice(8), 16) >>> 11),
    );
  }

  /** 0 to 2^32 − 1. */
  uint32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** An integer in [0, `end`). Requires: 0 < end ≤ 2^32. */
  below(end: number): number {
    return Math.floor((this.uint32() / 0x1_0000_0000) * end);
  }

  /** An integer in [first, last]. */
  between(first: number, last: number): number {
    return first + this.below(last - first + 1);
  }

  /** True with a probability of `perMille` in 1000. */
  chance(perMille: number): boolean {
    return this.below(1000) < perMille;
  }

  /** One element. Requires: a non-empty list. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** The same elements in a drawn order. */
  shuffle<T>(list: readonly T[]): T[] {
    const result = [...list];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [result[i], result[j]] = [result[j]!, result[i]!];
    }
    return result;
  }

  /** A stream of its own, so that draws in one place do not move draws in another. */
  fork(): Random {
    return new Random(this.uint32() * 0x20_0000 + (this.uint32() >>> 11));
  }
}
