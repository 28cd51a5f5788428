/** Properties of `src/replication/scan_round.ts`: pages of any size, put behind each other, are all keys there are. @module */
import { assert, assertEquals } from "@std/assert";
import type { ByteString } from "../../src/base/bytes.ts";
import { Random } from "../../src/base/random.ts";
import { type HeldEntry, type HeldPage, ScanRound } from "../../src/replication/scan_round.ts";
import { type Held, resolve } from "../../src/versions/resolve.ts";
import type { Version } from "../../src/versions/version.ts";

/** What each replica holds, by key. */
type Copies = ReadonlyMap<string, ReadonlyMap<ByteString, Held>>;

interface World {
  readonly ids: readonly string[];
  readonly naturals: readonly (readonly string[])[];
  readonly required: number;
  readonly copies: Copies;
}

/** Which replicas hold a key: by its last character. */
function naturalsOf({ naturals }: World, key: ByteString): readonly string[] {
  return naturals[key.charCodeAt(key.length - 1) % naturals.length]!;
}

function shuffled(random: Random, ids: readonly string[]): string[] {
  const rest = [...ids];
  return ids.map(() => rest.splice(random.below(rest.length), 1)[0]!);
}

/** Copies that miss writes and deletes, and copies on replicas that are to hold none. */
function draw(random: Random): World {
  const ids = Array.from({ length: random.between(1, 5) }, (_, index) => `r${index + 1}`);
  const copyCount = random.between(1, ids.length);
  const naturals = Array.from(
    { length: random.between(1, 4) },
    () => shuffled(random, ids).slice(0, copyCount).sort(),
  );
  const copies = new Map(ids.map((id) => [id, new Map<ByteString, Held>()]));
  const world: World = { ids, naturals, required: random.between(1, copyCount), copies };
  const missing = random.pick([0, 100, 500]);
  const deleted = random.pick([0, 300, 950]);
  for (let i = random.pick([0, 3, 40, 120]); i > 0; i--) {
    const key = `${random.below(random.pick([30, 500])).toString(7)}` as ByteString;
    for (const stamp of [10, 20]) {
      const version: Version = {
        stamp: stamp + random.below(5),
        origin: "r1.1",
        ...(random.chance(deleted) ? {} : { value: `${key}@${stamp}`.padEnd(random.below(60), ".") }),
      };
      // One write has one value, wherever it lies.
      const same = [...copies.values()].flatMap((held) => held.get(key) ?? []).find((other) =>
        other.stamp === version.stamp
      );
      for (const id of random.chance(50) ? ids : naturalsOf(world, key)) {
        if (random.chance(missing)) continue;
        const held = copies.get(id)!;
        held.set(key, resolve(held.get(key) ?? [], [same ?? version], { siblings: false }));
      }
    }
  }
  return world;
}

/** A page as a store gives it: bounded by count and bytes, at least one entry. */
function pageOf(
  held: ReadonlyMap<ByteString, Held>,
  after: ByteString | undefined,
  countMax: number,
  bytesMax: number,
): HeldPage {
  const keys = [...held.keys()].sort().filter((key) => after === undefined || key > after);
  const entries: HeldEntry[] = [];
  let bytes = 0;
  for (const key of keys) {
    bytes += key.length + (held.get(key)![0]!.value?.length ?? 0);
    if (entries.length === countMax || (entries.length > 0 && bytes > bytesMax)) break;
    entries.push({ key, held: held.get(key)! });
  }
  return { entries, more: entries.length < keys.length };
}

/** What remains of the copies of some replicas, as one who sees all of them at once would say it. */
function expectedOf(world: World, ids: readonly string[]): [ByteString, Held][] {
  const keys = new Set(ids.flatMap((id) => [...world.copies.get(id)!.keys()]));
  return [...keys].sort().flatMap((key): [ByteString, Held][] => {
    const naturals = naturalsOf(world, key);
    const held = ids.filter((id) => naturals.includes(id)).reduce<Held>(
      (all, id) => resolve(all, world.copies.get(id)!.get(key) ?? [], { siblings: false }),
      [],
    );
    return held.some(({ value }) => value !== undefined) ? [[key, held]] : [];
  });
}

function check(seed: number): void {
  const random = new Random(seed);
  const world = draw(random);
  const answering = new Set(world.ids.filter(() => !random.chance(150)));
  const isEnough = world.naturals.every((list) =>
    list.filter((id) => answering.has(id)).length >= world.required
  );
  const countMax = random.pick([1, 2, 5, 300]);
  const bytesMax = random.pick([1, 100, 10_000]);
  const found: [ByteString, Held][] = [];
  let after: ByteString | undefined;
  for (let more = true; more;) {
    const round = new ScanRound({
      asked: world.ids,
      naturals: world.naturals,
      required: world.required,
      naturalsOf: (key) => naturalsOf(world, key),
      resolution: { siblings: false },
    });
    for (const id of shuffled(random, world.ids)) {
      const limit = random.between(1, countMax);
      if (answering.has(id)) round.onPage(id, pageOf(world.copies.get(id)!, after, limit, bytesMax));
      else round.onFailure(id);
    }
    const verdict = round.verdict();
    if (!isEnough) return assertEquals(verdict.kind, "failed");
    assertEquals(verdict, { kind: "answered", answered: world.ids.filter((id) => answering.has(id)) });
    const page = round.page({ countMax, bytesMax });
    assert(page.entries.length <= countMax);
    const size = page.entries.reduce((sum, { key, held }) => sum + key.length + held[0]!.value!.length, 0);
    assert(size <= bytesMax || page.entries.length === 1, `${size} bytes`);
    found.push(...page.entries.map(({ key, held }): [ByteString, Held] => [key, held]));
    assertEquals(page.last !== undefined, page.more);
    if (page.more) assert(after === undefined || page.last! > after, "a scan stands still");
    after = page.last;
    more = page.more;
  }
  assertEquals(found, expectedOf(world, [...answering]));
}

Deno.test("Merged pages of any size are together the sorted set of all keys, at the level", () => {
  for (let seed = 1; seed <= 600; seed++) {
    try {
      check(seed);
    } catch (cause) {
      throw new Error(`seed ${seed}`, { cause });
    }
  }
});
