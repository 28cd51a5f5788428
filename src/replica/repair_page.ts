/** The order in which anti-entropy goes through keys, and one page after the other of what this side holds. @module */
import type { ByteString } from "../base/bytes.ts";
import { REPAIR_KEYS_MAX, REPAIR_LIST_BYTES_MAX, REPAIR_SPANS_MAX } from "../protocol/limits.ts";
import type { MerkleTree, Span } from "../replication/merkle_tree.ts";
import type { CellKeys } from "./cell_keys.ts";
import type { Keyspace } from "./keyspace.ts";

/** What stands beside a key in a list: its stamp, its digest and what JSON puts around them. */
const DIGEST_BYTES = 40;

/** A place in the order of keys: by cell, and in a cell by bytes. */
export interface Place {
  readonly cell: number;
  readonly key: ByteString;
}

/** Where a key stands. */
export function placeOf(keyspace: Keyspace, key: ByteString): Place {
  return { cell: keyspace.cellOf(key), key };
}

/** Negative where `a` stands before `b`. */
export function comparePlaces(a: Place, b: Place): number {
  return a.cell - b.cell || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}

/** The keys of a span, in order. */
export function* placesIn(tree: MerkleTree, cellKeys: CellKeys, span: Span): Iterable<Place> {
  for (const cell of tree.cellsOf(span)) for (const key of cellKeys.of(cell)) yield { cell, key };
}

/** Bytes that a key takes in a list, at most. Why both: JSON tells how much is escaped, the key how long its UTF-8 is. */
export function listBytesOf(keyspace: Keyspace, key: ByteString): number {
  return JSON.stringify(keyspace.wireKey(key)).length + key.length + DIGEST_BYTES;
}

/** Some keys, and the part of the spans that they are all keys of. */
export interface KeyPage {
  readonly spans: readonly Span[];
  readonly keys: readonly ByteString[];
  /** Only keys behind this one belong to the page, and only up to that one; undefined: all. */
  readonly after: ByteString | undefined;
  readonly until: ByteString | undefined;
}

/** Walks through the keys of some spans, a page at a time. Keys that come meanwhile are seen where it has not been yet. */
export class KeyPages {
  readonly #keyspace: Keyspace;
  readonly #tree: MerkleTree;
  readonly #cellKeys: CellKeys;
  readonly #spans: readonly Span[];
  #spanIndex = 0;
  /** The last key of the page before, where that ended within a span. */
  #after: Place | undefined;

  constructor(
    { keyspace, tree, cellKeys }: { keyspace: Keyspace; tree: MerkleTree; cellKeys: CellKeys },
    spans: readonly Span[],
  ) {
    this.#keyspace = keyspace;
    this.#tree = tree;
    this.#cellKeys = cellKeys;
    this.#spans = spans;
  }

  /** Spans that are not behind it. */
  get leftCount(): number {
    return this.#spans.length - this.#spanIndex;
  }

  /** The next page; undefined at the end. */
  next(): KeyPage | undefined {
    if (this.leftCount === 0) return undefined;
    const after = this.#after;
    const spans: Span[] = [];
    const keys: ByteString[] = [];
    let last: Place | undefined;
    let bytes = 0;
    for (; this.leftCount > 0 && spans.length < REPAIR_SPANS_MAX; this.#spanIndex++) {
      const span = this.#rest();
      spans.push(span);
      const behind = this.#after;
      for (const place of placesIn(this.#tree, this.#cellKeys, span)) {
        if (behind !== undefined && comparePlaces(place, behind) <= 0) continue;
        const { key } = place;
        const size = listBytesOf(this.#keyspace, key);
        if (keys.length > 0 && (keys.length === REPAIR_KEYS_MAX || bytes + size > REPAIR_LIST_BYTES_MAX)) {
          this.#after = last;
          return { spans, keys, after: after?.key, until: last!.key };
        }
        keys.push(key);
        bytes += size;
        last = place;
      }
      this.#after = undefined;
    }
    return { spans, keys, after: after?.key, until: undefined };
  }

  /** What is left of the span at hand. */
  #rest(): Span {
    const span = this.#spans[this.#spanIndex]!;
    if (this.#after === undefined) return span;
    return { begin: Math.max(span.begin, this.#after.cell), end: span.end };
  }
}
