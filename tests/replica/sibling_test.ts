/** What a replica makes of writes in a keyspace whose values stand side by side: who replaces whom, what is shipped, what is shown. @module */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Receipt } from "../../src/protocol/reply.ts";
import type { Level } from "../../src/protocol/level.ts";
import type { Message } from "../../src/replica/envelope.ts";
import { parseContext } from "../../src/protocol/tokens.ts";
import type { ByteString } from "../../src/base/bytes.ts";
import { SiblingRoom } from "../../src/replica/siblings.ts";
import { encodeRecord } from "../../src/versions/record.ts";
import { stampOf } from "../../src/versions/stamp.ts";
import type { Version } from "../../src/versions/version.ts";
import { ReplicaStage, STAGE_WALL_MS, type StageOptions } from "../harness/replica_stage.ts";

const BEGIN = stampOf(STAGE_WALL_MS);

function whole(main: Readonly<Record<string, unknown>> = {}, options: StageOptions = {}): ReplicaStage {
  return ReplicaStage.whole({
    main: { replication: 3, siblings: true, ...main },
    memberCount: 3,
    ...options,
  });
}

/** Puts at `ONE`, with the context of an answer, and tells its receipt. */
function put(stage: ReplicaStage, value: string, context?: string): Receipt {
  return receipt(stage, stage.request({ op: "put", key: 7, value, level: "ONE", ...named(context) }));
}

function remove(stage: ReplicaStage, context?: string): Receipt {
  return receipt(stage, stage.request({ op: "delete", key: 7, level: "ONE", ...named(context) }));
}

function named(context: string | undefined): { readonly context?: string } {
  return context === undefined ? {} : { context };
}

function receipt(stage: ReplicaStage, id: number): Receipt {
  const result = stage.reply(id);
  assert(result?.ok && "receipt" in result.value, JSON.stringify(result));
  return result.value.receipt;
}

/** All values that a get shows, greatest first, and the context to go on with. */
function get(stage: ReplicaStage, level: Level = "ONE"): { values: (string | null)[]; context: string } {
  const result = stage.reply(stage.get(7, level));
  if (result?.ok && result.value.kind === "value") {
    const { value, siblings, receipt: { context } } = result.value;
    return { values: siblings?.map((each) => each.value ?? null) ?? [value], context: context! };
  }
  assert(result?.ok === false && result.failure.code === "not_found", JSON.stringify(result));
  const { siblings = [], context } = result.failure;
  return { values: siblings.map(() => null), context: context! };
}

/** What the last writes sent to a peer hold. */
function shipped(stage: ReplicaStage, to = "r2"): readonly (readonly (string | undefined)[])[] {
  return stage.takeSent("write").filter((each) => each.to === to)
    .map(({ message }) => message.versions.map(({ value }) => value));
}

function write(round: number, versions: readonly Version[]): Message {
  return { type: "write", round, cause: "put", keyspace: "main", key: 7, versions };
}

/** A version of r2 from so many stamps ago. */
function foreign(age: number, value: string | undefined, seen?: Version["seen"]): Version {
  return {
    stamp: BEGIN - age,
    origin: "r2.e2",
    ...(value === undefined ? {} : { value }),
    ...(seen ? { seen } : {}),
  };
}

Deno.test("A put that names nothing replaces nothing, and one with the context of a get replaces what it showed", () => {
  const stage = whole();
  assertEquals(put(stage, "a").beside, undefined);
  assertEquals(put(stage, "b").beside, 1);
  const read = get(stage);
  assertEquals(read.values, ["b", "a"]);
  assertEquals(put(stage, "c").beside, 2);
  assertEquals(put(stage, "d", read.context).beside, 1);
  assertEquals(get(stage).values, ["d", "c"]);
  assertEquals(put(stage, "e", get(stage).context).beside, undefined);
  assertEquals(get(stage).values, ["e"]);
});

Deno.test("Where one winner is kept a put without a context replaces all, as ever, and is answered without one", () => {
  const stage = whole({ siblings: false });
  assertEquals(put(stage, "a").context, undefined);
  const { beside, context } = put(stage, "b", "");
  assertEquals([beside, typeof context], [undefined, "string"]);
  assertEquals(stage.values(7), ["b"]);
});

Deno.test("H10: nobody is sent a version before the own disk holds it, and then all that stands with it", () => {
  const stage = whole();
  stage.put(7, "a");
  stage.takeAll();
  stage.disk.isHeld = true;
  const id = stage.put(7, "b");
  assertEquals([shipped(stage), stage.outcome(id)], [[], "waiting"]);
  stage.disk.sync();
  assertEquals(shipped(stage), [["b", "a"]]);
  assertEquals(stage.outcome(id), "written acked=r1 owed=r2,r3");
});

Deno.test("H10: what a crash took before it was on the own disk no peer has heard of", () => {
  const stage = whole();
  stage.disk.isHeld = true;
  stage.put(7, "lost");
  stage.restart();
  stage.disk.isHeld = false;
  stage.tick();
  assertEquals(shipped(stage).flat(), []);
  assertEquals(stage.values(7), []);
});

Deno.test("H10: two writes of one commit are shipped in their order, the later with the earlier", () => {
  const stage = whole();
  stage.disk.isHeld = true;
  stage.put(7, "a");
  stage.put(7, "b");
  stage.disk.sync();
  assertEquals(shipped(stage), [["a"], ["b", "a"]]);
});

Deno.test("H10: whoever is dead is owed all that stands side by side, also after a restart", () => {
  const stage = whole();
  stage.deliver("r2", write(1, [foreign(5, "x")]));
  stage.lose("r3");
  stage.put(7, "a");
  stage.ack("r2", stage.takeSent("write")[0]!.message.round);
  stage.tick();
  stage.restart();
  stage.tick();
  for (const peer of ["r2", "r3"]) stage.meet(peer);
  stage.tick(500);
  assertEquals(shipped(stage, "r3"), [["a", "x"]]);
  const died = whole();
  died.deliver("r2", write(1, [foreign(5, "x")]));
  died.put(7, "a");
  died.restart();
  died.tick();
  for (const peer of ["r2", "r3"]) died.meet(peer);
  died.tick(500);
  assertEquals(
    shipped(died, "r2"),
    [["a", "x"]],
    "the owed record is turned into hints of what the disk holds",
  );
});

Deno.test("What a slow disk takes after the deadline has an unknown outcome, and reaches the others all the same", () => {
  const stage = whole();
  stage.disk.isHeld = true;
  const id = stage.put(7, "late");
  stage.tick(2100);
  assertEquals(stage.outcome(id), "timeout indefinite acked=");
  assertEquals(shipped(stage), []);
  stage.disk.isHeld = false;
  stage.disk.sync();
  assertEquals(shipped(stage), [["late"]]);
  stage.tick(50);
  assertEquals(stage.disk.keys("h").length, 2, "nobody has acknowledged: both are owed hints");
  assertEquals(stage.disk.keys("o"), []);
});

Deno.test("H15: a disk without room refuses for certain what would have been shipped after it", () => {
  const stage = whole();
  put(stage, "a");
  stage.takeAll();
  stage.disk.roomBytes = 10;
  const id = stage.put(7, "b");
  assertEquals([stage.outcome(id), shipped(stage)], ["disk_full definite", []]);
  stage.disk.roomBytes = Infinity;
  stage.tick(5000);
  assert(!shipped(stage).flat().includes("b"));
  assertEquals(stage.values(7), ["a"]);
});

Deno.test("A peer that dies while the own disk is slow is owed the copy, and one that is born is sent it", () => {
  const stage = whole();
  stage.disk.isHeld = true;
  const id = stage.request({ op: "put", key: 7, value: "v", level: "TWO" });
  stage.lose("r2");
  stage.lose("r3");
  assertEquals(stage.outcome(id), "waiting", "nobody was to be asked yet");
  stage.meet("r2");
  stage.disk.isHeld = false;
  stage.disk.sync();
  stage.ack("r2", stage.takeSent("write").find(({ to }) => to === "r2")!.message.round);
  assertEquals(stage.outcome(id), "written acked=r1,r2 owed=r3");
});

Deno.test("Copies of a peer stand beside what is held, lose to who had seen them, and none is said to have lost", () => {
  const stage = whole();
  put(stage, "a");
  stage.takeAll();
  stage.deliver("r2", write(1, [foreign(5, "x")]));
  assertEquals(stage.takeSent("written").map(({ message }) => message.superseded_by), [undefined]);
  assertEquals(stage.values(7), ["a", "x"]);
  const all = parseContext(get(stage).context, "main", 7)!;
  stage.deliver("r2", write(2, [{ stamp: BEGIN + 9 * 2048, origin: "r2.e2", value: "y", seen: all }]));
  assertEquals(stage.values(7), ["y"]);
  assertEquals(stage.counter("dot_conflicts"), 0);
});

Deno.test("H6: one write with two values is an alarm also where it stands beside others", () => {
  const stage = whole();
  stage.deliver("r2", write(1, [foreign(5, "x")]));
  stage.deliver("r2", write(2, [foreign(4, "y"), foreign(5, "x")]));
  stage.deliver("r2", write(2, [foreign(4, "y"), foreign(6, "w")]));
  assertEquals(stage.counter("dot_conflicts"), 0, "more than before is no conflict");
  stage.deliver("r2", write(3, [foreign(4, "y"), foreign(5, "z")]));
  assertEquals(stage.counter("dot_conflicts"), 1);
});

Deno.test("A delete with the context of a get leaves nothing to show, and names itself to who writes next", () => {
  const stage = whole();
  put(stage, "a");
  put(stage, "b");
  remove(stage, get(stage).context);
  const { values, context } = get(stage);
  assertEquals([values, stage.values(7)], [[], ["deleted"]]);
  put(stage, "c", context);
  assertEquals(stage.values(7), ["c"]);
});

Deno.test("A delete beside a value stays, is no value, and goes with the context of the answer", () => {
  const stage = whole();
  put(stage, "a");
  const { context } = get(stage);
  put(stage, "b");
  remove(stage, context);
  put(stage, "c", context);
  const result = stage.reply(stage.get(7));
  assert(result?.ok && result.value.kind === "value");
  assertEquals(result.value.value, "c");
  assertEquals(result.value.siblings?.map(({ value }) => value), ["c", undefined, "b"]);
  const deletedLast = whole();
  put(deletedLast, "old");
  remove(deletedLast);
  const shown = deletedLast.reply(deletedLast.get(7));
  assert(shown?.ok && shown.value.kind === "value");
  assertEquals(
    shown.value.value,
    "old",
    "the greatest version is a delete, and the value is the greatest value",
  );
  assertEquals(shown.value.receipt.version!.stamp, deletedLast.held(7)[1]!.stamp);
  put(deletedLast, "all", get(deletedLast).context);
  assertEquals(deletedLast.values(7), ["all"]);
});

Deno.test("Several deletes side by side are not found, all named, and one context covers them", () => {
  const stage = whole();
  remove(stage);
  remove(stage);
  const { values, context } = get(stage);
  assertEquals(values, [null, null]);
  put(stage, "v", context);
  assertEquals(stage.values(7), ["v"]);
});

Deno.test("What a put is answered names what it wrote, but not where that would name an unseen write of the same origin", () => {
  const stage = whole();
  const first = put(stage, "a");
  put(stage, "b", first.context);
  assertEquals(stage.values(7), ["b"], "a writer goes on from its own write without reading");
  const blind = put(stage, "c");
  put(stage, "d", blind.context);
  assertEquals(stage.values(7), ["d", "c", "b"], "who has never seen b must not replace it");
  const elsewhere = whole();
  elsewhere.deliver("r2", write(1, [foreign(5, "x")]));
  put(elsewhere, "e", put(elsewhere, "y").context);
  assertEquals(elsewhere.values(7), ["e", "x"], "what stands beside it of another origin is in no way named");
});

Deno.test("H11: a session that has seen other keys replaces nothing of this one", () => {
  const stage = whole();
  put(stage, "a");
  const other = receipt(stage, stage.request({ op: "put", key: 8, value: "x", level: "ONE", session: "" }));
  const id = stage.request({ op: "put", key: 7, value: "b", level: "ONE", session: other.session! });
  receipt(stage, id);
  assertEquals(stage.values(7), ["b", "a"]);
  const [later, earlier] = stage.held(7);
  assert(later!.stamp > earlier!.stamp && later!.deps !== undefined && later!.seen === undefined);
});

Deno.test("A stamp exceeds all that its context names", () => {
  const stage = whole();
  stage.deliver("r2", write(1, [{ ...foreign(0, "x"), stamp: BEGIN + 5000 * 2048 }]));
  put(stage, "y", get(stage).context);
  const [held, ...others] = stage.held(7);
  assertEquals([held!.value, others], ["y", []]);
  assert(held!.stamp > BEGIN + 5000 * 2048);
});

Deno.test("A get brings together what copies hold, and mends whoever lacks some of it", () => {
  const stage = whole();
  put(stage, "a");
  stage.takeAll();
  const id = stage.get(7, "ALL");
  const { round } = stage.takeSent("read")[0]!.message;
  const mine = stage.held(7);
  stage.deliver("r2", { type: "answer", round, versions: [foreign(5, "x")] });
  stage.deliver("r3", { type: "answer", round, versions: [...mine, foreign(5, "x")] });
  const result = stage.reply(id);
  assert(result?.ok && result.value.kind === "value");
  assertEquals(result.value.siblings?.map(({ value }) => value), ["a", "x"]);
  assertEquals(shipped(stage, "r2"), [["a", "x"]]);
  assertEquals(shipped(stage, "r3"), []);
  assertEquals(stage.values(7), ["a", "x"]);
});

Deno.test("A session's get asks those again whose answers lack what a session had gone on from, for they may be too early", () => {
  const deps = { "r3.e3": BEGIN - 9 };
  const session = `${String(BEGIN).padStart(16, "0")}-r9.9:1`;
  const begin = (): { stage: ReplicaStage; id: number; round: number } => {
    const stage = whole();
    stage.deliver("r2", write(1, [{ ...foreign(5, "x"), deps }]));
    stage.takeAll();
    const id = stage.request({ op: "get", key: 7, level: "ONE", session });
    const { round } = stage.takeSent("read")[0]!.message;
    stage.deliver("r2", { type: "answer", round, versions: stage.held(7) });
    return { stage, id, round };
  };
  const early = begin();
  const cause = { stamp: BEGIN - 9, origin: "r3.e3", value: "cause" };
  early.stage.deliver("r3", { type: "answer", round: early.round, versions: [] });
  const [again, ...others] = early.stage.takeSent("read");
  assertEquals([again!.to, others, early.stage.outcome(early.id)], ["r3", [], "waiting"]);
  // What the network repeats of the first answer is none to the second question.
  early.stage.deliver("r3", { type: "answer", round: early.round, versions: [] });
  assertEquals(early.stage.outcome(early.id), "waiting");
  early.stage.deliver("r3", { type: "answer", round: again!.message.round, versions: [cause] });
  const found = early.stage.reply(early.id);
  assert(found?.ok && found.value.kind === "value");
  assertEquals(found.value.siblings?.map(({ value }) => value), ["x", "cause"]);
  assertEquals(found.value.receipt.maybe_stale, undefined);
  const gone = begin();
  gone.stage.deliver("r3", { type: "answer", round: gone.round, versions: [] });
  gone.stage.lose("r3");
  assert(receipt(gone.stage, gone.id).maybe_stale, "nobody knows what it held later");
  const heir = begin();
  const versions = [foreign(3, "heir", { "r2.e2": BEGIN - 5 })];
  heir.stage.deliver("r3", { type: "answer", round: heir.round, versions });
  assertEquals(receipt(heir.stage, heir.id).maybe_stale, undefined, "who descends from it has seen it");
});

Deno.test("A version too many is refused for certain, with the limit and the way out, unless it replaces some", () => {
  const stage = whole({ siblings_max: 3 });
  for (const value of ["a", "b", "c"]) put(stage, value);
  const { context } = get(stage);
  stage.takeAll();
  const id = stage.put(7, "d");
  assertEquals([stage.outcome(id), shipped(stage)], ["conflict definite", []]);
  assertStringIncludes(
    stage.failure(id).message,
    "3 versions of the key stand side by side, siblings_max is 3; get the key at ALL",
  );
  assertEquals(stage.outcome(stage.delete(7)), "conflict definite");
  put(stage, "e", context);
  assertEquals(stage.values(7), ["e"]);
});

Deno.test("Writes under way count, and what is merged is never dropped", () => {
  const stage = whole({ siblings_max: 3 });
  stage.disk.isHeld = true;
  const ids = ["a", "b", "c", "d"].map((value) => stage.put(7, value));
  assertEquals(ids.map((id) => stage.outcome(id)), ["waiting", "waiting", "waiting", "conflict definite"]);
  stage.disk.isHeld = false;
  stage.disk.sync();
  stage.deliver("r2", write(1, [foreign(3, "x"), foreign(4, "y"), foreign(5, "z")]));
  assertEquals(stage.held(7).length, 6);
  assertEquals(stage.outcome(stage.put(7, "e")), "conflict definite");
  const other = stage.put(8, "free");
  assertEquals(stage.outcome(other).split(" ")[0], "written", "another key has its own room");
});

Deno.test("A write that ends while another looks for room takes its room all the same, and only that of its key", () => {
  const room = new SiblingRoom();
  const [a, b] = ["a" as ByteString, "b" as ByteString];
  const ask = { context: undefined, bytes: 10, limits: { countMax: 1, bytesMax: 100 } };
  room.look(a);
  room.take(a, 10);
  room.look(a);
  room.look(b);
  room.give(a, 10);
  // What was found is from before the write was on the disk.
  assertEquals(room.check(a, { ...ask, found: undefined })?.code, "conflict");
  assertEquals(room.check(a, { ...ask, found: undefined })?.code, "conflict");
  assertEquals(room.check(b, { ...ask, found: undefined }), undefined);
  room.look(a);
  assertEquals(
    room.check(a, { ...ask, found: undefined }),
    undefined,
    "who looks later finds it on the disk",
  );
});

Deno.test("Bytes side by side are bounded to a share, so that what all copies bring together fits each of them", () => {
  const stage = whole({}, { settings: { value_bytes_max: 8192 } });
  const value = "x".repeat(1900);
  put(stage, value);
  put(stage, value);
  const id = stage.put(7, value);
  assertEquals(stage.outcome(id), "conflict definite");
  assertStringIncludes(stage.failure(id).message, "at most 4096 are allowed");
  const large = stage.put(8, "x".repeat(4096));
  assertEquals(stage.outcome(large), "too_large definite");
  assertStringIncludes(stage.failure(large).message, "raise value_bytes_max");
  assert(encodeRecord(stage.held(7)).length <= 4096);
});

Deno.test("H13: what a writer has seen is cut where a version is made, members of today last", () => {
  const stage = whole({}, { settings: { clock_entries_max: 4 } });
  const seen = {
    "r1.0": BEGIN - 7,
    "r3.e3": BEGIN - 9,
    "r2.0": BEGIN - 6,
    "r9.9": BEGIN - 5,
    "r2.e2": BEGIN - 8,
  };
  stage.deliver("r2", write(1, [foreign(1, "x", seen)]));
  put(stage, "y", get(stage).context);
  assertEquals(stage.held(7).map((version) => version.seen), [
    { "r2.e2": BEGIN - 1, "r3.e3": BEGIN - 9, "r9.9": BEGIN - 5, "r2.0": BEGIN - 6 },
  ]);
  // Copies are stored as they come, however much their writers had seen.
  stage.deliver("r2", write(2, [foreign(0, "z", { ...seen, "r2.e2": BEGIN - 1, "r4.4": 5, "r5.5": 5 })]));
  assertEquals(Object.keys(stage.held(7).find(({ value }) => value === "z")!.seen!).length, 7);
});

Deno.test("A replica that holds no copy hands a write on, and a get it coordinates itself", () => {
  const members = { memberCount: 4, main: { replication: 3, siblings: true } };
  const stage = ReplicaStage.whole({ id: "r4", ...members });
  stage.put(7, "v");
  assertEquals(stage.takeAll().map(({ message }) => message.type), ["forward"]);
  stage.get(7);
  assertEquals(stage.takeAll().map(({ message }) => message.type), ["read", "read", "read"]);
});
