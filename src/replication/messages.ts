/**
 * What replicas say to each other about keys. A round number names a request for the life of the asking process;
 * answers repeat it. Wire format: only append.
 * @module
 */
import type { WireKey } from "../protocol/request.ts";
import type { ErrorCode } from "../protocol/error_codes.ts";
import type { Version } from "../versions/version.ts";

/** Store these versions. `cause` is for counting only. */
export interface WriteMessage {
  readonly type: "write";
  readonly round: number;
  readonly cause: "put" | "repair" | "hint";
  readonly keyspace: string;
  readonly key: WireKey;
  readonly versions: readonly Version[];
}

/** The versions, or later ones, are on the sender's disk. */
export interface WrittenMessage {
  readonly type: "written";
  readonly round: number;
  /** What the sender holds instead, when the write had already lost there. */
  readonly superseded_by?: { readonly stamp: number; readonly origin: string };
  /** Present where the sender is recovering: the acknowledgement counts for no level. */
  readonly recovering?: true;
}

/** The sender could not do what the round asked. */
export interface RefusedMessage {
  readonly type: "refused";
  readonly round: number;
  readonly code: ErrorCode;
  readonly message: string;
}

/** Say which versions you hold of this key. */
export interface ReadMessage {
  readonly type: "read";
  readonly round: number;
  readonly keyspace: string;
  readonly key: WireKey;
}

/** The versions on the sender's disk; empty when it holds none. */
export interface AnswerMessage {
  readonly type: "answer";
  readonly round: number;
  readonly versions: readonly Version[];
  /** Present where the sender is recovering: the answer counts for no level. */
  readonly recovering?: true;
}

/** A recovering replica asks for everything the receiver holds, a page at a time, in key order. */
export interface FillMessage {
  readonly type: "fill";
  readonly round: number;
  readonly keyspace: string;
  /** Keys after this one; absent for the first page. */
  readonly after?: WireKey;
}

/** One page of what the sender holds. */
export interface FilledMessage {
  readonly type: "filled";
  readonly round: number;
  readonly entries: readonly { readonly key: WireKey; readonly versions: readonly Version[] }[];
  readonly more: boolean;
}
