/** The words of `fault`: what is to be broken, and which replica must break what for it. Pure. @module */
import type { Fault } from "../protocol/fault.ts";
import { FAULT_DELAY_MS_MAX, FAULT_SKEW_MS_MAX } from "../protocol/limits.ts";
import { countOfWords, nearestOf, spanOf, UsageError } from "./arguments.ts";

/** What each replica has to break in itself, by id, in id order. */
export type FaultPlan = ReadonlyMap<string, Fault>;

/** Makes the plan for a cluster of these replicas. Throws `UsageError` where a word names none of them. */
export type FaultPlanner = (memberIds: readonly string[]) => FaultPlan;

/** The words behind each kind of fault, as help shows them. */
export const FAULT_FORMS = {
  "partition": "IDS IDS…",
  "isolate": "IDS",
  "one-way": "IDS IDS",
  "delay": "IDS TIME",
  "drop": "IDS PERCENT",
  "pause": "IDS",
  "skew": "IDS TIME",
  "list": "",
  "heal": "",
} as const;

/** What `fault` can be asked for. */
export type FaultAction = keyof typeof FAULT_FORMS;

/** The first word of `fault`. Throws `UsageError`. */
export function parseFaultAction(word: string | undefined): FaultAction {
  const names = Object.keys(FAULT_FORMS) as FaultAction[];
  const action = names.find((name) => name === word?.toLowerCase());
  if (action !== undefined) return action;
  const nearest = word === undefined ? undefined : nearestOf(word.toLowerCase(), names);
  const given = word === undefined ? "nothing was given" : `"${word}" is none of them`;
  const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
  throw new UsageError(`fault takes ${names.join(", ")}, and ${given}${hint}`);
}

/** What the words behind `action` ask for. Throws `UsageError`. */
export function parseFaultPlan(
  action: Exclude<FaultAction, "list" | "heal">,
  words: readonly string[],
): FaultPlanner {
  const form = FAULT_FORMS[action];
  const isFitting = action === "partition" ? words.length >= 2 : words.length === form.split(" ").length;
  if (!isFitting) {
    throw new UsageError(`fault ${action} takes ${form}, and ${countOfWords(words)} given`);
  }
  const [first, second] = [words[0]!, words[1]!];
  switch (action) {
    case "partition":
      return (members) => partitionPlan(words, members);
    case "isolate":
      return (members) => isolationPlan(idsIn(first, members), members);
    case "one-way":
      return (members) => oneWayPlan(idsIn(first, members), idsIn(second, members));
    case "delay":
      return same(first, { kind: "delay", delay_ms: parseDelayMs(second) });
    case "drop":
      return same(first, { kind: "drop", percent: parsePercent(second) });
    case "pause":
      return same(first, { kind: "pause" });
    case "skew":
      return same(first, { kind: "skew", skew_ms: parseSkewMs(second) });
  }
}

/** One fault for each replica named. */
function same(word: string, fault: Fault): FaultPlanner {
  return (members) => new Map(idsIn(word, members).map((id) => [id, fault]));
}

/** Each replica of a group is cut from all other groups. Whoever is in none reaches everybody. */
function partitionPlan(words: readonly string[], members: readonly string[]): FaultPlan {
  const groups = words.map((word) => idsIn(word, members));
  const named = groups.flat();
  const twice = named.find((id, index) => named.indexOf(id) !== index);
  if (twice !== undefined) {
    throw new UsageError(`fault partition ${words.join(" ")}: ${twice} stands in two groups; name it in one`);
  }
  return planOf(members, (id) => {
    const own = groups.find((group) => group.includes(id));
    return own === undefined ? [] : named.filter((other) => !own.includes(other));
  });
}

/** Each replica named is cut from everybody, also from the others that are. */
function isolationPlan(ids: readonly string[], members: readonly string[]): FaultPlan {
  const plan = planOf(members, (id) => ids.includes(id) ? members.filter((other) => other !== id) : []);
  if ([...plan.values()].length === 0) {
    throw new UsageError(`fault isolate ${ids.join(",")}: there is no other replica to cut it from`);
  }
  return plan;
}

function planOf(members: readonly string[], peersOf: (id: string) => readonly string[]): FaultPlan {
  const plan = new Map<string, Fault>();
  for (const id of members) {
    const peers = members.filter((member) => peersOf(id).includes(member));
    if (peers.length > 0) plan.set(id, { kind: "cut", peers, way: "both" });
  }
  return plan;
}

function oneWayPlan(sources: readonly string[], targets: readonly string[]): FaultPlan {
  const both = sources.find((id) => targets.includes(id));
  if (both !== undefined) {
    throw new UsageError(`fault one-way: ${both} stands on both sides; name it on one`);
  }
  return new Map<string, Fault>([
    ...sources.map((id) => [id, { kind: "cut", peers: targets, way: "to" }] as const),
    ...targets.map((id) => [id, { kind: "cut", peers: sources, way: "from" }] as const),
  ]);
}

/** The replicas in a word such as `r1,r2`, in id order. */
function idsIn(word: string, members: readonly string[]): string[] {
  const wanted = word.split(",").map((id) => id.trim());
  const unknown = wanted.find((id) => !members.includes(id));
  if (unknown !== undefined) {
    throw new UsageError(`"${unknown}" is no replica of this cluster; known: ${members.join(",")}`);
  }
  return members.filter((id) => wanted.includes(id));
}

function parseDelayMs(text: string): number {
  const delayMs = spanOf(text);
  if (delayMs !== undefined && delayMs >= 1 && delayMs <= FAULT_DELAY_MS_MAX) return delayMs;
  throw new UsageError(
    `fault delay: "${text}" is no delay; allowed: 1ms to ${FAULT_DELAY_MS_MAX / 1000}s, such as 50ms`,
  );
}

function parsePercent(text: string): number {
  const percent = Number(/^(\d+(?:\.\d+)?)%?$/.exec(text)?.[1]);
  if (percent > 0 && percent <= 100) return percent;
  throw new UsageError(`fault drop: "${text}" is no share; allowed: above 0% and up to 100%, such as 20%`);
}

function parseSkewMs(text: string): number {
  const [, sign, span = ""] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  const skewMs = spanOf(span);
  if (skewMs !== undefined && skewMs >= 1 && skewMs <= FAULT_SKEW_MS_MAX) {
    return sign === "-" ? -skewMs : skewMs;
  }
  throw new UsageError(
    `fault skew: "${text}" is no skew; allowed: 1ms to ${
      FAULT_SKEW_MS_MAX / 3_600_000
    }h, such as +60s or -5m`,
  );
}
