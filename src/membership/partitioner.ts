/**
 * Who holds which keys. The keys of a keyspace fall into cells, which do not depend on who is a member; a partitioner
 * says which members hold a cell. Pure: the same members give the same placement everywhere.
 *
 * ```
 * all              cell ──▶ the first N members in id order
 * byte-ordered     cells 0 … 255 in equal ranges, one for each member in id order; copies on the next N − 1 clockwise
 * consistent-hash  each member has 128 virtual nodes, tokens on a ring of 65,536 cells; a cell belongs to the first N
 *                  distinct members met clockwise from it (Karger et al. 1997; Dynamo, sections 4.2 and 4.3)
 * ```
 * Tokens lie at the beginnings of cells (Dynamo, section 6.2, strategy 3): all keys of a cell have the same replicas, and
 * what is kept for each cell, such as Merkle leaves, stays as it is when members come and go.
 * @module
 */
import { assert } from "../base/assert.ts";
import type { ByteString } from "../base/bytes.ts";
import { hash64 } from "../base/hash64.ts";

/** All partitioners. File format: only append. */
export const PARTITIONERS = ["all", "byte-ordered", "consistent-hash"] as const;

/** One of these. */
export type Partitioner = typeof PARTITIONERS[number];

/** Cells of keys that are placed by their first byte, and of keys that are placed by their hash. */
export const BYTE_CELLS = 256;
/** See `BYTE_CELLS`. */
export const HASH_CELLS = 65_536;

/** Tokens of one member. Why so many: the shares of members then differ by about a tenth. Never change: keys would move. */
const VIRTUAL_NODES = 128;

/** The upper sixteen bits of the hash: the cell of a key on the ring. Disk format: never change. */
export function hashCellOf(key: ByteString): number {
  return hash64(key).high >>> 16;
}

/** What a placement is made from. */
export interface PlacementOptions {
  readonly partitioner: Partitioner;
  /** Ids in id order. */
  readonly members: readonly string[];
  /** N. */
  readonly replication: number;
  /** `BYTE_CELLS` or `HASH_CELLS`. */
  readonly cellCount: number;
}

/** The preference list of every cell. Equal lists are one array, so that what is known of a list can be kept by it. */
export class Placement {
  readonly #lists: readonly (readonly string[])[];
  /** Index into `#lists` of each cell. */
  readonly #listOf: Uint16Array;

  constructor(options: PlacementOptions) {
    const { members, replication, cellCount } = options;
    assert(replication >= 1 && replication <= members.length, () => `${replication} of ${members.length}`);
    const lists = new Map<string, { readonly index: number; readonly list: readonly string[] }>();
    this.#listOf = new Uint16Array(cellCount);
    let begin = 0;
    for (const { end, list } of spansOf(options)) {
      const name = list.join(" ");
      const known = lists.get(name) ?? { index: lists.size, list };
      lists.set(name, known);
      this.#listOf.fill(known.index, begin, end);
      begin = end;
    }
    this.#lists = [...lists.values()].map(({ list }) => list);
  }

  /** All preference lists that occur. */
  get lists(): readonly (readonly string[])[] {
    return this.#lists;
  }

  /** Index of the preference list of a cell in `lists`. */
  indexOf(cell: number): number {
    return this.#listOf[cell]!;
  }
}

/** Cells up to `end` (exclusive), from the end of the span before, that have one preference list. */
interface Span {
  readonly end: number;
  readonly list: readonly string[];
}

function spansOf({ partitioner, members, replication, cellCount }: PlacementOptions): Span[] {
  switch (partitioner) {
    case "all":
      return [{ end: cellCount, list: members.slice(0, replication) }];
    case "byte-ordered":
      assert(cellCount === BYTE_CELLS, "byte-ordered places bytes");
      return members.map((_, index) => ({
        end: Math.ceil(cellCount * (index + 1) / members.length),
        list: Array.from({ length: replication }, (_, step) => members[(index + step) % members.length]!),
      }));
    case "consistent-hash":
      return ringSpans(members, replication, cellCount);
  }
}

/** A virtual node. */
interface Token {
  readonly cell: number;
  readonly member: string;
}

function ringSpans(members: readonly string[], replication: number, cellCount: number): Span[] {
  const tokens = members.flatMap(tokensOf)
    .sort((a, b) => a.cell - b.cell || (a.member < b.member ? -1 : a.member > b.member ? 1 : 0));
  const spans: Span[] = [];
  for (let index = 0; index < tokens.length; index++) {
    const { cell } = tokens[index]!;
    // Of several tokens in one place the walk begins at the first.
    if (index > 0 && tokens[index - 1]!.cell === cell) continue;
    spans.push({ end: cell + 1, list: walk(tokens, index, replication) });
  }
  // Past the last token the ring begins again.
  return [...spans, { end: cellCount, list: spans[0]!.list }];
}

function tokensOf(member: string): Token[] {
  return Array.from(
    { length: VIRTUAL_NODES },
    (_, index) => ({ cell: hashCellOf(`${member}#${index}` as ByteString), member }),
  );
}

/** The first distinct members from a token on, clockwise. */
function walk(tokens: readonly Token[], from: number, count: number): string[] {
  const list: string[] = [];
  for (let step = 0; list.length < count; step++) {
    const { member } = tokens[(from + step) % tokens.length]!;
    if (!list.includes(member)) list.push(member);
  }
  return list;
}
