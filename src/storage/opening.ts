/**
 * Opening a directory: recovers what is on the disk and makes all of it durable anew before anybody may see it, because
 * what recovery read may have come from the page cache alone (HAZARD H5).
 * @module
 */
import { assert } from "../base/assert.ts";
import { mark } from "../base/mark.ts";
import { type Derivation, type Disk, DiskFullError } from "../ports.ts";
import { checkpointName, checkpointNumbers, snapshotOf, writeCheckpoint } from "./checkpoint.ts";
import { writeBytes } from "./frame.ts";
import { DirectoryError } from "./identity.ts";
import { type Manifest, writeManifest } from "./manifest.ts";
import type { Memtable } from "./memtable.ts";
import { recover, type Recovered, type RecoveryOptions } from "./recovery.ts";
import { removeIfThere } from "./transfer.ts";
import { logName, logNumbers, segmentBytesMin, SPARE, UNFINISHED_SEGMENT, Wal } from "./wal.ts";

/** A store that is on the disk as a checkpoint alone; its log has no segment yet. */
export interface Opened {
  readonly memtable: Memtable;
  /** Sequence for the first frame. */
  readonly sequence: number;
  readonly manifest: Manifest;
  readonly checkpointBytes: number;
  readonly wal: Wal;
}

/** What stands beside an entry when it is written again elsewhere, as what is owed becomes a hint. */
const BESIDE_BYTES_MAX = 64;

/** Opens a directory. Throws `CorruptionError`, `DirectoryError` when it is to be rewritten and does not fit, and `DiskFullError` when there is no room for a checkpoint. */
export async function openDirectory(
  options: RecoveryOptions & { readonly segmentBytes: number; readonly isRewritten?: boolean },
): Promise<Opened> {
  const { disk, segmentBytes } = options;
  const recovered = await recover(options);
  const { memtable, sequence, segments, nextSegment, nextCheckpoint } = recovered;
  if (options.isRewritten) refuseSmallSegments(memtable, segmentBytes);
  await removeLeftovers(disk, recovered);
  const checkpointBytes = await writeFirstCheckpoint(disk, recovered, options.derive);
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

/** Why at the start: an entry that cannot be written again would end the replica when it is, and again at each start. */
function refuseSmallSegments(memtable: Memtable, segmentBytes: number): void {
  const { keys, values } = memtable.snapshot();
  let entryBytes = 0;
  for (let i = 0; i < keys.length; i++) entryBytes = Math.max(entryBytes, writeBytes(keys[i]!, values[i]!));
  const needed = segmentBytesMin(entryBytes + BESIDE_BYTES_MAX);
  if (keys.length === 0 || needed <= segmentBytes) return;
  throw new DirectoryError(
    `segment_bytes = ${segmentBytes} is too small for what this directory holds: one entry of the store has ` +
      `${entryBytes} bytes; set segment_bytes to at least ${needed}, as it was before`,
  );
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
  if (leftovers.length > 0) mark("opening: leftovers of a crash removed");
  for (const name of leftovers) await removeIfThere(disk, name);
}

/** Writes all that was recovered to a checkpoint, gives up the spare for it if need be, and returns its size. */
async function writeFirstCheckpoint(
  disk: Disk,
  { memtable, sequence, nextCheckpoint: checkpoint }: Recovered,
  derive: Derivation | undefined,
): Promise<number> {
  for (;;) {
    try {
      const snapshot = snapshotOf(memtable, derive, sequence - 1);
      const bytes = await writeCheckpoint(disk, { checkpoint, snapshot, isStopped: () => false });
      assert(bytes !== undefined, "a checkpoint that nobody stopped has no end");
      return bytes;
    } catch (error) {
      if (!(error instanceof DiskFullError)) throw error;
      await removeIfThere(disk, checkpointName(checkpoint));
      if (await removeIfThere(disk, SPARE)) {
        mark("opening: spare given up to make room");
        continue;
      }
      mark("opening: no room for a checkpoint");
      const { bytes, count } = memtable;
      throw new DiskFullError(
        `the disk is full: a start needs room for a checkpoint of ${count} keys, ` +
          `about ${bytes + 8 * count + 4096} bytes; make room and start again`,
      );
    }
  }
}
