/**
 * Marks: names of rare branches. The simulator counts them, so that a soak can tell which branches no seed has reached;
 * in production a mark is one look at a variable.
 *
 * A name is a plain string in the call, used once, in the form `noun: what happened`. A mark stands where only faults
 * lead, never on the way of each put or get, and never where nobody should ever come: that is what `assert` is for.
 * @module
 */
import { assert } from "./assert.ts";

/** How often each mark was reached. */
export type MarkCounts = Map<string, number>;

let counts: MarkCounts | undefined;

/** This rare branch was reached. */
export function mark(name: string): void {
  if (counts !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** Counts what is reached until the function that this returns is called. Requires: nobody counts. */
export function countMarks(target: MarkCounts): () => void {
  assert(counts === undefined, "marks are counted for one run at a time");
  counts = target;
  return () => {
    assert(counts === target, "stopped to count marks that another run counts");
    counts = undefined;
  };
}
