/**
 * What goes out on one connection: in pieces, so that whoever takes slowly and steadily can be told from whoever takes
 * nothing. Knows nothing of what it sends.
 * @module
 */
import type { Socket } from "node:net";

/** Given to the socket at a time: small enough that a slow line takes one well within the patience of the server. */
const PIECE_BYTES = 64 * 1024;

/** Bytes on their way out. */
export class Output {
  readonly #socket: Pick<Socket, "write">;
  readonly #nowMs: () => number;
  readonly #onTaken: () => void;
  /** Invariant: what the socket has not got yet, in order; the first of it from `#begin` on. */
  #queue: Uint8Array[] = [];
  #begin = 0;
  #isWriting = false;
  #bytes = 0;
  #takenMs: number;

  /** `onTaken`: something was taken. */
  constructor(socket: Pick<Socket, "write">, options: { nowMs(): number; onTaken(): void }) {
    this.#socket = socket;
    this.#nowMs = options.nowMs;
    this.#onTaken = options.onTaken;
    this.#takenMs = options.nowMs();
  }

  /** Bytes that the other side has not taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When the other side last took something, or we had nothing for it. */
  get takenMs(): number {
    return this.#takenMs;
  }

  /** Sends after everything before. The bytes are this output's from now on: a buffer of their own. */
  write(bytes: Uint8Array): void {
    if (this.#bytes === 0) this.#takenMs = this.#nowMs();
    this.#bytes += bytes.length;
    this.#queue.push(bytes);
    if (!this.#isWriting) this.#pump();
  }

  /** Forgets what was not sent. */
  clear(): void {
    this.#queue = [];
    this.#begin = this.#bytes = 0;
  }

  #pump(): void {
    const piece = this.#takePiece();
    this.#isWriting = true;
    this.#socket.write(piece, (error) => {
      this.#isWriting = false;
      if (error) {
        letGo(piece);
        // The socket tells its owner itself, who closes.
        return this.clear();
      }
      // Nothing is left of what was cleared.
      if (this.#bytes === 0) return;
      this.#bytes -= piece.length;
      this.#takenMs = this.#nowMs();
      if (this.#bytes > 0) this.#pump();
      this.#onTaken();
    });
  }

  /** As much as fits into a piece. Requires: something waits. */
  #takePiece(): Uint8Array {
    const first = this.#queue[0]!;
    if (first.length - this.#begin > PIECE_BYTES) {
      return first.slice(this.#begin, this.#begin += PIECE_BYTES);
    }
    if (this.#queue.length === 1) {
      const rest = this.#begin === 0 ? first : first.slice(this.#begin);
      this.#queue = [];
      this.#begin = 0;
      return rest;
    }
    const pieces: Uint8Array[] = [];
    let length = 0;
    let count = 0;
    for (const bytes of this.#queue) {
      const rest = count === 0 ? bytes.subarray(this.#begin) : bytes;
      if (length + rest.length > PIECE_BYTES) break;
      pieces.push(rest);
      length += rest.length;
      count++;
    }
    this.#queue.splice(0, count);
    this.#begin = 0;
    const joined = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    return joined;
  }
}

/**
 * Gives the memory of a piece back. Why: `node:net` of Deno 2.8.3 never forgets the bytes of a write that failed, and whoever asks
 * for large values and goes away would fill this process with them.
 */
function letGo(piece: Uint8Array): void {
  if (piece.buffer instanceof ArrayBuffer) piece.buffer.transfer(0);
}
