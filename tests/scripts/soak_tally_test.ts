/** Tests of `scripts/soak/`: what a soak adds up is what its runs showed, in whatever order they come. @module */
import { assert, assertEquals } from "@std/assert";
import { describeMarks, listMarks } from "../../scripts/soak/mark_list.ts";
import { describeSoak, SoakTally } from "../../scripts/soak/soak_tally.ts";
import { tellRun, type Told } from "../../scripts/soak/told.ts";
import type { MarkCounts } from "../../src/base/mark.ts";
import { simulate } from "../../src/sim/simulation.ts";

const TOLD: Told = {
  seed: 4,
  trace: "aa",
  operationCount: 300,
  okCount: 200,
  simulatedMs: 60_000,
  operations: { put: { ok: 200, fail: 99, info: 1 } },
  faults: { kill: 2 },
  judges: { read_values: { historyCount: 2, objectionCount: 1 } },
  marks: ["log: cut"],
};

const NAMES = ["log: cut", "log: damaged"];

Deno.test("A tally tells the same of its runs in whatever order they come", () => {
  const runs: Told[] = [TOLD, { ...TOLD, seed: 3, trace: "bb", wrong: "two values" }, { ...TOLD, seed: 9 }];
  const [summary, other] = [runs, runs.toReversed()].map((each) => {
    const tally = new SoakTally(NAMES);
    for (const told of each) tally.add(told);
    return tally.summary(2);
  });
  assertEquals(summary, other);
  assertEquals(
    describeSoak(summary!),
    "3 seeds in 2.0 s (1.5/s), 0.1 simulated hours, 6 faults, 600 of 900 requests succeeded",
  );
  assertEquals(summary!.failed, [{ seed: 3, wrong: "two values" }]);
  assertEquals(summary!.traces.map(({ seed }) => seed), [3, 4, 9]);
  assertEquals(summary!.operations.put, { ok: 600, fail: 297, info: 3 });
  assertEquals(summary!.operations.get, { ok: 0, fail: 0, info: 0 });
  assertEquals(summary!.faults["kill"], 6);
  assertEquals(summary!.faults["wipe"], 0);
  assertEquals(summary!.judges, { read_values: { historyCount: 6, objectionCount: 3 } });
  assertEquals(summary!.marks, { "log: cut": 3, "log: damaged": 0 });
  assertEquals(describeMarks(summary!.marks), ["marks: 1 of 2 reached", "  never: log: damaged"]);
});

Deno.test("A tally keeps the traces of the first seeds, whichever come first, and no more", () => {
  const tally = new SoakTally(NAMES);
  for (const seed of [30, 31, 8, ...Array.from({ length: 9 }, (_, index) => 20 - index), 7]) {
    tally.add({ ...TOLD, seed, trace: `t${seed}` });
  }
  const { runCount, traces } = tally.summary(1);
  assertEquals(runCount, 13);
  assertEquals(
    traces,
    [7, 8, 12, 13, 14, 15, 16, 17, 18, 19].map((seed) => ({ seed, trace: `t${seed}` })),
  );
});

Deno.test("All marks of the sources are found, and a run reaches no other", async () => {
  const names = await listMarks();
  assert(names.includes("writes: refused for a full disk"));
  const marks: MarkCounts = new Map();
  await simulate(7, { marks });
  assert(marks.size > 0);
  assertEquals([...marks.keys()].filter((name) => !names.includes(name)), []);
});

Deno.test("A run tells how its operations ended, which faults struck, and who looked at it", async () => {
  const marks: MarkCounts = new Map();
  const result = await simulate(7, { marks });
  const told = tellRun(result, marks);
  assertEquals(told.marks, [...marks.keys()]);
  assertEquals([told.seed, told.trace, told.wrong], [7, result.trace, undefined]);
  const ended = Object.values(told.operations).flatMap((outcomes) => Object.values(outcomes));
  // The last read of each key comes on top.
  assert(ended.reduce((sum, count) => sum + count, 0) > told.operationCount);
  assert(Object.values(told.faults).some((count) => count > 0));
  assertEquals(told.judges["read_values"], { historyCount: result.histories.size, objectionCount: 0 });
  assertEquals(JSON.parse(JSON.stringify(told)), told);
});
