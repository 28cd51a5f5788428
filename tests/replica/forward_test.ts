/** Tests of requests that another replica coordinates, on a real `Replica`: `src/replica/forwards.ts`. @module */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  FORWARD_ROOM_MS,
  REQUEST_BYTES_IN_FLIGHT_MAX,
  REQUESTS_IN_FLIGHT_MAX,
  VALUE_BYTES_CEILING,
} from "../../src/protocol/limits.ts";
import type { ByteString } from "../../src/base/bytes.ts";
import { fail, ok } from "../../src/base/failure.ts";
import type { Receipt } from "../../src/protocol/reply.ts";
import type { KeyRequest } from "../../src/protocol/request.ts";
import type { ForwardedMessage } from "../../src/replication/messages.ts";
import { NO_BUGS } from "../../src/base/planted_bug.ts";
import type { Core } from "../../src/replica/core.ts";
import { Counters } from "../../src/replica/counters.ts";
import { EffectQueue } from "../../src/replica/effect_queue.ts";
import { Forwards } from "../../src/replica/forwards.ts";
import { Peers } from "../../src/replica/peers.ts";
import { Keyspace, keyspacesOf } from "../../src/replica/keyspace.ts";
import { configOf, ReplicaStage, type StageOptions } from "../harness/replica_stage.ts";

const SPREAD = { replication: 3, coordination: "spread" };
const TIMEOUT_MS = 2000;
const LARGE = { value_bytes_max: VALUE_BYTES_CEILING, segment_bytes: 2 * VALUE_BYTES_CEILING };

/** r4, which holds no copies, in a keyspace that r1, r2 and r3 hold. */
function proxy(options: StageOptions = {}): ReplicaStage {
  return ReplicaStage.whole({ id: "r4", main: SPREAD, ...options });
}

/** What was handed on since the last call: to whom, and under which round. */
function handed(stage: ReplicaStage): { to: string; round: number }[] {
  return stage.takeSent("forward").map(({ to, message }) => ({ to, round: message.round }));
}

function receiptOf(coordinator: string): Receipt {
  return {
    coordinator,
    keyspace: "main",
    level: "ONE",
    required: 1,
    copies: 3,
    acked: [coordinator],
    owed: [],
    repaired: [],
  };
}

function written(round: number, coordinator: string): ForwardedMessage {
  return { type: "forwarded", round, reply: ok({ kind: "written", receipt: receiptOf(coordinator) }) };
}

function value(round: number, coordinator: string): ForwardedMessage {
  return {
    type: "forwarded",
    round,
    reply: ok({ kind: "value", value: "x", receipt: receiptOf(coordinator) }),
  };
}

Deno.test("Where coordination is spread, those that hold the key take turns, whoever is asked", () => {
  for (const id of ["r4", "r1"]) {
    const stage = ReplicaStage.whole({ id, main: SPREAD });
    for (let i = 0; i < 30; i++) i % 3 === 0 ? stage.put(7, `v${i}`) : stage.get(7);
    const counts = new Map<string, number>();
    for (const { to } of handed(stage)) counts.set(to, (counts.get(to) ?? 0) + 1);
    const others = ["r1", "r2", "r3"].filter((other) => other !== id);
    assertEquals([...counts].sort(), others.map((other) => [other, 10]), `asked ${id}`);
    assertEquals(stage.counter("coordinated"), id === "r1" ? 10 : 0);
    assertEquals(stage.counter("puts") + stage.counter("gets"), 30);
  }
});

Deno.test("Keys with other replicas do not take each other's turns", () => {
  const stage = proxy({ main: { ...SPREAD, partitioner: "byte-ordered", replication: 2 } });
  const keyspace = keyspacesOf(stage.config).get("main")!;
  const keys = [["r1", "r2"], ["r2", "r3"]].map((naturals) =>
    [...Array(256).keys()].find((key) =>
      keyspace.naturalsOf(String.fromCharCode(key) as ByteString).join() === naturals.join()
    )!
  );
  const targets: string[] = [];
  for (let i = 0; i < 8; i++) {
    stage.get(keys[i % 2]!);
    targets.push(...handed(stage).map(({ to }) => to));
  }
  assertEquals(targets.sort(), ["r1", "r1", "r2", "r2", "r2", "r2", "r3", "r3"]);
});

Deno.test("Where nothing is said, the replica that is asked coordinates", () => {
  const stage = ReplicaStage.whole({ id: "r4", main: { replication: 3 } });
  stage.put(7, "x", "ONE");
  assertEquals(handed(stage), []);
  assertEquals(stage.counter("coordinated"), 1);
});

Deno.test("Who does not count gets no turn, and where nobody does, the replica that is asked coordinates", () => {
  const stage = proxy();
  stage.lose("r1");
  stage.meet("r2", { isRecovering: true });
  for (let i = 0; i < 4; i++) stage.get(7);
  assertEquals(handed(stage).map(({ to }) => to), ["r3", "r3", "r3", "r3"]);
  stage.lose("r3");
  const get = stage.get(7);
  assertEquals(stage.takeSent("forward"), []);
  assertEquals(stage.outcome(get), "unavailable definite");
});

Deno.test("What is handed on is the request as it was, with keyspace and level named, and the answer as it came", () => {
  const stage = proxy({ main: { ...SPREAD, default_level: "TWO" } });
  const put = stage.request({ op: "put", key: "7", value: "x", session: "" });
  const [sent] = stage.takeSent("forward");
  assertEquals(sent!.message.request, {
    op: "put",
    keyspace: "main",
    key: "7",
    value: "x",
    level: "TWO",
    session: "",
  });
  assertEquals(stage.outcome(put), "waiting");
  const receipt = { ...receiptOf("r1"), session: "3584000000000000", context: "04321b9eb7d81a1c-" };
  stage.deliver("r1", {
    type: "forwarded",
    round: sent!.message.round,
    reply: ok({ kind: "written", receipt }),
  });
  assertEquals(stage.reply(put), ok({ kind: "written", receipt }));
  const { counts } = stage.metrics();
  assertEquals(counts, [{ op: "put", level: "TWO", outcome: "ok", count: 1 }]);
});

Deno.test("H15: the refusal of the replica that stamps is passed on as it is", () => {
  const stage = proxy();
  const put = stage.put(7, "x");
  const [{ round } = { round: 0 }] = handed(stage);
  const failure = { code: "disk_full" as const, message: "the disk of r1 is full" };
  stage.deliver("r1", { type: "forwarded", round, reply: fail(failure) });
  assertEquals(stage.reply(put), fail(failure));
});

Deno.test("H15: a write that was handed on is unknown when the link breaks, the coordinator falls silent, or time is over", () => {
  const ends: Record<string, (stage: ReplicaStage) => void> = {
    link: (stage) => stage.lose("r1"),
    silence: (stage) => {
      stage.silence("r1");
      stage.tick(1000);
    },
    deadline: (stage) => stage.tick(TIMEOUT_MS + FORWARD_ROOM_MS),
  };
  for (const [what, end] of Object.entries(ends)) {
    for (const op of ["put", "delete"] as const) {
      const stage = proxy();
      const id = op === "put" ? stage.put(7, "x") : stage.delete(7);
      assertEquals(handed(stage).map(({ to }) => to), ["r1"]);
      end(stage);
      assertEquals(stage.outcome(id), "timeout indefinite", what);
      assertStringIncludes(stage.failure(id).message, `r1, to which the ${op} was handed`);
      assertStringIncludes(stage.failure(id).message, "may still happen");
      assertEquals(stage.failure(id).coordinator, "r1");
      assertEquals(handed(stage), [], `${what}: a write is not handed on twice`);
    }
  }
});

Deno.test("There is room for the coordinator's own word on what it waited for", () => {
  const stage = proxy();
  const put = stage.put(7, "x");
  const [{ round } = { round: 0 }] = handed(stage);
  stage.tick(TIMEOUT_MS + FORWARD_ROOM_MS - 50);
  const failure = { code: "timeout" as const, message: "ALL needs 3", acked: ["r1"], coordinator: "r1" };
  stage.deliver("r1", { type: "forwarded", round, reply: fail(failure) });
  assertEquals(stage.reply(put), fail(failure));
});

Deno.test("A get is handed to each that holds the key, once, and then fails for certain", () => {
  const stage = proxy();
  const get = stage.get(7);
  const targets = handed(stage);
  stage.lose(targets[0]!.to);
  targets.push(...handed(stage));
  stage.lose(targets[1]!.to);
  targets.push(...handed(stage));
  assertEquals(targets.map(({ to }) => to).sort(), ["r1", "r2", "r3"]);
  assertEquals(stage.outcome(get), "waiting");
  // One that was lost comes back: it was asked before.
  stage.meet(targets[0]!.to);
  stage.lose(targets[2]!.to);
  assertEquals(stage.outcome(get), "timeout definite");
  assertStringIncludes(stage.failure(get).message, "after r1 r2");

  const other = proxy();
  const late = other.get(7);
  const [{ to, round } = { to: "", round: 0 }] = handed(other);
  other.lose(to);
  other.deliver(handed(other)[0]!.to, value(round, "r2"));
  assertEquals(other.outcome(late), "value x answered=r2");
  const slow = other.get(7);
  other.tick(TIMEOUT_MS + FORWARD_ROOM_MS);
  assertEquals(other.outcome(slow), "timeout definite");
});

Deno.test("A get comes back to the replica that was asked, where that one holds the key too, and ends in time", () => {
  const stage = ReplicaStage.whole({ main: { ...SPREAD, replication: 2 }, memberCount: 2, settings: {} });
  stage.put(7, "x");
  const gets = [stage.get(7), stage.get(7)];
  const [{ to } = { to: "" }] = handed(stage);
  assertEquals(to, "r2");
  stage.lose("r2");
  assertEquals(gets.map((id) => stage.outcome(id)), ["value x answered=r1", "value x answered=r1"]);
});

Deno.test("An answer counts once, only from whom it was asked, and only of the kind that was asked for", () => {
  const stage = proxy();
  const put = stage.put(7, "x");
  const [{ round } = { round: 0 }] = handed(stage);
  stage.deliver("r2", written(round, "r2"));
  stage.deliver("r1", written(round + 1, "r1"));
  stage.deliver("r1", value(round, "r1"));
  assertEquals(stage.outcome(put), "waiting");
  stage.deliver("r1", written(round, "r1"));
  stage.deliver("r1", written(round, "r1"));
  assertEquals(stage.outcome(put), "written acked=r1 owed=");
});

/** r1 gets what a client asked of r4. */
function takes(stage: ReplicaStage, round: number, request: KeyRequest, life = 1): void {
  stage.deliver("r4", { type: "forward", round, life, request });
}

const PUT: KeyRequest = { op: "put", keyspace: "main", key: 7, value: "x", level: "ONE" };

Deno.test("What a peer hands on is coordinated here, not handed on again, and answered to the peer", () => {
  const stage = ReplicaStage.whole({ main: SPREAD });
  for (let round = 11; round <= 14; round++) takes(stage, round, PUT);
  const sent = stage.takeAll();
  const replies = sent.flatMap(({ to, message }) => message.type === "forwarded" ? [{ to, message }] : []);
  assertEquals(sent.filter(({ message }) => message.type === "forward"), []);
  assertEquals(replies.map(({ to, message }) => [to, message.round]), [11, 12, 13, 14].map((n) => ["r4", n]));
  for (const { message: { reply } } of replies) {
    assert(reply.ok && reply.value.kind === "written");
    assertEquals(reply.value.receipt.coordinator, "r1");
  }
  assertEquals([stage.counter("coordinated"), stage.counter("puts")], [4, 0]);
  assertEquals(stage.metrics().counts, [], "no client of this replica asked");
  assertEquals(stage.metrics().requestsInFlight, 0);
});

Deno.test("A write that a network hands over twice is done once, in whatever life and order it comes", () => {
  const stage = ReplicaStage.whole({ main: SPREAD });
  takes(stage, 12, PUT);
  takes(stage, 11, { ...PUT, value: "y" });
  const [before] = stage.held(7);
  takes(stage, 12, PUT);
  takes(stage, 11, PUT);
  assertEquals(stage.held(7), [before]);
  takes(stage, 11, { ...PUT, value: "z" }, 2);
  takes(stage, 12, PUT, 1);
  assertEquals(stage.values(7), ["z"]);
});

Deno.test("What a peer hands on is refused as it would be for a client", () => {
  const stage = ReplicaStage.whole({ main: SPREAD, settings: LARGE });
  let round = 20;
  const refusal = (request: KeyRequest): string => {
    takes(stage, ++round, request);
    const [sent] = stage.takeSent("forwarded");
    return sent === undefined || sent.message.reply.ok ? "none" : sent.message.reply.failure.code;
  };
  assertEquals(refusal({ ...PUT, keyspace: "other" }), "unknown_keyspace");
  assertEquals(refusal({ ...PUT, key: 256 }), "key_out_of_range");
  assertEquals(refusal({ ...PUT, session: "junk" }), "malformed_request");
  stage.disk.isHeld = true;
  const large = "v".repeat(VALUE_BYTES_CEILING);
  assertEquals([refusal({ ...PUT, value: large }), refusal({ ...PUT, value: large })], [
    "none",
    "overloaded",
  ]);
});

Deno.test("Requests handed on count among those in flight, and their bytes among those of puts", () => {
  const stage = proxy({ settings: LARGE });
  const large = "v".repeat(VALUE_BYTES_CEILING);
  const puts = [stage.put(7, large), stage.put(8, large)];
  assert(2 * VALUE_BYTES_CEILING > REQUEST_BYTES_IN_FLIGHT_MAX);
  assertEquals(puts.map((id) => stage.outcome(id)), ["waiting", "overloaded definite"]);
  const [{ to, round } = { to: "", round: 0 }] = handed(stage);
  stage.deliver(to, written(round, to));
  assertEquals(stage.outcome(stage.put(8, large)), "waiting");
});

Deno.test("Only so many requests are handed on at a time, and none is kept when it is answered", () => {
  const stage = proxy();
  for (let count = 0; count < REQUESTS_IN_FLIGHT_MAX; count++) stage.get(7);
  assertEquals(stage.outcome(stage.get(7)), "overloaded definite");
  const [{ to, round } = { to: "", round: 0 }] = handed(stage);
  stage.deliver(to, value(round, to));
  assertEquals(stage.outcome(stage.get(7)), "waiting");

  const queue = new EffectQueue();
  let answerCount = 0;
  const id = queue.inside(() => answerCount++);
  const failure = { code: "not_found", message: "none" } as const;
  queue.refuse(id, failure);
  assertEquals([answerCount, queue.take()], [1, []], "no client hears of it");
  queue.refuse(id, failure);
  assertEquals(answerCount, 1);
});

Deno.test("A trace tells to whom a request was handed, and what the coordinator did", () => {
  const stage = proxy();
  const put = stage.request({ op: "put", key: 7, value: "x", level: "ONE", trace: true });
  const [sent] = stage.takeSent("forward");
  assert(sent!.message.request.trace);
  const coordinator = ReplicaStage.whole({ main: SPREAD });
  coordinator.deliver("r4", sent!.message);
  const { round } = coordinator.takeSent("write")[0]!.message;
  for (const peer of ["r2", "r3"]) coordinator.ack(peer, round);
  stage.tick(30);
  stage.deliver("r1", coordinator.takeSent("forwarded")[0]!.message);
  const result = stage.reply(put);
  assert(result?.ok && result.value.kind === "written", JSON.stringify(result));
  const steps = result.value.receipt.trace!;
  assertEquals(
    steps.map(({ what, replica, replicas = [] }) => [what, replica ?? "", ...replicas].join(" ").trim()),
    [
      "received r4",
      "forwarded  r1",
      "received r1",
      "stamped",
      "asked  r2 r3",
      "stored r1",
      "owed_kept  r2 r3",
      "level_met  r1",
      "acked r2",
      "acked r3",
    ],
  );
  assertEquals(steps.map(({ at_ms }) => at_ms), steps.map(({ at_ms }) => at_ms).toSorted((a, b) => a - b));

  const lost = stage.request({ op: "put", key: 7, value: "x", level: "ONE", trace: true });
  stage.lose("r2");
  assertEquals(stage.failure(lost).trace!.map(({ what }) => what), [
    "received",
    "forwarded",
    "died",
    "failed",
  ]);
});

/** r4's choice of a coordinator, in a keyspace where only those that hold a key may coordinate its writes. */
function siblingsChoice(id: string, alive: readonly string[]): (op: KeyRequest["op"]) => string | undefined {
  const config = configOf({ main: { replication: 3 } });
  const main = { ...config.keyspaces.get("main")!, siblings: true };
  const keyspace = new Keyspace(main, config.members);
  const queue = new EffectQueue();
  const isRecovering = (): boolean => false;
  const peers = new Peers({
    queue,
    config,
    selfId: id,
    epoch: "e1",
    isRecovering,
    completeFor: () => ({}),
    account: () => undefined,
    bugs: NO_BUGS,
  });
  for (const peer of alive) peers.onLink(peer, "up");
  const counted = (naturals: readonly string[]): string[] =>
    naturals.filter((other) => other === id || peers.isCounted(other));
  const core: Omit<Core, "promises" | "collecting"> = {
    selfId: id,
    epoch: "e1",
    config,
    queue,
    counters: new Counters(),
    peers,
    nextRound: () => 1,
    isRecovering,
    counted,
    uncounted: () => [],
  };
  const forwards = new Forwards({ core, coordinate: () => {}, bugs: NO_BUGS });
  return (op) => forwards.pick(keyspace, "\u0007" as ByteString, op);
}

Deno.test("H10: where siblings live side by side, a replica of the key coordinates its writes, or nobody", () => {
  const proxied = siblingsChoice("r4", ["r1", "r3"]);
  assertEquals([proxied("put"), proxied("delete"), proxied("put")], ["r1", "r3", "r1"]);
  assertEquals(proxied("get"), "r4", "a get may be coordinated by anybody");
  const natural = siblingsChoice("r2", ["r1", "r3"]);
  assertEquals([natural("put"), natural("put"), natural("get")], ["r2", "r2", "r2"]);
  assertEquals(siblingsChoice("r4", [])("put"), undefined);
  assertEquals(siblingsChoice("r4", [])("get"), "r4");
});
