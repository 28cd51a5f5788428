/** What judges say: one judge its findings, all of a model together one verdict. @module */
import type { Operation } from "./history.ts";

/** Who can accuse. */
export const JUDGES = [
  "linearizability",
  "kept_writes",
  "read_values",
  "sessions",
  "causality",
  "convergence",
  "availability",
] as const;

/** One of these. */
export type JudgeName = typeof JUDGES[number];

/** One thing that is wrong. */
export interface Violation {
  readonly judge: JudgeName;
  /** For a person: values, clients and times. */
  readonly sentence: string;
  /** The fewest operations that still show it, by time; empty where only what replicas hold is wrong. */
  readonly operations: readonly Operation[];
}

/** What one judge found. */
export interface Judgement {
  readonly violations: readonly Violation[];
  /** Why the judge cannot tell whether more is wrong; absent where all was looked at. */
  readonly unknown?: string;
  /** For a person: what was looked at, or measured. */
  readonly measured?: string;
}

/** What comes of a history under a model. `sentence` is plain and complete in each case. */
export type Verdict =
  | { readonly outcome: "ok"; readonly sentence: string }
  | { readonly outcome: "unknown"; readonly sentence: string }
  | {
    readonly outcome: "violated";
    /** That of the first violation. */
    readonly sentence: string;
    /** Never empty. The first is the one to be told and shown. */
    readonly violations: readonly [Violation, ...Violation[]];
  };
