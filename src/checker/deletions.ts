/**
 * What a key without any version may have held. Where tombstones are collected, nothing is what a deletion leaves in the end: then
 * whatever a deletion has replaced need not be there.
 * @module
 */
import type { Descent } from "./descent.ts";
import type { HistoryVersion, Operation } from "./history.ts";

/** The deletions of one key. */
export class Deletions {
  readonly #deletions: readonly Operation[];
  readonly #descent: Descent;

  /** `collects`: whether tombstones go; otherwise nothing is what nobody has ever written. */
  constructor(
    operations: readonly Operation[],
    descent: Descent,
    { collects }: { readonly collects: boolean },
  ) {
    this.#descent = descent;
    this.#deletions = collects
      ? operations.filter(({ op, outcome }) => op === "delete" && outcome !== "fail")
      : [];
  }

  /** Whether nothing, seen until `untilMs`, may be what is left of a version. Of what is unknown nobody knows the version. */
  explain(version: HistoryVersion, untilMs: number): boolean {
    return this.#deletions.some((deletion) =>
      deletion.invokedMs <= untilMs &&
      (deletion.outcome === "info" || !deletion.version ||
        this.#descent.uncovered([deletion.version], [version]) === undefined)
    );
  }
}
