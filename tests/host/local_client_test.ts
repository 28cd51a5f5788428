/** Tests of `src/host/local_client.ts`. @module */
import { assert, assertEquals } from "@std/assert";
import { ok } from "../../src/base/failure.ts";
import { LocalClient } from "../../src/host/local_client.ts";
import { HTTP_REQUESTS_MAX } from "../../src/protocol/limits.ts";
import type { RequestId } from "../../src/replica/event.ts";
import type { Reply } from "../../src/protocol/reply.ts";

const REPLY: Reply = { kind: "faults", replica: "r1", faults: [] };

Deno.test("A local request has the reply to its own id, and leaves those of the transport alone", async () => {
  const ids: RequestId[] = [];
  const local = new LocalClient((id) => void ids.push(id));
  const first = local.ask({ op: "status" });
  const second = local.ask({ op: "status" });
  assert(ids.every((id) => id < 0), "a transport numbers from 1");
  assertEquals([local.onReply(1, ok(REPLY)), local.onReply(ids[1]!, ok(REPLY))], [false, true]);
  assertEquals(await second, ok(REPLY));
  assertEquals([local.onReply(ids[1]!, ok(REPLY)), local.waitingCount], [true, 1]);
  local.onReply(ids[0]!, ok(REPLY));
  assertEquals(await first, ok(REPLY));
});

Deno.test("A reply that comes while the request is being fed is its reply", async () => {
  const local: LocalClient = new LocalClient((id) => void local.onReply(id, ok(REPLY)));
  assertEquals(await local.ask({ op: "status" }), ok(REPLY));
});

Deno.test("Local requests in flight are bounded", async () => {
  const ids: RequestId[] = [];
  const local = new LocalClient((id) => void ids.push(id));
  for (let i = 0; i < HTTP_REQUESTS_MAX; i++) local.ask({ op: "status" });
  const refused = await local.ask({ op: "status" });
  assert(!refused.ok);
  assertEquals([refused.failure.code, ids.length], ["overloaded", HTTP_REQUESTS_MAX]);
  local.onReply(ids[0]!, ok(REPLY));
  local.ask({ op: "status" });
  assertEquals(ids.length, HTTP_REQUESTS_MAX + 1);
});
