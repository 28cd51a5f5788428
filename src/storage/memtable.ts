/** Everything the store holds, in memory: found by key, and walked in key order. Knows nothing of disks. @module */
import type { ByteString } from "../base/bytes.ts";
import type { StoreWrite } from "../ports.ts";

/** What a scan found; `more` tells whether keys in the range follow the last one. */
export interface Page {
  readonly entries: readonly StoreWrite[];
  readonly more: boolean;
}

/** Keys and values of one moment, at equal indexes. The values are shared, not copied. */
export interface Snapshot {
  readonly keys: readonly ByteString[];
  readonly values: readonly Uint8Array[];
}

/**
 * Bounds of a scan: keys in [begin, end), at most `countMax`; it stops before the entry with which keys and values
 * together would exceed `bytesMax`, but gives at least one.
 */
export interface ScanRange {
  readonly begin: ByteString;
  readonly end: ByteString;
  readonly countMax: number;
  readonly bytesMax: number;
}

/** Keys of `#recent`, over the root of those of `#sorted`, up to which they stay apart. */
const RECENT_FACTOR = 16;

/** A map in key order. The order is made when somebody scans, so that a write costs the same at any size. */
export class Memtable {
  readonly #values = new Map<ByteString, Uint8Array>();
  /** Invariant: sorted; with `#recent` and `#added` it holds each key of `#values` and of `#removed` once, and no other. */
  #sorted: ByteString[] = [];
  /**
   * Keys that came later, sorted too. Why apart: every put brings a key, if only that of its owed record, and a scan
   * between puts would go through all keys for the sake of a few.
   */
  #recent: ByteString[] = [];
  /** Keys that came after the last scan. Why a set: those that go before the next scan must leave nothing behind. */
  readonly #added = new Set<ByteString>();
  /** Keys that `#sorted` or `#recent` still name, though they are gone. */
  readonly #removed = new Set<ByteString>();
  #bytes = 0;

  /** Keys held. */
  get count(): number {
    return this.#values.size;
  }

  /** Bytes of all keys and values. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The value, or undefined. */
  get(key: ByteString): Uint8Array | undefined {
    return this.#values.get(key);
  }

  /** Replaces the value, or removes the key. Requires: nobody changes `value` afterwards. */
  set(key: ByteString, value: Uint8Array | undefined): void {
    const held = this.#values.get(key);
    if (held !== undefined) this.#bytes -= key.length + held.length;
    if (value === undefined) {
      if (held === undefined) return;
      this.#values.delete(key);
      if (!this.#added.delete(key)) this.#removed.add(key);
      return;
    }
    this.#bytes += key.length + value.length;
    this.#values.set(key, value);
    if (held === undefined && !this.#removed.delete(key)) this.#added.add(key);
  }

  /** The entries of a range in key order. */
  scan({ begin, end, countMax, bytesMax }: ScanRange): Page {
    this.#sort();
    const entries: StoreWrite[] = [];
    let bytes = 0;
    const [sorted, recent] = [this.#sorted, this.#recent];
    let i = lowerBound(sorted, begin);
    let j = lowerBound(recent, begin);
    while (i < sorted.length || j < recent.length) {
      const isRecent = i === sorted.length || (j < recent.length && recent[j]! < sorted[i]!);
      const key = isRecent ? recent[j++]! : sorted[i++]!;
      if (key >= end) break;
      const value = this.#values.get(key);
      if (value === undefined) continue;
      bytes += key.length + value.length;
      if (entries.length >= countMax || (entries.length > 0 && bytes > bytesMax)) {
        return { entries, more: true };
      }
      entries.push({ key, value });
    }
    return { entries, more: false };
  }

  /** Everything held, in no order. Requires: nothing changes before the last of it was taken. */
  *entries(): Iterable<StoreWrite> {
    for (const [key, value] of this.#values) yield { key, value };
  }

  /** Everything held at this moment. */
  snapshot(): Snapshot {
    return { keys: [...this.#values.keys()], values: [...this.#values.values()] };
  }

  #sort(): void {
    const isThere = (key: ByteString): boolean => !this.#removed.has(key);
    if (2 * this.#removed.size > this.#sorted.length + this.#recent.length) {
      this.#sorted = this.#sorted.filter(isThere);
      this.#recent = this.#recent.filter(isThere);
      this.#removed.clear();
    }
    if (this.#added.size === 0) return;
    const recent = this.#recent.filter((key) => !this.#removed.delete(key));
    // Why: no comparator. The default order is by UTF-16 units, which for byte strings is byte order, and faster.
    this.#recent = mergeSorted(recent, [...this.#added].sort());
    this.#added.clear();
    if (this.#recent.length <= RECENT_FACTOR * Math.sqrt(this.#sorted.length)) return;
    this.#sorted = mergeSorted(this.#sorted, this.#recent);
    this.#recent = [];
  }
}

/** Index of the first key that is not before `key`. */
function lowerBound(sorted: readonly ByteString[], key: ByteString): number {
  let begin = 0;
  let end = sorted.length;
  while (begin < end) {
    const middle = (begin + end) >>> 1;
    if (sorted[middle]! < key) begin = middle + 1;
    else end = middle;
  }
  return begin;
}

function mergeSorted(a: readonly ByteString[], b: readonly ByteString[]): ByteString[] {
  const merged: ByteString[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) merged.push(a[i]! < b[j]! ? a[i++]! : b[j++]!);
  while (i < a.length) merged.push(a[i++]!);
  while (j < b.length) merged.push(b[j++]!);
  return merged;
}
