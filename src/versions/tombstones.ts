/** Tombstones in stored records: which is the oldest, and what is left without those up to a stamp. @module */
import { decodeRecord, encodeRecord, firstDot, hasValue } from "./record.ts";
import type { Stamp } from "./stamp.ts";

/** The stamp of the oldest tombstone in a record; undefined where it holds none. */
export function oldestTombstone(record: Uint8Array): Stamp | undefined {
  // Why apart: nearly all records hold one version, and this runs for every write.
  if (record[1] === 1) return hasValue(record) ? undefined : firstDot(record).stamp;
  const stamps = decodeRecord(record).flatMap(({ value, stamp }) => value === undefined ? [stamp] : []);
  return stamps.length === 0 ? undefined : Math.min(...stamps);
}

/** The record without its tombstones up to `stamp`: the same bytes where it holds none of these, undefined where nothing is left. */
export function withoutTombstones(record: Uint8Array, stamp: Stamp): Uint8Array | undefined {
  const oldest = oldestTombstone(record);
  if (oldest === undefined || oldest > stamp) return record;
  const left = decodeRecord(record).filter((version) => version.value !== undefined || version.stamp > stamp);
  return left.length === 0 ? undefined : encodeRecord(left);
}
