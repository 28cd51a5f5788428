/**
 * The judge of linearizability: every operation seems to happen at one moment between its invocation and its end.
 *
 * **Idea.** Each key is a register, and linearizability is local: a history is linearizable if and only if each key's part
 * of it is (Herlihy and Wing 1990, theorem 1). So keys are judged one by one, which turns one hopeless search into many
 * small ones. For one key we walk through beginnings and ends in the order of time, and keep all *configurations*: what
 * the register may hold now, with which of the open operations placed already. When an operation ends, it must have its
 * place. Where it has none yet, open operations are placed one after the other until it has; and not one more, because
 * what is placed later can be placed later (Lowe's just-in-time linearization, 2017; Wing and Gong 1993 is the same search
 * without it). Equal configurations are one. When none is left, no order fits, and the walk has found the earliest
 * moment that shows it.
 *
 * ```
 * client 1  |--put a--|      |--put b--|
 * client 2       |---get a---|     |---get a---|
 *           0  {nothing}
 *             put a begins      {nothing}
 *             get begins        {nothing}
 *             put a ends        {a, get placed}     placing put a fits the get as well
 *             get ends          {a}
 *             put b begins      {a}
 *             get begins        {a, get placed}     it may have happened before put b: never wrong to place it at once
 *             put b ends        {b}
 *             get ends          {b}                 linearizable
 * ```
 *
 * **Unknown outcomes.** A write that got no answer may happen at any later time, or never. It is open for ever and need never
 * be placed. Ten of them would double the configurations ten times, if it were not for one remark: such a write matters
 * only if the very next operation finds what it left; where another write comes next, we can as well say that it never
 * happened. So nothing but a finder may follow it. Gets that failed or are unknown say nothing. A compare-and-set that was
 * refused with `conflict` has seen something: that the value was another.
 *
 * **Three more cuts, all exact.** A get that fits is placed at once: it changes nothing, so it is never in the way. A write
 * whose value nobody finds from here on slips in before some other write, unless a compare-and-set that lost may need it. A configuration whose value somebody must still find is
 * given up when that value is overwritten and nobody is left to write it again. With values that are written once, which
 * all our workloads have, little is left to guess.
 *
 * **Pitfalls.** (1) Intervals that touch are concurrent: clocks are coarse, and to accuse wrongly is worse than to miss a tie.
 * (2) The problem is NP-complete (Gibbons and Korach 1997); equal values and many writers at once make it so. A budget
 * of steps ends the search with `unknown`. (3) A history that is cut off in the middle of a put is a history in which the
 * put is unknown. (4) A smaller history may be wrong in a way the whole is not: leave out a put, and its value was put
 * by nobody. `minimal_history.ts` leaves out only what nobody found.
 *
 * **References.** Herlihy and Wing, *Linearizability*, TOPLAS 1990. Wing and Gong, *Testing and verifying concurrent objects*,
 * JPDC 1993. Gibbons and Korach, *Testing shared memories*, SIAM J. Comput. 1997. Lowe, *Testing for linearizability*,
 * Concurrency and Computation 2017. Athalye's porcupine and Kingsbury's Knossos are the tools this one is to be compared with.
 * @module
 */
import type { History, Operation } from "./history.ts";
import { linearize } from "./linearization.ts";
import { smallestWrong, withLeavers } from "./minimal_history.ts";
import { describeOperation, describeOperations, showValue } from "./operation_text.ts";
import { byKey, hasLost } from "./register.ts";
import type { Judgement, Violation } from "./verdict.ts";

/** Steps of a whole judgement; about a second for each million. */
const STEPS_MAX = 5_000_000;

/** Steps of all trials together when operations of one key are left out. */
const TRIAL_STEPS_MAX = 5_000_000;

/** Keys whose violation is made small and told. */
const TOLD_MAX = 3;

/** Whether each key has an order of its operations that fits. */
export function judgeLinearizability(
  { operations }: Pick<History, "operations">,
  stepsMax: number = STEPS_MAX,
): Judgement {
  const budget = { steps: stepsMax };
  const keys = byKey(operations);
  const wrong: { readonly atMs: number; readonly operations: readonly Operation[] }[] = [];
  let unknownCount = 0;
  let firstUnknown = "";
  const several = operations.find(({ siblings }) => siblings);
  for (const [key, list] of keys) {
    if (list.some(({ siblings }) => siblings)) continue;
    const linearization = linearize(list, budget);
    if (linearization.outcome === "none") wrong.push({ atMs: linearization.atMs, operations: list });
    else if (linearization.outcome === "exhausted") {
      if (unknownCount++ === 0) firstUnknown = key;
    }
  }
  const told = wrong.sort((a, b) => a.atMs - b.atMs).slice(0, TOLD_MAX);
  const unknown = [
    ...(unknownCount === 0 ? [] : [
      `${unknownCount} of ${keys.size} keys, ${firstUnknown} the first, have too many possible orders: ` +
      `none of those tried in ${stepsMax} steps fits, and there are more`,
    ]),
    ...(several ? [`${describeOperation(several)}: several versions at once, and a register holds one`] : []),
  ];
  return {
    violations: told.map(({ operations: list, atMs }) => violationOf(list, atMs)),
    ...(unknown.length === 0 ? {} : { unknown: unknown.join("; ") }),
    measured: "each key has an order of its operations that fits",
  };
}

function violationOf(operations: readonly Operation[], atMs: number): Violation {
  const budget = { steps: TRIAL_STEPS_MAX };
  const isWrong = (subset: readonly Operation[]): boolean => linearize(subset, budget).outcome === "none";
  // What began later is seldom needed: the search may have looked ahead.
  const early = withLeavers(operations.filter(({ invokedMs }) => invokedMs <= atMs), operations);
  const smallest = [...smallestWrong(isWrong(early) ? early : operations, isWrong)]
    .sort((a, b) => a.invokedMs - b.invokedMs);
  return { judge: "linearizability", sentence: sentenceOf(smallest), operations: smallest };
}

/** Says of the last operation that found something what speaks against it. */
function sentenceOf(operations: readonly Operation[]): string {
  const finders = operations.filter(({ op, outcome }) =>
    op === "get" || op === "compare_and_set" && outcome !== "info"
  );
  const culprit = finders.sort((a, b) => a.endedMs - b.endedMs).at(-1)!;
  const others = operations.filter((operation) => operation !== culprit);
  const told = describeOperation(culprit);
  const list = describeOperations(others);
  const fallback = `${told}, which fits no order of what happened to key ${culprit.key}: ${list}`;
  if (hasLost(culprit)) return fallback;
  const found = culprit.op === "get" ? culprit.value : culprit.expected;
  const [leavers, strangers] = partition(others, ({ op, value }) => op !== "get" && value === found);
  if (strangers.length === 0) {
    if (leavers.length === 0) return `${told}, but nobody had put ${showValue(found)}`;
    if (leavers.every(({ invokedMs }) => invokedMs > culprit.endedMs)) return `${told}, before this: ${list}`;
  }
  const [between] = strangers;
  const isStale = strangers.length === 1 && between!.op !== "get" && between!.endedMs < culprit.invokedMs &&
    leavers.every(({ endedMs }) => endedMs < between!.invokedMs);
  if (!isStale) return fallback;
  const after = leavers.map((leaver) => `, after ${describeOperation(leaver)}`).join("");
  return `${told}, although before that ${describeOperation(between!)}${after}`;
}

function partition<T>(list: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [list.filter(isFirst), list.filter((item) => !isFirst(item))];
}
