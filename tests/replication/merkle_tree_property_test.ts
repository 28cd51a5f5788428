import { assert, assertEquals } from "@std/assert";
import type { PlantedBug } from "../../src/base/planted_bug.ts";
import { Random } from "../../src/base/random.ts";
import { type DifferingSpan, MerkleTree, MerkleWalk } from "../../src/replication/merkle_tree.ts";

/** Digests of records, by cell: the dumb version of a replica. */
type Cells = ReadonlyMap<number, readonly [number, number][]>;

interface Sides {
  readonly cellCount: number;
  readonly shared: readonly number[];
  readonly ours: Cells;
  readonly theirs: Cells;
}

function treeOf({ cellCount, shared }: Sides, cells: Cells): MerkleTree {
  const high = new Uint32Array(cellCount);
  const low = new Uint32Array(cellCount);
  for (const [cell, digests] of cells) {
    for (const [upper, lower] of digests) {
      high[cell]! ^= upper;
      low[cell]! ^= lower;
    }
  }
  return new MerkleTree({ high, low, changeCount: 0 }, Uint32Array.from(shared));
}

/** Sets of any size that have much in common, over cells that are all shared, or some of them. */
function draw(random: Random): Sides {
  const cellCount = random.pick([256, 65_536]);
  const perMille = random.pick([1000, 1000, 500, 10]);
  const shared = Array.from({ length: cellCount }, (_, cell) => cell).filter(() => random.chance(perMille));
  const ours = new Map<number, [number, number][]>();
  const theirs = new Map<number, [number, number][]>();
  const add = (cells: Map<number, [number, number][]>, cell: number, digest: [number, number]): void =>
    void cells.set(cell, [...cells.get(cell) ?? [], digest]);
  const count = random.pick([0, 1, 30, 1000]);
  const lost = random.pick([0, 10, 500]);
  const [lostHere, lostThere] = [random.pick([0, lost, 1000]), random.pick([0, lost, 1000])];
  for (let i = 0; i < count; i++) {
    const cell = random.below(random.pick([cellCount, 40]));
    const digest: [number, number] = [random.uint32(), random.uint32()];
    if (!random.chance(lostHere)) add(ours, cell, digest);
    if (!random.chance(lostThere)) add(theirs, cell, digest);
    else if (random.chance(300)) add(theirs, cell, [random.uint32(), random.uint32()]);
  }
  return { cellCount, shared, ours, theirs };
}

function walk(sides: Sides, bucketCount: number, bugs?: ReadonlySet<PlantedBug>): {
  readonly spans: DifferingSpan[];
  readonly hashCount: number;
} {
  const ours = treeOf(sides, sides.ours);
  const theirs = treeOf(sides, sides.theirs);
  const walk = new MerkleWalk(ours, bucketCount, bugs);
  let hashCount = 0;
  for (let split = walk.question(); split !== undefined; split = walk.question()) {
    assertEquals(walk.question(), split, "a question stays the same until it is answered");
    const hashes = ours.hashesOf(split);
    hashCount += hashes.length / 11;
    assert(hashes.length < 48 * 1024);
    const comparison = theirs.compare(split, hashes);
    assert(comparison !== undefined);
    walk.onCompared(comparison);
  }
  return { spans: walk.found(), hashCount };
}

function differing({ shared, ours, theirs }: Sides): number[] {
  return shared.filter((cell) => JSON.stringify(ours.get(cell)) !== JSON.stringify(theirs.get(cell)));
}

Deno.test("Walking down two Merkle trees finds what a full comparison finds, whatever the sets, cells and buckets", () => {
  let foundCount = 0;
  let lackingCount = 0;
  for (let seed = 0; seed < 150; seed++) {
    const random = new Random(seed);
    const sides = draw(random);
    const bucketCount = 2 ** random.between(4, 16);
    const { spans } = walk(sides, bucketCount);
    const message = `seed ${seed}`;
    const differ = differing(sides);
    const width = Math.max(1, sides.cellCount / bucketCount);
    const isIn = (cell: number): boolean => spans.some(({ begin, end }) => begin <= cell && cell < end);
    assertEquals(differ.filter((cell) => !isIn(cell)), [], message);
    for (const [i, { begin, end, isLacking }] of spans.entries()) {
      assert(i === 0 || spans[i - 1]!.end <= begin, message);
      assertEquals([begin % width, end % width], [0, 0], message);
      const here = sides.shared.filter((cell) => begin <= cell && cell < end);
      assertEquals(isLacking, here.every((cell) => !sides.theirs.has(cell)), message);
      lackingCount += isLacking ? 1 : 0;
      // Nothing is looked at in vain, but in a bucket beside what differs, or in a range of which one side has nothing.
      const isOneSided = isLacking || here.every((cell) => !sides.ours.has(cell));
      for (let bucket = begin; !isOneSided && bucket < end; bucket += width) {
        assert(differ.some((cell) => bucket <= cell && cell < bucket + width), message);
      }
    }
    foundCount += differ.length;
  }
  assert(foundCount > 1000 && lackingCount > 20, `${foundCount}, ${lackingCount}`);
});

Deno.test("A Merkle walk over equal trees asks for one hash, and for one key that differs for some dozens", () => {
  const random = new Random(1);
  const sides = { ...draw(random), cellCount: 65_536, shared: Array.from({ length: 65_536 }, (_, i) => i) };
  const ours = new Map(Array.from({ length: 65_536 }, (_, cell) => [cell, [[cell, cell + 1]]] as const));
  const equal = { ...sides, ours, theirs: ours } as unknown as Sides;
  assertEquals(walk(equal, 65_536).hashCount, 1);
  const one = { ...equal, theirs: new Map([...ours, [4711, [[1, 2]]]]) } as unknown as Sides;
  assertEquals(walk(one, 65_536), {
    spans: [{ begin: 4711, end: 4712, isLacking: false }],
    hashCount: 1 + 4 * 16,
  });
});

Deno.test("A Merkle walk with the planted bug skip_merkle_bucket misses one", () => {
  const sides: Sides = {
    cellCount: 256,
    shared: [1, 2, 3],
    ours: new Map([[1, [[1, 1]]], [3, [[3, 3]]]]),
    theirs: new Map([[2, [[5, 9]]]]),
  };
  assertEquals(walk(sides, 256, new Set(["skip_merkle_bucket"])).spans.map(({ begin }) => begin), [2, 3]);
});

Deno.test("A Merkle tree refuses a split that is none of its own", () => {
  const tree = new MerkleTree(
    { high: new Uint32Array(256), low: new Uint32Array(256), changeCount: 0 },
    Uint32Array.of(1, 2),
  );
  const hash = "AAAAAAAAAAA";
  const good = { width: 16, parts: 2, ranges: [3, 15] };
  assertEquals(tree.compare(good, hash.repeat(4)), { differ: [], lacking: [] });
  for (
    const [split, hashes] of [
      [good, hash.repeat(3)],
      [{ ...good, width: 17 }, hash.repeat(4)],
      [{ ...good, width: 0 }, hash.repeat(4)],
      [{ ...good, width: 512, ranges: [0] }, hash.repeat(2)],
      [{ ...good, parts: 32 }, hash.repeat(64)],
      [{ ...good, parts: 3 }, hash.repeat(6)],
      [{ ...good, ranges: [3, 16] }, hash.repeat(4)],
      [{ ...good, ranges: [3, 3] }, hash.repeat(4)],
      [{ width: 0.5, parts: 1, ranges: [0] }, hash],
    ] as const
  ) assertEquals(tree.compare(split, hashes), undefined, JSON.stringify(split));
});
