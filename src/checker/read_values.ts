/**
 * The judge of values: what a read returns was put, and not by a put that was refused for certain (HAZARD H15).
 * Requires of a history: no two puts write one value, and every put names its value, also one that failed.
 * @module
 */
import type { History, Operation, Violation } from "./history.ts";

/** One sentence for each read of a value that should not be there. */
export function judgeReadValues({ operations }: Pick<History, "operations">): Violation[] {
  const puts = new Map<string, Operation>();
  for (const operation of operations) {
    if (operation.op === "put") puts.set(keyAndValue(operation), operation);
  }
  const violations: Violation[] = [];
  for (const read of operations) {
    if (read.op !== "get" || read.outcome !== "ok" || read.value === undefined) continue;
    const put = puts.get(keyAndValue(read));
    if (!put) violations.push(`${describe(read)}, which nobody put`);
    else if (put.outcome === "fail") {
      violations.push(`${describe(read)}, which was refused with ${put.code} to client ${put.client}`);
    }
  }
  return violations;
}

function keyAndValue({ key, value }: Operation): string {
  return JSON.stringify([key, value]);
}

function describe({ client, key, value, coordinator, invokedMs }: Operation): string {
  const short = value!.length > 20 ? `${value!.slice(0, 20)}…` : value;
  return `client ${client} got ${key} = ${short} through ${coordinator} at ${invokedMs.toFixed(1)} ms`;
}
