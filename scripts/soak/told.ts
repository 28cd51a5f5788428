/** What a soak tells of one simulated run: small enough for a line of JSON between processes. @module */
import type { MarkCounts } from "../../src/base/mark.ts";
import type { Op, Operation } from "../../src/checker/history.ts";
import type { RunResult } from "../../src/sim/sim_run.ts";

/** How the operations of a kind ended. */
export type Outcomes = Readonly<Record<Operation["outcome"], number>>;

/** What one judge did. */
export interface Judged {
  /** Histories that it looked at. */
  readonly historyCount: number;
  /** Runs in which it objected. */
  readonly objectionCount: number;
}

/** One run. */
export interface Told {
  readonly seed: number;
  /** The first thing that is wrong. */
  readonly wrong?: string;
  /** Whether it never came to its end: the simulator or what it runs threw. */
  readonly isBroken?: true;
  readonly trace: string;
  readonly operationCount: number;
  readonly okCount: number;
  readonly simulatedMs: number;
  /** With the last read of each key, which the counts above leave out. */
  readonly operations: Readonly<Partial<Record<Op, Outcomes>>>;
  /** Faults that struck, by kind. */
  readonly faults: Readonly<Record<string, number>>;
  readonly judges: Readonly<Record<string, Judged>>;
  /** Those that it reached. */
  readonly marks: readonly string[];
}

/** What is told of a run. */
export function tellRun({ scenario, findings, histories, ...result }: RunResult, marks: MarkCounts): Told {
  const operations: Partial<Record<Op, Record<Operation["outcome"], number>>> = {};
  for (const { op, outcome } of [...histories.values()].flatMap((history) => history.operations)) {
    (operations[op] ??= { ok: 0, fail: 0, info: 0 })[outcome]++;
  }
  const objecting = new Set(findings.map(({ judge }) => judge));
  const judges = Object.fromEntries(
    [...new Set([...result.judgedCounts.keys(), ...objecting])].map((judge): [string, Judged] => [
      judge,
      { historyCount: result.judgedCounts.get(judge) ?? 0, objectionCount: objecting.has(judge) ? 1 : 0 },
    ]),
  );
  const [first] = findings;
  return {
    seed: scenario.seed,
    ...(first ? { wrong: first.sentence } : {}),
    trace: result.trace,
    operationCount: result.operationCount,
    okCount: result.okCount,
    simulatedMs: result.simulatedMs,
    operations,
    faults: Object.fromEntries(result.faultCounts),
    judges,
    marks: [...marks.keys()],
  };
}

/** What is told of a run that did not come to its end. */
export function tellBroken(seed: number, cause: unknown): Told {
  return {
    seed,
    wrong: `the run broke: ${cause}`,
    isBroken: true,
    trace: "",
    operationCount: 0,
    okCount: 0,
    simulatedMs: 0,
    operations: {},
    faults: {},
    judges: {},
    marks: [],
  };
}
