/** The example of the README for people who write tests. @module */
import { assertEquals } from "@std/assert";
import { SimCluster } from "../../src/sim/sim_cluster.ts";

Deno.test("After a partition both sides hold what one of them wrote", async () => {
  await using cluster = await SimCluster.start({ seed: 1 });
  cluster.partition(["r1", "r2"], ["r3", "r4"]);
  await cluster.advance(2000);
  await cluster.put(7, "hello", { level: "TWO", through: "r1" });
  assertEquals(await cluster.get(7, { level: "TWO", through: "r3" }), undefined);
  cluster.heal();
  await cluster.assertConverged();
  assertEquals(await cluster.get(7, { level: "ONE", through: "r4" }), "hello");
});
