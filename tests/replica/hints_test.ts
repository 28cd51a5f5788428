/** Tests of owed records and hints on real replicas: `src/replica/hints.ts`, `src/replica/writes.ts` (H8, H9). @module */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { stampOf } from "../../src/versions/stamp.ts";
import { ReplicaStage, STAGE_WALL_MS } from "../harness/replica_stage.ts";
import { StagedCluster } from "../harness/staged_cluster.ts";

/** A whole replica that lost r4, with one hint for it for each key. */
function withHintsForR4(
  keys: readonly number[],
  settings: Readonly<Record<string, number>> = {},
): ReplicaStage {
  const stage = ReplicaStage.whole({ settings });
  stage.lose("r4");
  for (const key of keys) {
    const put = stage.put(key, `v${key}`);
    const { round } = stage.takeSent("write")[0]!.message;
    for (const peer of ["r2", "r3"]) stage.ack(peer, round);
    assertEquals(stage.outcome(put), "written acked=r1 owed=r2,r3,r4");
  }
  stage.tick();
  return stage;
}

function hintsSent(stage: ReplicaStage): { key: unknown; round: number }[] {
  return stage.takeSent("write").filter(({ to, message }) => to === "r4" && message.cause === "hint")
    .map(({ message: { key, round } }) => ({ key, round }));
}

function r4Status(stage: ReplicaStage): { hints: number; hint_bytes: number } {
  const { hints, hint_bytes } = stage.status().peers.find(({ id }) => id === "r4")!;
  return { hints, hint_bytes };
}

Deno.test("H8: the owed record names the other copies, and goes when all have acknowledged", () => {
  const stage = ReplicaStage.whole();
  stage.put(7, "x");
  const { round } = stage.takeSent("write")[0]!.message;
  for (const peer of ["r2", "r3"]) stage.ack(peer, round);
  stage.tick();
  assertEquals(stage.disk.keys("o").length, 1, "r4 has not acknowledged");
  stage.ack("r4", round);
  stage.tick();
  assertEquals([stage.disk.keys("o"), stage.disk.keys("h")], [[], []]);
});

Deno.test("H8: who has not acknowledged by the deadline gets a hint instead", () => {
  const stage = ReplicaStage.whole({ settings: { request_timeout_ms: 500 } });
  stage.put(7, "x");
  stage.tick(450);
  assertEquals([stage.disk.keys("o").length, stage.disk.keys("h").length], [1, 0]);
  stage.tick(50);
  assertEquals([stage.disk.keys("o").length, stage.disk.keys("h").length], [0, 3]);
});

Deno.test("H8: a coordinator that answered at ONE and died at once still brings the write to all", () => {
  const cluster = new StagedCluster();
  const r1 = cluster.stage("r1");
  cluster.isCarried = ({ message }) => message.type !== "write";
  const put = r1.put(7, "x", "ONE");
  assertEquals(r1.outcome(put), "written acked=r1 owed=r2,r3,r4");
  cluster.crash("r1");
  cluster.isCarried = () => true;
  cluster.tick(3000);
  assertEquals(cluster.values(7), ["r1=x", "r2=", "r3=", "r4="], "nobody else knows of it");
  cluster.start("r1");
  cluster.tick(3000);
  assertEquals(cluster.values(7), ["r1=x", "r2=x", "r3=x", "r4=x"]);
  assertEquals([r1.disk.keys("o"), r1.disk.keys("h")], [[], []]);
});

Deno.test("H8: a coordinator without a copy has the record on disk before it answers, and delivers it after a crash", () => {
  const cluster = new StagedCluster({ main: { replication: 3 } });
  const r4 = cluster.stage("r4");
  r4.disk.isHeld = true;
  cluster.isCarried = ({ to, message }) => to !== "r3" || message.type !== "write";
  const put = r4.put(7, "x", "TWO");
  cluster.carry();
  assertEquals(r4.outcome(put), "waiting", "r1 and r2 have it, and nobody would owe r3 its copy");
  r4.disk.sync();
  assertEquals(r4.outcome(put), "written acked=r1,r2 owed=r3");
  assertEquals(r4.values(7), [], "it holds no copy");
  for (const id of ["r4", "r1", "r2"]) cluster.crash(id);
  cluster.isCarried = () => true;
  cluster.start("r4");
  cluster.tick(3000);
  assertEquals(cluster.stage("r3").values(7), ["x"]);
});

Deno.test("H8: many owed records are taken up page by page", () => {
  const stage = ReplicaStage.whole({ memberCount: 2, settings: { hint_count_max: 10_000 } });
  for (let i = 0; i < 1500; i++) stage.put(i % 256, `v${i}`);
  assertEquals(stage.disk.keys("o").length, 1500);
  stage.restart();
  stage.tick();
  assertEquals(stage.disk.keys("o").length, 0);
  assertEquals(stage.disk.keys("h").length, 256, "one hint for each key");
});

Deno.test("Hints are delivered when their target is back, and removed only when it acknowledged", () => {
  const stage = withHintsForR4([1, 2]);
  assertEquals(r4Status(stage).hints, 2);
  stage.meet("r4");
  stage.tick();
  const sent = hintsSent(stage);
  assertEquals(sent.map(({ key }) => key), [1, 2]);
  stage.ack("r4", sent[0]!.round);
  assertEquals(stage.disk.keys("h").length, 1);
  stage.ack("r4", sent[1]!.round);
  assertEquals([stage.disk.keys("h"), r4Status(stage)], [[], { hints: 0, hint_bytes: 0 }]);
  assertEquals(stage.counter("hints_delivered"), 2);
});

Deno.test("Hints survive the coordinator's restart, and are counted again", () => {
  const stage = withHintsForR4([1, 2, 3]);
  const before = r4Status(stage);
  stage.restart();
  stage.tick();
  assertEquals(r4Status(stage), before);
  stage.meet("r4");
  stage.tick();
  assertEquals(hintsSent(stage).length, 3);
});

Deno.test("A hint that a later write of its key joined is not removed by the older one's acknowledgement", () => {
  const stage = withHintsForR4([1]);
  stage.meet("r4");
  stage.tick();
  const [older] = hintsSent(stage);
  stage.lose("r4");
  stage.put(1, "later");
  const { round } = stage.takeSent("write")[0]!.message;
  for (const peer of ["r2", "r3"]) stage.ack(peer, round);
  stage.ack("r4", older!.round);
  stage.meet("r4");
  stage.tick();
  assertEquals(stage.takeSent("write").map(({ to, message }) => [to, message.versions[0]!.value]), [[
    "r4",
    "later",
  ]]);
});

Deno.test("Hints never count for a level", () => {
  const stage = ReplicaStage.whole();
  for (const peer of ["r3", "r4"]) stage.lose(peer);
  assertEquals(stage.outcome(stage.put(7, "x", "THREE")), "unavailable definite");
});

Deno.test("H9: a writer whose clock is far ahead of its peers is refused, definitely, and told by how much", () => {
  const stage = ReplicaStage.whole({ settings: { clock_skew_max_ms: 10_000 } });
  stage.skewMs = 10_000;
  for (const peer of stage.peers()) stage.meet(peer);
  assertEquals(stage.outcome(stage.put(7, "x")), "written acked=r1 owed=r2,r3,r4", "at the limit");
  stage.skewMs = 10_001;
  for (const peer of stage.peers()) stage.meet(peer);
  stage.takeAll();
  const put = stage.put(7, "y");
  assertEquals([stage.outcome(put), stage.takeSent("write").length], ["clock_skew definite", 0]);
  assertStringIncludes(
    stage.failure(put).message,
    "10001 ms ahead of the median of its live peers, at most 10000 ms",
  );
  assertEquals(stage.values(7), ["x"]);
  stage.meet("r2", { aheadMs: 9000 });
  assertEquals(stage.outcome(stage.put(7, "z")), "clock_skew definite", "the median decides, not one peer");
  stage.meet("r3", { aheadMs: 9000 });
  assertEquals(stage.outcome(stage.put(7, "z")), "written acked=r1 owed=r2,r3,r4");
});

Deno.test("H9: what a heartbeat tells of a clock counts at once, and that of a peer that falls silent no more", () => {
  const stage = ReplicaStage.whole({ settings: { clock_skew_max_ms: 10_000 } });
  const tell = (peer: string, aheadMs: number): void =>
    stage.deliver(peer, {
      type: "heartbeat_ack",
      epoch: `e${peer.slice(1)}`,
      known_epochs: ["e1"],
      wall_ms: STAGE_WALL_MS + stage.nowMs + aheadMs,
      recovering: false,
    });
  const put = (): string => stage.outcome(stage.put(7, "x"));
  assertStringIncludes(put(), "written");
  for (const peer of ["r2", "r3"]) tell(peer, -20_000);
  assertEquals(put(), "clock_skew definite");
  tell("r3", 0);
  assertStringIncludes(put(), "written");
  for (const peer of ["r3", "r4"]) stage.silence(peer);
  stage.tick(900);
  tell("r2", -20_000);
  assertStringIncludes(put(), "written");
  stage.tick(200);
  assertEquals(put(), "clock_skew definite", "r2 alone is alive");
});

Deno.test("H9: a clock that is behind, or ahead of peers that are dead, refuses nothing", () => {
  const behind = ReplicaStage.whole();
  behind.skewMs = -3_600_000;
  for (const peer of behind.peers()) behind.meet(peer);
  assertEquals(behind.outcome(behind.put(7, "x")), "written acked=r1 owed=r2,r3,r4");
  const alone = ReplicaStage.whole();
  alone.skewMs = 3_600_000;
  for (const peer of alone.peers()) alone.lose(peer);
  assertEquals(alone.outcome(alone.put(7, "x")), "written acked=r1 owed=r2,r3,r4");
});

Deno.test("H9: stamps from peers are taken however far ahead, and hints that carry them are delivered", () => {
  const cluster = new StagedCluster();
  const stamp = stampOf(STAGE_WALL_MS + 86_400_000);
  const r1 = cluster.stage("r1");
  r1.deliver("r2", {
    type: "write",
    round: 5,
    cause: "put",
    keyspace: "main",
    key: 1,
    versions: [{ stamp, origin: "r2.e2", value: "tomorrow" }],
  });
  assertEquals(r1.takeSent("written").map(({ to }) => to), ["r2"]);
  cluster.crash("r3");
  for (const key of [1, 2]) r1.put(key, "and later", "TWO");
  cluster.tick(100);
  assert(r1.held(1)[0]!.stamp > stamp);
  cluster.start("r3");
  cluster.tick(1000);
  for (const key of [1, 2]) {
    assertEquals(cluster.values(key), ["r1", "r2", "r3", "r4"].map((id) => `${id}=and later`));
  }
  assertEquals(r1.counter("hints_refused"), 0);
});

Deno.test("A full hint store drops and counts, and never fails a write: by count, by bytes", () => {
  const byCount = withHintsForR4([1, 2, 3], { hint_count_max: 2 });
  assertEquals([r4Status(byCount).hints, byCount.counter("hints_dropped")], [2, 1]);
  const byBytes = withHintsForR4([1, 2, 3], { hint_bytes_max: 1 });
  assertEquals([r4Status(byBytes).hints, byBytes.counter("hints_dropped")], [1, 2]);
  const none = withHintsForR4([1], { hint_count_max: 0 });
  assertEquals([none.disk.keys("h"), none.disk.keys("o"), none.counter("hints_dropped")], [[], [], 1]);
});

Deno.test("A hint older than its age limit is dropped and counted, not delivered", () => {
  const stage = withHintsForR4([1], { hint_age_max_ms: 5000 });
  stage.tick(4000);
  stage.put(2, "younger");
  const { round } = stage.takeSent("write")[0]!.message;
  for (const peer of ["r2", "r3"]) stage.ack(peer, round);
  stage.tick(1050);
  stage.meet("r4");
  stage.tick();
  assertEquals(hintsSent(stage).map(({ key }) => key), [2]);
  assertEquals([stage.counter("hints_dropped"), r4Status(stage).hints], [1, 1]);
});

Deno.test("A refused hint is set aside and counted, and the others are delivered past it", () => {
  const stage = withHintsForR4([1, 2]);
  stage.meet("r4");
  stage.tick();
  const [first, second] = hintsSent(stage);
  stage.deliver("r4", { type: "refused", round: first!.round, code: "malformed_request", message: "no" });
  stage.ack("r4", second!.round);
  assertEquals([stage.counter("hints_refused"), r4Status(stage).hints], [1, 1]);
  stage.tick(55_000);
  assertEquals(hintsSent(stage), [], "it stays aside for a minute");
  stage.tick(6000);
  assertEquals(hintsSent(stage).map(({ key }) => key), [1], "and is not given up");
});

Deno.test("A target without room gets its hints after a pause, none set aside", () => {
  const stage = withHintsForR4([1]);
  stage.meet("r4");
  stage.tick();
  const [first] = hintsSent(stage);
  stage.deliver("r4", { type: "refused", round: first!.round, code: "disk_full", message: "full" });
  stage.tick(900);
  assertEquals([hintsSent(stage), stage.counter("hints_refused")], [[], 0]);
  stage.tick(200);
  assertEquals(hintsSent(stage).length, 1);
});

Deno.test("hinted_handoff off: no owed record, no hint, and the write is as good", () => {
  const stage = ReplicaStage.whole({ main: { hinted_handoff: false } });
  stage.lose("r4");
  assertEquals(stage.outcome(stage.put(7, "x")), "written acked=r1 owed=r2,r3,r4");
  stage.tick(5000);
  assertEquals([stage.disk.keys("o"), stage.disk.keys("h")], [[], []]);
});

Deno.test("Hints that found no room on a full disk are kept when it has room again; until then the owed record stays", () => {
  const stage = ReplicaStage.whole({ settings: { request_timeout_ms: 500 } });
  stage.put(7, "x".repeat(500));
  stage.disk.roomBytes = 100;
  stage.tick(1000);
  assertEquals([stage.disk.keys("o").length, stage.disk.keys("h").length], [1, 0]);
  stage.disk.roomBytes = Infinity;
  stage.tick(1000);
  assertEquals([stage.disk.keys("o").length, stage.disk.keys("h").length], [0, 3]);
});

Deno.test("Owed records go with the next put, and with a later one where that finds no room", () => {
  const stage = ReplicaStage.whole();
  for (const key of [1, 2, 3]) {
    stage.put(key, "x");
    const { round } = stage.takeSent("write")[0]!.message;
    for (const peer of ["r2", "r3", "r4"]) stage.ack(peer, round);
    assertEquals(stage.disk.keys("o").length, 1, "those of the puts before went with this one");
  }
  stage.disk.roomBytes = 100;
  const refused = stage.put(4, "x".repeat(500));
  assert(stage.outcome(refused).startsWith("timeout"));
  assertEquals(stage.disk.keys("o").length, 1);
  stage.disk.roomBytes = Infinity;
  const { round } = stage.takeSent("write")[0]!.message;
  for (const peer of ["r2", "r3", "r4"]) stage.ack(peer, round);
  stage.tick(1000);
  assertEquals([stage.disk.keys("o"), stage.disk.keys("h")], [[], []]);
});
