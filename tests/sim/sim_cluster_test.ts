/** Tests of `src/sim/sim_cluster.ts`: a cluster in virtual time for people who write tests. @module */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { RequestFailedError, SimCluster } from "../../src/sim/sim_cluster.ts";

const README = new URL("../../README.md", import.meta.url);
const EXAMPLE = new URL("partition_example_test.ts", import.meta.url);

Deno.test("Values are put, read and deleted at a level, through the coordinator that was named", async () => {
  await using cluster = await SimCluster.start({ seed: 2, replicas: 3 });
  const put = await cluster.put(7, "a", { level: "ALL", through: "r2" });
  assertEquals([put.coordinator, put.acked], ["r2", ["r1", "r2", "r3"]]);
  assertEquals(await cluster.get(7), "a");
  await cluster.delete(7);
  assertEquals(await cluster.get(7), undefined);
  assertEquals(cluster.held("r1").get("7")?.value, null, "a tombstone");
  assertEquals(cluster.verdict("quorum").outcome, "ok");
});

Deno.test("The same seed is the same run, with several clients at a time too", async () => {
  const traces: string[][] = [];
  for (let trial = 0; trial < 2; trial++) {
    const lines: string[] = [];
    await using cluster = await SimCluster.start({
      seed: 3,
      onTrace: (atMs, line) => lines.push(`${atMs} ${line}`),
    });
    const keys = Array.from({ length: 20 }, (_, key) => key);
    await Promise.all(keys.map((key) => cluster.put(key, `v${key}`)));
    await Promise.all([cluster.advance(500), ...keys.map((key) => cluster.get(key))]);
    traces.push(lines);
  }
  assertEquals(traces[0], traces[1]);
  assert(traces[0]!.length > 100);
});

Deno.test("What fails says so with the operation, at once where nobody need be waited for", async () => {
  await using cluster = await SimCluster.start({ seed: 4 });
  cluster.fault({ kind: "kill", replicas: ["r3", "r4"] });
  await cluster.advance(2000);
  const { nowMs } = cluster;
  const error = await assertRejects(() => cluster.put(7, "x", { through: "r1" }), RequestFailedError);
  assertEquals(error.operation.code, "unavailable");
  assert(cluster.nowMs - nowMs < 100);
  await assertRejects(() => cluster.assertConverged({ withinMs: 1000 }), Error, "r3 is not ready");
  cluster.heal();
  await cluster.assertConverged();
});

Deno.test("Copies that stay different are named, and a wiped replica is filled", async () => {
  await using cluster = await SimCluster.start({
    seed: 5,
    keyspace: { main: { hinted_handoff: false, read_repair: "off" } },
  });
  cluster.partition(["r4"]);
  await cluster.advance(2000);
  await cluster.put(7, "x", { through: "r1" });
  cluster.heal();
  await assertRejects(() => cluster.assertConverged({ withinMs: 2000 }), Error, "key 7 differs");
  cluster.fault({ kind: "wipe", replicas: ["r4"], forMs: 100 });
  await cluster.assertConverged();
  assertEquals(cluster.held("r4").get("7")?.value, "x");
});

Deno.test("Options that are wrong are refused", async () => {
  await assertRejects(
    () => SimCluster.start({ keyspace: { main: { replication: 9 } } }),
    TypeError,
    "replication",
  );
  await assertRejects(() => SimCluster.start({ network: { loss: 1 } }), TypeError, '"loss" has no meaning');
});

Deno.test("The example in the README is the test that runs here", async () => {
  const example = (await Deno.readTextFile(EXAMPLE)).split("\n").slice(1).join("\n").trim();
  assert(
    (await Deno.readTextFile(README)).includes(example),
    "README.md and tests/sim/partition_example_test.ts differ",
  );
});
