/** Tests of `src/replication/read_repair.ts`: how often reads at ONE compare copies. What they mend: `rounds_test.ts`. @module */
import { assertEquals } from "@std/assert";
import { ReadRepair } from "../../src/replication/read_repair.ts";

/** Of so many reads, each of another key, how many compare. */
function comparedCount(repair: ReadRepair, readCount: number, nowMs: number): number {
  let count = 0;
  for (let key = 0; key < readCount; key++) if (repair.isComparisonDue(`${nowMs} ${key}`, nowMs)) count++;
  return count;
}

Deno.test("Reads of many keys compare 256 of them at once, and 200 a second after that", () => {
  const repair = new ReadRepair({ intervalMs: 1000 });
  assertEquals(comparedCount(repair, 10_000, 0), 256);
  assertEquals(comparedCount(repair, 10_000, 500), 100);
  assertEquals(comparedCount(repair, 10_000, 1500), 200);
  assertEquals(comparedCount(repair, 10_000, 60_000), 256);
});

Deno.test("With an interval of 0 every read compares", () => {
  assertEquals(comparedCount(new ReadRepair({ intervalMs: 0 }), 10_000, 0), 10_000);
});
