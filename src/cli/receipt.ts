/** What a request came to, as the line that a person reads and the object that a program reads. @module */
import { type Failure, isDefinite } from "../protocol/error_codes.ts";
import type { Receipt, Reply, VersionName } from "../protocol/reply.ts";
import { type Paint, printable } from "./output.ts";

/** `ok  acked r1 r3 (TWO of 4)  coordinator r1  1.3 ms`, and what else is worth knowing. */
export function receiptLine(receipt: Receipt, elapsedMs: number, paint: Paint): string {
  const parts = [
    paint.green("ok"),
    `acked ${receipt.acked.join(" ")} (${receipt.level} of ${receipt.copies})`,
  ];
  if (receipt.owed.length > 0) parts.push(paint.yellow(`owed ${receipt.owed.join(" ")}`));
  if (receipt.repaired.length > 0) parts.push(`repaired ${receipt.repaired.join(" ")}`);
  if (receipt.superseded_by !== undefined) {
    parts.push(paint.yellow(`superseded by ${versionText(receipt.superseded_by)}`));
  }
  parts.push(`coordinator ${receipt.coordinator}`, paint.dim(`${elapsedMs.toFixed(1)} ms`));
  return parts.join("  ");
}

/** `3611882619131904 r1`: the stamp, and the replica that gave it. */
export function versionText({ stamp, origin }: Pick<VersionName, "stamp" | "origin">): string {
  return `${stamp} ${origin.split(".")[0]}`;
}

/** `unavailable: TWO needs 2 live replicas, 1 is live`, and who acknowledged all the same. */
export function failureLine(failure: Failure, paint: Paint): string {
  const parts = [`${paint.red(failure.code)}: ${printable(failure.message)}`];
  if (failure.acked !== undefined && failure.acked.length > 0) parts.push(`acked ${failure.acked.join(" ")}`);
  if (failure.coordinator !== undefined) parts.push(`coordinator ${failure.coordinator}`);
  return parts.join("  ");
}

/** The JSON form of a success; the same fields as on the wire. */
export function replyObject(reply: Reply): Record<string, unknown> {
  switch (reply.kind) {
    case "written":
      return { ok: true, ...reply.receipt };
    case "value":
      return { ok: true, value: reply.value, ...reply.receipt };
    case "held":
      return { ok: true, replica: reply.replica, entries: reply.entries, more: reply.more };
    case "status":
      return { ok: true, status: reply.status };
  }
}

/** The JSON form of a failure; the same fields as on the wire. */
export function failureObject(failure: Failure): Record<string, unknown> {
  const { code, message, definite: _, ...counts } = failure;
  return { ok: false, error: code, message, definite: isDefinite(failure), ...counts };
}
