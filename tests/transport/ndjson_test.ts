/** Tests of `src/transport/ndjson.ts`. @module */
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { encodeText } from "../../src/base/bytes.ts";
import { type Line, LineSplitter } from "../../src/transport/ndjson.ts";

function split(bytes: Uint8Array, cuts: readonly number[], lineBytesMax = 1000): [Line[], boolean] {
  const splitter = new LineSplitter(lineBytesMax);
  const lines: Line[] = [];
  let isTooLong = false;
  let begin = 0;
  for (const end of [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    const fed = splitter.feed(bytes.subarray(begin, end));
    lines.push(...fed.lines);
    isTooLong = fed.isTooLong;
    begin = end;
  }
  lines.push(...splitter.end());
  return [lines, isTooLong];
}

Deno.test("Splitter gives the same lines however the bytes are cut", () => {
  const pieces = fc.array(
    fc.oneof(
      fc.constantFrom("\n", "\r\n", "\n\n", "é", "😀", "{}", "x".repeat(20)).map(encodeText),
      fc.uint8Array({ maxLength: 4 }),
    ),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(
      pieces,
      fc.array(fc.nat(), { maxLength: 12 }),
      fc.integer({ min: 4, max: 60 }),
      (parts, cuts, max) => {
        const bytes = new Uint8Array(parts.flatMap((part) => [...part]));
        assertEquals(split(bytes, cuts, max), split(bytes, [], max));
        const everywhere = Array.from(bytes, (_, index) => index);
        assertEquals(split(bytes, everywhere, max), split(bytes, [], max));
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("Splitter accepts both line ends and leaves empty lines out", () => {
  assertEquals(split(encodeText("a\r\n\n\r\nb\n"), []), [["a", "b"], false]);
});

Deno.test("Splitter counts a last line without its end", () => {
  assertEquals(split(encodeText("a\nb"), []), [["a", "b"], false]);
});

Deno.test("Splitter reports a line that is not UTF-8 and keeps the lines around it", () => {
  const bytes = new Uint8Array([0x61, 10, 0xff, 0xfe, 10, 0x62, 10]);
  assertEquals(split(bytes, []), [["a", null, "b"], false]);
  assertEquals(split(bytes, [3]), [["a", null, "b"], false]);
});

Deno.test("Splitter ends at a line over the limit and gives the lines before it", () => {
  assertEquals(split(encodeText("abc\nabcde\nx\n"), [], 4), [["abc"], true]);
  assertEquals(split(encodeText("abc\nabcde"), [6], 4), [["abc"], true]);
  assertEquals(split(encodeText("abcd\nabcd\n"), [2], 4), [["abcd", "abcd"], false]);
});

Deno.test("Splitter takes a hundred megabytes of one line in small pieces without looking twice", () => {
  const splitter = new LineSplitter(200_000_000);
  const piece = new Uint8Array(16 * 1024).fill(0x78);
  const startedMs = performance.now();
  for (let i = 0; i < 6400; i++) splitter.feed(piece);
  // Looking again at what is held would be 3 × 10^11 bytes: minutes, not seconds.
  assert(performance.now() - startedMs < 5000);
  assertEquals(splitter.feed(encodeText("\n")).lines[0]!.length, 6400 * 16 * 1024);
});
