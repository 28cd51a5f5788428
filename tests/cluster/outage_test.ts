import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ClusterClient } from "../harness/cluster_client.ts";
import { eventually } from "../harness/eventually.ts";
import { clusterTest, type LocalCluster } from "../harness/processes.ts";

/** The promise: so long after the last replica is back, all copies are equal. */
const CONVERGED_WITHIN_MS = 10_000;
const ALL_IDS = ["r1", "r2", "r3", "r4"];

/** Kills replicas and waits until the one asked sees that they are gone. */
async function killSeenBy(
  cluster: LocalCluster,
  client: ClusterClient,
  witness: string,
  ids: string[],
): Promise<void> {
  await Promise.all(ids.map((id) => cluster.kill9(id)));
  await eventually(async () => {
    const { peers } = await client.status(witness);
    return ids.every((id) => peers.some((peer) => peer.id === id && !peer.alive));
  }, { withinMs: 5000, what: `${witness} sees that ${ids.join(" ")} are gone` });
}

/** What each of these replicas itself holds, in their order. */
function holdings(client: ClusterClient, ids: readonly string[]): Promise<Record<string, string>[]> {
  return Promise.all(ids.map((id) => client.values(id)));
}

/** Fails unless all four replicas hold exactly these values, and the same versions, soon after `sinceMs`. */
async function expectConverged(
  cluster: LocalCluster,
  client: ClusterClient,
  { values, sinceMs }: { values: Record<string, string>; sinceMs: number },
): Promise<void> {
  const left = Math.max(1, Math.round(sinceMs + CONVERGED_WITHIN_MS - performance.now()));
  const { code, stderr } = await cluster.client("wait", "converged", "--timeout", `${left}ms`);
  assertEquals(code, 0, stderr);
  for (const held of await holdings(client, ALL_IDS)) assertEquals(held, values);
  const inspected = JSON.parse((await cluster.client("--json", "inspect", "--differs")).stdout);
  assertEquals([inspected.unreachable, inspected.keys], [{}, []]);
}

clusterTest(
  "With two of four killed TWO works and QUORUM is refused at once; with three ONE works",
  {},
  async (cluster) => {
    using client = new ClusterClient(cluster);
    assertEquals((await cluster.client("put", "7", "before", "ALL")).code, 0);
    await killSeenBy(cluster, client, "r1", ["r3", "r4"]);

    const two = await cluster.client("put", "8", "with two", "TWO");
    assertEquals(two.code, 0, two.stderr);
    assertStringIncludes(two.stderr, "acked r1 r2 (TWO of 4)  owed r3 r4");
    assertEquals((await cluster.client("get", "8", "TWO")).stdout, "with two\n");

    const beginMs = performance.now();
    const refused = await cluster.client("--json", "put", "7", "refused", "QUORUM");
    const elapsedMs = performance.now() - beginMs;
    const { error, required, live, definite } = JSON.parse(refused.stdout);
    assertEquals([refused.code, error, required, live, definite], [5, "unavailable", 3, 2, true]);
    assert(elapsedMs < 1000, `refused after ${elapsedMs} ms`);
    const said = await cluster.client("put", "7", "refused");
    assertEquals(said.code, 5);
    assertStringIncludes(
      said.stderr,
      'unavailable: QUORUM needs 3 live of the 4 replicas of "main", 2 are live (r1 r2); start the others or ask for a lower level',
    );
    assertEquals((await cluster.client("get", "7", "THREE")).code, 5);

    await killSeenBy(cluster, client, "r1", ["r2"]);
    assertEquals((await cluster.client("put", "9", "with one", "ONE")).code, 0);
    assertEquals((await cluster.client("get", "9", "ONE")).stdout, "with one\n");
    assertEquals((await cluster.client("put", "7", "refused", "TWO")).code, 5);
    const alone = await cluster.client("get", "8", "TWO");
    assertEquals(alone.code, 5);
    assertStringIncludes(alone.stderr, "unavailable: TWO needs 2 live");
    const shown = await cluster.client("inspect");
    assertEquals(shown.code, 0);
    assertStringIncludes(shown.stderr, "r2 did not answer: nobody listens at");

    await cluster.startAll();
    const sinceMs = performance.now();
    await expectConverged(cluster, client, {
      sinceMs,
      values: { 7: "before", 8: "with two", 9: "with one" },
    });
  },
);

/** Values written while two replicas were down, and then while a third one was. */
const MISSED = Object.fromEntries(Array.from({ length: 20 }, (_, key) => [String(key), `missed ${key}`]));

/** Writes `MISSED` while replicas are down, and kills those that hold it while it is still owed. */
async function writeDuringOutage(cluster: LocalCluster, client: ClusterClient): Promise<void> {
  for (const key of Object.keys(MISSED)) {
    await client.expect("r1", { op: "put", key, value: "before", level: "ALL" });
  }
  await killSeenBy(cluster, client, "r1", ["r3", "r4"]);
  for (const [key, value] of Object.entries(MISSED).slice(0, 10)) {
    await client.expect("r1", { op: "put", key, value, level: "TWO" });
  }
  await client.expect("r1", { op: "delete", key: 10, level: "TWO" });
  await killSeenBy(cluster, client, "r1", ["r2"]);
  for (const [key, value] of Object.entries(MISSED).slice(10)) {
    await client.expect("r1", { op: "put", key, value, level: "ONE" });
  }
}

clusterTest("With hinted handoff alone, replicas that were down get what they missed", {
  keyspace: { hinted_handoff: true, read_repair: "off", anti_entropy: false },
}, async (cluster) => {
  using client = new ClusterClient(cluster);
  await writeDuringOutage(cluster, client);
  // A hint is written behind the reply; until then the coordinator's own record tells who is owed.
  await eventually(async () => {
    const hints = (await client.status("r1")).peers.map((peer) => peer.hints);
    return JSON.stringify(hints) === "[10,20,20]";
  }, { withinMs: 5000, what: "10, 20 and 20 hints wait for r2, r3, r4" });
  // The coordinator itself goes down as well: what it owes outlives that.
  await cluster.kill9("r1");
  await cluster.startAll();
  await expectConverged(cluster, client, { sinceMs: performance.now(), values: MISSED });
  await eventually(async () => (await client.status("r1")).peers.every((peer) => peer.hints === 0), {
    withinMs: 5000,
    what: "no hint is left",
  });
});

clusterTest("With read repair alone, replicas that were down get what is read", {
  keyspace: { hinted_handoff: false, read_repair: "background", anti_entropy: false },
}, async (cluster) => {
  using client = new ClusterClient(cluster);
  await writeDuringOutage(cluster, client);
  await cluster.startAll();
  const stale = await client.values("r3");
  assertEquals(stale["0"], "before", "nothing but a read mends a copy here");
  for (const [key, value] of Object.entries(MISSED)) {
    const got = await cluster.client("get", key, "ALL", "--coordinator", "r3");
    assertEquals(got.stdout, `${value}\n`, got.stderr);
  }
  // Why from here: each get is a process of its own, and twenty of them take as long as the machine likes.
  await expectConverged(cluster, client, { sinceMs: performance.now(), values: MISSED });
});

clusterTest("With anti-entropy alone, replicas that were down get what they missed, unread and unasked", {
  keyspace: { hinted_handoff: false, read_repair: "off" },
}, async (cluster) => {
  using client = new ClusterClient(cluster);
  await writeDuringOutage(cluster, client);
  // Nobody owes anything to anybody, and the one that wrote dies as well.
  await cluster.kill9("r1");
  await cluster.startAll();
  await expectConverged(cluster, client, { sinceMs: performance.now(), values: MISSED });
  const { stdout } = await cluster.client("status");
  assertMatch(stdout, /^equal to {2}r1/m);
  assertMatch(stdout, /^r1 {8,}- .* ago/m);
});

clusterTest("With none of the three, copies stay different, and inspect --differs shows which", {
  keyspace: { hinted_handoff: false, read_repair: "off", anti_entropy: false },
}, async (cluster) => {
  using client = new ClusterClient(cluster);
  await writeDuringOutage(cluster, client);
  await client.expect("r1", { op: "put", key: 99, value: "the same everywhere", level: "ONE" });
  await cluster.startAll();
  await client.expect("r2", { op: "put", key: 99, value: "the same everywhere", level: "ALL" });
  for (const [key, value] of Object.entries(MISSED)) {
    const { stdout } = await cluster.client("get", key, "ALL");
    assertEquals(stdout, `${value}\n`, "the newest wins, though it is not copied");
  }
  const waited = await cluster.client("wait", "converged", "--timeout", "1s");
  assertEquals(waited.code, 6);
  assertStringIncludes(waited.stderr, "20 keys of main differ: 0 1 2 3 4 5 6 7 …");
  const { stdout, stderr } = await cluster.client("inspect", "--differs");
  assertStringIncludes(stderr, "21 keys, 20 differ");
  const rows = stdout.trimEnd().split("\n").slice(1);
  assertEquals(rows.map((row) => row.split(" ")[0]), Object.keys(MISSED));
  assertEquals((await client.values("r3"))["19"], "before");
  assertEquals((await client.values("r1"))["19"], "missed 19");
});
