/** Tests of `src/sim/client_record.ts`: what an answer becomes in a history. @module */
import { assertEquals } from "@std/assert";
import { fail, ok } from "../../src/base/failure.ts";
import type { Receipt } from "../../src/protocol/reply.ts";
import { type Asked, recordOperation } from "../../src/sim/client_record.ts";

const RECEIPT: Receipt = {
  coordinator: "r1",
  keyspace: "main",
  level: "ONE",
  required: 1,
  copies: 3,
  acked: ["r1"],
  owed: [],
  repaired: [],
  version: { stamp: 7, origin: "r1.a", wall_ms: 1 },
};

function asked(changes: Partial<Asked> = {}): Asked {
  const request = { op: "get", keyspace: "main", key: 7, level: "ONE" } as const;
  return { client: 1, coordinator: "r1", request, invokedMs: 1, endedMs: 2, copies: 3, ...changes };
}

Deno.test("A get of several versions is written down with all of them, a deletion as null", () => {
  const siblings = [{ stamp: 5, origin: "r2.b", wall_ms: 1, value: "x" }, { ...RECEIPT.version! }];
  const operation = recordOperation(asked(), ok({ kind: "value", value: "x", siblings, receipt: RECEIPT }));
  assertEquals([operation.value, operation.version, operation.siblings], [
    "x",
    { stamp: 7, origin: "r1.a" },
    [{ stamp: 7, origin: "r1.a", value: null }, { stamp: 5, origin: "r2.b", value: "x" }],
  ]);
  const alone = recordOperation(asked(), ok({ kind: "value", value: "x", receipt: RECEIPT }));
  assertEquals(alone.siblings, undefined);
});

Deno.test("What a put names as seen is written down, also where it names nothing", () => {
  const request = { op: "put", keyspace: "main", key: 7, value: "y", level: "ONE" } as const;
  for (const context of [[], [{ stamp: 5, origin: "r2.b" }]]) {
    const put = recordOperation(asked({ request, context }), ok({ kind: "written", receipt: RECEIPT }));
    assertEquals([put.value, put.context], ["y", context]);
  }
  const unknown = recordOperation(asked({ request }), ok({ kind: "written", receipt: RECEIPT }));
  assertEquals(unknown.context, undefined);
});

Deno.test("The session of a request is written down, and what its answer says of being stale, also where nothing was found", () => {
  const receipt = { ...RECEIPT, maybe_stale: true as const };
  const found = recordOperation(asked({ session: "s1" }), ok({ kind: "value", value: "x", receipt }));
  assertEquals([found.session, found.maybeStale], ["s1", true]);
  const nothing = recordOperation(
    asked({ session: "s1" }),
    fail({ code: "not_found", message: "", maybe_stale: true }),
  );
  assertEquals([nothing.outcome, nothing.session, nothing.maybeStale], ["ok", "s1", true]);
  const plain = recordOperation(asked(), ok({ kind: "value", value: "x", receipt: RECEIPT }));
  assertEquals([plain.session, plain.maybeStale], [undefined, undefined]);
});
