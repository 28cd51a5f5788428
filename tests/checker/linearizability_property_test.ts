/** `src/checker/linearizability.ts` equals the dumb version: all orders, tried one after the other. */
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { Random } from "../../src/base/random.ts";
import type { Operation } from "../../src/checker/history.ts";
import { judgeLinearizability } from "../../src/checker/linearizability.ts";
import { linearize } from "../../src/checker/linearization.ts";
import { registerRun } from "./register_run.ts";

type Draft = Pick<Operation, "op" | "value" | "expected" | "outcome" | "code">;

/** Everything that can be asked and answered with two values. */
const DRAFTS: readonly Draft[] = [
  { op: "get", outcome: "ok" },
  { op: "get", value: "a", outcome: "ok" },
  { op: "get", value: "b", outcome: "ok" },
  ...(["ok", "info"] as const).flatMap((outcome): Draft[] => [
    { op: "put", value: "a", outcome },
    { op: "put", value: "b", outcome },
    { op: "delete", outcome },
    { op: "compare_and_set", value: "a", outcome },
    { op: "compare_and_set", expected: "a", value: "b", outcome },
    { op: "compare_and_set", expected: "b", value: "a", outcome },
  ]),
  { op: "compare_and_set", value: "a", outcome: "fail", code: "conflict" },
  { op: "compare_and_set", expected: "a", value: "b", outcome: "fail", code: "conflict" },
];

function operation(client: number, draft: Draft, invokedMs: number, endedMs: number): Operation {
  const end = draft.outcome === "info" ? Infinity : endedMs;
  return { client, key: "k", required: 0, coordinator: "", acked: [], ...draft, invokedMs, endedMs: end };
}

/** Whether some order of all that happened, and of some that may have, fits. */
function isLinearizable(left: readonly Operation[], held: string | undefined = undefined): boolean {
  if (left.every(({ outcome }) => outcome === "info")) return true;
  return left.some((next) => {
    const rest = left.filter((other) => other !== next);
    if (rest.some(({ outcome, endedMs }) => outcome !== "info" && endedMs < next.invokedMs)) return false;
    const { op, value, expected, outcome } = next;
    if (outcome === "fail") return held !== expected && isLinearizable(rest, held);
    if (op === "get") return held === value && isLinearizable(rest, held);
    if (op === "compare_and_set" && held !== expected) return false;
    return isLinearizable(rest, op === "delete" ? undefined : value);
  }) || left.some((never) =>
    never.outcome === "info" && isLinearizable(
      left.filter((other) => other !== never),
      held,
    )
  );
}

function check(operations: readonly Operation[]): void {
  const { outcome } = linearize(operations, { steps: 1_000_000 });
  const isRight = isLinearizable(operations);
  if ((outcome === "found") !== isRight) {
    throw new Error(`${outcome}, but the dumb version says ${isRight}: ${JSON.stringify(operations)}`);
  }
}

/** Every way in which `count` intervals can lie to each other, beginnings in order. */
function* intervals(count: number): Generator<readonly (readonly [number, number])[]> {
  const pairs: [number, number][] = [];
  function* place(at: number, open: readonly number[]): Generator<readonly (readonly [number, number])[]> {
    if (at === 2 * count) return yield structuredClone(pairs);
    if (pairs.length < count) {
      pairs.push([at, 0]);
      yield* place(at + 1, [...open, pairs.length - 1]);
      pairs.pop();
    }
    for (const index of open) {
      pairs[index]![1] = at;
      yield* place(at + 1, open.filter((other) => other !== index));
    }
  }
  yield* place(0, []);
}

function checkAll(count: number, drafts: readonly Draft[]): number {
  let checked = 0;
  const chosen: Draft[] = [];
  for (const spans of intervals(count)) {
    const fill = (index: number): void => {
      if (index === count) {
        checked++;
        return check(spans.map(([begin, end], at) => operation(at, chosen[at]!, begin, end)));
      }
      for (const draft of drafts) {
        chosen[index] = draft;
        fill(index + 1);
      }
    };
    fill(0);
  }
  return checked;
}

/** `QUARTET_EXHAUSTIVE=4` checks all of up to four, which takes minutes. */
const COUNT_MAX = Number(Deno.env.get("QUARTET_EXHAUSTIVE") ?? 3);

Deno.test(`Every history of up to ${COUNT_MAX} operations is judged as trying all orders judges it`, () => {
  for (let count = 0; count <= COUNT_MAX; count++) checkAll(count, DRAFTS);
});

Deno.test("Every history of three puts and gets, known and unknown, is judged as trying all orders judges it", () => {
  const drafts = DRAFTS.filter(({ op }) => op === "get" || op === "put");
  assertEquals(checkAll(3, drafts), 15 * 7 ** 3);
});

Deno.test("Drawn histories of up to five operations are judged as trying all orders judges them", () => {
  const random = new Random(4);
  const spans = [0, 1, 2, 3, 4, 5].map((count) => [...intervals(count)]);
  let wrongCount = 0;
  for (let round = 0; round < 20_000; round++) {
    const drawn = random.pick(spans[random.pick([3, 4, 5, 5])]!);
    const operations = drawn.map(([begin, end], client) =>
      operation(client, random.pick(DRAFTS), begin, end)
    );
    check(operations);
    if (!isLinearizable(operations)) wrongCount++;
  }
  assert(wrongCount > 2000 && wrongCount < 18_000, `${wrongCount} of the drawn are wrong: too lopsided`);
});

Deno.test("Longer histories of a real register are linearizable, and with ties of time as well", () => {
  fc.assert(fc.property(fc.nat(), (seed) => {
    const random = new Random(seed);
    const operations = registerRun(random, { count: 40, clientCount: 5, keyCount: 2, unknownPerMille: 100 });
    assertEquals(judgeLinearizability({ operations }).violations, []);
  }));
});

Deno.test("The smallest part of a wrong history is wrong, and nothing of it can be left out", () => {
  let wrongCount = 0;
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed);
    const right = registerRun(random, { count: 30, clientCount: 4, keyCount: 1, unknownPerMille: 100 });
    const reads = right.filter(({ op }) => op === "get");
    if (reads.length === 0) continue;
    const liar = random.pick(reads);
    const { value: _value, ...rest } = liar;
    const lie = random.pick([undefined, ...right.map(({ value }) => value)]);
    const operations = right.map((each) =>
      each === liar ? { ...rest, ...(lie === undefined ? {} : { value: lie }) } : each
    );
    const { violations: [violation] } = judgeLinearizability({ operations });
    assertEquals(violation !== undefined, linearize(operations, { steps: 1e6 }).outcome === "none");
    if (!violation) continue;
    wrongCount++;
    assert(!isLinearizable(violation.operations), `seed ${seed}`);
    assert(violation.operations.length <= 8, `seed ${seed}: ${violation.sentence}`);
    for (const each of violation.operations) {
      assert(operations.includes(each));
      const rest = violation.operations.filter((other) => other !== each);
      const isFound = rest.some(({ op, value, expected, code }) =>
        code === "conflict" || each.op !== "get" && each.value === (op === "get" ? value : expected)
      );
      assert(isFound || isLinearizable(rest), `seed ${seed}: ${each.op} can be left out`);
    }
    assertEquals(judgeLinearizability({ operations }).violations[0], violation, "the same again");
  }
  assert(wrongCount > 100, `${wrongCount}`);
});

Deno.test("10,000 operations over 10 keys by 10 clients, one in a hundred unknown, are judged within the budget", () => {
  const operations = registerRun(new Random(9), {
    count: 10_000,
    clientCount: 10,
    keyCount: 10,
    unknownPerMille: 10,
  });
  // Why steps and not seconds: the machine is somebody else's too. It takes a tenth of a second where nothing else runs.
  assertEquals(judgeLinearizability({ operations }, 300_000), {
    violations: [],
    measured: "each key has an order of its operations that fits",
  });
  // As if all were one key: as long as can be, and wrong.
  const oneKey = operations.map((each) => ({ ...each, key: "k" }));
  assertEquals(judgeLinearizability({ operations: oneKey }, 300_000).violations.length, 1);
});

Deno.test("A search that would take for ever ends with unknown", () => {
  // Why: nobody can tell which of equal puts a get saw.
  const operations = Array.from({ length: 60 }, (_, client): Operation => {
    const draft: Draft = client % 2 === 0
      ? { op: "put", value: `v${client % 8}`, outcome: "ok" }
      : { op: "compare_and_set", expected: `v${client % 5}`, value: `v${client % 7}`, outcome: "ok" };
    return operation(client, draft, client, 1000 + client);
  });
  const { violations, unknown } = judgeLinearizability({ operations }, 20_000);
  assertEquals(violations, []);
  assert(unknown?.includes("20000 steps"), unknown);
});
