/**
 * The stored form of "collect": incoming bytes for a key's place that take tombstones away. Wire format: only append.
 *
 * ```
 * collect   u8 2 | f64 stamp
 * ```
 * It is never held. Merged into a record (which begins with 1) it removes the tombstones up to the stamp, and with the last
 * version the entry. Why by stamp, in the store: whatever came between deciding and storing, nothing else is removed.
 * @module
 */
import type { Stamp } from "../versions/stamp.ts";
import { withoutTombstones } from "../versions/tombstones.ts";

const COLLECT = 2;

/** The bytes that remove tombstones up to a stamp. */
export function encodeCollect(stamp: Stamp): Uint8Array {
  const bytes = new Uint8Array(9);
  bytes[0] = COLLECT;
  viewOf(bytes).setFloat64(1, stamp);
  return bytes;
}

/** Whether incoming bytes are no record, but remove tombstones from one. */
export function isCollect(bytes: Uint8Array): boolean {
  return bytes[0] === COLLECT;
}

/** What is left of a record. Requires: `collect` is what `encodeCollect` made. */
export function mergeCollect(held: Uint8Array | undefined, collect: Uint8Array): Uint8Array | undefined {
  return held && withoutTombstones(held, viewOf(collect).getFloat64(1));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
