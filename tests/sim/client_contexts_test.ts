/** Tests of `src/sim/client_contexts.ts`: what a client names when it writes, and what a history says of that. @module */
import { assertEquals } from "@std/assert";
import { fail, ok } from "../../src/base/failure.ts";
import type { Operation } from "../../src/checker/history.ts";
import type { Receipt } from "../../src/protocol/reply.ts";
import { encodeContext } from "../../src/protocol/tokens.ts";
import { ClientContexts } from "../../src/sim/client_contexts.ts";
import type { KeyRequest } from "../../src/sim/client_record.ts";

const SEEING = { isBlind: false };
const BLIND = { isBlind: true };
const GET: KeyRequest = { op: "get", keyspace: "main", key: 7 };
const PUT: KeyRequest = { op: "put", keyspace: "main", key: 7, value: "v" };
const A = { stamp: 9, origin: "r1.a" };
const B = { stamp: 8, origin: "r2.b" };

function operation(op: Operation["op"], more: Partial<Operation>): Operation {
  return {
    client: 1,
    op,
    key: "7",
    required: 1,
    coordinator: "r1",
    invokedMs: 1,
    endedMs: 2,
    outcome: "ok",
    acked: ["r1"],
    ...more,
  };
}

function receipt(context: string): Receipt {
  return {
    coordinator: "r1",
    keyspace: "main",
    level: "ONE",
    required: 1,
    copies: 1,
    acked: ["r1"],
    owed: [],
    repaired: [],
    context,
  };
}

Deno.test("A write names all that its client last read of the key, unless it is blind, and nothing of another key", () => {
  const contexts = new ClientContexts();
  assertEquals(contexts.name(PUT, SEEING), { request: PUT, context: [] });
  const token = encodeContext("main", 7, { "r1.a": 9, "r2.b": 8 });
  const read = operation("get", {
    value: "a",
    version: A,
    siblings: [{ ...A, value: "a" }, { ...B, value: null }],
  });
  contexts.onAnswer(
    contexts.name(GET, SEEING),
    read,
    ok({ kind: "value", value: "a", receipt: receipt(token) }),
  );
  assertEquals(contexts.name(PUT, SEEING), { request: { ...PUT, context: token }, context: [A, B] });
  assertEquals(contexts.name(PUT, BLIND), { request: PUT, context: [] });
  assertEquals(contexts.name({ ...PUT, key: 8 }, SEEING).context, []);
  assertEquals(contexts.name(GET, SEEING).request, GET);
});

Deno.test("After a write its client names what it named and the write, but only where the answer covers that", () => {
  for (const isCovered of [true, false]) {
    const contexts = new ClientContexts();
    const token = encodeContext("main", 7, isCovered ? { "r1.a": 9 } : {});
    const named = { request: PUT, context: [B] };
    const written = ok({ kind: "written", receipt: receipt(token) } as const);
    contexts.onAnswer(named, operation("put", { value: "v", version: A }), written);
    assertEquals(contexts.name(PUT, SEEING).context, isCovered ? [B, A] : [B]);
  }
});

Deno.test("Of a request that failed nothing is learnt, and of one that found nothing its deletes are", () => {
  const contexts = new ClientContexts();
  const token = encodeContext("main", 7, { "r1.a": 9 });
  const refusal = fail({ code: "timeout", message: "late", context: token } as const);
  contexts.onAnswer({ request: GET, context: [] }, operation("get", { outcome: "fail" }), refusal);
  assertEquals(contexts.name(PUT, SEEING).request, PUT);
  const gone = fail({ code: "not_found", message: "key 7 was deleted", context: token } as const);
  contexts.onAnswer({ request: GET, context: [] }, operation("get", { version: A }), gone);
  assertEquals(contexts.name(PUT, SEEING).context, [A]);
});
