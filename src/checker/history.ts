/**
 * What the clients of a run saw, with true times, and what else the judges are told of it. Knows nothing of where it
 * comes from: the simulator makes it, or a file (`HISTORY.md`).
 * @module
 */

/** A version as a history names it. */
export interface HistoryVersion {
  readonly stamp: number;
  readonly origin: string;
}

/** What a client can ask for. File format: only append. */
export const OPS = ["get", "put", "delete", "compare_and_set"] as const;

/** One of these. */
export type Op = typeof OPS[number];

/** One operation. Times are true (simulated) milliseconds. */
export interface Operation {
  /** Does one thing at a time: who does two at once is two clients. */
  readonly client: number;
  readonly op: Op;
  readonly key: string;
  /** What was to be written, also where it failed; or what a get returned, absent where it found nothing. */
  readonly value?: string;
  /** What a compare-and-set wants to find; absent where it wants to find nothing. */
  readonly expected?: string;
  /** Copies that the level needs; 0 where nothing is promised about copies. */
  readonly required: number;
  /** Empty where unknown. */
  readonly coordinator: string;
  readonly invokedMs: number;
  /** Infinity while it is unknown whether it happened. */
  readonly endedMs: number;
  /** When the client stopped waiting for what is unknown. */
  readonly gaveUpMs?: number;
  /**
   * `ok`: done, or a get that found nothing; `fail`: certainly did not happen; `info`: unknown, may happen at any later
   * time, or never. A compare-and-set that failed with `conflict` has seen that the value was another.
   */
  readonly outcome: "ok" | "fail" | "info";
  /** The version written or read; absent for a get that found nothing, and where unknown. */
  readonly version?: HistoryVersion;
  /** All versions that a get returned, greatest first, also deletions and that of `value`, where they are several. */
  readonly siblings?: readonly HeldVersion[];
  /**
   * Versions of the key that a put or delete named as seen: these it replaces, with what they replaced, and no others. Empty
   * for none. Absent where nobody knows, and where the greatest version replaces all others anyway.
   */
  readonly context?: readonly HistoryVersion[];
  /** Replicas that acknowledged or answered. */
  readonly acked: readonly string[];
  /** Why it failed. */
  readonly code?: string;
  /** Operations of one session are owed the session's guarantees; absent: the client is its own session. */
  readonly session?: string;
  /** The answer of a get said that it may lack something of its session: so nobody is owed that it does not. */
  readonly maybeStale?: true;
  /**
   * Replicas with a copy that counts which the coordinator could reach, and which could serve, from the invocation until
   * the deadline; 0 where the client could not reach the coordinator all that time. Absent where nobody knows.
   */
  readonly live?: number;
}

/** A disk that was lost with all it held. */
export interface DiskLoss {
  readonly replica: string;
  readonly atMs: number;
}

/** Something that was done to the cluster. Only for the picture, and for when the last one ended. */
export interface HistoryFault {
  readonly atMs: number;
  /** Absent for a moment such as a kill or a heal. */
  readonly untilMs?: number;
  /** Whom it befell; empty for all. */
  readonly replicas: readonly string[];
  /** For a person: `killed`, `cut off from r3, r4`, `clock +60 s`. */
  readonly text: string;
}

/** What a replica held at a time. */
export interface Snapshot {
  readonly replica: string;
  readonly atMs: number;
  readonly state: FinalState;
}

/** What one run leaves for the judges. */
export interface History {
  /** Operations of one client stand in the order in which the client did them. */
  readonly operations: readonly Operation[];
  /** Copies of each key. */
  readonly copies: number;
  readonly diskLosses: readonly DiskLoss[];
  /** How far any two replicas' clocks were apart at most, with what restarts added; Infinity where nobody knows. */
  readonly clockSpreadMs: number;
  readonly keyspace?: string;
  /** All replicas, in the order in which a picture shows them. */
  readonly replicas?: readonly string[];
  /** A request may take this long. */
  readonly deadlineMs?: number;
  /** All replicas are equal so long after the last fault and the last write. */
  readonly convergenceBoundMs?: number;
  readonly faults?: readonly HistoryFault[];
  /** In the order of their times. The last of each replica is its final state. */
  readonly snapshots?: readonly Snapshot[];
  /**
   * Tombstones go once all copies are proved to know them: a key that was deleted may be held, and read, as if nothing had ever been written.
   */
  readonly collectsTombstones?: boolean;
  /** Of keys that not all replicas in `snapshots` are to hold: who is. */
  readonly holders?: Holders;
}

/** By key, who is to hold a copy; a key that is not named is held by all. */
export type Holders = ReadonlyMap<string, ReadonlySet<string>>;

/** Those of the states whose replicas are to hold the key. */
export function statesOf(
  key: string,
  states: ReadonlyMap<string, FinalState>,
  holders: Holders | undefined,
): [string, FinalState][] {
  const ids = holders?.get(key);
  return [...states].filter(([replica]) => ids?.has(replica) ?? true);
}

/** A version with what it says, where that was looked at: null is a tombstone. */
export interface HeldVersion extends HistoryVersion {
  readonly value?: string | null;
}

/** What one replica holds of one key: the greatest version. */
export interface HeldKey extends HeldVersion {
  /** All of them, greatest first, where they are several. */
  readonly siblings?: readonly HeldVersion[];
}

/** What one replica holds in the end, by key. */
export type FinalState = ReadonlyMap<string, HeldKey>;

/** Versions of one key as a replica holds them. */
export function heldKey(versions: readonly [HeldVersion, ...HeldVersion[]]): HeldKey {
  const sorted = [...versions].sort((a, b) => compareVersions(b, a));
  return { ...sorted[0]!, ...(sorted.length > 1 ? { siblings: sorted } : {}) };
}

/** All versions that a replica holds of a key, greatest first. */
export function heldVersions(held: HeldKey | undefined): readonly HeldVersion[] {
  return held ? held.siblings ?? [held] : [];
}

/** All versions that an operation made or read, with what they say; none where they are unknown. */
export function touchedVersions({ version, siblings, value }: Operation): readonly HeldVersion[] {
  return siblings ?? (version ? [{ ...version, value: value ?? null }] : []);
}

/** All values that a get returned, or that were to be written; none where it found nothing, and for a deletion. */
export function touchedValues({ siblings, value }: Operation): readonly string[] {
  if (siblings) return siblings.flatMap((sibling) => sibling.value ?? []);
  return value === undefined ? [] : [value];
}

/** The final state of each replica that was looked at, by its name. */
export function finalStates({ snapshots = [] }: Pick<History, "snapshots">): Map<string, FinalState> {
  return new Map(snapshots.map(({ replica, state }) => [replica, state]));
}

/** The order of versions: stamp, then origin. */
export function compareVersions(a: HistoryVersion, b: HistoryVersion): number {
  if (a.stamp !== b.stamp) return a.stamp - b.stamp;
  return a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : 0;
}
