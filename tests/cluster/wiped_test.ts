import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { StartError } from "../../scripts/supervisor/replica_process.ts";
import { ClusterClient } from "../harness/cluster_client.ts";
import { flipBit, newestLog } from "../harness/damage.ts";
import { eventually } from "../harness/eventually.ts";
import { clusterTest, type LocalCluster } from "../harness/processes.ts";

const VALUES = Object.fromEntries(Array.from({ length: 256 }, (_, key) => [String(key), `value ${key}`]));

async function putAll(client: ClusterClient, coordinator: string, level: "ALL" | "THREE"): Promise<void> {
  await Promise.all(
    Object.entries(VALUES).map(([key, value]) =>
      client.expect(coordinator, { op: "put", key, value, level })
    ),
  );
}

/** Waits until a replica has been filled, and checks that it holds what all others hold. */
async function expectFilled(cluster: LocalCluster, client: ClusterClient, id: string): Promise<void> {
  await cluster.waitUp();
  assertEquals(await client.values(id), VALUES);
  const { code, stderr } = await cluster.client("wait", "converged", "--timeout", "10s");
  assertEquals(code, 0, stderr);
  assert((await client.status(id)).counters.keys_filled! >= 256);
}

clusterTest("H7: a replica that lost its directory counts for no level until it is filled", {
  // Why without hints and anti-entropy: what the wiped replica holds in the end came by filling.
  keyspace: { hinted_handoff: false, read_repair: "off", anti_entropy: false },
}, async (cluster) => {
  using client = new ClusterClient(cluster);
  const { epoch } = await client.status("r3");
  await putAll(client, "r1", "ALL");
  await cluster.kill9("r3");
  await client.expect("r1", { op: "put", key: 0, value: VALUES["0"]!, level: "THREE" });
  await Deno.remove(cluster.dataDirectory("r3"), { recursive: true });
  // A peer that is silent keeps the filling from its end: r3 needs the keys of every other replica.
  await cluster.pause("r4");
  await cluster.start("r3");
  const status = await client.status("r3");
  assertEquals([status.recovering, status.ready], [true, true]);
  assert(status.epoch !== epoch, "a new directory is a new epoch");
  await cluster.kill9("r2");
  await eventually(async () => {
    const { peers } = await client.status("r1");
    return peers.every(({ id, alive, recovering }) => id === "r3" ? alive && recovering : !alive);
  }, { withinMs: 5000, what: "r1 sees r3 alone, as recovering" });

  // Two replicas live, one of which proves nothing.
  const refused = await cluster.client("get", "5", "TWO");
  assertEquals(refused.code, 5, refused.stderr);
  assertStringIncludes(refused.stderr, "TWO needs 2 live");
  assertEquals((await cluster.client("put", "5", "lost", "TWO", "--coordinator", "r3")).code, 5);
  assertStringIncludes((await cluster.client("status")).stdout, "recovering");
  const missing = await cluster.client("wait", "up", "--timeout", "300ms", "--replica", "r1,r3");
  assertEquals(missing.code, 6);
  assertStringIncludes(missing.stderr, "r3 is recovering");

  cluster.resume("r4");
  await cluster.start("r2");
  await expectFilled(cluster, client, "r3");
  assert(!(await client.status("r3")).recovering);
  await Promise.all([cluster.kill9("r1"), cluster.kill9("r2")]);
  await eventually(async () => (await cluster.client("get", "5", "TWO", "--coordinator", "r3")).code === 0, {
    withinMs: 5000,
    what: "r3 counts again, so that it and r4 are two",
  });
});

clusterTest("H7: a directory of which only the identity is left counts for no level until it is filled", {
  keyspace: { hinted_handoff: false, read_repair: "off", anti_entropy: false },
}, async (cluster) => {
  using client = new ClusterClient(cluster);
  const { epoch } = await client.status("r3");
  await putAll(client, "r1", "ALL");
  await cluster.kill9("r3");
  const directory = cluster.dataDirectory("r3");
  for (const { name } of Deno.readDirSync(directory)) {
    if (!name.startsWith("identity")) await Deno.remove(join(directory, name));
  }
  await cluster.pause("r4");
  await cluster.start("r3");
  const status = await client.status("r3");
  assert(status.recovering && status.epoch !== epoch);
  cluster.resume("r4");
  await expectFilled(cluster, client, "r3");
});

clusterTest(
  "A damaged replica says file and offset, and --rebuild refills it from the others",
  {},
  async (cluster) => {
    using client = new ClusterClient(cluster);
    await putAll(client, "r2", "ALL");
    const { epoch } = await client.status("r2");
    await cluster.kill9("r2");
    const directory = cluster.dataDirectory("r2");
    const log = await newestLog(directory);
    await flipBit(log.path, log.frames[1]!.offset + 30);

    const failure = await assertRejects(() => cluster.start("r2"), StartError);
    assertStringIncludes(failure.message, "r2 ended with exit code 9");
    assertStringIncludes(failure.message, `${log.path} is damaged at byte ${log.frames[1]!.offset}`);
    assertStringIncludes(failure.message, "start with --rebuild to refill from the other replicas");
    // Nothing was changed, so that a second start says the same.
    await assertRejects(() => cluster.start("r2"), StartError, "exit code 9");

    await cluster.start("r2", "--rebuild");
    await expectFilled(cluster, client, "r2");
    assert((await client.status("r2")).epoch !== epoch);
    const aside = [...Deno.readDirSync(join(directory, ".."))].filter(({ name }) => name.startsWith("r2."));
    assertMatch(aside.map(({ name }) => name).join(" "), /r2\.\d{4}-\d\d-\d\dT/);
    assertMatch(await cluster.log("r2"), /warn data directory set aside from=\S+ to=\S+/);
  },
);
