/** Tests of `src/base/hash.ts` and `src/base/assert.ts`. @module */
import { assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { assert as hold, InvariantError } from "../../src/base/assert.ts";
import { TraceHash } from "../../src/base/hash.ts";

function hashOf(...texts: string[]): string {
  const hash = new TraceHash();
  for (const text of texts) hash.add(text);
  return hash.hex();
}

Deno.test("A trace hash tells texts apart by content and order", () => {
  assertMatch(hashOf("a", "b"), /^[0-9a-f]{16}$/);
  assertEquals(hashOf("a", "b"), hashOf("a", "b"));
  const others = [hashOf("b", "a"), hashOf("a"), hashOf("a", "c"), hashOf(), hashOf("a", "b", "")];
  for (const other of others.slice(0, 4)) assertNotEquals(other, hashOf("a", "b"));
});

Deno.test("A trace hash tells numbers apart by value and order", () => {
  const hashes = [[], [0], [1], [2 ** 32 - 1], [0, 1], [1, 0]].map((words) => {
    const hash = new TraceHash();
    for (const word of words) hash.addWord(word);
    return hash.hex();
  });
  assertEquals(new Set(hashes).size, hashes.length);
});

Deno.test("An assertion formats its message only when it fails", () => {
  let formatted = 0;
  const message = (): string => `count ${++formatted}`;
  hold("anything", message);
  assertEquals(formatted, 0);
  assertThrows(() => hold(0, message), InvariantError, "count 1");
});
