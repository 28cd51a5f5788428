/** An operation in words, the same for every judge: who, what, which version, when, and who acknowledged. @module */
import type { HistoryVersion, Operation } from "./history.ts";

const VALUE_CHARS_MAX = 20;

/** Operations that one sentence tells; the picture shows all. */
const TOLD_MAX = 8;

/** `client 1 put 7 = v5 (r1.a@5) through r1 at 10.0–20.0 ms with r1 r2`. What is not known is left out. */
export function describeOperation(operation: Operation): string {
  const { client, version, siblings, coordinator, acked } = operation;
  const versions = siblings ?? (version ? [version] : []);
  const named = versions.length === 0 ? "" : ` (${nameVersions(versions)})`;
  return `client ${client} ${deed(operation)}${named}` +
    `${coordinator === "" ? "" : ` through ${coordinator}`} ${timesOf(operation)}` +
    `${acked.length === 0 ? "" : ` with ${acked.join(" ")}`}`;
}

/** Several, one after the other; of many the first and the last. */
export function describeOperations(operations: readonly Operation[]): string {
  const told = operations.map(describeOperation);
  if (told.length <= TOLD_MAX) return told.join("; ");
  const half = TOLD_MAX / 2;
  return [...told.slice(0, half), `${told.length - TOLD_MAX} more`, ...told.slice(-half)].join("; ");
}

/** `1 key`, `2 keys`. Requires: a noun whose plural ends in s. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** A version as people read it; `nothing` where there is none. */
export function nameVersion(version: HistoryVersion | undefined): string {
  return version ? `${version.origin}@${version.stamp}` : "nothing";
}

/** Several, as people read them; `nothing` where there is none. */
export function nameVersions(versions: readonly HistoryVersion[]): string {
  return versions.length === 0 ? nameVersion(undefined) : versions.map(nameVersion).join(", ");
}

/** A value in a sentence: its beginning, or `nothing`. */
export function showValue(value: string | null | undefined): string {
  if (value === undefined || value === null) return "nothing";
  return value.length > VALUE_CHARS_MAX ? `${value.slice(0, VALUE_CHARS_MAX)}…` : value;
}

function deed({ op, key, value, siblings, context, expected, outcome, code, maybeStale }: Operation): string {
  const content = siblings
    ? siblings.map((sibling) => showValue(sibling.value)).join(" | ")
    : showValue(value);
  const replaced = context && context.length > 0 ? ` in place of ${nameVersions(context)}` : "";
  const written = `${key} = ${content}${replaced}`;
  const reason = code === undefined ? "" : ` with ${code}`;
  switch (op) {
    case "get":
      return outcome === "ok"
        ? `got ${written}${maybeStale ? ", maybe stale" : ""}`
        : `asked for ${key}, which failed${reason},`;
    case "put":
      return outcome === "ok" ? `put ${written}` : `tried to put ${written}, ${fate(outcome)}${reason},`;
    case "delete":
      return outcome === "ok"
        ? `deleted ${key}${replaced}`
        : `tried to delete ${key}${replaced}, ${fate(outcome)}${reason},`;
    case "compare_and_set": {
      const change = `${key} from ${showValue(expected)} to ${showValue(value)}`;
      return outcome === "ok" ? `set ${change}` : `tried to set ${change}, ${fate(outcome)}${reason},`;
    }
  }
}

function fate(outcome: "fail" | "info"): string {
  return outcome === "fail" ? "which failed" : "which may have happened";
}

function timesOf({ invokedMs, endedMs }: Operation): string {
  return endedMs === Infinity
    ? `from ${invokedMs.toFixed(1)} ms on`
    : `at ${invokedMs.toFixed(1)}–${endedMs.toFixed(1)} ms`;
}
