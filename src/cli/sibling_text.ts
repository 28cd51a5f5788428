/** Versions that stand side by side, as a person reads them: numbered, so that one can be picked. @module */
import { fail, ok, type Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Reply, Sibling } from "../protocol/reply.ts";
import { printable } from "./output.ts";
import { formatTable } from "./table.ts";
import { ageText, momentText } from "./time_text.ts";

/** What a get found, whether or not any of it is a value. */
export interface Found {
  /** Greatest first; those of a delete without a value. Empty where there is nothing. */
  readonly versions: readonly Sibling[];
  /** What a put or delete has to name to replace all of them; absent where the keyspace keeps one winner. */
  readonly context: string | undefined;
}

/** What the answer to a get found; a failure where it says nothing of that. */
export function foundIn(result: Result<Reply, Failure>): Result<Found, Failure> {
  if (!result.ok) {
    const { failure } = result;
    if (failure.code !== "not_found") return fail(failure);
    const { siblings, version, context } = failure;
    return ok({ versions: siblings ?? (version === undefined ? [] : [version]), context });
  }
  const reply = result.value;
  if (reply.kind !== "value") {
    return fail({ code: "internal", message: `a get was answered with ${reply.kind}` });
  }
  const { value, siblings, receipt: { version, context } } = reply;
  return ok({ versions: siblings ?? (version === undefined ? [] : [{ ...version, value }]), context });
}

/** One line for each version; `picked` of them is marked, counted from 1. */
export function siblingLines(versions: readonly Sibling[], nowMs: number, picked?: number): string[] {
  return formatTable(versions.map(({ value, origin, wall_ms }, index) =>
    [
      picked === index + 1 ? `> ${index + 1}` : `  ${index + 1}`,
      value === undefined ? "(deleted)" : JSON.stringify(value),
      `${value === undefined ? "deleted" : "written"} ${momentText(wall_ms, nowMs)} (${
        ageText(wall_ms, nowMs)
      })`,
      `by ${origin.split(".")[0]}`,
    ].map(printable)
  ));
}
