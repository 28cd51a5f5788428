/** Tests of `src/sim/client_session.ts`: what a client takes over from its answers. @module */
import { assertEquals } from "@std/assert";
import { fail, ok } from "../../src/base/failure.ts";
import { ClientSession } from "../../src/sim/client_session.ts";

const GET = { op: "get", keyspace: "main", key: 7, level: "ONE" } as const;

Deno.test("A session begins anew, and goes on with the token of whatever answer carries one", () => {
  const session = new ClientSession(3);
  const token = (): string | undefined => session.carried(GET).session;
  assertEquals([session.name, token()], ["s3", ""]);
  const receipt = { coordinator: "r1", keyspace: "main", level: "ONE", required: 1, copies: 3 } as const;
  const lists = { acked: [], owed: [], repaired: [] };
  session.onAnswer(ok({ kind: "written", receipt: { ...receipt, ...lists, session: "a" } }));
  assertEquals(token(), "a");
  session.onAnswer(fail({ code: "not_found", message: "", session: "b" }));
  assertEquals(token(), "b");
  session.onAnswer(fail({ code: "timeout", message: "" }));
  assertEquals(token(), "b", "a failure without a token says nothing");
  assertEquals(session.carried(GET), { ...GET, session: "b" });
});
