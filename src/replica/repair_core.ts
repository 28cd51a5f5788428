/** What both sides of a pass of anti-entropy do alike: read records, store what came, send and count. @module */
import { type ByteString, equalBytes } from "../base/bytes.ts";
import { mark } from "../base/mark.ts";
import type { Log, StoreWrite } from "../ports.ts";
import { REPAIR_PAGE_BYTES_MAX } from "../protocol/limits.ts";
import type { AntiEntropyMessage, Entry } from "../replication/messages.ts";
import { MerkleTree } from "../replication/merkle_tree.ts";
import { decodeRecord, encodeRecord } from "../versions/record.ts";
import type { Clock } from "./clock.ts";
import { recordBytesMax } from "./cluster_config.ts";
import type { Core } from "./core.ts";
import type { ReplicaId } from "./envelope.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Leaves } from "./leaves.ts";

/** What a page of keys and values may exceed one value by; with JSON around it, it still fits a line. */
const PAGE_SLACK_BYTES = 4096;

/** What came of storing what a peer sent. */
export interface Stored {
  /** False where the disk was full: then nothing is known of the rest. */
  readonly isWhole: boolean;
  /** Keys of which this replica now holds more than came. */
  readonly richer: readonly ByteString[];
  /** Keys that this replica does not take, because they are too large here. */
  readonly refusedCount: number;
  /** Keys that changed here. */
  readonly changedCount: number;
}

/** What the parts of anti-entropy in one replica share. */
export class RepairCore {
  readonly core: Core;
  readonly leaves: Leaves;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Stamps came that the clock has moved past. */
  readonly #onObserved: () => void;
  /** Trees over what this replica and a peer both hold, by keyspace and peer. */
  readonly #trees = new Map<Keyspace, Map<ReplicaId, MerkleTree>>();
  #isTooLargeNoted = false;

  constructor(options: {
    readonly core: Core;
    readonly leaves: Leaves;
    readonly clock: Clock;
    readonly log: Log;
    readonly onObserved: () => void;
  }) {
    this.core = options.core;
    this.leaves = options.leaves;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#onObserved = options.onObserved;
  }

  /** The tree over what this replica and a peer both hold of a keyspace. */
  treeWith(peer: ReplicaId, keyspace: Keyspace): MerkleTree {
    let byPeer = this.#trees.get(keyspace);
    if (byPeer === undefined) this.#trees.set(keyspace, byPeer = new Map());
    let tree = byPeer.get(peer);
    if (tree === undefined) {
      const cells = keyspace.cellsSharedBy(this.core.selfId, peer);
      byPeer.set(peer, tree = new MerkleTree(this.leaves.of(keyspace.name), cells));
    }
    return tree;
  }

  /** Sends one message to a peer, and counts its bytes; returns how many. */
  send(peer: ReplicaId, message: AntiEntropyMessage): number {
    const bytes = JSON.stringify(message).length;
    this.core.counters.add("anti_entropy_bytes", bytes);
    this.core.queue.send([peer], message);
    return bytes;
  }

  /** Reads the records of keys; they come in the order of the keys. */
  read(
    keyspace: Keyspace,
    keys: readonly ByteString[],
    then: (records: readonly (Uint8Array | undefined)[]) => void,
  ): void {
    if (keys.length === 0) return then([]);
    const records: (Uint8Array | undefined)[] = new Array(keys.length);
    let openCount = keys.length;
    for (let i = 0; i < keys.length; i++) {
      this.core.queue.get(keyspace.storeKey(keys[i]!), (record) => {
        records[i] = record;
        if (--openCount === 0) then(records);
      });
    }
  }

  /** What one message may carry: keys and records together. */
  get pageBytesMax(): number {
    return Math.min(REPAIR_PAGE_BYTES_MAX, this.core.config.settings.valueBytesMax + PAGE_SLACK_BYTES);
  }

  /** How many of these records, from the first on, one message carries: at least one. */
  pageCount(keys: readonly ByteString[], records: readonly (Uint8Array | undefined)[]): number {
    let bytes = 0;
    let count = 0;
    for (; count < records.length; count++) {
      bytes += keys[count]!.length + (records[count]?.length ?? 0);
      if (count > 0 && bytes > this.pageBytesMax) break;
    }
    return count;
  }

  /** Stores what a peer sent, through the same merge as every other write. */
  store(
    keyspace: Keyspace,
    peer: ReplicaId,
    entries: readonly Entry[],
    then: (stored: Stored) => void,
  ): void {
    const limit = recordBytesMax(this.core.config.settings);
    const keys: ByteString[] = [];
    const writes: StoreWrite[] = [];
    let refusedCount = 0;
    for (const { key: wireKey, versions: all } of entries) {
      const key = keyspace.parseKey(wireKey);
      const versions = this.core.promises.siftPassed(keyspace, all);
      if (!key.ok || versions.length === 0) continue;
      for (const { stamp } of versions) this.#clock.observe(stamp);
      const value = encodeRecord(versions);
      if (value.length > limit) {
        refusedCount++;
        this.#noteTooLarge(peer, wireKey, value.length, limit);
        continue;
      }
      keys.push(key.value);
      writes.push({ key: keyspace.storeKey(key.value), value });
    }
    if (writes.length > 0) this.#onObserved();
    const richer: ByteString[] = [];
    let changedCount = 0;
    let isWhole = true;
    let openCount = 1;
    const close = (): void => {
      if (--openCount === 0) then({ isWhole, richer, refusedCount, changedCount });
    };
    for (const [begin, end] of batchesOf(writes, Math.min(REPAIR_PAGE_BYTES_MAX, limit))) {
      openCount++;
      this.core.queue.apply(writes.slice(begin, end), (result) => {
        if (result.kind === "applied") {
          for (let i = begin; i < end; i++) {
            const { old, new: held } = result.changes[i - begin]!;
            if (old === undefined || held === undefined || !equalBytes(old, held)) changedCount++;
            if (held === undefined || !equalBytes(held, writes[i]!.value)) richer.push(keys[i]!);
          }
        } else {
          mark("repairs: what a peer sent finds no room");
          isWhole = false;
        }
        close();
      });
    }
    close();
  }

  /** An entry of a message. */
  entryOf(keyspace: Keyspace, key: ByteString, record: Uint8Array): Entry {
    return { key: keyspace.wireKey(key), versions: decodeRecord(record) };
  }

  #noteTooLarge(peer: ReplicaId, key: Entry["key"], bytes: number, limit: number): void {
    this.core.counters.add("anti_entropy_too_large", 1);
    if (this.#isTooLargeNoted) return;
    this.#isTooLargeNoted = true;
    mark("repairs: a record that is too large here left out");
    this.#log.write(
      "error",
      "copies stay different: a value is too large here; raise value_bytes_max as on the peer",
      {
        peer,
        key,
        bytes,
        limit,
      },
    );
  }
}

/** Begins and ends of batches, each with bytes up to a limit, or of one write. */
function* batchesOf(writes: readonly StoreWrite[], bytesMax: number): Iterable<[number, number]> {
  let begin = 0;
  let bytes = 0;
  for (let i = 0; i < writes.length; i++) {
    const size = writes[i]!.key.length + writes[i]!.value.length + 16;
    if (i > begin && bytes + size > bytesMax) {
      yield [begin, i];
      begin = i;
      bytes = 0;
    }
    bytes += size;
  }
  if (begin < writes.length) yield [begin, writes.length];
}
