/** Tests of `src/versions/version.ts` and `src/versions/stamp.ts`: what comes from outside. @module */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { isStamp, STAMP_MAX, stampOf, wallMsOf } from "../../src/versions/stamp.ts";
import { covers, isOrigin, originOf, parseVersion } from "../../src/versions/version.ts";
import { writtenVersions } from "./written_versions.ts";

Deno.test("A stamp leads back to its millisecond, and the year 2100 still fits", () => {
  const now = 1_750_000_000_000;
  assertEquals([wallMsOf(stampOf(now)), wallMsOf(stampOf(now) + 2047), wallMsOf(stampOf(now) + 2048)], [
    now,
    now,
    now + 1,
  ]);
  assert(isStamp(stampOf(4_102_444_800_000)));
  assertEquals([0, -1, 1.5, NaN, Infinity, STAMP_MAX, "7", null, undefined].filter(isStamp), []);
});

Deno.test("An origin is a replica id and an epoch, and nothing longer or stranger", () => {
  assertEquals(originOf("r1", "0f"), "r1.0f");
  assertThrows(() => originOf("R1", "0f"));
  const wrong = [
    "r1",
    "r1.",
    ".a",
    "r1.G",
    "r1.a.b",
    "__proto__",
    `${"r".repeat(33)}.a`,
    `r1.${"a".repeat(17)}`,
    7,
  ];
  assertEquals(wrong.filter(isOrigin), []);
});

Deno.test("Every version that was written parses to itself", () => {
  fc.assert(fc.property(writtenVersions, (versions) => {
    for (const version of versions) assertEquals(parseVersion(JSON.parse(JSON.stringify(version))), version);
  }));
});

Deno.test("Parsing junk never throws, and drops unknown fields", () => {
  fc.assert(fc.property(fc.anything(), (junk) => void parseVersion(junk)));
  fc.assert(fc.property(fc.jsonValue(), (junk) => {
    const version = parseVersion({ stamp: 1, origin: "r1.a", value: junk, seen: junk, deps: junk });
    assert(version === undefined || typeof junk === "object");
  }));
  assertEquals(parseVersion({ stamp: 1, origin: "r1.a", rank: 9 }), { stamp: 1, origin: "r1.a" });
});

Deno.test("Vectors from outside name origins only: no prototype is reached", () => {
  const texts = [
    '{"stamp":1,"origin":"r1.a","seen":{"__proto__":5}}',
    '{"stamp":1,"origin":"r1.a","deps":{"constructor":5}}',
    '{"stamp":1,"origin":"r1.a","seen":{"r1.a":0}}',
    '{"stamp":1,"origin":"r1.a","seen":[5]}',
    '{"__proto__":{"stamp":1,"origin":"r1.a"}}',
    "[1]",
    "null",
  ];
  for (const text of texts) assertEquals(parseVersion(JSON.parse(text)), undefined, text);
  const many = Object.fromEntries(
    Array.from({ length: 1025 }, (_, index) => [`r1.${index.toString(16)}`, 1]),
  );
  assertEquals(parseVersion({ stamp: 1, origin: "r1.a", seen: many }), undefined, "a vector of 1025 entries");
  assert(!covers({}, "constructor", 0) && !covers(undefined, "r1.a", 1));
});

Deno.test("A value with a lone surrogate is no version (H25)", () => {
  assertEquals(parseVersion({ stamp: 1, origin: "r1.a", value: "\ud800" }), undefined);
  assertEquals(parseVersion({ stamp: 1, origin: "r1.a", value: "😀" })?.value, "😀");
});
