/**
 * Newline-delimited JSON, the line part: bytes in any pieces become whole lines. Knows nothing of what lines mean.
 * @module
 */
import { decodeText } from "../base/bytes.ts";

/** A line without its end, or null where its bytes are not UTF-8. */
export type Line = string | null;

/** What one piece of input completed. */
export interface SplitLines {
  /** Complete lines, in order; empty ones are left out. */
  readonly lines: readonly Line[];
  /** The line after these exceeds the limit: nothing more can be read from this input. */
  readonly isTooLong: boolean;
}

const NEWLINE = 10;
const PARTIAL_BYTES_MIN = 1024;
/** A grown buffer beyond this size is given back once its line is complete. */
const PARTIAL_BYTES_KEPT = 64 * 1024;
const NOTHING = new Uint8Array(0);

/** Cuts a stream of bytes into lines. Each byte is looked at once, however long a line grows. */
export class LineSplitter {
  #lineBytesMax: number;
  /** Invariant: the first `#partialBytes` bytes of `#partial` are the begun line; at most `#lineBytesMax`. */
  #partial: Uint8Array = NOTHING;
  #partialBytes = 0;
  #isTooLong = false;

  /** `lineBytesMax` bounds one line, its end not counted. */
  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** Changes the limit for what comes from now on, and for the line begun. */
  limit(lineBytesMax: number): void {
    this.#lineBytesMax = lineBytesMax;
  }

  /** Bytes of the line that has begun and not ended. */
  get begunBytes(): number {
    return this.#partialBytes;
  }

  /** Memory kept for it. */
  get heldBytes(): number {
    return this.#partial.length;
  }

  /** Forgets what was begun. */
  drop(): void {
    this.#partial = NOTHING;
    this.#partialBytes = 0;
  }

  /** Takes the next bytes of the stream. `chunk` may be reused afterwards. */
  feed(chunk: Uint8Array): SplitLines {
    if (this.#isTooLong) return { lines: [], isTooLong: true };
    const lines: Line[] = [];
    let begin = 0;
    if (this.#partialBytes > 0) {
      const end = chunk.indexOf(NEWLINE);
      if (!this.#append(chunk.subarray(0, end < 0 ? chunk.length : end))) return this.#tooLong(lines);
      if (end < 0) return { lines, isTooLong: false };
      this.#takePartial(lines);
      begin = end + 1;
    }
    const last = chunk.lastIndexOf(NEWLINE);
    if (last >= begin) {
      const wholeEnd = this.#firstTooLong(chunk, begin, last + 1);
      if (wholeEnd > begin) this.#decode(chunk.subarray(begin, wholeEnd), lines);
      if (wholeEnd <= last) return this.#tooLong(lines);
      begin = last + 1;
    }
    if (!this.#append(chunk.subarray(begin))) return this.#tooLong(lines);
    return { lines, isTooLong: false };
  }

  /** Ends the stream: what was begun counts as a line, since a person may forget the last line's end. */
  end(): readonly Line[] {
    const lines: Line[] = [];
    if (this.#partialBytes > 0) this.#takePartial(lines);
    return lines;
  }

  #tooLong(lines: readonly Line[]): SplitLines {
    this.#isTooLong = true;
    this.drop();
    return { lines, isTooLong: true };
  }

  /** Where the first over-long line in [begin, end) begins; `end` if there is none. Requires: a newline before `end`. */
  #firstTooLong(chunk: Uint8Array, begin: number, end: number): number {
    if (end - begin <= this.#lineBytesMax) return end;
    let at = begin;
    while (at < end) {
      const newline = chunk.indexOf(NEWLINE, at);
      if (newline - at > this.#lineBytesMax) return at;
      at = newline + 1;
    }
    return end;
  }

  #append(bytes: Uint8Array): boolean {
    const size = this.#partialBytes + bytes.length;
    if (size > this.#lineBytesMax) return false;
    if (size > this.#partial.length) {
      // Why: doubling, so that a long line in small pieces is copied a constant number of times.
      const grown = new Uint8Array(Math.max(PARTIAL_BYTES_MIN, size, 2 * this.#partial.length));
      grown.set(this.#partial.subarray(0, this.#partialBytes));
      this.#partial = grown;
    }
    this.#partial.set(bytes, this.#partialBytes);
    this.#partialBytes = size;
    return true;
  }

  #takePartial(lines: Line[]): void {
    this.#decode(this.#partial.subarray(0, this.#partialBytes), lines);
    this.#partialBytes = 0;
    if (this.#partial.length > PARTIAL_BYTES_KEPT) this.#partial = NOTHING;
  }

  /** All lines of `bytes` in one decoding; one by one only where some byte is bad. */
  #decode(bytes: Uint8Array, lines: Line[]): void {
    const text = decodeUtf8(bytes);
    if (text !== null) {
      for (const line of text.split("\n")) {
        const trimmed = line.endsWith("\r") ? line.slice(0, -1) : line;
        if (trimmed !== "") lines.push(trimmed);
      }
      return;
    }
    if (!bytes.includes(NEWLINE)) {
      lines.push(null);
      return;
    }
    let begin = 0;
    while (begin < bytes.length) {
      const newline = bytes.indexOf(NEWLINE, begin);
      const end = newline < 0 ? bytes.length : newline;
      this.#decode(bytes.subarray(begin, end), lines);
      begin = end + 1;
    }
  }
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return decodeText(bytes);
  } catch {
    // It has one way to fail: the bytes are not UTF-8.
    return null;
  }
}
