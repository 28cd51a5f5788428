/** The hints this replica keeps for others: durable, bounded, counted, delivered when their target is back. @module */
import { type ByteString, equalBytes } from "../base/bytes.ts";
import { mark } from "../base/mark.ts";
import type { PlantedBug } from "../base/planted_bug.ts";
import type { StoreChange, StoreWrite } from "../ports.ts";
import type { RefusedMessage, WrittenMessage } from "../replication/messages.ts";
import { HintedHandoff } from "../replication/hinted_handoff.ts";
import { decodeRecord, firstDot } from "../versions/record.ts";
import type { Settings } from "./cluster_config.ts";
import type { Counters } from "./counters.ts";
import type { EffectQueue } from "./effect_queue.ts";
import type { ReplicaId } from "./envelope.ts";
import { decodeHint, encodeDelivered, encodeHint } from "./hint_record.ts";
import type { Keyspace } from "./keyspace.ts";
import { hintKey, hintRange, partsOfHintKey } from "./store_keys.ts";

const SCAN_BYTES_MAX = 1024 * 1024;
const COUNT_PAGE_MAX = 1024;

/** Hints waiting for one target. Invariant: count and bytes are those of its hint keys in the store. */
interface Target {
  count: number;
  bytes: number;
  readonly handoff: HintedHandoff<SentHint>;
}

/** What was sent, to be removed when acknowledged. `name` is its store key. */
interface SentHint {
  readonly name: ByteString;
  readonly record: Uint8Array;
}

/** What is known of hints that are old: `replica/collecting.ts`. */
interface OldHints {
  isProven(keyspace: string, stamp: number): boolean;
  isPromisedBy(peer: ReplicaId, keyspace: string, stamp: number): boolean;
}

/** All hints of one replica. */
export class Hints {
  readonly #queue: EffectQueue;
  readonly #settings: Settings;
  readonly #counters: Counters;
  readonly #keyspaces: ReadonlyMap<string, Keyspace>;
  readonly #nextRound: () => number;
  readonly #collecting: () => OldHints;
  /** Targets for which hints wait that are too old to be taken as such. */
  readonly #old = new Set<ReplicaId>();
  readonly #bugs: ReadonlySet<PlantedBug>;
  readonly #onDropped: (id: ReplicaId) => void;
  readonly #targets: Map<ReplicaId, Target>;

  constructor(options: {
    readonly queue: EffectQueue;
    readonly settings: Settings;
    readonly counters: Counters;
    readonly keyspaces: ReadonlyMap<string, Keyspace>;
    readonly peerIds: readonly ReplicaId[];
    readonly nextRound: () => number;
    /** A hint for a replica was dropped, or not kept at all. */
    readonly onDropped: (id: ReplicaId) => void;
    readonly collecting: () => OldHints;
    readonly bugs: ReadonlySet<PlantedBug>;
  }) {
    this.#bugs = options.bugs;
    this.#onDropped = options.onDropped;
    this.#queue = options.queue;
    this.#settings = options.settings;
    this.#counters = options.counters;
    this.#keyspaces = options.keyspaces;
    this.#nextRound = options.nextRound;
    this.#collecting = options.collecting;
    this.#targets = new Map(options.peerIds.map((id) => [id, {
      count: 0,
      bytes: 0,
      handoff: new HintedHandoff<SentHint>({
        perSecond: options.settings.hintsPerSecond,
        timeoutMs: options.settings.requestTimeoutMs,
      }),
    }]));
  }

  /** Counts the hints left from earlier lives. */
  recover(done: () => void): void {
    if (this.#bugs.has("forget_hints")) return done();
    let openCount = 1;
    const close = (): void => {
      if (--openCount === 0) done();
    };
    for (const [id, target] of this.#targets) {
      openCount++;
      this.#countFrom(target, hintRange(id).begin, hintRange(id).end, close);
    }
    close();
  }

  /** Hints waiting for a target. */
  waiting(id: ReplicaId): { readonly count: number; readonly bytes: number } {
    return this.#targets.get(id) ?? { count: 0, bytes: 0 };
  }

  /** Whether hints wait that their targets take only through anti-entropy: they go once it is proved that this was done. */
  get hasOld(): boolean {
    return this.#old.size > 0;
  }

  /** Whether any hint waits. */
  get isAnyWaiting(): boolean {
    for (const { count } of this.#targets.values()) if (count > 0) return true;
    return false;
  }

  /**
   * Keeps `record` for each target that has room for it, then drops the owed record, if one is given. Hints that find no
   * room are dropped and counted. `done` tells whether all this is on disk, and who was left out.
   */
  keep(
    hint: { readonly keyspace: string; readonly key: ByteString; readonly record: Uint8Array },
    targets: readonly ReplicaId[],
    closing: readonly StoreWrite[],
    done: (isStored: boolean, dropped: readonly ReplicaId[]) => void,
  ): void {
    const kept = targets.filter((id) => this.#hasRoom(id));
    const dropped = kept.length === targets.length ? [] : targets.filter((id) => !kept.includes(id));
    if (dropped.length > 0) mark("hints: dropped for want of room");
    this.#counters.add("hints_dropped", dropped.length);
    for (const id of dropped) this.#onDropped(id);
    const value = encodeHint(hint.record, this.#queue.now.wallMs);
    let openCount = 1;
    let isStored = true;
    const close = (): void => {
      if (--openCount > 0) return;
      // Why: the owed record goes last, so that a crash in between only makes hints twice, and twice is once.
      if (closing.length === 0 || !isStored) return done(isStored, dropped);
      this.#queue.apply(closing, (result) => done(result.kind === "applied", dropped));
    };
    for (const id of kept) {
      openCount++;
      const name = this.#bugs.has("hint_wrong_replica") ? this.#other(id) : id;
      this.#queue.apply([{ key: hintKey(name, hint.keyspace, hint.key), value }], (result) => {
        if (result.kind === "applied") this.#count(name, result.changes[0]!);
        else {
          mark("hints: one could not be written");
          isStored = false;
        }
        close();
      });
    }
    this.#counters.add("hints_kept", kept.length);
    close();
  }

  /** Delivers what is due to the targets that are alive. */
  tick(isAlive: (id: ReplicaId) => boolean): void {
    const nowMs = this.#queue.now.monotonicMs;
    for (const [id, target] of this.#targets) {
      target.handoff.tick(nowMs);
      if (target.count === 0) this.#old.delete(id);
      if (target.count === 0 || !isAlive(id)) continue;
      const batch = target.handoff.nextBatch(nowMs);
      if (!batch) continue;
      const range = hintRange(id);
      const begin = batch.after === undefined ? range.begin : `${batch.after}\0` as ByteString;
      this.#queue.scan(
        { begin, end: range.end, countMax: batch.countMax, bytesMax: SCAN_BYTES_MAX },
        (page) => {
          const sentCount = page.entries.filter((entry) => this.#deliver(id, target, entry)).length;
          const last = page.entries.at(-1)?.key;
          if (this.#bugs.has("deliver_one_batch")) return;
          target.handoff.onBatch({ last, more: page.more, sentCount }, this.#queue.now.monotonicMs);
        },
      );
    }
  }

  /** A target acknowledged. True if the round was a hint's. */
  onWritten(from: ReplicaId, message: WrittenMessage): boolean {
    const hint = this.#targets.get(from)?.handoff.onDelivered(message.round);
    if (!hint) return false;
    mark("hints: one delivered");
    this.#counters.add("hints_delivered", 1);
    this.#remove(from, hint.name, hint.record);
    return true;
  }

  /** A target refused. True if the round was a hint's. */
  onRefused(from: ReplicaId, message: RefusedMessage): boolean {
    const target = this.#targets.get(from);
    const isPassing = message.code === "disk_full" || message.code === "overloaded" ||
      message.code === "unavailable" || message.code === "clock_skew";
    if (!target?.handoff.onRefused(message.round, { isPassing }, this.#queue.now.monotonicMs)) return false;
    if (isPassing) mark("hints: target has no room for one");
    else this.#counters.add("hints_refused", 1);
    return true;
  }

  /** A target died: what was on its way will be sent again. */
  onDied(id: ReplicaId): void {
    this.#targets.get(id)?.handoff.onTargetLost();
  }

  /** Sends one hint, unless it is too old or set aside. */
  #deliver(id: ReplicaId, target: Target, entry: StoreWrite): boolean {
    const { record, sinceMs } = decodeHint(entry.value);
    const { keyspace: name, key } = partsOfHintKey(entry.key);
    const keyspace = this.#keyspaces.get(name);
    if (!keyspace || this.#queue.now.wallMs - sinceMs > this.#settings.hintAgeMaxMs) {
      mark("hints: dropped for its age");
      this.#counters.add("hints_dropped", 1);
      this.#onDropped(id);
      this.#remove(id, entry.key, record);
      return false;
    }
    const { stamp } = firstDot(record);
    if (this.#collecting().isProven(name, stamp)) {
      mark("hints: one that all are proved to know removed");
      this.#counters.add("hints_known", 1);
      this.#remove(id, entry.key, record);
      return false;
    }
    if (this.#collecting().isPromisedBy(id, name, stamp)) {
      mark("hints: one waits that is too old to be taken");
      this.#old.add(id);
      return false;
    }
    if (target.handoff.isSetAside(entry.key, this.#queue.now.monotonicMs)) return false;
    const round = this.#nextRound();
    target.handoff.onSent(round, { name: entry.key, record }, this.#queue.now.monotonicMs);
    this.#queue.send([id], {
      type: "write",
      round,
      cause: "hint",
      keyspace: name,
      key: keyspace.wireKey(key),
      versions: decodeRecord(record),
    });
    return true;
  }

  #remove(id: ReplicaId, key: ByteString, record: Uint8Array): void {
    this.#queue.apply([{ key, value: encodeDelivered(record) }], (result) => {
      if (result.kind !== "applied") return mark("hints: one delivered could not be removed");
      if (result.changes[0]!.new) mark("hints: a newer one stays when an older is delivered");
      this.#count(id, result.changes[0]!);
    });
  }

  #count(id: ReplicaId, change: StoreChange): void {
    const target = this.#targets.get(id)!;
    if (change.old && change.new && equalBytes(change.old, change.new)) {
      return mark("hints: one that is held kept again");
    }
    target.count += (change.new ? 1 : 0) - (change.old ? 1 : 0);
    target.bytes += (change.new?.length ?? 0) - (change.old?.length ?? 0);
  }

  /** Planted bug `hint_wrong_replica`: whom the hint is kept for in place of `id`. */
  #other(id: ReplicaId): ReplicaId {
    return [...this.#targets.keys()].find((other) => other !== id) ?? id;
  }

  #hasRoom(id: ReplicaId): boolean {
    const target = this.#targets.get(id);
    return target !== undefined && target.count < this.#settings.hintCountMax &&
      target.bytes < this.#settings.hintBytesMax;
  }

  #countFrom(target: Target, begin: ByteString, end: ByteString, done: () => void): void {
    this.#queue.scan(
      { begin, end, countMax: COUNT_PAGE_MAX, bytesMax: SCAN_BYTES_MAX },
      ({ entries, more }) => {
        for (const { value } of entries) {
          target.count++;
          target.bytes += value.length;
        }
        if (entries.length > 0) mark("hints: left from an earlier life");
        const last = entries.at(-1)?.key;
        if (more && last !== undefined) this.#countFrom(target, `${last}\0` as ByteString, end, done);
        else done();
      },
    );
  }
}
