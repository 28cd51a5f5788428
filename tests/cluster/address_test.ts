import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { StartError } from "../../scripts/supervisor/replica_process.ts";
import type { Place } from "../harness/cluster_toml.ts";
import { eventually } from "../harness/eventually.ts";
import { clusterTest, type CommandResult, LocalCluster, runQuartet } from "../harness/processes.ts";

const SECRET = "a secret of more than sixteen characters";

/** A copy of the cluster's file with some text replaced. */
async function editedConfig(cluster: LocalCluster, edits: Readonly<Record<string, string>>): Promise<string> {
  let text = await Deno.readTextFile(cluster.config);
  for (const [from, to] of Object.entries(edits)) {
    assertStringIncludes(text, from);
    text = text.replaceAll(from, to);
  }
  const path = join(cluster.directory, `edited-${crypto.randomUUID()}.toml`);
  await Deno.writeTextFile(path, text);
  return path;
}

/** Runs a replica with a file of its own, until it ends by itself. */
function runReplica(cluster: LocalCluster, config: string, ...flags: string[]): Promise<CommandResult> {
  const data = cluster.dataDirectory("r1");
  return runQuartet(["replica", "--config", config, "--id", "r1", "--data", data, ...flags]);
}

/** Waits until a replica has logged a line like this. */
async function expectLogged(cluster: LocalCluster, id: string, line: RegExp): Promise<void> {
  await eventually(async () => line.test(await cluster.log(id)), {
    withinMs: 5000,
    what: `${id} logs ${line}`,
  });
}

Deno.test("A replica names the address that is taken, and the way out", async () => {
  await using cluster = await LocalCluster.create({ replicas: 1 });
  const [{ host, port }] = cluster.places as readonly [Place, ...Place[]];
  using _listener = Deno.listen({ hostname: host, port });
  const { code, stderr } = await runReplica(cluster, cluster.config);
  assertEquals(code, 5, stderr);
  assertStringIncludes(
    stderr,
    `error: the address ${host}:${port} of r1 is taken; stop the program that listens there, or give r1 another address in`,
  );
});

Deno.test("Addresses that others can reach need a secret, or --insecure", async () => {
  await using cluster = await LocalCluster.create({ replicas: 2 });
  const [r1] = cluster.places as readonly [Place, ...Place[]];
  // An address of no machine: the replica that gets past the check ends there, and listens nowhere.
  const open = { [`"${r1.host}:${r1.port}"`]: `"192.0.2.1:${r1.port}"` };
  const bare = await runReplica(cluster, await editedConfig(cluster, open));
  assertEquals(bare.code, 64, bare.stderr);
  assertMatch(
    bare.stderr,
    /others can reach r1 192\.0\.2\.1, and no secret is set; .* or start with --insecure/,
  );
  const insecure = await runReplica(cluster, await editedConfig(cluster, open), "--insecure");
  const nowhere = /192\.0\.2\.1:\d+ of r1 is not one of this machine/;
  assertMatch(insecure.stderr, nowhere);
  const secured = { ...open, 'cluster = "test"': `cluster = "test"\nsecret = "${SECRET}"` };
  assertMatch((await runReplica(cluster, await editedConfig(cluster, secured))).stderr, nowhere);
});

clusterTest(
  "Where there is a secret, only who knows it is heard",
  { replicas: 2, top: { secret: SECRET } },
  async (cluster) => {
    assertEquals((await cluster.client("put", "1", "for friends", "ALL")).code, 0);
    const [{ host, port }] = cluster.places as readonly [Place, ...Place[]];

    const silent = await runQuartet(["client", "--connect", `${host}:${port}`, "get", "1"]);
    assertEquals([silent.code, silent.stdout], [8, ""]);
    assertMatch(
      silent.stderr,
      /^unauthorized: replica r1 asks for the cluster's secret, and none is set here; /,
    );

    const wrongConfig = await editedConfig(cluster, { [SECRET]: SECRET.toUpperCase() });
    const wrong = await runQuartet(["client", "--json", "--config", wrongConfig, "put", "1", "for enemies"]);
    const { error, message, definite } = JSON.parse(wrong.stdout);
    assertEquals([wrong.code, error, definite], [8, "unauthorized", true]);
    assertStringIncludes(message, "the proof of the cluster's secret is wrong");
    assert(
      !`${silent.stderr}${wrong.stdout}${await cluster.log("r1")}`.includes(SECRET),
      "a secret is never shown",
    );

    // A peer that does not know it is no peer.
    assertEquals(await cluster.stop("r2"), "ended with exit code 0");
    const own = await Deno.readTextFile(cluster.config);
    await Deno.copyFile(wrongConfig, cluster.config);
    await cluster.start("r2");
    await expectLogged(
      cluster,
      "r2",
      /warn no link peer=r1 .*unauthorized: the proof of the cluster's secret is wrong/,
    );
    await expectLogged(cluster, "r1", /warn hello refused code=unauthorized/);
    await Deno.writeTextFile(cluster.config, own);
    assertEquals((await cluster.client("put", "1", "alone", "ALL", "--coordinator", "r1")).code, 5);
    assertEquals((await cluster.client("get", "1", "ONE", "--coordinator", "r1")).stdout, "for friends\n");
  },
);

clusterTest(
  "A replica of another cluster is refused, and both sides say why",
  { replicas: 2 },
  async (cluster) => {
    await cluster.stop("r2");
    const other = await editedConfig(cluster, { 'cluster = "test"': 'cluster = "other"' });
    const own = await Deno.readTextFile(cluster.config);
    await Deno.copyFile(other, cluster.config);
    // The directory says whose it is before anybody is met.
    const directory = await assertRejects(() => cluster.start("r2"), StartError);
    assertMatch(directory.message, /belongs to replica r2 of cluster test, not to r2 of other/);
    await Deno.remove(cluster.dataDirectory("r2"), { recursive: true });
    await cluster.start("r2");
    await expectLogged(
      cluster,
      "r2",
      /warn no link peer=r1 .*wrong_cluster: cluster .*test.* met cluster .*other/,
    );
    await Deno.writeTextFile(cluster.config, own);
    await expectLogged(cluster, "r1", /warn no link peer=r2 .*wrong_cluster/);
    const client = await cluster.client("--coordinator", "r2", "get", "1");
    assertEquals(client.code, 8, client.stderr);
    assertMatch(
      client.stderr,
      /^wrong_cluster: .* belongs to cluster "other", and the configuration says "test"/,
    );
  },
);

clusterTest("Configurations that disagree on a keyspace keep replicas apart, and the field is named", {
  replicas: 2,
}, async (cluster) => {
  await cluster.stop("r2");
  const own = await Deno.readTextFile(cluster.config);
  await Deno.copyFile(
    await editedConfig(cluster, { "replication = 2": "replication = 1" }),
    cluster.config,
  );
  await cluster.start("r2");
  const field =
    /wrong_cluster.*the configurations differ in \W+keyspace\.main\W+ here \W+keys=.* replication=[12]\W.* replication=[12]\W/;
  await expectLogged(cluster, "r1", field);
  await expectLogged(cluster, "r2", field);
  await Deno.writeTextFile(cluster.config, own);
  assertEquals((await cluster.client("put", "1", "value", "ALL", "--coordinator", "r1")).code, 5);
  // Not only the logs say why they look cut off.
  const sides =
    / replication=2" on r1, ".* replication=1" on r2: they refuse each other; use one cluster\.toml/;
  assertMatch((await cluster.client("status")).stdout, sides);
  assertMatch((await cluster.client("wait", "up", "--timeout", "300ms")).stderr, sides);
  // The same file on both sides, and they find each other.
  assertEquals(await cluster.stop("r2"), "ended with exit code 0");
  await cluster.start("r2");
  await cluster.waitUp();
  assertEquals((await cluster.client("put", "1", "value", "ALL")).code, 0);
});
