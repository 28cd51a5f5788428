/** Whole transfers over a disk that may do less than it was asked for, and removal of what may not be there. @module */
import { assert } from "../base/assert.ts";
import { mark } from "../base/mark.ts";
import { type Disk, type DiskFile, DiskFullError } from "../ports.ts";

/** Writes as much as the disk takes and returns how much: less than all of it only when the disk is full. */
export function writeWhatFits(file: DiskFile, bytes: Uint8Array, offset: number): number {
  let count = 0;
  try {
    while (count < bytes.length) {
      const taken = file.write(count === 0 ? bytes : bytes.subarray(count), offset + count);
      assert(taken > 0, "a disk that takes nothing must say that it is full");
      count += taken;
      if (count < bytes.length) mark("transfer: the disk took a part of what it was given");
    }
  } catch (error) {
    if (!(error instanceof DiskFullError)) throw error;
    mark("transfer: the disk is full");
  }
  return count;
}

/** Writes all of it, or throws `DiskFullError`. */
export function writeAll(file: DiskFile, bytes: Uint8Array, offset: number): void {
  const count = writeWhatFits(file, bytes, offset);
  if (count < bytes.length) {
    throw new DiskFullError(`the disk is full: it took ${count} of ${bytes.length} bytes`);
  }
}

/** Everything that is in the file, or its first `bytesMax` bytes. */
export async function readAll(file: DiskFile, bytesMax = Infinity): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(Math.min(bytesMax, await file.size()));
  let count = 0;
  while (count < bytes.length) {
    const taken = await file.read(count === 0 ? bytes : bytes.subarray(count), count);
    if (taken === 0) break;
    count += taken;
  }
  return count === bytes.length ? bytes : bytes.slice(0, count);
}

/** Removes a file; false when there is none. */
export async function removeIfThere(disk: Disk, name: string): Promise<boolean> {
  if (!(await disk.list()).includes(name)) return false;
  await disk.remove(name);
  return true;
}
