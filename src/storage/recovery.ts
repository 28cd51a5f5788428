/**
 * Recovery: from the files of a directory to what the store held. Decides what is a torn tail, to be cut, and what is
 * corruption (HAZARD H3). Only reads; making the result durable again is the engine's business (HAZARD H5).
 * @module
 */
import { assert } from "../base/assert.ts";
import { NO_BUGS, type PlantedBug } from "../base/planted_bug.ts";
import type { ByteString } from "../base/bytes.ts";
import { mark } from "../base/mark.ts";
import type { Derivation, Disk, Log, Merge } from "../ports.ts";
import { checkpointName, checkpointNumbers, readCheckpoint } from "./checkpoint.ts";
import { CorruptionError } from "./corruption.ts";
import { checkFileHeader, FILE_HEADER_BYTES } from "./file_header.ts";
import { type Frame, FRAME_ALIGNMENT_BYTES, FrameReader } from "./frame.ts";
import { MANIFEST, type Manifest, readManifest } from "./manifest.ts";
import { Memtable } from "./memtable.ts";
import { readAll } from "./transfer.ts";
import { logName, logNumbers } from "./wal.ts";

/** Numbers of segments and checkpoints stay below this: far from what a frame's four bytes can hold. */
const NUMBER_END = 4_000_000_000;

/** What recovery found. */
export interface Recovered {
  readonly memtable: Memtable;
  /** Sequence for the next frame. */
  readonly sequence: number;
  /** The checkpoint that was read; undefined in a new directory. */
  readonly checkpoint: number | undefined;
  /** Segments that the manifest names or that hold frames; all these are in `memtable`. */
  readonly segments: readonly number[];
  /** Greater than the number of any segment or checkpoint that was ever in use. */
  readonly nextSegment: number;
  readonly nextCheckpoint: number;
}

/** How recovery is run. */
export interface RecoveryOptions {
  readonly disk: Disk;
  readonly merge: Merge;
  readonly derive?: Derivation | undefined;
  readonly log: Log;
  readonly bugs?: ReadonlySet<PlantedBug>;
}

/** Reads a directory. Throws `CorruptionError`. */
export async function recover(
  { disk, merge, derive, log, bugs = NO_BUGS }: RecoveryOptions,
): Promise<Recovered> {
  const names = await disk.list();
  refuseGreatNumbers(names);
  const checkpoints = checkpointNumbers(names);
  const manifest = await readManifest(disk, names);
  const memtable = new Memtable();
  const segments = logNumbers(names);
  const nextSegment = Math.max(manifest?.segment ?? 0, ...segments) + 1;
  const nextCheckpoint = Math.max(manifest?.checkpoint ?? 0, ...checkpoints) + 1;
  if (!manifest) {
    await refuseOrphanFrames(disk, names, derive);
    return { memtable, sequence: 1, checkpoint: undefined, segments: [], nextSegment, nextCheckpoint };
  }
  if (!checkpoints.includes(manifest.checkpoint)) {
    throw missing(checkpointName(manifest.checkpoint));
  }
  await readCheckpoint(disk, manifest.checkpoint, (key, value) => {
    if (derive?.onLoaded(key, value) !== true) memtable.set(key, value);
  });
  const replay = new Replay({ disk, merge, derive, log, bugs }, memtable, manifest);
  await replay.run(segments.filter((segment) => segment >= manifest.segment));
  derive?.onRecovered(manifest.applied, () => memtable.entries());
  const { checkpoint } = manifest;
  const { sequence } = replay;
  return { memtable, sequence, checkpoint, segments: replay.segments, nextSegment, nextCheckpoint };
}

type ReplayOptions = RecoveryOptions & Required<Pick<RecoveryOptions, "bugs">>;

/** The part of recovery that reads the log. */
class Replay {
  readonly #options: ReplayOptions;
  readonly #memtable: Memtable;
  readonly #manifest: Manifest;
  /** Sequence of the next frame to be found. */
  sequence: number;
  /** The first segment, and every later one in which frames were found. */
  readonly segments: number[] = [];

  constructor(options: ReplayOptions, memtable: Memtable, manifest: Manifest) {
    this.#options = options;
    this.#memtable = memtable;
    this.#manifest = manifest;
    this.sequence = manifest.sequence;
  }

  async run(numbers: readonly number[]): Promise<void> {
    const { segment, started, applied } = this.#manifest;
    if (!started) {
      mark("recovery: the log had not begun");
      this.sequence = applied + 1;
      return;
    }
    if (numbers[0] !== segment) throw missing(logName(segment));
    this.segments.push(segment);
    let last: Segment | undefined;
    let end = FILE_HEADER_BYTES;
    for (let i = 0; i < numbers.length; i++) {
      const candidate = await Segment.read(this.#options.disk, numbers[i]!);
      const candidateEnd = this.#apply(candidate);
      // The log goes on in the next segment only with its first frame; the bytes after its last are leftovers.
      if (last && candidateEnd === FILE_HEADER_BYTES) {
        mark("recovery: the next segment holds nothing of this log");
        await this.#judge({ last, end, next: candidate, later: numbers.slice(i + 1) });
        return;
      }
      if (last) mark("recovery: the log goes on in another segment");
      last = candidate;
      end = candidateEnd;
    }
    assert(last !== undefined, "a started log without a segment");
    await this.#judge({ last, end, next: undefined, later: [] });
  }

  /** Applies the unbroken run of frames at the start of a segment, and returns its end. */
  #apply(segment: Segment): number {
    const { merge, derive, bugs } = this.#options;
    const memtable = this.#memtable;
    const late: (() => void)[] = [];
    const set = (key: ByteString, value: Uint8Array): void => {
      const old = memtable.get(key);
      const merged = merge(key, old, value);
      if (merged === old) return;
      if (!bugs.has("replay_without_leaves")) derive?.onChanged(key, old, merged);
      memtable.set(key, merged);
    };
    const onWrite = bugs.has("replay_out_of_order")
      ? (key: ByteString, value: Uint8Array): void => void late.unshift(() => set(key, value))
      : set;
    let offset = FILE_HEADER_BYTES;
    for (;;) {
      const frame = segment.reader.at(offset, { isTrusted: bugs.has("trust_torn_frames") });
      if (!frame || frame.sequence !== this.sequence) break;
      const next = offset + frame.length;
      if (bugs.has("cut_too_far") && !segment.reader.at(next)) break;
      if (offset === FILE_HEADER_BYTES) {
        this.#note(segment);
      }
      if (this.sequence > this.#manifest.applied) segment.reader.eachWrite(offset, frame, onWrite);
      else mark("recovery: frame that the checkpoint holds not applied again");
      this.sequence++;
      offset = next;
    }
    for (const write of late) write();
    if (bugs.has("replay_recycled")) segment.eachLeftover(offset, set);
    return offset;
  }

  /** Why the header is only checked where frames are: a segment that was being made at a crash may be anything. */
  #note(segment: Segment): void {
    segment.checkHeader();
    if (this.segments.at(-1) !== segment.number) this.segments.push(segment.number);
  }

  /**
   * Frames ran out at `end` of `last`. Whatever good frame stands behind tells what had been on the disk when it was
   * written: if that covers the frame that is not there, the log is damaged; else nobody was ever told of it.
   */
  async #judge({ last, end, next, later }: {
    readonly last: Segment;
    readonly end: number;
    readonly next: Segment | undefined;
    readonly later: readonly number[];
  }): Promise<void> {
    let isCut = last.reader.looksBegun(end, this.sequence);
    // A segment is left when the next frame does not fit: then the frame that is missed stood first in the next one.
    const [place, offset] = isCut || !next ? [last, end] : [next, FILE_HEADER_BYTES];
    isCut ||= place.reader.looksBegun(offset, this.sequence);
    let frameCount = 0;
    // What the checkpoint covers had been on the disk as well.
    let syncedUntil = this.#manifest.applied;
    const search = (segment: Segment, from: number): void => {
      for (const frame of segment.reader.search(from)) {
        frameCount++;
        this.#note(segment);
        syncedUntil = Math.max(syncedUntil, frame.syncedUntil);
      }
    };
    search(last, end);
    if (next) search(next, FILE_HEADER_BYTES);
    for (const number of later) search(await Segment.read(this.#options.disk, number), FILE_HEADER_BYTES);
    const { expected, found } = place.reader.describe(offset, this.sequence);
    const { bugs } = this.#options;
    if (isCut && bugs.has("refuse_torn_tail") || this.sequence <= syncedUntil && !bugs.has("cut_damage")) {
      mark("recovery: damage before the end of the log refused");
      throw new CorruptionError({ file: place.name, offset, expected, found });
    }
    if (!isCut && frameCount === 0) return;
    mark("recovery: torn tail cut");
    this.#options.log.write("warn", "cut the log at a frame that was never acknowledged to be on the disk", {
      file: place.name,
      offset,
      expected,
      found,
    });
  }
}

/** One segment, read whole. */
class Segment {
  readonly number: number;
  readonly name: string;
  readonly reader: FrameReader;
  readonly #bytes: Uint8Array;

  private constructor(number: number, bytes: Uint8Array) {
    this.number = number;
    this.name = logName(number);
    this.reader = new FrameReader(bytes, number);
    this.#bytes = bytes;
  }

  static async read(disk: Disk, number: number): Promise<Segment> {
    const file = await disk.open(logName(number));
    try {
      return new Segment(number, await readAll(file));
    } finally {
      file.close();
    }
  }

  /** Planted bug `replay_recycled`: gives each write of the good frames behind `end`, whatever segment they are of. */
  eachLeftover(end: number, onWrite: (key: ByteString, value: Uint8Array) => void): void {
    for (let at = end; at < this.#bytes.length;) {
      const frame = this.reader.at(at, { ofAnySegment: true });
      if (frame) this.reader.eachWrite(at, frame, onWrite);
      at += frame?.length ?? FRAME_ALIGNMENT_BYTES;
    }
  }

  checkHeader(): void {
    checkFileHeader(this.name, this.#bytes, "QLOG");
  }
}

/** The next number must be greater than any in use, and a frame has four bytes for it. */
function refuseGreatNumbers(names: readonly string[]): void {
  for (
    const [numbers, nameOf] of [[logNumbers(names), logName], [
      checkpointNumbers(names),
      checkpointName,
    ]] as const
  ) {
    const last = numbers.at(-1);
    if (last === undefined || last < NUMBER_END) continue;
    throw new CorruptionError({
      file: nameOf(last),
      offset: 0,
      expected: `a number below ${NUMBER_END} in its name; if it is none of ours, move it away`,
      found: String(last),
    });
  }
}

/**
 * A directory without a manifest was never finished, so it must not hold a single write: the first checkpoint, which comes
 * before the manifest, holds nothing but what is derived of nothing. Throws `CorruptionError`.
 */
export async function refuseOrphanFrames(
  disk: Disk,
  names: readonly string[],
  derive?: Pick<Derivation, "isOwn">,
): Promise<void> {
  for (const number of logNumbers(names)) {
    // Even a frame without writes says that some were there.
    await eachFrame(disk, logName(number), number, () => refuseOrphan(logName(number)));
  }
  for (const number of checkpointNumbers(names)) {
    const name = checkpointName(number);
    // The trailer of a checkpoint is a frame without writes.
    await eachFrame(disk, name, number, (reader, at, frame) =>
      reader.eachWrite(at, frame, (key) => {
        if (derive?.isOwn(key) !== true) refuseOrphan(name);
      }));
  }
}

async function eachFrame(
  disk: Disk,
  name: string,
  number: number,
  onFrame: (reader: FrameReader, at: number, frame: Frame) => void,
): Promise<void> {
  const file = await disk.open(name);
  const reader = new FrameReader(await readAll(file), number);
  file.close();
  for (const { at, frame } of reader.places(FILE_HEADER_BYTES)) onFrame(reader, at, frame);
}

function refuseOrphan(name: string): never {
  throw new CorruptionError({
    file: MANIFEST,
    offset: 0,
    expected: `a manifest, because ${name} holds frames`,
    found: "no such file",
  });
}

function missing(file: string): CorruptionError {
  return new CorruptionError({
    file,
    offset: 0,
    expected: "the file that the manifest names",
    found: "no such file",
  });
}
