/** Tests of `src/transport/fault_codec.ts`: what a request may ask for, and what an answer may say. @module */
import { assert, assertEquals } from "@std/assert";
import type { Fault } from "../../src/protocol/fault.ts";
import { FAULT_MS_MAX } from "../../src/protocol/limits.ts";
import { decodeReply, encodeReply } from "../../src/transport/reply_codec.ts";
import { encodeRequest, parseRequestLine } from "../../src/transport/request_codec.ts";

const FAULTS: readonly Fault[] = [
  { kind: "cut", peers: ["r3", "r4"], way: "both" },
  { kind: "cut", peers: ["r2"], way: "to" },
  { kind: "delay", delay_ms: 50 },
  { kind: "drop", percent: 0.5 },
  { kind: "pause" },
  { kind: "skew", skew_ms: -60_000 },
];

/** What the request is, or why it is refused. */
function parse(fields: Record<string, unknown>): unknown {
  const parsed = parseRequestLine(JSON.stringify({ id: 1, op: "fault", ...fields }));
  assert(parsed.ok);
  const [request] = parsed.value;
  return request!.isRequest ? request!.request : request!.failure.message;
}

Deno.test("every fault comes out as it went in, in requests and in answers", () => {
  for (const fault of FAULTS) {
    const request = { op: "fault", action: "set", fault, for_ms: 20_000 } as const;
    const parsed = parseRequestLine(encodeRequest(7, request));
    assertEquals(parsed, { ok: true, value: [{ isRequest: true, id: 7, request }] });
  }
  for (const action of ["list", "heal"] as const) {
    assertEquals(parse({ action, fault: "ignored" }), { op: "fault", action });
  }
  const faults = FAULTS.map((fault) => ({ ...fault, left_ms: 1 }));
  const result = { ok: true, value: { kind: "faults", replica: "r1", faults } } as const;
  assertEquals(decodeReply(JSON.parse(encodeReply(7, result))), { id: 7, result });
});

Deno.test("a wrong field is refused with its name and what is allowed", () => {
  const set = (fault: unknown): unknown => parse({ action: "set", fault });
  assertEquals(parse({}), '"action" is missing; allowed: set, list, heal');
  assertEquals(parse({ action: "set" }), '"fault" is missing; allowed: an object such as {"kind":"pause"}');
  assertEquals(set({ kind: "melt" }), '"kind" is "melt"; allowed: cut, delay, drop, pause, skew');
  assertEquals(set({ kind: "cut", way: "both" }), '"peers" is missing; allowed: an array of replica ids');
  assertEquals(
    set({ kind: "cut", peers: [], way: "to" }),
    '"peers" is an array of 0; allowed: an array of replica ids',
  );
  assertEquals(set({ kind: "cut", peers: ["r2"] }), '"way" is missing; allowed: both, to, from');
  assertEquals(
    set({ kind: "delay", delay_ms: 60_001 }),
    '"delay_ms" is 60001; allowed: an integer from 1 to 60000',
  );
  assertEquals(
    set({ kind: "drop", percent: 101 }),
    '"percent" is 101; allowed: a number above 0 and up to 100',
  );
  assertEquals(
    set({ kind: "skew", skew_ms: 0 }),
    '"skew_ms" is 0; allowed: an integer from -86400000 to 86400000, and not 0',
  );
  for (const for_ms of [0, 1.5, FAULT_MS_MAX + 1, "20s"]) {
    const message = parse({ action: "set", fault: { kind: "pause" }, for_ms });
    assertEquals(message, `"for_ms" is ${JSON.stringify(for_ms)}; allowed: an integer from 1 to 3600000`);
  }
});

Deno.test("an answer with a fault of a later version is read, and one with a wrong fault is not", () => {
  const decode = (fault: unknown): boolean =>
    decodeReply({ id: 1, ok: true, replica: "r1", faults: [fault] })!.result.ok;
  assert(decode({ kind: "melt", degrees: 7, left_ms: 10 }));
  assert(!decode({ kind: "pause" }));
  assert(!decode({ kind: "delay", delay_ms: "long", left_ms: 10 }));
  // Names go to terminals.
  assert(!decode({ kind: "\u001b[2J", left_ms: 10 }));
  assert(!decode({ kind: "cut", peers: ["\u001b[2J"], way: "both", left_ms: 10 }));
});
