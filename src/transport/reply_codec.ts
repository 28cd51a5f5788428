/** Answers on the wire: one object a line, with the request's id. Wire format: only append. @module */
import { fail, ok, type Result } from "../base/failure.ts";
import { ERRORS, type Failure, isDefinite, isErrorCode } from "../protocol/error_codes.ts";
import { LEVELS } from "../protocol/level.ts";
import { MEMBERS_MAX, SIBLINGS_TOGETHER_MAX } from "../protocol/limits.ts";
import type {
  Held,
  MachineStatus,
  PeerStatus,
  Receipt,
  RepairedPeer,
  Reply,
  Sibling,
  Status,
  VersionName,
} from "../protocol/reply.ts";
import { isActiveFaultList } from "./fault_codec.ts";
import { isDigest } from "./hello.ts";
import {
  type Fields,
  isCount,
  isFields,
  isName,
  isNameList,
  isPlain,
  isVersionName,
  isWireKey,
} from "./fields.ts";
import { isWireId, type WireId } from "./request_codec.ts";
import { decodePage } from "./page_codec.ts";
import { decodeTrace } from "./trace_codec.ts";

/** One answer as a client reads it. `id` is null where the server could not tell which request it speaks of. */
export interface ParsedReply {
  readonly id: WireId | null;
  readonly result: Result<Reply, Failure>;
}

/** The line of an answer, without its end; one without an id is part of a message between replicas. */
export function encodeReply(id: WireId | null | undefined, result: Result<Reply, Failure>): string {
  if (!result.ok) return encodeFailure(id, result.failure);
  const named = id === undefined ? "" : `"id":${typeof id === "number" ? id : JSON.stringify(id)},`;
  const head = `{${named}"ok":true,`;
  const reply = result.value;
  // Why: the parts are written behind each other instead of being copied into one object first.
  switch (reply.kind) {
    case "written":
      return head + JSON.stringify(reply.receipt).slice(1);
    case "value":
      return `${head}"value":${JSON.stringify(reply.value)},${
        reply.siblings === undefined ? "" : `"siblings":${JSON.stringify(reply.siblings)},`
      }${JSON.stringify(reply.receipt).slice(1)}`;
    case "held": {
      const { replica, entries, more } = reply;
      return head + JSON.stringify({ replica, entries, more }).slice(1);
    }
    case "page":
      return head + JSON.stringify(reply.page).slice(1);
    case "status":
      return `${head}"status":${JSON.stringify(reply.status)}}`;
    case "repaired": {
      const { replica, dry_run, peers } = reply;
      return head + JSON.stringify({ replica, dry_run, peers }).slice(1);
    }
    case "faults": {
      const { replica, faults } = reply;
      return head + JSON.stringify({ replica, faults }).slice(1);
    }
  }
}

function encodeFailure(id: WireId | null | undefined, failure: Failure): string {
  return JSON.stringify({
    id,
    ok: false,
    error: failure.code,
    message: failure.message,
    definite: isDefinite(failure),
    required: failure.required,
    live: failure.live,
    acked: failure.acked,
    coordinator: failure.coordinator,
    version: failure.version,
    siblings: failure.siblings,
    trace: failure.trace,
    context: failure.context,
    session: failure.session,
    maybe_stale: failure.maybe_stale,
  });
}

/**
 * An answer from a parsed line; undefined where it is none. An answer whose id can be read and whose rest cannot is an
 * `internal` failure of that request.
 */
export function decodeReply(input: unknown): ParsedReply | undefined {
  if (!isFields(input)) return undefined;
  const id = input.id ?? null;
  if (id !== null && !isWireId(id)) return undefined;
  const result = input.ok === true ? decodeSuccess(input) : decodeFailure(input);
  if (result !== undefined) return { id, result };
  if (id === null) return undefined;
  return {
    id,
    result: fail({
      code: "internal",
      message:
        "the replica's answer has fields that this client cannot read; use the same version on both sides",
    }),
  };
}

function decodeFailure(input: Fields): Result<Reply, Failure> | undefined {
  const { ok: isOk, error, message, definite, required, live, acked, coordinator, version } = input;
  if (isOk !== false || typeof message !== "string" || typeof definite !== "boolean") return undefined;
  if (required !== undefined && !isCount(required)) return undefined;
  if (live !== undefined && !isCount(live)) return undefined;
  if (acked !== undefined && !isNameList(acked)) return undefined;
  if (coordinator !== undefined && !isName(coordinator)) return undefined;
  if (version !== undefined && !isVersionName(version)) return undefined;
  const trace = input.trace === undefined ? undefined : decodeTrace(input.trace);
  if (input.trace !== undefined && trace === undefined) return undefined;
  const causal = decodeCausal(input);
  if (causal === undefined) return undefined;
  const { siblings } = input;
  if (siblings !== undefined && !isSiblings(siblings)) return undefined;
  // A code of a later version is an `internal` one here; `definite` still says what it means.
  const code = isErrorCode(error) ? error : "internal";
  return fail({
    code,
    message: code === error ? message : `${String(error).slice(0, 40)}: ${message}`,
    ...(definite === ERRORS[code].definite ? {} : { definite }),
    ...(required === undefined ? {} : { required }),
    ...(live === undefined ? {} : { live }),
    ...(acked === undefined ? {} : { acked }),
    ...(coordinator === undefined ? {} : { coordinator }),
    ...(version === undefined ? {} : { version }),
    ...(siblings === undefined ? {} : { siblings }),
    ...(trace === undefined ? {} : { trace }),
    ...causal,
  });
}

function decodeSuccess(input: Fields): Result<Reply, Failure> | undefined {
  if (input.status !== undefined) {
    return isStatus(input.status) ? ok({ kind: "status", status: input.status }) : undefined;
  }
  if (input.entries !== undefined && input.replica === undefined) {
    const page = decodePage(input);
    return page && ok({ kind: "page", page });
  }
  if (input.entries !== undefined) {
    const { replica, entries, more } = input;
    if (!isName(replica) || !isHeldList(entries) || typeof more !== "boolean") return undefined;
    return ok({ kind: "held", replica, entries, more });
  }
  if (input.faults !== undefined) {
    const { replica, faults } = input;
    return isPlain(replica) && isActiveFaultList(faults)
      ? ok({ kind: "faults", replica, faults })
      : undefined;
  }
  if (input.dry_run !== undefined) {
    const { replica, dry_run, peers } = input;
    if (!isPlain(replica) || typeof dry_run !== "boolean" || !isRepairedList(peers)) return undefined;
    return ok({ kind: "repaired", replica, dry_run, peers });
  }
  const receipt = decodeReceipt(input);
  if (receipt === undefined) return undefined;
  if (input.value === undefined) return ok({ kind: "written", receipt });
  if (typeof input.value !== "string") return undefined;
  const { siblings } = input;
  if (siblings !== undefined && !isSiblings(siblings)) return undefined;
  return ok({
    kind: "value",
    value: input.value,
    ...(siblings === undefined ? {} : { siblings }),
    receipt,
  });
}

/** What causality adds to a receipt or a failure; undefined where it cannot be read. */
function decodeCausal(
  { context, session, maybe_stale }: Fields,
): Pick<Receipt, "context" | "session" | "maybe_stale"> | undefined {
  if (!isOptional(context, "string") || !isOptional(session, "string")) return undefined;
  if (maybe_stale !== undefined && maybe_stale !== true) return undefined;
  return {
    ...(context === undefined ? {} : { context: context as string }),
    ...(session === undefined ? {} : { session: session as string }),
    ...(maybe_stale === undefined ? {} : { maybe_stale }),
  };
}

function isSiblings(value: unknown): value is readonly Sibling[] {
  return Array.isArray(value) && value.length <= SIBLINGS_TOGETHER_MAX &&
    value.every((item) => isVersionName(item) && isOptional((item as Fields & VersionName).value, "string"));
}

function decodeReceipt(input: Fields): Receipt | undefined {
  const { coordinator, keyspace, required, copies, acked, owed, repaired, version, superseded_by } = input;
  const level = LEVELS.find((name) => name === input.level);
  if (!isName(coordinator) || !isName(keyspace) || level === undefined) return undefined;
  if (!isCount(required) || !isCount(copies)) return undefined;
  if (!isNameList(acked) || !isNameList(owed) || !isNameList(repaired)) return undefined;
  if (version !== undefined && !isVersionName(version)) return undefined;
  if (superseded_by !== undefined && !isVersionName(superseded_by)) return undefined;
  if (input.created !== undefined && input.created !== true) return undefined;
  const { beside } = input;
  if (beside !== undefined && !isCount(beside)) return undefined;
  const trace = input.trace === undefined ? undefined : decodeTrace(input.trace);
  if (input.trace !== undefined && trace === undefined) return undefined;
  const causal = decodeCausal(input);
  if (causal === undefined) return undefined;
  return {
    coordinator,
    keyspace,
    level,
    required,
    copies,
    acked,
    owed,
    repaired,
    ...(version === undefined ? {} : { version }),
    ...(input.created === undefined ? {} : { created: true }),
    ...(beside === undefined ? {} : { beside }),
    ...(superseded_by === undefined ? {} : { superseded_by }),
    ...(trace === undefined ? {} : { trace }),
    ...causal,
  };
}

function isHeldList(value: unknown): value is readonly Held[] {
  return Array.isArray(value) &&
    value.every((entry) =>
      isFields(entry) && isWireKey(entry.key) && Array.isArray(entry.versions) &&
      entry.versions.every((version: unknown) =>
        isVersionName(version) && (isOptional((version as Fields & VersionName).value, "string"))
      )
    );
}

function isStatus(value: unknown): value is Status {
  return isFields(value) && isPlain(value.id) && isName(value.cluster) && isPlain(value.epoch) &&
    typeof value.version === "string" && typeof value.ready === "boolean" &&
    typeof value.recovering === "boolean" && typeof value.disk_full === "boolean" &&
    typeof value.uptime_ms === "number" && isOptional(value.wall_ms, "number") &&
    (value.digest === undefined || isDigest(value.digest)) &&
    (value.machine === undefined || isMachineStatus(value.machine)) &&
    (value.faults === undefined || isActiveFaultList(value.faults)) && Array.isArray(value.peers) &&
    value.peers.every(isPeerStatus) &&
    (value.tombstones === undefined || isTombstoneList(value.tombstones)) &&
    isFields(value.counters) && Object.values(value.counters).every((count) => typeof count === "number");
}

function isMachineStatus(value: unknown): value is MachineStatus {
  return isFields(value) && isCount(value.memory_bytes) && isCount(value.heap_bytes) &&
    isCount(value.data_bytes) && isCount(value.segments) &&
    (value.disk_bytes === undefined || isCount(value.disk_bytes)) &&
    (value.disk_free_bytes === undefined || isCount(value.disk_free_bytes));
}

function isPeerStatus(value: unknown): value is PeerStatus {
  return isFields(value) && isPlain(value.id) && isPlain(value.address) &&
    typeof value.alive === "boolean" && typeof value.recovering === "boolean" && isCount(value.hints) &&
    isCount(value.hint_bytes) && isOptional(value.changed_ms_ago, "number") &&
    isOptional(value.heard_ms_ago, "number") &&
    isOptional(value.clock_offset_ms, "number") && isOptional(value.agreed_ms_ago, "number") &&
    (value.differed === undefined || isCount(value.differed)) &&
    (value.complete_told === undefined || isCount(value.complete_told)) &&
    (value.complete_heard === undefined || isCount(value.complete_heard)) &&
    (value.repair === undefined || isRepairProgress(value.repair));
}

function isTombstoneList(value: unknown): boolean {
  return Array.isArray(value) &&
    value.every((each) =>
      isFields(each) && isName(each.keyspace) && isCount(each.held) && isCount(each.collected) &&
      isOptional(each.proven_wall_ms, "number") && isNameList(each.held_back_by)
    );
}

function isRepairProgress(value: unknown): boolean {
  return isFields(value) && isName(value.keyspace) && isCount(value.moved) && isCount(value.left);
}

const REPAIR_ENDS: readonly unknown[] = [
  "agreed",
  "compared",
  "unmended",
  "failed",
  "busy",
] satisfies RepairedPeer["end"][];

function isRepairedList(value: unknown): value is readonly RepairedPeer[] {
  return Array.isArray(value) && value.length <= MEMBERS_MAX &&
    value.every((peer) =>
      isFields(peer) && isPlain(peer.id) && REPAIR_ENDS.includes(peer.end) &&
      isOptional(peer.reason, "string") &&
      isCount(peer.differing) && isCount(peer.sent) && isCount(peer.received) && isCount(peer.bytes) &&
      Array.isArray(peer.keys) &&
      peer.keys.every((named: unknown) => isFields(named) && isName(named.keyspace) && isWireKey(named.key))
    );
}

function isOptional(value: unknown, type: "string" | "number"): boolean {
  return value === undefined || typeof value === type;
}
