/** `src/checker/causal_patterns.ts` equals the paper's definitions over all pairs, and lets pass whatever a causal store shows. @module */
import { assert, assertEquals } from "@std/assert";
import { Random } from "../../src/base/random.ts";
import { findPattern, type Pattern } from "../../src/checker/causal_patterns.ts";
import { judgeCausality } from "../../src/checker/causality.ts";
import { type HistoryVersion, type Operation, touchedVersions } from "../../src/checker/history.ts";
import { nameVersion } from "../../src/checker/operation_text.ts";
import { judgeSessions } from "../../src/checker/sessions.ts";
import { causalRun } from "./causal_store.ts";

/** What the definitions say: consistent, not even causally (CC), or causally and not convergent (CCv). */
type Answer = "fine" | "not_causal" | "not_convergent";

/** Which write each get is said to have read: one of the history, or none. */
type Reads = ReadonlyMap<Operation, Operation | undefined>;

/** Every pair of operations, of which the first comes before the second. */
type Pairs = readonly (readonly boolean[])[];

function closed(count: number, hasEdge: (one: number, other: number) => boolean): Pairs {
  const pairs = Array.from(
    { length: count },
    (_, one) => Array.from({ length: count }, (_, other) => hasEdge(one, other)),
  );
  for (let via = 0; via < count; via++) {
    for (let one = 0; one < count; one++) {
      if (!pairs[one]![via]) continue;
      for (let other = 0; other < count; other++) pairs[one]![other] ||= pairs[via]![other]!;
    }
  }
  return pairs;
}

function hasCircle(pairs: Pairs): boolean {
  return pairs.some((row, index) => row[index]);
}

/** The bad patterns as the paper has them. Requires: all that did happen, each client's in its order. */
function answerOf(operations: readonly Operation[], reads: Reads): Answer {
  const sources = new Set(reads.values());
  const all = operations.filter((each) => each.outcome === "ok" || sources.has(each));
  const causal = closed(all.length, (one, other) => {
    const [a, b] = [all[one]!, all[other]!];
    return a.client === b.client && a.outcome === "ok" && one < other || reads.get(b) === a;
  });
  if (hasCircle(causal)) return "not_causal";
  const precedes = (a: Operation, b: Operation): boolean => causal[all.indexOf(a)]![all.indexOf(b)]!;
  const arrows = new Set<string>();
  for (const [read, source] of reads) {
    for (const write of all) {
      if (write.op === "get" || write.key !== read.key || write === source || !precedes(write, read)) {
        continue;
      }
      if (!source || precedes(source, write)) return "not_causal";
      arrows.add(`${all.indexOf(write)} ${all.indexOf(source)}`);
    }
  }
  const conflict = closed(all.length, (one, other) => causal[one]![other]! || arrows.has(`${one} ${other}`));
  return hasCircle(conflict) ? "not_convergent" : "fine";
}

/** All ways in which gets may have read: a get of nothing found none, or any deletion of its key that had begun. */
function* waysToRead(operations: readonly Operation[]): Generator<Reads> {
  const gets = operations.filter(({ op }) => op === "get");
  const choices = gets.map((get): readonly (Operation | undefined)[] => {
    if (get.value !== undefined) {
      return [
        operations.find(({ op, key, value }) => op === "put" && key === get.key && value === get.value),
      ];
    }
    const deletions = operations.filter(({ op, key, invokedMs }) =>
      op === "delete" && key === get.key && invokedMs <= get.endedMs
    );
    return [undefined, ...deletions];
  });
  const picked = choices.map(() => 0);
  while (true) {
    yield new Map(gets.map((get, index) => [get, choices[index]![picked[index]!]]));
    const next = picked.findIndex((pick, index) => pick + 1 < choices[index]!.length);
    if (next < 0) return;
    picked.fill(0, 0, next);
    picked[next]!++;
  }
}

/** The best that any way to read gives. */
function bestAnswer(operations: readonly Operation[]): Answer {
  let best: Answer = "not_causal";
  for (const reads of waysToRead(operations)) {
    const answer = answerOf(operations, reads);
    if (answer === "fine") return answer;
    if (answer === "not_convergent") best = answer;
  }
  return best;
}

function answerBy(pattern: Pattern | undefined): Answer {
  if (!pattern) return "fine";
  return pattern.kind === "no_order" || pattern.kind === "older" ? "not_convergent" : "not_causal";
}

/** Drawn operations of four clients on two keys: gets return anything that is ever put there, mostly something recent. */
function draw(random: Random, { deletesPerMille }: { readonly deletesPerMille: number }): Operation[] {
  // Why mostly another key than before: sessions that go back anyway show nothing of causality.
  const before = ["x", "x", "y", "y"];
  const drafts = Array.from({ length: random.between(4, 14) }, (_, index) => {
    const client = random.below(4);
    if (!random.chance(150)) before[client] = before[client] === "x" ? "y" : "x";
    return {
      index,
      client,
      key: before[client]!,
      isGet: random.chance(500),
      isDelete: random.chance(deletesPerMille),
      isUnknown: random.chance(100),
    };
  });
  return drafts.map(({ index, client, key, isGet, isDelete, isUnknown }): Operation => {
    const times = { invokedMs: 10 * index, endedMs: 10 * index + 9 };
    const base = { client, key, required: 0, coordinator: "", acked: [], ...times, outcome: "ok" as const };
    if (isGet) {
      const puts = drafts.filter((each) => each.key === key && !each.isGet && !each.isDelete);
      const recent = puts.filter((put) => put.index < index).slice(-3);
      const source = random.chance(100)
        ? random.pick([undefined, ...puts])
        : random.pick(random.chance(100) ? [undefined] : [...recent, recent.at(-1)]);
      return { ...base, op: "get", ...(source ? { value: `v${source.index}` } : {}) };
    }
    const end = isUnknown ? { outcome: "info" as const, endedMs: Infinity } : {};
    return isDelete ? { ...base, op: "delete", ...end } : { ...base, op: "put", value: `v${index}`, ...end };
  });
}

/** A store that is causal, but does not converge. */
const DIVIDED = { count: 16, clientCount: 5, keyCount: 3, keeping: "last", hasVersions: false } as const;

Deno.test("Drawn histories of puts and gets are judged as the paper's definitions judge them", () => {
  const counts = { fine: 0, not_causal: 0, not_convergent: 0, sessions: 0 };
  for (let seed = 0; seed < 20_000; seed++) {
    const random = new Random(seed);
    const operations = seed % 3 > 0 ? draw(random, { deletesPerMille: 0 }) : causalRun(random, DIVIDED);
    const expected = bestAnswer(operations);
    const { pattern } = findPattern(operations);
    if (judgeSessions({ operations }).violations.length > 0) {
      assert(expected !== "fine", `seed ${seed}: a session goes back`);
      counts.sessions++;
      continue;
    }
    assertEquals(answerBy(pattern), expected, `seed ${seed}`);
    counts[expected]++;
  }
  assert(counts.fine > 1000 && counts.not_causal > 300 && counts.not_convergent > 20, JSON.stringify(counts));
});

Deno.test("With deletions, a history is accused only if no way to read it is right, and mostly then", () => {
  const counts = { accused: 0, spared: 0 };
  for (let seed = 0; seed < 10_000; seed++) {
    const operations = draw(new Random(seed), { deletesPerMille: 300 });
    const { pattern } = findPattern(operations);
    const isAccused = pattern !== undefined || judgeSessions({ operations }).violations.length > 0;
    const expected = bestAnswer(operations);
    if (isAccused) assert(expected !== "fine", `seed ${seed}: ${pattern?.kind ?? "a session goes back"}`);
    if (isAccused) counts.accused++;
    else if (expected !== "fine") counts.spared++;
  }
  assert(counts.accused > 500 && counts.spared < counts.accused / 10, JSON.stringify(counts));
});

Deno.test("What a causal store shows is causal, whichever of concurrent writes each replica keeps", () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed);
    const operations = causalRun(random, {
      count: 150,
      clientCount: 6,
      keyCount: 3,
      keeping: "last",
      hasVersions: false,
      deletesPerMille: seed % 2 === 0 ? 0 : 150,
      unknownPerMille: 50,
    });
    const { pattern } = findPattern(operations);
    assert(
      answerBy(pattern) !== "not_causal",
      `seed ${seed}: ${judgeCausality({ operations }).violations[0]?.sentence}`,
    );
  }
});

for (const keeping of ["greatest", "siblings"] as const) {
  const rule = keeping === "greatest" ? "the greatest of concurrent writes" : "all that nobody replaced";
  Deno.test(`What a causal store shows that keeps ${rule} passes the judges of sessions and causality`, () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = new Random(seed);
      const operations = causalRun(random, {
        count: 150,
        clientCount: 6,
        keyCount: 3,
        keeping,
        hasVersions: keeping === "siblings" || seed % 3 > 0,
        deletesPerMille: seed % 2 === 0 ? 0 : 150,
        unknownPerMille: 50,
      });
      for (const judge of [judgeSessions, judgeCausality]) {
        assertEquals(judge({ operations }).violations.map(({ sentence }) => sentence), [], `seed ${seed}`);
      }
    }
  });
}

Deno.test("A get that returns another value than it did is mostly noticed, just where the definitions notice it", () => {
  let noticed = 0;
  const seedCount = 300;
  for (let seed = 0; seed < seedCount; seed++) {
    const random = new Random(seed);
    const operations = causalRun(random, {
      count: 60,
      clientCount: 4,
      keyCount: 2,
      keeping: "greatest",
      hasVersions: false,
    });
    const gets = operations.filter(({ op, value }) => op === "get" && value !== undefined);
    const changed = random.pick(gets);
    const others = operations.filter(({ op, key, value }) =>
      op === "put" && key === changed.key && value !== changed.value
    );
    const { value: _value, ...nothing } = changed;
    const told = random.pick([nothing, ...others.map(({ value }) => ({ ...changed, value: value! }))]);
    const wrong = operations.map((each) => each === changed ? told : each);
    const isNoticed = [judgeSessions, judgeCausality].some((judge) =>
      judge({ operations: wrong }).violations.length > 0
    );
    assertEquals(isNoticed, bestAnswer(wrong) !== "fine", `seed ${seed}`);
    if (isNoticed) noticed++;
  }
  assert(noticed > 0.7 * seedCount, `${noticed} of ${seedCount}`);
});

/** Whether each get returned all that came before it and nothing it returned has replaced, and nothing beside what replaced it. */
function isComplete(operations: readonly Operation[]): boolean {
  const writers = new Map(
    operations.flatMap((each) => each.op === "get" ? [] : [[nameVersion(each.version), each] as const]),
  );
  const pasts = new Map<Operation, Set<Operation>>();
  const replacedBy = (version: HistoryVersion): Set<string> => {
    const names = new Set<string>();
    for (const seen of writers.get(nameVersion(version))!.context!) {
      for (const name of [nameVersion(seen), ...replacedBy(seen)]) names.add(name);
    }
    return names;
  };
  return operations.every((operation) => {
    const returned = operation.op === "get" ? touchedVersions(operation) : [];
    const sources = returned.map((version) => writers.get(nameVersion(version))!);
    const mine = [...pasts.keys()].filter(({ client }) => client === operation.client);
    const before = [...mine, ...sources];
    const past = new Set(before.flatMap((each) => [each, ...pasts.get(each)!]));
    pasts.set(operation, past);
    if (operation.op !== "get") return true;
    const names = new Set(returned.map(nameVersion));
    const gone = new Set(returned.flatMap((version) => [...replacedBy(version)]));
    return [...names].every((name) => !gone.has(name)) &&
      [...past].every(({ op, key, version }) =>
        op === "get" || key !== operation.key || names.has(nameVersion(version)) ||
        gone.has(nameVersion(version))
      );
  });
}

Deno.test("A get that returns other versions side by side than it did is noticed just where it should be", () => {
  const counts = { wrong: 0, right: 0 };
  for (let seed = 0; seed < 1_000; seed++) {
    const random = new Random(seed);
    const operations = causalRun(random, {
      count: 40,
      clientCount: 4,
      keyCount: 2,
      keeping: "siblings",
      hasVersions: true,
      deletesPerMille: 100,
    });
    assert(isComplete(operations), `seed ${seed}`);
    const changed = random.pick(operations.filter((each) => each.op === "get" && each.version));
    const earlier = operations.slice(0, operations.indexOf(changed) + 1);
    const another = random.pick(earlier.filter(({ op, key }) => op === "get" && key === changed.key));
    const [left, right] = [touchedVersions(changed), touchedVersions(another)];
    const told = random.chance(500) ? left.toSpliced(random.below(left.length), 1) : right;
    const { version: _version, value: _value, siblings: _siblings, ...rest } = changed;
    const value = told.find((each) => each.value !== null)?.value ?? undefined;
    const wrong = operations.map((each) =>
      each !== changed ? each : {
        ...rest,
        ...(value === undefined ? {} : { value }),
        ...(told[0] ? { version: { stamp: told[0].stamp, origin: told[0].origin } } : {}),
        ...(told.length > 1 ? { siblings: told } : {}),
      }
    );
    // A get of nothing at all may have met a deletion that nobody told.
    if (told.length === 0 && operations.some(({ op, key }) => op === "delete" && key === changed.key)) {
      continue;
    }
    const isNoticed = [judgeSessions, judgeCausality].some((judge) =>
      judge({ operations: wrong }).violations.length > 0
    );
    assertEquals(isNoticed, !isComplete(wrong), `seed ${seed}`);
    counts[isNoticed ? "wrong" : "right"]++;
  }
  assert(counts.wrong > 300 && counts.right > 100, JSON.stringify(counts));
});

Deno.test("What is told of a history shows the same by itself, and nothing of it can be left out", () => {
  let count = 0;
  for (let seed = 0; seed < 3_000; seed++) {
    const operations = draw(new Random(seed), { deletesPerMille: 100 });
    const [violation] = judgeCausality({ operations }).violations;
    if (!violation) continue;
    count++;
    assertEquals(
      judgeCausality({ operations: violation.operations }).violations,
      [violation],
      `seed ${seed}`,
    );
  }
  assert(count > 100, String(count));
});
