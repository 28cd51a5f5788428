/** Tests of `src/protocol/level.ts`. @module */
import { assert, assertEquals } from "@std/assert";
import { LEVELS, parseLevel, requiredCount } from "../../src/protocol/level.ts";

/** Every set of `count` copies out of `total`, as bit masks. */
function subsets(count: number, total: number): number[] {
  const ones = (mask: number): number => mask === 0 ? 0 : (mask & 1) + ones(mask >> 1);
  return Array.from({ length: 1 << total }, (_, mask) => mask).filter((mask) => ones(mask) === count);
}

Deno.test("QUORUM is the smallest count of which any two sets overlap", () => {
  for (let copies = 1; copies <= 7; copies++) {
    const overlaps = (count: number): boolean =>
      subsets(count, copies).every((a) => subsets(count, copies).every((b) => (a & b) !== 0));
    const quorum = Array.from({ length: copies }, (_, index) => index + 1).find(overlaps);
    assertEquals(requiredCount("QUORUM", copies), quorum, `${copies} copies`);
    assertEquals(requiredCount("ALL", copies), copies);
  }
  assertEquals(["ONE", "TWO", "THREE"].map((level) => requiredCount(parseLevel(level)!, 4)), [1, 2, 3]);
});

Deno.test("Any two levels whose counts exceed the copies share a replica", () => {
  for (let copies = 1; copies <= 5; copies++) {
    for (const write of LEVELS) {
      for (const read of LEVELS) {
        const [w, r] = [requiredCount(write, copies), requiredCount(read, copies)];
        if (w > copies || r > copies || w + r <= copies) continue;
        const isShared = subsets(w, copies).every((a) => subsets(r, copies).every((b) => (a & b) !== 0));
        assert(isShared, `${write} and ${read} of ${copies}`);
      }
    }
  }
});

Deno.test("Levels are named in any case, and nothing else is one", () => {
  assertEquals(["one", "Two", "QUORUM", "aLL"].map(parseLevel), ["ONE", "TWO", "QUORUM", "ALL"]);
  assertEquals(["", "FOUR", "constructor", " one"].map(parseLevel), Array(4).fill(undefined));
});
