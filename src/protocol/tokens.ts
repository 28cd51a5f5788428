/**
 * The two tokens that a client carries from answer to request, opaque to it. Wire format: only append.
 *
 * ```
 * session  stamp as 16 digits [ "-" vector ]    all that the session wrote and read, over all keys
 * context  key as 16 hex digits "-" vector      the versions of one key that were read or written
 * vector   origin ":" stamp in base 36, joined by ","
 * ```
 * A session token begins with its stamp, so string order extends causal order: whatever happens later in a session has a
 * greater token.
 * @module
 */
import { utf8ByteString } from "../base/bytes.ts";
import { hash64, hexOf } from "../base/hash64.ts";
import { isStamp, type Stamp } from "../versions/stamp.ts";
import { isOrigin, type Origin, type Vector } from "../versions/version.ts";

/** Origins in one token. Why: they are stored beside a value, in the room that a record has left for them. */
export const TOKEN_ORIGINS_MAX = 128;

/** What a client did and saw so far. */
export interface Session {
  /** Exceeded by the stamp of whatever the session writes next. 0 at the beginning. */
  readonly stamp: Stamp;
  /** For each origin, the latest of its writes that the session wrote, read, or read what followed from. */
  readonly vector: Vector;
}

/** A session in which nothing has happened. */
export const NEW_SESSION: Session = { stamp: 0, vector: {} };

const STAMP_DIGITS = 16;

/** The token of a session. */
export function encodeSession({ stamp, vector }: Session): string {
  const head = String(stamp).padStart(STAMP_DIGITS, "0");
  return Object.keys(vector).length === 0 ? head : `${head}-${encodeVector(vector)}`;
}

/** The session that a token names, "" being a new one; undefined where it is none. */
export function parseSession(token: string): Session | undefined {
  if (token === "") return NEW_SESSION;
  const [, digits, entries] = /^(\d{16})(?:-(.+))?$/.exec(token) ?? [];
  const stamp = Number(digits);
  const vector = entries === undefined ? {} : parseVector(entries);
  if (vector === undefined || stamp !== 0 && !isStamp(stamp)) return undefined;
  return Object.values(vector).every((each) => each <= stamp) ? { stamp, vector } : undefined;
}

/** The context of a key. `key` is its travelling form. */
export function encodeContext(keyspace: string, key: string | number, vector: Vector): string {
  return `${keyHash(keyspace, key)}-${encodeVector(vector)}`;
}

/** The versions that a context names; undefined where it is none of this key. */
export function parseContext(token: string, keyspace: string, key: string | number): Vector | undefined {
  if (token === "") return {};
  const [, hash, entries] = /^([0-9a-f]{16})-(.*)$/.exec(token) ?? [];
  return hash === keyHash(keyspace, key) ? parseVector(entries!) : undefined;
}

function keyHash(keyspace: string, key: string | number): string {
  return hexOf(hash64(utf8ByteString(`${keyspace}\0${key}`)));
}

function encodeVector(vector: Vector): string {
  return Object.keys(vector).sort().map((origin) => `${origin}:${vector[origin]!.toString(36)}`).join(",");
}

function parseVector(text: string): Vector | undefined {
  if (text === "") return {};
  const entries = text.split(",");
  if (entries.length > TOKEN_ORIGINS_MAX) return undefined;
  const vector: Record<Origin, Stamp> = {};
  for (const entry of entries) {
    const [, origin, digits] = /^([^:]+):([0-9a-z]{1,11})$/.exec(entry) ?? [];
    const stamp = parseInt(digits ?? "", 36);
    if (!isOrigin(origin) || !isStamp(stamp) || Object.hasOwn(vector, origin)) return undefined;
    vector[origin] = stamp;
  }
  return vector;
}
