/** Tests of `tests/harness/real_cluster.ts`: what it shares with the simulated one, and what only processes have. @module */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { RequestFailedError, SimCluster } from "../../src/sim/sim_cluster.ts";
import { RealCluster } from "../harness/real_cluster.ts";
import { REAL_FAULT_KINDS } from "../harness/real_fault.ts";

const README = new URL("../../README.md", import.meta.url);
const EXAMPLE = new URL("real_cluster_example_test.ts", import.meta.url);

/** What one test does to either: no method of it is only one's. */
async function writeOnBothSides(cluster: SimCluster | RealCluster): Promise<void> {
  await cluster.partition(["r1", "r2"], ["r3", "r4"]);
  await cluster.put(7, "left", { level: "TWO", through: "r1" });
  const right = await cluster.put(7, "right", { level: "TWO", through: "r3" });
  assertEquals(right.coordinator, "r3");
  assertEquals(right.acked.filter((id) => id < "r3"), []);
  assertEquals(await cluster.get(7, { level: "TWO", through: "r2" }), "left");
  assertEquals((await cluster.held("r4")).get("7")?.value, "right");
  await cluster.heal();
  await cluster.assertConverged();
  assertEquals(await cluster.get(7, { level: "ONE", through: "r1" }), "right");
  await cluster.delete(7, { level: "TWO", through: "r2" });
  await cluster.until(async () => await cluster.get(7, { level: "ONE", through: "r4" }) === undefined);
  await cluster.assertConverged();
  const verdict = await cluster.verdict("quorum");
  assertEquals(verdict.outcome, "ok", verdict.sentence);
  assertStringIncludes(await cluster.timeline("quorum"), "right");
  assert((await cluster.timeline("quorum")).startsWith("<!DOCTYPE html>"));
}

function listed(names: readonly string[]): string {
  const quoted = names.map((name) => `\`${name}\``);
  return `${quoted.slice(0, -1).join(", ")} and ${quoted.at(-1)}`;
}

Deno.test("One test runs on an imagined cluster and on processes", async () => {
  await using simulated = await SimCluster.start({ seed: 6 });
  await writeOnBothSides(simulated);
  await using real = await RealCluster.start();
  await writeOnBothSides(real);
});

Deno.test("Kills last until healing, a lost directory is filled, and nothing is left in the end", async () => {
  const cluster = await RealCluster.start({ keyspace: { words: { keys: "text", read_repair: "off" } } });
  const { directory } = cluster;
  {
    await using _ = cluster;
    await cluster.put("a", "1", { level: "ALL" });
    await cluster.fault({ kind: "kill", replicas: ["r3", "r4"] });
    await cluster.until(async () =>
      (await cluster.status("r1"))!.peers.filter(({ alive }) => alive).length === 1
    );
    const error = await assertRejects(() => cluster.put("a", "2", { through: "r1" }), RequestFailedError);
    assertEquals(error.operation.code, "unavailable");
    assertStringIncludes(error.message, " ms: QUORUM needs 3 live of the 4 replicas");
    await cluster.put("b", "2", { through: "r2", level: "TWO" });
    assertEquals(await cluster.held("r3"), new Map());
    await cluster.heal();
    await cluster.assertConverged();
    await cluster.fault({ kind: "wipe", replicas: ["r1"] });
    await cluster.restart("r1");
    await cluster.assertConverged();
    const held = await cluster.held("r1");
    assertEquals([held.get("a")?.value, held.get("b")?.value], ["1", "2"]);
    const { diskLosses, copies, faults } = await cluster.history();
    assertEquals([diskLosses.length, copies, faults!.map(({ text }) => text)], [
      1,
      4,
      ["killed", "loses its directory"],
    ]);
    assert(diskLosses[0]!.atMs > faults![1]!.atMs, "it acknowledges until it is dead");
    assertEquals((await cluster.verdict("quorum")).outcome, "ok");
  }
  await assertRejects(() => Deno.stat(directory), Deno.errors.NotFound);
});

Deno.test("Faults of lines and clocks are at work at once, and end by themselves or with healing", async () => {
  await using cluster = await RealCluster.start({ replicas: 2 });
  const kinds = async (id: string): Promise<string[]> =>
    (await cluster.status(id))?.faults?.map(({ kind }) => kind) ?? ["unknown"];
  await cluster.fault({ kind: "clock", replicas: ["r2"], skewMs: 5000 });
  await cluster.fault({ kind: "delay", replicas: ["r2"], delayMs: 20, forMs: 60_000 });
  await cluster.fault({ kind: "drop", replicas: ["r1"], perMille: 5, forMs: 1 });
  await cluster.fault({ kind: "one_way", replicas: ["r1"], forMs: 60_000 });
  await cluster.until(async () => (await kinds("r1")).length === 1);
  assertEquals([await kinds("r1"), (await kinds("r2")).sort()], [["cut"], ["cut", "delay", "skew"]]);
  await cluster.heal();
  assertEquals([await kinds("r1"), await kinds("r2")], [[], []]);
  await cluster.until(async () => (await cluster.status("r1"))!.peers[0]!.alive);
  await cluster.put(1, "x", { level: "TWO", through: "r1" });
  const { clockSpreadMs, faults } = await cluster.history();
  assert(clockSpreadMs >= 5000);
  assertEquals(faults!.map(({ text }) => text), [
    "clock 5000 ms off",
    "each line 20 ms late",
    "0.5 % of lines lost",
    "nothing of it reaches all others",
  ]);
});

Deno.test("What is waited for in vain, or ends by itself, leaves the directory and says so", async () => {
  const cluster = await RealCluster.start({
    replicas: 2,
    keyspace: { main: { hinted_handoff: false, anti_entropy: false } },
  });
  await cluster.partition(["r2"]);
  await cluster.put(1, "x", { level: "ONE", through: "r1" });
  const error = await assertRejects(() => cluster.assertConverged({ withinMs: 300 }), Error, "key 1 differs");
  assertStringIncludes(error.message, ", after 300 ms; still cut: r2 from r1");
  await cluster.heal();
  const after = await assertRejects(() => cluster.assertConverged({ withinMs: 300 }), Error);
  assert(after.message.endsWith(", after 300 ms"), after.message);
  Deno.kill(cluster.pid("r2"), "SIGKILL");
  await cluster.until(() => !cluster.isRunning("r2"));
  await assertRejects(
    async () => await cluster[Symbol.asyncDispose](),
    Error,
    "nobody had asked for that: r2 was ended by SIGKILL",
  );
  assert((await Deno.stat(cluster.directory)).isDirectory);
  await Deno.remove(cluster.directory, { recursive: true });
});

Deno.test("A replica that runs and does not say what it holds is no empty one", async () => {
  await using cluster = await RealCluster.start({ replicas: 1 });
  await cluster.put(1, "x");
  await cluster.fault({ kind: "pause", replicas: ["r1"] });
  await assertRejects(() => cluster.verdict("quorum"), Error, "r1 does not say what it holds: ");
  await cluster.heal();
  assertEquals((await cluster.held("r1")).get("1")?.value, "x");
});

Deno.test("Wrong options and faults without a meaning are refused", async () => {
  await assertRejects(
    () => RealCluster.start({ keyspace: { main: { replication: 9 } } }),
    TypeError,
    "keyspace.main.replication",
  );
  await using cluster = await RealCluster.start({ replicas: 1 });
  await assertRejects(() => cluster.fault({ kind: "pause", replicas: ["r9"] }), TypeError, "no replica r9");
  await assertRejects(() => cluster.get(1, { through: "r9" }), TypeError, "no replica r9; there are r1");
  await assertRejects(
    () => cluster.fault({ kind: "kill", replicas: ["r1"], forMs: 5 }),
    TypeError,
    "until heal or restart",
  );
  await assertRejects(
    () => cluster.fault({ kind: "power" as "kill", replicas: ["r1"] }),
    TypeError,
    'a real cluster has no fault "power"; it has: kill, wipe, pause, partition, ',
  );
  const misspelt = { kind: "kill", replicas: ["r1"], fromMs: 5 } as const;
  await assertRejects(() => cluster.fault(misspelt), TypeError, '"fromMs" is none of them');
  await assertRejects(() => cluster.fault({ kind: "kill", replicas: [] }), TypeError, "befalls nobody");
  const wrong = (options: unknown): Record<string, never> => options as Record<string, never>;
  await assertRejects(
    () => cluster.until(() => false, wrong(2000)),
    TypeError,
    "until takes as options { withinMs: number, what: string }, and 2000 was given",
  );
  await assertRejects(() => cluster.assertConverged(wrong(2000)), TypeError, "{ withinMs: number }");
  await assertRejects(() => cluster.get(7, wrong("ALL")), TypeError, '"ALL" was given');
  await assertRejects(() => cluster.get(7, wrong({ level: "two" })), TypeError, 'no level "two"; there are');
  await assertRejects(() => RealCluster.start(wrong({ seed: 3 })), TypeError, '"seed" is none of them');
});

Deno.test("The README says what a real cluster has not, which faults it knows, and what is awaited", async () => {
  const page = (await Deno.readTextFile(README)).replaceAll("\n", " ");
  const [simulated, real] = [SimCluster, RealCluster].map(({ prototype }) => {
    const all = Object.entries(Object.getOwnPropertyDescriptors(prototype));
    return new Map(all.filter(([name, { value }]) => name !== "constructor" && value instanceof Function));
  });
  const missing = [...simulated!.keys()].filter((name) => !real!.has(name));
  assertStringIncludes(page, `has the same methods except \`${missing.join("`, `")}\`,`);
  for (const name of simulated!.keys()) {
    const { value } = real!.get(name) ?? {};
    if (value !== undefined) assertEquals(value.constructor.name, "AsyncFunction", name);
  }
  const synchronous = [...simulated!].flatMap(([name, { value }]) =>
    value.constructor.name === "AsyncFunction" ? [] : [name]
  );
  assertStringIncludes(page, `returns a promise, ${listed(synchronous)} too`);
  assertStringIncludes(page, `The faults of a real cluster are ${listed(REAL_FAULT_KINDS)} (`);
});

Deno.test("The example in the README is the test on processes that runs here", async () => {
  const example = (await Deno.readTextFile(EXAMPLE)).split("\n").slice(1).join("\n").trim();
  assert(
    (await Deno.readTextFile(README)).includes(example),
    "README.md and tests/cluster/real_cluster_example_test.ts differ",
  );
});
