import { assert, assertEquals } from "@std/assert";
import { type Attempt, type AttemptEnd, Client, type Link, type Outcome } from "../../src/client/client.ts";
import { fail, ok } from "../../src/base/failure.ts";
import { isDefinite } from "../../src/protocol/error_codes.ts";
import type { Reply } from "../../src/protocol/reply.ts";
import type { Request } from "../../src/protocol/request.ts";

/** A link whose far side is a test: attempts wait until the test ends them. */
class ScriptedLink implements Link {
  readonly attempts: { attempt: Attempt; done: (nowMs: number, end: AttemptEnd) => void }[] = [];

  attempt(attempt: Attempt, done: (nowMs: number, end: AttemptEnd) => void): void {
    this.attempts.push({ attempt, done });
  }

  /** Ends the latest attempt. */
  end(nowMs: number, end: AttemptEnd): void {
    this.attempts.at(-1)!.done(nowMs, end);
  }

  asked(): string[] {
    return this.attempts.map(({ attempt }) => attempt.replica);
  }
}

const PUT: Request = { op: "put", key: 7, value: "x" };
const GET: Request = { op: "get", key: 7 };
const DONE: Reply = { kind: "held", replica: "r1", entries: [], more: false };
const ANSWERED: AttemptEnd = { kind: "answered", result: ok(DONE) };
const REFUSED: AttemptEnd = { kind: "unreachable", reason: "connection refused" };

function started(coordinator?: string): { link: ScriptedLink; client: Client; outcomes: Outcome[] } {
  const link = new ScriptedLink();
  const replicas = ["r1", "r2", "r3"];
  const client = new Client({ replicas, link, timeoutMs: 1000, ...(coordinator ? { coordinator } : {}) });
  return { link, client, outcomes: [] };
}

Deno.test("a client stays with the replica that answered first", () => {
  const { link, client, outcomes } = started();
  client.request(0, GET, (outcome) => outcomes.push(outcome));
  link.end(1, REFUSED);
  link.end(2, ANSWERED);
  client.request(10, GET, (outcome) => outcomes.push(outcome));
  link.end(11, ANSWERED);
  assertEquals(link.asked(), ["r1", "r2", "r2"]);
  assertEquals(outcomes.map(({ replica, result }) => [replica, result.ok]), [["r2", true], ["r2", true]]);
  assertEquals(client.coordinator, "r2");
});

Deno.test("a write goes to the next replica only when no connection to the first could be made", () => {
  const { link, client, outcomes } = started();
  client.request(0, PUT, (outcome) => outcomes.push(outcome));
  link.end(1, { kind: "answered", result: fail({ code: "connection_lost", message: "lost" }) });
  assertEquals(link.asked(), ["r1"]);
  assertEquals(outcomes[0]!.result, fail({ code: "connection_lost", message: "lost" }));
});

Deno.test("a definite refusal of the coordinator is handed on and not tried elsewhere", () => {
  const { link, client, outcomes } = started();
  client.request(0, PUT, (outcome) => outcomes.push(outcome));
  link.end(1, { kind: "answered", result: fail({ code: "unavailable", message: "1 is live" }) });
  assertEquals(link.asked(), ["r1"]);
  assertEquals(outcomes.length, 1);
});

Deno.test("when nobody can be reached the failure is definite and names everybody", () => {
  const { link, client, outcomes } = started();
  client.request(0, PUT, (outcome) => outcomes.push(outcome));
  for (let i = 0; i < 3; i++) link.end(i, REFUSED);
  const { result } = outcomes[0]!;
  assert(!result.ok);
  assertEquals(result.failure.code, "unavailable");
  assertEquals(
    result.failure.message,
    "no replica can be reached (r1: connection refused; r2: connection refused; r3: connection refused); " +
      "is the cluster running? Nothing was sent.",
  );
  assert(isDefinite(result.failure));
  client.onTick(1_000_000);
  assertEquals(outcomes.length, 1);
});

Deno.test("the first has enough time for a connection, and where none is left then, nobody else is asked", () => {
  const link = new ScriptedLink();
  const outcomes: Outcome[] = [];
  const client = new Client({ replicas: ["r1", "r2", "r3"], link, timeoutMs: 150 });
  client.request(0, PUT, (outcome) => outcomes.push(outcome));
  assertEquals(link.attempts[0]!.attempt.connectByMs, 100);
  link.end(100, { kind: "unreachable", reason: "nobody answered" });
  assertEquals(link.attempts[1]!.attempt.connectByMs, 150);
  link.end(151, { kind: "unreachable", reason: "nobody answered" });
  assertEquals(link.asked(), ["r1", "r2"]);
  const { result } = outcomes[0]!;
  assert(!result.ok && isDefinite(result.failure));
  assertEquals(
    result.failure.message,
    "no replica can be reached (r1: nobody answered; r2: nobody answered; no time was left for r3); " +
      "is the cluster running? Nothing was sent.",
  );
});

Deno.test("a given coordinator is the only one asked", () => {
  const { link, client, outcomes } = started("r2");
  client.request(0, PUT, (outcome) => outcomes.push(outcome));
  link.end(1, REFUSED);
  assertEquals(link.asked(), ["r2"]);
  const { result } = outcomes[0]!;
  assert(!result.ok);
  assertEquals(result.failure.message, "connection refused; is r2 running? Nothing was sent.");
});

Deno.test("asking one replica directly does not move the choice of coordinator", () => {
  const { link, client, outcomes } = started();
  client.ask(0, "r3", { op: "status" }, (outcome) => outcomes.push(outcome));
  link.end(1, ANSWERED);
  assertEquals(client.coordinator, "r1");
  assertEquals(outcomes[0]!.replica, "r3");
});

Deno.test("a write without an answer by its deadline ends once, as an unknown outcome", () => {
  const { link, client, outcomes } = started();
  client.request(0, PUT, (outcome) => outcomes.push(outcome));
  client.onTick(999);
  assertEquals(outcomes.length, 0);
  client.onTick(1000);
  link.end(1001, ANSWERED);
  client.onTick(2000);
  assertEquals(outcomes.length, 1);
  const { result } = outcomes[0]!;
  assert(!result.ok);
  assertEquals(result.failure.code, "timeout");
  assertEquals(
    result.failure.message,
    "no answer from r1 within 1000 ms (paused?); the put may have happened, or may still happen",
  );
  assert(!isDefinite(result.failure));
});

Deno.test("a read without an answer by its deadline is definite: reading changes nothing", () => {
  const { client, outcomes } = started();
  client.request(0, GET, (outcome) => outcomes.push(outcome));
  client.onTick(1000);
  const { result } = outcomes[0]!;
  assert(!result.ok && isDefinite(result.failure));
});

Deno.test("each replica gets its share of the time to connect, and time is left to answer", () => {
  const { link, client } = started();
  client.request(0, GET, () => {});
  assertEquals(link.attempts[0]!.attempt.connectByMs, 250);
  link.end(250, REFUSED);
  link.end(500, REFUSED);
  assertEquals(link.attempts.map(({ attempt }) => attempt.connectByMs), [250, 500, 750]);
  assertEquals(link.attempts.map(({ attempt }) => attempt.deadlineMs), [1000, 1000, 1000]);
});

Deno.test("a link that answers at once is understood", () => {
  const link: Link = { attempt: (_, done) => done(0, ANSWERED) };
  const client = new Client({ replicas: ["r1"], link, timeoutMs: 1000 });
  let isDone = false;
  client.request(0, GET, () => isDone = true);
  assert(isDone);
});

Deno.test("many requests are in flight at a time, and each ends by itself", () => {
  const { link, client } = started();
  const ended: number[] = [];
  for (let i = 0; i < 3; i++) client.request(i, GET, () => ended.push(i));
  link.attempts[2]!.done(5, ANSWERED);
  link.attempts[0]!.done(6, ANSWERED);
  client.onTick(1001);
  assertEquals(ended, [2, 0, 1]);
});
