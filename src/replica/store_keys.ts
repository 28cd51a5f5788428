/**
 * Where things lie in the store: one prefix byte for each kind, and the keys behind it. Wire format: only append.
 *
 * ```
 * "d" keyspace 00 key            the versions held of a key (versions/record.ts)
 * "h" target 00 keyspace 00 key  a hint: versions that `target` is owed (replica/hint_record.ts)
 * "o" stamp as 8 bytes           an owed record: which replicas a coordinated write has not reached (replica/owed_record.ts)
 * "c" name                       a fact about this replica: "ceiling", "filled", "keys"
 * "p"                            nothing, ever: see PROBE_KEY
 * "m" replica id                 the epochs under which a member is known (JSON)
 * "t" keyspace 00 number         in checkpoints only: 256 leaves of a Merkle tree (replica/leaves.ts), number as one byte
 * "t"                            in checkpoints only: which leaves these are (JSON)
 * ```
 * @module
 */
import { bytesOf, type ByteString, byteString, prefixEnd, utf8ByteString } from "../base/bytes.ts";
import type { Stamp } from "../versions/stamp.ts";
import type { ReplicaId } from "./envelope.ts";

/** A half-open range of store keys. */
export interface KeyRange {
  readonly begin: ByteString;
  readonly end: ByteString;
}

/** The clock's ceiling: no stamp at or above it has been given (HAZARD H6). */
export const CEILING_KEY = "cceiling" as ByteString;

/** The keyspaces (JSON) of which this directory holds everything it should: for these its answers count. */
export const FILLED_KEY = "cfilled" as ByteString;

/** The kind of keys of each keyspace that this directory was ever used with (JSON; replica/keys_record.ts). */
export const KEYS_KEY = "ckeys" as ByteString;

/** Never present, whatever is written to it: asks a full disk whether it has room again. */
export const PROBE_KEY = "p" as ByteString;

/** Says of the leaves in a checkpoint which they are. */
export const LEAF_STATE_KEY = "t" as ByteString;

/** Where leaves lie in a checkpoint: those from 256 times `index` on. */
export function leafKey(keyspace: string, index: number): ByteString {
  return `t${keyspace}\0${String.fromCharCode(index)}` as ByteString;
}

/** The parts of a store key made by `leafKey`. */
export function partsOfLeafKey(storeKey: ByteString): { readonly keyspace: string; readonly index: number } {
  return { keyspace: storeKey.slice(1, -2), index: storeKey.charCodeAt(storeKey.length - 1) };
}

/** Where the versions of a key lie. */
export function dataKey(keyspace: string, key: ByteString): ByteString {
  return `d${keyspace}\0${key}` as ByteString;
}

/** All keys of a keyspace. */
export function dataRange(keyspace: string): KeyRange {
  return rangeOf(`d${keyspace}\0`);
}

/** All keys of a keyspace that begin with `prefix`. */
export function dataPrefixRange(keyspace: string, prefix: ByteString): KeyRange {
  return rangeOf(dataKey(keyspace, prefix));
}

/** The key in a store key made by `dataKey`. */
export function keyOfDataKey(storeKey: ByteString): ByteString {
  return storeKey.slice(storeKey.indexOf("\0") + 1) as ByteString;
}

/** Where a hint lies. */
export function hintKey(target: ReplicaId, keyspace: string, key: ByteString): ByteString {
  return `h${target}\0${keyspace}\0${key}` as ByteString;
}

/** All hints for one replica. */
export function hintRange(target: ReplicaId): KeyRange {
  return rangeOf(`h${target}\0`);
}

/** The parts of a store key made by `hintKey`. */
export function partsOfHintKey(
  storeKey: ByteString,
): { target: ReplicaId; keyspace: string; key: ByteString } {
  const first = storeKey.indexOf("\0");
  const second = storeKey.indexOf("\0", first + 1);
  return {
    target: storeKey.slice(1, first),
    keyspace: storeKey.slice(first + 1, second),
    key: storeKey.slice(second + 1) as ByteString,
  };
}

/** Where the owed record of a coordinated write lies. Requires: the stamp was given by this replica, so it is unique. */
export function owedKey(stamp: Stamp): ByteString {
  STAMP_VIEW.setFloat64(0, stamp);
  const [a, b, c, d, e, f, g, h] = STAMP_BYTES;
  return String.fromCharCode(OWED, a!, b!, c!, d!, e!, f!, g!, h!) as ByteString;
}

const OWED = 0x6f; // "o"

/** Used again for each stamp: owed keys are made for every put. */
const STAMP_BYTES = new Uint8Array(8);
const STAMP_VIEW = new DataView(STAMP_BYTES.buffer);

/** All owed records. */
export const OWED_RANGE: KeyRange = rangeOf("o");

/** Where the known epochs of a member lie. */
export function memberKey(id: ReplicaId): ByteString {
  return `m${id}` as ByteString;
}

/** All members known. */
export const MEMBER_RANGE: KeyRange = rangeOf("m");

/** The bytes of a stamp, as the ceiling is stored. */
export function encodeStamp(stamp: Stamp): Uint8Array {
  return bytesOf(utf8ByteString(String(stamp)));
}

/** The stamp in bytes made by `encodeStamp`. */
export function decodeStamp(bytes: Uint8Array): Stamp {
  return Number(byteString(bytes));
}

function rangeOf(prefix: string): KeyRange {
  return { begin: prefix as ByteString, end: prefixEnd(prefix as ByteString) };
}
