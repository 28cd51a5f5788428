/**
 * The judge of convergence: after healing and calm, all replicas hold the same of every key; in time, where a bound is given.
 * @module
 */
import {
  type FinalState,
  finalStates,
  type HeldKey,
  type HeldVersion,
  heldVersions,
  type History,
  type Holders,
  type Snapshot,
  statesOf,
} from "./history.ts";
import { nameVersion, nameVersions, showValue } from "./operation_text.ts";
import type { Judgement, Violation } from "./verdict.ts";

/** What is to be known of copies that are compared. */
interface Comparison extends Pick<History, "collectsTombstones"> {
  readonly when?: string;
  readonly holders?: Holders | undefined;
}

/** One violation for each key on which two replicas differ. */
export function judgeConvergence(
  finals: ReadonlyMap<string, FinalState>,
  { when = "after calm", holders, collectsTombstones = false }: Comparison = {},
): Violation[] {
  const violations: Violation[] = [];
  const keys = new Set([...finals.values()].flatMap((state) => [...state.keys()]));
  for (const key of keys) {
    const [first, ...others] = statesOf(key, finals, holders);
    if (!first) continue;
    const expected = first[1].get(key);
    const other = others.find(([, state]) => !isSame(state.get(key), expected, collectsTombstones));
    if (!other) continue;
    const [one, two] = show(expected, other[1].get(key));
    const sentence = `key ${key} differs ${when}: ${first[0]} holds ${one}, ${other[0]} holds ${two}`;
    violations.push({ judge: "convergence", sentence, operations: [] });
  }
  return violations;
}

/** The same of a whole history, with the time that it took. */
export function judgeConvergenceInTime(history: History): Judgement {
  const { snapshots = [], convergenceBoundMs: boundMs, holders, collectsTombstones = false } = history;
  const finals = finalStates(history);
  if (finals.size < 2) {
    return {
      violations: [],
      unknown: "fewer than two replicas were looked at in the end, so nobody knows whether they are equal",
    };
  }
  const calmMs = lastDisturbanceMs(history);
  if (boundMs !== undefined) {
    const due = snapshots.filter(({ atMs }) => atMs > calmMs + boundMs);
    const when = `more than ${boundMs} ms after the last fault and write`;
    const late = firstDifference(due, { when, holders, collectsTombstones });
    if (late.length > 0) return { violations: late };
  }
  const violations = judgeConvergence(finals, { holders, collectsTombstones });
  const isDue = [...finals.keys()].every((replica) =>
    snapshots.findLast((snapshot) => snapshot.replica === replica)!.atMs > calmMs + (boundMs ?? -Infinity)
  );
  if (violations.length > 0 && !isDue) {
    return {
      violations: [],
      unknown: `replicas differ, but were last looked at before the ${boundMs} ms were over that they have`,
    };
  }
  if (violations.length > 0) return { violations };
  const tookMs = Math.max(0, equalSinceMs(snapshots, finals, collectsTombstones) - calmMs);
  return {
    violations,
    measured: `${finals.size} replicas were equal at most ${
      tookMs.toFixed(1)
    } ms after the last fault and write`,
  };
}

/** When the last fault, or write, ended. */
function lastDisturbanceMs({ operations, faults = [], diskLosses }: History): number {
  let lastMs = 0;
  for (const { atMs, untilMs = atMs } of faults) lastMs = Math.max(lastMs, untilMs);
  for (const { atMs } of diskLosses) lastMs = Math.max(lastMs, atMs);
  for (const { op, outcome, invokedMs, endedMs, gaveUpMs = invokedMs } of operations) {
    if (op === "get" || outcome === "fail") continue;
    lastMs = Math.max(lastMs, outcome === "info" ? gaveUpMs : endedMs);
  }
  return lastMs;
}

/** Of replicas that all should be equal by now, those of the first two that are not. */
function firstDifference(
  snapshots: readonly Snapshot[],
  { holders, ...comparison }: Comparison,
): Violation[] {
  const nameOf = ({ replica, atMs }: Snapshot): string => `${replica} (at ${atMs} ms)`;
  const states = new Map(snapshots.map((snapshot) => [nameOf(snapshot), snapshot.state]));
  const named = holders &&
    new Map([...holders].map(([key, ids]) => [
      key,
      new Set(snapshots.filter(({ replica }) => ids.has(replica)).map(nameOf)),
    ]));
  return judgeConvergence(states, { ...comparison, holders: named });
}

/** Since when nobody was seen with anything else than in the end. */
function equalSinceMs(
  snapshots: readonly Snapshot[],
  finals: ReadonlyMap<string, FinalState>,
  collectsTombstones: boolean,
): number {
  const sinceMs = new Map<string, number>();
  for (const { replica, atMs, state } of snapshots) {
    const both = new Map([["now", state], ["in the end", finals.get(replica)!]]);
    const isFinal = judgeConvergence(both, { collectsTombstones }).length === 0;
    if (!isFinal) sinceMs.delete(replica);
    else if (!sinceMs.has(replica)) sinceMs.set(replica, atMs);
  }
  return Math.max(...sinceMs.values());
}

/** Where tombstones are collected, one replica may hold one that another holds no more. */
function isSame(a: HeldKey | undefined, b: HeldKey | undefined, collectsTombstones: boolean): boolean {
  const seen = (held: HeldKey | undefined): readonly HeldVersion[] =>
    heldVersions(held).filter(({ value }) => !collectsTombstones || value !== null);
  const [one, two] = [seen(a), seen(b)];
  return nameVersions(one) === nameVersions(two) && one.every(({ value }, index) => {
    const other = two[index]!.value;
    return value === undefined || other === undefined || value === other;
  });
}

/** Two that differ, with their values where their versions are equal. */
function show(a: HeldKey | undefined, b: HeldKey | undefined): readonly [string, string] {
  const [one, two] = [heldVersions(a), heldVersions(b)];
  const names = [nameVersions(one), nameVersions(two)] as const;
  if (names[0] !== names[1]) return names;
  const index = one.findIndex(({ value }, place) => value !== two[place]!.value);
  const name = nameVersion(one[index]);
  return [`${name} = ${showValue(one[index]?.value)}`, `${name} = ${showValue(two[index]?.value)}`];
}
