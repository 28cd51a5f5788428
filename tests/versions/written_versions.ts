/** Versions as writers would make them, under any clocks, for property tests: contexts are read from what was written. @module */
import * as fc from "fast-check";
import { joinVectors } from "../../src/versions/version.ts";
import { contextOf, type Origin, type Version } from "../../src/versions/version.ts";

const ORIGINS: readonly Origin[] = ["r1.a", "r1.b", "r2.a", "r3.0f"];

/** One write: who, with which clock, what it had read (indexes of earlier writes). */
interface Draft {
  readonly writer: number;
  readonly clock: number;
  readonly reads: readonly number[];
  readonly value: string | undefined;
}

const draft: fc.Arbitrary<Draft> = fc.record({
  writer: fc.nat(ORIGINS.length - 1),
  clock: fc.integer({ min: 1, max: 60 }),
  reads: fc.array(fc.nat(30), { maxLength: 3 }),
  value: fc.option(fc.constantFrom("", "a", "b", "é😀"), { nil: undefined }),
});

/**
 * Writes of one key. A stamp exceeds all that its writer had seen and all that its origin gave; otherwise clocks are
 * arbitrary. A writer sees its own earlier writes of the key: its replica holds them before it gives the next dot.
 */
export const writtenVersions: fc.Arbitrary<readonly Version[]> = fc.array(draft, { maxLength: 14 }).map(
  (drafts) => {
    const versions: Version[] = [];
    for (const { writer, clock, reads, value } of drafts) {
      const origin = ORIGINS[writer]!;
      const read = versions.length === 0 ? [] : reads.map((index) => versions[index % versions.length]!);
      const own = versions.filter((version) => version.origin === origin);
      const seen = joinVectors(contextOf(read), contextOf(own.slice(-1)));
      const stamp = Math.max(clock, ...Object.values(seen).map((each) => each + 1));
      const isFirst = Object.keys(seen).length === 0;
      versions.push({
        stamp,
        origin,
        ...(value === undefined ? {} : { value }),
        ...(isFirst ? {} : { seen }),
      });
    }
    return versions;
  },
);

/** Some of the versions, in any order. */
export function someOf(versions: readonly Version[]): fc.Arbitrary<Version[]> {
  return fc.shuffledSubarray([...versions]);
}
