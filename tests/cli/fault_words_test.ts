/** Tests of `src/cli/fault_words.ts`: words to what each replica has to break, and the errors of wrong ones. @module */
import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/cli/arguments.ts";
import { faultRows, faultText } from "../../src/cli/fault_table.ts";
import { type FaultAction, parseFaultAction, parseFaultPlan } from "../../src/cli/fault_words.ts";
import { FAULT } from "../../src/cli/fault_verb.ts";
import type { ActiveFault } from "../../src/protocol/fault.ts";

const MEMBERS = ["r1", "r2", "r3", "r4"];

/** `r1 cut from r3`, one line for each replica that has to do something. */
function plan(text: string): string[] {
  const [action, ...words] = text.split(" ");
  const planner = parseFaultPlan(action as Exclude<FaultAction, "list" | "heal">, words);
  return [...planner(MEMBERS)].map(([id, fault]) => `${id} ${faultText({ ...fault, left_ms: 0 })}`);
}

function refusal(text: string): string {
  return assertThrows(() => plan(text), UsageError).message;
}

Deno.test("a partition concerns every replica of its groups, and nobody else", () => {
  assertEquals(plan("partition r1,r2 r3,r4"), [
    "r1 cut from r3 r4",
    "r2 cut from r3 r4",
    "r3 cut from r1 r2",
    "r4 cut from r1 r2",
  ]);
  assertEquals(plan("partition r4 r1 r2"), ["r1 cut from r2 r4", "r2 cut from r1 r4", "r4 cut from r1 r2"]);
});

Deno.test("whoever is isolated is cut from all, and one way is told to both ends", () => {
  assertEquals(plan("isolate r3"), ["r3 cut from r1 r2 r4"]);
  assertEquals(plan("isolate r3,r1"), ["r1 cut from r2 r3 r4", "r3 cut from r1 r2 r4"]);
  assertEquals(plan("one-way r1 r2"), ["r1 nothing goes to r2", "r2 nothing comes from r1"]);
  assertEquals(plan("one-way r1,r2 r3"), [
    "r1 nothing goes to r3",
    "r2 nothing goes to r3",
    "r3 nothing comes from r1 r2",
  ]);
});

Deno.test("delays, losses, pauses and clocks concern the replicas named", () => {
  assertEquals(plan("delay r3 50ms"), ["r3 each line 50 ms late"]);
  assertEquals(plan("delay r3,r1 1.5s"), ["r1 each line 1500 ms late", "r3 each line 1500 ms late"]);
  assertEquals(plan("drop r3 20%"), ["r3 20 % of lines lost"]);
  assertEquals(plan("drop r3 0.5"), ["r3 0.5 % of lines lost"]);
  assertEquals(plan("pause r2"), ["r2 paused"]);
  assertEquals(plan("skew r2 +60s"), ["r2 clock 1 min 0 s ahead"]);
  assertEquals(plan("skew r2 500ms"), ["r2 clock 0.5 s ahead"]);
  assertEquals(plan("skew r2 -5m"), ["r2 clock 5 min 0 s behind"]);
});

Deno.test("wrong words are refused with what is allowed", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["partition r1", "fault partition takes IDS IDS…, and 1 word was given"],
    ["isolate r1 r2", "fault isolate takes IDS, and 2 words were given"],
    ["partition r1,r2 r2,r3", "fault partition r1,r2 r2,r3: r2 stands in two groups; name it in one"],
    ["partition r1 r7", '"r7" is no replica of this cluster; known: r1,r2,r3,r4'],
    ["pause r1,", '"" is no replica of this cluster; known: r1,r2,r3,r4'],
    ["one-way r1 r1", "fault one-way: r1 stands on both sides; name it on one"],
    ["delay r1 50", 'fault delay: "50" is no delay; allowed: 1ms to 60s, such as 50ms'],
    ["delay r1 2m", 'fault delay: "2m" is no delay; allowed: 1ms to 60s, such as 50ms'],
    ["drop r1 0%", 'fault drop: "0%" is no share; allowed: above 0% and up to 100%, such as 20%'],
    ["drop r1 101%", 'fault drop: "101%" is no share; allowed: above 0% and up to 100%, such as 20%'],
    ["skew r1 60", 'fault skew: "60" is no skew; allowed: 1ms to 24h, such as +60s or -5m'],
    ["skew r1 +25h", 'fault skew: "+25h" is no skew; allowed: 1ms to 24h, such as +60s or -5m'],
  ];
  for (const [text, expected] of cases) assertEquals(refusal(text), expected);
  assertThrows(() => parseFaultAction("partitoin"), UsageError, "did you mean partition?");
  assertThrows(() => parseFaultAction(undefined), UsageError, "nothing was given");
});

Deno.test("a fault lasts at most an hour, and only what breaks something takes a time", () => {
  const parse = (words: string[], time: string): unknown =>
    FAULT.parse({ words, flags: new Map([["for", time]]) });
  parse(["pause", "r1"], "1h");
  assertThrows(
    () => parse(["pause", "r1"], "2h"),
    UsageError,
    "--for 2h: too long; a fault lasts at most 1h",
  );
  assertThrows(() => parse(["heal"], "1s"), UsageError, "fault heal takes no --for");
  assertThrows(
    () => FAULT.parse({ words: ["heal", "r1"], flags: new Map() }),
    UsageError,
    "it ends all faults",
  );
});

Deno.test("the table has a line for each fault, also for one of a later version", () => {
  const later = { kind: "melt\u001b", left_ms: 61_000 } as unknown as ActiveFault;
  assertEquals(faultRows([{ id: "r1", faults: [] }]), []);
  assertEquals(faultRows([{ id: "r1", faults: [{ kind: "pause", left_ms: 2500 }, later] }]), [
    ["on", "fault", "ends in"],
    ["r1", "paused", "2.5 s"],
    ["r1", "melt\\u001b", "1 min 1 s"],
  ]);
});
