/** Tests of coordinated reads on a real `Replica`: `src/replica/reads.ts`. @module */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { READ_BYTES_IN_FLIGHT_MAX } from "../../src/protocol/limits.ts";
import type { Version } from "../../src/versions/version.ts";
import { ReplicaStage } from "../harness/replica_stage.ts";

const OLD: Version = { stamp: 10, origin: "r2.e2", value: "old" };
const NEW: Version = { stamp: 20, origin: "r3.e3", value: "new" };

function answer(stage: ReplicaStage, from: string, round: number, versions: readonly Version[]): void {
  stage.deliver(from, { type: "answer", round, versions });
}

/** Whom the reads sent since the last look ask, and under which round. */
function asked(stage: ReplicaStage): { to: string[]; round: number } {
  const sent = stage.takeSent("read");
  return { to: sent.map(({ to }) => to), round: sent[0]?.message.round ?? 0 };
}

/** Repairs sent since the last look. */
function repairs(stage: ReplicaStage): string[] {
  return stage.takeSent("write").map(({ to, message }) =>
    `${message.cause} ${message.versions[0]!.value} to ${to}`
  );
}

Deno.test("A get asks all copies and answers with the winner among the first that make the level, its own among them", () => {
  const stage = ReplicaStage.whole();
  stage.plant(7, [OLD]);
  const get = stage.get(7, "TWO");
  const { to, round } = asked(stage);
  assertEquals(to, ["r2", "r3", "r4"]);
  assertEquals(stage.outcome(get), "waiting");
  answer(stage, "r3", round, [NEW]);
  assertEquals(stage.outcome(get), "value new answered=r1,r3");
});

Deno.test("A put after a get through the same coordinator replaces what was read, whosever clock was ahead", () => {
  const stage = ReplicaStage.whole();
  const ahead: Version = { stamp: 2 ** 52, origin: "r2.e2", value: "from a clock ahead" };
  const get = stage.get(7, "TWO");
  answer(stage, "r3", asked(stage).round, [ahead]);
  assertEquals(stage.outcome(get), "value from a clock ahead answered=r1,r3");
  assertEquals(stage.outcome(stage.put(7, "mine")), "written acked=r1 owed=r2,r3,r4");
  assertEquals(stage.values(7), ["mine"]);
  stage.plant(8, [{ ...ahead, stamp: 2 ** 52 + 2 ** 40 }]);
  assertEquals(stage.outcome(stage.get(8)), "value from a clock ahead answered=r1");
  stage.put(8, "mine");
  assertEquals(stage.values(8), ["mine"]);

  // A read that compares with nobody has a way of its own.
  const alone = ReplicaStage.whole({ main: { read_repair: "off" } });
  alone.plant(7, [ahead]);
  assertEquals(alone.outcome(alone.get(7)), "value from a clock ahead answered=r1");
  alone.put(7, "mine");
  assertEquals(alone.values(7), ["mine"]);
});

Deno.test("ONE answers with the coordinator's own copy, stale or not, and compares at most once per interval", () => {
  const stage = ReplicaStage.whole({ settings: { read_repair_interval_ms: 1000 } });
  stage.plant(7, [OLD]);
  assertEquals(stage.outcome(stage.get(7)), "value old answered=r1");
  assertEquals(asked(stage).to, ["r2", "r3", "r4"], "the first read compares");
  for (const [passMs, count] of [[0, 0], [950, 0], [50, 3], [0, 0]] as const) {
    stage.tick(passMs);
    stage.takeAll();
    assertEquals(stage.outcome(stage.get(7)), "value old answered=r1");
    assertEquals(asked(stage).to.length, count, `after ${passMs} ms more`);
  }
  stage.get(8);
  assertEquals(asked(stage).to.length, 3, "each key by itself");
});

Deno.test("read_repair off: ONE never asks others, and nobody is mended", () => {
  const stage = ReplicaStage.whole({ main: { read_repair: "off" } });
  stage.plant(7, [NEW]);
  stage.get(7);
  assertEquals(asked(stage).to, []);
  const get = stage.get(7, "ALL");
  const { to, round } = asked(stage);
  for (const peer of to) answer(stage, peer, round, []);
  assertEquals(stage.outcome(get), "value new answered=r1,r2,r3,r4");
  assertEquals(repairs(stage), []);
});

Deno.test("read_repair background: the reply comes first, late answers count, and the stale are mended", () => {
  const stage = ReplicaStage.whole();
  stage.plant(7, [OLD]);
  const get = stage.get(7, "TWO");
  const { round } = asked(stage);
  answer(stage, "r3", round, [NEW]);
  assertEquals(stage.outcome(get), "value new answered=r1,r3");
  assertEquals(repairs(stage), [], "two answers are still out");
  answer(stage, "r4", round, []);
  answer(stage, "r2", round, [NEW]);
  assertEquals(repairs(stage), ["repair new to r4"]);
  assertEquals(stage.values(7), ["new"], "its own copy too");
  assertEquals(stage.counter("read_repairs"), 2);
});

Deno.test("Read repair does not wait for a silent replica beyond the deadline", () => {
  const stage = ReplicaStage.whole({ settings: { request_timeout_ms: 500 } });
  stage.plant(7, [NEW]);
  stage.get(7, "TWO");
  const { round } = asked(stage);
  answer(stage, "r2", round, [OLD]);
  stage.tick(450);
  assertEquals(repairs(stage), []);
  stage.tick(50);
  assertEquals(repairs(stage), ["repair new to r2"]);
});

Deno.test("A failed background repair never fails the read", () => {
  const stage = ReplicaStage.whole({ memberCount: 3 });
  stage.plant(7, [OLD]);
  stage.disk.roomBytes = 0;
  const get = stage.get(7, "ALL");
  const { round } = asked(stage);
  answer(stage, "r2", round, [OLD]);
  answer(stage, "r3", round, [NEW]);
  assertEquals(stage.outcome(get), "value new answered=r1,r2,r3");
  const mended = stage.takeSent("write");
  stage.deliver("r2", {
    type: "refused",
    round: mended[0]!.message.round,
    code: "disk_full",
    message: "full",
  });
  assertEquals(stage.values(7), ["old"]);
});

Deno.test("read_repair blocking: the reply waits until the level holds the winner, and names who was mended", () => {
  const stage = ReplicaStage.whole({ main: { read_repair: "blocking" } });
  stage.plant(7, [OLD]);
  stage.disk.isHeld = true;
  const get = stage.get(7, "THREE");
  const { round } = asked(stage);
  answer(stage, "r3", round, [NEW]);
  answer(stage, "r2", round, [OLD]);
  assertEquals(repairs(stage), ["repair new to r2"]);
  assertEquals(stage.outcome(get), "waiting");
  stage.ack("r2", round);
  assertEquals(stage.outcome(get), "waiting", "r2 and r3 are two");
  stage.disk.sync();
  assertEquals(stage.outcome(get), "value new answered=r1,r2,r3 repaired=r1,r2");
  answer(stage, "r4", round, []);
  assertEquals(repairs(stage), ["repair new to r4"], "r1 and r2 have been mended");
  assertEquals(stage.counter("read_repairs"), 3);
});

Deno.test("read_repair blocking: what was mended is mended again where the last answer is later still", () => {
  const stage = ReplicaStage.whole({ main: { read_repair: "blocking" } });
  stage.plant(7, [NEW]);
  const get = stage.get(7, "TWO");
  const { round } = asked(stage);
  answer(stage, "r2", round, [OLD]);
  assertEquals(repairs(stage), ["repair new to r2"]);
  stage.ack("r2", round);
  assertEquals(stage.outcome(get), "value new answered=r1,r2 repaired=r2");
  answer(stage, "r3", round, [NEW]);
  answer(stage, "r4", round, [{ stamp: 30, origin: "r3.e3", value: "newer" }]);
  assertEquals(repairs(stage), ["repair newer to r2", "repair newer to r3"]);
  assertEquals(stage.values(7), ["newer"]);
});

Deno.test("read_repair blocking: a replica that answers with the winner later is a holder too", () => {
  const stage = ReplicaStage.whole({ main: { read_repair: "blocking" } });
  stage.plant(7, [NEW]);
  const get = stage.get(7, "TWO");
  const { round } = asked(stage);
  answer(stage, "r2", round, []);
  assertEquals(stage.outcome(get), "waiting", "r2 is being mended");
  answer(stage, "r3", round, [NEW]);
  assertEquals(stage.outcome(get), "value new answered=r1,r2");
});

Deno.test("read_repair blocking: a replica that answers late is mended in place of one that cannot be", () => {
  const stage = ReplicaStage.whole({ main: { read_repair: "blocking" } });
  stage.plant(7, [NEW]);
  const get = stage.get(7, "TWO");
  const { round } = asked(stage);
  answer(stage, "r2", round, [OLD]);
  assertEquals(repairs(stage), ["repair new to r2"]);
  stage.deliver("r2", { type: "refused", round, code: "disk_full", message: "full" });
  assertEquals(stage.outcome(get), "waiting");
  answer(stage, "r3", round, [OLD]);
  assertEquals(repairs(stage), ["repair new to r3"]);
  stage.ack("r3", round);
  assertEquals(stage.outcome(get), "value new answered=r1,r2 repaired=r3");
});

Deno.test("read_repair blocking: where all who answered agree, nobody waits", () => {
  const stage = ReplicaStage.whole({ main: { read_repair: "blocking" } });
  stage.plant(7, [NEW]);
  const get = stage.get(7, "TWO");
  answer(stage, "r4", asked(stage).round, [NEW]);
  assertEquals(stage.outcome(get), "value new answered=r1,r4");
});

Deno.test("read_repair blocking: a level that cannot be mended in time is a definite timeout", () => {
  const stage = ReplicaStage.whole({
    main: { read_repair: "blocking" },
    settings: { request_timeout_ms: 500 },
  });
  stage.plant(7, [NEW]);
  const get = stage.get(7, "TWO");
  answer(stage, "r2", asked(stage).round, []);
  stage.tick(500);
  assertEquals(stage.outcome(get), "timeout definite acked=r1,r2");
  assertStringIncludes(stage.failure(get).message, "stale copies were not mended in time");
});

Deno.test("read_repair blocking: where too few can be mended the get fails at once, and says who refused", () => {
  const stage = ReplicaStage.whole({ memberCount: 3, main: { read_repair: "blocking" } });
  stage.plant(7, [NEW]);
  const begin = (): { get: number; round: number } => {
    const get = stage.get(7, "TWO");
    const { round } = asked(stage);
    answer(stage, "r2", round, [OLD]);
    return { get, round };
  };
  const refused = begin();
  stage.deliver("r2", { type: "refused", round: refused.round, code: "disk_full", message: "full" });
  assertEquals(stage.outcome(refused.get), "waiting", "r3 has not answered");
  answer(stage, "r3", refused.round, [OLD]);
  stage.deliver("r3", { type: "refused", round: refused.round, code: "disk_full", message: "full" });
  assertEquals(stage.outcome(refused.get), "timeout definite acked=r1,r2,r3");
  assertStringIncludes(stage.failure(refused.get).message, "r3 refused: full");

  const lost = begin();
  answer(stage, "r3", lost.round, [OLD]);
  stage.lose("r2");
  assertEquals(stage.outcome(lost.get), "waiting", "r3 can be mended yet");
  stage.lose("r3");
  assertEquals(stage.outcome(lost.get), "timeout definite acked=r1,r2,r3");
});

Deno.test("A get that fails is definite, because it changes nothing, and names what it lacked", () => {
  const stage = ReplicaStage.whole({ settings: { request_timeout_ms: 500 } });
  const late = stage.get(7, "TWO");
  stage.tick(500);
  assertEquals(stage.outcome(late), "timeout definite acked=r1");
  assertStringIncludes(stage.failure(late).message, "TWO needs 2 answers, 1 came (r1) within 500 ms");
  for (const peer of ["r2", "r3", "r4"]) stage.lose(peer);
  assertEquals(stage.outcome(stage.get(7, "TWO")), "unavailable definite");
  assertEquals(stage.outcome(stage.get(7, "ONE")), "not_found definite acked=r1");
});

Deno.test("A peer that dies while asked ends the wait at once", () => {
  const stage = ReplicaStage.whole({ memberCount: 3, settings: { request_timeout_ms: 60_000 } });
  const get = stage.get(7, "ALL");
  answer(stage, "r2", asked(stage).round, []);
  stage.lose("r3");
  assertEquals(stage.outcome(get), "timeout definite acked=r1,r2");
});

Deno.test("A get of a deleted key is not found, and names the delete", () => {
  const stage = ReplicaStage.whole();
  stage.plant(7, [{ stamp: 30, origin: "r2.e2" }]);
  const get = stage.get(7);
  const { message, version } = stage.failure(get);
  assertEquals([message, version?.stamp, version?.origin], ["key 7 was deleted", 30, "r2.e2"]);
  assertEquals(stage.failure(stage.get(8)).message, "key 8 is not there");
});

Deno.test("A coordinator without a copy asks those who have one", () => {
  const stage = ReplicaStage.whole({ id: "r4", epoch: "e4", main: { replication: 3 } });
  const get = stage.get(7, "TWO");
  const { to, round } = asked(stage);
  assertEquals(to, ["r1", "r2", "r3"]);
  answer(stage, "r1", round, [OLD]);
  answer(stage, "r2", round, [NEW]);
  assertEquals(stage.outcome(get), "value new answered=r1,r2");
  answer(stage, "r3", round, [NEW]);
  assertEquals(repairs(stage), ["repair new to r1"]);
  assertEquals(stage.values(7), [], "a copy is not made where none belongs");
});

Deno.test("Answers to an earlier life's questions are nobody's", () => {
  const stage = ReplicaStage.whole();
  stage.get(7, "TWO");
  const { round } = asked(stage);
  stage.restart();
  stage.tick();
  for (const peer of stage.peers()) stage.meet(peer);
  stage.takeAll();
  const get = stage.get(7, "TWO");
  const next = asked(stage).round;
  assert(next !== round);
  answer(stage, "r2", round, [NEW]);
  assertEquals(stage.outcome(get), "waiting");
});

Deno.test("Gets of large values that wait for others are bounded before anybody is asked, and small ones pass", () => {
  const stage = ReplicaStage.whole();
  const mebibyte = 1024 * 1024;
  stage.plant(7, [{ ...OLD, value: "x".repeat(mebibyte) }]);
  stage.plant(8, [OLD]);
  // A record is a little larger than its value.
  const count = READ_BYTES_IN_FLIGHT_MAX / mebibyte - 1;
  const gets = Array.from({ length: count }, () => stage.get(7, "TWO"));
  const rounds = stage.takeSent("read").filter(({ to }) => to === "r2").map(({ message }) => message.round);
  assertEquals(rounds.length, count);
  const refused = stage.get(7, "TWO");
  assertEquals(stage.outcome(refused), "overloaded definite");
  assertEquals(asked(stage).to, [], "nobody was asked");
  assertEquals(stage.outcome(stage.get(8, "TWO")), "waiting");
  stage.takeAll();
  for (const round of rounds) for (const from of ["r2", "r3", "r4"]) answer(stage, from, round, []);
  assert(gets.every((get) => stage.outcome(get).startsWith("value")));
  assertEquals(stage.outcome(stage.get(7, "TWO")), "waiting", "there is room again");
});

Deno.test("A get that fails because copies were refused says by whom and why", () => {
  const stage = ReplicaStage.whole();
  const get = stage.get(7, "ALL");
  const { round } = asked(stage);
  stage.deliver("r3", { type: "refused", round, code: "overloaded", message: "r3 is asked for too much" });
  assertStringIncludes(stage.failure(get).message, "; r3 refused: r3 is asked for too much; try again");
});
