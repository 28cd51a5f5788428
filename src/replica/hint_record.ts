/**
 * The stored form of a hint, and how hints for one key merge. Wire format: only append.
 *
 * ```
 * hint       u8 1 | f64 wall ms when it was first kept        | record (versions/record.ts)
 * delivered  u8 2 | f64 0                                  | record that the target now holds
 * ```
 * `delivered` is never held: merged into a hint it removes what it covers. So there is at most one hint for a key and
 * target, and an acknowledgement that races with a newer write removes nothing it should not.
 * @module
 */
import { assert } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import { type MergeRecords, mergeRecords } from "../versions/merge_records.ts";

const HINT = 1;
const DELIVERED = 2;
const HEADER_BYTES = 9;

/** Bytes of a hint. `sinceMs` is wall time. */
export function encodeHint(record: Uint8Array, sinceMs: number): Uint8Array {
  return encode(HINT, record, sinceMs);
}

/** The incoming bytes that remove a hint, unless it holds versions that `record` lacks. */
export function encodeDelivered(record: Uint8Array): Uint8Array {
  return encode(DELIVERED, record, 0);
}

/** What a held hint says. */
export function decodeHint(bytes: Uint8Array): { record: Uint8Array; sinceMs: number } {
  assert(bytes[0] === HINT, () => `hint of kind ${bytes[0]}`);
  return { record: bytes.subarray(HEADER_BYTES), sinceMs: viewOf(bytes).getFloat64(1) };
}

/** The merge of the store for hint keys; `merge` is that of the records in them. */
export function mergeHints(
  held: Uint8Array | undefined,
  incoming: Uint8Array,
  merge: MergeRecords = mergeRecords,
): Uint8Array | undefined {
  const record = incoming.subarray(HEADER_BYTES);
  if (incoming[0] === DELIVERED) {
    if (!held) return undefined;
    return equalBytes(merge(decodeHint(held).record, record), record) ? undefined : held;
  }
  if (!held) return incoming;
  const { record: heldRecord, sinceMs } = decodeHint(held);
  return encodeHint(merge(heldRecord, record), Math.min(sinceMs, decodeHint(incoming).sinceMs));
}

function encode(kind: number, record: Uint8Array, sinceMs: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + record.length);
  bytes[0] = kind;
  viewOf(bytes).setFloat64(1, sinceMs);
  bytes.set(record, HEADER_BYTES);
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
