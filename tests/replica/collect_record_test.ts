import { assert, assertEquals } from "@std/assert";
import { encodeCollect, isCollect, mergeCollect } from "../../src/replica/collect_record.ts";
import { decodeRecord, encodeRecord } from "../../src/versions/record.ts";
import { oldestTombstone, withoutTombstones } from "../../src/versions/tombstones.ts";
import type { Version } from "../../src/versions/version.ts";

function version(stamp: number, value?: string): Version {
  return { stamp, origin: "r1.e1", ...(value === undefined ? {} : { value }) };
}

Deno.test("The oldest tombstone of a record is found among values and other tombstones", () => {
  assertEquals(oldestTombstone(encodeRecord([version(5, "x")])), undefined);
  assertEquals(oldestTombstone(encodeRecord([version(5)])), 5);
  assertEquals(oldestTombstone(encodeRecord([version(9, "x"), version(8), version(7, "y"), version(6)])), 6);
  assertEquals(oldestTombstone(encodeRecord([version(9, "x"), version(7, "y")])), undefined);
});

Deno.test("H14: tombstones up to a stamp are taken out of a record, and nothing else", () => {
  const all = [version(9, "x"), version(8), version(7, "y"), version(6)];
  const record = encodeRecord(all);
  assert(withoutTombstones(record, 5) === record);
  assertEquals(decodeRecord(withoutTombstones(record, 7)!), all.slice(0, 3));
  assertEquals(decodeRecord(withoutTombstones(record, 100)!), [version(9, "x"), version(7, "y")]);
  assertEquals(withoutTombstones(encodeRecord([version(8), version(6)]), 8), undefined);
  const value = encodeRecord([version(5, "x")]);
  assert(withoutTombstones(value, 100) === value);
});

Deno.test("H14: collecting removes a tombstone only where one up to its stamp still is", () => {
  const collect = encodeCollect(8);
  assertEquals([isCollect(collect), isCollect(encodeRecord([version(8)]))], [true, false]);
  assertEquals(mergeCollect(undefined, collect), undefined);
  assertEquals(mergeCollect(encodeRecord([version(8)]), collect), undefined);
  for (const later of [version(9), version(9, "x"), version(1, "x")]) {
    const record = encodeRecord([later]);
    assert(mergeCollect(record, collect) === record);
  }
});
