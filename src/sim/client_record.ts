/** From a step to its request, and from the answer to the operation that a history has: for imagined clusters and for real ones. @module */
import type { Result } from "../base/failure.ts";
import {
  compareVersions,
  type HeldVersion,
  type HistoryVersion,
  type Operation,
} from "../checker/history.ts";
import { type Failure, isDefinite } from "../protocol/error_codes.ts";
import { type Level, requiredCount } from "../protocol/level.ts";
import type { Reply, Sibling } from "../protocol/reply.ts";
import type { Request, WireKey } from "../protocol/request.ts";
import type { Step } from "./scenario.ts";

/** What makes a difference to the copies: all of these name a key. */
export type KeyRequest = Exclude<Request, { op: "status" | "inspect" | "scan" | "fault" | "repair" }> & {
  readonly keyspace: string;
};

/** What is known beside the answer. */
export interface Asked {
  readonly client: number;
  /** Who was asked last. */
  readonly coordinator: string;
  /** Requires: it names its level. */
  readonly request: KeyRequest;
  readonly invokedMs: number;
  readonly endedMs: number;
  /** Copies of the keyspace. */
  readonly copies: number;
  /**
   * Versions that a put or delete names as seen, none for one that names none; absent where the keyspace keeps one winner, and where
   * nobody knows.
   */
  readonly context?: readonly HistoryVersion[];
  /** The name of the session that the request belongs to, where it carries one. */
  readonly session?: string;
}

/** What a step asks. */
export function requestOf({ op, keyspace, key, level, value, valueChars, escaped, trace }: Step): KeyRequest {
  const common: { keyspace: string; key: WireKey; level: Level; trace?: true } = {
    keyspace,
    key,
    level,
    ...(trace ? { trace: true } : {}),
  };
  return op === "put"
    ? { op, ...common, value: value.padEnd(valueChars, escaped ? "\u0001" : ".") }
    : { op, ...common };
}

/** What is known of an operation before it is answered. */
export function beginOperation(
  { client, coordinator, request, invokedMs, copies, context, session }: Omit<Asked, "endedMs">,
): Omit<Operation, "endedMs" | "outcome" | "acked"> {
  return {
    client,
    op: request.op,
    key: String(request.key),
    required: requiredCount(request.level!, copies),
    coordinator,
    invokedMs,
    ...(request.op === "put" ? { value: request.value } : {}),
    ...(context && request.op !== "get" ? { context: context.map(nameOf) } : {}),
    ...(session === undefined ? {} : { session }),
  };
}

/** The operation, as its answer shows it. */
export function recordOperation(asked: Asked, result: Result<Reply, Failure>): Operation {
  const { request, endedMs } = asked;
  const { value, ...begun } = beginOperation(asked);
  const common = { ...begun, endedMs, ...(value === undefined ? {} : { value }) };
  if (result.ok) {
    const { value: reply } = result;
    if (reply.kind !== "value" && reply.kind !== "written") {
      throw new TypeError(`a ${reply.kind} answers no ${request.op}`);
    }
    const { acked, version, maybe_stale: maybeStale } = reply.receipt;
    return {
      ...common,
      outcome: "ok",
      acked,
      ...(reply.kind === "value" ? { value: reply.value, ...severalVersions(reply.siblings) } : {}),
      ...namedVersion(version),
      ...staleness(maybeStale),
    };
  }
  const { failure } = result;
  const acked = failure.acked ?? [];
  if (failure.code === "not_found") {
    return {
      ...common,
      outcome: "ok",
      acked,
      ...namedVersion(failure.version),
      ...severalVersions(failure.siblings),
      ...staleness(failure.maybe_stale),
    };
  }
  if (isDefinite(failure) || request.op === "get") {
    return { ...common, outcome: "fail", acked, code: failure.code };
  }
  return { ...common, endedMs: Infinity, gaveUpMs: endedMs, outcome: "info", acked, code: failure.code };
}

function staleness(maybeStale: true | undefined): { maybeStale?: true } {
  return maybeStale ? { maybeStale } : {};
}

function namedVersion(version: HistoryVersion | undefined): { version?: HistoryVersion } {
  return version ? { version: nameOf(version) } : {};
}

/** Those that a get returned side by side, greatest first; nothing where there is only one. */
function severalVersions(siblings: readonly Sibling[] = []): { siblings?: readonly HeldVersion[] } {
  if (siblings.length < 2) return {};
  const named = siblings.map(({ value = null, ...sibling }) => ({ ...nameOf(sibling), value }));
  return { siblings: named.sort((a, b) => compareVersions(b, a)) };
}

function nameOf({ stamp, origin }: HistoryVersion): HistoryVersion {
  return { stamp, origin };
}
