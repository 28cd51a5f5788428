/**
 * The judge of availability: a request whose level the live replicas can meet succeeds within its deadline, and no get
 * says that it may be stale when all copies could answer it.
 *
 * Who was live can only be told by somebody who sees everything: `live` of an operation. Where it is absent nothing is judged.
 * @module
 */
import type { History, Operation } from "./history.ts";
import { counted, describeOperation } from "./operation_text.ts";
import type { Judgement, Violation } from "./verdict.ts";

/** Refusals that say "too few replicas, or too late". Others, such as a full disk, have reasons of their own. */
const UNREACHABLE = ["unavailable", "no_leader", "timeout", "connection_lost"];

/** Whether every request that could succeed did, and said no less than it could. */
export function judgeAvailability(
  { operations, copies, deadlineMs = Infinity }: Pick<History, "operations" | "copies" | "deadlineMs">,
): Judgement {
  const violations: Violation[] = [];
  let judgedCount = 0;
  for (const operation of operations) {
    const { required, live, maybeStale } = operation;
    if (maybeStale && live !== undefined && live >= copies) {
      const sentence = `${describeOperation(operation)}, although all ${
        counted(copies, "replica")
      } with a copy could answer all the time`;
      violations.push({ judge: "availability", sentence, operations: [operation] });
    }
    if (live === undefined || required === 0 || live < required) continue;
    judgedCount++;
    const trouble = troubleOf(operation, deadlineMs);
    if (trouble === undefined) continue;
    const sentence =
      `${describeOperation(operation)} ${trouble}, although it needed ${counted(required, "replica")}, and ` +
      `${live} live could serve all the time`;
    violations.push({ judge: "availability", sentence, operations: [operation] });
  }
  return {
    violations,
    ...(judgedCount === 0 ? {} : { measured: `${counted(judgedCount, "request")} that could succeed did` }),
  };
}

function troubleOf({ outcome, code, invokedMs, endedMs }: Operation, deadlineMs: number): string | undefined {
  if (outcome === "ok") {
    const lastedMs = endedMs - invokedMs;
    return lastedMs > deadlineMs ? `took ${lastedMs.toFixed(1)} of ${deadlineMs} ms` : undefined;
  }
  if (outcome === "info" && code === undefined) return "was never answered";
  return code !== undefined && UNREACHABLE.includes(code) ? "did not succeed" : undefined;
}
