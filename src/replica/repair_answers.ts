/** What a peer is answered that walks this replica down, or asks for a comparison. Keeps nothing of one question for the next. @module */
import type { ByteString } from "../base/bytes.ts";
import { mark } from "../base/mark.ts";
import type { PlantedBug } from "../base/planted_bug.ts";
import { REPAIR_KEYS_MAX, REPAIR_LIST_BYTES_MAX } from "../protocol/limits.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { CompareMessage, Entry, GiveMessage, ListMessage } from "../replication/messages.ts";
import { hashText } from "../replication/merkle_tree.ts";
import { firstDot } from "../versions/record.ts";
import type { ReplicaId } from "./envelope.ts";
import * as failures from "./failures.ts";
import type { Keyspace } from "./keyspace.ts";
import { digestOf } from "./leaves.ts";
import type { RepairCore } from "./repair_core.ts";
import { comparePlaces, listBytesOf, placeOf, placesIn } from "./repair_page.ts";

/** What the asker said that it holds of a key. */
interface Claim {
  readonly stamp: number;
  readonly digest: string;
}

/** The side that is asked. */
export class RepairAnswers {
  readonly #repair: RepairCore;
  readonly #keyspaces: ReadonlyMap<string, Keyspace>;
  readonly #bugs: ReadonlySet<PlantedBug>;

  constructor(options: {
    readonly repair: RepairCore;
    readonly keyspaces: ReadonlyMap<string, Keyspace>;
    readonly bugs: ReadonlySet<PlantedBug>;
  }) {
    this.#repair = options.repair;
    this.#keyspaces = options.keyspaces;
    this.#bugs = options.bugs;
  }

  /** Compares hashes. */
  onCompare(from: ReplicaId, message: CompareMessage): void {
    const keyspace = this.#find(from, message);
    if (keyspace === undefined) return;
    const comparison = this.#repair.treeWith(from, keyspace).compare(message, message.hashes);
    if (comparison === undefined) {
      return this.refuse(from, message.round, failures.malformed("a split that is none of this keyspace's"));
    }
    const { epoch, collecting: { promise } } = this.#repair.core;
    this.#repair.send(from, {
      type: "compared",
      round: message.round,
      ...comparison,
      epoch,
      ...(promise === 0 ? {} : { promise }),
    });
  }

  /** Says of keys who lacks what, and gives what the asker lacks. */
  onList(from: ReplicaId, message: ListMessage): void {
    const keyspace = this.#find(from, message);
    if (keyspace === undefined) return;
    const claims = new Map<ByteString, Claim>();
    for (const [wireKey, stamp, digest] of message.digests) {
      const key = keyspace.parseKey(wireKey);
      if (key.ok) claims.set(key.value, { stamp, digest });
    }
    const asked = this.#askedKeys(from, keyspace, message);
    const all = [...new Set([...claims.keys(), ...asked])].map((key) => placeOf(keyspace, key))
      .sort(comparePlaces).map(({ key }) => key);
    const keys = all.slice(0, REPAIR_KEYS_MAX);
    this.#repair.read(keyspace, keys, (records) => {
      const entries: Entry[] = [];
      const wants: ByteString[] = [];
      let bytes = 0;
      let listBytes = 0;
      let end = 0;
      for (; end < keys.length; end++) {
        const key = keys[end]!;
        const record = records[end];
        const lack = this.#lackOf(keyspace, key, claims.get(key), record);
        if (lack === "none") continue;
        const isGiven = lack === "theirs" && message.dry_run !== true;
        const size = isGiven ? key.length + record!.length : 0;
        const listSize = isGiven ? 0 : listBytesOf(keyspace, key);
        const isFull = bytes + size > this.#repair.pageBytesMax ||
          listBytes + listSize > REPAIR_LIST_BYTES_MAX;
        if (isFull && entries.length + wants.length > 0) break;
        bytes += size;
        listBytes += listSize;
        if (isGiven) entries.push(this.#repair.entryOf(keyspace, key, record!));
        else wants.push(key);
      }
      if (end < all.length) mark("repairs: a list answered in parts");
      this.#repair.core.counters.add("anti_entropy_keys_sent", entries.length);
      this.#repair.send(from, {
        type: "listed",
        round: message.round,
        entries,
        wants: wants.map((key) => keyspace.wireKey(key)),
        epoch: this.#repair.core.epoch,
        ...(end < all.length ? { last: keyspace.wireKey(all[Math.max(0, end - 1)]!) } : {}),
      });
    });
  }

  /** Takes what the asker holds, and gives back where it holds more. */
  onGive(from: ReplicaId, message: GiveMessage): void {
    const keyspace = this.#find(from, message);
    if (keyspace === undefined) return;
    const { core } = this.#repair;
    const { round } = message;
    // What was sent to a directory that is lost may be older than what this one was filled with (H14).
    if (message.epoch !== core.epoch && (message.epoch !== undefined || core.promises.kept > 0)) {
      return this.refuse(from, round, failures.repairing(core.selfId));
    }
    if (core.queue.isOverloaded) return this.refuse(from, round, failures.diskSlow(core.selfId));
    this.#repair.store(keyspace, from, message.entries, ({ isWhole, richer, refusedCount, changedCount }) => {
      core.counters.add("anti_entropy_keys_received", changedCount);
      if (!isWhole) return this.refuse(from, round, failures.diskFull(core.selfId));
      if (refusedCount > 0) {
        return this.refuse(from, round, failures.malformed("a record is larger than value_bytes_max allows"));
      }
      if (richer.length > 0) mark("repairs: who was given something holds more, and gives that back");
      this.#repair.read(keyspace, richer, (records) => {
        const count = this.#repair.pageCount(richer, records);
        const entries: Entry[] = [];
        for (let i = 0; i < count; i++) {
          if (records[i] !== undefined) entries.push(this.#repair.entryOf(keyspace, richer[i]!, records[i]!));
        }
        this.#repair.send(from, {
          type: "given",
          round,
          entries,
          ...(count < richer.length ? { more: true as const } : {}),
        });
      });
    });
  }

  /** Says why not. */
  refuse(to: ReplicaId, round: number, { code, message }: Failure): void {
    this.#repair.core.queue.send([to], { type: "refused", round, code, message });
  }

  #find(
    from: ReplicaId,
    { keyspace: name, round }: CompareMessage | ListMessage | GiveMessage,
  ): Keyspace | undefined {
    const keyspace = this.#keyspaces.get(name);
    if (keyspace === undefined) this.refuse(from, round, failures.malformed(`no keyspace "${name}" here`));
    else if (this.#repair.core.collecting.isPeerLeftOut(from)) {
      mark("repairs: a peer refused that has not told of a promise beyond what was collected");
      this.refuse(from, round, failures.leftOut(from));
      return undefined;
    }
    return keyspace;
  }

  /** Our own keys in the spans, as far as the question goes. */
  #askedKeys(from: ReplicaId, keyspace: Keyspace, { spans, after, until }: ListMessage): ByteString[] {
    const tree = this.#repair.treeWith(from, keyspace);
    const { keys: cellKeys } = this.#repair.leaves.of(keyspace.name);
    const [first, last] = [after, until].map((wireKey) => {
      const key = wireKey === undefined ? undefined : keyspace.parseKey(wireKey);
      return key?.ok ? placeOf(keyspace, key.value) : undefined;
    });
    const keys: ByteString[] = [];
    for (let i = 0; i < spans.length; i += 2) {
      for (const place of placesIn(tree, cellKeys, { begin: spans[i]!, end: spans[i + 1]! })) {
        if (first !== undefined && comparePlaces(place, first) <= 0) continue;
        if (last !== undefined && comparePlaces(place, last) > 0) return keys;
        keys.push(place.key);
        // Why one more than are answered: it tells that there are more.
        if (keys.length > REPAIR_KEYS_MAX) return keys;
      }
    }
    return keys;
  }

  /** Who lacks something of a key. Where each side has what the other lacks, who is given it gives back. */
  #lackOf(
    keyspace: Keyspace,
    key: ByteString,
    claim: Claim | undefined,
    record: Uint8Array | undefined,
  ): "none" | "theirs" | "ours" {
    // What is below the floor and not here was replaced by a delete that all knew, and is gone.
    const isGone = claim !== undefined && claim.stamp <= this.#repair.core.promises.floorOf(keyspace.name);
    if (record === undefined) return claim === undefined || isGone ? "none" : "ours";
    if (claim === undefined) return this.#bugs.has("list_only_known") ? "none" : "theirs";
    const { high, low } = digestOf(key, record);
    if (hashText(high, low) === claim.digest) return "none";
    return firstDot(record).stamp >= claim.stamp ? "theirs" : "ours";
  }
}
