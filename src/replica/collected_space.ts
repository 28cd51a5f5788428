/** A keyspace whose tombstones are collected: who has to be compared for it, and the removal of what may go. @module */
import type { ByteString } from "../base/bytes.ts";
import { TraceHash } from "../base/hash.ts";
import { mark } from "../base/mark.ts";
import type { ComparedSpace } from "../replication/collection_proof.ts";
import type { Stamp } from "../versions/stamp.ts";
import type { ClusterConfig } from "./cluster_config.ts";
import { encodeCollect } from "./collect_record.ts";
import type { EffectQueue } from "./effect_queue.ts";
import type { ReplicaId } from "./envelope.ts";
import type { Keyspace } from "./keyspace.ts";
import type { KeyspaceLeaves } from "./leaves.ts";

/** Bytes of keys whose tombstones go in one batch. */
const BATCH_BYTES_MAX = 16 * 1024;

/** What a write takes in the log beside its key. */
const WRITE_BYTES = 32;

/** One keyspace in one replica. */
export class CollectedSpace implements ComparedSpace {
  readonly keyspace: Keyspace;
  readonly pairs: ComparedSpace["pairs"];
  /** Whether this replica holds keys of it, and who does beside it. */
  readonly isHeld: boolean;
  readonly holders: readonly ReplicaId[];
  /** Greatest stamp up to which all copies are proved to know everything. */
  proven: Stamp = 0;
  /** Tombstones removed in this life. */
  collectedCount = 0;
  readonly #leaves: KeyspaceLeaves;
  readonly #foreignCells: Uint32Array;
  /** Nothing up to here is left to be removed. */
  #swept: Stamp = 0;
  #isSweeping = false;

  constructor({ keyspace, leaves, members, selfId }: {
    readonly keyspace: Keyspace;
    readonly leaves: KeyspaceLeaves;
    readonly members: readonly ReplicaId[];
    readonly selfId: ReplicaId;
  }) {
    this.keyspace = keyspace;
    this.#leaves = leaves;
    this.#foreignCells = keyspace.foreignCellsOf(selfId);
    this.isHeld = keyspace.isHeldBy(selfId);
    this.holders = members.filter((id) => id !== selfId && keyspace.isHeldBy(id));
    this.pairs = members.flatMap((a, index) =>
      members.slice(index + 1).filter((b) => keyspace.isSharedBy(a, b)).map((b) => [a, b] as const)
    );
  }

  get name(): string {
    return this.keyspace.name;
  }

  /** Keys with a tombstone here. */
  get tombstoneCount(): number {
    return this.#leaves.tombstones.size;
  }

  /** Whether there is a tombstone up to a stamp. */
  hasTombstone(stamp: Stamp): boolean {
    for (const oldest of this.#leaves.tombstones.values()) if (oldest <= stamp) return true;
    return false;
  }

  /** Whether keys lie here that are not our own: no pass compares them. */
  hasForeignKeys(): boolean {
    const { keys } = this.#leaves;
    return keys.count > 0 && this.#foreignCells.some((cell) => keys.has(cell));
  }

  /** Removes some tombstones up to a floor that is on the disk; which of them still are, the store sees. */
  sweep(queue: EffectQueue, floor: Stamp, onRemoved: (count: number) => void): void {
    if (this.#isSweeping || floor <= this.#swept || queue.isDiskFull) return;
    const keys: ByteString[] = [];
    let bytes = 0;
    for (const [key, oldest] of this.#leaves.tombstones) {
      if (oldest > floor) continue;
      keys.push(key);
      bytes += key.length + WRITE_BYTES;
      if (bytes > BATCH_BYTES_MAX) break;
    }
    if (keys.length === 0) {
      this.#swept = floor;
      return;
    }
    this.#isSweeping = true;
    const value = encodeCollect(floor);
    queue.apply(keys.map((key) => ({ key: this.keyspace.storeKey(key), value })), (result) => {
      this.#isSweeping = false;
      if (result.kind !== "applied") return;
      const count = result.changes.filter((change) => change.old !== change.new).length;
      if (count > 0) mark("collecting: tombstones removed");
      this.collectedCount += count;
      onRemoved(count);
    });
  }
}

/** A name of who is a member, and of which keys each holds. */
export function layoutOf({ members, keyspaces }: ClusterConfig): string {
  const hash = new TraceHash();
  hash.add(members.map(({ id }) => id).join());
  for (const { name, keys, partitioner, replication, antiEntropy } of keyspaces.values()) {
    hash.add(`\n${name} ${keys} ${partitioner} ${replication} ${antiEntropy}`);
  }
  return hash.hex();
}
