/** Deletes on real processes: they are forgotten everywhere, and who was away does not bring them back (H14). @module */
import { assert, assertEquals } from "@std/assert";
import { RealCluster } from "../harness/real_cluster.ts";

const SETTINGS = { tombstone_grace_ms: 200, anti_entropy_interval_ms: 200 };
const KEYS = Array.from({ length: 20 }, (_, key) => key);

/** Keys that a replica holds anything of, tombstones as well. */
async function held(cluster: RealCluster, id: string): Promise<string[]> {
  return [...(await cluster.held(id)).keys()];
}

Deno.test("H14: deletes are forgotten on all replicas, also by one that was away, and nothing comes back", async () => {
  await using cluster = await RealCluster.start({ replicas: 3, settings: SETTINGS });
  for (const key of KEYS) await cluster.put(key, `value ${key}`, { level: "ALL" });
  for (const key of KEYS.slice(0, 5)) await cluster.delete(key, { level: "ALL" });
  for (const id of cluster.ids) {
    await cluster.until(async () => (await held(cluster, id)).length === 15);
  }

  await cluster.kill("r3");
  for (const key of KEYS.slice(5, 10)) await cluster.delete(key, { level: "TWO", through: "r1" });
  await cluster.until(async () => (await cluster.status("r1"))!.peers.some(({ alive }) => !alive));
  const before = (await cluster.status("r1"))!;
  assertEquals(before.tombstones!.map(({ held, held_back_by }) => [held, held_back_by]), [[5, ["r3"]]]);
  // Whatever the others do meanwhile, they do not forget what r3 has not heard of.
  await cluster.until(async () => (await cluster.status("r1"))!.uptime_ms > before.uptime_ms + 2000);
  assertEquals((await held(cluster, "r1")).length, 15);

  await cluster.restart("r3");
  for (const id of cluster.ids) {
    await cluster.until(async () => (await held(cluster, id)).length === 10);
  }
  for (const key of KEYS.slice(0, 10)) {
    assertEquals(await cluster.get(key, { level: "ONE", through: "r3" }), undefined);
  }
  const { tombstones, counters } = (await cluster.status("r1"))!;
  assertEquals(tombstones!.map(({ held, collected }) => [held, collected]), [[0, 10]]);
  assertEquals(counters.tombstones_collected, 10);
  await cluster.assertConverged();
  const verdict = await cluster.verdict("quorum");
  assert(verdict.outcome !== "violated", verdict.sentence);
});
