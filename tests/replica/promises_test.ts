/** Tests of promises on real replicas: `src/replica/promises.ts`, and what `collecting.ts` tells of them (H14). @module */
import { assert, assertEquals } from "@std/assert";
import type { CollectionAccount } from "../../src/membership/messages.ts";
import type { Message } from "../../src/replica/envelope.ts";
import { stampOf, wallMsOf } from "../../src/versions/stamp.ts";
import { ReplicaStage, STAGE_WALL_MS, type StageOptions } from "../harness/replica_stage.ts";
import { StagedCluster } from "../harness/staged_cluster.ts";

const LONG_MS = 15_000;

/** A version of before the curtain rose, and the messages that would bring it. */
const OLD = { stamp: stampOf(STAGE_WALL_MS - 60_000), origin: "r2.e2", value: "old" };

function writeOf(cause: "put" | "hint" | "repair"): Message {
  return { type: "write", round: 77, cause, keyspace: "main", key: 7, versions: [OLD] };
}

function giveTo(epoch: string): Message {
  return { type: "give", round: 78, keyspace: "main", entries: [{ key: 7, versions: [OLD] }], epoch };
}

function heartbeat(
  from: string,
  { known = ["e1"], collection, recovering = false }: {
    readonly known?: readonly string[];
    readonly collection?: CollectionAccount;
    readonly recovering?: boolean;
  },
): Message {
  return {
    type: "heartbeat_ack",
    epoch: `e${from.slice(1)}`,
    known_epochs: known,
    wall_ms: STAGE_WALL_MS,
    recovering,
    ...(collection === undefined ? {} : { collection }),
  };
}

function promised(promise: number): CollectionAccount {
  return { layout: "0123456789abcdef", promise };
}

function answersTo(stage: ReplicaStage, message: Message): string[] {
  stage.takeAll();
  stage.deliver("r2", message);
  return stage.takeAll().map(({ message: answer }) =>
    answer.type === "refused" ? `refused ${answer.code}` : answer.type
  );
}

/** What a replica told last of the collection. */
function toldBy(stage: ReplicaStage, to = "r2"): CollectionAccount | undefined {
  stage.takeAll();
  stage.deliver(to, { ...heartbeat(to, {}), type: "heartbeat" } as Message);
  return stage.takeSent("heartbeat_ack")[0]!.message.collection;
}

/** Three replicas that have collected a tombstone, and the disk of r2 afterwards. */
function collected(main: StageOptions["main"] = {}): ReplicaStage {
  const cluster = new StagedCluster({ memberCount: 3, main });
  cluster.stage("r1").put(7, "x", "ONE");
  cluster.stage("r1").delete(7, "ONE");
  cluster.tick(2 * LONG_MS);
  const r2 = cluster.stage("r2");
  assertEquals([r2.held(7), r2.counter("tombstones_collected")], [[], 1]);
  return r2;
}

Deno.test("H14: a new directory takes nothing before all others have told it what they promised", () => {
  const stage = new ReplicaStage({ memberCount: 3 });
  stage.tick();
  stage.linkUp("r2");
  stage.linkUp("r3");
  // What r2 says here it may have said to the directory before: it does not know this one.
  stage.deliver("r2", heartbeat("r2", { known: ["e0"], collection: promised(5) }));
  stage.deliver("r3", heartbeat("r3", { known: ["e0", "e1"], collection: promised(stampOf(STAGE_WALL_MS)) }));
  assertEquals(answersTo(stage, writeOf("put")), ["refused unavailable"]);
  const round = stage.put(9, "x", "ONE");
  assertEquals(stage.outcome(round), "unavailable definite", "nor does it coordinate");
  stage.deliver("r2", heartbeat("r2", { known: ["e0", "e1"], collection: promised(6) }));
  assertEquals(
    answersTo(stage, writeOf("put")),
    ["refused clock_skew"],
    "the greatest of what they promised",
  );
  assert(stage.status().recovering);
});

Deno.test("H14: a directory that is filled does not count before it knows what was promised", () => {
  const stage = new ReplicaStage({ memberCount: 2 });
  stage.tick();
  stage.linkUp("r2");
  stage.deliver("r2", heartbeat("r2", { known: ["e0"], collection: promised(5) }));
  stage.tick();
  const { round } = stage.takeSent("fill")[0]!.message;
  stage.deliver("r2", { type: "filled", round, entries: [], more: false });
  stage.tick(500);
  assert(stage.status().recovering);
  stage.deliver("r2", heartbeat("r2", { known: ["e0", "e1"], collection: promised(stampOf(STAGE_WALL_MS)) }));
  stage.tick(500);
  assert(!stage.status().recovering);
  assertEquals(answersTo(stage, writeOf("put")), ["refused clock_skew"]);
});

Deno.test("H14: a coordinator stamps beyond what any peer has promised, and beyond its own promise", () => {
  const stage = ReplicaStage.whole({ memberCount: 3 });
  const promise = stampOf(STAGE_WALL_MS + 700);
  stage.deliver("r2", heartbeat("r2", { collection: promised(promise) }));
  stage.put(9, "x");
  assert(stage.held(9)[0]!.stamp > promise);
  const alone = ReplicaStage.whole({ memberCount: 1, settings: { tombstone_grace_ms: 50 } });
  alone.delete(7);
  alone.delete(8);
  alone.tick(LONG_MS);
  assertEquals([alone.held(7), alone.held(8)], [[], []]);
  alone.skewMs = -3_600_000;
  alone.put(9, "x");
  const { proven_wall_ms } = alone.status().tombstones![0]!;
  assert(proven_wall_ms! > STAGE_WALL_MS + 500 && wallMsOf(alone.held(9)[0]!.stamp) >= proven_wall_ms!);
});

Deno.test("H14: while somebody is away, or recovering, nobody promises more", () => {
  for (const change of ["away", "recovering"] as const) {
    const cluster = new StagedCluster({ memberCount: 3 });
    cluster.tick(1000);
    if (change === "away") cluster.crash("r3");
    cluster.tick(2000);
    if (change === "recovering") {
      cluster.isCarried = ({ from }) => from !== "r3";
      cluster.stage("r1").deliver("r3", heartbeat("r3", { recovering: true }));
    }
    cluster.stage("r1").delete(7, "TWO");
    cluster.carry();
    cluster.tick(LONG_MS);
    assertEquals(toldBy(cluster.stage("r1"))!.promise, 0, change);
  }
});

Deno.test("H14: a promise stays behind the slowest clock of all members", () => {
  const cluster = new StagedCluster({ memberCount: 3, settings: { clock_skew_max_ms: 100_000 } });
  cluster.stage("r3").skewMs = -40_000;
  cluster.tick(1000);
  cluster.stage("r1").delete(7, "ALL");
  cluster.tick(5000);
  const { promise } = toldBy(cluster.stage("r1"))!;
  const behindMs = STAGE_WALL_MS + cluster.stage("r1").nowMs - wallMsOf(promise);
  assert(promise > 0 && behindMs >= 45_000 && behindMs < 48_000, `${behindMs} ms behind`);
});

Deno.test("H14: hints that their target takes no more are not sent, and ask for promises that let them go", () => {
  const stage = ReplicaStage.whole({ memberCount: 3 });
  stage.lose("r3");
  stage.put(9, "x");
  stage.tick(3000);
  assertEquals(stage.status().peers[1]!.hints, 1);
  assertEquals(toldBy(stage)!.wants, undefined);
  stage.meet("r3");
  stage.deliver("r3", heartbeat("r3", { collection: promised(stampOf(STAGE_WALL_MS + 60_000)) }));
  stage.takeAll();
  stage.tick(1500);
  assertEquals(stage.takeSent("write"), []);
  assertEquals([stage.status().peers[1]!.hints, toldBy(stage)!.wants], [1, true]);
});

Deno.test("H14: a key below the floor that is not here is not asked for", () => {
  const r2 = collected();
  r2.takeAll();
  const digests = [[7, OLD.stamp, "AAAAAAAAAAA"], [
    8,
    stampOf(STAGE_WALL_MS + 600_000),
    "AAAAAAAAAAA",
  ]] as const;
  r2.deliver("r1", { type: "list", round: 5, keyspace: "main", spans: [0, 256], digests });
  assertEquals(r2.takeSent("listed").map(({ message }) => message.wants), [[8]]);
});

Deno.test("H14: what a replica has to hold anew is not kept away by a floor of what it held before", () => {
  const placed = { partitioner: "byte-ordered", replication: 2 };
  const { disk } = collected(placed);
  const options = { memberCount: 3, id: "r2", epoch: "e2", disk };
  const before = new ReplicaStage({ ...options, main: placed });
  before.tick();
  assertEquals([answersTo(before, giveTo("e2")), before.values(7)], [["given"], []]);
  const after = new ReplicaStage({ ...options, main: { ...placed, replication: 3 } });
  after.tick();
  assertEquals([answersTo(after, giveTo("e2")), after.values(7)], [["given"], ["old"]]);
  assertEquals(answersTo(after, writeOf("hint")), ["refused clock_skew"], "the promise holds all the same");
});

Deno.test("H14: what was collected stays away when its keyspace is compared no more", () => {
  const { disk } = collected();
  const stage = new ReplicaStage({
    memberCount: 3,
    id: "r2",
    epoch: "e2",
    disk,
    main: { anti_entropy: false },
  });
  stage.tick();
  assertEquals(answersTo(stage, writeOf("hint")), ["written"]);
  assertEquals(answersTo(stage, writeOf("put")), ["refused clock_skew"]);
  assertEquals(stage.held(7), []);
});

Deno.test("H14: of several versions that come together none is stored without one that only a pass may bring", () => {
  const r2 = collected();
  const { promise, floors } = toldBy(r2, "r1")!;
  assert(promise - 1 > floors!.main!);
  const fresh = { stamp: stampOf(STAGE_WALL_MS + r2.nowMs), origin: "r1.e1", value: "new" };
  const versions = [fresh, { ...OLD, stamp: promise - 1 }];
  assertEquals(
    answersTo(r2, { type: "write", round: 5, cause: "put", keyspace: "main", key: 7, versions }),
    ["refused clock_skew"],
  );
  assertEquals(r2.held(7), []);
});

Deno.test("H14: a directory from before there were promises has made none", () => {
  const stage = ReplicaStage.whole({ memberCount: 3 });
  stage.disk.entries.delete("cpromise" as never);
  stage.restart();
  stage.tick();
  assertEquals(answersTo(stage, writeOf("put")), ["written"]);
});

Deno.test("H14: a heartbeat that comes late takes nothing back", () => {
  const r2 = collected();
  r2.deliver("r1", { ...heartbeat("r1", { known: ["e2"] }) });
  r2.takeAll();
  const compare = { keyspace: "main", width: 256, parts: 1, ranges: [0], hashes: "AAAAAAAAAAA" };
  r2.deliver("r1", { type: "compare", round: 6, ...compare });
  assertEquals(r2.takeAll().map(({ message }) => message.type), ["compared"]);
});

Deno.test("H14: a pass proves what both had promised when it began, and nothing where it is of some keyspaces only", () => {
  const cluster = new StagedCluster({ memberCount: 2, others: { items: {} } });
  cluster.isCarried = ({ message }) => {
    // As if the peer had not promised yet.
    if (message.type === "compared") delete (message as { promise?: number }).promise;
    return true;
  };
  cluster.stage("r1").delete(7, "ALL");
  cluster.carry();
  cluster.tick(2 * LONG_MS);
  assertEquals(cluster.values(7), ["r1=deleted", "r2=deleted"]);
  cluster.isCarried = ({ message }) => message.type !== "compare" || message.keyspace !== "items";
  for (let count = 0; count < 5; count++) {
    cluster.stage("r1").request({ op: "repair", keyspace: "main" });
    cluster.tick(LONG_MS);
  }
  assertEquals(cluster.values(7), ["r1=deleted", "r2=deleted"]);
  cluster.isCarried = () => true;
  cluster.tick(2 * LONG_MS);
  assertEquals(cluster.values(7), ["r1=", "r2="]);
});

Deno.test("H14: a pass in which the peer begins a new directory breaks off", () => {
  const stage = ReplicaStage.whole({ memberCount: 2 });
  stage.put(7, "x");
  stage.tick(2500);
  const [first] = stage.takeSent("compare");
  const compared = { type: "compared" as const, differ: [0], lacking: [] };
  stage.deliver("r2", { ...compared, round: first!.message.round, epoch: "e2", promise: 5 });
  const [second] = stage.takeSent("compare");
  stage.deliver("r2", { ...compared, differ: [], round: second!.message.round, epoch: "e9" });
  const [passed] = stage.takeSent("passed");
  assert(!passed!.message.agreed);
});

Deno.test("H14: a replica that is recovering lets nothing be proved of it", () => {
  const stage = new ReplicaStage({ memberCount: 2 });
  stage.tick();
  stage.linkUp("r2");
  stage.deliver("r2", heartbeat("r2", { known: ["e0", "e1"], collection: promised(stampOf(STAGE_WALL_MS)) }));
  assertEquals(toldBy(stage)!.promise, stampOf(STAGE_WALL_MS));
  const compare = { keyspace: "main", width: 256, parts: 1, ranges: [0], hashes: "AAAAAAAAAAA" };
  stage.deliver("r2", { type: "compare", round: 6, ...compare });
  const [compared] = stage.takeSent("compared");
  assertEquals([compared!.message.epoch, compared!.message.promise], ["e1", undefined]);
});

Deno.test("H14: an own copy that found no room in time is stored no more", () => {
  const cluster = new StagedCluster({ memberCount: 2, main: { read_repair: "off" } });
  const { disk } = cluster.stage("r1");
  cluster.stage("r1").delete(1, "ALL");
  cluster.carry();
  cluster.isCarried = ({ message }) => message.type !== "write";
  disk.roomBytes = 0;
  cluster.stage("r1").put(7, "x".repeat(500), "ONE");
  cluster.tick(10_000);
  disk.roomBytes = Infinity;
  // The room is noticed; then the copy finds none again, and a promise, which is smaller, does.
  for (let count = 0; count < 100 && cluster.stage("r1").status().disk_full; count++) cluster.tick(10);
  disk.isHeld = true;
  cluster.tick(2000);
  disk.roomBytes = 400;
  disk.sync();
  disk.isHeld = false;
  disk.roomBytes = Infinity;
  cluster.tick(2 * LONG_MS);
  assertEquals([cluster.values(1), cluster.values(7)], [["r1=", "r2="], ["r1=", "r2="]]);
});
