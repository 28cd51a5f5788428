/** What a request came to, as the line that a person reads and the object that a program reads. @module */
import { type Failure, isDefinite } from "../protocol/error_codes.ts";
import type { Receipt, Reply, VersionName } from "../protocol/reply.ts";
import { type Paint, printable } from "./output.ts";
import { joinParts } from "./table.ts";
import { ageText, momentText } from "./time_text.ts";

/** What a line about an answer needs beside the answer. */
export interface Telling {
  /** Whether a key was asked for: its replicas answered, those of a write acknowledged. */
  readonly isRead: boolean;
  readonly elapsedMs: number;
  /** The wall clock of this machine. */
  readonly nowMs: number;
  readonly paint: Paint;
  /** How many versions a get found side by side; absent: not several. */
  readonly siblingCount?: number;
  /** Columns of the terminal; without it everything stands in one line. */
  readonly widthMax?: number | undefined;
}

/**
 * `ok  answered r1 r3 (TWO of 4)  written 12:03:04.123 (3 s ago) by r1  version 3611882619131904  coordinator r1  1.3 ms`,
 * and what else is worth knowing.
 */
export function receiptText(
  receipt: Receipt,
  { isRead, elapsedMs, nowMs, paint, siblingCount, widthMax }: Telling,
): string {
  const parts = [
    paint.green("ok"),
    `${ackedText(receipt.acked, isRead)} (${receipt.level} of ${receipt.copies})`,
  ];
  if (siblingCount !== undefined) {
    parts.push(paint.yellow(`${siblingCount} versions side by side (get --siblings)`));
  }
  if (receipt.beside !== undefined && receipt.beside > 0) {
    parts.push(
      paint.yellow(`beside ${receipt.beside} other ${receipt.beside === 1 ? "version" : "versions"}`),
    );
  }
  if (receipt.owed.length > 0) parts.push(paint.yellow(`owed ${namesText(receipt.owed)}`));
  if (receipt.repaired.length > 0) parts.push(`repaired ${namesText(receipt.repaired)}`);
  if (receipt.version !== undefined) {
    parts.push(...writtenParts("written", receipt.version, { isRead, nowMs }));
  }
  if (receipt.superseded_by !== undefined) {
    parts.push(paint.yellow(`superseded by ${versionText(receipt.superseded_by)}`));
  }
  parts.push(coordinatorText(receipt.coordinator), paint.dim(`${elapsedMs.toFixed(1)} ms`));
  return joinParts(parts, widthMax);
}

/** `acked r1 r3`; a get is answered, not acknowledged. */
function ackedText(ids: readonly string[], isRead: boolean): string {
  return `${isRead ? "answered" : "acked"} ${namesText(ids)}`;
}

/** Names come from outside, and go to a terminal. */
function namesText(ids: readonly string[]): string {
  return ids.map(printable).join(" ");
}

function coordinatorText(id: string): string {
  return `coordinator ${printable(id)}`;
}

/** The replica of an origin such as `r1.9f3a07c2`. */
function replicaOf(origin: string): string {
  return printable(origin.split(".")[0]!);
}

/** When, where and under which stamp; how long ago only where it need not be now. */
function writtenParts(
  verb: "written" | "deleted",
  { stamp, origin, wall_ms }: VersionName,
  { isRead, nowMs }: Pick<Telling, "isRead" | "nowMs">,
): string[] {
  const age = isRead ? ` (${ageText(wall_ms, nowMs)})` : "";
  return [`${verb} ${momentText(wall_ms, nowMs)}${age} by ${replicaOf(origin)}`, `version ${stamp}`];
}

/** `3611882619131904 r1`: the stamp, and the replica that gave it. */
export function versionText({ stamp, origin }: Pick<VersionName, "stamp" | "origin">): string {
  return `${stamp} ${replicaOf(origin)}`;
}

/** `unavailable: TWO needs 2 live replicas, 1 is live`, and who acknowledged all the same. */
export function failureText(
  failure: Failure,
  { isRead, nowMs, paint, widthMax }: Omit<Telling, "elapsedMs">,
): string {
  const parts = [`${paint.red(failure.code)}: ${printable(failure.message)}`];
  if (failure.acked !== undefined && failure.acked.length > 0) parts.push(ackedText(failure.acked, isRead));
  if (failure.version !== undefined) {
    parts.push(...writtenParts("deleted", failure.version, { isRead, nowMs }));
  }
  if (failure.coordinator !== undefined) parts.push(coordinatorText(failure.coordinator));
  return joinParts(parts, widthMax);
}

/** The JSON form of a success; the same fields as on the wire. */
export function replyObject(reply: Reply): Record<string, unknown> {
  switch (reply.kind) {
    case "written":
      return { ok: true, ...reply.receipt };
    case "value":
      return {
        ok: true,
        value: reply.value,
        ...(reply.siblings === undefined ? {} : { siblings: reply.siblings }),
        ...reply.receipt,
      };
    case "held":
      return { ok: true, replica: reply.replica, entries: reply.entries, more: reply.more };
    case "page":
      return { ok: true, ...reply.page };
    case "status":
      return { ok: true, status: reply.status };
    case "repaired":
      return { ok: true, replica: reply.replica, dry_run: reply.dry_run, peers: reply.peers };
    case "faults":
      return { ok: true, replica: reply.replica, faults: reply.faults };
  }
}

/** The JSON form of a failure; the same fields as on the wire. */
export function failureObject(failure: Failure): Record<string, unknown> {
  const { code, message, definite: _, ...counts } = failure;
  return { ok: false, error: code, message, definite: isDefinite(failure), ...counts };
}
