/** The manifest: which checkpoint and which part of the log together are the store. Switched atomically. @module */
import { mark } from "../base/mark.ts";
import type { Disk } from "../ports.ts";
import { CorruptionError } from "./corruption.ts";
import { readSealed, writeSealed } from "./sealed_file.ts";

/** Name of the file. */
export const MANIFEST = "manifest";

/** The store is the checkpoint, and the frames of the log that follow it. */
export interface Manifest {
  /** Number of the checkpoint. */
  readonly checkpoint: number;
  /** The first segment that recovery reads. */
  readonly segment: number;
  /** Sequence of that segment's first frame. */
  readonly sequence: number;
  /** Frames up to this sequence are in the checkpoint: recovery checks them and does not apply them again. */
  readonly applied: number;
  /** Whether that segment exists. Until this says so, no frame was written after the checkpoint. */
  readonly started: boolean;
}

/** The manifest of a directory, or undefined where none was ever written. */
export async function readManifest(disk: Disk, names: readonly string[]): Promise<Manifest | undefined> {
  if (!names.includes(MANIFEST)) return undefined;
  const result = await readSealed(disk, MANIFEST, "manifest");
  if (!result.ok) {
    mark("manifest: damage refused");
    throw new CorruptionError(result.failure);
  }
  const { checkpoint, segment, sequence, applied, started } = result.value;
  if (
    isCount(checkpoint) && isCount(segment) && isCount(sequence) && isCount(applied) &&
    typeof started === "boolean"
  ) return { checkpoint, segment, sequence, applied, started };
  throw new CorruptionError({
    file: MANIFEST,
    offset: 0,
    expected: "checkpoint, segment, sequence, applied and started",
    found: JSON.stringify(result.value),
  });
}

/** Makes this the manifest; durable when it returns. */
export async function writeManifest(disk: Disk, manifest: Manifest): Promise<void> {
  await writeSealed(disk, MANIFEST, "manifest", { ...manifest });
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
