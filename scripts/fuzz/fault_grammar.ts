/**
 * Requests that break things on purpose, drawn: right ones that nobody notices, because they are weak, short, or concern the
 * member that never runs; and ones with one field wrong. And what may be answered to them.
 * @module
 */
import type { Random } from "../../src/base/random.ts";
import { FAULT_DELAY_MS_MAX, FAULT_MS_MAX, FAULT_SKEW_MS_MAX } from "../../src/protocol/limits.ts";
import type { Json } from "./grammar.ts";

/** No right fault lasts longer. */
export const DRAWN_FAULT_MS_MAX = 200;

/** Standing still is noticed at once. */
const PAUSE_MS_MAX = 10;
const DELAY_MS_MAX = 3;
/** So few lines are lost that none is. */
const PERCENT = 1e-9;
const SKEW_MS_MAX = 50;

/** Who is asked, and the only one who may be cut off. */
export interface FaultPlace {
  readonly selfId: string;
  readonly absentId: string;
}

/** What has to become of a request. */
export type Expected = "done" | "refused";

type Fields = { readonly [name: string]: Json };

/** A request to be carried out where faults are on. */
export function drawRightFault(random: Random, { absentId }: FaultPlace): Fields {
  if (random.chance(100)) return { op: "fault", action: random.pick(["list", "list", "heal"]) };
  const fault = random.pick<Fields>([
    { kind: "cut", peers: [absentId], way: random.pick(["both", "to", "from"]) },
    { kind: "delay", delay_ms: random.between(1, DELAY_MS_MAX) },
    { kind: "drop", percent: PERCENT },
    { kind: "pause" },
    { kind: "skew", skew_ms: random.between(1, SKEW_MS_MAX) * random.pick([1, -1]) },
  ]);
  const forMs = random.between(1, fault.kind === "pause" ? PAUSE_MS_MAX : DRAWN_FAULT_MS_MAX);
  return { op: "fault", action: "set", fault, for_ms: forMs };
}

/** A request that is right but for one field. */
export function drawWrongFault(random: Random, place: FaultPlace): Fields {
  const { selfId, absentId } = place;
  const pause = { op: "fault", action: "set", fault: { kind: "pause" }, for_ms: PAUSE_MS_MAX };
  const set = (fault: Json): Fields => ({ ...pause, fault });
  const cut = { kind: "cut", peers: [absentId], way: "both" };
  return random.pick<() => Fields>([
    () => ({ ...pause, action: random.pick<Json>(["break", "", "SET", "__proto__", null, 7, ["set"]]) }),
    () => ({ ...pause, for_ms: random.pick<Json>([0, -1, 1.5, FAULT_MS_MAX + 1, 1e21, "10", null, [10]]) }),
    () => set(random.pick<Json>([null, [], "pause", 7, true, {}, [{ kind: "pause" }]])),
    () => set({ kind: random.pick<Json>(["", "Pause", "__proto__", "constructor", null, 7, ["pause"]]) }),
    () => set({ ...cut, peers: random.pick<Json>([[], absentId, null, 7, {}, [7], [null]]) }),
    () => set({ ...cut, peers: random.pick<Json>([[selfId], [absentId, selfId], ["r9"], ["toString"]]) }),
    () => set({ ...cut, way: random.pick<Json>(["", "in", "Both", null, 7, ["both"]]) }),
    () =>
      set({ kind: "delay", delay_ms: random.pick<Json>([0, -1, 0.5, FAULT_DELAY_MS_MAX + 1, "1", null]) }),
    () => set({ kind: "drop", percent: random.pick<Json>([0, -1, 100.1, 1e308, "1", null, [1]]) }),
    () =>
      set({
        kind: "skew",
        skew_ms: random.pick<Json>([0, 1.5, FAULT_SKEW_MS_MAX + 1, -FAULT_SKEW_MS_MAX - 1, "1", null]),
      }),
    () => set({ kind: random.pick(["cut", "delay", "drop", "skew"]) }),
  ])();
}

/** What is wrong with an answer; undefined where nothing is. `answer` is a line that was parsed. */
export function objectionTo(answer: Json, expected: Expected): string | undefined {
  if (typeof answer !== "object" || answer === null || !("ok" in answer)) {
    return "a fault was answered with no answer";
  }
  const { ok, error, definite, faults } = answer;
  if (expected === "refused") {
    if (ok !== false) return "a fault that had to be refused was done";
    return error === "malformed_request" && definite === true
      ? undefined
      : "a fault was refused in another way than as malformed_request";
  }
  // So many at a time, and no more, is by the rules.
  if (ok === false && error === "overloaded") return undefined;
  if (ok !== true || !Array.isArray(faults)) return "a right fault was not done";
  const isShort = (faults as readonly Fields[]).every(({ left_ms }) =>
    typeof left_ms === "number" && left_ms <= DRAWN_FAULT_MS_MAX
  );
  return isShort ? undefined : "a fault lasts longer than it was asked to";
}
