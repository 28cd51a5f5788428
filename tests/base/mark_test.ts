import { assertEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import { countMarks, mark, type MarkCounts } from "../../src/base/mark.ts";

Deno.test("Marks are counted by name, and only while somebody counts", () => {
  mark("test: before");
  const counts: MarkCounts = new Map();
  const stop = countMarks(counts);
  mark("test: twice");
  mark("test: twice");
  mark("test: once");
  stop();
  mark("test: after");
  assertEquals([...counts], [["test: twice", 2], ["test: once", 1]]);
});

Deno.test("Marks are counted for one run at a time", () => {
  const stop = countMarks(new Map());
  assertThrows(() => countMarks(new Map()), InvariantError, "one run at a time");
  stop();
  countMarks(new Map())();
});
