/** All that a report tells, as data; and whether it is red. @module */
import { hasEscaped, type PlantedRow } from "../soak/planted_row.ts";
import type { SoakSummary } from "../soak/soak_tally.ts";
import { type Guard, type Hazard, isUnguarded } from "./hazard.ts";
import type { Surroundings } from "./surroundings.ts";
import type { TestKind } from "./test_kind.ts";
import type { TestResult } from "./test_results.ts";

/** What a child process told, and how it ended. */
export interface Ended<T> {
  readonly value: T;
  readonly exitCode: number;
}

/** A test with its kind. */
export interface KindResult extends TestResult {
  readonly kind: TestKind;
}

/** One report. */
export interface ReportData {
  readonly surroundings: Surroundings;
  /** Part of the path or name of the tests that ran; undefined: all. */
  readonly filter: string | undefined;
  readonly tests: Ended<readonly KindResult[]>;
  readonly testSeconds: number;
  readonly soak: Ended<SoakSummary>;
  /** Undefined: not looked for. */
  readonly planted: Ended<readonly PlantedRow[]> | undefined;
  readonly hazards: readonly (Hazard & { readonly guards: readonly Guard[] })[];
  /** Rows of the table in `tests/README.md`. */
  readonly bugCount: number;
}

/** Everything that is red, a sentence each; empty: all is well. */
export function problemsOf({ tests, soak, planted }: ReportData): string[] {
  const failed = tests.value.filter(({ outcome }) => outcome === "failed").length;
  const escaped = planted?.value.filter(hasEscaped) ?? [];
  return [
    ...(failed > 0 ? [`${failed} of ${tests.value.length} tests failed`] : []),
    ...(failed === 0 && tests.exitCode !== 0
      ? [`the tests ended with exit code ${tests.exitCode} although none of those that ran failed`]
      : []),
    ...(tests.value.length === 0 ? ["no test ran"] : []),
    ...(soak.value.failed.length > 0
      ? [`a judge objects to ${soak.value.failed.length} of ${soak.value.runCount} simulated runs`]
      : []),
    ...(soak.value.failed.length === 0 && soak.exitCode !== 0
      ? [`the simulated runs ended with exit code ${soak.exitCode} although no judge objects`]
      : []),
    ...(escaped.length > 0 ? [`planted bugs escaped: ${escaped.map(({ bug }) => bug).join(", ")}`] : []),
    ...(planted !== undefined && escaped.length === 0 && planted.exitCode !== 0
      ? [`the search for planted bugs ended with exit code ${planted.exitCode}`]
      : []),
  ];
}

/** What was left out of this report, on purpose or for want of something; empty: it is whole. */
export function omissionsOf({ filter, planted, hazards }: ReportData): string[] {
  const unguarded = hazards.filter(({ guards }) => isUnguarded(guards)).map(({ number }) => number);
  return [
    ...(filter === undefined ? [] : [`only tests that match \`${filter}\` ran`]),
    ...(filter === undefined && unguarded.length > 0 ? [`no test of ${unguarded.join(", ")} ran`] : []),
    ...(planted === undefined ? ["no bugs were planted"] : []),
  ];
}
