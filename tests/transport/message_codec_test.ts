/** Tests of `src/transport/message_codec.ts`. @module */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { InvariantError } from "../../src/base/assert.ts";
import { encodeText } from "../../src/base/bytes.ts";
import { fail, ok } from "../../src/base/failure.ts";
import {
  lineBytesMin,
  PAGE_COUNT_MAX,
  SIBLINGS_TOGETHER_MAX,
  TOKEN_CHARS_MAX,
} from "../../src/protocol/limits.ts";
import type { Message } from "../../src/replica/envelope.ts";
import type { ForwardedMessage } from "../../src/replication/messages.ts";
import { STAMP_MAX } from "../../src/versions/stamp.ts";
import {
  encodeMessage,
  joinMessages,
  parseMessage,
  parseMessageLine,
  roundTripMessages,
} from "../../src/transport/message_codec.ts";

const LINE_BYTES_MAX = lineBytesMin(1024 * 1024);

const origin = fc.stringMatching(/^r[0-9]\.[0-9a-f]{8}$/);
const stamp = fc.integer({ min: 1, max: STAMP_MAX - 1 });
const vector = fc.dictionary(origin, stamp, { maxKeys: 3, noNullPrototype: true });
const text = fc.string({ unit: "grapheme" });
const version = fc.record({ stamp, origin, value: text, seen: vector, deps: vector }, {
  requiredKeys: ["stamp", "origin"],
  noNullPrototype: true,
});
const versions = fc.array(version, { maxLength: 3 });
const round = fc.maxSafeNat();
const key = fc.oneof(fc.integer({ min: 0, max: 255 }), text);
const keyspace = fc.constant("main");
const epoch = fc.stringMatching(/^[0-9a-f]{8}$/);
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    type: fc.constantFrom("heartbeat" as const, "heartbeat_ack" as const),
    epoch: fc.stringMatching(/^[0-9a-f]{8}$/),
    known_epochs: fc.array(fc.stringMatching(/^[0-9a-f]{8}$/), { maxLength: 3 }),
    wall_ms: fc.nat(),
    recovering: fc.boolean(),
    complete: fc.record({
      epoch: fc.stringMatching(/^[0-9a-f]{8}$/),
      until: stamp,
      hold: fc.oneof(fc.constant(0), stamp),
    }),
    fence: stamp,
    fenced: stamp,
    collection: fc.record({
      layout: fc.stringMatching(/^[0-9a-f]{16}$/),
      promise: fc.oneof(fc.constant(0), stamp),
      floors: fc.dictionary(fc.constantFrom("main", "items"), stamp),
      foreign: fc.array(keyspace, { maxLength: 2 }),
      wants: fc.constant(true as const),
      agreed: fc.dictionary(fc.constantFrom("r2", "r3"), fc.tuple(epoch, stamp)),
    }, { requiredKeys: ["layout", "promise"] }),
  }, { requiredKeys: ["type", "epoch", "known_epochs", "wall_ms", "recovering"] }),
  fc.record({
    type: fc.constant("write" as const),
    round,
    cause: fc.constantFrom("put" as const, "repair" as const, "hint" as const),
    keyspace,
    key,
    versions: fc.array(version, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    type: fc.constant("written" as const),
    round,
    superseded_by: fc.record({ stamp, origin }),
    recovering: fc.constant(true as const),
  }, {
    requiredKeys: ["type", "round"],
  }),
  fc.record({
    type: fc.constant("refused" as const),
    round,
    code: fc.constant("disk_full" as const),
    message: text,
  }),
  fc.record({ type: fc.constant("read" as const), round, keyspace, key, vector }, {
    requiredKeys: ["type", "round", "keyspace", "key"],
  }),
  fc.record(
    {
      type: fc.constant("answer" as const),
      round,
      versions,
      recovering: fc.constant(true as const),
      fresh: fc.constant(true as const),
    },
    {
      requiredKeys: ["type", "round", "versions"],
    },
  ),
  fc.record({ type: fc.constant("fill" as const), round, keyspace, after: key }, {
    requiredKeys: ["type", "round", "keyspace"],
  }),
  fc.record({
    type: fc.constant("filled" as const),
    round,
    entries: fc.array(fc.record({ key, versions }), { maxLength: 3 }),
    more: fc.boolean(),
  }),
  fc.record({
    type: fc.constant("scan" as const),
    round,
    keyspace,
    prefix: text,
    after: key,
    limit: fc.integer({ min: 1, max: 256 }),
    keys_only: fc.constant(true as const),
  }, { requiredKeys: ["type", "round", "keyspace", "limit"] }),
  fc.record({
    type: fc.constant("scanned" as const),
    round,
    entries: fc.array(fc.record({ key, versions }), { maxLength: 3 }),
    more: fc.boolean(),
    recovering: fc.constant(true as const),
  }, { requiredKeys: ["type", "round", "entries", "more"] }),
  fc.record({
    type: fc.constant("compare" as const),
    round,
    keyspace,
    width: fc.nat(),
    parts: fc.nat(),
    ranges: fc.array(fc.nat(), { maxLength: 3 }),
    hashes: fc.stringMatching(/^([A-Za-z0-9_-]{11}){0,3}$/),
  }),
  fc.record({
    type: fc.constant("compared" as const),
    round,
    differ: fc.array(fc.nat(), { maxLength: 3 }),
    lacking: fc.array(fc.nat(), { maxLength: 3 }),
    epoch,
    promise: stamp,
  }, { requiredKeys: ["type", "round", "differ", "lacking"] }),
  fc.record({
    type: fc.constant("list" as const),
    round,
    keyspace,
    spans: fc.array(fc.nat(), { maxLength: 4 }).filter(({ length }) => length % 2 === 0),
    after: key,
    until: key,
    digests: fc.array(fc.tuple(key, stamp, fc.stringMatching(/^[A-Za-z0-9_-]{11}$/)), { maxLength: 3 }),
    dry_run: fc.constant(true as const),
  }, { requiredKeys: ["type", "round", "keyspace", "spans", "digests"] }),
  fc.record({
    type: fc.constant("listed" as const),
    round,
    entries: fc.array(fc.record({ key, versions }), { maxLength: 3 }),
    wants: fc.array(key, { maxLength: 3 }),
    epoch,
    last: key,
  }, { requiredKeys: ["type", "round", "entries", "wants"] }),
  fc.record({
    type: fc.constant("give" as const),
    round,
    keyspace,
    entries: fc.array(fc.record({ key, versions: fc.array(version, { minLength: 1, maxLength: 3 }) }), {
      maxLength: 3,
    }),
    epoch,
  }, { requiredKeys: ["type", "round", "keyspace", "entries"] }),
  fc.record({
    type: fc.constant("given" as const),
    round,
    entries: fc.array(fc.record({ key, versions }), { maxLength: 3 }),
    more: fc.constant(true as const),
  }, { requiredKeys: ["type", "round", "entries"] }),
  fc.record({
    type: fc.constant("passed" as const),
    round,
    differing: fc.nat(),
    agreed: fc.boolean(),
    took_ms: fc.nat(),
  }),
);

Deno.test("Messages come back from their lines as they were, and share no object with them", () => {
  fc.assert(fc.property(message, (sent) => {
    const came = roundTripMessages([sent], LINE_BYTES_MAX)[0]!;
    assertEquals(came, JSON.parse(JSON.stringify(sent)));
    assert(came !== sent);
  }));
});

Deno.test("Any messages fit into lines under the limit, in order", () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 40 }), fc.integer({ min: 3000, max: 6000 }), (sent, max) => {
      const encoded = sent.map(encodeMessage).filter((one) => encodeText(one).length + 2 <= max);
      const lines = joinMessages(encoded, max).split("\n");
      assertEquals(lines.pop(), "");
      for (const line of lines) assert(encodeText(line).length <= max);
      const came = lines.flatMap((line) => parseMessageLine(line)!.messages);
      assertEquals(
        came.map(encodeMessage),
        encoded.map((one) => encodeMessage(parseMessage(JSON.parse(one))!)),
      );
    }),
  );
});

Deno.test("The worst value that a limit allows fits into one line of that limit", () => {
  const max = lineBytesMin(100_000);
  const value = "\u0001".repeat(100_000);
  const sent: Message = {
    type: "write",
    round: Number.MAX_SAFE_INTEGER,
    cause: "put",
    keyspace: "main",
    key: "k".repeat(1024),
    versions: [{ stamp: STAMP_MAX - 1, origin: "r1.0123456789abcdef", value }],
  };
  assertEquals(roundTripMessages([sent], max), [sent]);
  assertThrows(
    () => joinMessages([encodeMessage(sent)], 100_000),
    InvariantError,
    "exceeds line_bytes_max = 100000",
  );
});

Deno.test("No line from a peer makes the parser throw, and no junk becomes a message", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.jsonValue().map((value) => JSON.stringify(value))), (line) => {
      parseMessageLine(line);
    }),
  );
  assertEquals(parseMessageLine(null), undefined);
  assertEquals(parseMessageLine("{}"), undefined);
  assertEquals(parseMessageLine("[7]"), undefined);
  assertEquals(parseMessageLine("[]"), { messages: [], skippedCount: 0 });
});

Deno.test("A wrong value in any field of any message is noticed", () => {
  const good: readonly Message[] = [
    { type: "heartbeat", epoch: "ab", known_epochs: ["cd"], wall_ms: 1, recovering: false },
    {
      type: "heartbeat",
      epoch: "ab",
      known_epochs: [],
      wall_ms: 1,
      recovering: false,
      complete: { epoch: "cd", until: 2, hold: 1 },
      fence: 3,
      fenced: 4,
    },
    {
      type: "write",
      round: 1,
      cause: "put",
      keyspace: "main",
      key: 1,
      versions: [{ stamp: 1, origin: "r1.a" }],
    },
    { type: "written", round: 1, superseded_by: { stamp: 1, origin: "r1.a" } },
    { type: "refused", round: 1, code: "disk_full", message: "full" },
    { type: "read", round: 1, keyspace: "main", key: 1 },
    { type: "read", round: 1, keyspace: "main", key: 1, vector: { "r1.a": 1 } },
    { type: "answer", round: 1, versions: [] },
    { type: "fill", round: 1, keyspace: "main", after: 1 },
    { type: "filled", round: 1, entries: [], more: false },
    { type: "compare", round: 1, keyspace: "main", width: 1, parts: 1, ranges: [0], hashes: "AAAAAAAAAAA" },
    { type: "compared", round: 1, differ: [1], lacking: [1] },
    {
      type: "list",
      round: 1,
      keyspace: "main",
      spans: [0, 1],
      after: 1,
      until: 2,
      digests: [[1, 2, "AAAAAAAAAAA"]],
      dry_run: true,
    },
    { type: "listed", round: 1, entries: [], wants: [1], last: 1 },
    {
      type: "give",
      round: 1,
      keyspace: "main",
      entries: [{ key: 1, versions: [{ stamp: 1, origin: "r1.a" }] }],
    },
    { type: "given", round: 1, entries: [], more: true },
    { type: "passed", round: 1, differing: 1, agreed: true, took_ms: 1 },
  ];
  for (const sent of good) {
    assertEquals(parseMessage(sent), sent);
    for (const field of Object.keys(sent)) {
      for (const wrong of [null, 1.5, true, "\ud800", { a: 1 }, [[]], -1]) {
        // A boolean field takes a boolean, and the text of a refusal any text.
        const current = (sent as unknown as Record<string, unknown>)[field];
        if (
          typeof current === typeof wrong &&
          ["recovering", "more", "message", "dry_run", "agreed"].includes(field)
        ) continue;
        if (field === "wall_ms" && typeof wrong === "number") continue;
        if (["key", "after", "until", "last"].includes(field) && wrong === -1) continue;
        assertEquals(
          parseMessage({ ...sent, [field]: wrong }),
          undefined,
          `${sent.type}.${field} = ${wrong}`,
        );
      }
    }
  }
});

Deno.test("A request that a peer hands on must be one of a client, with what defaults would decide", () => {
  const request = { op: "put", keyspace: "main", key: 1, value: "x", level: "ONE" };
  const good = { type: "forward", round: 2, life: 1, request };
  assertEquals<unknown>(parseMessage(good), good);
  const traced = { ...good, request: { ...request, trace: true, session: "", context: "" } };
  assertEquals<unknown>(parseMessage(traced), traced);
  const { keyspace: _, ...unplaced } = request;
  const { level: __, ...unlevelled } = request;
  for (
    const wrong of [
      { life: -1 },
      { life: "1" },
      { round: null },
      { request: undefined },
      { request: [request] },
      { request: unplaced },
      { request: unlevelled },
      { request: { ...request, op: "status" } },
      { request: { ...request, level: "MOST" } },
      { request: { ...request, value: "\ud800" } },
      { request: { ...request, value: undefined } },
      { request: { ...request, key: "\ud800" } },
      { request: { ...request, trace: 1 } },
      { request: { ...request, session: "x".repeat(TOKEN_CHARS_MAX + 1) } },
    ]
  ) assertEquals(parseMessage({ ...good, ...wrong }), undefined, JSON.stringify(wrong).slice(0, 200));
});

Deno.test("What a peer that coordinated says is an answer to a put, get or delete, or no message", () => {
  const receipt = {
    coordinator: "r2",
    keyspace: "main",
    level: "ONE",
    required: 1,
    copies: 3,
    acked: ["r2"],
    owed: [],
    repaired: [],
  } as const;
  const replies: ForwardedMessage["reply"][] = [
    ok({ kind: "written", receipt: { ...receipt, created: true, session: "3584000000000000" } }),
    ok({
      kind: "value",
      value: "x",
      receipt: { ...receipt, maybe_stale: true, trace: [{ at_ms: 1, what: "level_met" }] },
    }),
    fail({ code: "timeout", message: "TWO needs 2", definite: true, required: 2, acked: ["r2"] }),
    fail({ code: "disk_full", message: "full" }),
  ];
  for (const reply of replies) {
    const sent: Message = { type: "forwarded", round: 3, reply };
    assertEquals(roundTripMessages([sent], LINE_BYTES_MAX), [sent]);
  }
  const good = { ok: true, ...receipt };
  assert(parseMessage({ type: "forwarded", round: 3, reply: good }) !== undefined);
  for (
    const reply of [
      undefined,
      null,
      [good],
      "x",
      { ...good, ok: undefined },
      { ...good, acked: "r2" },
      { ...good, coordinator: 1 },
      { ok: true, replica: "r2", faults: [] },
      { ok: true, replica: "r2", entries: [], more: false },
      { ok: false, error: "timeout", message: "no" },
    ]
  ) assertEquals(parseMessage({ type: "forwarded", round: 3, reply }), undefined, JSON.stringify(reply));
});

Deno.test("What is told of complete copies has all its fields, or the heartbeat is none", () => {
  const heartbeat = { type: "heartbeat", epoch: "ab", known_epochs: [], wall_ms: 1, recovering: false };
  const complete = { epoch: "cd", until: 2, hold: 0 };
  assert(parseMessage({ ...heartbeat, complete }) !== undefined);
  for (
    const wrong of [{ epoch: "x" }, { until: 0 }, { until: -1 }, { hold: -1 }, { hold: undefined }, {
      until: 2 ** 60,
    }]
  ) {
    assertEquals(parseMessage({ ...heartbeat, complete: { ...complete, ...wrong } }), undefined);
  }
});

Deno.test("A wall clock beyond all numbers is none", () => {
  const line = '[{"type":"heartbeat","epoch":"ab","known_epochs":[],"wall_ms":-1e400,"recovering":false}]';
  assertEquals(parseMessageLine(line), { messages: [], skippedCount: 1 });
});

Deno.test("Bounds on versions, entries and epochs hold", () => {
  const version = { stamp: 1, origin: "r1.a" };
  const answer = { type: "answer", round: 1 };
  assert(parseMessage({ ...answer, versions: Array(SIBLINGS_TOGETHER_MAX).fill(version) }) !== undefined);
  assertEquals(
    parseMessage({ ...answer, versions: Array(SIBLINGS_TOGETHER_MAX + 1).fill(version) }),
    undefined,
  );
  const entries = Array(PAGE_COUNT_MAX + 1).fill({ key: 1, versions: [] });
  assertEquals(parseMessage({ type: "filled", round: 1, entries, more: false }), undefined);
  assertEquals(
    parseMessage({ type: "write", round: 1, cause: "put", keyspace: "main", key: 1, versions: [] }),
    undefined,
  );
});

Deno.test("Bounds on the messages of anti-entropy hold, and hashes, spans and digests are whole", () => {
  const compare = {
    type: "compare",
    round: 1,
    keyspace: "main",
    width: 16,
    parts: 16,
    ranges: [],
    hashes: "",
  };
  const list = { type: "list", round: 1, keyspace: "main", spans: [], digests: [] };
  const listed = { type: "listed", round: 1, entries: [], wants: [] };
  const versions = [{ stamp: 1, origin: "r1.a" }];
  const digest = [1, 2, "AAAAAAAAAAA"];
  assert(
    parseMessage({ ...compare, ranges: Array(256).fill(1), hashes: "A".repeat(11 * 4096) }) !== undefined,
  );
  assert(
    parseMessage({ ...list, spans: Array(1024).fill(1), digests: Array(1024).fill(digest) }) !== undefined,
  );
  for (
    const wrong of [
      { ...compare, ranges: Array(257).fill(1) },
      { ...compare, hashes: "A".repeat(11 * 4097) },
      { ...compare, hashes: "A".repeat(12) },
      { ...compare, hashes: "AAAAAAAAAA!" },
      { type: "compared", round: 1, differ: Array(4097).fill(1), lacking: [] },
      { ...list, spans: [1] },
      { ...list, spans: Array(1026).fill(1) },
      { ...list, digests: Array(1025).fill(digest) },
      { ...list, digests: [[1, 2]] },
      { ...list, digests: [[1, 2, "AAAAAAAAAA"]] },
      { ...list, digests: [[1, 0, "AAAAAAAAAAA"]] },
      { ...list, digests: [[null, 2, "AAAAAAAAAAA"]] },
      { ...listed, wants: Array(1025).fill(1) },
      { ...listed, entries: Array(1025).fill({ key: 1, versions }) },
      { type: "give", round: 1, keyspace: "main", entries: [{ key: 1, versions: [] }] },
    ]
  ) assertEquals(parseMessage(wrong), undefined, JSON.stringify(wrong).slice(0, 100));
});

Deno.test("Messages of a later version are skipped, and the others of the line still count", () => {
  const parsed = parseMessageLine('[{"type":"sing","round":1},{"type":"written","round":2,"tune":"la"}]');
  assertEquals(parsed, { messages: [{ type: "written", round: 2 }], skippedCount: 1 });
});

Deno.test("H25: a lone surrogate from a peer is no message", () => {
  const line = '[{"type":"write","round":1,"cause":"put","keyspace":"main","key":"\\ud800",' +
    '"versions":[{"stamp":1,"origin":"r1.a","value":"x"}]},' +
    '{"type":"answer","round":1,"versions":[{"stamp":1,"origin":"r1.a","value":"\\udc00"}]}]';
  assertEquals(parseMessageLine(line), { messages: [], skippedCount: 2 });
});
