/** What became of one request, step by step, as the coordinator saw it. Types only. Wire format: only append. @module */
import type { ErrorCode } from "./error_codes.ts";
import type { Level } from "./level.ts";
import type { VersionName } from "./reply.ts";

/** What can happen to a put, get or delete. `PROTOCOL.md` says what each word means. */
export type TraceWord =
  | "received"
  | "forwarded"
  | "parked"
  | "stamped"
  | "asked"
  | "not_asked"
  | "stored"
  | "owed_kept"
  | "acked"
  | "answered"
  | "refused"
  | "died"
  | "deadline"
  | "level_met"
  | "failed"
  | "repairing"
  | "repaired"
  | "owed"
  | "hint_kept"
  | "hint_waits"
  | "hint_dropped"
  | "cut";

/** One step. Which of the fields are there depends on `what`. */
export interface TraceStep {
  /** Milliseconds since the coordinator received the request, to the microsecond. */
  readonly at_ms: number;
  /** A `TraceWord`, or one of a later version. */
  readonly what: string;
  /** Who did it, where it was one. */
  readonly replica?: string;
  /** Whom it is about, where it may be several; in id order. */
  readonly replicas?: readonly string[];
  readonly level?: Level;
  /** Copies that the level needs. */
  readonly required?: number;
  /** The write, or what an answer held; absent in an answer that held nothing. */
  readonly version?: VersionName;
  /** Present where that version is a delete. */
  readonly deleted?: true;
  /** What the replica holds in place of the write, which had already lost there. */
  readonly superseded_by?: VersionName;
  /** Present where the replica is recovering: it counts for no level. */
  readonly recovering?: true;
  readonly code?: ErrorCode;
  readonly message?: string;
}
