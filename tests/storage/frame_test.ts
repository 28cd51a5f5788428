import { assert, assertEquals } from "@std/assert";
import { encodeText, utf8ByteString } from "../../src/base/bytes.ts";
import { Random } from "../../src/base/random.ts";
import { FRAME_HEADER_BYTES, FrameEncoder, FrameReader, writeBytes } from "../../src/storage/frame.ts";

function frame(segment: number, sequence: number, ...writes: [string, string][]): Uint8Array<ArrayBuffer> {
  const encoder = new FrameEncoder();
  encoder.begin();
  for (const [key, value] of writes) encoder.add(utf8ByteString(key), encodeText(value));
  return encoder.finish({ segment, sequence, syncedUntil: sequence - 1 }).slice();
}

function writesOf(bytes: Uint8Array, segment: number): [string, string][] {
  const reader = new FrameReader(bytes, segment);
  const found = reader.at(0);
  const writes: [string, string][] = [];
  assert(found !== undefined);
  reader.eachWrite(0, found, (key, value) => writes.push([key, new TextDecoder().decode(value)]));
  return writes;
}

Deno.test("a frame gives back its header and its writes", () => {
  const bytes = frame(7, 2 ** 40 + 5, ["a", "1"], ["", ""], ["longer key", "x".repeat(100_000)]);
  assertEquals(new FrameReader(bytes, 7).at(0), {
    length: bytes.length,
    segment: 7,
    writeCount: 3,
    sequence: 2 ** 40 + 5,
    syncedUntil: 2 ** 40 + 4,
  });
  assertEquals(writesOf(bytes, 7), [["a", "1"], ["", ""], ["longer key", "x".repeat(100_000)]]);
});

Deno.test("an encoder leaves nothing of a frame in the next one", () => {
  const encoder = new FrameEncoder();
  encoder.begin();
  encoder.add(utf8ByteString("key"), encodeText("y".repeat(1000)));
  encoder.finish({ segment: 1, sequence: 1, syncedUntil: 0 });
  encoder.begin();
  encoder.add(utf8ByteString("k"), encodeText("v"));
  assertEquals(encoder.finish({ segment: 1, sequence: 2, syncedUntil: 1 }), frame(1, 2, ["k", "v"]));
});

Deno.test("the length of a frame is known before it is built", () => {
  const random = new Random(11);
  const encoder = new FrameEncoder();
  for (let i = 0; i < 200; i++) {
    encoder.begin();
    let bytes = FRAME_HEADER_BYTES;
    for (let j = random.below(4); j > 0; j--) {
      const key = utf8ByteString("k".repeat(random.below(20)));
      const value = new Uint8Array(random.below(60));
      bytes += writeBytes(key, value);
      encoder.add(key, value);
    }
    const built = encoder.finish({ segment: 1, sequence: 1, syncedUntil: 0 });
    assert(built.length >= bytes && built.length < bytes + 8 && built.length % 8 === 0, `${built.length}`);
  }
});

Deno.test("no flipped bit and no cut leaves a good frame", () => {
  const bytes = frame(3, 9, ["key", "value"], ["other", "thing"]);
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    assertEquals(new FrameReader(flipped, 3).at(0), undefined, `bit ${bit}`);
  }
  for (let length = 0; length < bytes.length; length++) {
    assertEquals(new FrameReader(bytes.subarray(0, length), 3).at(0), undefined, `cut at ${length}`);
  }
});

Deno.test("H4: a frame of another segment, and a header of zeros, are no frames", () => {
  const bytes = frame(3, 9, ["key", "value"]);
  assertEquals(new FrameReader(bytes, 4).at(0), undefined);
  const renumbered = bytes.slice();
  new DataView(renumbered.buffer).setUint32(8, 4);
  assertEquals(new FrameReader(renumbered, 4).at(0), undefined, "the number is under the checksum");
  assertEquals(new FrameReader(new Uint8Array(4096), 0).at(0), undefined);
  assertEquals([...new FrameReader(new Uint8Array(4096), 0).search(0)], []);
});

Deno.test("a search finds every good frame behind any damage", () => {
  const frames = [1, 2, 3, 4].map((sequence) =>
    frame(5, sequence, [`k${sequence}`, "v".repeat(13 * sequence)])
  );
  const gap = new Uint8Array(24).fill(0xff);
  const bytes = new Uint8Array([...gap, ...frames[0]!, ...gap, ...frames[1]!, ...frames[2]!, ...frames[3]!]);
  bytes[24 + 2 * 24 + frames[0]!.length + 20]! ^= 1;
  const found = [...new FrameReader(bytes, 5).search(3)].map(({ sequence }) => sequence);
  assertEquals(found, [1, 3, 4]);
});

Deno.test("junk never throws and is never taken for a frame", () => {
  const random = new Random(12);
  for (let i = 0; i < 300; i++) {
    const junk = Uint8Array.from({ length: random.below(300) }, () => random.below(256));
    if (junk.length > 12) junk.set([0, 0, 0, 1], 8);
    const reader = new FrameReader(junk, 1);
    assertEquals([...reader.search(0)], []);
    reader.describe(random.below(310), 1);
    reader.looksBegun(random.below(310), 1);
  }
});
