/** What the parts of one replica share. @module */
import type { Collecting } from "./collecting.ts";
import type { EffectQueue } from "./effect_queue.ts";
import type { ClusterConfig } from "./cluster_config.ts";
import type { Counters } from "./counters.ts";
import type { ReplicaId } from "./envelope.ts";
import type { Peers } from "./peers.ts";
import type { Promises } from "./promises.ts";

/** One replica's own name, world and peers. */
export interface Core {
  readonly selfId: ReplicaId;
  /** Of the data directory. */
  readonly epoch: string;
  readonly config: ClusterConfig;
  readonly queue: EffectQueue;
  readonly counters: Counters;
  readonly peers: Peers;
  readonly promises: Promises;
  readonly collecting: Collecting;
  /** A number that names a request to peers; never given twice, nor by an earlier life. */
  readonly nextRound: () => number;
  /** Whether our own answers count for no level. */
  readonly isRecovering: () => boolean;
  /** Those of a key's replicas that are alive and whose answers count, ourselves included, in id order. */
  readonly counted: (naturals: readonly ReplicaId[]) => ReplicaId[];
  /** Those of a key's replicas that are alive and whose answers do not count, ourselves included, in id order. */
  readonly uncounted: (naturals: readonly ReplicaId[]) => ReplicaId[];
}
