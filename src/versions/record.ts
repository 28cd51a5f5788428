/**
 * The stored form of the versions of one key. Wire format: only append.
 *
 * ```
 * record   u8 format = 1 | u8 count, 0 for more than 255 | version*
 * version  u8 flags (1 = tombstone) | f64 stamp | text8 origin | vector seen | vector deps | u32 length | UTF-8 value
 * vector   u16 count | (text8 origin | f64 stamp)*
 * text8    u8 length | ASCII
 * ```
 * Numbers are big-endian.
 * @module
 */
import { assert } from "../base/assert.ts";
import { BYTES_PER_UNIT_MAX, compareBytes, decodeText, equalBytes, putText } from "../base/bytes.ts";
import { compareVersions, type Origin, type Vector, type Version } from "./version.ts";

const FORMAT = 1;
const TOMBSTONE = 1;
const HEADER_BYTES = 2;
/** Offset of the stamp of the first version. */
const FIRST_STAMP = HEADER_BYTES + 1;
const FIRST_ORIGIN = FIRST_STAMP + 8;

/** Where small records are built before they are copied out. */
const SCRATCH = new Uint8Array(16 * 1024);
const SCRATCH_VIEW = new DataView(SCRATCH.buffer);

/** Bytes of versions. Requires: at least one version, all with well-formed values. */
export function encodeRecord(versions: readonly Version[]): Uint8Array<ArrayBuffer> {
  assert(versions.length > 0, "record of no versions");
  let sizeMax = HEADER_BYTES;
  for (let i = 0; i < versions.length; i++) {
    const { origin, seen, deps, value } = versions[i]!;
    sizeMax += 14 + origin.length + vectorBytes(seen) + vectorBytes(deps) +
      (value === undefined ? 0 : BYTES_PER_UNIT_MAX * value.length);
  }
  // Why: a record is built where there is room for any value, and then copied in its own size; that costs half as much
  // as to encode each value into bytes of its own first, and leaves one piece of garbage less for each copy of a write.
  const isSmall = sizeMax <= SCRATCH.length;
  const bytes = isSmall ? SCRATCH : new Uint8Array(sizeMax);
  const view = isSmall ? SCRATCH_VIEW : new DataView(bytes.buffer);
  bytes[0] = FORMAT;
  bytes[1] = versions.length < 256 ? versions.length : 0;
  let at = HEADER_BYTES;
  for (let i = 0; i < versions.length; i++) {
    const version = versions[i]!;
    const { value } = version;
    bytes[at++] = value === undefined ? TOMBSTONE : 0;
    view.setFloat64(at, version.stamp);
    at = putAscii(bytes, at + 8, version.origin);
    at = putVector(bytes, view, at, version.seen);
    at = putVector(bytes, view, at, version.deps);
    const begin = at + 4;
    const end = value === undefined ? begin : putText(bytes, begin, value);
    view.setUint32(at, end - begin);
    at = end;
  }
  assert(at <= sizeMax, "record size was reckoned wrong");
  return bytes.slice(0, at);
}

/** The versions that `encodeRecord` was given. Requires: bytes of `encodeRecord`; storage checksums vouch for that. */
export function decodeRecord(bytes: Uint8Array): Version[] {
  assert(bytes[0] === FORMAT, () => `record format ${bytes[0]}`);
  if (bytes[1] === 1) {
    const single = decodePlain(bytes);
    if (single !== undefined) return [single];
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const versions: Version[] = [];
  let at = HEADER_BYTES;
  const count = bytes[1]!;
  for (let i = 0; count === 0 ? at < bytes.length : i < count; i++) {
    const tombstone = bytes[at++] === TOMBSTONE;
    const stamp = view.getFloat64(at);
    at += 8;
    const origin = originAt(bytes, at);
    at += 1 + origin.length;
    const seen = vector(bytes, view, at);
    const deps = vector(bytes, view, seen.end);
    const length = view.getUint32(deps.end);
    at = deps.end + 4;
    versions.push({
      stamp,
      origin,
      ...(tombstone ? {} : { value: decodeText(bytes.subarray(at, at + length)) }),
      ...(seen.vector ? { seen: seen.vector } : {}),
      ...(deps.vector ? { deps: deps.vector } : {}),
    });
    at += length;
  }
  assert(at === bytes.length, () => `record of ${bytes.length} bytes ends at ${at}`);
  return versions;
}

/** The same with "" in place of each value, and without sessions: for whoever lists keys, and asks for no values. */
export function decodeOutline(bytes: Uint8Array): Version[] {
  assert(bytes[0] === FORMAT, () => `record format ${bytes[0]}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const versions: Version[] = [];
  let at = HEADER_BYTES;
  const count = bytes[1]!;
  for (let i = 0; count === 0 ? at < bytes.length : i < count; i++) {
    const isTombstone = bytes[at++] === TOMBSTONE;
    const stamp = view.getFloat64(at);
    const origin = originAt(bytes, at + 8);
    const seen = vector(bytes, view, at + 9 + origin.length);
    const deps = vector(bytes, view, seen.end);
    versions.push({
      stamp,
      origin,
      ...(isTombstone ? {} : { value: "" }),
      ...(seen.vector ? { seen: seen.vector } : {}),
    });
    at = deps.end + 4 + view.getUint32(deps.end);
  }
  assert(at === bytes.length, () => `record of ${bytes.length} bytes ends at ${at}`);
  return versions;
}

/** The version of a record that has one, without vectors: nearly all are so, and a view of the bytes costs more than this. */
function decodePlain(bytes: Uint8Array): Version | undefined {
  const isTombstone = bytes[HEADER_BYTES] === TOMBSTONE;
  const seen = FIRST_ORIGIN + 1 + bytes[FIRST_ORIGIN]!;
  if ((bytes[seen]! | bytes[seen + 1]! | bytes[seen + 2]! | bytes[seen + 3]!) !== 0) return undefined;
  const begin = seen + 8;
  const length = bytes[seen + 4]! << 24 | bytes[seen + 5]! << 16 | bytes[seen + 6]! << 8 | bytes[seen + 7]!;
  assert(begin + length === bytes.length, () => `record of ${bytes.length} bytes ends at ${begin + length}`);
  const stamp = firstStamp(bytes);
  const origin = originAt(bytes, FIRST_ORIGIN);
  if (!isTombstone) return { stamp, origin, value: decodeText(bytes.subarray(begin)) };
  return { stamp, origin };
}

/** Origins that are remembered. */
const ORIGINS_MAX = 16;

/** Origins met lately, as text and as they lie in records. Why: few write, and to make a text is dearer than to find it. */
const origins: { readonly text: Origin; readonly bytes: Uint8Array }[] = [];
/** Where the next origin is remembered. */
let originIndex = 0;

/** The origin that lies at `at`. */
function originAt(bytes: Uint8Array, at: number): Origin {
  for (let i = 0; i < origins.length; i++) if (liesAt(bytes, at, origins[i]!.bytes)) return origins[i]!.text;
  const own = bytes.slice(at, at + 1 + bytes[at]!);
  const text = String.fromCharCode(...own.subarray(1));
  // Why: what a record that ends too soon has of one is the beginning of others, and would be found in their place.
  if (own.length === 1 + own[0]!) origins[originIndex++ % ORIGINS_MAX] = { text, bytes: own };
  return text;
}

function liesAt(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false;
  return true;
}

/** Whether both records hold one version each: then `compareSingles` settles them without decoding. */
export function areSingles(a: Uint8Array, b: Uint8Array): boolean {
  return a[1] === 1 && b[1] === 1;
}

/** Whether a record holds anything but deletes. */
export function hasValue(record: Uint8Array): boolean {
  if (record[1] === 1) return record[HEADER_BYTES] !== TOMBSTONE;
  return decodeRecord(record).some(({ value }) => value !== undefined);
}

/** Order of two single-version records by stamp, origin and then bytes: the total order, straight from the bytes. */
export function compareSingles(a: Uint8Array, b: Uint8Array): number {
  for (let i = FIRST_STAMP; i < FIRST_ORIGIN; i++) {
    // Positive doubles compare like their big-endian bytes.
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  const byOrigin = compareBytes(origin(a), origin(b));
  return byOrigin !== 0 ? byOrigin : compareBytes(a, b);
}

/** Whether the first versions of both records are one write. */
export function isSameFirst(a: Uint8Array, b: Uint8Array): boolean {
  const end = FIRST_ORIGIN + 1 + a[FIRST_ORIGIN]!;
  for (let i = FIRST_STAMP; i < end; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether both records hold one write, each as another: some disk broke its promise (HAZARD H6). */
export function hasOtherTwin(a: Uint8Array, b: Uint8Array): boolean {
  if (areSingles(a, b)) return isSameFirst(a, b) && !equalBytes(a, b);
  const others = decodeRecord(b);
  return decodeRecord(a).some((version) => {
    const twin = others.find((other) => compareVersions(version, other) === 0);
    return twin !== undefined && !equalBytes(encodeRecord([version]), encodeRecord([twin]));
  });
}

/** The name of the first version of a record. */
export function firstDot(record: Uint8Array): { readonly stamp: number; readonly origin: Origin } {
  return { stamp: firstStamp(record), origin: originAt(record, FIRST_ORIGIN) };
}

/** The stamp of the first version. Why copied: a view of the bytes costs more. */
function firstStamp(record: Uint8Array): number {
  for (let i = 0; i < 8; i++) SCRATCH[i] = record[FIRST_STAMP + i]!;
  return SCRATCH_VIEW.getFloat64(0);
}

function origin(record: Uint8Array): Uint8Array {
  return record.subarray(FIRST_ORIGIN + 1, FIRST_ORIGIN + 1 + record[FIRST_ORIGIN]!);
}

function vectorBytes(vector: Vector | undefined): number {
  let size = 2;
  if (vector) { for (const origin of Object.keys(vector)) size += 9 + origin.length; }
  return size;
}

function putAscii(bytes: Uint8Array, at: number, text: string): number {
  bytes[at] = text.length;
  for (let i = 0; i < text.length; i++) bytes[at + 1 + i] = text.charCodeAt(i);
  return at + 1 + text.length;
}

function putVector(bytes: Uint8Array, view: DataView, at: number, vector: Vector | undefined): number {
  // Why: sorted, so that one vector has one form and equal versions have equal bytes.
  const entries = vector ? Object.entries(vector).sort(([a], [b]) => a < b ? -1 : 1) : [];
  view.setUint16(at, entries.length);
  at += 2;
  for (const [origin, stamp] of entries) {
    at = putAscii(bytes, at, origin);
    view.setFloat64(at, stamp);
    at += 8;
  }
  return at;
}

function vector(bytes: Uint8Array, view: DataView, at: number): { vector: Vector | undefined; end: number } {
  const count = view.getUint16(at);
  at += 2;
  if (count === 0) return { vector: undefined, end: at };
  const entries: [Origin, number][] = [];
  for (let i = 0; i < count; i++) {
    const origin = originAt(bytes, at);
    at += 1 + origin.length;
    entries.push([origin, view.getFloat64(at)]);
    at += 8;
  }
  return { vector: Object.fromEntries(entries), end: at };
}
