/** A body that comes in chunks (RFC 9112, 7.1), taken apart as its bytes arrive. Pure. @module */

/** What the bytes so far mean. */
export type ChunkedState = "open" | "ended" | "wrong" | "too_large";

/** A chunk's size and what may stand behind it; the fields after the last chunk. */
const LINE_BYTES_MAX = 1024;
const TRAILER_LINES_MAX = 16;
/** What stands behind the sizes of all chunks together: nobody reads it, and it must not outweigh what it frames. */
const EXTENSION_BYTES_MAX = 16 * 1024;
const CR = 13;
const LF = 10;

/** Takes the framing off. */
export class ChunkedBody {
  readonly #bytesMax: number;
  /** Grows by doubling. Why not a list of pieces: a piece of one byte costs a hundred. */
  #kept = new Uint8Array(0);
  #keptBytes = 0;
  #size = 0;
  #line = "";
  #isCr = false;
  /** Bytes of the chunk that have not come yet. */
  #left = 0;
  #expects: "size" | "data" | "data_end" | "trailer" = "size";
  #trailerCount = 0;
  #extensionBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that this makes us keep. */
  get heldBytes(): number {
    return this.#kept.length;
  }

  /** Takes bytes, and tells how many of them belong to the body. Requires: open. */
  feed(bytes: Uint8Array): { readonly state: ChunkedState; readonly used: number } {
    let at = 0;
    while (at < bytes.length) {
      if (this.#expects === "data") {
        const end = Math.min(bytes.length, at + this.#left);
        this.#keep(bytes.subarray(at, end));
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#expects = "data_end";
        continue;
      }
      const line = this.#lineWith(bytes[at++]!);
      if (line === null) return { state: "wrong", used: at };
      if (line === undefined) continue;
      const state = this.#onLine(line);
      if (state !== "open") return { state, used: at };
    }
    return { state: "open", used: at };
  }

  /** The body. Requires: ended. */
  get body(): Uint8Array {
    return this.#kept.subarray(0, this.#keptBytes);
  }

  #keep(piece: Uint8Array): void {
    const needed = this.#keptBytes + piece.length;
    if (needed > this.#kept.length) {
      const grown = new Uint8Array(Math.max(needed, Math.min(2 * this.#kept.length, this.#bytesMax)));
      grown.set(this.#kept.subarray(0, this.#keptBytes));
      this.#kept = grown;
    }
    this.#kept.set(piece, this.#keptBytes);
    this.#keptBytes = needed;
  }

  /** A line that this byte ends; undefined where it ends none, null where it must not stand here. */
  #lineWith(byte: number): string | undefined | null {
    if (this.#isCr) {
      if (byte !== LF) return null;
      const line = this.#line;
      this.#line = "";
      this.#isCr = false;
      return line;
    }
    if (byte === CR) this.#isCr = true;
    else if (byte < 0x20 || byte > 0x7e || this.#line.length >= LINE_BYTES_MAX) return null;
    else this.#line += String.fromCharCode(byte);
    return undefined;
  }

  #onLine(line: string): ChunkedState {
    switch (this.#expects) {
      case "size": {
        const size = /^([0-9A-Fa-f]{1,8})(?:;.*)?$/.exec(line)?.[1];
        if (size === undefined) return "wrong";
        this.#extensionBytes += line.length - size.length;
        if (this.#extensionBytes > EXTENSION_BYTES_MAX) return "wrong";
        this.#left = parseInt(size, 16);
        this.#size += this.#left;
        if (this.#size > this.#bytesMax) return "too_large";
        this.#expects = this.#left === 0 ? "trailer" : "data";
        return "open";
      }
      case "data_end":
        if (line !== "") return "wrong";
        this.#expects = "size";
        return "open";
      default:
        if (line === "") return "ended";
        return ++this.#trailerCount > TRAILER_LINES_MAX ? "wrong" : "open";
    }
  }
}
