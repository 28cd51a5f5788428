/** Tests of coordinated scans on real replicas: `src/replica/scans.ts`, `src/replica/scan_pages.ts`. @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { lineBytesMin, SCANS_MAX, SCANS_WAITING_MAX } from "../../src/protocol/limits.ts";
import type { Page } from "../../src/protocol/reply.ts";
import type { Request, WireKey } from "../../src/protocol/request.ts";
import { encodeReply } from "../../src/transport/reply_codec.ts";
import { ReplicaStage, type StageOptions } from "../harness/replica_stage.ts";
import { StagedCluster } from "../harness/staged_cluster.ts";

type Asked = Omit<Extract<Request, { op: "scan" }>, "op">;

const RING: StageOptions = { main: { keys: "text", partitioner: "consistent-hash", replication: 3 } };

function pageOf(stage: ReplicaStage, id: number): Page {
  const result = stage.reply(id);
  assert(result?.ok && result.value.kind === "page", JSON.stringify(result));
  return result.value.page;
}

/** Asks one replica of a cluster for a page. */
function scan(cluster: StagedCluster, through: string, asked: Asked = {}): number {
  const id = cluster.stage(through).request({ op: "scan", ...asked });
  cluster.carry();
  return id;
}

/** All keys, page by page; and how many pages that took. */
function scanAll(cluster: StagedCluster, through: string, asked: Asked = {}): [WireKey[], number] {
  const keys: WireKey[] = [];
  let after: WireKey | undefined;
  for (let count = 1; count < 1000; count++) {
    const page = pageOf(
      cluster.stage(through),
      scan(cluster, through, { ...asked, ...(after === undefined ? {} : { after }) }),
    );
    keys.push(...page.entries.map(({ key }) => key));
    if (!page.more) return [keys, count];
    after = page.last;
  }
  throw new Error("a scan does not end");
}

function put(cluster: StagedCluster, through: string, key: WireKey, value: string): void {
  const stage = cluster.stage(through);
  const id = stage.put(key, value, "QUORUM");
  cluster.carry();
  assertMatch(stage.outcome(id), /^written/);
}

Deno.test("Scan gives all keys in the order of their bytes, with values and versions, whatever the page size", () => {
  const cluster = new StagedCluster({ main: { keys: "text" } });
  const keys = ["b", "～", "😀", "a", "a\u0000", "ab"];
  for (const key of keys) put(cluster, "r1", key, `of ${key}`);
  const ordered = ["a", "a\u0000", "ab", "b", "～", "😀"];
  for (const limit of [1, 2, 5, 6, 256]) {
    for (const level of ["ONE", "QUORUM", "ALL"] as const) {
      assertEquals(scanAll(cluster, "r2", { limit, level }), [ordered, Math.ceil(6 / limit)]);
    }
  }
  const page = pageOf(cluster.stage("r1"), scan(cluster, "r1", { limit: 1, level: "TWO" }));
  const { stamp, origin } = cluster.stage("r1").held("a")[0]!;
  assertEquals(page, {
    coordinator: "r1",
    keyspace: "main",
    level: "TWO",
    required: 2,
    copies: 4,
    entries: [{
      key: "a",
      value: "of a",
      version: { stamp, origin, wall_ms: page.entries[0]!.version.wall_ms },
    }],
    more: true,
    last: "a",
  });
});

for (const partitioner of ["byte-ordered", "consistent-hash"]) {
  Deno.test(`Byte keys come as numbers in their order, from any coordinator, where they are placed by ${partitioner}`, () => {
    const cluster = new StagedCluster({ main: { partitioner, replication: 2 } });
    for (const key of [200, 3, 255, 0, 100, 63, 64]) put(cluster, "r1", key, "x");
    for (const through of ["r1", "r2", "r3", "r4"]) {
      assertEquals(scanAll(cluster, through, { limit: 2, level: "ONE" })[0], [0, 3, 63, 64, 100, 200, 255]);
      assertEquals(scanAll(cluster, through, { level: "ALL", after: 63 })[0], [64, 100, 200, 255]);
    }
    assertEquals(scanAll(cluster, "r1", { after: 255 }), [[], 1]);
  });
}

Deno.test("On a ring a scan through any replica, or one without copies, gives each key once", () => {
  const cluster = new StagedCluster({ ...RING, memberCount: 5 });
  const keys = Array.from({ length: 60 }, (_, index) => `k${String(index).padStart(2, "0")}`);
  for (const key of keys) put(cluster, "r1", key, "x");
  for (const through of ["r1", "r5"]) {
    assertEquals(scanAll(cluster, through, { limit: 7 })[0], keys);
    assertEquals(scanAll(cluster, through, { limit: 7, level: "ALL" })[0], keys);
  }
  const narrow = new StagedCluster({ main: { keys: "text", replication: 2 }, memberCount: 3 });
  for (const key of keys) put(narrow, "r1", key, "x");
  for (const level of ["ONE", "ALL"] as const) {
    assertEquals(scanAll(narrow, "r3", { limit: 7, level })[0], keys, "r3 holds nothing of it");
  }
});

Deno.test("A prefix selects by the bytes that keys begin with; byte keys have none", () => {
  const cluster = new StagedCluster(RING);
  for (const key of ["user", "user:1", "user:2", "user:😀", "users", "é", "éa"]) put(cluster, "r1", key, "x");
  assertEquals(scanAll(cluster, "r2", { prefix: "user:", limit: 1 })[0], ["user:1", "user:2", "user:😀"]);
  assertEquals(scanAll(cluster, "r2", { prefix: "user:", after: "user:1" })[0], ["user:2", "user:😀"]);
  assertEquals(scanAll(cluster, "r2", { prefix: "user:", after: "a" })[0].length, 3);
  assertEquals(scanAll(cluster, "r2", { prefix: "user:", after: "v" })[0], []);
  assertEquals(scanAll(cluster, "r2", { prefix: "é" })[0], ["é", "éa"]);
  assertEquals(scanAll(cluster, "r2", { prefix: "" })[0].length, 7);
  const bytes = ReplicaStage.whole();
  const refused = bytes.failure(bytes.request({ op: "scan", prefix: "1" }));
  assertEquals(refused.code, "malformed_request");
  assertMatch(
    refused.message,
    /the keys of "main" are numbers, which have no prefix; use "after" and "limit"/,
  );
});

Deno.test("Keys alone come without values, and a delete takes its key away", () => {
  const cluster = new StagedCluster({ main: { keys: "text" } });
  for (const key of ["a", "b", "c"]) put(cluster, "r1", key, "");
  cluster.stage("r1").delete("b", "ALL");
  cluster.carry();
  const page = pageOf(cluster.stage("r1"), scan(cluster, "r1", { keys_only: true, level: "ALL" }));
  assertEquals(page.entries.map(({ key, value }) => [key, value]), [["a", undefined], ["c", undefined]]);
  const whole = pageOf(cluster.stage("r1"), scan(cluster, "r1", { level: "ALL" }));
  assertEquals(whole.entries.map(({ key, value }) => [key, value]), [["a", ""], ["c", ""]]);
});

Deno.test("A page full of deletes is empty, and the next one begins behind it", () => {
  const cluster = new StagedCluster({ main: { keys: "text" } });
  for (const key of ["a", "b", "c", "d", "e"]) put(cluster, "r1", key, "x");
  for (const key of ["a", "b", "c", "d"]) cluster.stage("r1").delete(key, "ALL");
  cluster.carry();
  const page = pageOf(cluster.stage("r1"), scan(cluster, "r1", { limit: 2 }));
  assertEquals([page.entries, page.more, page.last], [[], true, "b"]);
  assertEquals(scanAll(cluster, "r1", { limit: 2 }), [["e"], 3]);
});

Deno.test("The greatest version of the answers wins, and one copy that knows of it is enough", () => {
  const cluster = new StagedCluster({ memberCount: 3 });
  put(cluster, "r1", 7, "old");
  put(cluster, "r1", 8, "old");
  cluster.isCarried = ({ to }) => to !== "r3";
  put(cluster, "r1", 7, "new");
  cluster.stage("r1").delete(8, "QUORUM");
  put(cluster, "r1", 9, "young");
  cluster.isCarried = () => true;
  assertEquals(cluster.stage("r3").values(7), ["old"]);
  const seen = (level: "ONE" | "QUORUM"): unknown =>
    pageOf(cluster.stage("r3"), scan(cluster, "r3", { level })).entries.map(({ key, value }) => [key, value]);
  assertEquals(seen("ONE"), [[7, "old"], [8, "old"]], "at ONE it is the coordinator's own copy");
  assertEquals(seen("QUORUM"), [[7, "new"], [9, "young"]]);
});

Deno.test("At ONE nobody else is asked where the coordinator holds all keys", () => {
  const stage = ReplicaStage.whole();
  stage.put(7, "x");
  stage.takeAll();
  const page = pageOf(stage, stage.request({ op: "scan", level: "ONE" }));
  assertEquals(page.entries.map(({ key }) => key), [7]);
  assertEquals(stage.takeAll(), []);
});

Deno.test("With one of three down a scan is answered at QUORUM, and refused for certain at ALL, naming whose keys", () => {
  const cluster = new StagedCluster(RING);
  const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
  for (const key of keys) put(cluster, "r1", key, "x");
  cluster.crash("r3");
  assertEquals(scanAll(cluster, "r1", { limit: 3 })[0], keys.sort());
  const failure = cluster.stage("r1").failure(scan(cluster, "r1", { level: "ALL" }));
  assertEquals([failure.code, failure.required, failure.live], ["unavailable", 3, 2]);
  assertMatch(
    failure.message,
    /ALL needs 3 live replicas of each key, .* that r1 r2 r3 hold 2 are live \(r1 r2\); .*lower level$/,
  );
  cluster.crash("r4");
  assertEquals(cluster.stage("r1").failure(scan(cluster, "r1")).code, "unavailable");
});

Deno.test("Ranges that are not asked for need nobody: byte-ordered keys behind `after`", () => {
  const cluster = new StagedCluster({ main: { partitioner: "byte-ordered", replication: 1 } });
  for (const key of [10, 250]) put(cluster, "r1", key, "x");
  cluster.crash("r1");
  assertEquals(scanAll(cluster, "r2", { after: 63, level: "ONE" })[0], [250]);
  assertEquals(cluster.stage("r2").failure(scan(cluster, "r2", { level: "ONE" })).code, "unavailable");
});

Deno.test("H7: the page of a replica that was wiped counts for no level", () => {
  const stage = ReplicaStage.whole({ memberCount: 3 });
  const id = stage.request({ op: "scan", level: "TWO" });
  const [first] = stage.takeSent("scan");
  const round = first!.message.round;
  stage.deliver("r2", { type: "scanned", round, entries: [], more: false, recovering: true });
  assertEquals(stage.outcome(id), "waiting");
  stage.deliver("r3", { type: "scanned", round, entries: [], more: false, recovering: true });
  assertEquals(stage.outcome(id), "timeout definite acked=r1");
  stage.meet("r2", { isRecovering: true });
  stage.meet("r3", { isRecovering: true });
  const failure = stage.failure(stage.request({ op: "scan", level: "TWO" }));
  assertMatch(failure.message, /1 is live \(r1\); r2 r3 are up and counts? for no level yet/);
});

Deno.test("Who does not answer in time, refuses or dies fails a scan, definitely; a page that is none counts as refused", () => {
  const stage = ReplicaStage.whole({ memberCount: 2, main: { keys: "text" } });
  const begin = (): [number, number] => {
    const id = stage.request({ op: "scan", level: "ALL", prefix: "b", after: "bb" });
    return [id, stage.takeSent("scan")[0]!.message.round];
  };
  const held = (key: string): { key: string; versions: never[] } => ({ key, versions: [] });
  const [late] = begin();
  stage.tick(stage.config.settings.requestTimeoutMs);
  assertEquals(stage.outcome(late), "timeout definite acked=r1");
  assertMatch(
    stage.failure(late).message,
    /ALL needs 2 answers of each key, and from r1 r2 1 came \(r1\) within/,
  );
  const [refused, first] = begin();
  stage.deliver("r2", { type: "refused", round: first, code: "overloaded", message: "no time" });
  assertMatch(stage.failure(refused).message, /r2 refused: no time/);
  for (const entries of [[held("bb")], [held("c")], [held("bd"), held("bc")], [held("")], []]) {
    const [id, round] = begin();
    stage.deliver("r2", { type: "scanned", round, entries, more: true });
    assertMatch(stage.failure(id).message, /r2 sent keys that were not asked for/, JSON.stringify(entries));
  }
  const [right, round] = begin();
  stage.deliver("r2", { type: "scanned", round, entries: [held("bc")], more: true });
  assertEquals(pageOf(stage, right).last, "bc");
  const [orphan] = begin();
  stage.lose("r2");
  assertEquals(stage.outcome(orphan), "timeout definite acked=r1");
});

Deno.test("A page holds no more than fits a line, but one key at least; keys alone are not bounded by their values", () => {
  const cluster = new StagedCluster({ memberCount: 3, settings: { value_bytes_max: 6000 } });
  const value = "\u0001".repeat(6000);
  for (const key of [1, 2, 3]) put(cluster, "r1", key, value);
  const id = scan(cluster, "r1", { level: "ALL" });
  const page = pageOf(cluster.stage("r1"), id);
  assertEquals([page.entries.length, page.more, page.last], [1, true, 1]);
  const { lineBytesMax } = cluster.stage("r1").config.settings;
  assert(encodeReply(1, cluster.stage("r1").reply(id)!).length <= lineBytesMax);
  assertEquals(scanAll(cluster, "r1", { level: "ALL" }), [[1, 2, 3], 3]);
  assertEquals(scanAll(cluster, "r1", { level: "ALL", keys_only: true }), [[1, 2, 3], 1]);
});

Deno.test("The fullest page of the longest keys fits a line of the smallest values", () => {
  const stage = ReplicaStage.whole({
    memberCount: 1,
    settings: { value_bytes_max: 1 },
    main: { keys: "text" },
  });
  for (let index = 0; index < 300; index++) {
    stage.put("\u0001".repeat(11) + String.fromCodePoint(300 + index), "\u0001");
  }
  const id = stage.request({ op: "scan" });
  const page = pageOf(stage, id);
  assert(page.more && page.entries.length > 80, String(page.entries.length));
  assert(encodeReply(1, stage.reply(id)!).length <= stage.config.settings.lineBytesMax);
});

Deno.test("Few scans are under way at a time; the others wait for their turn, and beyond a limit are refused", () => {
  const stage = ReplicaStage.whole({ memberCount: 2 });
  const count = SCANS_MAX + SCANS_WAITING_MAX;
  const ids = Array.from({ length: count }, () => stage.request({ op: "scan", level: "ALL" }));
  const sent = stage.takeSent("scan");
  assertEquals(sent.length, SCANS_MAX);
  const refused = stage.failure(stage.request({ op: "scan", level: "ALL" }));
  assertEquals(refused.code, "overloaded");
  assertMatch(refused.message, new RegExp(`has ${count} scans in flight, the limit is ${count}`));
  stage.deliver("r2", { type: "scanned", round: sent[0]!.message.round, entries: [], more: false });
  assertEquals([stage.outcome(ids[0]!), stage.takeSent("scan").length], ["page", 1]);
  stage.tick(stage.config.settings.requestTimeoutMs);
  for (const id of ids.slice(1)) assertMatch(stage.outcome(id), /^(timeout|overloaded) definite/);
});

Deno.test("Where values may be very large, fewer scans are under way at a time", () => {
  const count = (value_bytes_max: number): number => {
    const line_bytes_max = lineBytesMin(value_bytes_max);
    const settings = { value_bytes_max, line_bytes_max, segment_bytes: 32 * 1024 * 1024 };
    const stage = ReplicaStage.whole({ memberCount: 2, settings });
    for (let index = 0; index < 20; index++) stage.request({ op: "scan", level: "ALL" });
    return stage.takeSent("scan").length;
  };
  assertEquals([1, 8, 16].map((mebibytes) => count(mebibytes * 1024 * 1024)), [SCANS_MAX, 3, 1]);
});

Deno.test("A scan is refused with what is wrong: keyspace, level, keys, and a replica that is starting", () => {
  const stage = ReplicaStage.whole({ memberCount: 2, main: { keys: "text" } });
  const message = (asked: Asked): string => {
    const { code, message } = stage.failure(stage.request({ op: "scan", ...asked }));
    return `${code}: ${message}`;
  };
  assertMatch(message({ keyspace: "no" }), /^unknown_keyspace: no keyspace "no"; there are: main/);
  assertMatch(message({ level: "THREE" }), /^malformed_request: level THREE needs more copies than the 2/);
  assertMatch(message({ after: 7 }), /^malformed_request: key 7 is a number; keys here are text/);
  assertMatch(
    message({ prefix: "é".repeat(513) }),
    /^too_large: the prefix has 1026 bytes; no key has more than 1024/,
  );
  assertMatch(message({ prefix: "\ud800" }), /^malformed_request: the prefix holds a lone surrogate/);
  const starting = new ReplicaStage();
  assertEquals(starting.outcome(starting.request({ op: "scan" })), "unavailable definite");
});

Deno.test("H7: a replica that was wiped says so with its page", () => {
  const stage = new ReplicaStage();
  stage.tick();
  for (const peer of stage.peers()) stage.meet(peer, { knownEpochs: ["e0", "e1"] });
  stage.takeAll();
  stage.deliver("r2", { type: "scan", round: 5, keyspace: "main", limit: 9 });
  assertEquals(stage.takeSent("scanned").map(({ message }) => message), [
    { type: "scanned", round: 5, entries: [], more: false, recovering: true },
  ]);
});

Deno.test("A page for another coordinator holds deletes, and nothing of sessions", () => {
  const stage = ReplicaStage.whole();
  const seen = { "r2.e2": 5 };
  stage.plant(7, [{ stamp: 9, origin: "r2.e2", value: "x", seen, deps: { "r3.e3": 4 } }]);
  stage.plant(8, [{ stamp: 9, origin: "r2.e2" }]);
  stage.plant(9, [{ stamp: 9, origin: "r2.e2", value: "y" }]);
  stage.deliver("r2", { type: "scan", round: 5, keyspace: "main", limit: 2 });
  assertEquals(stage.takeSent("scanned").map(({ message }) => message), [{
    type: "scanned",
    round: 5,
    entries: [
      { key: 7, versions: [{ stamp: 9, origin: "r2.e2", value: "x", seen }] },
      { key: 8, versions: [{ stamp: 9, origin: "r2.e2" }] },
    ],
    more: true,
  }]);
});

Deno.test("A peer that asks for what there is not is refused with the reason", () => {
  const stage = ReplicaStage.whole();
  stage.deliver("r2", { type: "scan", round: 5, keyspace: "no", limit: 1 });
  stage.deliver("r2", { type: "scan", round: 6, keyspace: "main", after: 300, limit: 1 });
  assertEquals(stage.takeSent("refused").map(({ message }) => [message.round, message.code]), [
    [5, "malformed_request"],
    [6, "malformed_request"],
  ]);
});

Deno.test("What a scan has seen is older than what its coordinator writes next", () => {
  const stage = ReplicaStage.whole({ memberCount: 2 });
  const id = stage.request({ op: "scan", level: "ALL" });
  const { round } = stage.takeSent("scan")[0]!.message;
  const ahead = { stamp: 4_000_000_000_000_000, origin: "r2.e2", value: "x" };
  stage.deliver("r2", { type: "scanned", round, entries: [{ key: 7, versions: [ahead] }], more: false });
  assertEquals(pageOf(stage, id).entries[0]!.version.stamp, ahead.stamp);
  stage.put(7, "y");
  stage.tick();
  assert((stage.held(7)[0]?.stamp ?? 0) > ahead.stamp, JSON.stringify(stage.held(7)));
});

Deno.test("Where siblings stay a page shows all that copies hold side by side, and deletes alone not at all", () => {
  const cluster = new StagedCluster({ main: { keys: "text", siblings: true } });
  put(cluster, "r1", "k", "a");
  put(cluster, "r2", "k", "b");
  const stage = cluster.stage("r3");
  const gone = stage.request({ op: "delete", key: "gone", level: "QUORUM" });
  cluster.carry();
  assertMatch(stage.outcome(gone), /^written/);
  for (const through of ["r1", "r3"]) {
    const { entries } = pageOf(cluster.stage(through), scan(cluster, through, { level: "QUORUM" }));
    const [first, ...others] = entries;
    assertEquals(others, []);
    assertEquals([first!.key, first!.value], ["k", "b"]);
    assertEquals(first!.siblings?.map(({ value }) => value), ["b", "a"]);
  }
});
