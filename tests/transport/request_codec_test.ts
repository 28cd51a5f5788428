/** Tests of `src/transport/request_codec.ts`. @module */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as fc from "fast-check";
import { LEVELS } from "../../src/protocol/level.ts";
import { BATCH_COUNT_MAX } from "../../src/protocol/limits.ts";
import type { Request } from "../../src/protocol/request.ts";
import { encodeRequest, parseRequestLine, type WireId } from "../../src/transport/request_codec.ts";

function one(text: string): { id: WireId | null; request?: Request; message?: string } {
  const parsed = parseRequestLine(text);
  if (!parsed.ok) return { id: null, message: parsed.failure.message };
  const [item] = parsed.value;
  if (item!.isRequest) return { id: item!.id, request: item!.request };
  assertEquals(item!.failure.code, "malformed_request");
  return { id: item!.id, message: item!.failure.message };
}

const wellFormed = fc.string({ unit: "grapheme" });
const name = fc.stringMatching(/^[a-z0-9]{1,12}$/);
const key = fc.oneof(fc.integer(), wellFormed);
const level = fc.constantFrom(...LEVELS);
const place = { keyspace: name, level, trace: fc.constant(true as const) };
const request: fc.Arbitrary<Request> = fc.oneof(
  fc.record({ op: fc.constant("put" as const), key, value: wellFormed, ...place }, {
    requiredKeys: ["op", "key", "value"],
  }),
  fc.record({ op: fc.constantFrom("get" as const, "delete" as const), key, ...place }, {
    requiredKeys: ["op", "key"],
  }),
  fc.record({
    op: fc.constant("inspect" as const),
    keyspace: name,
    keys: fc.array(key, { maxLength: 5 }),
    after: key,
    limit: fc.integer({ min: 1, max: 256 }),
  }, { requiredKeys: ["op"] }),
  fc.record({
    op: fc.constant("scan" as const),
    keyspace: name,
    prefix: wellFormed,
    after: key,
    limit: fc.integer({ min: 1, max: 256 }),
    level,
    keys_only: fc.constant(true as const),
  }, { requiredKeys: ["op"] }),
  fc.record({ op: fc.constant("status" as const) }),
  fc.record({ op: fc.constant("repair" as const), keyspace: name, dry_run: fc.constant(true as const) }, {
    requiredKeys: ["op"],
  }),
);

Deno.test("Requests come back from their lines as they were", () => {
  fc.assert(fc.property(fc.oneof(fc.maxSafeInteger(), name), request, (id, sent) => {
    // Through JSON once, because fast-check's objects have no prototype.
    assertEquals(one(encodeRequest(id, sent)), { id, request: JSON.parse(JSON.stringify(sent)) });
  }));
});

Deno.test("No line makes the request parser throw", () => {
  const almost = fc.record({
    id: fc.jsonValue(),
    op: fc.constantFrom("put", "get", "inspect", "scan", 3),
    key: fc.jsonValue(),
    value: fc.jsonValue(),
    level: fc.jsonValue(),
    keys: fc.jsonValue(),
    limit: fc.jsonValue(),
    prefix: fc.jsonValue(),
    keys_only: fc.jsonValue(),
  }).map((value) => JSON.stringify(value));
  const line = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.jsonValue().map((value) => JSON.stringify(value)),
    almost,
  );
  fc.assert(fc.property(line, (text) => {
    const parsed = parseRequestLine(text);
    if (!parsed.ok) assert(parsed.failure.message.length < 1000);
  }));
  assert(!parseRequestLine(null).ok);
});

Deno.test("A wrong type in any field is refused by name, with the value and what is allowed", () => {
  const good = { id: 1, op: "put", keyspace: "main", key: 7, value: "x", level: "TWO" };
  const wrong: readonly [string, unknown, string][] = [
    ["id", undefined, '"id" is missing; allowed: a safe integer, or a string of 1 to 64 characters'],
    ["id", 1.5, '"id" is 1.5'],
    ["id", "", '"id" is ""'],
    ["id", "x".repeat(65), '"id" is "xxxx'],
    ["op", "putt", '"op" is "putt"; allowed: put, get, delete, inspect, scan, status'],
    ["op", undefined, '"op" is missing'],
    ["keyspace", 4, '"keyspace" is 4'],
    ["key", undefined, '"key" is missing'],
    ["key", 7.5, '"key" is 7.5; allowed: a safe integer or a well-formed string'],
    ["key", null, '"key" is null'],
    ["key", { a: 1 }, '"key" is an object'],
    ["value", 5, '"value" is 5; allowed: a well-formed string'],
    ["value", undefined, '"value" is missing'],
    ["value", ["x"], '"value" is an array of 1'],
    ["level", "FIVE", '"level" is "FIVE"; allowed: ONE, TWO, THREE, QUORUM, ALL'],
    ["level", null, '"level" is null'],
    ["level", 2, '"level" is 2'],
    ["trace", "on", '"trace" is "on"; allowed: true, false'],
    ["trace", null, '"trace" is null'],
  ];
  for (const [field, value, expected] of wrong) {
    const { id, message } = one(JSON.stringify({ ...good, [field]: value }));
    assertEquals(id, field === "id" ? null : 1);
    assertStringIncludes(message ?? "accepted", expected);
  }
  const inspect = { id: 1, op: "inspect" };
  for (
    const [field, value] of [["keys", 1], ["keys", [1.5]], ["keys", Array(257).fill(1)], ["after", true], [
      "limit",
      0,
    ], [
      "limit",
      257,
    ], ["keyspace", ""]] as const
  ) {
    assertStringIncludes(
      one(JSON.stringify({ ...inspect, [field]: value })).message ?? "accepted",
      `"${field}" is`,
    );
  }
});

Deno.test("Each field of a scan that is wrong is refused by name, with what is allowed", () => {
  const wrong: readonly [string, unknown, string][] = [
    ["keyspace", "", '"keyspace" is ""; allowed: a string of 1 to 64 characters'],
    ["prefix", 7, '"prefix" is 7; allowed: a well-formed string'],
    ["prefix", "\ud800", '"prefix" is'],
    ["after", true, '"after" is true; allowed: a safe integer or a well-formed string'],
    ["limit", 0, '"limit" is 0; allowed: an integer from 1 to 256'],
    ["limit", 257, '"limit" is 257'],
    ["limit", "9", '"limit" is "9"'],
    ["level", "MOST", '"level" is "MOST"; allowed: ONE, TWO, THREE, QUORUM, ALL'],
    ["level", 1, '"level" is 1'],
    ["keys_only", 1, '"keys_only" is 1; allowed: true, false'],
  ];
  for (const [field, value, expected] of wrong) {
    const { id, message } = one(JSON.stringify({ id: 1, op: "scan", [field]: value }));
    assertEquals(id, 1);
    assertStringIncludes(message ?? "accepted", expected);
  }
  assertEquals(one('{"id":1,"op":"scan","level":"one","keys_only":false}').request, {
    op: "scan",
    level: "ONE",
  });
});

Deno.test("Levels are read in any case", () => {
  assertEquals(one('{"id":1,"op":"get","key":1,"level":"quorum"}').request, {
    op: "get",
    key: 1,
    level: "QUORUM",
  });
});

Deno.test("A request is traced where it says so, and not where it says that it is not", () => {
  assertEquals(one('{"id":1,"op":"delete","key":1,"trace":true}').request, {
    op: "delete",
    key: 1,
    trace: true,
  });
  assertEquals(one('{"id":1,"op":"delete","key":1,"trace":false}').request, { op: "delete", key: 1 });
});

Deno.test("Unknown fields are ignored, and __proto__ is one of them", () => {
  const line = '{"id":1,"op":"get","key":1,"__proto__":{"level":"ALL"},"constructor":{},"later":[1]}';
  assertEquals(one(line).request, { op: "get", key: 1 });
  assertStringIncludes(one('{"id":1,"__proto__":{"op":"status"}}').message!, '"op" is missing');
  assertStringIncludes(one('{"id":1,"op":"toString"}').message!, '"op" is "toString"');
});

Deno.test("H25: a lone surrogate in key or value is malformed", () => {
  for (
    const line of [
      '{"id":1,"op":"put","key":"\\ud800","value":"x"}',
      '{"id":1,"op":"put","key":"a","value":"x\\udfff"}',
      '{"id":1,"op":"get","key":"\\ud83d"}',
      '{"id":1,"op":"inspect","keys":["\\ud83d"]}',
      '{"id":"\\ud83d","op":"status"}',
    ]
  ) {
    const { request, message } = one(line);
    assertEquals(request, undefined);
    assert(message!.isWellFormed());
  }
  assertEquals(one('{"id":1,"op":"get","key":"\\ud83d\\ude00"}').request, { op: "get", key: "😀" });
});

Deno.test("JSON of any depth is refused without harm", () => {
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  assert(!parseRequestLine(deep).ok);
  assertStringIncludes(
    one(`{"id":1,"op":"put","key":1,"value":${deep}}`).message!,
    '"value" is an array of 1',
  );
});

Deno.test("A batch gives one outcome for each of its requests", () => {
  const parsed = parseRequestLine('[{"id":1,"op":"status"},{"id":2,"op":"x"},{"op":"status"}]');
  assert(parsed.ok);
  assertEquals(parsed.value.map(({ id, isRequest }) => [id, isRequest]), [[1, true], [2, false], [
    null,
    false,
  ]]);
});

Deno.test("An empty batch, one over the limit and one that holds no objects are malformed lines", () => {
  for (const count of [0, BATCH_COUNT_MAX + 1]) {
    const parsed = parseRequestLine(JSON.stringify(Array(count).fill({ id: 1, op: "status" })));
    assert(!parsed.ok);
    assertStringIncludes(parsed.failure.message, `array of ${count}; allowed:`);
  }
  assert(!parseRequestLine('[{"id":1,"op":"status"},7]').ok);
});

Deno.test("Every field of every op is refused where its type is wrong, and the connection's batch goes on", () => {
  const full: readonly Readonly<Record<string, unknown>>[] = [
    { op: "put", keyspace: "main", key: 7, value: "x", level: "TWO", trace: true },
    { op: "get", keyspace: "main", key: 7, level: "TWO", trace: true },
    { op: "delete", keyspace: "main", key: 7, level: "TWO", trace: true },
    { op: "inspect", keyspace: "main", keys: [7], after: 7, limit: 3 },
    { op: "status" },
  ];
  const wrong: readonly unknown[] = [null, 1.5, [], {}, [[1]], { length: 1 }, -1e300, "\ud800", {
    toString: 1,
  }];
  for (const fields of full) {
    const good = { id: 1, ...fields };
    assert(one(JSON.stringify(good)).request !== undefined, JSON.stringify(good));
    for (const name of Object.keys(good)) {
      for (const value of wrong) {
        // A list of no keys is a list of keys.
        if (name === "keys" && Array.isArray(value) && value.length === 0) continue;
        const line = JSON.stringify([{ ...good, [name]: value }, { id: 2, op: "status" }]);
        const parsed = parseRequestLine(line);
        assert(parsed.ok && parsed.value.length === 2);
        const [first, second] = parsed.value;
        assert(!first!.isRequest && first!.failure.code === "malformed_request", line);
        assertStringIncludes(first!.failure.message, `"${name}"`);
        assert(second!.isRequest);
      }
    }
  }
});
