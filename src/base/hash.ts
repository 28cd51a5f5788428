/** A synchronous 64-bit hash for traces and digests (FNV-1a, two 32-bit lanes). Not for secrets. @module */

const PRIME = 0x01000193;

/** Folds text and numbers into a running hash; `hex` reads it. */
export class TraceHash {
  #low = 0x811c9dc5;
  #high = 0x9e3779b9;

  /** Adds a string's UTF-16 code units. */
  add(text: string): void {
    let low = this.#low;
    let high = this.#high;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      low = Math.imul(low ^ unit, PRIME);
      high = Math.imul(high ^ (unit + i), PRIME) ^ (low >>> 13);
    }
    this.#low = low;
    this.#high = high;
  }

  /** Adds an integer from 0 to 2^32 − 1. */
  addWord(word: number): void {
    this.#low = Math.imul(this.#low ^ word, PRIME);
    this.#high = Math.imul(this.#high ^ word, PRIME) ^ (this.#low >>> 13);
  }

  /** Sixteen hex digits of everything added so far. */
  hex(): string {
    return (this.#high >>> 0).toString(16).padStart(8, "0") + (this.#low >>> 0).toString(16).padStart(8, "0");
  }
}
