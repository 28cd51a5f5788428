/** What an operation means to a register, the thing behind one key: what it must find there, and what it leaves. @module */
import type { Operation } from "./history.ts";

/** The content of a register, by number. `NOTHING` is no value; equal values have equal numbers. */
export type Content = number;

/** What a register holds before anything was written, and after a deletion. */
export const NOTHING: Content = 0;

/** An operation that a register can tell something about. */
export interface RegisterStep {
  readonly operation: Operation;
  /** It happened only if it found just this. */
  readonly finds?: Content;
  /** It happened only if it found something else: a compare-and-set that lost. */
  readonly findsOtherThan?: Content;
  /** What it leaves; absent where it leaves all as it is. */
  readonly leaves?: Content;
  /** Nobody knows whether it happened. */
  readonly isOptional: boolean;
}

/** The operations of one key as steps, in their order. What certainly did not happen, and unknown gets, say nothing. */
export function registerSteps(operations: readonly Operation[]): RegisterStep[] {
  const contents = new Map<string, Content>();
  const contentOf = (value: string | undefined): Content => {
    if (value === undefined) return NOTHING;
    const known = contents.get(value);
    if (known !== undefined) return known;
    contents.set(value, contents.size + 1);
    return contents.size;
  };
  const written = new Set(operations.flatMap(({ op, value }) => op === "get" ? [] : value ?? []));
  const steps: RegisterStep[] = [];
  for (const operation of operations) {
    const { op, value, expected, outcome } = operation;
    const isOptional = outcome === "info";
    if (hasLost(operation)) {
      // Why not always: what nobody ever writes is never there, so that this says nothing.
      const isPossible = expected === undefined || written.has(expected);
      if (isPossible) steps.push({ operation, findsOtherThan: contentOf(expected), isOptional });
    } else if (outcome === "fail" || isOptional && op === "get") {
      continue;
    } else if (op === "get") {
      steps.push({ operation, finds: contentOf(value), isOptional });
    } else if (op === "compare_and_set") {
      steps.push({ operation, finds: contentOf(expected), leaves: contentOf(value), isOptional });
    } else {
      steps.push({ operation, leaves: contentOf(op === "put" ? value : undefined), isOptional });
    }
  }
  return steps;
}

/** Whether it is a compare-and-set that found another value: it did not happen, and yet it has seen something. */
export function hasLost({ op, outcome, code }: Operation): boolean {
  return op === "compare_and_set" && outcome === "fail" && code === "conflict";
}

/** Operations by their key, keys in the order of their first operation. */
export function byKey(operations: readonly Operation[]): Map<string, Operation[]> {
  const keys = new Map<string, Operation[]>();
  for (const operation of operations) {
    const list = keys.get(operation.key);
    if (list) list.push(operation);
    else keys.set(operation.key, [operation]);
  }
  return keys;
}
