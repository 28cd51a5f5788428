/** Tests of new and wiped directories on real replicas: `src/replica/filling.ts` (H7). @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Version } from "../../src/versions/version.ts";
import { ReplicaStage, type StageOptions } from "../harness/replica_stage.ts";
import { StagedCluster } from "../harness/staged_cluster.ts";

/** Settings under which a page of a fill holds some forty keys. */
const SMALL_PAGES: StageOptions = { settings: { value_bytes_max: 64 } };

/** A replica whose directory was lost: its peers knew it as `e0`. It counts for nothing. */
function wiped(options: StageOptions = {}): ReplicaStage {
  const stage = new ReplicaStage(options);
  stage.tick();
  for (const peer of stage.peers()) stage.meet(peer, { knownEpochs: ["e0", "e1"] });
  stage.takeAll();
  return stage;
}

function version(stamp: number, value = `v${stamp}`): Version {
  return { stamp, origin: "r2.e2", value };
}

/** The pages asked for since the last look: whom, after which key, under which round. */
function fillsAsked(stage: ReplicaStage): { to: string; after: unknown; round: number }[] {
  return stage.takeSent("fill").map(({ to, message: { after, round } }) => ({ to, after, round }));
}

Deno.test("H7: a new directory counts once more than half of the others never knew it under another epoch", () => {
  const stage = new ReplicaStage();
  stage.tick();
  assert(stage.status().recovering);
  stage.meet("r2", { knownEpochs: [] });
  stage.meet("r2", { knownEpochs: ["e1"] });
  assert(stage.status().recovering, "one stranger of four members, however often it says so");
  assertEquals(stage.outcome(stage.put(7, "x", "TWO")), "unavailable definite");
  stage.meet("r3", { knownEpochs: ["e1"] });
  assert(!stage.status().recovering);
  stage.takeAll();
  assertEquals(stage.outcome(stage.put(7, "x")), "written acked=r1 owed=r2,r3,r4");
});

Deno.test("a refusal says who is up and does not count yet, and offers a lower level only where one would do", () => {
  const stage = new ReplicaStage();
  stage.tick();
  const alone = stage.failure(stage.put(7, "x", "ONE"));
  assertMatch(alone.message, /"main", 0 are live; r1 is up and does not count yet: .*; start the others$/);
  assertEquals([alone.required, alone.live], [1, 0]);
  stage.meet("r2", { knownEpochs: [] });
  const two = stage.failure(stage.get(7, "TWO"));
  assertMatch(two.message, /1 is live \(r2\); r1 is up and .*; start the others or ask for a lower level$/);
  stage.meet("r3", { knownEpochs: ["e1"] });
  stage.takeAll();
  const all = stage.failure(stage.put(7, "x", "ALL"));
  assertMatch(all.message, /3 are live \(r1 r2 r3\); start the others or/);
});

Deno.test("H7: of three members one that never met the lost directory proves nothing while the other is away", () => {
  const cluster = new StagedCluster({ memberCount: 3 });
  cluster.crash("r3");
  cluster.stage("r1").put(7, "acknowledged", "TWO");
  cluster.carry();
  // The disks of r1 and r3 are lost, r2 is away: only two that know nothing are left.
  cluster.crash("r1");
  cluster.crash("r2");
  cluster.start("r3", { epoch: "e8" });
  cluster.start("r1", { epoch: "e9" });
  cluster.tick(1000);
  const get = cluster.stage("r1").get(7, "TWO");
  cluster.carry();
  assertEquals(cluster.stage("r1").outcome(get), "unavailable definite");
  cluster.start("r2");
  cluster.tick(3000);
  const later = cluster.stage("r1").get(7, "TWO");
  cluster.carry();
  assertMatch(cluster.stage("r1").outcome(later), /^value acknowledged /);
});

Deno.test("H7: that a directory counts is written down, and not asked again", () => {
  const stage = ReplicaStage.whole();
  stage.restart();
  stage.tick();
  assert(stage.isReady && !stage.status().recovering);
  assertEquals(stage.outcome(stage.put(7, "x")), "written acked=r1 owed=r2,r3,r4");
});

Deno.test("H7: a wiped replica takes writes, and counts for no level as an answerer", () => {
  const stage = wiped();
  assert(stage.status().recovering);
  stage.deliver("r2", {
    type: "write",
    round: 1,
    cause: "put",
    keyspace: "main",
    key: 7,
    versions: [version(5)],
  });
  stage.deliver("r2", { type: "read", round: 2, keyspace: "main", key: 8 });
  assertEquals(stage.values(7), ["v5"]);
  assertEquals(stage.takeAll().map(({ message }) => message), [
    { type: "written", round: 1, recovering: true },
    { type: "answer", round: 2, versions: [], recovering: true },
  ]);
});

Deno.test("H7: a wiped replica counts for no level as a coordinator, of puts and of gets", () => {
  const stage = wiped();
  const put = stage.put(7, "x", "ONE");
  assertEquals(stage.outcome(put), "waiting", "its own copy is none");
  stage.ack("r3", stage.takeSent("write")[0]!.message.round);
  assertEquals(stage.outcome(put), "written acked=r3 owed=r2,r4");
  const get = stage.get(8, "ONE");
  assertEquals(stage.outcome(get), "waiting", "not found proves nothing here");
  const { round } = stage.takeSent("read")[0]!.message;
  stage.deliver("r3", { type: "answer", round, versions: [version(9)] });
  assertEquals(stage.outcome(get), "value v9 answered=r3");
  assertEquals(stage.outcome(stage.get(8, "ONE")), "waiting");
  assertEquals(stage.takeSent("read").length, 3, "it asks, although the key was compared just now");
  assertEquals(stage.outcome(stage.put(7, "x", "ALL")), "unavailable definite");
  assertEquals(stage.outcome(stage.get(7, "ALL")), "unavailable definite");
});

Deno.test("H7: a coordinator counts no recovering peer, whether its heartbeat or its answer says so", () => {
  const stage = ReplicaStage.whole({ memberCount: 3 });
  const get = stage.get(7, "TWO");
  const { round } = stage.takeSent("read")[0]!.message;
  stage.deliver("r2", { type: "answer", round, versions: [], recovering: true });
  assertEquals(stage.outcome(get), "waiting");
  const put = stage.put(7, "x", "TWO");
  const write = stage.takeSent("write")[0]!.message.round;
  stage.deliver("r2", { type: "written", round: write, recovering: true });
  assertEquals(stage.outcome(put), "waiting");
  stage.ack("r3", write);
  assertEquals(stage.outcome(put), "written acked=r1,r3 owed=", "r2 has it on disk all the same");
  stage.meet("r2", { isRecovering: true });
  assertEquals(stage.outcome(stage.get(7, "ALL")), "unavailable definite");
});

Deno.test("H7: a wiped replica asks every other copy for everything, page by page, and then counts, also after a restart", () => {
  const cluster = new StagedCluster(SMALL_PAGES);
  const filler = "x".repeat(50);
  for (let key = 0; key < 256; key++) cluster.stage("r1").put(key, `${key} ${filler}`, "ONE");
  cluster.carry();
  for (const [id, key] of [["r3", 17], ["r4", 18]] as const) {
    cluster.stage(id).plant(key, [version(Number.MAX_SAFE_INTEGER - 2 ** 50, `only ${id}`)]);
  }
  cluster.crash("r2");
  cluster.start("r2", { epoch: "e9" });
  const r2 = cluster.stage("r2");
  assert(r2.status().recovering);
  let pages = 0;
  cluster.isCarried = ({ message }) => {
    if (message.type === "filled") pages++;
    return true;
  };
  cluster.tick(200);
  assert(!r2.status().recovering);
  assert(pages > 9, `${pages} pages from three replicas`);
  assertEquals([r2.values(17), r2.values(18)], [["only r3"], ["only r4"]]);
  for (const key of [0, 16, 100, 255]) assertEquals(r2.values(key), [`${key} ${filler}`]);
  r2.restart();
  r2.tick();
  assert(!r2.status().recovering);
});

Deno.test("H7: a replica that dies while it is filled begins again, and does not count before", () => {
  const stage = wiped();
  stage.tick();
  const asked = fillsAsked(stage);
  assertEquals(asked.map(({ to, after }) => [to, after]), [["r2", undefined], ["r3", undefined], [
    "r4",
    undefined,
  ]]);
  stage.deliver("r2", { type: "filled", round: asked[0]!.round, entries: [], more: false });
  stage.restart();
  stage.tick();
  for (const peer of stage.peers()) stage.meet(peer, { knownEpochs: ["e0", "e1"] });
  stage.tick();
  assert(stage.status().recovering);
  assertEquals(fillsAsked(stage).map(({ to }) => to), ["r2", "r3", "r4"]);
});

Deno.test("H7: a page that is lost or refused is asked for again from where the last one ended", () => {
  const stage = wiped({ memberCount: 2 });
  stage.tick();
  const [first] = fillsAsked(stage);
  const entries = [{ key: 3, versions: [version(5)] }, { key: 9, versions: [version(6)] }];
  stage.deliver("r2", { type: "filled", round: first!.round, entries, more: true });
  const [second] = fillsAsked(stage);
  assertEquals(second!.after, 9);
  stage.tick(1900);
  assertEquals(fillsAsked(stage), [], "patience");
  stage.tick(100);
  const [third] = fillsAsked(stage);
  assertEquals(third!.after, 9);
  stage.deliver("r2", { type: "refused", round: third!.round, code: "overloaded", message: "later" });
  stage.tick(2000);
  const [fourth] = fillsAsked(stage);
  assertEquals(fourth!.after, 9);
  stage.deliver("r2", { type: "filled", round: first!.round, entries: [], more: false });
  assert(stage.status().recovering, "an answer to the question for another page ends nothing");
  stage.deliver("r2", { type: "filled", round: fourth!.round, entries: [], more: false });
  stage.tick();
  assert(!stage.status().recovering);
  assertEquals([stage.values(3), stage.values(9)], [["v5"], ["v6"]]);
});

Deno.test("H7: pages that take longer than they are waited for, on the way or to the disk, fill a replica too", () => {
  const stage = wiped({ memberCount: 2 });
  stage.tick();
  const [first] = fillsAsked(stage);
  stage.tick(2500);
  const [again] = fillsAsked(stage);
  assertEquals(again!.after, undefined);
  stage.disk.isHeld = true;
  const entries = [{ key: 3, versions: [version(5)] }];
  stage.deliver("r2", { type: "filled", round: first!.round, entries, more: true });
  stage.tick(2500);
  stage.disk.sync();
  stage.disk.isHeld = false;
  const asked = fillsAsked(stage);
  assertEquals(asked.at(-1)!.after, 3, "the late page was taken, and stored slowly");
  stage.deliver("r2", { type: "filled", round: again!.round, entries, more: true });
  assertEquals(fillsAsked(stage), [], "the same page twice is one page");
  stage.deliver("r2", { type: "filled", round: asked.at(-1)!.round, entries: [], more: false });
  stage.tick();
  assert(!stage.status().recovering);
});

Deno.test("H7: a value too large for our configuration is not skipped over: we do not count, and say why", () => {
  const stage = wiped({ memberCount: 2, settings: { value_bytes_max: 100, segment_bytes: 65_536 } });
  stage.tick();
  const [asked] = fillsAsked(stage);
  const entries = [{ key: 3, versions: [version(5, "x".repeat(70_000))] }];
  stage.deliver("r2", { type: "filled", round: asked!.round, entries, more: false });
  stage.tick();
  assert(stage.status().recovering);
  assertEquals(stage.said.filter((line) => line.includes("raise value_bytes_max")).length, 1);
});

Deno.test("A replica that was filled makes stamps beyond all that it was filled with", () => {
  const stage = wiped({ memberCount: 2 });
  stage.tick();
  const [asked] = fillsAsked(stage);
  const ahead = 2 ** 52;
  const entries = [{ key: 3, versions: [version(ahead)] }];
  stage.deliver("r2", { type: "filled", round: asked!.round, entries, more: false });
  stage.tick();
  assertMatch(stage.outcome(stage.put(3, "mine")), /^written acked=r1 owed=r2$/);
  assertEquals(stage.values(3), ["mine"]);
});

Deno.test("H7: a replica is not whole before every other copy was heard, however long one is away", () => {
  const stage = wiped({ memberCount: 3 });
  stage.lose("r3");
  stage.tick();
  const [asked] = fillsAsked(stage);
  stage.deliver("r2", { type: "filled", round: asked!.round, entries: [], more: false });
  stage.tick(10_000);
  assert(stage.status().recovering);
  assertEquals(fillsAsked(stage), [], "nobody else is there");
  stage.meet("r3", { knownEpochs: ["e0", "e1"] });
  stage.tick();
  const [again] = fillsAsked(stage);
  assertEquals(again!.to, "r3");
  stage.deliver("r3", { type: "filled", round: again!.round, entries: [], more: false });
  stage.tick();
  assert(!stage.status().recovering);
});

Deno.test("H7: a page that finds no room on disk is asked for again when there is room", () => {
  const stage = wiped({ memberCount: 2 });
  stage.tick();
  const [first] = fillsAsked(stage);
  const entries = [{ key: 3, versions: [version(5)] }, { key: 4, versions: [version(6, "x".repeat(500))] }];
  stage.disk.roomBytes = 100;
  stage.deliver("r2", { type: "filled", round: first!.round, entries, more: false });
  stage.tick();
  assert(stage.status().recovering);
  stage.disk.roomBytes = Infinity;
  stage.tick(2000);
  const [again] = fillsAsked(stage);
  assertEquals(again!.after, undefined);
  stage.deliver("r2", { type: "filled", round: again!.round, entries, more: false });
  stage.tick();
  assert(!stage.status().recovering);
  assertEquals(stage.values(4)[0]!.length, 500);
});

Deno.test("H7: what a page brings never overwrites what a wiped replica has taken since", () => {
  const stage = wiped({ memberCount: 2 });
  stage.tick();
  const [asked] = fillsAsked(stage);
  stage.deliver("r2", {
    type: "write",
    round: 1,
    cause: "put",
    keyspace: "main",
    key: 3,
    versions: [version(9)],
  });
  const entries = [{ key: 3, versions: [version(5)] }];
  stage.deliver("r2", { type: "filled", round: asked!.round, entries, more: false });
  assertEquals(stage.values(3), ["v9"]);
});

Deno.test("H7: epochs that a replica was seen under are durable before peers are told", () => {
  const stage = ReplicaStage.whole();
  const told = (): readonly string[] => {
    stage.takeAll();
    stage.deliver("r2", {
      type: "heartbeat",
      epoch: "e9",
      known_epochs: ["e1"],
      wall_ms: 0,
      recovering: true,
    });
    return stage.takeSent("heartbeat_ack")[0]!.message.known_epochs;
  };
  stage.disk.isHeld = true;
  assertEquals(told(), ["e2"]);
  stage.disk.sync();
  assertEquals(told(), ["e2", "e9"]);
  stage.restart();
  stage.tick();
  assertEquals(told(), ["e2", "e9"]);
});

Deno.test("H7: however many epochs a member was seen under, a new one of it is not taken for its first", () => {
  const stage = ReplicaStage.whole();
  const toldAfter = (epoch: string): readonly string[] => {
    stage.takeAll();
    stage.deliver("r2", { type: "heartbeat", epoch, known_epochs: ["e1"], wall_ms: 0, recovering: true });
    stage.deliver("r2", { type: "heartbeat", epoch, known_epochs: ["e1"], wall_ms: 0, recovering: true });
    return stage.takeSent("heartbeat_ack").at(-1)!.message.known_epochs;
  };
  for (let count = 0; count < 20; count++) {
    const known = toldAfter(`f${count}`);
    assert(known.length <= 8 && known.some((epoch) => epoch !== `f${count}`), known.join(" "));
  }
  const wiped = new ReplicaStage({ id: "r2", epoch: "e8" });
  wiped.tick();
  for (const peer of wiped.peers()) wiped.meet(peer, { knownEpochs: toldAfter("e8") });
  wiped.tick();
  assert(wiped.status().recovering);
});

Deno.test("A fill of a keyspace that is not here, or from a key that is none, is refused", () => {
  const stage = ReplicaStage.whole();
  stage.deliver("r2", { type: "fill", round: 1, keyspace: "no" });
  stage.deliver("r2", { type: "fill", round: 2, keyspace: "main", after: 256 });
  assertEquals(stage.takeSent("refused").map(({ message }) => [message.round, message.code]), [
    [1, "malformed_request"],
    [2, "malformed_request"],
  ]);
});

Deno.test("H7: a replica that the configuration makes a holder of copies is filled with them before it counts", () => {
  const before = ReplicaStage.whole({ id: "r4", main: { replication: 3 } });
  assert(!before.status().recovering);
  const stage = new ReplicaStage({ id: "r4", disk: before.disk, main: { replication: 4 } });
  stage.tick();
  for (const peer of stage.peers()) stage.meet(peer, { knownEpochs: ["e1"] });
  stage.tick();
  assert(stage.status().recovering, "what it does not hold proves nothing");
  assertEquals(stage.outcome(stage.get(7)), "waiting", "one of the others has to answer");
  for (const { to, round } of fillsAsked(stage)) {
    const entries = to === "r2" ? [{ key: 7, versions: [version(30)] }] : [];
    stage.deliver(to, { type: "filled", round, entries, more: false });
  }
  stage.tick();
  assert(!stage.status().recovering);
  assertMatch(stage.outcome(stage.get(7)), /^value v30 /);
});

Deno.test("H7: a replica whose range grew fetches what became its own before it counts, and nothing else", () => {
  const main = { partitioner: "byte-ordered", replication: 1 };
  const before = ReplicaStage.whole({ id: "r2", memberCount: 4, main });
  assert(!before.status().recovering);
  before.restart();
  before.tick();
  assert(!before.status().recovering, "its range is what it was");
  // One of four members left: r2 had 64 to 127, and now has 86 to 170, of which r3 had the upper part.
  const stage = new ReplicaStage({ id: "r2", disk: before.disk, memberCount: 3, main });
  stage.tick();
  for (const peer of stage.peers()) stage.meet(peer, { knownEpochs: ["e1"] });
  stage.tick();
  assert(stage.status().recovering);
  const asked = fillsAsked(stage);
  assertEquals(asked.map(({ to }) => to).sort(), ["r1", "r3"]);
  for (const { to, round } of asked) {
    const entries = to === "r3" ? [150, 200].map((key) => ({ key, versions: [version(key)] })) : [];
    stage.deliver(to, { type: "filled", round, entries, more: false });
  }
  stage.tick();
  assert(!stage.status().recovering);
  assertEquals([stage.values(150), stage.values(200)], [["v150"], []]);
});

Deno.test("H7: what a replica holds as before is not fetched again with what became its own", () => {
  const others = { ring: { partitioner: "consistent-hash", replication: 2, keys: "text" } };
  const main = { partitioner: "byte-ordered", replication: 1 };
  const before = ReplicaStage.whole({ id: "r2", main, others });
  const stage = new ReplicaStage({ id: "r2", disk: before.disk, main: { ...main, replication: 2 }, others });
  stage.tick();
  for (const peer of stage.peers()) stage.meet(peer, { knownEpochs: ["e1"] });
  stage.tick();
  const fills = stage.takeSent("fill");
  assertEquals(fills.map(({ to, message }) => `${to} ${message.keyspace}`).sort(), [
    "r1 main",
    "r3 main",
    "r4 main",
  ]);
});
