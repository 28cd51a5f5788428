/** Resolution on stored bytes: the winner-takes-all case without decoding. @module */
import { equalBytes } from "../base/bytes.ts";
import { areSingles, compareSingles, decodeRecord, encodeRecord } from "./record.ts";
import { resolve } from "./resolve.ts";

/** The record that holds what remains of both, one winner. Returns one of its arguments where it can. */
export function mergeRecords(held: Uint8Array, incoming: Uint8Array): Uint8Array {
  if (areSingles(held, incoming)) return compareSingles(held, incoming) >= 0 ? held : incoming;
  return encodeRecord(resolve(decodeRecord(held), decodeRecord(incoming), { siblings: false }));
}

/** The record that holds what remains of both, all that stand side by side. Returns one of its arguments where it can. */
export function mergeSiblings(held: Uint8Array, incoming: Uint8Array): Uint8Array {
  // Why first: hints, repairs and what a network repeats bring what is held already.
  if (equalBytes(held, incoming)) return held;
  const merged = encodeRecord(resolve(decodeRecord(held), decodeRecord(incoming), { siblings: true }));
  return equalBytes(merged, held) ? held : equalBytes(merged, incoming) ? incoming : merged;
}

/** Two records to one. */
export type MergeRecords = typeof mergeRecords;
