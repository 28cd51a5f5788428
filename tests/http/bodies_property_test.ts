/** Laws of `src/http/chunked_body.ts` and `src/http/input_buffer.ts`: however bytes are split, they mean the same. @module */
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { ChunkedBody } from "../../src/http/chunked_body.ts";
import { InputBuffer } from "../../src/http/input_buffer.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes in pieces of these lengths, again and again. */
function* pieces(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length]!;
    yield bytes.slice(at, at + length);
    at += length;
  }
}

const LENGTHS = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 });

Deno.test("A chunked body is the sum of its chunks, however its bytes are split", () => {
  const chunk = fc.uint8Array({ minLength: 1, maxLength: 40 });
  fc.assert(fc.property(fc.array(chunk), LENGTHS, fc.boolean(), (chunks, lengths, hasTrailer) => {
    const parts = chunks.flatMap((bytes, index) => [
      encoder.encode(`${bytes.length.toString(16)}${index % 2 === 0 ? "" : ";a=b"}\r\n`),
      bytes,
      encoder.encode("\r\n"),
    ]);
    parts.push(encoder.encode(hasTrailer ? "0\r\nX: y\r\n\r\n" : "0\r\n\r\n"));
    const bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
    const body = new ChunkedBody(1_000_000);
    let used = 0;
    let state = "open";
    for (const piece of pieces(bytes, lengths)) {
      const fed = body.feed(piece);
      used += fed.used;
      state = fed.state;
    }
    assertEquals([state, used], ["ended", bytes.length]);
    assertEquals([...body.body], chunks.flatMap((each) => [...each]));
  }));
});

Deno.test("What stands behind the last chunk is left for the next request", () => {
  const body = new ChunkedBody(10);
  assertEquals(body.feed(encoder.encode("1\r\na\r\n0\r\n\r\nGET /")), { state: "ended", used: 11 });
  assertEquals(decoder.decode(body.body), "a");
});

Deno.test("Chunks out of form, and more than is allowed, are told apart before they are kept", () => {
  const state = (text: string): string => new ChunkedBody(8).feed(encoder.encode(text)).state;
  for (
    const text of [
      "zz\r\n",
      "\r\n",
      " 1\r\n",
      "1 \r\n",
      "0x1\r\n",
      "-1\r\n",
      "1\n",
      "1\r\nab\r\n",
      "1\r\na\n",
      "1\r\na\r\n\r\n",
      "\0",
      `${"1".repeat(9)}\r\n`,
      `1;${"a".repeat(2000)}\r\n`,
      `0\r\n${"X: y\r\n".repeat(17)}`,
      "0\r\nX: y\rZ: w\r\n\r\n",
    ]
  ) assertEquals(state(text), "wrong", JSON.stringify(text));
  assertEquals(state("9\r\n"), "too_large");
  assertEquals(state("8\r\n12345678\r\n1\r\n"), "too_large");
  assertEquals(state("8\r\n12345678\r\n0\r\n\r\n"), "ended");
});

Deno.test("What stands behind the sizes of chunks must not outweigh the body", () => {
  const state = (extensionBytes: number): string => {
    const body = new ChunkedBody(1000);
    return body.feed(encoder.encode(`1;${"a".repeat(extensionBytes - 1)}\r\na\r\n`.repeat(16))).state;
  };
  assertEquals([state(1000), state(1024)], ["open", "wrong"]);
});

Deno.test("A body of many one-byte chunks makes us keep no more than twice its size", () => {
  const body = new ChunkedBody(10_000);
  body.feed(encoder.encode("1\r\na\r\n".repeat(10_000)));
  assert(body.heldBytes <= 20_000, String(body.heldBytes));
});

Deno.test("Input is what came, in order, whatever is taken when, and the end of a head is found", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      LENGTHS,
      fc.integer({ min: 0, max: 30 }),
      (bytes, lengths, keep) => {
        const input = new InputBuffer();
        const taken: number[] = [];
        for (const piece of pieces(bytes, lengths)) {
          input.push(piece);
          const count = Math.max(0, input.length - keep);
          assertEquals(input.peek().length, input.length);
          if (count > 0) taken.push(...input.take(count));
        }
        assertEquals([...taken, ...input.peek()], [...bytes]);
      },
    ),
  );
  fc.assert(
    fc.property(
      fc.constantFrom("\r\n\r\n", "a\r\n\r\nb", "\r\n\r\r\n\r\n\r\n", "a\r\nb\n\r\n"),
      LENGTHS,
      (text, lengths) => {
        const input = new InputBuffer();
        let found: number | undefined;
        for (const piece of pieces(encoder.encode(text), lengths)) {
          input.push(piece);
          found ??= input.headLength();
        }
        assertEquals(found, text.includes("\r\n\r\n") ? text.indexOf("\r\n\r\n") : undefined);
      },
    ),
  );
});
