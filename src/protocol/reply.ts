/** What a replica answers. Types only. Wire format: only append. @module */
import type { ActiveFault } from "./fault.ts";
import type { Level } from "./level.ts";
import type { WireKey } from "./request.ts";
import type { TraceStep } from "./trace.ts";

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
  /** A put, where the coordinator itself holds copies: its disk held no value of the key before. */
  readonly created?: true;
  /** Where siblings stay: how many other versions stand beside what was written, on the coordinator's disk. */
  readonly beside?: number;
  /** A put that had already lost to a later write when it was stored. */
  readonly superseded_by?: VersionName;
  /** Where the request asked for it. */
  readonly trace?: readonly TraceStep[];
  /** What a put or delete of this key has to name to replace what was read or written here. */
  readonly context?: string;
  /** The session after this request, where it named one. */
  readonly session?: string;
  /** The answer may lack something of the session: nobody who could be reached knew better. */
  readonly maybe_stale?: true;
}

/** One of several concurrent versions of a key. */
export interface Sibling extends VersionName {
  /** Absent for a delete. */
  readonly value?: string;
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

/** One key of a page. */
export interface PageEntry {
  readonly key: WireKey;
  /** Of the greatest version that is no delete; absent where only keys were asked for. */
  readonly value?: string;
  /** All concurrent versions, greatest first, where there are several. */
  readonly siblings?: readonly Sibling[];
  /** The greatest version that is no delete. */
  readonly version: VersionName;
}

/** A page of the keys that there are, in key order. */
export interface Page {
  readonly coordinator: string;
  readonly keyspace: string;
  readonly level: Level;
  /** Copies of each key that were looked at, at least, and copies that the keyspace declares. */
  readonly required: number;
  readonly copies: number;
  readonly entries: readonly PageEntry[];
  /** Whether there may be keys behind the page, which may be short, or empty, all the same. */
  readonly more: boolean;
  /** Where there is more: the page speaks of all keys up to this one, and the next one begins behind it. */
  readonly last?: WireKey;
}

/** How one replica sees another. */
export interface PeerStatus {
  readonly id: string;
  readonly address: string;
  readonly alive: boolean;
  /** Milliseconds since `alive` became what it is; since the start where it never changed. */
  readonly changed_ms_ago?: number;
  /** Milliseconds since anything was heard from it; absent if never. */
  readonly heard_ms_ago?: number;
  /** Its wall clock minus ours, in milliseconds; absent while unknown. */
  readonly clock_offset_ms?: number;
  readonly recovering: boolean;
  /** Hints that wait for it here. */
  readonly hints: number;
  readonly hint_bytes: number;
  /** Milliseconds since the copies that both hold were last found, or made, equal; absent if never. */
  readonly agreed_ms_ago?: number;
  /** Keys that differed in the last comparison of all of them. */
  readonly differed?: number;
  /** The stamp up to which we told it that all our writes it is to hold are on its disk; absent while it was told nothing. */
  readonly complete_told?: number;
  /** The same of its writes and our disk, as far as it told us and we can be sure of it. */
  readonly complete_heard?: number;
  /** A pass of anti-entropy with it that is under way here: where it is, keys moved, and what is left (buckets and keys). */
  readonly repair?: { readonly keyspace: string; readonly moved: number; readonly left: number };
}

/** What a pass with one peer found and did. */
export interface RepairedPeer {
  readonly id: string;
  /**
   * `agreed`: all that differed is equal now; `compared`: the same of a dry run, which mends nothing; `unmended`: something
   * could not be; `failed`: it broke off; `busy`: the peer had no time.
   */
  readonly end: "agreed" | "compared" | "unmended" | "failed" | "busy";
  readonly reason?: string;
  /** Keys that differed; `keys` names the first of them. */
  readonly differing: number;
  readonly keys: readonly { readonly keyspace: string; readonly key: WireKey }[];
  /** Keys that went to the peer, and keys that came from it. */
  readonly sent: number;
  readonly received: number;
  /** Bytes of messages, both ways. */
  readonly bytes: number;
}

/** What a replica uses of its machine. */
export interface MachineStatus {
  /** Memory of the process (RSS), and the part of it that holds objects. */
  readonly memory_bytes: number;
  readonly heap_bytes: number;
  /** Files of the data directory: all of them, and how many are segments of the log. */
  readonly data_bytes: number;
  readonly segments: number;
  /** Of the file system below it; absent where the system does not tell. */
  readonly disk_bytes?: number;
  readonly disk_free_bytes?: number;
}

/** How far a replica has got rid of the deletes of one keyspace. */
export interface TombstoneStatus {
  readonly keyspace: string;
  /** Keys with a tombstone on its disk. */
  readonly held: number;
  /** Tombstones removed since its start. */
  readonly collected: number;
  /** All that was written before this, on the wall clock, all copies are proved to know; absent while nothing is proved. */
  readonly proven_wall_ms?: number;
  /** Replicas that have to be there, whole and comparable before any more can be removed. */
  readonly held_back_by: readonly string[];
}

/** What a replica says of itself. */
export interface Status {
  readonly id: string;
  readonly cluster: string;
  readonly epoch: string;
  readonly version: string;
  readonly ready: boolean;
  /** Its directory may lack something (new, wiped, or a keyspace held anew): it takes writes, but its answers count for no level. */
  readonly recovering: boolean;
  readonly disk_full: boolean;
  readonly uptime_ms: number;
  /** Its wall clock. */
  readonly wall_ms?: number;
  /** What all members must have in common, as in a peer's hello. */
  readonly digest?: Readonly<Record<string, string>>;
  readonly machine?: MachineStatus;
  /** What is broken in it on purpose; absent where its configuration does not allow that. */
  readonly faults?: readonly ActiveFault[];
  readonly peers: readonly PeerStatus[];
  /** By keyspace; absent where tombstones stay for ever, because nothing compares copies. */
  readonly tombstones?: readonly TombstoneStatus[];
  /** Named counters since start: `puts`, `gets`, `syncs`, `hints_delivered`, … */
  readonly counters: Readonly<Record<string, number>>;
}

/** The answer to one request that was done. */
export type Reply =
  | { readonly kind: "written"; readonly receipt: Receipt }
  | {
    readonly kind: "value";
    /** Of the greatest version that is no delete. */
    readonly value: string;
    /** All concurrent versions, greatest first, where there are several (`siblings = true`). */
    readonly siblings?: readonly Sibling[];
    readonly receipt: Receipt;
  }
  | {
    readonly kind: "held";
    readonly replica: string;
    readonly entries: readonly Held[];
    readonly more: boolean;
  }
  | { readonly kind: "page"; readonly page: Page }
  | { readonly kind: "status"; readonly status: Status }
  /** What one replica found when it compared itself with its peers. */
  | {
    readonly kind: "repaired";
    readonly replica: string;
    readonly dry_run: boolean;
    readonly peers: readonly RepairedPeer[];
  }
  /** The faults of one replica, as they are after the request. */
  | { readonly kind: "faults"; readonly replica: string; readonly faults: readonly ActiveFault[] };
