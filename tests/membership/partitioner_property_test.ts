import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { BYTE_CELLS, HASH_CELLS, hashCellOf, Placement } from "../../src/membership/partitioner.ts";
import { utf8ByteString } from "../../src/base/bytes.ts";

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `r${index + 1}`).sort();
}

function listOf(placement: Placement, cell: number): readonly string[] {
  return placement.lists[placement.indexOf(cell)]!;
}

const RINGS = fc.integer({ min: 1, max: 12 }).chain((count) =>
  fc.record({ count: fc.constant(count), replication: fc.integer({ min: 1, max: count }) })
);

Deno.test("Every cell has N distinct members, whatever the partitioner", () => {
  fc.assert(
    fc.property(RINGS, ({ count, replication }) => {
      for (
        const [partitioner, cellCount] of [
          ["all", BYTE_CELLS],
          ["byte-ordered", BYTE_CELLS],
          ["consistent-hash", HASH_CELLS],
        ] as const
      ) {
        const members = names(count);
        const placement = new Placement({ partitioner, members, replication, cellCount });
        for (let cell = 0; cell < cellCount; cell += 7) {
          const list = listOf(placement, cell);
          assertEquals(list.length, replication);
          assertEquals(new Set(list).size, replication);
          assert(list.every((id) => members.includes(id)));
        }
      }
    }),
    { numRuns: 10 },
  );
});

Deno.test("all: the first N members in id order hold every cell, the others none", () => {
  const placement = new Placement({
    partitioner: "all",
    members: names(4),
    replication: 3,
    cellCount: HASH_CELLS,
  });
  assertEquals(placement.lists, [["r1", "r2", "r3"]]);
});

Deno.test("byte-ordered: four members hold a quarter of the bytes each, with copies on the next ones clockwise", () => {
  const options = { partitioner: "byte-ordered", members: names(4), cellCount: BYTE_CELLS } as const;
  const placement = new Placement({ ...options, replication: 3 });
  assertEquals(listOf(placement, 0), ["r1", "r2", "r3"]);
  assertEquals(listOf(placement, 63), ["r1", "r2", "r3"]);
  assertEquals(listOf(placement, 64), ["r2", "r3", "r4"]);
  assertEquals(listOf(placement, 128), ["r3", "r4", "r1"]);
  assertEquals(listOf(placement, 255), ["r4", "r1", "r2"]);
});

Deno.test("byte-ordered: ranges are equal to within one byte, and rise with the members", () => {
  for (let count = 1; count <= 64; count++) {
    const members = names(count);
    const placement = new Placement({
      partitioner: "byte-ordered",
      members,
      replication: 1,
      cellCount: BYTE_CELLS,
    });
    const owners = Array.from(
      { length: BYTE_CELLS },
      (_, cell) => members.indexOf(listOf(placement, cell)[0]!),
    );
    assertEquals(owners, [...owners].sort((a, b) => a - b));
    const sizes = members.map((_, index) => owners.filter((owner) => owner === index).length);
    assert(Math.max(...sizes) - Math.min(...sizes) <= 1, `${count} members: ${sizes}`);
  }
});

Deno.test("consistent-hash: a member that joins n others takes about 1/(n+1) of the cells, and none moves between old ones", () => {
  fc.assert(
    fc.property(RINGS, fc.integer({ min: 0, max: 99 }), ({ count, replication }, suffix) => {
      const olds = names(count);
      const joiner = `x${suffix}`;
      const options = { partitioner: "consistent-hash", replication, cellCount: HASH_CELLS } as const;
      const before = new Placement({ ...options, members: olds });
      const after = new Placement({ ...options, members: [...olds, joiner].sort() });
      let taken = 0;
      for (let cell = 0; cell < HASH_CELLS; cell++) {
        const [old, now] = [listOf(before, cell), listOf(after, cell)];
        const isTaken = now.includes(joiner);
        if (isTaken) taken++;
        // The joiner pushes the last one out, and nobody else changes.
        const [kept, stays] = isTaken ? [now.filter((id) => id !== joiner), old.slice(0, -1)] : [now, old];
        if (kept.join() !== stays.join()) assertEquals(kept, stays, `cell ${cell}`);
      }
      const share = taken / HASH_CELLS / replication;
      const fair = 1 / (count + 1);
      assert(share > fair * 0.65 && share < fair * 1.35, `took ${share} of the copies, fair are ${fair}`);
    }),
    { numRuns: 8 },
  );
});

Deno.test("consistent-hash: members hold about equal shares, and keys spread over them", () => {
  const members = names(5);
  const placement = new Placement({
    partitioner: "consistent-hash",
    members,
    replication: 3,
    cellCount: HASH_CELLS,
  });
  const counts = new Map(members.map((id) => [id, 0]));
  for (let index = 0; index < 10_000; index++) {
    const primary = listOf(placement, hashCellOf(utf8ByteString(`user:${index}`)))[0]!;
    counts.set(primary, counts.get(primary)! + 1);
  }
  for (const [id, count] of counts) {
    assert(count > 1400 && count < 2600, `${id} is primary of ${count} of 10000`);
  }
});

Deno.test("consistent-hash: where these keys lie never changes", () => {
  const placement = new Placement({
    partitioner: "consistent-hash",
    members: names(4),
    replication: 3,
    cellCount: HASH_CELLS,
  });
  const lists = ["a", "user:1", "user:2", "é", "😀"].map((key) =>
    listOf(placement, hashCellOf(utf8ByteString(key))).join(" ")
  );
  assertEquals(lists, GOLDEN);
});

const GOLDEN = ["r3 r2 r4", "r2 r1 r4", "r1 r4 r3", "r4 r1 r2", "r3 r2 r4"];
