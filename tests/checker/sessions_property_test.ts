/** `src/checker/sessions.ts` and `causality.ts` equal the dumb versions: all pairs by versions, all orders by values. */
import { assert, assertEquals } from "@std/assert";
import { Random } from "../../src/base/random.ts";
import { judgeCausality } from "../../src/checker/causality.ts";
import { compareVersions, type Operation } from "../../src/checker/history.ts";
import { judgeSessions } from "../../src/checker/sessions.ts";
import { registerRun } from "./register_run.ts";

/** Drawn operations of three clients on two keys: each put its own value, each get any that was put to its key before, or nothing. */
function draw(random: Random, { hasVersions }: { readonly hasVersions: boolean }): Operation[] {
  const count = random.between(4, 12);
  // Why mostly another key than before: sessions that go back anyway show nothing of causality.
  const before = ["x", "x", "x"];
  const keyOf = (client: number): string => {
    return before[client] = random.chance(200) ? before[client]! : before[client] === "x" ? "y" : "x";
  };
  const drafts = Array.from({ length: count }, (_, index) => ({ index, client: random.below(3) })).map((
    { index, client },
  ) => ({
    client,
    key: keyOf(client),
    isPut: random.chance(400),
    isUnknown: random.chance(150),
    stamp: (random.chance(800) ? index : random.below(20)) * count + index,
    invokedMs: 10 * index,
    endedMs: 10 * index + random.between(1, 9),
  }));
  const puts = drafts.filter(({ isPut }) => isPut);
  return drafts.map((draft): Operation => {
    const { client, key, isPut, isUnknown, invokedMs, endedMs } = draft;
    const base = {
      client,
      key,
      required: 0,
      coordinator: "",
      acked: [],
      invokedMs,
      endedMs,
      outcome: "ok" as const,
    };
    const versionOf = (stamp: number): Pick<Operation, "version"> =>
      hasVersions ? { version: { stamp, origin: "r1.a" } } : {};
    if (!isPut) {
      const known = puts.filter((put) => put.key === key && put.invokedMs < invokedMs);
      const kind = random.below(10);
      const source = kind < 7 ? known.at(-1) : kind < 9 ? undefined : random.pick([undefined, ...known]);
      return {
        ...base,
        op: "get",
        ...(source ? { value: `v${source.invokedMs}`, ...versionOf(source.stamp) } : {}),
      };
    }
    const put = { ...base, op: "put" as const, value: `v${invokedMs}` };
    if (isUnknown) return { ...put, outcome: "info", endedMs: Infinity };
    return { ...put, ...versionOf(draft.stamp) };
  });
}

/** For each operation, those that its past holds: of its session, of what was read there, and of what it reads itself. */
function pastsOf(operations: readonly Operation[]): Map<Operation, Set<Operation>> {
  const pasts = new Map<Operation, Set<Operation>>();
  for (const operation of operations) {
    const past = new Set<Operation>();
    const learn = (before: Operation): void => {
      past.add(before);
      for (const each of pasts.get(before)!) past.add(each);
    };
    for (const before of pasts.keys()) {
      if (before.client === operation.client && before.outcome === "ok") learn(before);
    }
    const source = operation.op === "get" ? sourceOf(operation, operations) : undefined;
    if (source) learn(source);
    pasts.set(operation, past);
  }
  return pasts;
}

function sourceOf({ key, value }: Operation, operations: readonly Operation[]): Operation | undefined {
  return operations.find((each) => each.op === "put" && each.key === key && each.value === value);
}

/**
 * Whether there is, for each key, an order of its writes in which nobody goes back; with versions, theirs. Of causality one
 * order of all writes, in which each also comes after those of its past.
 */
function isForward(
  operations: readonly Operation[],
  { isCausal, hasVersions }: { readonly isCausal: boolean; readonly hasVersions: boolean },
): boolean {
  const pasts = pastsOf(operations);
  /** Writes that come before each. */
  const before = new Map<Operation, Set<Operation>>();
  const ask = (one: Operation, other: Operation): void =>
    void (one === other || before.set(other, (before.get(other) ?? new Set()).add(one)));
  for (const [later, past] of pasts) {
    const touched = later.op === "get" ? sourceOf(later, operations) : later;
    for (const earlier of past) {
      const write = earlier.op === "get" ? sourceOf(earlier, operations) : earlier;
      if (!write) continue;
      if (isCausal && later.op === "put") ask(write, later);
      const isSession = earlier.client === later.client && earlier.outcome === "ok";
      if (earlier.key !== later.key || later.outcome !== "ok" || !isCausal && !isSession) continue;
      if (!touched) return false;
      const compare = hasVersions ? byVersion(operations)(write, touched) : 0;
      if (compare > 0) return false;
      ask(write, touched);
    }
  }
  return puts(operations).every((put) => !isBehindItself(put, before));
}

function puts(operations: readonly Operation[]): readonly Operation[] {
  return operations.filter(({ op }) => op === "put");
}

function isBehindItself(put: Operation, before: ReadonlyMap<Operation, ReadonlySet<Operation>>): boolean {
  const behind = new Set(before.get(put));
  for (const each of behind) for (const other of before.get(each) ?? []) behind.add(other);
  return behind.has(put);
}

/** By version; what is unknown has the version that somebody read, or none and does not matter. */
function byVersion(operations: readonly Operation[]): (a: Operation, b: Operation) => number {
  const nobody = { stamp: -1, origin: "" };
  const of = (put: Operation): Parameters<typeof compareVersions>[0] =>
    put.version ?? operations.find(({ op, value }) => op === "get" && value === put.value)?.version ?? nobody;
  return (a, b) => compareVersions(of(a), of(b));
}

for (const hasVersions of [true, false]) {
  const known = hasVersions ? "versions" : "values";
  Deno.test(`Drawn sessions, known by ${known}, are judged as the dumb version judges them, and so is causality`, () => {
    const counts = { sessions: 0, causal: 0 };
    for (let seed = 0; seed < 10_000; seed++) {
      const operations = draw(new Random(seed), { hasVersions });
      const [first] = judgeSessions({ operations }).violations;
      const isRight = isForward(operations, { isCausal: false, hasVersions });
      assertEquals(first === undefined, isRight, `seed ${seed}: ${first?.sentence ?? "no violation"}`);
      if (first) {
        const again = judgeSessions({ operations: first.operations }).violations;
        assertEquals(again.map((each) => each.sentence), [first.sentence], `seed ${seed}`);
        counts.sessions++;
        continue;
      }
      const [missed] = judgeCausality({ operations }).violations;
      const isCausal = isForward(operations, { isCausal: true, hasVersions });
      assertEquals(missed === undefined, isCausal, `seed ${seed}: ${missed?.sentence ?? "no violation"}`);
      if (!missed) continue;
      counts.causal++;
      assertEquals(judgeCausality({ operations: missed.operations }).violations[0], missed, `seed ${seed}`);
      for (const each of missed.operations) {
        const rest = missed.operations.filter((other) => other !== each);
        const isRead = rest.some(({ op, value, key }) =>
          op === "get" && value === each.value && key === each.key
        );
        assert(isRead || judgeCausality({ operations: rest }).violations.length === 0, `seed ${seed}`);
      }
    }
    assert(counts.sessions > 500 && counts.causal > 40, JSON.stringify(counts));
  });
}

Deno.test("What a right store shows its clients passes the judges of sessions and causality", () => {
  for (let seed = 0; seed < 50; seed++) {
    const operations = registerRun(new Random(seed), {
      count: 200,
      clientCount: 6,
      keyCount: 3,
      unknownPerMille: 50,
    });
    assertEquals(judgeSessions({ operations }).violations, [], `seed ${seed}`);
    assertEquals(judgeCausality({ operations }).violations, [], `seed ${seed}`);
  }
});
