/**
 * Opening a directory: recovers what is on the disk and makes all of it durable anew before anybody may see it, because
 * what recovery read may have come from the page cache alone (HAZARD H5).
 * @module
 */
import { assert } from "../base/assert.ts";
import { type Disk, DiskFullError } from "../ports.ts";
import { checkpointName, checkpointNumbers, writeCheckpoint } from "./checkpoint.ts";
import { type Manifest, writeManifest } from "./manifest.ts";
import type { Memtable } from "./memtable.ts";
import { recover, type Recovered, type RecoveryOptions } from "./recovery.ts";
import { removeIfThere } from "./transfer.ts";
import { logName, logNumbers, SPARE, UNFINISHED_SEGMENT, Wal } from "./wal.ts";

/** A store that is on the disk as a checkpoint alone; its log has no segment yet. */
export interface Opened {
  readonly memtable: Memtable;
  /** Sequence for the first frame. */
  readonly sequence: number;
  readonly manifest: Manifest;
  readonly checkpointBytes: number;
  readonly wal: Wal;
}

/** Opens a directory. Throws `CorruptionError`, and `DiskFullError` when there is no room for a checkpoint. */
export async function openDirectory(
  options: RecoveryOptions & { readonly segmentBytes: number },
): Promise<Opened> {
  const { disk, segmentBytes } = options;
  const recovered = await recover(options);
  const { memtable, sequence, segments, nextSegment, nextCheckpoint } = recovered;
  await removeLeftovers(disk, recovered);
  const checkpointBytes = await writeFirstCheckpoint(disk, recovered);
  const manifest: Manifest = {
    checkpoint: nextCheckpoint,
    segment: nextSegment,
    sequence,
    applied: sequence - 1,
    started: false,
  };
  await writeManifest(disk, manifest);
  if (recovered.checkpoint !== undefined) await disk.remove(checkpointName(recovered.checkpoint));
  const hasSpare = (await disk.list()).includes(SPARE);
  const wal = new Wal({ disk, segmentBytes, firstSegment: nextSegment, oldSegments: segments, hasSpare });
  await wal.release(nextSegment);
  return { memtable, sequence, manifest, checkpointBytes, wal };
}

/** Removes what a crash left half-made or no longer needed, and segments in which nothing was written. */
async function removeLeftovers(disk: Disk, { segments, checkpoint }: Recovered): Promise<void> {
  const names = await disk.list();
  const leftovers = names.filter((name) => name === UNFINISHED_SEGMENT || name.endsWith(".tmp"));
  for (const segment of logNumbers(names)) {
    if (!segments.includes(segment)) leftovers.push(logName(segment));
  }
  for (const other of checkpointNumbers(names)) {
    if (other !== checkpoint) leftovers.push(checkpointName(other));
  }
  for (const name of leftovers) await removeIfThere(disk, name);
}

/** Writes all that was recovered to a checkpoint, gives up the spare for it if need be, and returns its size. */
async function writeFirstCheckpoint(
  disk: Disk,
  { memtable, nextCheckpoint: checkpoint }: Recovered,
): Promise<number> {
  for (;;) {
    try {
      const snapshot = memtable.snapshot();
      const bytes = await writeCheckpoint(disk, { checkpoint, snapshot, isStopped: () => false });
      assert(bytes !== undefined, "a checkpoint that nobody stopped has no end");
      return bytes;
    } catch (error) {
      if (!(error instanceof DiskFullError)) throw error;
      await removeIfThere(disk, checkpointName(checkpoint));
      if (await removeIfThere(disk, SPARE)) continue;
      const { bytes, count } = memtable;
      throw new DiskFullError(
        `the disk is full: a start needs room for a checkpoint of ${count} keys, ` +
          `about ${bytes + 8 * count + 4096} bytes; make room and start again`,
      );
    }
  }
}
