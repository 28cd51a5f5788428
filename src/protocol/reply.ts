/** What a replica answers. Types only. Wire format: only append. @module */
import type { Level } from "./level.ts";
import type { WireKey } from "./request.ts";

/** Which write: origin and stamp, and when that was on the writer's wall clock. */
export interface VersionName {
  readonly stamp: number;
  readonly origin: string;
  readonly wall_ms: number;
}

/** How a put, get or delete was done. Replica ids are in id order. */
export interface Receipt {
  readonly coordinator: string;
  readonly keyspace: string;
  readonly level: Level;
  /** Copies that the level needed, and copies that the keyspace declares. */
  readonly required: number;
  readonly copies: number;
  /** Who holds the write on disk (put, delete), or who answered (get), when the reply was sent. */
  readonly acked: readonly string[];
  /** Copies that had not acknowledged yet: they get the write late or as a hint. Empty for gets. */
  readonly owed: readonly string[];
  /** Replicas that were made equal before this reply (`read_repair = "blocking"`). */
  readonly repaired: readonly string[];
  readonly version?: VersionName;
  /** A put that had already lost to a later write when it was stored. */
  readonly superseded_by?: VersionName;
}

/** One version of a key as one replica holds it. */
export interface Held {
  readonly key: WireKey;
  /** Empty when the replica holds nothing for the key. */
  readonly versions: readonly {
    readonly stamp: number;
    readonly origin: string;
    readonly wall_ms: number;
    /** Absent for a tombstone. */
    readonly value?: string;
  }[];
}

/** How one replica sees another. */
export interface PeerStatus {
  readonly id: string;
  readonly address: string;
  readonly alive: boolean;
  /** Milliseconds since anything was heard from it; absent if never. */
  readonly heard_ms_ago?: number;
  /** Its wall clock minus ours, in milliseconds; absent while unknown. */
  readonly clock_offset_ms?: number;
  readonly recovering: boolean;
  /** Hints that wait for it here. */
  readonly hints: number;
  readonly hint_bytes: number;
}

/** What a replica says of itself. */
export interface Status {
  readonly id: string;
  readonly cluster: string;
  readonly epoch: string;
  readonly version: string;
  readonly ready: boolean;
  /** A wiped replica that is being filled: it takes writes, but its answers count for no level. */
  readonly recovering: boolean;
  readonly disk_full: boolean;
  readonly uptime_ms: number;
  readonly peers: readonly PeerStatus[];
  /** Named counters since start: `puts`, `gets`, `syncs`, `hints_delivered`, … */
  readonly counters: Readonly<Record<string, number>>;
}

/** The answer to one request that was done. */
export type Reply =
  | { readonly kind: "written"; readonly receipt: Receipt }
  | { readonly kind: "value"; readonly value: string; readonly receipt: Receipt }
  | {
    readonly kind: "held";
    readonly replica: string;
    readonly entries: readonly Held[];
    readonly more: boolean;
  }
  | { readonly kind: "status"; readonly status: Status };
