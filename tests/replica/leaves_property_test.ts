import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import type { ByteString } from "../../src/base/bytes.ts";
import { hash64, hexOf } from "../../src/base/hash64.ts";
import { Random } from "../../src/base/random.ts";
import type { StoreWrite } from "../../src/ports.ts";
import { type CellSpace, digestOf, Leaves } from "../../src/replica/leaves.ts";
import { mergeStored } from "../../src/replica/merge.ts";
import { dataKey } from "../../src/replica/store_keys.ts";
import { encodeRecord } from "../../src/versions/record.ts";
import { StoreUnderTest } from "../storage/store_under_test.ts";

const BYTES: CellSpace = { name: "main", cellCount: 256, cellOf: (key) => key.charCodeAt(0) };
const TEXTS: CellSpace = { name: "items", cellCount: 65_536, cellOf: (key) => hash64(key).high >>> 16 };

/** A store of records, and the leaves of the life under way. */
class Stand {
  readonly store: StoreUnderTest;
  readonly said: string[] = [];
  spaces: readonly CellSpace[] = [BYTES, TEXTS];
  knowsLeaves = true;
  leaves!: Leaves;

  constructor(seed: number, segmentBytes: number) {
    this.store = new StoreUnderTest({
      seed,
      segmentBytes,
      merge: mergeStored,
      derive: () => {
        const log = { write: (_level: string, text: string): void => void this.said.push(text) };
        this.leaves = new Leaves(this.spaces, log);
        if (this.knowsLeaves) return this.leaves;
        // A program from before: to it they are entries like others.
        return {
          isOwn: () => false,
          onLoaded: () => false,
          onChanged: () => {},
          onRecovered: () => {},
          entries: () => [],
        };
      },
    });
  }

  entries(): readonly StoreWrite[] {
    let entries: readonly StoreWrite[] = [];
    const range = { begin: "" as ByteString, end: "\xff" as ByteString, countMax: 1e6, bytesMax: 1e9 };
    this.store.engine.submit({ kind: "scan", ...range }, (result) => {
      if (result.kind === "scanned") entries = result.entries;
    });
    return entries;
  }

  verify(message: string): void {
    assertEquals(this.leaves.problem(this.entries()), undefined, message);
  }
}

function drawWrite(random: Random, stamp: number): StoreWrite {
  const isByte = random.chance(300);
  const key = isByte ? String.fromCharCode(random.pick([0, 7, 255])) : `key ${random.below(40)}`;
  const value = random.chance(200) ? {} : { value: "v".repeat(random.pick([0, 3, 60])) };
  const record = encodeRecord([{ origin: "r1.ab", stamp, ...value }]);
  return { key: dataKey(isByte ? "main" : "items", key as ByteString), value: record };
}

/** Any writes, and power cuts at any point: leaves are those of the records, and no start has to reckon them. */
async function check(seed: number): Promise<void> {
  const random = new Random(seed);
  const stand = new Stand(seed, random.pick([2048, 4096, 16 * 1024]));
  const { store } = stand;
  await store.open();
  for (let step = 0; step < 60; step++) {
    const roll = random.below(100);
    if (roll < 60) {
      const count = random.between(1, 3);
      // Stamps of the past as well: a write that loses changes nothing.
      store.submit(...Array.from({ length: count }, () => drawWrite(random, 1 + random.below(1000))));
    } else if (roll < 75) await store.time.run(random.below(6));
    else if (roll < 85) store.engine.tick();
    else {
      const kind = random.pick(["close", "kill", "power", "power"] as const);
      if (kind === "close") await store.close();
      else if (kind === "kill") store.disk.kill();
      else store.disk.powerCut();
      while (random.chance(300)) {
        store.beginOpen().catch(() => {});
        await store.time.run(random.below(12));
        store.disk.powerCut();
      }
      await store.open();
      stand.verify(`seed ${seed} step ${step}, after ${kind}`);
    }
  }
  await store.time.run();
  stand.verify(`seed ${seed} at the end`);
  assertEquals(stand.said, [], `seed ${seed}`);
}

Deno.test("Leaves are those of the records after any writes and power cuts, and no start reckons them", async () => {
  for (let seed = 0; seed < 60; seed++) await check(seed);
});

async function filled(): Promise<Stand> {
  const stand = new Stand(1, 4096);
  await stand.store.open();
  const random = new Random(1);
  for (let stamp = 1; stamp < 60; stamp++) await stand.store.apply(drawWrite(random, stamp));
  await stand.store.close();
  return stand;
}

Deno.test("Leaves of a directory from before them are reckoned once, and the log says so", async () => {
  const stand = await filled();
  stand.knowsLeaves = false;
  await stand.store.open();
  const random = new Random(2);
  for (let stamp = 60; stamp < 90; stamp++) await stand.store.apply(drawWrite(random, stamp));
  await stand.store.close();
  stand.knowsLeaves = true;
  await stand.store.open();
  stand.verify("after the start that reckons");
  assertMatch(
    stand.said.join(),
    /^the Merkle leaves were missing or of other cells, and were reckoned anew$/,
  );
  await stand.store.powerCut();
  stand.verify("after the next start");
  assertEquals(stand.said.length, 1);
});

Deno.test("Leaves of a keyspace that left the configuration and came back are reckoned anew", async () => {
  const stand = await filled();
  stand.spaces = [BYTES];
  await stand.store.open();
  await stand.store.apply(drawWrite(new Random(3), 90));
  await stand.store.close();
  assertEquals(stand.said, []);
  stand.spaces = [BYTES, TEXTS];
  await stand.store.open();
  stand.verify("with the keyspace back");
  assertEquals(stand.said.length, 1);
});

Deno.test("Leaves of a keyspace with other cells than before are reckoned anew", async () => {
  const stand = await filled();
  stand.spaces = [{ ...BYTES, cellCount: 65_536, cellOf: TEXTS.cellOf }, TEXTS];
  await stand.store.open();
  stand.verify("with other cells");
  assertEquals(stand.said.length, 1);
});

Deno.test("digestOf is the same for ever, and differs with key, stamp and value", () => {
  const record = (stamp: number, value: string): Uint8Array =>
    encodeRecord([{ origin: "r1.0badcafe", stamp, value }]);
  const hex = (key: string, stamp: number, value: string): string =>
    hexOf(digestOf(key as ByteString, record(stamp, value)));
  assertEquals(hex("a", 1, "x"), "abb44e13d122f25d");
  for (const other of [hex("b", 1, "x"), hex("a", 2, "x"), hex("a", 1, "y")]) {
    assertNotEquals(other, hex("a", 1, "x"));
  }
});

Deno.test("Digests of similar records spread over all their bits, and pairs of changes do not cancel", () => {
  const ones = new Array<number>(64).fill(0);
  const count = 4096;
  const cancelled = new Set<string>();
  for (let i = 0; i < count; i++) {
    const digests = ["x", "y"].map((value) =>
      digestOf(`key ${i}` as ByteString, encodeRecord([{ origin: "r1.ab", stamp: 4096 + i, value }]))
    );
    const [{ high, low }, other] = digests as [typeof digests[0], typeof digests[0]];
    for (let bit = 0; bit < 32; bit++) {
      ones[bit]! += low >>> bit & 1;
      ones[32 + bit]! += high >>> bit & 1;
    }
    // The same change of value under many keys: with a linear checksum all of these were one.
    cancelled.add(`${(high ^ other.high) >>> 0} ${(low ^ other.low) >>> 0}`);
  }
  for (const [bit, share] of ones.entries()) {
    assert(Math.abs(share - count / 2) < count / 12, `bit ${bit} is set in ${share} of ${count}`);
  }
  assertEquals(cancelled.size, count);
});
