/** Tests of coordinated writes on a real `Replica`: `src/replica/writes.ts`. @module */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ReplicaStage } from "../harness/replica_stage.ts";

const MIB = 1024 * 1024;
import {
  REQUEST_BYTES_IN_FLIGHT_MAX,
  REQUESTS_IN_FLIGHT_MAX,
  VALUE_BYTES_CEILING,
} from "../../src/protocol/limits.ts";

/** The round of the last put's messages, which all carry one. */
function roundOf(stage: ReplicaStage): number {
  return stage.takeSent("write").at(-1)!.message.round;
}

Deno.test("A put goes to all copies, and is done when the level has it on disk, the coordinator among them", () => {
  const stage = ReplicaStage.whole();
  stage.disk.isHeld = true;
  const put = stage.put(7, "x", "TWO");
  const sent = stage.takeSent("write");
  assertEquals(sent.map(({ to }) => to), ["r2", "r3", "r4"]);
  const { round, versions } = sent[0]!.message;
  assertEquals(versions[0]!.value, "x");
  stage.ack("r2", round);
  stage.ack("r3", round);
  assertEquals(stage.outcome(put), "waiting", "two others do not make up for its own disk");
  assertEquals(stage.values(7), []);
  stage.disk.sync();
  assertEquals(stage.outcome(put), "written acked=r1,r2,r3 owed=r4");
  assertEquals(stage.values(7), ["x"]);
});

Deno.test("A receipt names coordinator, level, copies and version", () => {
  const stage = ReplicaStage.whole();
  const result = stage.reply(stage.put(7, "x", "ONE"));
  assert(result?.ok && result.value.kind === "written");
  const { version, ...receipt } = result.value.receipt;
  assertEquals(receipt, {
    coordinator: "r1",
    keyspace: "main",
    level: "ONE",
    required: 1,
    copies: 4,
    acked: ["r1"],
    owed: ["r2", "r3", "r4"],
    repaired: [],
    created: true,
  });
  assertEquals(version?.origin, "r1.e1");
  assertEquals(version?.wall_ms, Math.floor(version!.stamp / 2048));
});

Deno.test("A put tells that its key is new where this disk held no value of it: never, or a delete", () => {
  const stage = ReplicaStage.whole();
  const isNew = (id: number): boolean | undefined => {
    const result = stage.reply(id);
    assert(result?.ok && result.value.kind === "written");
    return result.value.receipt.created;
  };
  assert(isNew(stage.put(7, "x")));
  assertEquals(isNew(stage.put(7, "y")), undefined);
  assertEquals(isNew(stage.delete(7)), undefined);
  assertEquals(isNew(stage.delete(7)), undefined, "a delete makes nothing");
  assert(isNew(stage.put(7, "z")));
});

Deno.test("H1: of two interleaved writes of one key the later stays, in whatever order they reach the disk", () => {
  for (const isEarlierFirst of [true, false]) {
    const stage = ReplicaStage.whole();
    stage.disk.isHeld = true;
    const write = (stamp: number, value: string): void =>
      stage.deliver("r2", {
        type: "write",
        round: stamp,
        cause: "put",
        keyspace: "main",
        key: 7,
        versions: [{ stamp, origin: "r2.e2", value }],
      });
    const writes = [(): void => write(10, "early"), (): void => write(20, "late")];
    for (const run of isEarlierFirst ? writes : writes.toReversed()) run();
    assertEquals(stage.takeSent("written"), [], "nothing is acknowledged before the sync");
    stage.disk.sync();
    assertEquals(stage.values(7), ["late"]);
    const superseded = stage.takeSent("written").filter(({ message }) => message.superseded_by);
    assertEquals(
      superseded.map(({ message }) => [message.round, message.superseded_by]),
      isEarlierFirst ? [] : [[10, { stamp: 20, origin: "r2.e2" }]],
    );
  }
});

Deno.test("A put that loses to a version it did not know says so, and the next one wins", () => {
  const stage = ReplicaStage.whole();
  const put = stage.put(7, "mine", "TWO");
  const ahead = 2 ** 52;
  const round = roundOf(stage);
  stage.deliver("r2", { type: "written", round, superseded_by: { stamp: ahead, origin: "r3.e3" } });
  assertEquals(stage.outcome(put), "written acked=r1,r2 owed=r3,r4 superseded");
  stage.put(7, "again");
  assert(stage.held(7)[0]!.stamp > ahead);
});

Deno.test("H15: what is refused before the first send is definite, and leaves no trace", () => {
  const refused = (stage: ReplicaStage, ask: () => number): string => {
    stage.takeAll();
    const id = ask();
    assertEquals(stage.takeSent("write"), []);
    assertEquals(stage.disk.keys("d").concat(stage.disk.keys("o"), stage.disk.keys("h")), []);
    return stage.outcome(id);
  };
  const whole = ReplicaStage.whole();
  assertEquals(refused(whole, () => whole.put(256, "x")), "key_out_of_range definite");
  assertEquals(refused(whole, () => whole.put("seven", "x")), "malformed_request definite");
  assertEquals(
    refused(whole, () => whole.request({ op: "put", keyspace: "no", key: 7, value: "x" })),
    "unknown_keyspace definite",
  );

  const small = ReplicaStage.whole({
    memberCount: 3,
    main: { replication: 2 },
    settings: { value_bytes_max: 10 },
  });
  assertEquals(refused(small, () => small.put(7, "x", "THREE")), "malformed_request definite");
  assertEquals(refused(small, () => small.put(7, "12345678901")), "too_large definite");

  const lonely = ReplicaStage.whole();
  for (const peer of ["r2", "r3"]) lonely.lose(peer);
  assertEquals(refused(lonely, () => lonely.put(7, "x", "QUORUM")), "unavailable definite");
  const { required, live, message } = lonely.failure(lonely.put(7, "x", "QUORUM"));
  assertEquals([required, live], [3, 2]);
  assertStringIncludes(message, "QUORUM needs 3 live of the 4 replicas");
  assertStringIncludes(message, "(r1 r4)");

  const full = ReplicaStage.whole();
  full.put(1, "full");
  full.tick(4000);
  for (const key of [...full.disk.entries.keys()]) if (/^[doh]/.test(key)) full.disk.entries.delete(key);
  full.disk.roomBytes = 0;
  full.put(7, "notices");
  assertEquals(refused(full, () => full.put(7, "x")), "disk_full definite");

  const starting = new ReplicaStage();
  assertEquals(refused(starting, () => starting.put(7, "x")), "unavailable definite");
  assertStringIncludes(starting.failure(starting.put(7, "x")).message, "r1 is starting");
});

Deno.test("H15: after the first send a write that cannot reach its level is unknown, at once", () => {
  const stage = ReplicaStage.whole();
  for (const peer of ["r2"]) stage.lose(peer);
  const put = stage.put(7, "x", "THREE");
  stage.lose("r3");
  assertEquals(stage.outcome(put), "timeout indefinite acked=r1", "no need to wait for the deadline");
  const { message, required, coordinator } = stage.failure(put);
  assertEquals([required, coordinator], [3, "r1"]);
  assertStringIncludes(message, "read the key before trying again");
  assertEquals(stage.values(7), ["x"], "it did happen here");
});

Deno.test("H15: a peer without room makes the write unknown, and is named", () => {
  const stage = ReplicaStage.whole({ memberCount: 3 });
  const put = stage.put(7, "x", "ALL");
  const round = roundOf(stage);
  stage.ack("r2", round);
  stage.deliver("r3", { type: "refused", round, code: "disk_full", message: "the disk of r3 is full" });
  assertEquals(stage.outcome(put), "timeout indefinite acked=r1,r2");
  assertStringIncludes(stage.failure(put).message, "r3 refused: the disk of r3 is full");
  assertEquals(stage.disk.keys("h").length, 1, "r3 is owed the copy");
});

Deno.test("H15: the coordinator's own disk full after the send makes the write unknown, not refused", () => {
  const stage = ReplicaStage.whole({ memberCount: 3 });
  stage.disk.roomBytes = 60;
  const put = stage.put(7, "x".repeat(100), "TWO");
  assertEquals(stage.takeSent("write").length, 2);
  assertEquals(stage.outcome(put), "timeout indefinite acked=");
  assertMatch(stage.failure(put).message, /disk of r1 is full/);
});

Deno.test("A write that waits too long is unknown at the deadline", () => {
  const stage = ReplicaStage.whole({ settings: { request_timeout_ms: 500 } });
  const put = stage.put(7, "x", "TWO");
  stage.tick(450);
  assertEquals(stage.outcome(put), "waiting");
  stage.tick(50);
  assertEquals(stage.outcome(put), "timeout indefinite acked=r1");
  assertStringIncludes(stage.failure(put).message, "the limit is 500 ms");
});

Deno.test("A peer that dies while asked ends the wait at once, by broken link and by silence", () => {
  for (const die of ["lose", "silence"] as const) {
    const stage = ReplicaStage.whole({ memberCount: 3, settings: { request_timeout_ms: 60_000 } });
    const put = stage.put(7, "x", "ALL");
    stage.ack("r2", roundOf(stage));
    stage[die]("r3");
    stage.tick(1000);
    assertEquals(stage.outcome(put), "timeout indefinite acked=r1,r2");
  }
});

Deno.test("H16: a delete of a key nobody knows writes a tombstone at ONE, which wins over older copies", () => {
  const stage = ReplicaStage.whole();
  assertEquals(stage.outcome(stage.delete(7)), "written acked=r1 owed=r2,r3,r4");
  assertEquals(stage.values(7), ["deleted"]);
  assertEquals(stage.takeSent("write").map(({ message }) => "value" in message.versions[0]!), [
    false,
    false,
    false,
  ]);
  stage.deliver("r2", {
    type: "write",
    round: 1,
    cause: "hint",
    keyspace: "main",
    key: 7,
    versions: [{ stamp: 10, origin: "r2.e2", value: "old" }],
  });
  assertEquals(stage.values(7), ["deleted"]);
  assertEquals(stage.outcome(stage.get(7)), "not_found definite acked=r1");
});

Deno.test("A replica takes only so many requests at a time, and recovers when they end", () => {
  const stage = ReplicaStage.whole({ memberCount: 2 });
  stage.disk.isHeld = true;
  for (let i = 0; i < REQUESTS_IN_FLIGHT_MAX; i++) stage.put(i % 256, "x");
  stage.takeAll();
  const put = stage.put(7, "y");
  assertEquals(stage.outcome(put), "overloaded definite");
  assertStringIncludes(stage.failure(put).message, `${REQUESTS_IN_FLIGHT_MAX}`);
  assertEquals(stage.outcome(stage.get(7)), "overloaded definite");
  assertEquals(stage.takeSent("write"), []);
  stage.disk.isHeld = false;
  stage.disk.sync();
  assertMatch(stage.outcome(stage.put(7, "y")), /^written/);
});

Deno.test("A replica holds only so many bytes of large values at a time, and small ones pass", () => {
  const stage = ReplicaStage.whole({ memberCount: 2 });
  stage.disk.isHeld = true;
  const value = "x".repeat(MIB);
  const count = REQUEST_BYTES_IN_FLIGHT_MAX / MIB;
  for (let i = 0; i < count; i++) assertEquals(stage.outcome(stage.put(i, value)), "waiting");
  const put = stage.put(count, value);
  assertEquals(stage.outcome(put), "overloaded definite");
  assertStringIncludes(stage.failure(put).message, "bytes of values");
  assertEquals(stage.outcome(stage.put(7, "small")), "waiting");
  assertMatch(stage.outcome(stage.get(200)), /^not_found/);
});

Deno.test("The largest value that may be configured is taken alone", () => {
  const settings = { value_bytes_max: VALUE_BYTES_CEILING, segment_bytes: 2 * VALUE_BYTES_CEILING };
  const stage = ReplicaStage.whole({ memberCount: 2, settings });
  stage.disk.isHeld = true;
  const value = "x".repeat(VALUE_BYTES_CEILING);
  assertEquals(stage.outcome(stage.put(1, value)), "waiting");
  assertEquals(stage.outcome(stage.put(2, value)), "overloaded definite");
});

Deno.test("Bytes of values that wait for a higher clock ceiling count as well", () => {
  const stage = ReplicaStage.whole({ memberCount: 2 });
  stage.tick(3000);
  stage.disk.isHeld = true;
  const value = "x".repeat(MIB);
  const count = REQUEST_BYTES_IN_FLIGHT_MAX / MIB;
  for (let i = 0; i < count; i++) assertEquals(stage.outcome(stage.put(i, value)), "waiting");
  assertEquals(stage.takeSent("write"), [], "all of them wait for the ceiling");
  assertEquals(stage.outcome(stage.put(100, value)), "overloaded definite");
  stage.tick(2000);
  assertEquals(stage.outcome(stage.put(101, value)), "waiting", "those before are refused and count no more");
});

Deno.test("A replica whose disk stands still refuses peers' writes when too much waits, and takes them again later", () => {
  const mebibyte = 1024 * 1024;
  const stage = ReplicaStage.whole();
  stage.disk.isHeld = true;
  const value = "x".repeat(mebibyte);
  const write = (round: number): void =>
    stage.deliver("r2", {
      type: "write",
      round,
      cause: "put",
      keyspace: "main",
      key: round % 256,
      versions: [{ stamp: round, origin: "r2.e2", value }],
    });
  for (let round = 1; round <= 300; round++) write(round);
  const refused = stage.takeSent("refused").map(({ message }) => message);
  assert(refused.length > 10 && refused.length < 60, `${refused.length} of 300 MiB refused`);
  assertEquals(refused[0]!.code, "overloaded");
  assertEquals(stage.outcome(stage.put(7, "x")), "overloaded definite");
  stage.disk.isHeld = false;
  stage.disk.sync();
  write(301);
  assertEquals(stage.takeSent("refused"), []);
});

Deno.test("A peer's value beyond our own value_bytes_max is refused, whatever it comes in", () => {
  const stage = ReplicaStage.whole({ settings: { value_bytes_max: 100, segment_bytes: 65_536 } });
  const versions = [{ stamp: 5, origin: "r2.e2", value: "x".repeat(70_000) }];
  for (const cause of ["put", "repair", "hint"] as const) {
    stage.deliver("r2", { type: "write", round: 1, cause, keyspace: "main", key: 7, versions });
  }
  assertEquals(
    stage.takeSent("refused").map(({ message }) => message.code),
    ["too_large", "too_large", "too_large"],
  );
  const get = stage.get(7, "TWO");
  const [read] = stage.takeSent("read");
  for (const id of ["r2", "r3", "r4"]) {
    stage.deliver(id, { type: "answer", round: read!.message.round, versions });
  }
  assertMatch(stage.outcome(get), /^value x+ /);
  assertEquals(stage.values(7), [], "it is shown, and not stored");
});

Deno.test("Level THREE of two copies is malformed, and so the message says", () => {
  const stage = ReplicaStage.whole({ main: { replication: 2 } });
  const { message } = stage.failure(stage.get(7, "THREE"));
  assertEquals(message, 'level THREE needs more copies than the 2 of keyspace "main"');
});

Deno.test("The value limit counts UTF-8 bytes, and the limit itself is allowed", () => {
  const stage = ReplicaStage.whole({ settings: { value_bytes_max: 8 } });
  for (const value of ["12345678", "éééé", "😀😀", "～～"]) {
    assertMatch(stage.outcome(stage.put(7, value)), /^written/);
  }
  for (const [value, bytes] of [["123456789", 9], ["ééééé", 10], ["😀😀x", 9], ["～～～", 9]] as const) {
    const put = stage.put(7, value);
    assertEquals(stage.outcome(put), "too_large definite");
    assertEquals(stage.failure(put).message, `the value has ${bytes} bytes; value_bytes_max is 8`);
  }
});
