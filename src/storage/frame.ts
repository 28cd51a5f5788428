/**
 * Frames: what is written, checked and replayed as one, in log segments and in checkpoints. FORMAT.md draws the bytes.
 * Knows neither files nor what a write means. Wire format: only append.
 * @module
 */
import { assert } from "../base/assert.ts";
import { type ByteString, byteString } from "../base/bytes.ts";
import { crc32 } from "../base/crc32.ts";

/** Bytes before the writes of a frame; also the size of a frame without writes. */
export const FRAME_HEADER_BYTES = 32;

/** Frames begin at multiples of this, so that a search for the next good one has few places to try. */
export const FRAME_ALIGNMENT_BYTES = 8;

/** Bytes of a write beside its key and value. */
const WRITE_HEADER_BYTES = 6;
const KEY_BYTES_MAX = 0xffff;
const WORD = 0x1_0000_0000;

/** What a frame says about itself. */
export interface FrameHeader {
  /** Number of the file that it was written for; a frame found in another file is a leftover. */
  readonly segment: number;
  readonly sequence: number;
  /** Every frame up to this sequence was on the disk before this one was written. */
  readonly syncedUntil: number;
}

/** A frame whose checksum is right. */
export interface Frame extends FrameHeader {
  /** Bytes of the whole frame, padding included. */
  readonly length: number;
  readonly writeCount: number;
}

/** Bytes of a frame whose writes take `writesBytes`. */
export function frameBytes(writesBytes: number): number {
  const bytes = FRAME_HEADER_BYTES + writesBytes;
  return bytes + (FRAME_ALIGNMENT_BYTES - bytes % FRAME_ALIGNMENT_BYTES) % FRAME_ALIGNMENT_BYTES;
}

/** Bytes that a write takes in a frame. */
export function writeBytes(key: ByteString, value: Uint8Array): number {
  return WRITE_HEADER_BYTES + key.length + value.length;
}

/** Builds frames one after the other in a buffer that is used again. */
export class FrameEncoder {
  #bytes = new Uint8Array(16 * 1024);
  #view = new DataView(this.#bytes.buffer);
  #end = FRAME_HEADER_BYTES;
  #writeCount = 0;

  /** Bytes that the frame begun would take now. */
  get length(): number {
    return frameBytes(this.#end - FRAME_HEADER_BYTES);
  }

  /** Forgets the last frame and begins an empty one. */
  begin(): void {
    this.#end = FRAME_HEADER_BYTES;
    this.#writeCount = 0;
  }

  /** Adds one write. */
  add(key: ByteString, value: Uint8Array): void {
    assert(key.length <= KEY_BYTES_MAX, () => `key of ${key.length} bytes; at most ${KEY_BYTES_MAX}`);
    let at = this.#end;
    const end = at + writeBytes(key, value);
    this.#reserve(end + FRAME_ALIGNMENT_BYTES);
    this.#view.setUint16(at, key.length);
    this.#view.setUint32(at + 2, value.length);
    at += WRITE_HEADER_BYTES;
    const bytes = this.#bytes;
    for (let i = 0; i < key.length; i++) bytes[at + i] = key.charCodeAt(i);
    bytes.set(value, at + key.length);
    this.#end = end;
    this.#writeCount++;
  }

  /** The finished frame; its bytes stay valid until the next `begin`. */
  finish({ segment, sequence, syncedUntil }: FrameHeader): Uint8Array {
    assert(segment > 0 && segment < WORD, () => `segment number ${segment}`);
    assert(syncedUntil >= 0 && sequence > 0, () => `sequence ${sequence}, synced until ${syncedUntil}`);
    const length = this.length;
    this.#bytes.fill(0, this.#end, length);
    const view = this.#view;
    view.setUint32(4, length);
    view.setUint32(8, segment);
    view.setUint32(12, this.#writeCount);
    putUint64(view, 16, sequence);
    putUint64(view, 24, syncedUntil);
    view.setUint32(0, crc32(this.#bytes.subarray(4, length)));
    return this.#bytes.subarray(0, length);
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(bytes, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

const OF_THIS = { ofAnySegment: false, isTrusted: false };

/** A file held in memory, seen as a place where frames may stand. */
export class FrameReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #segment: number;

  /** `segment` is the number of the file: frames of other files do not count. */
  constructor(bytes: Uint8Array, segment: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#segment = segment;
  }

  /**
   * The good frame at `offset`, if there is one. `ofAnySegment` is for the planted bug `replay_recycled`, `isTrusted`,
   * which does not look at the checksum, for `trust_torn_frames`.
   */
  at(
    offset: number,
    { ofAnySegment = false, isTrusted = false }: {
      readonly ofAnySegment?: boolean;
      readonly isTrusted?: boolean;
    } = OF_THIS,
  ): Frame | undefined {
    const view = this.#view;
    if (offset + FRAME_HEADER_BYTES > view.byteLength) return undefined;
    if (view.getUint32(offset + 8) !== this.#segment && !ofAnySegment) return undefined;
    const length = view.getUint32(offset + 4);
    if (
      length < FRAME_HEADER_BYTES || length % FRAME_ALIGNMENT_BYTES !== 0 ||
      length > view.byteLength - offset
    ) return undefined;
    const checksum = crc32(this.#bytes.subarray(offset + 4, offset + length));
    if (checksum !== view.getUint32(offset) && !isTrusted) return undefined;
    return {
      length,
      segment: this.#segment,
      writeCount: view.getUint32(offset + 12),
      sequence: getUint64(view, offset + 16),
      syncedUntil: getUint64(view, offset + 24),
    };
  }

  /** Every good frame from `offset` on, whatever stands between them. */
  *search(offset: number): Generator<Frame> {
    for (const { frame } of this.places(offset)) yield frame;
  }

  /** The same, each with its offset. */
  *places(offset: number): Generator<{ readonly at: number; readonly frame: Frame }> {
    let at = offset + (FRAME_ALIGNMENT_BYTES - offset % FRAME_ALIGNMENT_BYTES) % FRAME_ALIGNMENT_BYTES;
    while (at + FRAME_HEADER_BYTES <= this.#view.byteLength) {
      const frame = this.at(at);
      if (frame) yield { at, frame };
      at += frame ? frame.length : FRAME_ALIGNMENT_BYTES;
    }
  }

  /** Gives each write of the good frame at `offset` to `onWrite`. The values are copies. */
  eachWrite(
    offset: number,
    { length, writeCount }: Frame,
    onWrite: (key: ByteString, value: Uint8Array<ArrayBuffer>) => void,
  ): void {
    let at = offset + FRAME_HEADER_BYTES;
    for (let i = 0; i < writeCount; i++) {
      const keyEnd = at + WRITE_HEADER_BYTES + this.#view.getUint16(at);
      const valueEnd = keyEnd + this.#view.getUint32(at + 2);
      assert(valueEnd <= offset + length, "a frame with a right checksum ends inside a write");
      const key = byteString(this.#bytes.subarray(at + WRITE_HEADER_BYTES, keyEnd));
      // Why: a view would keep the whole file in memory for the sake of one value.
      onWrite(key, new Uint8Array(this.#bytes.subarray(keyEnd, valueEnd)));
      at = valueEnd;
    }
  }

  /**
   * Whether a frame with this sequence was begun at `offset`, though it is no good one. Two fields must agree: one may
   * be spoilt by a flipped bit, and a leftover of a recycled segment may have one by chance.
   */
  looksBegun(offset: number, sequence: number): boolean {
    const view = this.#view;
    const left = view.byteLength - offset;
    let count = 0;
    if (left >= 12 && view.getUint32(offset + 8) === this.#segment) count++;
    if (left >= 24 && getUint64(view, offset + 16) === sequence) count++;
    if (left >= 32 && getUint64(view, offset + 24) === sequence - 1) count++;
    return count >= 2;
  }

  /** What is wrong at `offset`, for a person. */
  describe(offset: number, sequence: number): { readonly expected: string; readonly found: string } {
    const view = this.#view;
    const expected = `frame ${sequence} of segment ${this.#segment}`;
    const left = view.byteLength - offset;
    if (left < FRAME_HEADER_BYTES) {
      return { expected, found: `${Math.max(left, 0)} bytes to the end of the file` };
    }
    const good = this.at(offset);
    if (good) return { expected, found: `frame ${good.sequence}` };
    const length = view.getUint32(offset + 4);
    if (view.getUint32(offset + 8) !== this.#segment) {
      return { expected, found: `segment number ${view.getUint32(offset + 8)}` };
    }
    if (length < FRAME_HEADER_BYTES || length > left || length % FRAME_ALIGNMENT_BYTES !== 0) {
      return { expected, found: `length ${length}` };
    }
    const checksum = crc32(this.#bytes.subarray(offset + 4, offset + length));
    return {
      expected: `${expected} with checksum ${hex(checksum)}`,
      found: `checksum ${hex(view.getUint32(offset))}`,
    };
  }
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function putUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / WORD));
  view.setUint32(at + 4, value % WORD);
}

function getUint64(view: DataView, at: number): number {
  return view.getUint32(at) * WORD + view.getUint32(at + 4);
}
