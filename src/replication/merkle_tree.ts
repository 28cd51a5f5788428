/**
 * A Merkle tree over the cells that two replicas share, and the walk down it that finds where they differ.
 *
 * **Idea.** The keys of a keyspace fall into cells, by number from 0 on. For each cell a replica keeps a leaf: the XOR of one
 * well mixed 64-bit digest for each record in it. The hash of a range of cells is the XOR of their leaves. Two replicas that
 * hold the same have the same hash for every range; where hashes differ they hash the parts of the range, and so down to
 * buckets, whose keys they then compare one by one.
 *
 * ```
 * width 65,536   [                 differs                  ]   1 hash
 * width  4,096   [ = ][ = ][ differs ][ = ] … [ = ]            16 hashes
 * width    256             [ = ][ differs ] … [ = ]            16 hashes for each range that differs
 * width     16             …
 * width      1                 ▪ a bucket: its keys are compared
 * ```
 *
 * Why XOR, and not a hash of the hashes below: any range, and any set of cells that happens to be shared with this one peer,
 * has a hash at once, without a tree that is built, kept and rebuilt when members come and go. A write changes one leaf and
 * nothing above it. The price: whoever can choose records can make two different sets with one hash. Peers are trusted; a
 * client can choose keys and values, but not the stamp and the origin that the digest begins with.
 *
 * **Pitfalls.**
 * - A digest must be mixed before it goes into an XOR. Checksums are linear: the same change in two records would cancel.
 * - Cells must not depend on who is a member, or each change of membership would move every leaf.
 * - A hash of 0 is "nothing there". Where one side of a range is empty there is nothing to compare: its keys are sent.
 * - Both sides go on writing while they are compared. What differs at one level may be equal at the next, and a key that
 *   changed behind the walk is found by the next walk: no answer here is more than a hint where to look.
 * - Two replicas may see their shared cells differently for a while. Ranges are named by cell numbers, not by positions
 *   among what is shared, so that such a difference costs a comparison and corrupts nothing.
 *
 * **References.** Merkle, "A Digital Signature Based on a Conventional Encryption Function" (1987); DeCandia et al.,
 * "Dynamo" (2007), section 4.7; Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing" (1997), on XOR.
 * @module
 */
import { assert } from "../base/assert.ts";
import { mark } from "../base/mark.ts";
import { NO_BUGS, type PlantedBug } from "../base/planted_bug.ts";

/** Into how many parts a range is split that differs. */
const FAN_OUT = 16;

/** Ranges split in one question: their hashes make a line of 45 KiB. */
const SPLIT_RANGES_MAX = 256;

/** Characters of a hash on the wire. */
export const HASH_CHARS = 11;

/** Of base64, as in URLs. */
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Leaves by cell number, in two halves. */
export interface LeafHashes {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
  /** Rises with every change. */
  readonly changeCount: number;
}

/** Cells [begin, end). */
export interface Span {
  readonly begin: number;
  readonly end: number;
}

/** Where two replicas differ. */
export interface DifferingSpan extends Span {
  /** The other side holds nothing there. */
  readonly isLacking: boolean;
}

/** Ranges of `width` cells by index (index i begins at cell i · width), and in how many parts each is hashed. */
export interface Split {
  readonly width: number;
  readonly parts: number;
  /** Ascending. */
  readonly ranges: readonly number[];
}

/** Which parts have another hash on the side that was asked, by index in parts; of these, those in which it holds nothing. */
export interface Comparison {
  readonly differ: readonly number[];
  readonly lacking: readonly number[];
}

/** The tree of one replica over some cells of one keyspace. It is a view: leaves that change are seen at once. */
export class MerkleTree {
  /** Of the keyspace, shared or not; a power of two. */
  readonly cellCount: number;
  readonly #leaves: LeafHashes;
  /** The cells in it, ascending. */
  readonly #cells: Uint32Array;
  /** The hash of all cells, and the leaves' `changeCount` that it is of. */
  #root = { hash: "", changeCount: -1 };

  constructor(leaves: LeafHashes, cells: Uint32Array) {
    this.cellCount = leaves.high.length;
    this.#leaves = leaves;
    this.#cells = cells;
  }

  /** The cells of a span that are in the tree. */
  cellsOf({ begin, end }: Span): Uint32Array {
    return this.#cells.subarray(lowerBound(this.#cells, begin), lowerBound(this.#cells, end));
  }

  /** The hash of a span, as it travels; `EMPTY` where nothing is in it. */
  hashOf(span: Span): string {
    const { changeCount } = this.#leaves;
    const isRoot = span.begin === 0 && span.end === this.cellCount;
    // Why: most comparisons are of the root alone, and of leaves that nobody has changed since the last.
    if (isRoot && this.#root.changeCount === changeCount) return this.#root.hash;
    const hash = this.#reckon(span);
    if (isRoot) this.#root = { hash, changeCount };
    return hash;
  }

  #reckon(span: Span): string {
    const { high, low } = this.#leaves;
    const cells = this.cellsOf(span);
    let upper = 0;
    let lower = 0;
    for (let i = 0; i < cells.length; i++) {
      upper ^= high[cells[i]!]!;
      lower ^= low[cells[i]!]!;
    }
    return hashText(upper, lower);
  }

  /** The hashes of all parts of a split, behind each other. */
  hashesOf(split: Split): string {
    const width = split.width / split.parts;
    let hashes = "";
    for (const index of partsOf(split)) hashes += this.hashOf(spanOf(index, width));
    return hashes;
  }

  /** Holds a peer's hashes against our own. Undefined where they are none of a split of this tree. */
  compare(split: Split, hashes: string): Comparison | undefined {
    if (!this.#isSplit(split) || hashes.length !== HASH_CHARS * split.ranges.length * split.parts) {
      return undefined;
    }
    const width = split.width / split.parts;
    const differ: number[] = [];
    const lacking: number[] = [];
    let at = 0;
    for (const index of partsOf(split)) {
      const own = this.hashOf(spanOf(index, width));
      const theirs = hashes.slice(at, at += HASH_CHARS);
      if (own === theirs) continue;
      differ.push(index);
      if (own === EMPTY) lacking.push(index);
    }
    return { differ, lacking };
  }

  #isSplit({ width, parts, ranges }: Split): boolean {
    if (!isPowerOfTwo(width) || !isPowerOfTwo(parts) || parts > Math.min(width, FAN_OUT)) return false;
    if (width > this.cellCount || ranges.length > SPLIT_RANGES_MAX) return false;
    return ranges.every((range, i) => range < this.cellCount / width && (i === 0 || range > ranges[i - 1]!));
  }
}

/** The hash of a range in which there is nothing. */
export const EMPTY = hashText(0, 0);

/** One walk down: asks, hears, asks about what differs, until it knows all buckets that do. */
export class MerkleWalk {
  readonly #tree: MerkleTree;
  readonly #bucketWidth: number;
  readonly #bugs: ReadonlySet<PlantedBug>;
  /** Ranges of this width, known to differ and still to be split; but for the first question, which splits nothing. */
  #width: number;
  #ranges: number[] = [0];
  #isFirst = true;
  /** Those of the next finer width. */
  #finer: number[] = [];
  #asked: Split | undefined;
  readonly #found: DifferingSpan[] = [];

  /** `bucketCount`: how many buckets are told apart at the finest level; a power of two. */
  constructor(tree: MerkleTree, bucketCount: number, bugs: ReadonlySet<PlantedBug> = NO_BUGS) {
    this.#tree = tree;
    this.#width = tree.cellCount;
    this.#bucketWidth = Math.max(1, tree.cellCount / bucketCount);
    this.#bugs = bugs;
  }

  /** What to ask now: the same until it is answered. Undefined at the end. */
  question(): Split | undefined {
    if (this.#asked !== undefined) return this.#asked;
    if (this.#ranges.length === 0 && this.#finer.length > 0) {
      this.#width /= this.#parts;
      this.#ranges = this.#finer;
      this.#finer = [];
    }
    if (this.#ranges.length === 0) return undefined;
    const parts = this.#isFirst ? 1 : this.#parts;
    const ranges = this.#ranges.splice(0, SPLIT_RANGES_MAX);
    this.#asked = { width: this.#width, parts, ranges };
    return this.#asked;
  }

  /** The peer's answer to the question. Requires: one was asked. */
  onCompared({ differ, lacking }: Comparison): void {
    const asked = this.#asked;
    assert(asked !== undefined, "an answer to no question");
    this.#asked = undefined;
    const width = asked.width / asked.parts;
    const parts = new Set(partsOf(asked));
    const isLacking = new Set(lacking);
    for (const index of differ) {
      // What was not asked about is none of our business.
      if (!parts.delete(index)) continue;
      const span = spanOf(index, width);
      const isOursEmpty = this.#tree.hashOf(span) === EMPTY;
      if (isLacking.has(index) || isOursEmpty || width <= this.#bucketWidth) {
        if (width > this.#bucketWidth) mark("merkle tree: a range that one side lacks is walked no further");
        this.#found.push({ ...span, isLacking: isLacking.has(index) });
      } else if (this.#isFirst) this.#ranges.push(index);
      else this.#finer.push(index);
    }
    this.#isFirst = false;
  }

  /** Where the two differ, ascending, adjacent spans in one. Requires: the walk has ended. */
  found(): DifferingSpan[] {
    const found = this.#found.sort((a, b) => a.begin - b.begin);
    if (this.#bugs.has("skip_merkle_bucket")) found.shift();
    const spans: DifferingSpan[] = [];
    for (const span of found) {
      const last = spans.at(-1);
      if (last?.end !== span.begin || last.isLacking !== span.isLacking) spans.push(span);
      else spans[spans.length - 1] = { ...last, end: span.end };
    }
    return spans;
  }

  /** Into how many parts the ranges of this width go. */
  get #parts(): number {
    return Math.min(FAN_OUT, this.#width / this.#bucketWidth);
  }
}

/** Sixty-four bits as eleven characters of base64. */
export function hashText(high: number, low: number): string {
  return DIGITS[high >>> 26]! + DIGITS[high >>> 20 & 63] + DIGITS[high >>> 14 & 63] +
    DIGITS[high >>> 8 & 63] + DIGITS[high >>> 2 & 63] + DIGITS[(high & 3) << 4 | low >>> 28] +
    DIGITS[low >>> 22 & 63] + DIGITS[low >>> 16 & 63] + DIGITS[low >>> 10 & 63] +
    DIGITS[low >>> 4 & 63] + DIGITS[(low & 15) << 2];
}

function spanOf(index: number, width: number): Span {
  return { begin: index * width, end: (index + 1) * width };
}

/** Indexes of all parts of a split. */
function* partsOf({ ranges, parts }: Split): Iterable<number> {
  for (const range of ranges) for (let part = 0; part < parts; part++) yield range * parts + part;
}

/** Index of the first cell that is not before `cell`. */
function lowerBound(cells: Uint32Array, cell: number): number {
  let begin = 0;
  let end = cells.length;
  while (begin < end) {
    const middle = (begin + end) >>> 1;
    if (cells[middle]! < cell) begin = middle + 1;
    else end = middle;
  }
  return begin;
}

function isPowerOfTwo(count: number): boolean {
  return Number.isSafeInteger(count) && count > 0 && count <= 2 ** 30 && (count & count - 1) === 0;
}
