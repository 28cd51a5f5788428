import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ClusterClient } from "../harness/cluster_client.ts";
import { eventually } from "../harness/eventually.ts";
import { clusterTest } from "../harness/processes.ts";

clusterTest("A paused replica holds nobody up, says nothing wrong, and gets what it missed when it goes on", {
  keyspace: { read_repair: "off" },
}, async (cluster) => {
  using client = new ClusterClient(cluster, 1000);
  await client.expect("r1", { op: "put", key: 1, value: "before", level: "ALL" });
  // A connection that stood before the pause is the harder case: nothing refuses it.
  await client.expect("r3", { op: "get", key: 1 });
  await cluster.pause("r3");

  const beginMs = performance.now();
  const [caught, others] = await Promise.all([
    client.ask("r3", { op: "put", key: 2, value: "caught", level: "ONE" }),
    client.expect("r1", { op: "put", key: 1, value: "meanwhile", level: "QUORUM" }),
  ]);
  assertEquals(others.kind, "written");
  const waitedMs = performance.now() - beginMs;
  assert(!caught.ok && waitedMs >= 900 && waitedMs < 5000, `ended after ${waitedMs} ms`);
  assertEquals([caught.failure.code, caught.failure.definite ?? false], ["timeout", false]);
  assertStringIncludes(
    caught.failure.message,
    "no answer from r3 within 1000 ms (paused?); the put may have happened",
  );

  const fresh = await cluster.client("--timeout", "500ms", "--coordinator", "r3", "put", "2", "refused");
  assertEquals(fresh.code, 5, fresh.stderr);
  assertMatch(
    fresh.stderr,
    /^unavailable: nobody answered at .* within \d+ ms \(paused\?\); .*nothing was sent/i,
  );
  const status = await cluster.client("--timeout", "500ms", "status");
  assertStringIncludes(status.stdout + status.stderr, "r3");

  await eventually(async () => {
    const { peers } = await client.status("r1");
    return peers.some(({ id, alive }) => id === "r3" && !alive);
  }, { withinMs: 5000, what: "r1 takes r3 for dead" });
  assertEquals((await cluster.client("put", "3", "all", "ALL")).code, 5);
  for (const key of [4, 5, 6]) {
    await client.expect("r2", { op: "put", key, value: "missed", level: "THREE" });
  }
  assertEquals((await cluster.client("get", "1", "THREE")).stdout, "meanwhile\n");

  cluster.resume("r3");
  const { code, stderr } = await cluster.client("wait", "converged", "--timeout", "10s");
  assertEquals(code, 0, stderr);
  const values = await client.values("r3");
  assertEquals([values[1], values[4], values[5], values[6]], ["meanwhile", "missed", "missed", "missed"]);
  // What had reached its socket before the pause may have been done afterwards, and then everywhere.
  assert(values[2] === undefined || values[2] === "caught", values[2]);
  await cluster.waitUp();
  assertEquals((await cluster.client("put", "3", "all", "ALL")).code, 0);
});
