/** Resolution on stored bytes: the winner-takes-all case without decoding. @module */
import { areSingles, compareSingles, decodeRecord, encodeRecord } from "./record.ts";
import { resolve } from "./resolve.ts";

/** The record that holds what remains of both, one winner. Returns one of its arguments where it can. */
export function mergeRecords(held: Uint8Array, incoming: Uint8Array): Uint8Array {
  if (areSingles(held, incoming)) return compareSingles(held, incoming) >= 0 ? held : incoming;
  return encodeRecord(resolve(decodeRecord(held), decodeRecord(incoming), { siblings: false }));
}
