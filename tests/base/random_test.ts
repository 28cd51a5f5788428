/** Tests of `src/base/random.ts`. @module */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import * as fc from "fast-check";
import { Random } from "../../src/base/random.ts";

function draws(random: Random, count = 20): number[] {
  return Array.from({ length: count }, () => random.uint32());
}

Deno.test("One seed gives one stream, and seeds that differ in any bit give others", () => {
  assertEquals(draws(new Random(4711)), draws(new Random(4711)));
  fc.assert(fc.property(fc.nat(), fc.nat(), fc.integer({ min: 0, max: 2 ** 20 }), (a, b, high) => {
    fc.pre(a !== b);
    assertNotEquals(draws(new Random(a)), draws(new Random(b)));
    if (high > 0) assertNotEquals(draws(new Random(a)), draws(new Random(a + high * 2 ** 32)));
  }));
});

Deno.test("Streams stay as they are: seeds in reports must mean the same run next year", () => {
  assertEquals(draws(new Random(1), 4), [2308299391, 1950625580, 354034397, 661219729]);
});

Deno.test("Draws stay within their bounds and reach all of them", () => {
  const random = new Random(7);
  const seen = new Set(Array.from({ length: 300 }, () => random.between(-2, 2)));
  assertEquals([...seen].sort((a, b) => a - b), [-2, -1, 0, 1, 2]);
  assertEquals(new Set(Array.from({ length: 100 }, () => random.below(3))), new Set([0, 1, 2]));
  const hits = Array.from({ length: 10_000 }, () => random.chance(250)).filter(Boolean).length;
  assert(hits > 2200 && hits < 2800, `${hits} hits`);
  assert(!random.chance(0) && random.chance(1000));
});

Deno.test("Shuffling keeps every element, and leaves its argument alone", () => {
  const random = new Random(7);
  const list = [1, 2, 3, 4, 5, 6, 7, 8];
  const shuffled = random.shuffle(list);
  assertEquals(list, [1, 2, 3, 4, 5, 6, 7, 8]);
  assertNotEquals(shuffled, list);
  assertEquals([...shuffled].sort(), list);
});

Deno.test("A fork's draws do not move those of its parent", () => {
  const [a, b] = [new Random(9), new Random(9)];
  draws(a.fork());
  b.fork();
  assertEquals(draws(a), draws(b));
  const parent = new Random(9);
  assertNotEquals(draws(parent.fork()), draws(parent.fork()));
});
