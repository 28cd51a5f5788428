/**
 * What is kept of promises: the stamp up to which this directory takes nothing but through anti-entropy, and for each keyspace
 * up to where tombstones were collected. Disk format: only append.
 *
 * ```
 * promise   JSON {"promise": stamp, "keyspaces": {name: {"floor": stamp, "most": stamp, "holding": text}}}
 * ```
 * `floor` is that of the keys which `holding` names; under another configuration it counts for nothing. `most` is the greatest
 * floor there ever was.
 * @module
 */
import { decodeText, encodeText } from "../base/bytes.ts";
import type { Stamp } from "../versions/stamp.ts";

/** Of one keyspace. */
export interface KeptFloor {
  readonly floor: Stamp;
  readonly most: Stamp;
  readonly holding: string;
}

/** All that is kept. */
export interface KeptPromise {
  readonly promise: Stamp;
  readonly keyspaces: Readonly<Record<string, KeptFloor>>;
}

/** The bytes of it. */
export function encodePromise(kept: KeptPromise): Uint8Array {
  return encodeText(JSON.stringify(kept));
}

/** What `encodePromise` was given. Requires: its bytes; storage checksums vouch for that. */
export function decodePromise(bytes: Uint8Array): KeptPromise {
  return JSON.parse(decodeText(bytes)) as KeptPromise;
}
