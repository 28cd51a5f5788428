/**
 * The judge of values: what a read returns was put, and not by a put that was refused for certain (HAZARD H15).
 * Requires of a history: no two puts write one value, and every put names its value, also one that failed.
 * @module
 */
import type { History, Operation } from "./history.ts";
import { describeOperation } from "./operation_text.ts";
import type { Violation } from "./verdict.ts";

/** One violation for each read of a value that should not be there. */
export function judgeReadValues({ operations }: Pick<History, "operations">): Violation[] {
  const puts = new Map<string, Operation>();
  for (const operation of operations) {
    if (operation.op === "put") puts.set(keyAndValue(operation), operation);
  }
  const violations: Violation[] = [];
  const accuse = (sentence: string, ...guilty: Operation[]): void =>
    void violations.push({ judge: "read_values", sentence, operations: guilty });
  for (const read of operations) {
    if (read.op !== "get" || read.outcome !== "ok" || read.value === undefined) continue;
    const put = puts.get(keyAndValue(read));
    if (!put) accuse(`${describeOperation(read)}, which nobody put`, read);
    else if (put.outcome === "fail") {
      const sentence = `${
        describeOperation(read)
      }, which was refused with ${put.code} to client ${put.client}`;
      accuse(sentence, put, read);
    }
  }
  return violations;
}

function keyAndValue({ key, value }: Operation): string {
  return JSON.stringify([key, value]);
}
