/** Tests of `client fault` on real replicas: what each fault does, how it shows, and that it ends. @module */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ClusterClient } from "../harness/cluster_client.ts";
import { eventually } from "../harness/eventually.ts";
import { clusterTest, type CommandResult, type LocalCluster } from "../harness/processes.ts";

/** Longer than any of these tests: faults end when they are healed. */
const FOR_LONG = ["--for", "10m"];
const WITH_FAULTS = { top: { faults: true } };

/** A command that has to succeed. */
async function expectOk(command: Promise<CommandResult>): Promise<CommandResult> {
  const result = await command;
  assertEquals(result.code, 0, `${result.stdout}${result.stderr}`);
  return result;
}

/** Waits until a replica takes exactly these peers for alive. */
async function untilAlive(
  client: ClusterClient,
  replica: string,
  expected: readonly string[],
): Promise<void> {
  await eventually(async () => {
    const { peers } = await client.status(replica);
    return peers.filter(({ alive }) => alive).map(({ id }) => id).join() === expected.join();
  }, { withinMs: 20_000, what: `${replica} sees ${expected.join(" ") || "nobody"}` });
}

/** Waits until everybody takes everybody for alive. Why not `wait up`: each command is a process, and they are most of this test's time. */
async function untilAllAlive(client: ClusterClient, { ids }: LocalCluster): Promise<void> {
  await Promise.all(ids.map((id) => untilAlive(client, id, ids.filter((other) => other !== id))));
}

clusterTest(
  "Both sides of a partition write at TWO, neither at QUORUM, and healed they become equal by reading",
  {
    ...WITH_FAULTS,
    keyspace: { hinted_handoff: false, anti_entropy: false },
  },
  async (cluster) => {
    using client = new ClusterClient(cluster);
    const set = await expectOk(cluster.client("fault", "partition", "r1,r2", "r3,r4", ...FOR_LONG));
    assertMatch(
      set.stdout,
      /^on +fault +ends in\nr1 +cut from r3 r4 +10 min 0 s\nr2 .*\nr3 +cut from r1 r2 +10 min 0 s\nr4 .*\n$/,
    );
    const left = await client.expect("r1", { op: "put", key: 1, value: "left", level: "TWO" });
    const right = await client.expect("r3", { op: "put", key: 1, value: "right", level: "TWO" });
    assert(left.kind === "written" && right.kind === "written");
    assertEquals([left.receipt.acked, right.receipt.acked], [["r1", "r2"], ["r3", "r4"]]);
    await untilAlive(client, "r1", ["r2"]);
    await untilAlive(client, "r2", ["r1"]);
    await untilAlive(client, "r3", ["r4"]);
    await untilAlive(client, "r4", ["r3"]);
    for (const id of cluster.ids) {
      const refused = await client.ask(id, { op: "put", key: 2, value: "x", level: "QUORUM" });
      assertEquals([refused.ok ? "" : refused.failure.code, refused.ok ? 0 : refused.failure.live], [
        "unavailable",
        2,
      ]);
    }
    const valuesOfKey = () => Promise.all(cluster.ids.map(async (id) => (await client.values(id))[1]));
    assertEquals(await valuesOfKey(), ["left", "left", "right", "right"]);

    const { stdout, stderr } = await expectOk(cluster.clientWithInput("status\nfault heal\n"));
    assertMatch(stdout, /\n\non +fault +ends in\nr1 +cut from r3 r4 +\d/);
    assertEquals(stderr, "ok  healed: no faults\n");
    await untilAllAlive(client, cluster);
    const got = await client.expect("r1", { op: "get", key: 1, level: "ALL" });
    assert(got.kind === "value" && got.value === "right");
    await eventually(async () => (await valuesOfKey()).every((value) => value === "right"), {
      withinMs: 10_000,
      what: "the get has mended all copies",
    });
  },
);

clusterTest(
  "A pause, a clock that is off and a delay do what they say, show, and end",
  { ...WITH_FAULTS, replicas: 3 },
  async (cluster) => {
    using client = new ClusterClient(cluster);
    using hasty = new ClusterClient(cluster, 500);
    await expectOk(cluster.client("fault", "pause", "r2", ...FOR_LONG));
    const silent = await hasty.ask("r2", { op: "put", key: 1, value: "late", level: "ONE" });
    assertEquals(silent.ok ? "" : silent.failure.code, "timeout");
    await untilAlive(client, "r1", ["r3"]);
    const shown = await cluster.clientWithInput("status\nfault list\n", "--timeout", "500ms", "--keep-going");
    assertMatch(shown.stdout, /\nr2 .* down: paused on purpose, for another \d+ min/);
    assertMatch(shown.stdout, /\non .*\nr2 +paused +\d+ min \d+ s\n$/);
    await client.expect("r2", { op: "fault", action: "heal" });
    await untilAllAlive(client, cluster);
    // What reached it while it stood still it did afterwards.
    await eventually(async () => (await client.values("r2"))[1] === "late", {
      withinMs: 10_000,
      what: "r2 has done what it was asked while it stood still",
    });

    await expectOk(cluster.client("fault", "skew", "r2", "+60s", ...FOR_LONG));
    const offset = async (asked: string, of: string): Promise<number> =>
      (await client.status(asked)).peers.find(({ id }) => id === of)?.clock_offset_ms ?? 0;
    await eventually(
      async () =>
        await offset("r1", "r2") > 50_000 && await offset("r2", "r1") < -50_000 &&
        await offset("r2", "r3") < -50_000,
      { withinMs: 20_000, what: "all see that the clock of r2 is ahead" },
    );
    const early = await client.ask("r2", { op: "put", key: 2, value: "early" });
    assertEquals(early.ok ? "" : early.failure.code, "clock_skew");
    const [skew, ...others] = (await client.status("r2")).faults ?? [];
    assert(skew?.kind === "skew" && skew.skew_ms === 60_000 && others.length === 0);
    assert(skew.left_ms > 0 && skew.left_ms <= 600_000);
    assertEquals((await client.status("r1")).faults, []);

    // The second skew takes the place of the first, and ends by itself.
    const delayMs = 100;
    const script = ["status", "fault skew r2 -5s --for 1s", `fault delay r3 ${delayMs}ms --for 10m`];
    const { stdout } = await expectOk(cluster.clientWithInput(script.join("\n")));
    assertStringIncludes(stdout, "clock 1 min 0 s ahead");
    const beganMs = performance.now();
    await client.expect("r1", { op: "put", key: 3, value: "x", level: "ALL" });
    const elapsedMs = performance.now() - beganMs;
    assert(elapsedMs >= 2 * delayMs - 5, `there and back in ${elapsedMs} ms`);
    await eventually(async () => (await client.status("r2")).faults?.length === 0, {
      withinMs: 20_000,
      what: "the clock of r2 is right again by itself",
    });

    // A fault that is refused was never set, and the log does not say so.
    const cut = await client.ask("r1", {
      op: "fault",
      action: "set",
      fault: { kind: "cut", peers: ["r1"], way: "both" },
    });
    assertEquals(cut.ok ? "" : cut.failure.code, "malformed_request");
    await client.expect("r1", { op: "fault", action: "heal" });
    assertEquals((await cluster.log("r1")).match(/fault set|faults healed/g), null);
    assertMatch(await cluster.log("r2"), /fault set[^]*faults healed/);
  },
);

clusterTest(
  "A fault survives no restart, and a replica that is down matters to those who break, not to those who mend",
  {
    ...WITH_FAULTS,
    replicas: 3,
  },
  async (cluster) => {
    using client = new ClusterClient(cluster);
    await expectOk(cluster.client("fault", "isolate", "r3", ...FOR_LONG));
    await untilAlive(client, "r1", ["r2"]);
    await untilAlive(client, "r3", []);
    // Clients reach it still.
    await client.expect("r3", { op: "put", key: 1, value: "alone", level: "ONE" });
    await cluster.kill9("r3");
    const partial = await cluster.client("--json", "fault", "partition", "r1,r2", "r3", ...FOR_LONG);
    const { ok, replicas } = JSON.parse(partial.stdout);
    assertEquals([partial.code, ok, partial.stderr], [5, false, ""]);
    assertEquals(replicas[0].faults[0].peers, ["r3"]);
    assertEquals([replicas[2].id, replicas[2].error], ["r3", "unavailable"]);
    const healed = await expectOk(cluster.client("fault", "heal"));
    assertStringIncludes(
      healed.stderr,
      "ok  healed: no faults\nr3 is down, and so has no faults: nobody listens at ",
    );
    await cluster.start("r3");
    assertEquals((await client.status("r3")).faults, []);
    await untilAllAlive(client, cluster);
  },
);

clusterTest(
  "Where the file does not say faults = true nothing is broken",
  { replicas: 1 },
  async (cluster) => {
    using client = new ClusterClient(cluster);
    const { code, stdout, stderr } = await cluster.clientWithInput(
      "fault pause r1\nfault list\nfault heal\n",
      "--keep-going",
    );
    assertEquals([code, stdout], [2, ""]);
    const refusal =
      "malformed_request: faults are off on r1; set faults = true in its cluster.toml, and restart it";
    assertEquals(stderr.split("\n").filter((line) => line.startsWith(refusal)).length, 3, stderr);
    assert(!("faults" in await client.status("r1")));
  },
);
