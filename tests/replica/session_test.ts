/** Tests of sessions and contexts, from request to answer: `src/replica/causality.ts`, writes and reads. @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { ReplicaStage } from "../harness/replica_stage.ts";
import { encodeSession, TOKEN_ORIGINS_MAX } from "../../src/protocol/tokens.ts";
import type { Request } from "../../src/protocol/request.ts";

type KeyRequest = Extract<Request, { op: "get" | "put" | "delete" }>;

/** The tokens of the answer to a request that this replica can answer alone. */
function tokens(
  stage: ReplicaStage,
  request: KeyRequest,
): { session?: string; context?: string; maybe_stale?: true } {
  const result = stage.reply(stage.request(request));
  assert(result !== undefined, "no answer yet");
  if (!result.ok) {
    assertEquals(result.failure.code, "not_found", result.failure.message);
    return result.failure;
  }
  assert(result.value.kind === "written" || result.value.kind === "value");
  return result.value.receipt;
}

function alone(): ReplicaStage {
  return ReplicaStage.whole({ memberCount: 1 });
}

Deno.test("Every put and get makes a greater session token, and no token asked for means none given", () => {
  const stage = alone();
  const requests: KeyRequest[] = [
    { op: "put", key: 7, value: "x" },
    { op: "get", key: 7 },
    { op: "get", key: 8 },
    { op: "get", key: 8 },
    { op: "delete", key: 7 },
    { op: "get", key: 7 },
  ];
  let session = "";
  for (const request of requests) {
    assertEquals(tokens(stage, request).session, undefined);
    const next = tokens(stage, { ...request, session }).session;
    assert(next !== undefined && next > session, `${next} after ${session}`);
    session = next;
  }
});

Deno.test("H11: a put's version exceeds the session and tells what the writer depended on", () => {
  const stage = alone();
  const session = "3584000010000000-r9.ab:3uw";
  tokens(stage, { op: "put", key: 7, value: "x", session });
  const [version] = stage.held(7);
  assert(version!.stamp > 3584000010000000, String(version!.stamp));
  assertEquals(Object.keys(version!.deps ?? {}), ["r9.ab"]);
});

Deno.test("Whoever reads a write has in the session what its writer had seen", () => {
  const stage = alone();
  stage.plant(7, [{ stamp: 5000, origin: "r2.e2", value: "u", deps: { "r3.e3": 4000 } }]);
  assertMatch(tokens(stage, { op: "get", key: 7, session: "" }).session!, /^\d{16}-r2\.e2:3uw,r3\.e3:334$/);
});

Deno.test("H12: a session's get waits for all copies that can answer, whatever its level; without them it may be stale", () => {
  const stage = ReplicaStage.whole({ memberCount: 3 });
  const session = "0000000000005000-r2.e2:3uw";
  const get = stage.request({ op: "get", key: 7, level: "ONE", session });
  const [{ message } = { message: undefined }] = stage.takeSent("read");
  assertEquals(stage.outcome(get), "waiting");
  stage.deliver("r2", { type: "answer", round: message!.round, versions: [] });
  assertEquals(stage.outcome(get), "waiting", "r3 may know more");
  stage.deliver("r3", {
    type: "answer",
    round: message!.round,
    versions: [{ stamp: 5000, origin: "r2.e2", value: "t" }],
  });
  const fresh = stage.reply(get);
  assert(fresh?.ok && fresh.value.kind === "value");
  assertEquals([fresh.value.value, fresh.value.receipt.maybe_stale], ["t", undefined]);

  stage.lose("r3");
  const second = stage.request({ op: "get", key: 7, level: "ONE", session });
  const [asked] = stage.takeSent("read");
  stage.deliver("r2", { type: "answer", round: asked!.message.round, versions: [] });
  const stale = stage.reply(second);
  assert(stale !== undefined);
  assert(maybeStaleOf(stale));
});

function maybeStaleOf(result: NonNullable<ReturnType<ReplicaStage["reply"]>>): boolean {
  if (!result.ok) return result.failure.maybe_stale === true;
  return result.value.kind === "value" && result.value.receipt.maybe_stale === true;
}

Deno.test("Tokens that are none, of another key, or from the far future are refused, and nothing is written", () => {
  const stage = alone();
  const { context } = tokens(stage, { op: "put", key: 7, value: "x", context: "" });
  for (
    const [wrong, sentence] of [
      [{ session: "abc" }, /"session" is no token of a session/],
      [{ session: "0000000000000001-r1.e1:zz" }, /"session" is no token/],
      [{ context: "r1" }, /"context" is no token of this key/],
      [{ session: "8000000000000000" }, /names stamp 8000000000000000, which no clock of this cluster/],
    ] as const
  ) {
    const refusal = stage.failure(stage.request({ op: "put", key: 9, value: "y", ...wrong }));
    assertEquals(refusal.code, "malformed_request");
    assertMatch(refusal.message, sentence);
  }
  const foreign = stage.failure(stage.request({ op: "put", key: 9, value: "y", context: context! }));
  assertMatch(foreign.message, /"context" is no token of this key/);
  assertEquals(stage.held(9), []);
  assert(tokens(stage, { op: "put", key: 7, value: "z", context: context! }).context! !== context);
});

Deno.test("A session's get answers at its deadline with what came, though it may be stale; where the level is missed it times out", () => {
  // r3 is alive all the time, and does not answer.
  const stage = ReplicaStage.whole({ memberCount: 3, settings: { request_timeout_ms: 500 } });
  const session = "0000000000005000-r2.e2:3uw";
  const one = stage.request({ op: "get", key: 7, level: "ONE", session });
  const three = stage.request({ op: "get", key: 7, level: "ALL", session });
  for (const { to, message } of stage.takeSent("read")) {
    if (to === "r2") stage.deliver("r2", { type: "answer", round: message.round, versions: [] });
  }
  assertEquals([stage.outcome(one), stage.outcome(three)], ["waiting", "waiting"]);
  stage.tick(600);
  const result = stage.reply(one);
  assert(result !== undefined && maybeStaleOf(result));
  assertEquals(stage.failure(three).code, "timeout");
});

Deno.test("The greatest value fits with the longest session beside it, here and on the peers that store it", () => {
  const valueBytesMax = 1024;
  const origins = Array.from(
    { length: TOKEN_ORIGINS_MAX },
    (_, index) => `${"x".repeat(28)}${1000 + index}.${"f".repeat(16)}`,
  );
  const session = encodeSession({
    stamp: 3584000000000000,
    vector: Object.fromEntries(origins.map((origin) => [origin, 3584000000000000])),
  });
  const r1 = ReplicaStage.whole({ memberCount: 2, settings: { value_bytes_max: valueBytesMax } });
  r1.request({ op: "put", key: 7, value: "v".repeat(valueBytesMax), level: "ALL", session });
  const [sent] = r1.takeSent("write");
  assertEquals(Object.keys(sent!.message.versions[0]!.deps ?? {}).length, TOKEN_ORIGINS_MAX);
  const r2 = ReplicaStage.whole({ id: "r2", memberCount: 2, settings: { value_bytes_max: valueBytesMax } });
  r2.deliver("r1", sent!.message);
  assertEquals(r2.takeSent("refused"), []);
  assertEquals(r2.held(7).length, 1);
});
