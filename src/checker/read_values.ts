/**
 * The judge of values: what a read returns was written, and not by a write that was refused for certain (HAZARD H15).
 * Requires of a history: every write names its value, also one that failed.
 * @module
 */
import { type History, type Operation, touchedValues } from "./history.ts";
import { describeOperation, showValue } from "./operation_text.ts";
import type { Violation } from "./verdict.ts";

/** One violation for each read of a value that should not be there. */
export function judgeReadValues({ operations }: Pick<History, "operations">): Violation[] {
  /** By key, then by value. */
  const writes = new Map<string, Map<string, Operation[]>>();
  for (const operation of operations) {
    const { op, key, value } = operation;
    if (op === "get" || value === undefined) continue;
    const byValue = writes.get(key) ?? new Map<string, Operation[]>();
    writes.set(key, byValue);
    const list = byValue.get(value);
    if (list) list.push(operation);
    else byValue.set(value, [operation]);
  }
  const violations: Violation[] = [];
  const accuse = (sentence: string, ...guilty: Operation[]): void =>
    void violations.push({ judge: "read_values", sentence, operations: guilty });
  for (const read of operations) {
    if (read.op !== "get" || read.outcome !== "ok") continue;
    for (const value of new Set(touchedValues(read))) {
      // Of several values the sentence has to say which.
      const told = `${describeOperation(read)}${read.siblings ? `, with ${showValue(value)}` : ""}`;
      const list = writes.get(read.key)?.get(value) ?? [];
      const done = list.filter(({ outcome }) => outcome !== "fail");
      const [write] = done.length > 0 ? done : list;
      if (!write) accuse(`${told}, which nobody put`, read);
      else if (done.length === 0) {
        const reason = write.code ?? "no reason";
        accuse(`${told}, which was refused with ${reason} to client ${write.client}`, ...list, read);
      } else if (done.every(({ invokedMs }) => invokedMs > read.endedMs)) {
        accuse(`${told}, before this: ${describeOperation(write)}`, read, ...done);
      }
    }
  }
  return violations;
}
