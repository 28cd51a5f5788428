/** The fewest operations that still show what is wrong: whatever can be left out is left out, in the same order each time. @module */
import { type Operation, touchedValues } from "./history.ts";
import { hasLost } from "./register.ts";

/** Operations that all trials of one search look at, so that a long history does not take for ever. */
const WORK_MAX = 1_000_000;

/**
 * A subset that is still wrong. None of its operations can be left out, unless `isWrong` was asked too often.
 *
 * Why closed subsets only: who leaves out a put and keeps the get that returned its value makes a new wrong, "nobody put
 * it", which the history does not have. So all that may have left what a kept operation found stays as well.
 * Requires: `isWrong(operations)`.
 */
export function smallestWrong(
  operations: readonly Operation[],
  isWrong: (subset: readonly Operation[]) => boolean,
): readonly Operation[] {
  const leavers = new Leavers(operations);
  let workLeft = WORK_MAX;
  const isStillWrong = (subset: readonly Operation[]): boolean => {
    workLeft -= subset.length;
    return workLeft > 0 && isWrong(subset);
  };
  // Why first: a compare-and-set that lost keeps nearly everything else.
  const withoutLosers = operations.filter((operation) => !hasLost(operation));
  let kept = isStillWrong(withoutLosers) ? withoutLosers : operations;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let hasShrunk = true; hasShrunk && workLeft > 0;) {
      hasShrunk = false;
      // Why from the beginning: what is wrong shows at the end.
      for (let begin = 0; begin < kept.length;) {
        const end = Math.min(begin + size, kept.length);
        const rest = leavers.close([...kept.slice(0, begin), ...kept.slice(end)], kept);
        if (rest.length === kept.length || !isStillWrong(rest)) {
          begin = end;
          continue;
        }
        // Past what came back because something later needs it.
        begin = end - (kept.length - rest.length);
        kept = rest;
        hasShrunk = true;
      }
    }
  }
  return kept;
}

/** These, and of all operations those that may have left what these found, and so on. */
export function withLeavers(
  some: readonly Operation[],
  operations: readonly Operation[],
): readonly Operation[] {
  return new Leavers(operations).close(some, operations);
}

/** Who may have left what others found. */
class Leavers {
  readonly #byContent = new Map<string, Operation[]>();
  readonly #byKey = new Map<string, Operation[]>();

  constructor(operations: readonly Operation[]) {
    for (const operation of operations) {
      if (operation.op === "get" || operation.outcome === "fail") continue;
      add(this.#byContent, contentName(operation.key, operation.value), operation);
      add(this.#byKey, operation.key, operation);
    }
  }

  /** These, and of `all` those that may have left what these found, and so on. */
  close(some: readonly Operation[], all: readonly Operation[]): readonly Operation[] {
    const kept = new Set(some);
    // A set hands out what is added while it is walked through.
    for (const operation of kept) for (const leaver of this.of(operation)) kept.add(leaver);
    return all.filter((operation) => kept.has(operation));
  }

  /** Those that may have left what this one found. */
  of(operation: Operation): readonly Operation[] {
    const { op, key, expected, outcome, endedMs } = operation;
    // A compare-and-set that lost found anything but one value: any other may be the reason.
    const isLost = hasLost(operation);
    if (!isLost && (outcome !== "ok" || op !== "get" && op !== "compare_and_set")) return [];
    if (isLost) return this.#upTo(endedMs, this.#byKey.get(key));
    const found = op === "get" ? touchedValues(operation) : expected ?? [];
    if (found.length === 0) return this.#upTo(endedMs, this.#byContent.get(contentName(key, undefined)));
    return [found].flat().flatMap((value) => {
      const all = this.#byContent.get(contentName(key, value)) ?? [];
      const early = this.#upTo(endedMs, all);
      // A value that was put only later is still to be told from one that nobody put.
      return early.length === 0 ? all : early;
    });
  }

  #upTo(ms: number, operations: readonly Operation[] = []): readonly Operation[] {
    return operations.filter(({ invokedMs }) => invokedMs <= ms);
  }
}

function contentName(key: string, value: string | undefined): string {
  return JSON.stringify([key, value ?? null]);
}

function add(lists: Map<string, Operation[]>, name: string, operation: Operation): void {
  const list = lists.get(name);
  if (list) list.push(operation);
  else lists.set(name, [operation]);
}
