/** Simulated runs in which tombstones are collected by proof (H14). @module */
import { assert, assertEquals } from "@std/assert";
import type { MarkCounts } from "../../src/base/mark.ts";
import { SimCluster } from "../../src/sim/sim_cluster.ts";
import { simulate } from "../../src/sim/simulation.ts";

for (const placed of [{}, { partitioner: "all" }, { partitioner: "consistent-hash" }] as const) {
  const where = "partitioner" in placed ? placed.partitioner : "as drawn";
  Deno.test(`H14: under faults tombstones go, and no judge misses anything (${where})`, async () => {
    let collectingRuns = 0;
    for (let seed = 300; seed < 306; seed++) {
      const marks: MarkCounts = new Map();
      const draw = { ...placed, antiEntropy: true, hasDeletes: true, graceMs: 100, marks };
      const { findings } = await simulate(seed, draw);
      assertEquals(findings, [], `seed ${seed}`);
      if (marks.has("collecting: tombstones removed")) collectingRuns++;
    }
    assert(collectingRuns >= 3, `${collectingRuns} of 6 runs collected something`);
  });
}

Deno.test("H14: a replica that was cut off for long brings no deleted value back", async () => {
  await using cluster = await SimCluster.start({
    seed: 5,
    keyspace: { main: { keys: "text" } },
    settings: { tombstone_grace_ms: 500 },
  });
  const keys = Array.from({ length: 40 }, (_, index) => `key ${index}`);
  for (const key of keys) await cluster.put(key, "x", { level: "ALL", through: "r1" });
  cluster.partition(["r4"]);
  await cluster.advance(2000);
  for (const key of keys.slice(0, 20)) await cluster.delete(key, { level: "THREE", through: "r1" });
  await cluster.advance(600_000);
  assertEquals(cluster.held("r1").size, 40, "while r4 is away nothing is forgotten");
  cluster.heal();
  await cluster.advance(30_000);
  for (const id of ["r1", "r2", "r3", "r4"]) {
    assertEquals([...cluster.held(id).keys()].sort(), keys.slice(20).sort(), id);
  }
  const verdict = cluster.verdict("quorum");
  assert(verdict.outcome !== "violated", verdict.sentence);
});
