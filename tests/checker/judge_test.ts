/** Histories that are wrong in exactly one way, each beside its twin in which that one thing is right. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { encodeHistory } from "../../src/checker/history_encoder.ts";
import { judge, judgeHistory, type Model } from "../../src/checker/judge.ts";
import { history } from "./history_notation.ts";
import type { WrongCase } from "./wrong_case.ts";
import { WRONG_CAUSALITY } from "./wrong_causality.ts";
import { WRONG_QUORUMS } from "./wrong_quorums.ts";
import { WRONG_REGISTERS } from "./wrong_registers.ts";
import { WRONG_SIBLINGS } from "./wrong_siblings.ts";
import { WRONG_SESSIONS } from "./wrong_sessions.ts";

const CASES: readonly WrongCase[] = [
  ...WRONG_REGISTERS,
  ...WRONG_QUORUMS,
  ...WRONG_SESSIONS,
  ...WRONG_CAUSALITY,
  ...WRONG_SIBLINGS,
];

for (const { what, model, judge: name, lines, rest, right, sentence, guilty } of CASES) {
  Deno.test(`${model}: it is noticed when ${what}, and only then`, () => {
    const wrong = history(lines, rest);
    const verdict = judgeHistory(wrong, model);
    assert(verdict.outcome === "violated", `${verdict.outcome}: ${verdict.sentence}`);
    const [violation] = verdict.violations;
    assertMatch(verdict.sentence, sentence);
    assertEquals(violation.judge, name);
    const numbers = violation.operations.map((each) => wrong.operations.indexOf(each)).sort((a, b) => a - b);
    assertEquals(numbers, [...guilty], verdict.sentence);

    // Wrong in one way only: nobody else has anything to say.
    assertEquals(new Set(verdict.violations.map((each) => each.judge)), new Set([name]));
    // The smallest part shows the same, and the same is read from a file.
    if (guilty.length > 0) {
      const again = judgeHistory({ ...wrong, operations: violation.operations }, model);
      assert(again.outcome === "violated");
      assertEquals(again.violations.find((each) => each.judge === name), violation);
    }
    assertEquals(judge(encodeHistory(wrong), model).sentence, verdict.sentence);

    const twin = "rest" in right
      ? history(lines, right.rest as NonNullable<WrongCase["rest"]>)
      : history(lines.map((line, index) => (right as Record<number, string>)[index] ?? line), rest);
    const twinVerdict = judgeHistory(twin, model);
    assertEquals(twinVerdict.outcome, "ok", twinVerdict.sentence);
  });
}

Deno.test("Every judge accuses somebody in these tests, and what only causality forbids the sessions allow", () => {
  assertEquals(new Set(CASES.map((each) => each.judge)).size, 7);
  for (const { judge: name, lines, rest } of CASES) {
    const wrong = history(lines, rest);
    if (name === "causality") assertEquals(judgeHistory(wrong, "sessions").outcome, "ok");
    if (name !== "sessions") continue;
    const verdict = judgeHistory(wrong, "causal");
    assert(verdict.outcome === "violated");
    assertEquals(verdict.violations.filter((each) => each.judge !== "sessions"), [], "told once");
  }
});

Deno.test("What cannot be told, or proves nothing (H24), is unknown, and says why", () => {
  const cases: readonly [Model, readonly string[], WrongCase["rest"], RegExp][] = [
    ["linearizable", [], {}, /^it holds no operations, which proves nothing$/],
    [
      "linearizable",
      ["c1 put x=a 1-2 info", "c1 get x 3-4", "c1 put x=b 5-6 fail:unavailable"],
      {},
      /^only 1 of 3 /,
    ],
    [
      "linearizable",
      ["c1 put x=a 1-2 r1.a@1", "c2 put x=b 1-2 r1.a@2", "c3 get x=a|b 3-4 r1.a@1|r1.a@2"],
      {},
      /^client 3 got x = b \| a .*: several versions at once, and a register holds one$/,
    ],
    ["quorum", ["c1 put x=a 1-2 r1.a@1"], {}, /^fewer than two replicas were looked at in the end/],
    [
      "quorum",
      ["c1 put x=a 1-2"],
      { finals: ["r1 9 x r1.a@1", "r2 9 x r1.a@1"] },
      /^client 1 put x = a .* but no version is told/,
    ],
    ["quorum", ["c1 put x=a 1-2 r1.a@1"], {
      finals: ["r1 9 x r1.a@1", "r2 9 x r1.a@3"],
      convergenceBoundMs: 10,
    }, /^replicas differ, but were last looked at before the 10 ms were over/],
    [
      "sessions",
      ["c1 put x=a 1-2", "c1 put x=a 3-4", "c1 get x=a 5-6"],
      {},
      /^key x: value a was written more than once/,
    ],
  ];
  for (const [model, lines, rest, expected] of cases) {
    const verdict = judgeHistory(history(lines, rest), model);
    assertEquals(verdict.outcome, "unknown", verdict.sentence);
    assertMatch(verdict.sentence, expected);
  }
  assertMatch(judge("junk", "quorum").sentence, /^this is no history that can be judged: line 1: is no JSON/);
});

Deno.test("Compare-and-sets that lost count as done: they have seen something", () => {
  const lines = ["c1 put x=a 1-2", "c2 cas x=b>c 3-4 fail:conflict", "c3 cas x=b>c 3-4 fail:conflict"];
  assertEquals(judgeHistory(history(lines), "linearizable").outcome, "ok");
});

Deno.test("An ok verdict says what was looked at, and how soon the replicas were equal", () => {
  const right = history(["c1 put x=a 1-2 r1.a@1", "c2 get x=a 3-4 r1.a@1"], {
    finals: ["r1 10 x r1.a@1", "r2 10", "r2 32 x r1.a@1"],
  });
  assertEquals(
    judgeHistory(right, "quorum").sentence,
    "2 operations on 1 key by 2 clients; kept: 1 acknowledged write; " +
      "2 replicas were equal at most 30.0 ms after the last fault and write",
  );
  assertEquals(
    judgeHistory(right, "causal").sentence,
    "2 operations on 1 key by 2 clients; 2 sessions only went forward; nobody missed what follows from what it saw",
  );
});
