/** What a page about one keyspace of a run says. @module */
import type { History } from "../checker/history.ts";
import { JUDGES, type Verdict, type Violation } from "../checker/verdict.ts";
import type { Finding } from "./run_judges.ts";
import type { RunResult } from "./sim_run.ts";

/** What a page about a run shows: what a finding is about, or else the first keyspace. Undefined: nobody asked for anything. */
export function historyToShow(
  { histories }: Pick<RunResult, "histories">,
  finding?: Finding,
): History | undefined {
  return finding?.history ?? histories.get(finding?.keyspace ?? "") ?? [...histories.values()][0];
}

/** That of the judges; what the simulator itself noticed has no judge of its own. `finding` is what the page is about, if anything. */
export function runVerdict(
  { findings, okCount, operationCount }: Pick<RunResult, "findings" | "okCount" | "operationCount">,
  history: History,
  finding: Finding | undefined,
): Verdict {
  if (finding === undefined) {
    return {
      outcome: "ok",
      sentence: `${okCount} of ${operationCount} requests succeeded, and no judge objects`,
    };
  }
  const [first, ...others] = findings.flatMap(({ keyspace, judge, sentence, operations }): Violation[] => {
    const known = JUDGES.find((name) => name === judge);
    return known && keyspace === history.keyspace ? [{ judge: known, sentence, operations }] : [];
  });
  if (first === undefined || finding.judge === "simulator") {
    return { outcome: "unknown", sentence: `the simulator noticed: ${finding.sentence}` };
  }
  return { outcome: "violated", sentence: first.sentence, violations: [first, ...others] };
}
