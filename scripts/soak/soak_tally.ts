/** Adds up what a soak tells of its runs. @module */
import { OPS } from "../../src/checker/history.ts";
import { FAULT_KINDS } from "../../src/sim/scenario.ts";
import type { Told } from "./told.ts";

/** Runs whose trace hash is kept: the first ones. */
const TRACE_COUNT = 10;

/** A run that went wrong. */
export interface FailedRun {
  readonly seed: number;
  readonly wrong: string;
  /** Whether it never came to its end. */
  readonly isBroken?: true;
}

/** The sum of many runs. */
export interface SoakSummary extends Omit<Told, "seed" | "wrong" | "isBroken" | "trace" | "marks"> {
  readonly runCount: number;
  readonly seconds: number;
  /** In the order of their seeds. */
  readonly failed: readonly FailedRun[];
  /** Runs that reached each mark of the sources. */
  readonly marks: Readonly<Record<string, number>>;
  /** Those of the first seeds. */
  readonly traces: readonly { readonly seed: number; readonly trace: string }[];
}

/** Takes runs in any order, and tells the same of them in every order. */
export class SoakTally {
  // Why without marks: a long soak would hold millions of names.
  readonly #told: Omit<Told, "marks">[] = [];
  readonly #markCounts: Map<string, number>;

  /** `marks` are the names of all that could be reached. */
  constructor(marks: readonly string[]) {
    this.#markCounts = new Map(marks.map((name) => [name, 0]));
  }

  /** One more run. */
  add({ marks, ...told }: Told): void {
    this.#told.push(told);
    for (const name of marks) this.#markCounts.set(name, (this.#markCounts.get(name) ?? 0) + 1);
  }

  /** All runs so far, which took `seconds`. */
  summary(seconds: number): SoakSummary {
    const told = this.#told.toSorted((a, b) => a.seed - b.seed);
    const sum = (numberOf: (each: Omit<Told, "marks">) => number): number =>
      told.reduce((total, each) => total + numberOf(each), 0);
    const judges = [...new Set(told.flatMap((each) => Object.keys(each.judges)))].sort();
    return {
      runCount: told.length,
      seconds,
      operationCount: sum(({ operationCount }) => operationCount),
      okCount: sum(({ okCount }) => okCount),
      simulatedMs: sum(({ simulatedMs }) => simulatedMs),
      operations: Object.fromEntries(
        OPS.map((op) => [op, {
          ok: sum(({ operations }) => operations[op]?.ok ?? 0),
          fail: sum(({ operations }) => operations[op]?.fail ?? 0),
          info: sum(({ operations }) => operations[op]?.info ?? 0),
        }]),
      ),
      faults: Object.fromEntries(FAULT_KINDS.map((kind) => [kind, sum(({ faults }) => faults[kind] ?? 0)])),
      judges: Object.fromEntries(
        judges.map((judge) => [judge, {
          historyCount: sum((each) => each.judges[judge]?.historyCount ?? 0),
          objectionCount: sum((each) => each.judges[judge]?.objectionCount ?? 0),
        }]),
      ),
      marks: Object.fromEntries(this.#markCounts),
      failed: told.flatMap(({ seed, wrong, isBroken }) =>
        wrong === undefined ? [] : [{ seed, wrong, ...(isBroken ? { isBroken } : {}) }]
      ),
      traces: told.slice(0, TRACE_COUNT).map(({ seed, trace }) => ({ seed, trace })),
    };
  }
}

/** One line for a person. */
export function describeSoak(
  { runCount, seconds, simulatedMs, okCount, operationCount, faults }: SoakSummary,
): string {
  const rate = (runCount / seconds).toFixed(1);
  const faultCount = Object.values(faults).reduce((sum, count) => sum + count, 0);
  return `${runCount} seeds in ${seconds.toFixed(1)} s (${rate}/s), ${
    (simulatedMs / 3_600_000).toFixed(1)
  } simulated hours, ${faultCount} faults, ${okCount} of ${operationCount} requests succeeded`;
}
