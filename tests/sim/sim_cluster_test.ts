/** Tests of `src/sim/sim_cluster.ts`: a cluster in virtual time for people who write tests. @module */
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
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
  assertStringIncludes(
    error.message,
    "client 1 tried to put 7 = x, which failed with unavailable, through r1",
  );
  assertStringIncludes(error.message, " ms: QUORUM needs 3 live of the 4 replicas");
  assert(cluster.nowMs - nowMs < 100);
  await assertRejects(() => cluster.assertConverged({ withinMs: 1000 }), Error, "r3 is not ready");
  cluster.heal();
  await cluster.assertConverged();
  const beganMs = cluster.nowMs;
  const until = cluster.until(() => false, { withinMs: 1000, what: "it rains" });
  await assertRejects(() => until, Error, "not within 1000 ms: it rains");
  assertEquals(Math.round(cluster.nowMs - beganMs), 1000);
});

Deno.test("Copies that stay different are named, and a wiped replica is filled", async () => {
  await using cluster = await SimCluster.start({
    seed: 5,
    keyspace: { main: { hinted_handoff: false, read_repair: "off", anti_entropy: false } },
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

Deno.test("A replica that is not there is refused by its name, whatever is to befall it", async () => {
  await using cluster = await SimCluster.start({ seed: 6, replicas: 3 });
  const unknown = "there is no replica r9; there are r1 r2 r3";
  assertThrows(() => cluster.fault({ kind: "kill", replicas: ["r9"] }), TypeError, unknown);
  assertThrows(() => cluster.partition(["r1"], ["r2", "r9"]), TypeError, unknown);
  assertThrows(() => cluster.held("r9"), TypeError, unknown);
  await assertRejects(() => cluster.get(7, { through: "r9" }), TypeError, unknown);
});

Deno.test("Copies that cannot become equal yet are told with what is still broken, and no more", async () => {
  await using cluster = await SimCluster.start({
    seed: 6,
    keyspace: { main: { hinted_handoff: false, anti_entropy: false } },
  });
  const told = async (): Promise<string | undefined> => {
    const error = await assertRejects(() => cluster.assertConverged({ withinMs: 500 }), Error);
    return /after the first look(.*)$/.exec(error.message)?.[1];
  };
  cluster.partition(["r1"]);
  await cluster.put(7, "x", { level: "ONE", through: "r1" });
  assertEquals(await told(), "; still cut: r1 from r2 r3 r4");
  cluster.fault({ kind: "one_way", replicas: ["r2"], peers: ["r3", "r4"], forMs: 1000 });
  cluster.fault({ kind: "pause", replicas: ["r4"] });
  assertEquals(
    await told(),
    "; still cut: r1 from r2 r3 r4; still cut one way: r2 to r3 r4; still paused: r4",
  );
  cluster.fault({ kind: "kill", replicas: ["r3", "r4"] });
  await cluster.advance(1000);
  assertEquals(await told(), "; still cut: r1 from r2 r3 r4; still down: r3 r4");
  cluster.heal();
  await cluster.advance(500);
  assertEquals(await told(), "");
});

Deno.test("A fault that is none is refused, and those that there are are named", async () => {
  await using cluster = await SimCluster.start({ seed: 6, replicas: 3 });
  assertThrows(
    () => cluster.fault({ kind: "kil" as "kill", replicas: ["r1"] }),
    TypeError,
    'no fault "kil"; there are: kill, power, wipe, ',
  );
  const misspelt = { kind: "kill", replica: ["r1"] } as const;
  assertThrows(() => cluster.fault(misspelt), TypeError, '"replica" is none of them');
  assertThrows(() => cluster.fault({ kind: "kill" }), TypeError, 'fault "kill" befalls nobody');
});

Deno.test("Options of a wrong shape are refused, and those that there are are named", async () => {
  await using cluster = await SimCluster.start({ seed: 6, replicas: 3 });
  const wrong = (options: unknown): Record<string, never> => options as Record<string, never>;
  await assertRejects(
    () => cluster.until(() => false, wrong(2000)),
    TypeError,
    "until takes as options { withinMs: number, what: string }, and 2000 was given",
  );
  await assertRejects(() => cluster.until(() => false, wrong({ within: 1 })), TypeError, '"within" is none');
  await assertRejects(() => cluster.until(() => false, wrong({ withinMs: "2s" })), TypeError, 'is "2s"');
  await assertRejects(() => cluster.assertConverged(wrong(2000)), TypeError, "{ withinMs: number }");
  await assertRejects(
    () => cluster.get(7, wrong("ALL")),
    TypeError,
    'through: string }, and "ALL" was given',
  );
  await assertRejects(() => cluster.put(7, "x", wrong({ trough: "r1" })), TypeError, '"trough" is none');
  await assertRejects(() => cluster.delete(7, wrong(null)), TypeError, "null was given");
  assertEquals(await cluster.get(7, wrong({ level: undefined })), undefined);
  await assertRejects(
    () => cluster.get(7, wrong({ level: "two" })),
    TypeError,
    'no level "two"; there are: ONE, TWO, THREE, QUORUM, ALL',
  );
  await assertRejects(
    () => cluster.advance("2s" as unknown as number),
    TypeError,
    "advance takes milliseconds, and 2s was given",
  );
  await assertRejects(() => SimCluster.start(wrong({ replica: 3 })), TypeError, '"replica" is none of them');
});

Deno.test("What clients saw can be drawn as a page, right or wrong", async () => {
  await using cluster = await SimCluster.start({
    seed: 1,
    keyspace: { main: { anti_entropy: false } },
    bugs: new Set(["forget_owed"]),
  });
  cluster.fault({ kind: "kill", replicas: ["r4"], forMs: 3000 });
  await cluster.put(7, "hello", { level: "TWO", through: "r1" });
  assert(cluster.timeline("sessions").includes("hello"));
  cluster.fault({ kind: "kill", replicas: ["r1"], forMs: 1000 });
  await cluster.advance(9000);
  const page = cluster.timeline("quorum");
  assert(page.includes("VIOLATED") && page.includes("in the end r4 holds nothing of key 7"));
});

Deno.test("The example in the README is the test that runs here", async () => {
  const example = (await Deno.readTextFile(EXAMPLE)).split("\n").slice(1).join("\n").trim();
  assert(
    (await Deno.readTextFile(README)).includes(example),
    "README.md and tests/sim/partition_example_test.ts differ",
  );
});
