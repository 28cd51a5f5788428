/** Tests of what lies in the store beside versions: hints, owed records, keys, and the merge over all of them. @module */
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { type ByteString, byteString, encodeText } from "../../src/base/bytes.ts";
import { decodeHint, encodeDelivered, encodeHint, mergeHints } from "../../src/replica/hint_record.ts";
import { mergeOf, mergeStored } from "../../src/replica/merge.ts";
import { decodeOwed, encodeOwed } from "../../src/replica/owed_record.ts";
import {
  dataKey,
  dataRange,
  decodeStamp,
  encodeStamp,
  hintKey,
  hintRange,
  keyOfDataKey,
  OWED_RANGE,
  owedKey,
  partsOfHintKey,
  PROBE_KEY,
} from "../../src/replica/store_keys.ts";
import { decodeRecord, encodeRecord } from "../../src/versions/record.ts";
import { parseClusterConfig } from "../../src/replica/cluster_config.ts";

function record(stamp: number, value = "x"): Uint8Array {
  return encodeRecord([{ stamp, origin: "r1.a", value }]);
}

const anyKey = fc.uint8Array({ maxLength: 5 }).map(byteString);
const anyName = fc.constantFrom("main", "a", "ab", "a-b");

Deno.test("A hint keeps the greatest version it was given and the time of the first, in any order", () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(99)), { minLength: 1 }), (hints) => {
    let held: Uint8Array | undefined;
    for (const [stamp, sinceMs] of hints) held = mergeHints(held, encodeHint(record(stamp + 1), sinceMs));
    const { record: kept, sinceMs } = decodeHint(held!);
    assertEquals(kept, record(1 + Math.max(...hints.map(([stamp]) => stamp))));
    assertEquals(sinceMs, Math.min(...hints.map(([, since]) => since)));
  }));
});

Deno.test("A delivery removes the hint it covers, and no newer one", () => {
  const hint = encodeHint(record(5), 100);
  assertEquals(mergeHints(hint, encodeDelivered(record(5))), undefined);
  assertEquals(mergeHints(hint, encodeDelivered(record(6))), undefined, "the target holds even more");
  assertEquals(mergeHints(hint, encodeDelivered(record(4))), hint);
  assertEquals(
    mergeHints(undefined, encodeDelivered(record(4))),
    undefined,
    "nothing is left of a second one",
  );
});

Deno.test("Owed records carry any key and record", () => {
  fc.assert(fc.property(anyName, anyKey, fc.boolean(), (keyspace, key, hasRecord) => {
    const owed = { keyspace, key, targets: ["r2", "r3"], ...(hasRecord ? { record: record(7, "é😀") } : {}) };
    assertEquals(decodeOwed(encodeOwed(owed)), owed);
  }));
});

Deno.test("An owed record takes no more room than what it owes and a name, whatever the bytes", () => {
  const key = "\0".repeat(9) as ByteString;
  const owed = { keyspace: "main", key, targets: ["r2"], record: record(7, "\0\n\u0080".repeat(9999)) };
  const bytes = encodeOwed(owed);
  assert(bytes.length < owed.record.length + 200, `${bytes.length} bytes for ${owed.record.length}`);
  assertEquals(decodeOwed(bytes), owed);
});

Deno.test("Store keys give back their parts, and ranges hold exactly their own keys", () => {
  fc.assert(fc.property(anyName, anyName, anyKey, (target, keyspace, key) => {
    assertEquals(keyOfDataKey(dataKey(keyspace, key)), key);
    assertEquals(partsOfHintKey(hintKey(target, keyspace, key)), { target, keyspace, key });
    for (const other of ["main", "a", "ab", "a-b"]) {
      const inRange = (at: ByteString, range: { begin: ByteString; end: ByteString }): boolean =>
        at >= range.begin && at < range.end;
      assertEquals(inRange(dataKey(keyspace, key), dataRange(other)), keyspace === other);
      assertEquals(inRange(hintKey(target, keyspace, key), hintRange(other)), target === other);
    }
  }));
  fc.assert(fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
    assertEquals(owedKey(a) < owedKey(b), a < b);
    assert(owedKey(a) >= OWED_RANGE.begin && owedKey(a) < OWED_RANGE.end);
    assertEquals(decodeStamp(encodeStamp(a)), a);
  }));
});

Deno.test("Stored versions resolve, empty bytes remove facts, and the probe leaves nothing", () => {
  const data = dataKey("main", "k" as ByteString);
  assertEquals(mergeStored(data, record(5), record(4)), record(5));
  assertEquals(mergeStored(data, undefined, record(4)), record(4));
  const fact = "cfact" as ByteString;
  assertEquals(mergeStored(fact, encodeText("old"), encodeText("new")), encodeText("new"));
  assertEquals(mergeStored(fact, encodeText("old"), new Uint8Array(0)), undefined);
  assertEquals(mergeStored(PROBE_KEY, undefined, encodeText("any")), undefined);
});

Deno.test("What stands side by side is the keyspace's to say, in data and in hints, and no prefix of a name counts", () => {
  const document = { cluster: "c", default_keyspace: "a", replica: [{ id: "r1", address: "a:1" }] };
  const parsed = parseClusterConfig({
    ...document,
    keyspace: { a: {}, ab: { siblings: true }, main: {}, "a-b": { siblings: true }, abc: {} },
  });
  assert(parsed.ok);
  const merge = mergeOf(parsed.value);
  const [x, y] = [record(4, "x"), record(5, "y")];
  for (
    const [name, stamps] of [["a", [5]], ["ab", [5, 4]], ["main", [5]], ["a-b", [5, 4]], ["abc", [
      5,
    ]]] as const
  ) {
    const stampsOf = (bytes: Uint8Array): number[] => decodeRecord(bytes).map(({ stamp }) => stamp);
    for (const [first, second] of [[x, y], [y, x]] as const) {
      assertEquals(stampsOf(merge(dataKey(name, "b\0b" as ByteString), first, second)!), [...stamps], name);
      const at = hintKey("ab", name, "b\0b" as ByteString);
      const hint = merge(at, encodeHint(first, 9), encodeHint(second, 8))!;
      assertEquals(stampsOf(decodeHint(hint).record), [...stamps], name);
      // Delivered is what was sent: where only one of two was, the other is still owed.
      const rest = merge(at, hint, encodeDelivered(second));
      assertEquals(rest !== undefined, stamps.length > 1 || second === x, name);
      assertEquals(merge(at, hint, encodeDelivered(decodeHint(hint).record)), undefined, name);
    }
  }
  assertEquals(merge(dataKey("ab", "k" as ByteString), undefined, x), x);
  assertEquals(merge("cfact" as ByteString, x, new Uint8Array(0)), undefined);
  assertEquals(merge(hintKey("ab", "ab", "k" as ByteString), undefined, encodeDelivered(x)), undefined);
});

Deno.test("Where no keyspace has siblings the merge is the plain one", () => {
  assertEquals(mergeOf({ keyspaces: new Map() }), mergeStored);
});
