/** Tests of the collection of tombstones on real replicas: `src/replica/collecting.ts`, `promises.ts` (H14). */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Message } from "../../src/replica/envelope.ts";
import { type Stamp, stampOf } from "../../src/versions/stamp.ts";
import type { Version } from "../../src/versions/version.ts";
import { ReplicaStage, STAGE_WALL_MS, type StageOptions } from "../harness/replica_stage.ts";
import { StagedCluster } from "../harness/staged_cluster.ts";

/** Long enough for a grace of 5 s, and the passes after it. */
const LONG_MS = 15_000;

/** Nothing but anti-entropy mends copies. */
const ALONE = { read_repair: "off", hinted_handoff: false };

const NONE = ["r1=", "r2=", "r3="];

function three(options: StageOptions = {}): StagedCluster {
  return new StagedCluster({ memberCount: 3, ...options });
}

/** Puts and deletes key 7 everywhere; returns what was put. */
function putAndDelete(cluster: StagedCluster): Version {
  cluster.stage("r1").put(7, "dead", "ALL");
  cluster.carry();
  const [put] = cluster.stage("r1").held(7);
  cluster.stage("r1").delete(7, "ALL");
  cluster.carry();
  assertEquals(cluster.values(7), ["r1=deleted", "r2=deleted", "r3=deleted"]);
  return put!;
}

/** A cluster in which key 7 was put, deleted and forgotten; and what was put. */
function forgotten(options: StageOptions = {}): { cluster: StagedCluster; put: Version } {
  const cluster = three(options);
  const put = putAndDelete(cluster);
  cluster.tick(LONG_MS);
  assertEquals(cluster.values(7), NONE);
  return { cluster, put };
}

/** A write message as somebody sent it long ago. */
function writeOf(
  cause: "put" | "hint" | "repair",
  version: Version,
  round = 77,
): Message & { readonly type: "write" } {
  return { type: "write", round, cause, keyspace: "main", key: 7, versions: [version] };
}

function answersTo(stage: ReplicaStage, message: Message): string[] {
  stage.takeAll();
  stage.deliver("r1", message);
  return stage.takeAll().map(({ message: answer }) =>
    answer.type === "refused" ? `refused ${answer.code}` : answer.type
  );
}

function tombstones(
  stage: ReplicaStage,
): { held: number; collected: number; held_back_by: readonly string[] } {
  const { held, collected, held_back_by } = stage.status().tombstones![0]!;
  return { held, collected, held_back_by };
}

Deno.test("H14: a tombstone that all copies know goes from all of them, not before its time, and is counted", () => {
  const cluster = three();
  putAndDelete(cluster);
  cluster.tick(4900);
  assertEquals(cluster.values(7), ["r1=deleted", "r2=deleted", "r3=deleted"], "within the grace");
  assertEquals(tombstones(cluster.stage("r2")), { held: 1, collected: 0, held_back_by: [] });
  cluster.tick(LONG_MS);
  assertEquals(cluster.values(7), NONE);
  for (const stage of cluster.stages.values()) {
    assertEquals(tombstones(stage), { held: 0, collected: 1, held_back_by: [] });
    assertEquals(stage.counter("tombstones_collected"), 1);
  }
  const get = cluster.stage("r2").get(7, "ALL");
  cluster.carry();
  assertEquals(cluster.stage("r2").outcome(get), "not_found definite acked=r1,r2,r3");
  cluster.stage("r3").put(7, "new", "ALL");
  cluster.carry();
  assertEquals(cluster.values(7), ["r1=new", "r2=new", "r3=new"]);
});

Deno.test("H14: a cluster without tombstones writes nothing for their sake", () => {
  const cluster = three();
  cluster.stage("r1").put(7, "x", "ALL");
  cluster.tick(1000);
  const written = [...cluster.stages.values()].map(({ disk }) => disk.batchSizes.length);
  cluster.tick(LONG_MS);
  assertEquals([...cluster.stages.values()].map(({ disk }) => disk.batchSizes.length), written);
});

Deno.test("H14: tombstones of a keyspace whose copies nobody compares stay for ever", () => {
  const cluster = three({ main: { anti_entropy: false } });
  putAndDelete(cluster);
  cluster.tick(60_000);
  assertEquals(cluster.values(7), ["r1=deleted", "r2=deleted", "r3=deleted"]);
  assertEquals(cluster.stage("r1").status().tombstones, undefined);
});

Deno.test("H14: a tombstone that one copy lacks stays while that is away, status names it, and its old value dies", () => {
  const cluster = three({ main: ALONE });
  cluster.stage("r1").put(7, "old", "ALL");
  cluster.carry();
  cluster.crash("r3");
  cluster.tick(2000);
  cluster.stage("r1").delete(7, "TWO");
  cluster.carry();
  cluster.tick(86_400_000 / 200);
  assertEquals(cluster.values(7), ["r1=deleted", "r2=deleted", "r3=old"]);
  assertEquals(tombstones(cluster.stage("r1")).held_back_by, ["r3"]);
  cluster.start("r3");
  cluster.tick(LONG_MS);
  assertEquals(cluster.values(7), NONE);
});

Deno.test("H14: an hour of a partition with writes on both sides loses no write and brings no deleted value back", () => {
  const cluster = three({ main: { ...ALONE, keys: "text" } });
  const keys = Array.from({ length: 30 }, (_, index) => `key ${index}`);
  for (const key of keys) cluster.stage("r1").put(key, "before", "ALL");
  cluster.carry();
  for (const key of keys.slice(0, 10)) cluster.stage("r1").delete(key, "ALL");
  cluster.isCarried = ({ from, to }) => from !== "r3" && to !== "r3";
  for (const other of ["r1", "r2"]) {
    cluster.stage(other).lose("r3");
    cluster.stage("r3").lose(other);
  }
  for (let minute = 0; minute < 4; minute++) {
    cluster.tick(5000);
    cluster.stage("r3").put(keys[10 + minute]!, `alone ${minute}`, "ONE");
    cluster.stage("r1").delete(keys[20 + minute]!, "TWO");
    cluster.carry();
  }
  cluster.isCarried = () => true;
  for (const other of ["r1", "r2"]) {
    cluster.stage(other).linkUp("r3");
    cluster.stage("r3").linkUp(other);
  }
  cluster.tick(2 * LONG_MS);
  for (const key of keys.slice(0, 10)) assertEquals(cluster.values(key), NONE, key);
  for (let minute = 0; minute < 4; minute++) {
    const value = `alone ${minute}`;
    assertEquals(cluster.values(keys[10 + minute]!), [`r1=${value}`, `r2=${value}`, `r3=${value}`]);
    assertEquals(cluster.values(keys[20 + minute]!), NONE);
  }
  assertEquals(cluster.values("key 29"), ["r1=before", "r2=before", "r3=before"]);
});

Deno.test("H14: an old hint finds nothing to bring back, and goes as if it were delivered", () => {
  const { cluster, put } = forgotten();
  const r2 = cluster.stage("r2");
  assertEquals(answersTo(r2, writeOf("hint", put)), ["written"]);
  assertEquals(cluster.values(7), NONE);
});

Deno.test("H14: a hint that its target takes no more waits, and is removed once all are proved to know it", () => {
  const cluster = three({ settings: { hints_per_second: 1 } });
  cluster.stage("r1").put(1, "a", "ALL");
  cluster.stage("r1").delete(1, "ALL");
  cluster.carry();
  cluster.crash("r3");
  cluster.tick(2000);
  for (let key = 10; key < 40; key++) cluster.stage("r1").put(key, `${key}`, "TWO");
  cluster.carry();
  cluster.tick(3000);
  assertEquals(cluster.stage("r1").status().peers.find(({ id }) => id === "r3")!.hints, 30);
  cluster.start("r3");
  // One hint a second: long before the last of them anti-entropy has brought all, and that is proved.
  cluster.tick(LONG_MS);
  for (let key = 10; key < 40; key++) assertEquals(cluster.stage("r3").values(key), [`${key}`]);
  assertEquals(cluster.stage("r1").status().peers.find(({ id }) => id === "r3")!.hints, 0);
  assert(cluster.stage("r1").counter("hints_known") > 10);
});

Deno.test("H14: a delayed put finds nothing to bring back, and is not acknowledged", () => {
  const { cluster, put } = forgotten();
  assertEquals(answersTo(cluster.stage("r2"), writeOf("put", put)), ["refused clock_skew"]);
  assertEquals(cluster.values(7), NONE);
});

/** A replica has begun to read what r3 lacks; then it was deleted and forgotten, and now the answer of r2 comes late. */
function readBefore(reader: string): { cluster: StagedCluster; late: Message } {
  const cluster = three({ main: { hinted_handoff: false }, settings: { request_timeout_ms: 100_000 } });
  cluster.isCarried = ({ to, message }) => to !== "r3" || message.type !== "write";
  cluster.stage("r1").put(7, "dead", "TWO");
  cluster.carry();
  const late: Message[] = [];
  cluster.isCarried = ({ from, message }) => {
    if (from !== "r2" || message.type !== "answer") return true;
    late.push(message);
    return false;
  };
  cluster.stage(reader).get(7, "ALL");
  cluster.carry();
  assertEquals(late.length, 1);
  cluster.isCarried = () => true;
  cluster.tick(5000);
  cluster.stage("r2").delete(7, "ALL");
  cluster.tick(2 * LONG_MS);
  return { cluster, late: late[0]! };
}

Deno.test("H14: a read that had its answers before the deletion repairs nobody after it", () => {
  const { cluster, late } = readBefore("r1");
  assertEquals(cluster.values(7), NONE);
  cluster.stage("r1").deliver("r2", late);
  cluster.carry();
  assertEquals(cluster.stage("r1").counter("read_repairs"), 1, "it means to repair r3");
  assertEquals(cluster.values(7), NONE);
});

Deno.test("H14: the same where the stale copy is the reader's own", () => {
  const { cluster, late } = readBefore("r3");
  cluster.stage("r3").deliver("r2", late);
  cluster.carry();
  assertEquals(cluster.values(7), NONE);
});

Deno.test("H14: a message of an old pass finds nothing to bring back", () => {
  const { cluster, put } = forgotten();
  const r2 = cluster.stage("r2");
  const give: Message = {
    type: "give",
    round: 78,
    keyspace: "main",
    entries: [{ key: 7, versions: [put] }],
    epoch: "e2",
  };
  assertEquals(answersTo(r2, give), ["given"]);
  assertEquals(cluster.values(7), NONE);
  cluster.crash("r2");
  cluster.start("r2", { epoch: "e9" });
  assertEquals(
    answersTo(cluster.stage("r2"), give),
    ["refused overloaded"],
    "meant for a directory that is lost",
  );
  assertEquals(cluster.values(7), NONE);
});

Deno.test("H14: a wiped replica takes no old write, is filled, and brings nothing back", () => {
  const { cluster, put } = forgotten();
  cluster.stage("r1").put(8, "kept", "ALL");
  cluster.carry();
  cluster.crash("r3");
  cluster.tick(2000);
  // What arrives before it has heard anybody: it knows nothing of promises yet.
  const bare = new ReplicaStage({ memberCount: 3, id: "r3", epoch: "e9" });
  bare.tick();
  assertEquals(answersTo(bare, writeOf("put", put)), ["refused unavailable"]);
  assertEquals(answersTo(bare, writeOf("hint", put)), ["refused unavailable"]);
  cluster.start("r3", { epoch: "e9" });
  cluster.tick(5000);
  const r3 = cluster.stage("r3");
  assert(!r3.status().recovering);
  // Its new directory has promised the writer to take none of its old puts (H12), and says nothing to them.
  assertEquals(answersTo(r3, writeOf("put", put)), []);
  for (const cause of ["hint", "repair"] as const) {
    assertEquals(answersTo(r3, writeOf(cause, put)), ["refused clock_skew"]);
  }
  assertEquals(cluster.values(7), NONE);
  assertEquals(r3.values(8), ["kept"]);
  // And again, with its new directory.
  cluster.stage("r3").delete(8, "ALL");
  cluster.tick(2 * LONG_MS);
  assertEquals(cluster.values(8), NONE);
});

Deno.test("H14: a wiped replica goes on refusing what is old after a restart, though it never promised by itself", () => {
  const { cluster, put } = forgotten();
  cluster.crash("r3");
  cluster.start("r3", { epoch: "e9" });
  cluster.tick(1000);
  cluster.crash("r3");
  const r3 = cluster.stage("r3");
  r3.tick();
  assert(r3.isReady);
  assertEquals(answersTo(r3, writeOf("put", put)), ["refused clock_skew"]);
});

Deno.test("H14: a promise is on the disk before anybody is told of it, and holds after a restart", () => {
  const cluster = three();
  putAndDelete(cluster);
  cluster.tick(2000);
  const r2 = cluster.stage("r2");
  const told: number[] = [];
  cluster.isCarried = ({ from, message }) => {
    if (from === "r2" && message.type === "heartbeat") told.push(message.collection?.promise ?? 0);
    if (from === "r2" && message.type === "compared") told.push(message.promise ?? 0);
    return true;
  };
  r2.disk.isHeld = true;
  cluster.tick(6000);
  const before = Math.max(...told);
  assertEquals(new Set(told.filter((promise) => promise > 0)).size, 1, "nothing that is not on the disk");
  r2.disk.isHeld = false;
  r2.disk.sync();
  cluster.tick(2000);
  const after = Math.max(...told);
  assert(after > before + stampOf(3000));
  cluster.crash("r2");
  r2.tick();
  const old = { stamp: after - 1, origin: "r1.e1", value: "late" };
  assertEquals(answersTo(r2, writeOf("put", old)), ["refused clock_skew"]);
  assertEquals(answersTo(r2, writeOf("put", { ...old, stamp: after + 1 }, 79)), ["written"]);
});

Deno.test("H14: what a replica coordinates is never as old as what it has promised, whatever becomes of its clock", () => {
  const cluster = three();
  putAndDelete(cluster);
  cluster.tick(LONG_MS);
  const r2 = cluster.stage("r2");
  r2.skewMs = -3_600_000;
  const put = r2.put(9, "x", "ALL");
  cluster.carry();
  assertMatch(r2.outcome(put), /^written acked=r1,r2,r3/);
  cluster.crash("r2");
  cluster.start("r2");
  cluster.tick(500);
  const later = r2.put(9, "y", "ALL");
  cluster.carry();
  assertMatch(r2.outcome(later), /^written acked=r1,r2,r3/);
  assertEquals(cluster.values(9), ["r1=y", "r2=y", "r3=y"]);
});

Deno.test("H14: the slowest clock sets the pace, and its writes are taken", () => {
  const cluster = three({ settings: { clock_skew_max_ms: 60_000 } });
  cluster.stage("r3").skewMs = -20_000;
  cluster.tick(1000);
  putAndDelete(cluster);
  cluster.tick(18_000);
  assertEquals(cluster.values(7), ["r1=deleted", "r2=deleted", "r3=deleted"]);
  cluster.tick(LONG_MS);
  assertEquals(cluster.values(7), NONE);
});

Deno.test("H14: a write that its coordinator alone holds holds the floor back until all have it", () => {
  const cluster = three({ main: ALONE });
  putAndDelete(cluster);
  cluster.tick(1000);
  // r1 is heard, but nothing that it says of keys arrives.
  cluster.isCarried = ({ from, message }) => from !== "r1" || message.type.startsWith("heartbeat");
  const put = cluster.stage("r1").put(9, "mine", "ONE");
  assertMatch(cluster.stage("r1").outcome(put), /^written acked=r1/);
  cluster.tick(30_000);
  assertEquals(cluster.values(7), ["r1=deleted", "r2=deleted", "r3=deleted"]);
  cluster.isCarried = () => true;
  cluster.tick(2 * LONG_MS);
  assertEquals(cluster.values(9), ["r1=mine", "r2=mine", "r3=mine"]);
  assertEquals(cluster.values(7), NONE);
});

Deno.test("H14: a coordinator that holds no copy has its old writes refused by who promised, and they stay refused", () => {
  const cluster = new StagedCluster({ memberCount: 4, main: { replication: 3, hinted_handoff: true } });
  cluster.stage("r1").put(7, "dead", "ALL");
  cluster.stage("r1").delete(7, "ALL");
  cluster.carry();
  cluster.tick(LONG_MS);
  assertEquals(cluster.values(7), [...NONE, "r4="]);
  const put = cluster.stage("r4").put(7, "alive", "ALL");
  cluster.carry();
  assertMatch(cluster.stage("r4").outcome(put), /^written acked=r1,r2,r3/);
  assertEquals(cluster.values(7), ["r1=alive", "r2=alive", "r3=alive", "r4="]);
});

Deno.test("H14: keys that lie where they do not belong stop the collection of their keyspace", () => {
  const cluster = new StagedCluster({ memberCount: 4, main: { replication: 3 } });
  cluster.stage("r4").plant(9, [{ stamp: stampOf(STAGE_WALL_MS), origin: "r1.e1", value: "left over" }]);
  cluster.stage("r1").put(7, "dead", "ALL");
  cluster.stage("r1").delete(7, "ALL");
  cluster.carry();
  cluster.tick(2 * LONG_MS);
  assertEquals(cluster.values(7), ["r1=deleted", "r2=deleted", "r3=deleted", "r4="]);
  assertEquals(tombstones(cluster.stage("r1")).held_back_by, ["r4"]);
});

Deno.test("H14: a directory that was no member while others collected counts for nothing and is compared with nobody", () => {
  const stage = ReplicaStage.whole({ memberCount: 3 });
  const collection = {
    layout: "0123456789abcdef",
    promise: stampOf(STAGE_WALL_MS),
    floors: { main: stampOf(STAGE_WALL_MS) },
  };
  const heartbeat = {
    type: "heartbeat" as const,
    epoch: "e2",
    known_epochs: ["e1"],
    wall_ms: STAGE_WALL_MS,
    recovering: false,
    collection,
  };
  assert(!stage.status().recovering);
  stage.deliver("r2", heartbeat);
  assert(stage.status().recovering);
  assert(
    stage.said.some((line) => line.startsWith("error: r1 was no member while") && line.includes("--rebuild")),
  );
  stage.takeAll();
  stage.tick(5000);
  assertEquals(stage.takeSent("compare"), []);
});

Deno.test("H14: who collected refuses to be compared with a directory that has promised less", () => {
  const { cluster } = forgotten();
  const r2 = cluster.stage("r2");
  const asks = (): string[] => answersTo(r2, { type: "fill", round: 5, keyspace: "main" });
  assertEquals(asks(), ["filled"], "a peer may be filled");
  r2.deliver("r1", {
    type: "heartbeat",
    epoch: "e8",
    known_epochs: ["e2"],
    wall_ms: STAGE_WALL_MS,
    recovering: false,
  });
  const compare: Message = {
    type: "compare",
    round: 6,
    keyspace: "main",
    width: 256,
    parts: 1,
    ranges: [0],
    hashes: "AAAAAAAAAAA",
  };
  assertEquals(answersTo(r2, compare), ["refused unavailable"]);
});

Deno.test("H14: of a pass that brings old and new versions only the new ones are stored", () => {
  const { cluster, put } = forgotten();
  const r2 = cluster.stage("r2");
  const fresh = { stamp: stampOf(STAGE_WALL_MS + r2.nowMs), origin: "r1.e1", value: "fresh" };
  const give: Message = {
    type: "give",
    round: 80,
    keyspace: "main",
    entries: [{ key: 7, versions: [fresh] }, { key: 8, versions: [put] }],
    epoch: "e2",
  };
  assertEquals(answersTo(r2, give), ["given"]);
  assertEquals([r2.values(7), r2.values(8)], [["fresh"], []]);
});

Deno.test("H14: a full disk loses no promise and no tombstone before its time", () => {
  const cluster = three();
  putAndDelete(cluster);
  cluster.stage("r2").disk.roomBytes = 0;
  cluster.stage("r2").put(1, "x", "ONE");
  cluster.tick(20_000);
  assertEquals(cluster.stage("r2").values(7), ["deleted"]);
  cluster.stage("r2").disk.roomBytes = Infinity;
  cluster.tick(2 * LONG_MS);
  assertEquals(cluster.values(7), NONE);
});

Deno.test("Thousands of tombstones go in batches", () => {
  const cluster = three({ main: { keys: "text" } });
  const stamp = (at: number): Stamp => stampOf(STAGE_WALL_MS) + at;
  for (const stage of cluster.stages.values()) {
    for (let key = 0; key < 3000; key++) {
      stage.plant(`key ${key}`, [{ stamp: stamp(key), origin: "r1.e1" }]);
    }
  }
  cluster.tick(2 * LONG_MS);
  for (const stage of cluster.stages.values()) {
    assertEquals(tombstones(stage), { held: 0, collected: 3000, held_back_by: [] });
    assert(Math.max(...stage.disk.batchSizes) < 1000);
  }
});
