import { assertEquals } from "@std/assert";
import { type ByteString, encodeText } from "../../src/base/bytes.ts";
import { Random } from "../../src/base/random.ts";
import { Memtable } from "../../src/storage/memtable.ts";

function drawKey(random: Random, lengthMax: number): ByteString {
  let key = "";
  for (let length = random.below(lengthMax); length >= 0; length--) {
    key += String.fromCharCode(random.pick([0, 1, 127, 128, 255]));
  }
  return key as ByteString;
}

/** Does the same to a memtable and to a map that is sorted whenever it is asked. */
function check(seed: number): void {
  const random = new Random(seed);
  const memtable = new Memtable();
  const model = new Map<ByteString, Uint8Array>();
  // Few keys that come and go, or so many that most are new.
  const [lengthMax, stepCount] = random.pick([[3, 300], [7, 1000]]);
  for (let step = 0; step < stepCount; step++) {
    const key = drawKey(random, lengthMax);
    const roll = random.below(10);
    if (roll < 4) {
      const value = encodeText("v".repeat(random.below(9)));
      memtable.set(key, value);
      model.set(key, value);
    } else if (roll < 7) {
      // Most drawn keys are not there; those that are go one by one, or all at once.
      const there = random.chance(500) ? [key] : [...model.keys()].slice(0, random.pick([1, 1, 1, 1000]));
      for (const gone of there) {
        memtable.set(gone, undefined);
        model.delete(gone);
      }
    } else if (roll < 8) assertEquals(memtable.get(key), model.get(key), `seed ${seed}`);
    else {
      const range = {
        begin: key,
        end: drawKey(random, lengthMax),
        countMax: random.below(8),
        bytesMax: random.below(40),
      };
      assertEquals(memtable.scan(range), dumbScan(model, range), `seed ${seed}`);
    }
  }
  let bytes = 0;
  for (const [key, value] of model) bytes += key.length + value.length;
  assertEquals([memtable.count, memtable.bytes], [model.size, bytes], `seed ${seed}`);
  const { keys, values } = memtable.snapshot();
  assertEquals(new Map(keys.map((key, index) => [key, values[index]!])), model);
}

function dumbScan(
  model: ReadonlyMap<ByteString, Uint8Array>,
  { begin, end, countMax, bytesMax }: {
    readonly begin: ByteString;
    readonly end: ByteString;
    readonly countMax: number;
    readonly bytesMax: number;
  },
): unknown {
  const all = [...model].filter(([key]) => key >= begin && key < end).sort(([a], [b]) => a < b ? -1 : 1);
  const entries = [];
  let bytes = 0;
  for (const [key, value] of all) {
    bytes += key.length + value.length;
    if (entries.length >= countMax || (entries.length > 0 && bytes > bytesMax)) {
      return { entries, more: true };
    }
    entries.push({ key, value });
  }
  return { entries, more: false };
}

Deno.test("Memtable equals a map that is sorted on every scan", () => {
  for (let seed = 0; seed < 60; seed++) check(seed);
});
