/** Checkpoints: everything the store held at one moment, in one file, so that the log before it can go. @module */
import type { ByteString } from "../base/bytes.ts";
import { mark } from "../base/mark.ts";
import type { Derivation, Disk } from "../ports.ts";
import { CorruptionError } from "./corruption.ts";
import { checkFileHeader, FILE_HEADER_BYTES, fileHeader } from "./file_header.ts";
import { FrameEncoder, FrameReader } from "./frame.ts";
import type { Memtable, Snapshot } from "./memtable.ts";
import { readAll, writeAll } from "./transfer.ts";
import { numbersNamed } from "./wal.ts";

const CHECKPOINT_PREFIX = "checkpoint-";
/** A frame of a checkpoint is finished when it exceeds this. */
const FRAME_BYTES = 64 * 1024;
/** Written between two syncs. Why: each wait lets commits run, and none of them queues behind a whole checkpoint. */
const SYNC_BYTES = 1024 * 1024;

/** Name of a checkpoint's file. */
export function checkpointName(checkpoint: number): string {
  return `${CHECKPOINT_PREFIX}${checkpoint}`;
}

/** The numbers of the checkpoints among these files, ascending. */
export function checkpointNumbers(names: readonly string[]): number[] {
  return numbersNamed(names, CHECKPOINT_PREFIX);
}

/** What a checkpoint of this moment holds: the entries with the frames up to `applied`, and what is derived from them. */
export function snapshotOf(memtable: Memtable, derive: Derivation | undefined, applied: number): Snapshot {
  const { keys, values } = memtable.snapshot();
  const derived = derive?.entries(applied) ?? [];
  if (derived.length === 0) return { keys, values };
  return {
    keys: [...keys, ...derived.map(({ key }) => key)],
    values: [...values, ...derived.map(({ value }) => value)],
  };
}

/**
 * Writes a checkpoint; it is durable when this returns its size. Undefined when `isStopped` turned true before the end.
 * Throws `DiskFullError`. In both cases the file is left for the caller to remove.
 */
export async function writeCheckpoint(
  disk: Disk,
  { checkpoint, snapshot, isStopped }: {
    readonly checkpoint: number;
    readonly snapshot: Snapshot;
    isStopped(): boolean;
  },
): Promise<number | undefined> {
  const { keys, values } = snapshot;
  const encoder = new FrameEncoder();
  const file = await disk.open(checkpointName(checkpoint));
  let end = 0;
  let syncedEnd = 0;
  let sequence = 0;
  const finishFrame = (syncedUntil: number): void => {
    sequence++;
    const frame = encoder.finish({ segment: checkpoint, sequence, syncedUntil });
    writeAll(file, frame, end);
    end += frame.length;
    encoder.begin();
  };
  try {
    writeAll(file, fileHeader("QCKP"), 0);
    end = FILE_HEADER_BYTES;
    encoder.begin();
    for (let i = 0; i < keys.length; i++) {
      encoder.add(keys[i]!, values[i]!);
      // Why the last entry too: a frame without writes is the trailer, so none may follow a full frame.
      if (encoder.length < FRAME_BYTES && i < keys.length - 1) continue;
      finishFrame(0);
      if (end - syncedEnd < SYNC_BYTES) continue;
      await file.sync();
      syncedEnd = end;
      if (isStopped()) return undefined;
    }
    // The trailer: a frame without writes that tells how many there should have been.
    finishFrame(keys.length);
    await file.sync();
  } finally {
    file.close();
  }
  await disk.syncDirectory();
  return end;
}

/** Gives every entry of a checkpoint to `onEntry`. Throws `CorruptionError`: a checkpoint is whole or it is damaged. */
export async function readCheckpoint(
  disk: Disk,
  checkpoint: number,
  onEntry: (key: ByteString, value: Uint8Array<ArrayBuffer>) => void,
): Promise<void> {
  const name = checkpointName(checkpoint);
  const file = await disk.open(name);
  const bytes = await readAll(file);
  file.close();
  checkFileHeader(name, bytes, "QCKP");
  const reader = new FrameReader(bytes, checkpoint);
  let count = 0;
  let offset = FILE_HEADER_BYTES;
  for (let sequence = 1;; sequence++) {
    const frame = reader.at(offset);
    if (!frame || frame.sequence !== sequence) {
      mark("checkpoint: damage refused");
      throw new CorruptionError({ file: name, offset, ...reader.describe(offset, sequence) });
    }
    reader.eachWrite(offset, frame, onEntry);
    count += frame.writeCount;
    if (frame.writeCount === 0) {
      if (frame.syncedUntil === count) return;
      const expected = `${frame.syncedUntil} entries, as the trailer says`;
      throw new CorruptionError({ file: name, offset, expected, found: `${count} entries` });
    }
    offset += frame.length;
  }
}
