/** Tests of session reads that one copy may answer, and of all that forbids it: `src/replica/complete_until.ts` (H12). @module */
import { assert, assertEquals } from "@std/assert";
import { stampOf } from "../../src/versions/stamp.ts";
import { encodeSession } from "../../src/protocol/tokens.ts";
import type { Carried } from "../harness/staged_cluster.ts";
import { StagedCluster } from "../harness/staged_cluster.ts";
import { ReplicaStage, STAGE_WALL_MS, type StageOptions } from "../harness/replica_stage.ts";

const MAIN = { read_repair: "off" };

/** Four replicas that only heartbeats, writes and anti-entropy make equal. */
function four(options: StageOptions = {}): StagedCluster {
  return new StagedCluster({ ...options, main: { ...MAIN, ...options.main } });
}

/** Writes at ONE in a new session; returns the session that has seen it. */
function put(cluster: StagedCluster, through: string, key: number, value: string): string {
  const stage = cluster.stage(through);
  const id = stage.request({ op: "put", key, value, level: "ONE", session: "" });
  cluster.carry();
  const result = stage.reply(id);
  assert(result?.ok && result.value.kind === "written", stage.outcome(id));
  return result.value.receipt.session!;
}

/** What a get at ONE is told by a replica that cannot ask anybody: `waiting` where its own copy is not enough. */
function alone(cluster: StagedCluster, through: string, key: number, session: string): string {
  const { isCarried } = cluster;
  cluster.isCarried = (carried) => carried.message.type !== "read" && isCarried(carried);
  const stage = cluster.stage(through);
  const id = stage.request({ op: "get", key, level: "ONE", session });
  cluster.carry();
  cluster.isCarried = isCarried;
  return stage.outcome(id);
}

/** Asks as a client does, and lets time pass until there is an answer. */
function ask(cluster: StagedCluster, through: string, key: number, session: string): string {
  const stage = cluster.stage(through);
  const id = stage.request({ op: "get", key, level: "ONE", session });
  cluster.carry();
  for (let i = 0; i < 200 && stage.outcome(id) === "waiting"; i++) cluster.tick(50);
  const result = stage.reply(id)!;
  const about = !result.ok ? result.failure : result.value.kind === "value" ? result.value.receipt : {};
  return `${stage.outcome(id)}${"maybe_stale" in about ? " maybe stale" : ""}`;
}

const isWriteTo = (id: string) => ({ to, message }: Carried): boolean =>
  to === id && message.type === "write";
const isPass = ({ message: { type } }: Carried): boolean =>
  ["compare", "list", "give", "fill"].includes(type);

Deno.test("H12: a session's get is answered by one copy, once that was told that it has everything", () => {
  const cluster = four();
  const session = put(cluster, "r1", 7, "x");
  assertEquals(alone(cluster, "r2", 7, session), "waiting", "r2 holds it, and was told nothing yet");
  assertEquals(alone(cluster, "r1", 7, session), "value x answered=r1", "r1 wrote it to its own disk");
  cluster.tick(1500);
  for (const id of ["r2", "r3", "r4"]) {
    assertEquals(alone(cluster, id, 7, session), `value x answered=${id}`);
    assertEquals(alone(cluster, id, 8, session), `not_found definite acked=${id}`);
  }
  assert(cluster.stage("r2").counter("session_gets_fresh") >= 2);
});

Deno.test("H12: one answer that is fresh is enough, and nobody else is waited for", () => {
  const cluster = four();
  cluster.isCarried = ({ from, to, message }) =>
    !isWriteTo("r2")({ from, to, message }) && !(message.type === "read" && to !== "r1");
  const session = put(cluster, "r1", 7, "x");
  const r2 = cluster.stage("r2");
  const get = r2.request({ op: "get", key: 7, level: "ONE", session });
  cluster.carry();
  assertEquals(r2.outcome(get), "value x answered=r1,r2", "r3 and r4 were not heard");
  const two = r2.request({ op: "get", key: 7, level: "THREE", session });
  cluster.carry();
  assertEquals(r2.outcome(two), "waiting", "the level is to be met as well");
});

Deno.test("H12: a write that was not acknowledged, and then the hint for it, forbid it until it was delivered", () => {
  const cluster = four();
  cluster.isCarried = (carried) => !isWriteTo("r2")(carried) && !isPass(carried);
  const session = put(cluster, "r1", 7, "x");
  for (let i = 0; i < 8; i++) {
    cluster.tick(1000);
    assertEquals(alone(cluster, "r2", 7, session), "waiting");
    assertEquals(
      alone(cluster, "r3", 7, session),
      i === 0 ? alone(cluster, "r3", 7, session) : "value x answered=r3",
    );
  }
  assertEquals(cluster.stage("r1").disk.keys("h").length, 1);
  cluster.isCarried = (carried) => !isPass(carried);
  cluster.tick(3000);
  assertEquals(alone(cluster, "r2", 7, session), "value x answered=r2");
});

Deno.test("H12: a hint that was dropped forbids it until the copies were compared with everybody's", () => {
  const cluster = four({ settings: { hint_count_max: 0 } });
  cluster.isCarried = (carried) => !isWriteTo("r2")(carried) && !isPass(carried);
  cluster.stage("r1").lose("r2");
  const session = put(cluster, "r1", 7, "x");
  assertEquals(cluster.stage("r1").counter("hints_dropped"), 1);
  cluster.stage("r1").linkUp("r2");
  cluster.tick(8000);
  const told = cluster.stage("r1").status().peers.find(({ id }) => id === "r2")!.complete_told;
  assert((told ?? 0) > stampOf(STAGE_WALL_MS), "with a hold beside it, that r2 cannot lift yet");
  assertEquals([alone(cluster, "r2", 7, session), ask(cluster, "r2", 7, session)], [
    "waiting",
    "value x answered=r1,r2",
  ]);
  cluster.isCarried = (carried) => !(isPass(carried) && (carried.from === "r4" || carried.to === "r4"));
  cluster.tick(8000);
  assertEquals(cluster.values(7)[1], "r2=x");
  assertEquals(alone(cluster, "r2", 7, session), "waiting", "r4 may hold what r1 forgot");
  cluster.isCarried = () => true;
  cluster.tick(8000);
  assertEquals(alone(cluster, "r2", 7, session), "value x answered=r2");
});

Deno.test("H12: without hints a missed copy forbids it in the same way", () => {
  const cluster = four({ main: { hinted_handoff: false } });
  cluster.isCarried = (carried) => !isWriteTo("r2")(carried) && !isPass(carried);
  const session = put(cluster, "r1", 7, "x");
  cluster.tick(9000);
  assertEquals(alone(cluster, "r2", 7, session), "waiting");
  cluster.isCarried = () => true;
  cluster.tick(8000);
  assertEquals(alone(cluster, "r2", 7, session), "value x answered=r2");
});

Deno.test("H12: copies that are never compared by themselves are never believed after a miss; everybody is asked", () => {
  const cluster = four({ main: { hinted_handoff: false, anti_entropy: false } });
  cluster.isCarried = (carried) => !isWriteTo("r2")(carried);
  const session = put(cluster, "r1", 7, "x");
  cluster.tick(20_000);
  assertEquals([alone(cluster, "r2", 7, session), ask(cluster, "r2", 7, session)], [
    "waiting",
    "value x answered=r1,r2",
  ]);
});

Deno.test("H12: a wiped replica believes nothing that was told to the directory before it", () => {
  const cluster = four();
  const session = put(cluster, "r1", 7, "x");
  cluster.tick(1500);
  assertEquals(alone(cluster, "r4", 7, session), "value x answered=r4");
  cluster.crash("r4");
  cluster.isCarried = (carried) => !isPass(carried);
  cluster.start("r4", { epoch: "e9" });
  cluster.tick(5000);
  cluster.stage("r4").deliver("r1", {
    type: "heartbeat",
    epoch: "e1",
    known_epochs: ["e4"],
    wall_ms: STAGE_WALL_MS,
    recovering: false,
    complete: { epoch: "e4", until: stampOf(STAGE_WALL_MS + 100_000), hold: 0 },
  });
  assertEquals(alone(cluster, "r4", 7, session), "waiting");
  cluster.isCarried = (carried) => carried.message.type !== "compare";
  cluster.tick(5000);
  assertEquals(cluster.values(7)[3], "r4=x", "filled");
  assertEquals(alone(cluster, "r4", 7, session), "waiting");
  cluster.isCarried = () => true;
  cluster.tick(8000);
  assertEquals(alone(cluster, "r4", 7, session), "value x answered=r4");
});

/** r1 sent a write that only r3 got, lost power before it was on its own disk, and begins another life. */
function withLostWrite(
  options: StageOptions = {},
): { readonly cluster: StagedCluster; readonly session: string } {
  const cluster = four(options);
  cluster.tick(1500);
  // Not the first after a pause, which would wait for the disk before it is sent.
  put(cluster, "r1", 1, "before");
  const r1 = cluster.stage("r1");
  r1.disk.isHeld = true;
  cluster.isCarried = ({ to, message }) => message.type !== "write" || to === "r3";
  r1.put(7, "x");
  cluster.carry();
  cluster.crash("r1");
  const [version] = cluster.stage("r3").held(7);
  assertEquals(cluster.values(7), ["r1=", "r2=", "r3=x", "r4="]);
  const session = encodeSession({ stamp: version!.stamp, vector: { [version!.origin]: version!.stamp } });
  return { cluster, session };
}

Deno.test("H12: what a life sent and its own disk lost forbids it, everywhere, until copies were compared", () => {
  const { cluster, session } = withLostWrite();
  cluster.isCarried = (carried) => !isPass(carried);
  cluster.start("r1");
  for (let i = 0; i < 6; i++) {
    cluster.tick(1000);
    for (const id of ["r1", "r2", "r4"]) assertEquals(alone(cluster, id, 7, session), "waiting");
  }
  assertEquals(ask(cluster, "r2", 7, session), "value x answered=r1,r2,r3,r4");
  cluster.isCarried = () => true;
  for (let i = 0; i < 200; i++) {
    cluster.tick(50);
    for (const id of ["r1", "r2", "r4"]) {
      const outcome = alone(cluster, id, 7, session);
      assert(outcome === "waiting" || outcome === `value x answered=${id}`, outcome);
    }
  }
  const later = put(cluster, "r1", 8, "y");
  cluster.tick(1500);
  for (const id of ["r1", "r2", "r3", "r4"]) {
    assertEquals(alone(cluster, id, 7, session), `value x answered=${id}`);
    assertEquals(alone(cluster, id, 8, later), `value y answered=${id}`);
  }
});

Deno.test("H12: what is still on its way from a life that is over is not taken after the fence", () => {
  const { cluster } = withLostWrite();
  const [version] = cluster.stage("r3").held(7);
  const late = (round: number, stamp: number): void => {
    cluster.stage("r4").deliver("r1", {
      type: "write",
      round,
      cause: "put",
      keyspace: "main",
      key: 9,
      versions: [{ ...version!, stamp }],
    });
  };
  cluster.isCarried = (carried) => !isPass(carried);
  cluster.start("r1");
  late(1, version!.stamp);
  assertEquals(cluster.values(9)[3], "r4=x", "before the fence it is taken");
  cluster.tick(3000);
  late(2, version!.stamp + 1);
  assertEquals(cluster.stage("r4").held(9)[0]!.stamp, version!.stamp);
  late(3, version!.stamp + 1_000_000_000);
  assertEquals(cluster.stage("r4").held(9)[0]!.stamp, version!.stamp + 1_000_000_000);
});

Deno.test("H12: a fence stands before what came earlier is on the disk, and is told of only then", () => {
  const stage = ReplicaStage.whole({ id: "r2", epoch: "e2", memberCount: 2 });
  const fenced = (): (number | undefined)[] =>
    stage.takeSent("heartbeat").map(({ message }) => message.fenced);
  const ask = (): void =>
    stage.deliver("r1", {
      type: "heartbeat",
      epoch: "e1",
      known_epochs: ["e2"],
      wall_ms: STAGE_WALL_MS + stage.nowMs,
      recovering: false,
      fence: 5000,
    });
  stage.disk.isHeld = true;
  ask();
  stage.tick(1000);
  assertEquals(new Set(fenced()), new Set([undefined]));
  stage.disk.isHeld = false;
  stage.disk.roomBytes = -1;
  stage.disk.sync();
  stage.tick(1000);
  assertEquals(new Set(fenced()), new Set([undefined]), "the disk refused");
  stage.disk.roomBytes = Infinity;
  ask();
  stage.tick(1000);
  assert(fenced().includes(5000));
});

Deno.test("H12: our own copy is not fresh while a write of our own is on its way to it, or found no room", () => {
  const cluster = four();
  const session = put(cluster, "r1", 7, "x");
  const r1 = cluster.stage("r1");
  r1.disk.isHeld = true;
  r1.put(8, "y");
  cluster.carry();
  r1.disk.isHeld = false;
  assertEquals(
    alone(cluster, "r1", 7, session),
    "value x answered=r1",
    "it is later than all of this session",
  );
  const { stamp } = cluster.stage("r2").held(8)[0]!;
  const seen = encodeSession({ stamp, vector: { "r1.e1": stamp } });
  assertEquals(alone(cluster, "r1", 7, seen), "waiting");
  r1.disk.sync();
  assertEquals(alone(cluster, "r1", 7, seen), "value x answered=r1");
});

Deno.test("H12: a replica alone begins its next life with nothing to compare", () => {
  const stage = ReplicaStage.whole({ memberCount: 1 });
  stage.put(7, "x");
  stage.restart();
  stage.tick(100);
  const session = encodeSession({ stamp: 5000, vector: { "r1.e1": 5000 } });
  assertEquals(stage.outcome(stage.request({ op: "get", key: 7, session })), "value x answered=r1");
  assertEquals(stage.counter("session_gets_fresh"), 1);
});

Deno.test("H12: without faults no answer is ever maybe stale, also where the session names who no longer exists", () => {
  const cluster = four();
  const sessions = ["r1", "r2", "r3", "r4"].map((id, index) => put(cluster, id, index, `v${index}`));
  for (const session of [...sessions, encodeSession({ stamp: 5000, vector: { "r9.dead": 5000 } })]) {
    for (const id of ["r1", "r2", "r3", "r4"]) {
      for (const key of [0, 1, 2, 3]) {
        assertEquals(ask(cluster, id, key, session).split(" ").slice(0, 2), ["value", `v${key}`]);
        assert(!ask(cluster, id, key, session).includes("maybe stale"));
      }
    }
  }
});

Deno.test("H12: where who knows better cannot be asked, the answer comes at its deadline, and says that it may be stale", () => {
  const cluster = four({ settings: { request_timeout_ms: 1000 } });
  const session = encodeSession({ stamp: 5000, vector: { "r9.dead": 5000 } });
  cluster.isCarried = ({ to, message }) => !(to === "r4" && message.type === "read");
  assertEquals(ask(cluster, "r1", 7, session), "not_found definite acked=r1,r2,r3 maybe stale");
});
