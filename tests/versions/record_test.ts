/** Tests of `src/versions/record.ts`. @module */
import { assertEquals, assertThrows } from "@std/assert";
import { decodeOutline, decodeRecord, encodeRecord, firstDot } from "../../src/versions/record.ts";

Deno.test("A record names its origins, however many were read before it", () => {
  const origins = Array.from({ length: 100 }, (_, index) => `r${index % 7}.${(index * 7919).toString(16)}`);
  const records = origins.map((origin, index) =>
    encodeRecord([
      { stamp: index + 1, origin, value: "x", seen: { [origins[99 - index]!]: 1 } },
      { stamp: index + 1, origin: origin.slice(0, -1) },
    ])
  );
  for (let round = 0; round < 2; round++) {
    records.forEach((record, index) => {
      const [first, second] = decodeRecord(record);
      assertEquals(firstDot(record), { stamp: index + 1, origin: origins[index]! });
      assertEquals([first!.origin, second!.origin], [origins[index]!, origins[index]!.slice(0, -1)]);
      assertEquals(first!.seen, { [origins[99 - index]!]: 1 });
    });
  }
});

Deno.test("A record that ends too soon throws, and those after it are read as if it had not been", () => {
  const whole = encodeRecord([{ stamp: 1, origin: "r1.aaaa", value: "x" }, {
    stamp: 2,
    origin: "r2.abcdef",
    value: "y",
  }]);
  for (let length = 0; length < whole.length; length++) {
    assertThrows(() => decodeRecord(whole.subarray(0, length)));
  }
  for (const origin of ["r2.abcdef", "r3.fff"]) {
    assertEquals(decodeRecord(encodeRecord([{ stamp: 1, origin, value: "x" }]))[0]!.origin, origin);
  }
});

Deno.test("An outline has what a record has, with nothing in place of values, and no sessions", () => {
  const versions = [
    {
      stamp: 9,
      origin: "r1.aaaa",
      value: "né".repeat(100),
      seen: { "r2.b": 3, "r3.c": 4 },
      deps: { "r2.b": 8 },
    },
    { stamp: 8, origin: "r2.bbbbbb", deps: { "r1.aaaa": 1 } },
    { stamp: 7, origin: "r3.c", value: "" },
  ];
  const [first, second, third] = versions;
  const { deps: _first, ...firstRest } = first!;
  const { deps: _second, ...secondRest } = second!;
  const outline = [{ ...firstRest, value: "" }, secondRest, third!];
  assertEquals<unknown>(decodeOutline(encodeRecord(versions)), outline);
  for (const index of [0, 1, 2]) {
    assertEquals<unknown>(decodeOutline(encodeRecord([versions[index]!])), [outline[index]]);
  }
});
