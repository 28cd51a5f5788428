/** Bytes that have come in on one connection and are not used yet. Pure. @module */

const NOTHING = new Uint8Array(0);
const CR = 13;
const LF = 10;
const GROW_BYTES_MIN = 4 * 1024;

/** Grows at one end, is used up at the other. */
export class InputBuffer {
  #bytes: Uint8Array = NOTHING;
  #begin = 0;
  #end = 0;
  /** Up to here no end of a head was found. */
  #searched = 0;

  /** Bytes that wait. */
  get length(): number {
    return this.#end - this.#begin;
  }

  /** Bytes that this makes us keep. */
  get heldBytes(): number {
    return this.#bytes.length;
  }

  /** Adds a piece. It must not be changed afterwards. */
  push(piece: Uint8Array): void {
    if (this.length === 0) {
      // Why not copied: nearly every request comes whole, in one piece.
      this.#bytes = piece;
      this.#begin = this.#searched = 0;
      this.#end = piece.length;
      return;
    }
    const needed = this.length + piece.length;
    // A piece as it came is full, so that nothing is ever written into it.
    if (this.#begin + needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * needed, GROW_BYTES_MIN));
      grown.set(this.#bytes.subarray(this.#begin, this.#end));
      this.#searched -= this.#begin;
      this.#end -= this.#begin;
      this.#begin = 0;
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#end);
    this.#end += piece.length;
  }

  /** What waits. It is good until the next `push`. */
  peek(): Uint8Array {
    return this.#bytes.subarray(this.#begin, this.#end);
  }

  /** Takes so many bytes; they stay as they are. */
  take(count: number): Uint8Array {
    const taken = this.#bytes.subarray(this.#begin, this.#begin + count);
    this.#begin += count;
    this.#searched = this.#begin;
    if (this.#begin >= this.#end) this.clear();
    return taken;
  }

  /** Forgets everything. */
  clear(): void {
    this.#bytes = NOTHING;
    this.#begin = this.#end = this.#searched = 0;
  }

  /** Bytes of the head with which the input begins, without the empty line that ends it; undefined where it has not ended. */
  headLength(): number | undefined {
    const bytes = this.#bytes;
    const end = this.#end - 3;
    for (let i = this.#searched; i < end; i++) {
      if (bytes[i] === CR && bytes[i + 1] === LF && bytes[i + 2] === CR && bytes[i + 3] === LF) {
        return i - this.#begin;
      }
    }
    this.#searched = Math.max(this.#begin, end);
    return undefined;
  }
}
