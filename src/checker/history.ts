/** What the clients of a run saw: one entry for each operation, with true times. @module */

/** A version as a history names it. */
export interface HistoryVersion {
  readonly stamp: number;
  readonly origin: string;
}

/** One operation. Times are true (simulated) milliseconds. */
export interface Operation {
  readonly client: number;
  readonly op: "put" | "get" | "delete";
  readonly key: string;
  /** What a put wrote or a get returned. */
  readonly value?: string;
  /** Copies that the level needs. */
  readonly required: number;
  readonly coordinator: string;
  readonly invokedMs: number;
  /** Infinity while it is unknown whether it happened. */
  readonly endedMs: number;
  /** `ok`: done, or a get that found nothing; `fail`: certainly did not happen; `info`: unknown. */
  readonly outcome: "ok" | "fail" | "info";
  /** The version written or read; absent for a get that found nothing, and where unknown. */
  readonly version?: HistoryVersion;
  /** Replicas that acknowledged or answered. */
  readonly acked: readonly string[];
  /** Why it failed. */
  readonly code?: string;
}

/** A disk that was lost with all it held. */
export interface DiskLoss {
  readonly replica: string;
  readonly atMs: number;
}

/** What one run leaves for the judges. */
export interface History {
  readonly operations: readonly Operation[];
  /** Copies of each key. */
  readonly copies: number;
  readonly diskLosses: readonly DiskLoss[];
  /** How far any two replicas' clocks were apart at most, with what restarts added, in milliseconds. */
  readonly clockSpreadMs: number;
}

/** What one replica holds in the end, by key. */
export type FinalState = ReadonlyMap<string, HistoryVersion>;

/** One sentence that a person understands. */
export type Violation = string;
