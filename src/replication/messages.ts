/**
 * What replicas say to each other about keys. A round number names a request for the life of the asking process;
 * answers repeat it. Wire format: only append.
 * @module
 */
import type { Result } from "../base/failure.ts";
import type { KeyRequest, WireKey } from "../protocol/request.ts";
import type { ErrorCode, Failure } from "../protocol/error_codes.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Vector, Version } from "../versions/version.ts";

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
  /** What the client's session has seen: say whether your copies have all of it (HAZARD H12). */
  readonly vector?: Vector;
}

/** The versions on the sender's disk; empty when it holds none. */
export interface AnswerMessage {
  readonly type: "answer";
  readonly round: number;
  readonly versions: readonly Version[];
  /** Present where the sender is recovering: the answer counts for no level. */
  readonly recovering?: true;
  /** Present where the sender's copies have all that the vector of the question names, of every key. */
  readonly fresh?: true;
}

/** Coordinate this for my client, and hand it on to nobody. Keyspace and level are named. */
export interface ForwardMessage {
  readonly type: "forward";
  readonly round: number;
  /** Names the life of the asking process: in it no round is given twice, so that one that comes again is not done again. */
  readonly life: number;
  readonly request: KeyRequest;
}

/** What the client is to be told. */
export interface ForwardedMessage {
  readonly type: "forwarded";
  readonly round: number;
  readonly reply: Result<Extract<Reply, { kind: "written" | "value" }>, Failure>;
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
  readonly entries: readonly Entry[];
  readonly more: boolean;
}

/** Say what you hold, a page at a time, in key order; for a coordinated scan. */
export interface ScanMessage {
  readonly type: "scan";
  readonly round: number;
  readonly keyspace: string;
  /** Only keys that begin with this. */
  readonly prefix?: string;
  /** Only keys behind this one. */
  readonly after?: WireKey;
  /** Keys in the page, at most. */
  readonly limit: number;
  /** With "" in place of each value. */
  readonly keys_only?: true;
}

/** One page of what the sender holds, deletes included. At least one key where there is more. */
export interface ScannedMessage {
  readonly type: "scanned";
  readonly round: number;
  readonly entries: readonly Entry[];
  readonly more: boolean;
  /** Present where the sender is recovering: the page counts for no level. */
  readonly recovering?: true;
}

/** Of what a sender holds of one key, or shall hold. */
export interface Entry {
  readonly key: WireKey;
  readonly versions: readonly Version[];
}

/**
 * Anti-entropy: hold my hashes of these ranges against yours. Ranges and hashes are those of `replication/merkle_tree.ts`, of
 * the cells that both replicas hold.
 */
export interface CompareMessage {
  readonly type: "compare";
  readonly round: number;
  readonly keyspace: string;
  readonly width: number;
  readonly parts: number;
  readonly ranges: readonly number[];
  /** One of eleven characters for each part of each range, behind each other. */
  readonly hashes: string;
}

/** Parts of which the sender has another hash, by index; of these, parts in which it holds nothing. */
export interface ComparedMessage {
  readonly type: "compared";
  readonly round: number;
  readonly differ: readonly number[];
  readonly lacking: readonly number[];
  /** The directory that answers. */
  readonly epoch?: string;
  /** What it has promised; absent where that is nothing, or it is recovering. */
  readonly promise?: number;
}

/**
 * Anti-entropy: give me what I lack of these cells, or hold in an older version, and say what you lack. Keys have the order of
 * their cells, and in a cell that of their bytes.
 */
export interface ListMessage {
  readonly type: "list";
  readonly round: number;
  readonly keyspace: string;
  /** The first cell of a span and the cell after its last, in turn. */
  readonly spans: readonly number[];
  /** Only of keys behind this one. */
  readonly after?: WireKey;
  /** Only of keys up to this one. */
  readonly until?: WireKey;
  /** All that the sender holds there: key, greatest stamp, digest of the record. */
  readonly digests: readonly (readonly [key: WireKey, stamp: number, digest: string])[];
  /** Give nothing: name all keys that differ as wanted. */
  readonly dry_run?: true;
}

/** What the receiver lacks, and what the sender does. */
export interface ListedMessage {
  readonly type: "listed";
  readonly round: number;
  readonly entries: readonly Entry[];
  readonly wants: readonly WireKey[];
  /** The directory that answers. */
  readonly epoch?: string;
  /** Present where this speaks only of keys up to here; the rest is to be asked for again. */
  readonly last?: WireKey;
}

/** Anti-entropy: hold these versions too. */
export interface GiveMessage {
  readonly type: "give";
  readonly round: number;
  readonly keyspace: string;
  readonly entries: readonly Entry[];
  /** The directory for which this is meant: another one would take for new what was old when this was sent. */
  readonly epoch?: string;
}

/** All of them are on the sender's disk. Of some keys it holds more: these come back. */
export interface GivenMessage {
  readonly type: "given";
  readonly round: number;
  readonly entries: readonly Entry[];
  /** Present where it holds more of further keys, which had no room here. */
  readonly more?: true;
}

/** Anti-entropy: my pass with you is over. Not answered. */
export interface PassedMessage {
  readonly type: "passed";
  readonly round: number;
  /** Keys that differed. */
  readonly differing: number;
  /** Whether all that differed when it began is equal now, and how long ago that was. */
  readonly agreed: boolean;
  readonly took_ms: number;
}

/** All messages of anti-entropy. */
export type AntiEntropyMessage =
  | CompareMessage
  | ComparedMessage
  | ListMessage
  | ListedMessage
  | GiveMessage
  | GivenMessage
  | PassedMessage;
