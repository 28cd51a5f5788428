/** Tests of what a check makes of clocks, and of many findings together. @module */
import { assertEquals } from "@std/assert";
import pc from "picocolors";
import { clockFindings } from "../../src/cli/clock_check.ts";
import {
  exitOf,
  FAIL_EXIT,
  failing,
  findingLines,
  fine,
  splitWayOut,
  warning,
} from "../../src/cli/finding.ts";

// deno-lint-ignore no-boolean-literal-for-arguments
const PLAIN = pc.createColors(false);

/** `level: text` of the findings about clocks that are so far ahead of ours. */
function clocks(...aheadMs: number[]): string[] {
  const seen = aheadMs.map((each, index) => ({ id: `r${index + 2}`, aheadMs: each }));
  return clockFindings(seen, 10_000).map(({ level, text }) => `${level}: ${text}`);
}

Deno.test("of two clocks that are apart nobody can say which one is wrong", () => {
  assertEquals(clocks(), []);
  assertEquals(clocks(-900), ["ok: within 1000 ms of r2"]);
  assertEquals(clocks(-4000), ["warn: the clock of this machine is 4.0 s ahead of r2"]);
  assertEquals(clocks(120_000), [
    "fail: the clock of this machine is 2 min 0 s behind r2, and clock_skew_max_ms is 10000",
  ]);
});

Deno.test("of more clocks the one that is far from the median is wrong, ours or another", () => {
  assertEquals(clocks(120_000, 120_010, 119_990), [
    "fail: the clock of this machine is 2 min 0 s behind the median of r2 r3 r4 and this one, and clock_skew_max_ms is 10000",
  ]);
  assertEquals(clocks(10, -120_000, 20), [
    "ok: within 1000 ms of the median of r2 r3 r4 and this one",
    "warn: the clock of r3 is 2 min 0 s behind the others",
  ]);
});

Deno.test("damage comes before what must be changed, and that before what passes", () => {
  const [passes, change, damaged] = [FAIL_EXIT.passes, FAIL_EXIT.change, FAIL_EXIT.damaged];
  const of = (...exits: number[]): number => exitOf(exits.map((exit) => failing("data", "t", "m", exit)));
  assertEquals([of(), of(passes), of(passes, change), of(change, damaged, passes)], [
    0,
    passes,
    change,
    damaged,
  ]);
  assertEquals(exitOf([fine("disk", "t"), warning("clock", "t", "m")]), 0);
});

Deno.test("findings are lines with their way out, and what comes from outside does nothing to a terminal", () => {
  const findings = [
    fine("disk", "room"),
    warning("clock", "off", "set it"),
    failing("peer", "\u001b[2J", "mend", 5),
  ];
  assertEquals(findingLines(findings, "r1", PLAIN), [
    "ok    disk    room",
    "warn  clock   off; set it",
    "FAIL  peer    \\u001b[2J; mend",
    "r1 is not ready to start: 1 finding of 3 is a failure, 1 warning; " +
    "at the very first start of a cluster, when no other runs yet, go on",
  ]);
  const taken = failing("port", "taken", "mend", FAIL_EXIT.passes);
  assertEquals(
    findingLines([taken, ...findings], "r1", PLAIN).at(-1),
    "r1 is not ready to start: 2 findings of 4 are failures, 1 warning",
  );
  const stranger = failing("peer", "another cluster", "mend", FAIL_EXIT.change);
  assertEquals(
    findingLines([stranger], "r1", PLAIN).at(-1),
    "r1 is not ready to start: 1 finding of 1 is a failure",
  );
  assertEquals(findingLines(findings.slice(0, 2), "r1", PLAIN).at(-1), "r1 can start, 1 warning");
  assertEquals(splitWayOut("a; b; c", "d"), ["a; b", "c"]);
  assertEquals(splitWayOut("a", "d"), ["a", "d"]);
  assertEquals(splitWayOut("Nothing was changed. Copy it", "d"), ["Nothing was changed", "copy it"]);
  assertEquals(splitWayOut("no secret. QUARTET_SECRET has one", "d"), [
    "no secret",
    "QUARTET_SECRET has one",
  ]);
});
