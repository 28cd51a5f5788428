/** Tests of `src/base/bytes.ts`. @module */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import {
  bytesOf,
  type ByteString,
  byteString,
  compareBytes,
  decodeText,
  encodeText,
  equalBytes,
  prefixEnd,
  textOfByteString,
  utf8ByteString,
} from "../../src/base/bytes.ts";

const bytes = fc.uint8Array({ maxLength: 12 });
const wellFormed = fc.string({ unit: "binary", maxLength: 12 }).filter((text) => text.isWellFormed());

Deno.test("Byte strings compare as their bytes do", () => {
  fc.assert(fc.property(bytes, bytes, (a, b) => {
    const [x, y] = [byteString(a), byteString(b)];
    assertEquals(x < y ? -1 : x > y ? 1 : 0, Math.sign(compareBytes(a, b)));
    assertEquals(x === y, equalBytes(a, b));
  }));
});

Deno.test("Text whose UTF-16 order is not its byte order is ordered by bytes", () => {
  const [later, earlier] = ["😀", "～"];
  assert(later < earlier, "UTF-16 order");
  assert(utf8ByteString(earlier) < utf8ByteString(later), "byte order");
});

Deno.test("Bytes survive the way to a byte string and back, also long ones", () => {
  fc.assert(fc.property(bytes, (a) => assertEquals(bytesOf(byteString(a)), new Uint8Array(a))));
  const long = Uint8Array.from({ length: 10_000 }, (_, index) => index % 256);
  assertEquals(bytesOf(byteString(long)), long);
});

Deno.test("Text survives the way to bytes and back, a byte order mark included", () => {
  fc.assert(fc.property(wellFormed, (text) => {
    assertEquals(textOfByteString(utf8ByteString(text)), text);
    assertEquals(decodeText(encodeText(text)), text);
    assertEquals(byteString(encodeText(text)), utf8ByteString(text));
  }));
  assertEquals(decodeText(encodeText("\ufeffx")), "\ufeffx");
  // The character that stands for bytes that are none may be meant.
  assertEquals(decodeText(encodeText("\ufffd?")), "\ufffd?");
});

Deno.test("Bytes that are not UTF-8 are refused, not mended", () => {
  assertThrows(() => decodeText(Uint8Array.of(0xc3, 0x28)), TypeError);
  assertThrows(() => textOfByteString("\xff" as ByteString), TypeError);
});

Deno.test("The end of a prefix is the first string after all that start with it", () => {
  const edge = fc.constantFrom(0, 1, 254, 255);
  const bytes = fc.array(edge, { maxLength: 5 }).map((each) => Uint8Array.from(each));
  const prefix = bytes.filter((a) => a.some((byte) => byte < 255));
  fc.assert(fc.property(prefix, bytes, bytes, (a, rest, other) => {
    const [begin, end] = [byteString(a), prefixEnd(byteString(a))];
    assertEquals(byteString(bytesOf(end)), end, "it is a byte string itself");
    const inside = begin + byteString(rest);
    assert(begin <= inside && inside < end);
    const key = byteString(other);
    assertEquals(key >= begin && key < end, key.startsWith(begin));
  }));
});
