/** The laws of `src/versions/resolve.ts` and of what it rests on, under arbitrary clock skew. @module */
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { mergeRecords, mergeSiblings } from "../../src/versions/merge_records.ts";
import {
  areSingles,
  compareSingles,
  decodeOutline,
  decodeRecord,
  encodeRecord,
} from "../../src/versions/record.ts";
import { type Held, type Resolution, resolve } from "../../src/versions/resolve.ts";
import {
  compareVersions,
  concurrent,
  contextOf,
  covers,
  descends,
  joinVectors,
  type Version,
} from "../../src/versions/version.ts";
import { someOf, writtenVersions } from "./written_versions.ts";

const three = writtenVersions.chain((versions) =>
  fc.tuple(someOf(versions), someOf(versions), someOf(versions))
);

/** Three writes of one key, possibly the same. */
const triple = writtenVersions.filter(({ length }) => length > 0).chain((versions) => {
  const any = fc.constantFrom(...versions);
  return fc.tuple(any, any, any);
});

const WINNER: Resolution = { siblings: false };
const SIBLINGS: Resolution = { siblings: true };

function held(versions: readonly Version[], resolution: Resolution): Held {
  return versions.reduce<Held>((sofar, version) => resolve(sofar, [version], resolution), []);
}

for (const resolution of [WINNER, SIBLINGS]) {
  const how = resolution.siblings ? "with siblings" : "with one winner";
  const join = (a: Held, b: Held): Held => resolve(a, b, resolution);

  Deno.test(`Resolution ${how} is commutative, associative and idempotent`, () => {
    fc.assert(fc.property(three, ([x, y, z]) => {
      const [a, b, c] = [held(x, resolution), held(y, resolution), held(z, resolution)];
      assertEquals(join(a, b), join(b, a));
      assertEquals(join(join(a, b), c), join(a, join(b, c)));
      assertEquals(join(a, a), a);
      assertEquals(join(join(a, b), b), join(a, b));
    }));
  });

  Deno.test(`Resolution ${how} gives the same for the same writes in any order and grouping`, () => {
    const shuffled = writtenVersions.chain((versions) =>
      fc.tuple(fc.constant(versions), fc.shuffledSubarray([...versions], { minLength: versions.length }))
    );
    fc.assert(fc.property(shuffled, ([versions, others]) => {
      assertEquals(held(others, resolution), held(versions, resolution));
    }));
  });
}

Deno.test("Resolution with siblings keeps exactly the versions that no other has seen", () => {
  fc.assert(fc.property(writtenVersions, (versions) => {
    const dumb = versions.filter((version) =>
      !versions.some((other) => other !== version && descends(other, version))
    );
    assertEquals(held(versions, SIBLINGS), dumb.toSorted((a, b) => compareVersions(b, a)));
  }));
});

Deno.test("Resolution with one winner keeps the greatest, which no other has seen", () => {
  fc.assert(fc.property(writtenVersions, (versions) => {
    const [winner, ...rest] = held(versions, WINNER);
    assertEquals(rest, []);
    for (const version of versions) {
      assert(compareVersions(winner!, version) >= 0);
      assert(version === winner || !descends(version, winner!));
    }
  }));
});

Deno.test("Descent is a partial order on closed vectors", () => {
  fc.assert(fc.property(triple, ([a, b, c]) => {
    assert(descends(a, a));
    if (descends(a, b) && descends(b, a)) assertEquals(compareVersions(a, b), 0);
    if (descends(a, b) && descends(b, c)) assert(descends(a, c), "transitive");
    assertEquals(concurrent(a, b), !descends(a, b) && !descends(b, a));
  }));
});

Deno.test("The total order is total, transitive, and extends descent", () => {
  fc.assert(fc.property(triple, ([a, b, c]) => {
    const order = Math.sign(compareVersions(a, b));
    assertEquals(order + Math.sign(compareVersions(b, a)), 0);
    assertEquals(order === 0, a.stamp === b.stamp && a.origin === b.origin);
    if (order >= 0 && compareVersions(b, c) >= 0) assert(compareVersions(a, c) >= 0);
    if (descends(a, b)) assert(order >= 0, "who saw a write comes after it");
  }));
});

Deno.test("A writer who read everything replaces everything", () => {
  fc.assert(fc.property(writtenVersions, (versions) => {
    const seen = contextOf(versions);
    const stamp = Math.max(0, ...Object.values(seen)) + 1;
    const heir: Version = { stamp, origin: "r9.9", value: "heir", seen };
    for (const version of versions) assert(covers(seen, version.origin, version.stamp));
    assertEquals(resolve(held(versions, SIBLINGS), [heir], SIBLINGS), [heir]);
  }));
});

Deno.test("Joining vectors is commutative, associative and idempotent, and covers both", () => {
  const vector = fc.dictionary(fc.constantFrom("r1.a", "r2.b", "r3.c"), fc.integer({ min: 1, max: 9 }));
  fc.assert(fc.property(vector, vector, vector, (a, b, c) => {
    const join = joinVectors(a, b);
    assertEquals(join, joinVectors(b, a));
    assertEquals(joinVectors(join, c), joinVectors(a, joinVectors(b, c)));
    assertEquals(joinVectors(a, a), a);
    for (const [origin, stamp] of [...Object.entries(a), ...Object.entries(b)]) {
      assert(covers(join, origin, stamp));
    }
  }));
});

Deno.test("Equal dots with different bytes settle the same everywhere (H6)", () => {
  const value = fc.option(fc.string({ maxLength: 3, unit: "grapheme" }), { nil: undefined });
  const twin = fc.record({ value, other: value, third: value });
  fc.assert(fc.property(twin, writtenVersions, (values, versions) => {
    const [a, b, c] = [values.value, values.other, values.third].map((each): Held => [
      { stamp: 30, origin: "r2.a", ...(each === undefined ? {} : { value: each }) },
    ]);
    for (const resolution of [WINNER, SIBLINGS]) {
      const join = (x: Held, y: Held): Held => resolve(x, y, resolution);
      assertEquals(join(a!, b!), join(b!, a!));
      assertEquals(join(join(a!, b!), c!), join(a!, join(b!, c!)));
      const rest = held(versions.filter(({ origin }) => origin !== "r2.a"), resolution);
      assertEquals(join(join(rest, a!), b!), join(a!, join(b!, rest)));
    }
  }));
});

Deno.test("Dependencies on other keys never decide a conflict (H11)", () => {
  fc.assert(fc.property(writtenVersions, writtenVersions, (versions, others) => {
    const deps = contextOf(others);
    const bare = ({ deps: _deps, ...version }: Version): Version => version;
    const laden = versions.map((version) => ({ ...version, deps }));
    for (const resolution of [WINNER, SIBLINGS]) {
      assertEquals(held(laden, resolution).map(bare), held(versions, resolution));
    }
  }));
  const a: Version = { stamp: 10, origin: "r1.a", value: "k" };
  const b: Version = { stamp: 30, origin: "r2.a", value: "l", deps: { "r1.a": 20 } };
  assertEquals(
    resolve([a], [b], SIBLINGS),
    [b, a],
    "a session that saw r1@20 elsewhere did not see r1@10 here",
  );
});

Deno.test("Records carry every version unchanged, and equal versions have equal bytes", () => {
  fc.assert(fc.property(three, ([versions, deps]) => {
    fc.pre(versions.length > 0);
    const laden = versions.map((version) =>
      deps.length === 0 ? version : { ...version, deps: contextOf(deps) }
    );
    assertEquals(decodeRecord(encodeRecord(laden)), laden);
    const turned = laden.map((version) => ({
      ...version,
      ...(version.seen ? { seen: Object.fromEntries(Object.entries(version.seen).reverse()) } : {}),
    }));
    assertEquals(encodeRecord(turned), encodeRecord(laden));
  }));
});

Deno.test("Single records compare as their versions do", () => {
  const stamp = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.maxSafeNat().map((each) => each + 1));
  const origin = fc.constantFrom("r1.a", "r1.b", "r10.a", "r2.a", "r2.aa");
  const single = fc.record({ stamp, origin, value: fc.constantFrom("x", "y") });
  fc.assert(fc.property(single, single, (a, b) => {
    const [x, y] = [encodeRecord([a]), encodeRecord([b])];
    assert(areSingles(x, y));
    const order = Math.sign(compareVersions(a, b));
    if (order !== 0) assertEquals(Math.sign(compareSingles(x, y)), order);
    else assertEquals(compareSingles(x, y) === 0, a.value === b.value);
  }));
});

Deno.test("Merging records is resolving their versions, with equal dots too", () => {
  const twins = writtenVersions.map((versions) => versions.map((version) => ({ ...version, value: "twin" })));
  const pairs = fc.tuple(writtenVersions, twins).chain(([versions, others]) =>
    fc.tuple(someOf(versions), someOf([...versions, ...others]))
  );
  fc.assert(fc.property(pairs, ([x, y]) => {
    fc.pre(x.length > 0 && y.length > 0);
    const [a, b] = [held(x, WINNER), held(y, WINNER)];
    assertEquals(
      decodeRecord(mergeRecords(encodeRecord(a), encodeRecord(b))),
      resolve(a, b, WINNER),
    );
    const merged = mergeRecords(encodeRecord(x), encodeRecord(y));
    assertEquals(decodeRecord(merged), resolve(held(x, WINNER), held(y, WINNER), WINNER));
  }));
});

Deno.test("Merging siblings is resolving their versions, and what brings nothing new changes nothing", () => {
  const pairs = writtenVersions.chain((versions) => fc.tuple(someOf(versions), someOf(versions)));
  fc.assert(fc.property(pairs, ([x, y]) => {
    fc.pre(x.length > 0 && y.length > 0);
    const [a, b] = [encodeRecord(held(x, SIBLINGS)), encodeRecord(held(y, SIBLINGS))];
    const merged = mergeSiblings(a, b);
    assertEquals(decodeRecord(merged), resolve(decodeRecord(a), decodeRecord(b), SIBLINGS));
    assert(mergeSiblings(merged, a) === merged && mergeSiblings(merged, b) === merged, "the very bytes held");
  }));
});

Deno.test("A record holds more than 255 versions, and 255 and 256 alike", () => {
  for (const count of [1, 2, 254, 255, 256, 257, 1000]) {
    const versions = Array.from({ length: count }, (_, index): Version => ({
      stamp: count - index,
      origin: "r1.a",
      ...(index % 3 === 0 ? {} : { value: `v${index}` }),
    }));
    const record = encodeRecord(versions);
    assertEquals(decodeRecord(record), versions);
    assertEquals(decodeOutline(record).map(({ stamp }) => stamp), versions.map(({ stamp }) => stamp));
    assertEquals(mergeSiblings(record, encodeRecord(versions.slice(0, 1))), record);
  }
});
