import { assertEquals } from "@std/assert";
import { type ByteString, utf8ByteString } from "../../src/base/bytes.ts";
import { fnv1a64, hash64, hexOf, mix64 } from "../../src/base/hash64.ts";
import { Random } from "../../src/base/random.ts";

Deno.test("FNV-1a gives its published test vectors", () => {
  for (
    const [text, hex] of [
      ["", "cbf29ce484222325"],
      ["a", "af63dc4c8601ec8c"],
      ["b", "af63df4c8601f1a5"],
      ["foobar", "85944171f73967e8"],
    ] as const
  ) assertEquals(hexOf(fnv1a64(utf8ByteString(text))), hex, text);
});

/** The same in whole numbers of any size. */
function wideHash(bytes: string): string {
  const mask = (1n << 64n) - 1n;
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = (hash ^ BigInt(byte.charCodeAt(0))) * 0x100000001b3n & mask;
  hash ^= hash >> 33n;
  hash = hash * 0xff51afd7ed558ccdn & mask;
  hash ^= hash >> 33n;
  hash = hash * 0xc4ceb9fe1a85ec53n & mask;
  hash ^= hash >> 33n;
  return hash.toString(16).padStart(16, "0");
}

Deno.test("the hash of any bytes is what whole numbers of any size give", () => {
  const random = Random.of(1, "hash64");
  for (let round = 0; round < 2000; round++) {
    const bytes = Array.from({ length: random.below(40) }, () => String.fromCharCode(random.below(256))).join(
      "",
    );
    assertEquals(hexOf(hash64(bytes as ByteString)), wideHash(bytes));
  }
});

Deno.test("test vectors of the hash, for whoever places keys in another language", () => {
  for (
    const [text, hex] of [
      ["", "efd01f60ba992926"],
      ["a", "82a2a958a9bece5b"],
      ["user:1", "4ce53ee4648cef41"],
      ["user:2", "5b6bfa584803b722"],
      ["é", "9d55ccb9ba86763b"],
      ["😀", "da89b0991f06f386"],
    ] as const
  ) assertEquals(hexOf(hash64(utf8ByteString(text))), hex, text);
  assertEquals(mix64({ high: 0, low: 0 }), { high: 0, low: 0 });
});
