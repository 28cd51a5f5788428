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
}
