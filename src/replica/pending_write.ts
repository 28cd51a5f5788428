/** One write under way at its coordinator, and what its client is told in the end. @module */
import type { ByteString } from "../base/bytes.ts";
import type { Failure } from "../protocol/error_codes.ts";
import { type Level, requiredCount } from "../protocol/level.ts";
import type { Receipt } from "../protocol/reply.ts";
import type { WriteRound } from "../replication/write_round.ts";
import type { Held } from "../versions/resolve.ts";
import type { Version } from "../versions/version.ts";
import { afterWrite, type Causal } from "./causality.ts";
import type { ReplicaId } from "./envelope.ts";
import type { RequestId } from "./event.ts";
import * as failures from "./failures.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Trace } from "./trace.ts";
import { versionName } from "./version_name.ts";

/** A put (or, without a value, a delete) as a client asked for it. */
export interface WriteRequest {
  readonly id: RequestId;
  readonly keyspace: Keyspace;
  readonly key: ByteString;
  readonly value: string | undefined;
  readonly level: Level;
  readonly trace: Trace | undefined;
  readonly causal: Causal;
}

/** One write under way. */
export interface PendingWrite {
  readonly request: WriteRequest;
  /** The key's replicas but ourselves. */
  readonly others: readonly ReplicaId[];
  readonly round: WriteRound;
  readonly version: Version;
  /** What the others are to hold: where siblings stay, all that is on the own disk, once the version is (HAZARD H10). */
  record: Uint8Array;
  /** Versions beside it there. */
  beside: Held;
  /** Whether the others were sent it. Until then nothing is owed to them but what the own disk says. */
  isShipped: boolean;
  readonly deadlineMs: number;
  /** Where the owed record lies, if there is one. */
  readonly owedAt: ByteString | undefined;
  isReplied: boolean;
  /** Whether the own disk held no value before. */
  isNew: boolean;
  supersededBy: { readonly stamp: number; readonly origin: string } | undefined;
  refusal: string | undefined;
}

/** The receipt of a write that is done. */
export function receiptOf(
  { request, version, beside, isNew, supersededBy }: PendingWrite,
  { coordinator, acked, missing }: {
    readonly coordinator: ReplicaId;
    readonly acked: readonly ReplicaId[];
    readonly missing: readonly ReplicaId[];
  },
): Receipt {
  const { keyspace, key, level, value, causal } = request;
  return {
    coordinator,
    keyspace: keyspace.name,
    level,
    required: requiredCount(level, keyspace.copies),
    copies: keyspace.copies,
    acked,
    owed: missing,
    repaired: [],
    version: versionName(version),
    ...(isNew && value !== undefined ? { created: true } : {}),
    ...(supersededBy ? { superseded_by: versionName(supersededBy) } : {}),
    ...afterWrite(causal, keyspace.name, keyspace.wireKey(key), version, beside),
    ...(beside.length > 0 ? { beside: beside.length } : {}),
  };
}

/** What its client is told of a write that did not meet its level: it may have happened, and may yet. */
export function timeoutOf(
  { request: { keyspace, level }, round, refusal }: PendingWrite,
  { coordinator, timeoutMs }: { readonly coordinator: ReplicaId; readonly timeoutMs: number },
): Failure {
  const required = requiredCount(level, keyspace.copies);
  return failures.writeTimeout(coordinator, { level, required, acked: round.acked(), refusal, timeoutMs });
}

/** Planted bug `definite_timeout`: as if nothing had been sent. */
export function definiteTimeout({ request: { keyspace, level }, round }: PendingWrite): Failure {
  const required = requiredCount(level, keyspace.copies);
  return failures.unavailable(keyspace, level, required, { live: round.acked(), uncounted: [] });
}
