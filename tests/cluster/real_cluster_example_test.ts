/** The example of the README for people who write tests, on real processes. @module */
import { assertEquals } from "@std/assert";
import { RealCluster } from "../harness/real_cluster.ts";

Deno.test("A replica that was killed and missed a write has it when it is back", async () => {
  await using cluster = await RealCluster.start({ replicas: 3 });
  await cluster.kill("r3");
  await cluster.put(7, "hello", { through: "r1" });
  await cluster.restart("r3");
  await cluster.until(async () => (await cluster.held("r3")).get("7")?.value === "hello");
  await cluster.assertConverged();
  assertEquals(await cluster.get(7, { level: "ONE", through: "r3" }), "hello");
});
