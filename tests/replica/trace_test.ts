/** Tests of traced requests on a real `Replica`: what `src/replica/trace.ts` and `traces.ts` tell of them. @module */
import { assert, assertEquals } from "@std/assert";
import { TRACE_CHARS_MAX, TRACES_MAX } from "../../src/protocol/limits.ts";
import type { TraceStep } from "../../src/protocol/trace.ts";
import type { Version } from "../../src/versions/version.ts";
import { ReplicaStage } from "../harness/replica_stage.ts";

const OLD: Version = { stamp: 10, origin: "r2.e2", value: "old" };
const NEW: Version = { stamp: 20, origin: "r3.e3", value: "new" };

/** The steps that came with the answer. */
function steps(stage: ReplicaStage, id: number): readonly TraceStep[] {
  const result = stage.reply(id);
  assert(result !== undefined, "not answered yet");
  const trace = !result.ok
    ? result.failure.trace
    : "receipt" in result.value
    ? result.value.receipt.trace
    : undefined;
  assert(trace !== undefined, "answered without a trace");
  return trace;
}

/** The same, a line each; versions by their values' stamps alone. */
function told(stage: ReplicaStage, id: number): string[] {
  return steps(stage, id).map((step) => {
    const { at_ms, what, replica, replicas, level, required, version, superseded_by, code, message } = step;
    const words = [
      at_ms,
      what,
      replica,
      replicas && `[${replicas.join(" ")}]`,
      level && `${level}=${required}`,
      version && (version.stamp < 1000 ? `v${version.stamp}` : "v"),
      step.deleted && "deleted",
      superseded_by && `superseded by v${superseded_by.stamp < 1000 ? superseded_by.stamp : ""}`,
      step.recovering && "recovering",
      code,
      message && `"${message}"`,
    ];
    return words.filter((word) => word !== undefined).join(" ");
  });
}

function put(stage: ReplicaStage, level: "ONE" | "TWO" | "QUORUM" | "ALL"): number {
  return stage.request({ op: "put", key: 7, value: "mine", level, trace: true });
}

function get(stage: ReplicaStage, level: "ONE" | "TWO" | "QUORUM" | "ALL"): number {
  return stage.request({ op: "get", key: 7, level, trace: true });
}

function roundOf(stage: ReplicaStage, type: "read" | "write"): number {
  return stage.takeSent(type)[0]!.message.round;
}

Deno.test("A traced put tells who was asked, who was not, who acknowledged when, and who is owed; its answer waits for the last", () => {
  const stage = ReplicaStage.whole();
  stage.lose("r4");
  stage.tick(100);
  stage.takeAll();
  const id = put(stage, "TWO");
  const round = roundOf(stage, "write");
  stage.tick(10);
  stage.deliver("r3", { type: "written", round });
  assertEquals(stage.outcome(id), "waiting", "r2 may still tell something");
  stage.tick(5);
  stage.deliver("r2", {
    type: "written",
    round,
    superseded_by: { stamp: 900, origin: "r4.e4" },
    recovering: true,
  });
  assertEquals(stage.outcome(id), "written acked=r1,r3 owed=r2,r4", "as it was when the level was met");
  assertEquals(told(stage, id), [
    "0 received r1 TWO=2",
    "0 stamped v",
    "0 asked [r2 r3]",
    "0 not_asked [r4]",
    "0 stored r1",
    "0 owed_kept [r2 r3 r4]",
    "10 acked r3",
    "10 level_met [r1 r3]",
    "15 acked r2 superseded by v900 recovering",
    "15 owed [r4]",
    "15 hint_kept [r4]",
  ]);
});

Deno.test("A traced put tells of refusals, deaths and the deadline, and leaves at its deadline at the latest", () => {
  const stage = ReplicaStage.whole({ settings: { request_timeout_ms: 500 } });
  const id = put(stage, "QUORUM");
  const round = roundOf(stage, "write");
  stage.deliver("r2", { type: "refused", round, code: "disk_full", message: "the disk of r2 is full" });
  stage.tick(50);
  stage.lose("r3");
  stage.tick(400);
  assertEquals(stage.outcome(id), "waiting");
  stage.tick(50);
  assertEquals(stage.outcome(id), "timeout indefinite acked=r1");
  assertEquals(told(stage, id), [
    "0 received r1 QUORUM=3",
    "0 stamped v",
    "0 asked [r2 r3 r4]",
    "0 stored r1",
    "0 owed_kept [r2 r3 r4]",
    '0 refused r2 disk_full "the disk of r2 is full"',
    "50 died r3",
    "50 failed [r1] timeout",
    "500 deadline [r4]",
    "500 owed [r2 r3 r4]",
  ]);
});

Deno.test("A traced put that waits for the clock's ceiling says so", () => {
  const stage = ReplicaStage.whole();
  stage.tick(10_000);
  stage.disk.isHeld = true;
  const id = put(stage, "ONE");
  stage.disk.sync();
  stage.tick(20);
  stage.disk.sync();
  for (const { to, message } of stage.takeSent("write")) stage.ack(to, message.round);
  assertEquals(told(stage, id).slice(0, 3), ["0 received r1 ONE=1", "0 parked", "0 stamped v"]);
});

Deno.test("A traced get tells what each replica held, whom it mends, and when they are mended", () => {
  const stage = ReplicaStage.whole();
  stage.plant(7, [OLD]);
  stage.lose("r4");
  stage.tick(100);
  stage.takeAll();
  const id = get(stage, "TWO");
  const round = roundOf(stage, "read");
  stage.tick(3);
  stage.deliver("r3", { type: "answer", round, versions: [NEW] });
  stage.tick(4);
  stage.deliver("r2", { type: "answer", round, versions: [] });
  assertEquals(stage.outcome(id), "waiting", "the repairs are out");
  stage.tick(2);
  stage.deliver("r2", { type: "written", round });
  assertEquals(stage.outcome(id), "value new answered=r1,r3");
  assertEquals(told(stage, id), [
    "0 received r1 TWO=2",
    "0 asked [r2 r3]",
    "0 not_asked [r4]",
    "0 answered r1 v10",
    "3 answered r3 v20",
    "3 level_met [r1 r3]",
    "7 answered r2",
    "7 repairing [r1 r2] v20",
    "7 repaired r1",
    "9 repaired r2",
  ]);
  assertEquals(stage.counter("read_repairs"), 2);
});

Deno.test("A traced get does not wait for a repair that is refused, that dies, or beyond the deadline", () => {
  const stage = ReplicaStage.whole({ settings: { request_timeout_ms: 500 } });
  stage.plant(7, [NEW]);
  const begin = (): { id: number; round: number } => {
    const id = get(stage, "ALL");
    const round = roundOf(stage, "read");
    stage.deliver("r2", { type: "answer", round, versions: [] });
    stage.deliver("r3", { type: "answer", round, versions: [OLD] });
    stage.deliver("r4", { type: "answer", round, versions: [NEW] });
    return { id, round };
  };
  const ended = begin();
  stage.deliver("r2", { type: "refused", round: ended.round, code: "overloaded", message: "busy" });
  assertEquals(stage.outcome(ended.id), "waiting");
  stage.lose("r3");
  assertEquals(told(stage, ended.id).slice(-3), [
    "0 repairing [r2 r3] v20",
    '0 refused r2 overloaded "busy"',
    "0 died r3",
  ]);
  stage.meet("r3");
  stage.tick();
  stage.takeAll();
  const late = begin();
  stage.tick(450);
  assertEquals(stage.outcome(late.id), "waiting");
  stage.tick(50);
  assertEquals(told(stage, late.id).at(-1), "0 repairing [r2 r3] v20");
});

Deno.test("A traced get with blocking repair is met when enough hold the winner, and tells of a delete", () => {
  const stage = ReplicaStage.whole({ memberCount: 3, main: { read_repair: "blocking" } });
  stage.plant(7, [{ stamp: 30, origin: "r2.e2" }]);
  const id = get(stage, "TWO");
  const round = roundOf(stage, "read");
  stage.deliver("r2", { type: "answer", round, versions: [OLD], recovering: true });
  stage.deliver("r3", { type: "answer", round, versions: [OLD] });
  stage.tick(5);
  stage.deliver("r3", { type: "written", round });
  stage.deliver("r2", { type: "written", round });
  assertEquals(stage.outcome(id), "not_found definite acked=r1,r3");
  assertEquals(told(stage, id), [
    "0 received r1 TWO=2",
    "0 asked [r2 r3]",
    "0 answered r1 v30 deleted",
    "0 answered r2 v10 recovering",
    "0 answered r3 v10",
    "0 repairing [r2 r3] v30 deleted",
    "5 repaired r3",
    "5 level_met [r1 r3]",
    "5 repairing [r2] v30 deleted",
    "5 repaired r2",
  ]);
});

Deno.test("A get at ONE that compares nothing is answered at once, traced or not", () => {
  const stage = ReplicaStage.whole({ main: { read_repair: "off" } });
  stage.plant(7, [NEW]);
  assertEquals(told(stage, get(stage, "ONE")), [
    "0 received r1 ONE=1",
    "0 answered r1 v20",
    "0 level_met [r1]",
  ]);
});

Deno.test("A refusal before anybody was asked carries its trace at once", () => {
  const stage = ReplicaStage.whole();
  for (const peer of stage.peers()) stage.lose(peer);
  for (const id of [put(stage, "TWO"), get(stage, "TWO")]) {
    assertEquals(stage.outcome(id), "unavailable definite");
    assertEquals(told(stage, id), ["0 received r1 TWO=2", "0 failed unavailable"]);
  }
});

Deno.test("A write without hinted handoff owes nobody, and its trace ends with its round", () => {
  const stage = ReplicaStage.whole({ memberCount: 3, main: { hinted_handoff: false } });
  const id = put(stage, "ONE");
  const round = roundOf(stage, "write");
  stage.ack("r2", round);
  stage.lose("r3");
  assertEquals(told(stage, id).slice(-4), ["0 stored r1", "0 level_met [r1]", "0 acked r2", "0 died r3"]);
});

Deno.test("A hint that finds no room is told as dropped", () => {
  const stage = ReplicaStage.whole({ memberCount: 3, settings: { hint_count_max: 0 } });
  const id = put(stage, "ONE");
  stage.ack("r2", roundOf(stage, "write"));
  stage.lose("r3");
  assertEquals(told(stage, id).slice(-2), ["0 owed [r3]", "0 hint_dropped [r3]"]);
});

Deno.test("A trace has an end, whatever peers repeat, and still tells when the level was met", () => {
  const stage = ReplicaStage.whole();
  const id = put(stage, "ALL");
  const round = roundOf(stage, "write");
  for (let i = 0; i < 2000; i++) {
    stage.deliver("r2", { type: "refused", round, code: "disk_full", message: "\u0001".repeat(1000) });
  }
  stage.ack("r3", round);
  stage.ack("r4", round);
  const trace = steps(stage, id);
  assert(JSON.stringify(trace).length < 2 * TRACE_CHARS_MAX);
  assertEquals(trace.filter(({ what }) => what === "cut").length, 1);
  assertEquals(trace.filter(({ what }) => what === "failed").length, 1);
});

Deno.test("More traced requests than are allowed are refused, and untraced ones are not", () => {
  const stage = ReplicaStage.whole();
  for (let i = 0; i < TRACES_MAX; i++) put(stage, "ALL");
  const over = put(stage, "ALL");
  assertEquals(stage.outcome(over), "overloaded definite");
  assertEquals(told(stage, over), ["0 received r1 ALL=4", "0 failed overloaded"]);
  assertEquals(stage.outcome(stage.put(7, "plain")), "written acked=r1 owed=r2,r3,r4");
});

Deno.test("Nobody who did not ask for a trace gets one", () => {
  const stage = ReplicaStage.whole();
  put(stage, "ONE");
  const plain = stage.reply(stage.put(7, "plain"));
  assert(plain?.ok && plain.value.kind === "written" && plain.value.receipt.trace === undefined);
  assert(!("trace" in stage.failure(stage.get(8))));
});
