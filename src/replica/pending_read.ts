/** One read under way at its coordinator, and a reply of it that waits until stale copies are mended. @module */
import type { ByteString } from "../base/bytes.ts";
import type { Level } from "../protocol/level.ts";
import { isSame, type ReadRound } from "../replication/read_round.ts";
import type { Held } from "../versions/resolve.ts";
import type { Causal } from "./causality.ts";
import type { ReplicaId } from "./envelope.ts";
import type { RequestId } from "./event.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Trace } from "./trace.ts";

/** A get as a client asked for it. */
export interface ReadRequest {
  readonly id: RequestId;
  readonly keyspace: Keyspace;
  readonly key: ByteString;
  readonly level: Level;
  readonly trace: Trace | undefined;
  readonly causal: Causal;
}

/** A reply that waits until enough replicas hold what it will say (`read_repair = "blocking"`). */
export interface Blocking {
  readonly held: Held;
  readonly answered: readonly ReplicaId[];
  /** Who was sent what remains of all answers. */
  readonly asked: Set<ReplicaId>;
  readonly repaired: Set<ReplicaId>;
  /** Those of `repaired` that count for a level. */
  readonly counted: Set<ReplicaId>;
  /** Those of `asked` that refused, or cannot be reached any more. */
  readonly failed: Set<ReplicaId>;
}

/** One read under way. */
export interface PendingRead {
  readonly request: ReadRequest;
  readonly round: ReadRound;
  readonly required: number;
  /** A session's read, and our own copy may lack something of the session. */
  readonly needsFresh: boolean;
  readonly deadlineMs: number;
  isReplied: boolean;
  blocking: Blocking | undefined;
  refusal: string | undefined;
  /** Bytes of the own copy that waits here for those of others. */
  heldBytes: number;
  /** The number under which some were last asked again. */
  againNumber: number | undefined;
}

/** A reply that says `held`, and waits. */
export function blockingFor(held: Held, answered: readonly ReplicaId[]): Blocking {
  return { held, answered, asked: new Set(), repaired: new Set(), counted: new Set(), failed: new Set() };
}

/** Whether enough can hold it yet. Who was mended and does not count will not be mended again. */
export function mayBeHeld(
  { round, required }: PendingRead,
  { held, asked, repaired, counted, failed }: Blocking,
): boolean {
  const open = [...asked].filter((id) => !repaired.has(id) && !failed.has(id));
  return new Set([...counted, ...open, ...round.holders(held), ...round.waiting()]).size >= required;
}

/** Who has stored what remains of all answers, because the reply waited for it. */
export function mendedAlready({ round, blocking }: PendingRead): Set<ReplicaId> {
  if (!blocking) return new Set();
  // Why: what came after the level was met may be later, or greater under the same name (H6), and not all were sent that.
  return new Set(isSame(round.held(), blocking.held) ? blocking.repaired : []);
}
