/** Tests of what heartbeats tell of a replica's own writes, and when they ask for a fence: `src/replica/complete_until.ts` (H12). @module */
import { assert, assertEquals } from "@std/assert";
import type { Heartbeat } from "../../src/membership/messages.ts";
import { encodeSession } from "../../src/protocol/tokens.ts";
import { ReplicaStage, STAGE_WALL_MS, type StageOptions } from "../harness/replica_stage.ts";
import { StagedCluster } from "../harness/staged_cluster.ts";

/** What a peer would be told now, or asked: the fields of the next heartbeat to it. */
function heartbeatTo(stage: ReplicaStage, peer: string): Heartbeat {
  stage.takeAll();
  stage.tick(1050);
  return stage.takeSent("heartbeat").filter(({ to }) => to === peer).at(-1)!.message;
}

/** Up to which stamp a peer would be told that it has everything; 0 for nothing. */
function toldTo(stage: ReplicaStage, peer: string): number {
  return heartbeatTo(stage, peer).complete?.until ?? 0;
}

/** Writes at ONE; `acks` have it on disk. Returns the stamp. */
function put(stage: ReplicaStage, key: number, acks: readonly string[]): number {
  stage.put(key, `v${key}`);
  const sent = stage.takeSent("write").filter(({ message }) => message.key === key);
  for (const peer of acks) stage.ack(peer, sent[0]!.message.round);
  return sent[0]!.message.versions[0]!.stamp;
}

/** A peer says what it has a fence for, beside all that it always says. */
function fenced(stage: ReplicaStage, peer: string, fence: number): void {
  stage.deliver(peer, {
    type: "heartbeat_ack",
    epoch: `e${peer.slice(1)}`,
    known_epochs: [stage.epoch],
    wall_ms: STAGE_WALL_MS + stage.nowMs,
    recovering: false,
    fenced: fence,
  });
}

const others = ["r2", "r3", "r4"] as const;

Deno.test("H12: a write that a peer has not acknowledged stops what it is told, and not what others are told", () => {
  const stage = ReplicaStage.whole();
  const stamp = put(stage, 7, ["r2", "r3"]);
  assert(toldTo(stage, "r2") > stamp);
  assertEquals(toldTo(stage, "r4"), stamp - 1);
});

Deno.test("H12: a write of keys that a peer does not hold does not stop what it is told", () => {
  const stage = ReplicaStage.whole({ main: { replication: 2 } });
  const stamp = put(stage, 7, []);
  assert(toldTo(stage, "r4") > stamp);
  assertEquals(toldTo(stage, "r2"), stamp - 1);
});

Deno.test("H12: nothing is told above the clock's ceiling on disk, where the next life begins", () => {
  const stage = ReplicaStage.whole();
  put(stage, 7, others);
  stage.disk.isHeld = true;
  stage.tick(20_000);
  const told = toldTo(stage, "r2");
  // A clock that was set back: only the ceiling is left to begin at.
  stage.skewMs = -3_600_000;
  stage.restart();
  stage.tick();
  for (const peer of stage.peers()) stage.meet(peer);
  stage.tick();
  assert(put(stage, 8, others) > told);
});

Deno.test("H12: while a hint is being made, or finds no room, its target is told nothing of that write", () => {
  const stage = ReplicaStage.whole();
  stage.lose("r4");
  stage.put(7, "x");
  const [{ message }] = stage.takeSent("write") as [ReturnType<typeof stage.takeSent<"write">>[0]];
  const { round, versions } = message;
  stage.disk.isHeld = true;
  for (const peer of ["r2", "r3"]) stage.ack(peer, round);
  stage.meet("r4");
  assert(toldTo(stage, "r4") < versions[0]!.stamp, "it waits for the disk");
  stage.disk.roomBytes = 0;
  stage.disk.sync();
  stage.disk.isHeld = false;
  assert(toldTo(stage, "r4") < versions[0]!.stamp, "it found no room");
  assert(toldTo(stage, "r2") > versions[0]!.stamp);
});

Deno.test("H12: a hint that is dropped for its age holds back what its target is told", () => {
  const stage = ReplicaStage.whole({ settings: { hint_age_max_ms: 5000 } });
  stage.lose("r4");
  const stamp = put(stage, 7, ["r2", "r3"]);
  stage.tick(6000);
  stage.meet("r4");
  const { complete, fence } = heartbeatTo(stage, "r4");
  assertEquals(complete, undefined);
  assert(fence! >= stamp);
  for (const peer of others) fenced(stage, peer, fence!);
  assertEquals(heartbeatTo(stage, "r4").complete?.hold, fence);
  assertEquals(heartbeatTo(stage, "r2").complete?.hold, 0, "r2 has missed nothing");
});

Deno.test("H12: no fence is asked for while a held write is under way, or anybody is owed a hint or this disk a copy", () => {
  const stage = ReplicaStage.whole({ settings: { hint_count_max: 1 } });
  stage.lose("r4");
  put(stage, 1, ["r2", "r3"]);
  // No room for another hint: r4 misses this one for good. r3 has it under way for a while.
  stage.put(2, "x");
  const { round } = stage.takeSent("write").find(({ message }) => message.key === 2)!.message;
  stage.ack("r2", round);
  assertEquals(heartbeatTo(stage, "r2").fence, undefined, "nothing was dropped yet");
  stage.ack("r3", round);
  assertEquals(stage.counter("hints_dropped"), 1);
  const late = put(stage, 3, ["r2"]);
  assertEquals(heartbeatTo(stage, "r2").fence, undefined, "a hint waits for r4");
  stage.meet("r4");
  stage.tick();
  const hint = stage.takeSent("write").find(({ to, message }) => to === "r4" && message.cause === "hint")!;
  stage.ack("r4", hint.message.round);
  const { fence } = heartbeatTo(stage, "r2");
  assert(fence !== undefined && fence < late, "what began later need not be waited for");
});

Deno.test("H12: no fence is asked for while an older write is under way, or the disk does not know yet that nothing is owed", () => {
  const stage = ReplicaStage.whole({ settings: { hint_count_max: 0 } });
  stage.put(1, "x");
  const older = stage.takeSent("write")[0]!.message.round;
  for (const peer of ["r2", "r4"]) stage.ack(peer, older);
  stage.lose("r4");
  stage.put(2, "y");
  const { round } = stage.takeSent("write")[0]!.message;
  stage.ack("r2", round);
  stage.disk.isHeld = true;
  stage.ack("r3", round);
  stage.ack("r3", older);
  assertEquals(heartbeatTo(stage, "r2").fence, undefined, "the owed record is still there");
  stage.disk.sync();
  stage.disk.isHeld = false;
  assert(heartbeatTo(stage, "r2").fence !== undefined);

  const other = ReplicaStage.whole({ settings: { hint_count_max: 0 } });
  other.put(1, "x");
  const slow = other.takeSent("write")[0]!.message.round;
  for (const peer of ["r2", "r4"]) other.ack(peer, slow);
  other.lose("r4");
  put(other, 2, ["r2", "r3"]);
  assertEquals(heartbeatTo(other, "r2").fence, undefined, "r3 has not acknowledged the one before");
  other.ack("r3", slow);
  assert(heartbeatTo(other, "r2").fence !== undefined);
});

Deno.test("H12: a copy that our own disk had no room for holds back what we can say of it ourselves", () => {
  const stage = ReplicaStage.whole();
  put(stage, 7, others);
  const isOwnEnough = (stamp: number): boolean => {
    const session = encodeSession({ stamp, vector: { "r1.e1": stamp } });
    return stage.outcome(stage.request({ op: "get", key: 9, level: "ONE", session })) !== "waiting";
  };
  stage.disk.roomBytes = 0;
  stage.put(9, "lost here");
  const { round, versions } = stage.takeSent("write")[0]!.message;
  const { stamp } = versions[0]!;
  for (const peer of others) stage.ack(peer, round);
  assertEquals(heartbeatTo(stage, "r2").fence, undefined, "it is still to be stored");
  stage.disk.roomBytes = Infinity;
  assert(!isOwnEnough(stamp));
  stage.tick(3000);
  assert(heartbeatTo(stage, "r2").fence! >= stamp);
  assertEquals(stage.values(9), ["lost here"], "stored late");
  assert(!isOwnEnough(stamp), "and nobody here knows that nothing else is missing");
});

Deno.test("H12: what was acknowledged before a peer said which directory it has may be lost with another", () => {
  const stage = new ReplicaStage();
  stage.tick();
  for (const peer of ["r2", "r3"]) stage.meet(peer);
  stage.linkUp("r4");
  stage.tick();
  stage.takeAll();
  put(stage, 7, others);
  stage.meet("r4");
  assertEquals([toldTo(stage, "r4"), toldTo(stage, "r2") > 0], [0, true]);
});

/** r4, which is filled because its directory was lost, and which r1 never met before. */
function recovering(options: StageOptions = {}): ReplicaStage {
  const stage = new ReplicaStage({ ...options, id: "r4", epoch: "e4" });
  stage.tick();
  for (const peer of ["r2", "r3"]) stage.meet(peer, { knownEpochs: ["dead"] });
  stage.meet("r1");
  tell(stage, 5000);
  stage.tick();
  stage.takeAll();
  return stage;
}

/** r1 tells that r4 has all its writes up to here. */
function tell(stage: ReplicaStage, until: number): void {
  stage.deliver("r1", {
    type: "heartbeat",
    epoch: "e1",
    known_epochs: [stage.epoch],
    wall_ms: STAGE_WALL_MS + stage.nowMs,
    recovering: false,
    complete: { epoch: stage.epoch, until, hold: 0 },
  });
}

const SEEN = { "r1.e1": 5000 };

Deno.test("H12: a recovering replica never says that it is fresh, whatever it was told", () => {
  const read = { type: "read", round: 9, keyspace: "main", key: 7, vector: SEEN } as const;
  const stage = recovering();
  stage.deliver("r1", read);
  assertEquals(stage.takeSent("answer").map(({ message }) => [message.recovering, message.fresh]), [[
    true,
    undefined,
  ]]);
  stage.request({ op: "get", key: 7, level: "ONE", session: encodeSession({ stamp: 5000, vector: SEEN }) });
  assertEquals(stage.takeSent("read")[0]!.message.vector, SEEN, "its own copy proves nothing");
  const whole = ReplicaStage.whole({ id: "r4", epoch: "e4" });
  tell(whole, 5000);
  whole.takeAll();
  whole.deliver("r1", read, { ...read, round: 10, vector: { "r1.e1": 5001 } });
  assertEquals(whole.takeSent("answer").map(({ message }) => message.fresh), [true, undefined]);
});

Deno.test("H12: who holds no copy of the key asks those that do, whatever it was told of other keys", () => {
  const stage = ReplicaStage.whole({ id: "r4", epoch: "e4", main: { replication: 3 } });
  tell(stage, 5000);
  stage.takeAll();
  const session = encodeSession({ stamp: 5000, vector: SEEN });
  const get = stage.request({ op: "get", key: 7, level: "ONE", session });
  const asked = stage.takeSent("read");
  assertEquals(
    asked.map(({ to, message }) => [to, message.vector]),
    ["r1", "r2", "r3"].map((id) => [id, SEEN]),
  );
  const { round } = asked[0]!.message;
  stage.deliver("r2", { type: "answer", round, versions: [] });
  assertEquals(stage.outcome(get), "waiting");
  stage.deliver("r1", { type: "answer", round, versions: [], recovering: true, fresh: true });
  assertEquals(stage.outcome(get), "waiting", "what does not count is not sure of anything");
  stage.deliver("r3", { type: "answer", round, versions: [], fresh: true });
  assertEquals(stage.outcome(get), "not_found definite acked=r2,r3");
});

Deno.test("H12: behind a fence only new writes are refused: hints are taken", () => {
  const stage = ReplicaStage.whole({ id: "r2", epoch: "e2", memberCount: 2 });
  stage.deliver("r1", {
    type: "heartbeat",
    epoch: "e1",
    known_epochs: ["e2"],
    wall_ms: STAGE_WALL_MS,
    recovering: false,
    fence: 5000,
  });
  const write = {
    type: "write",
    round: 1,
    keyspace: "main",
    versions: [{ stamp: 4000, origin: "r1.e1", value: "x" }],
  };
  stage.deliver("r1", { ...write, type: "write", cause: "put", key: 1 }, {
    ...write,
    type: "write",
    cause: "hint",
    key: 2,
  });
  assertEquals([stage.values(1), stage.values(2)], [[], ["x"]]);
});

Deno.test("H12: where one keyspace is not compared by itself, comparing the others lifts no hold", () => {
  const cluster = new StagedCluster({
    memberCount: 2,
    main: { replication: 2, read_repair: "off" },
    others: { loose: { replication: 2, anti_entropy: false, read_repair: "off" } },
  });
  const r1 = cluster.stage("r1");
  const r2 = cluster.stage("r2");
  r1.put(7, "x");
  cluster.tick(1500);
  const heard = (): number => r2.status().peers[0]!.complete_heard ?? 0;
  const before = heard();
  assert(before > 0);
  cluster.crash("r1");
  cluster.start("r1");
  cluster.tick(20_000);
  assert(r1.status().peers[0]!.complete_told! > before, "told, with a hold beside it");
  assertEquals(heard(), before);
});
