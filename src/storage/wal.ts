/**
 * The write-ahead log: pre-filled segments that frames are appended to. Knows which segment is written, which comes
 * next and which are old; not what frames mean, nor when they are due.
 *
 * ```
 * log-7 log-8     log-9        log-10              spare
 * └── old ──┘     └ current ┘  └ next, prepared ┘  └ was old, becomes the next but one ┘
 * ```
 * @module
 */
import { assert } from "../base/assert.ts";
import { mark } from "../base/mark.ts";
import { type Disk, type DiskFile, DiskFullError } from "../ports.ts";
import { FILE_HEADER_BYTES, fileHeader } from "./file_header.ts";
import { FRAME_HEADER_BYTES, frameBytes } from "./frame.ts";
import { writeAll, writeWhatFits } from "./transfer.ts";

/** A segment that no checkpoint needs any more, kept because filling a new one is slow. */
export const SPARE = "spare";
/** A segment that is being filled. */
export const UNFINISHED_SEGMENT = "segment.tmp";

const LOG_PREFIX = "log-";
const FILL_BYTES = 1024 * 1024;
/** What zeroing a frame's checksum and length takes: no frame has length 0. */
const NOTHING = new Uint8Array(8);

/** Name of a segment's file. */
export function logName(segment: number): string {
  return `${LOG_PREFIX}${segment}`;
}

/** The numbers in names that consist of `prefix` and a number, ascending. */
export function numbersNamed(names: readonly string[], prefix: string): number[] {
  const numbers: number[] = [];
  for (const name of names) {
    const digits = name.slice(prefix.length);
    if (name.startsWith(prefix) && /^[1-9][0-9]{0,9}$/.test(digits)) numbers.push(Number(digits));
  }
  return numbers.sort((a, b) => a - b);
}

/** The numbers of the segments among these files, ascending. */
export function logNumbers(names: readonly string[]): number[] {
  return numbersNamed(names, LOG_PREFIX);
}

/** The least size of a segment in which a frame with `writesBytes` of writes finds room. */
export function segmentBytesMin(writesBytes: number): number {
  return FILE_HEADER_BYTES + frameBytes(writesBytes) + FRAME_HEADER_BYTES;
}

/** Where the next frame goes. */
export interface Position {
  readonly segment: number;
  /** Sequence of the segment's first frame. */
  readonly firstSequence: number;
}

/** What became of a frame: `torn` is a beginning that was made worthless, and must be synced before it is refused. */
export type Appended = "written" | "refused" | "torn";

/** How a log is opened. */
export interface WalOptions {
  readonly disk: Disk;
  readonly segmentBytes: number;
  /** Number of the first segment to be made. Requires: no frame was ever written for it or for a greater one. */
  readonly firstSegment: number;
  /** Segments of the life before that are still there. */
  readonly oldSegments: readonly number[];
  readonly hasSpare: boolean;
}

/** The log of one running store. */
export class Wal {
  readonly #disk: Disk;
  readonly #segmentBytes: number;
  #nextNumber: number;
  /** Invariant: ascending, all below the current segment. */
  #old: number[];
  #hasSpare: boolean;
  #current: { readonly position: Position; readonly file: DiskFile; end: number } | undefined;
  #next: { readonly number: number; readonly file: DiskFile } | undefined;
  #preparing: Promise<void> | undefined;

  constructor({ disk, segmentBytes, firstSegment, oldSegments, hasSpare }: WalOptions) {
    this.#disk = disk;
    this.#segmentBytes = segmentBytes;
    this.#nextNumber = firstSegment;
    this.#old = [...oldSegments];
    this.#hasSpare = hasSpare;
  }

  /** Where the next frame goes; undefined until the first `roll`. */
  get position(): Position | undefined {
    return this.#current?.position;
  }

  /** Number of the segment that the next `roll` takes, where it is prepared. */
  get prepared(): number | undefined {
    return this.#next?.number;
  }

  /** Segments that wait for a checkpoint. */
  get oldCount(): number {
    return this.#old.length;
  }

  /** Bytes that a frame may take here; a frame without writes always finds room beyond them. */
  get roomBytes(): number {
    return this.#current ? this.#segmentBytes - FRAME_HEADER_BYTES - this.#current.end : 0;
  }

  /** Bytes that a frame may take in an empty segment. */
  get frameBytesMax(): number {
    return this.#segmentBytes - FRAME_HEADER_BYTES - FILE_HEADER_BYTES;
  }

  /** Whether it is time to prepare the next segment. */
  get isHalfFull(): boolean {
    return 2 * this.roomBytes < this.#segmentBytes;
  }

  /** Makes sure that the next segment is there, durably. Throws `DiskFullError`. */
  prepare(): Promise<void> {
    if (this.#next) return Promise.resolve();
    this.#preparing ??= this.#makeNext().finally(() => this.#preparing = undefined);
    return this.#preparing;
  }

  /** Goes on in the next segment. Requires: it is prepared, and everything appended is synced. */
  roll(firstSequence: number): void {
    assert(this.#next !== undefined, "rolled to a segment that is not prepared");
    if (this.#current) {
      this.#current.file.close();
      this.#old.push(this.#current.position.segment);
    }
    const { number, file } = this.#next;
    this.#current = { position: { segment: number, firstSequence }, file, end: FILE_HEADER_BYTES };
    this.#next = undefined;
  }

  /** Writes a frame at the end. One that the disk does not take leaves the end where it was. */
  append(frame: Uint8Array): Appended {
    const current = this.#current;
    assert(current !== undefined, "appended to a log without a segment");
    assert(current.end + frame.length <= this.#segmentBytes, () => `frame of ${frame.length} bytes`);
    const count = writeWhatFits(current.file, frame, current.end);
    if (count === frame.length) {
      current.end += frame.length;
      return "written";
    }
    if (count === 0) return "refused";
    mark("wal: beginning of a frame made worthless");
    // Why: what was not taken may by chance equal what stood there before, and then the frame would be a good one.
    if (writeWhatFits(current.file, NOTHING, current.end) < NOTHING.length) {
      throw new DiskFullError(
        `the disk took ${count} bytes of a frame, and then would not have them overwritten`,
      );
    }
    return "torn";
  }

  /** Resolves when every frame appended before is on the disk. A rejection means: stop. */
  sync(): Promise<void> {
    assert(this.#current !== undefined, "synced a log without a segment");
    return this.#current.file.sync();
  }

  /** Lets go of segments below `segment`: one becomes the spare. */
  async release(segment: number): Promise<void> {
    const free = this.#old.filter((old) => old < segment);
    this.#old = this.#old.filter((old) => old >= segment);
    for (const old of free) {
      if (this.#hasSpare) {
        mark("wal: old segment removed beside a spare");
        await this.#disk.remove(logName(old));
      } else {
        await this.#disk.rename(logName(old), SPARE);
        this.#hasSpare = true;
      }
    }
  }

  /** Gives the spare's room back to the disk. False when there is none. */
  async dropSpare(): Promise<boolean> {
    if (!this.#hasSpare) return false;
    this.#hasSpare = false;
    await this.#disk.remove(SPARE);
    return true;
  }

  /** Closes the files. A segment under preparation is waited for. */
  async close(): Promise<void> {
    try {
      await this.#preparing;
    } catch {
      // Whoever asked for the segment has heard of it.
    }
    this.#current?.file.close();
    this.#next?.file.close();
  }

  async #makeNext(): Promise<void> {
    const number = this.#nextNumber;
    const file = await this.#takeSpare(logName(number)) ?? await this.#fillNew(logName(number));
    await this.#disk.syncDirectory();
    this.#nextNumber = number + 1;
    this.#next = { number, file };
  }

  async #takeSpare(name: string): Promise<DiskFile | undefined> {
    if (!this.#hasSpare) return undefined;
    this.#hasSpare = false;
    const file = await this.#disk.open(SPARE);
    if (await file.size() !== this.#segmentBytes) {
      // `segment_bytes` was changed between two starts.
      mark("wal: spare of another size removed");
      file.close();
      await this.#disk.remove(SPARE);
      return undefined;
    }
    await this.#disk.rename(SPARE, name);
    return file;
  }

  async #fillNew(name: string): Promise<DiskFile> {
    const file = await this.#disk.open(UNFINISHED_SEGMENT);
    try {
      let bytes = new Uint8Array(Math.min(FILL_BYTES, this.#segmentBytes));
      bytes.set(fileHeader("QLOG"));
      for (let end = 0; end < this.#segmentBytes;) {
        bytes = bytes.subarray(0, Math.min(bytes.length, this.#segmentBytes - end));
        writeAll(file, bytes, end);
        end += bytes.length;
        // Why after each piece: the syncs of the log in use should not queue behind a whole segment.
        if (this.#current || end === this.#segmentBytes) await file.sync();
        bytes.fill(0, 0, FILE_HEADER_BYTES);
      }
    } catch (error) {
      file.close();
      if (error instanceof DiskFullError) {
        mark("wal: unfinished segment removed from a full disk");
        await this.#disk.remove(UNFINISHED_SEGMENT);
      }
      throw error;
    }
    await this.#disk.rename(UNFINISHED_SEGMENT, name);
    return file;
  }
}
