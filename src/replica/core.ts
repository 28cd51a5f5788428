/** What the parts of one replica share. @module */
import type { EffectQueue } from "./effect_queue.ts";
import type { ClusterConfig } from "./cluster_config.ts";
import type { Counters } from "./counters.ts";
import type { ReplicaId } from "./envelope.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Peers } from "./peers.ts";

/** One replica's own name, world and peers. */
export interface Core {
  readonly selfId: ReplicaId;
  readonly config: ClusterConfig;
  readonly queue: EffectQueue;
  readonly counters: Counters;
  readonly peers: Peers;
  /** A number that names a request to peers; never given twice, nor by an earlier life. */
  readonly nextRound: () => number;
  /** Whether our own answers count for no level. */
  readonly isRecovering: () => boolean;
  /** The natural replicas that are alive and whose answers count, ourselves included, in id order. */
  readonly counted: (keyspace: Keyspace) => ReplicaId[];
  /** The natural replicas that are alive and whose answers do not count, ourselves included, in id order. */
  readonly uncounted: (keyspace: Keyspace) => ReplicaId[];
}
