/** Tests of `src/sim/event_queue.ts`. @module */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { InvariantError } from "../../src/base/assert.ts";
import { EventQueue } from "../../src/sim/event_queue.ts";

Deno.test("Things happen in the order of their times, and at one time in the order they were asked for", () => {
  fc.assert(fc.property(fc.array(fc.nat(9), { maxLength: 40 }), (delays) => {
    const queue = new EventQueue();
    const happened: [number, number][] = [];
    delays.forEach((delayMs, index) => queue.after(delayMs, () => happened.push([queue.nowMs, index])));
    while (queue.runNext(Infinity));
    const expected = delays.map((delayMs, index): [number, number] => [delayMs, index])
      .sort(([a, i], [b, j]) => a - b || i - j);
    assertEquals(happened, expected);
  }));
});

Deno.test("What happens may ask for more, which comes after what is due before it", () => {
  const queue = new EventQueue();
  const happened: string[] = [];
  queue.after(1, () => {
    happened.push("first");
    queue.after(0, () => happened.push("at once"));
    queue.after(5, () => happened.push("last"));
  });
  queue.after(1, () => happened.push("second"));
  queue.after(3, () => happened.push("third"));
  while (queue.runNext(Infinity));
  assertEquals(happened, ["first", "second", "at once", "third", "last"]);
});

Deno.test("Nothing happens after the end, and time stands still until something does", () => {
  const queue = new EventQueue();
  let count = 0;
  queue.after(10, () => count++);
  assert(!queue.runNext(9));
  assertEquals([queue.nowMs, count], [0, 0]);
  assert(queue.runNext(10));
  assertEquals([queue.nowMs, count], [10, 1]);
  assert(!queue.runNext(Infinity));
  assertThrows(() => queue.after(-1, () => {}), InvariantError);
});
