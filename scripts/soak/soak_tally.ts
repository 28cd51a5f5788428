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

/** Takes runs in any order, and tells the same of them in every order. Keeps sums and no runs: a soak may go on for days. */
export class SoakTally {
  readonly #markCounts: Map<string, number>;
  readonly #faults: Record<string, number> = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0]));
  readonly #operations = Object.fromEntries(OPS.map((op) => [op, { ok: 0, fail: 0, info: 0 }]));
  readonly #judges = new Map<string, { historyCount: number; objectionCount: number }>();
  readonly #failed: FailedRun[] = [];
  /** Invariant: those of the smallest seeds so far, in the order of seeds. */
  #traces: { readonly seed: number; readonly trace: string }[] = [];
  #runCount = 0;
  #operationCount = 0;
  #okCount = 0;
  #simulatedMs = 0;

  /** `marks` are the names of all that could be reached. */
  constructor(marks: readonly string[]) {
    this.#markCounts = new Map(marks.map((name) => [name, 0]));
  }

  /** One more run. */
  add({ seed, wrong, isBroken, trace, ...told }: Told): void {
    this.#runCount++;
    this.#operationCount += told.operationCount;
    this.#okCount += told.okCount;
    this.#simulatedMs += told.simulatedMs;
    for (const op of OPS) {
      const { ok, fail, info } = told.operations[op] ?? { ok: 0, fail: 0, info: 0 };
      const sum = this.#operations[op]!;
      sum.ok += ok;
      sum.fail += fail;
      sum.info += info;
    }
    for (const kind of FAULT_KINDS) this.#faults[kind]! += told.faults[kind] ?? 0;
    for (const [judge, { historyCount, objectionCount }] of Object.entries(told.judges)) {
      const sum = this.#judges.get(judge) ?? { historyCount: 0, objectionCount: 0 };
      this.#judges.set(judge, sum);
      sum.historyCount += historyCount;
      sum.objectionCount += objectionCount;
    }
    for (const name of told.marks) this.#markCounts.set(name, (this.#markCounts.get(name) ?? 0) + 1);
    if (wrong !== undefined) this.#failed.push({ seed, wrong, ...(isBroken ? { isBroken } : {}) });
    if (this.#traces.length < TRACE_COUNT || seed < this.#traces.at(-1)!.seed) {
      this.#traces = [...this.#traces, { seed, trace }].sort(bySeed).slice(0, TRACE_COUNT);
    }
  }

  /** All runs so far, which took `seconds`. */
  summary(seconds: number): SoakSummary {
    return {
      runCount: this.#runCount,
      seconds,
      operationCount: this.#operationCount,
      okCount: this.#okCount,
      simulatedMs: this.#simulatedMs,
      operations: structuredClone(this.#operations),
      faults: { ...this.#faults },
      judges: structuredClone(Object.fromEntries([...this.#judges].sort(([a], [b]) => a < b ? -1 : 1))),
      marks: Object.fromEntries(this.#markCounts),
      failed: this.#failed.toSorted(bySeed),
      traces: this.#traces,
    };
  }
}

function bySeed(a: { readonly seed: number }, b: { readonly seed: number }): number {
  return a.seed - b.seed;
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
