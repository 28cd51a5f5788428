/**
 * The judge of causality over all sessions: who has seen a write sees everything that its writer had seen, and all agree on one
 * order of writes. What speaks against it is a pattern of `causal_patterns.ts`; here it is made small, and told.
 * @module
 */
import { findPattern, type Pattern, type Step } from "./causal_patterns.ts";
import type { History, Operation } from "./history.ts";
import { smallestWrong, withLeavers } from "./minimal_history.ts";
import { describeOperation, describeOperations } from "./operation_text.ts";
import type { Judgement, Violation } from "./verdict.ts";

/** Steps of a circle that a sentence tells. */
const TOLD_MAX = 4;

/** Whether nobody misses what follows from what it saw. The guarantees of single sessions are another judge's. */
export function judgeCausality({ operations }: Pick<History, "operations">): Judgement {
  const { pattern, unknown } = findPattern(operations);
  return {
    violations: pattern ? [violationOf(operations, pattern)] : [],
    ...(unknown === undefined ? {} : { unknown }),
    measured: "nobody missed what follows from what it saw",
  };
}

function violationOf(operations: readonly Operation[], pattern: Pattern): Violation {
  // Why the same kind: what is left out must not make another wrong.
  const isWrong = (subset: readonly Operation[]): boolean =>
    findPattern(subset).pattern?.kind === pattern.kind;
  const some = withLeavers(pattern.witness, operations);
  const smallest = [...smallestWrong(isWrong(some) ? some : operations, isWrong)]
    .sort((a, b) => a.invokedMs - b.invokedMs);
  const found = findPattern(smallest).pattern ?? pattern;
  return { judge: "causality", sentence: sentenceOf(found, smallest), operations: smallest };
}

function sentenceOf(pattern: Pattern, operations: readonly Operation[]): string {
  if (pattern.kind === "own_cause") return ownCauseSentence(pattern.circle);
  if (pattern.kind === "no_order") return noOrderSentence(pattern.steps);
  const { kind, later, earlier } = pattern;
  const links = operations.filter((each) => each !== earlier && each !== later);
  const way = links.length === 0 ? "" : `, by way of: ${describeOperations(links)}`;
  const [what, name] = {
    missing: ["came before", "a missed write"],
    overwritten: ["had overwritten that and came before", "an overwritten value"],
    older: ["came before", "older than what came before"],
  }[kind];
  return `${describeOperation(later)}, although ${describeOperation(earlier)} ${what}${way} (${name})`;
}

/** Begins with a get of what it led to. */
function ownCauseSentence(circle: readonly Operation[]): string {
  const begin = circle.findIndex(({ op }, index) => op === "get" && circle.at(index - 1)!.op !== "get");
  const [read, ...others] = [...circle.slice(begin), ...circle.slice(0, begin)];
  return `${describeOperation(read!)}, which led to what was read there: ${
    describeOperations(others)
  } (its own cause)`;
}

function noOrderSentence(steps: readonly Step[]): string {
  const told = steps.slice(0, TOLD_MAX).map(({ from, to, because }) => {
    const [one, two] = [describeOperation(from), describeOperation(to)];
    return because ? `${one} comes before ${two}, as ${describeOperation(because)}` : `${one} led to ${two}`;
  });
  const more = steps.length > TOLD_MAX ? [`${steps.length - TOLD_MAX} steps more`] : [];
  return `what was read fits no one order of all writes: ${
    [...told, ...more].join("; ")
  } (no order of all writes)`;
}
