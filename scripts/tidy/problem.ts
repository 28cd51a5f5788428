/** What a tidy rule has to say about one place. @module */

/** A broken rule, and what to do instead. */
export interface Problem {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly rule: string;
  readonly wayOut: string;
}

/** One line for a person; editors jump to the front of it. */
export function describeProblem({ path, line, rule, wayOut }: Problem): string {
  return `${path}:${line}: ${rule}. Way out: ${wayOut}.`;
}
