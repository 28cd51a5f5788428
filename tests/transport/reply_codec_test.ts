/** Tests of `src/transport/reply_codec.ts`. @module */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as fc from "fast-check";
import { fail, ok, type Result } from "../../src/base/failure.ts";
import { type ErrorCode, ERRORS, type Failure } from "../../src/protocol/error_codes.ts";
import { LEVELS } from "../../src/protocol/level.ts";
import type { Reply } from "../../src/protocol/reply.ts";
import { decodeReply, encodeReply } from "../../src/transport/reply_codec.ts";

const id = fc.stringMatching(/^[a-z0-9]{1,8}$/);
const ids = fc.array(id, { maxLength: 4 });
const count = fc.nat();
const versionName = fc.record({ stamp: count, origin: id, wall_ms: count });
const step = fc.record({
  at_ms: fc.double({ min: 0, max: 60_000, noNaN: true, noDefaultInfinity: true }).map((ms) =>
    Math.round(ms * 1000) / 1000
  ),
  what: id,
  replica: id,
  replicas: ids,
  level: fc.constantFrom(...LEVELS),
  required: count,
  version: versionName,
  deleted: fc.constant(true as const),
  superseded_by: versionName,
  recovering: fc.constant(true as const),
  code: fc.constantFrom(...Object.keys(ERRORS) as ErrorCode[]),
  message: fc.string({ unit: "grapheme" }),
}, { requiredKeys: ["at_ms", "what"] });
const trace = fc.array(step, { maxLength: 4 });
const receipt = fc.record({
  coordinator: id,
  keyspace: id,
  level: fc.constantFrom(...LEVELS),
  required: count,
  copies: count,
  acked: ids,
  owed: ids,
  repaired: ids,
  version: versionName,
  created: fc.constant(true as const),
  beside: count,
  superseded_by: versionName,
  trace,
}, { requiredKeys: ["coordinator", "keyspace", "level", "required", "copies", "acked", "owed", "repaired"] });
const siblings = fc.array(
  fc.record({ stamp: count, origin: id, wall_ms: count, value: fc.string({ unit: "grapheme" }) }, {
    requiredKeys: ["stamp", "origin", "wall_ms"],
  }),
  { maxLength: 3 },
);
const held = fc.record({
  key: fc.oneof(fc.integer(), id),
  versions: fc.array(
    fc.record({ stamp: count, origin: id, wall_ms: count, value: id }, {
      requiredKeys: ["stamp", "origin", "wall_ms"],
    }),
    { maxLength: 3 },
  ),
});
const peer = fc.record({
  id,
  address: id,
  alive: fc.boolean(),
  changed_ms_ago: count,
  heard_ms_ago: count,
  clock_offset_ms: fc.integer(),
  recovering: fc.boolean(),
  hints: count,
  hint_bytes: count,
  agreed_ms_ago: count,
  differed: count,
  complete_told: count,
  complete_heard: count,
  repair: fc.record({ keyspace: id, moved: count, left: count }),
}, { requiredKeys: ["id", "address", "alive", "recovering", "hints", "hint_bytes"] });
const machine = fc.record({
  memory_bytes: count,
  heap_bytes: count,
  data_bytes: count,
  segments: count,
  disk_bytes: count,
  disk_free_bytes: count,
}, { requiredKeys: ["memory_bytes", "heap_bytes", "data_bytes", "segments"] });
const status = fc.record({
  id,
  cluster: id,
  epoch: id,
  version: id,
  ready: fc.boolean(),
  recovering: fc.boolean(),
  disk_full: fc.boolean(),
  uptime_ms: count,
  wall_ms: count,
  digest: fc.dictionary(id, id),
  machine,
  peers: fc.array(peer, { maxLength: 3 }),
  tombstones: fc.array(
    fc.record({ keyspace: id, held: count, collected: count, proven_wall_ms: count, held_back_by: ids }, {
      requiredKeys: ["keyspace", "held", "collected", "held_back_by"],
    }),
    { maxLength: 2 },
  ),
  counters: fc.dictionary(id, count),
}, {
  requiredKeys: [
    ...["id", "cluster", "epoch", "version", "ready", "recovering", "disk_full", "uptime_ms"] as const,
    ...["peers", "counters"] as const,
  ],
});
const repaired = fc.record({
  id,
  end: fc.constantFrom("agreed" as const, "compared" as const, "unmended" as const, "failed" as const),
  reason: id,
  differing: count,
  keys: fc.array(fc.record({ keyspace: id, key: fc.oneof(fc.integer({ min: 0, max: 255 }), id) }), {
    maxLength: 3,
  }),
  sent: count,
  received: count,
  bytes: count,
}, { requiredKeys: ["id", "end", "differing", "keys", "sent", "received", "bytes"] });
const text = fc.string({ unit: "grapheme" });
const siblingOf = fc.record({ stamp: count, origin: id, wall_ms: count, value: text }, {
  requiredKeys: ["stamp", "origin", "wall_ms"],
});
const page = fc.record({
  coordinator: id,
  keyspace: id,
  level: fc.constantFrom(...LEVELS),
  required: count,
  copies: count,
  entries: fc.array(
    fc.record({
      key: fc.oneof(fc.integer(), id),
      value: text,
      siblings: fc.array(siblingOf, { maxLength: 2 }),
      version: versionName,
    }, { requiredKeys: ["key", "version"] }),
    { maxLength: 3 },
  ),
  more: fc.boolean(),
  last: fc.oneof(fc.integer(), id),
}, { requiredKeys: ["coordinator", "keyspace", "level", "required", "copies", "entries", "more"] });
const reply: fc.Arbitrary<Reply> = fc.oneof(
  fc.record({ kind: fc.constant("page" as const), page }),
  fc.record({ kind: fc.constant("written" as const), receipt }),
  fc.record({
    kind: fc.constant("value" as const),
    value: fc.string({ unit: "grapheme" }),
    siblings,
    receipt,
  }, { requiredKeys: ["kind", "value", "receipt"] }),
  fc.record({
    kind: fc.constant("held" as const),
    replica: id,
    entries: fc.array(held, { maxLength: 3 }),
    more: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("status" as const), status }),
  fc.record({
    kind: fc.constant("repaired" as const),
    replica: id,
    dry_run: fc.boolean(),
    peers: fc.array(repaired, { maxLength: 3 }),
  }),
);
const failure: fc.Arbitrary<Failure> = fc.record({
  code: fc.constantFrom(...Object.keys(ERRORS) as ErrorCode[]),
  message: fc.string({ unit: "grapheme" }),
  required: count,
  live: count,
  acked: ids,
  coordinator: id,
  version: versionName,
  siblings: fc.array(versionName, { maxLength: 3 }),
  trace,
  overrides: fc.boolean(),
}, { requiredKeys: ["code", "message", "overrides"] }).map(({ overrides, ...rest }) =>
  overrides ? { ...rest, definite: !ERRORS[rest.code].definite } : rest
);
const result: fc.Arbitrary<Result<Reply, Failure>> = fc.oneof(
  reply.map((value) => ok(value)),
  failure.map((value) => fail(value)),
);

Deno.test("Answers come back from their lines as they were", () => {
  fc.assert(fc.property(fc.oneof(fc.maxSafeInteger(), id, fc.constant(null)), result, (wireId, sent) => {
    const line = encodeReply(wireId, sent);
    assert(!line.includes("\n"));
    assertEquals(decodeReply(JSON.parse(line)), { id: wireId, result: JSON.parse(JSON.stringify(sent)) });
  }));
});

Deno.test("A failure's line says whether it is definite", () => {
  assertEquals(
    encodeReply(
      1,
      fail({ code: "unavailable", message: "m", required: 3, live: 2, acked: ["r1"], coordinator: "r1" }),
    ),
    '{"id":1,"ok":false,"error":"unavailable","message":"m","definite":true,"required":3,"live":2,' +
      '"acked":["r1"],"coordinator":"r1"}',
  );
  assertStringIncludes(encodeReply(1, fail({ code: "timeout", message: "m" })), '"definite":false');
  const definite = fail({ code: "timeout", message: "m", definite: true } as const);
  assertStringIncludes(encodeReply(1, definite), '"definite":true');
});

Deno.test("Junk from a server is no answer or an internal failure, never an exception", () => {
  fc.assert(fc.property(fc.jsonValue(), (junk) => {
    const parsed = decodeReply(junk);
    assert(parsed === undefined || !parsed.result.ok);
  }));
  // One field of a good answer replaced by something else.
  fc.assert(fc.property(result, fc.nat(), fc.jsonValue(), (sent, index, junk) => {
    const line = JSON.parse(encodeReply(1, sent));
    const fields = Object.keys(line);
    line[fields[index % fields.length]!] = junk;
    decodeReply(line);
  }));
  const broken = decodeReply({ id: 4, ok: true, coordinator: "r1" });
  assert(broken !== undefined && !broken.result.ok && broken.id === 4);
  assertEquals(broken.result.failure.code, "internal");
});

Deno.test("A trace with a step that cannot be read is no trace, and a word of a later version is kept", () => {
  const step = { at_ms: 1.5, what: "teleported", replica: "r2" };
  const answer = { id: 1, ok: false, error: "timeout", message: "m", definite: false, trace: [step] };
  assertEquals(decodeReply(answer)?.result, fail({ code: "timeout", message: "m", trace: [step] }));
  const wrong: readonly [string, unknown][] = [
    ["at_ms", "1"],
    ["what", 3],
    ["replica", 3],
    ["replicas", "r1"],
    ["required", -1],
    ["version", {}],
    ["superseded_by", 4],
    ["message", ["m"]],
  ];
  for (const [field, value] of wrong) {
    const parsed = decodeReply({ ...answer, trace: [{ ...step, [field]: value }] });
    assert(parsed !== undefined && !parsed.result.ok && parsed.result.failure.code === "internal", field);
  }
});

Deno.test("A failure code of a later version keeps its words and its certainty", () => {
  const parsed = decodeReply({ id: 1, ok: false, error: "too_hot", message: "cool it", definite: true });
  assertEquals(parsed?.result, fail({ code: "internal", message: "too_hot: cool it", definite: true }));
});

Deno.test("A status whose names could take over a terminal is no status", () => {
  const peer = {
    id: "r2",
    address: "127.0.0.1:7412",
    alive: true,
    recovering: false,
    hints: 0,
    hint_bytes: 0,
  };
  const status = {
    id: "r1",
    cluster: "lab",
    epoch: "9f3a",
    version: "0.1.0",
    ready: true,
    recovering: false,
    disk_full: false,
    uptime_ms: 1,
    peers: [peer],
    counters: {},
  };
  const isRead = (changed: unknown): boolean => decodeReply({ id: 1, ok: true, status: changed })!.result.ok;
  assert(isRead(status));
  const evil = "r1\u001b]0;taken over\u0007";
  assert(!isRead({ ...status, id: evil }));
  assert(!isRead({ ...status, epoch: evil }));
  assert(!isRead({ ...status, peers: [{ ...peer, id: evil }] }));
  assert(!isRead({ ...status, peers: [{ ...peer, address: evil }] }));
});
