/** What members tell each other about themselves. Wire format: only append. @module */

/** Sent on an idle link and first thing on a new one. The other side answers with `heartbeat_ack`, the same fields. */
export interface Heartbeat {
  readonly type: "heartbeat" | "heartbeat_ack";
  /** The sender's directory epoch. */
  readonly epoch: string;
  /** The epochs under which the sender has known the receiver, newest last; empty when it never met it. */
  readonly known_epochs: readonly string[];
  /** The sender's wall clock. */
  readonly wall_ms: number;
  /** The sender's directory may lack something (it is new, was wiped, or holds a keyspace anew): its answers count for no level (HAZARD H7). */
  readonly recovering: boolean;
  /**
   * Every write that the sender stamped up to `until`, and that the receiver is to hold, is on its disk: the one of the directory
   * with this epoch. That leaves out some up to `hold` (0: none), which the receiver has too once it has compared its
   * copies with those of all others (HAZARD H12).
   */
  readonly complete?: { readonly epoch: string; readonly until: number; readonly hold: number };
  /** Take no more new writes from me that I stamped up to here, and say when those that you took are on your disk. */
  readonly fence?: number;
  /** They are: what the receiver had asked for. */
  readonly fenced?: number;
  /** Absent where no keyspace of the sender collects tombstones, and while it does not know what it may promise. */
  readonly collection?: CollectionAccount;
}

/** How far tombstones may be collected, as one member sees it (`replication/collection_proof.ts`). */
export interface CollectionAccount {
  /** A name of the sender's members and keyspaces: under another one nothing else of this counts but `floors`. */
  readonly layout: string;
  /** The sender gives no stamp up to here, and takes none but through anti-entropy. */
  readonly promise: number;
  /** Up to where it has collected, by keyspace; absent where it never has. */
  readonly floors?: Readonly<Record<string, number>>;
  /** Keyspaces of which it holds keys that are not its own; absent for none. */
  readonly foreign?: readonly string[];
  /** Present where it has something to collect. */
  readonly wants?: true;
  /** Passes that it began and that ended in agreement, by peer: the peer's epoch, and what both had promised. */
  readonly agreed?: Readonly<Record<string, readonly [epoch: string, stamp: number]>>;
}
