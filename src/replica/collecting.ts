/**
 * The collection of tombstones in one replica: makes promises when all members are there, hears those of others, works out the
 * floor of each keyspace (`replication/collection_proof.ts`) and then removes tombstones up to it.
 *
 * A new directory may be that of a replica whose old one took part in a proof. Until it has heard what all that hold what it
 * holds have promised it takes no writes, since an old hint would find nothing here that outlives it; then it takes over the
 * greatest of these promises, before it counts. A directory that was no member while others collected is *left out*: it has
 * promised less than some floor, counts for nothing, and is compared with nobody.
 * @module
 */
import { mark } from "../base/mark.ts";
import type { PlantedBug } from "../base/planted_bug.ts";
import type { Log } from "../ports.ts";
import type { CollectionAccount, Heartbeat } from "../membership/messages.ts";
import type { TombstoneStatus } from "../protocol/reply.ts";
import { type Agreement, CollectionProof } from "../replication/collection_proof.ts";
import { type Stamp, stampOf, wallMsOf } from "../versions/stamp.ts";
import type { Clock } from "./clock.ts";
import type { ClusterConfig } from "./cluster_config.ts";
import { CollectedSpace, layoutOf } from "./collected_space.ts";
import type { Counters } from "./counters.ts";
import type { EffectQueue } from "./effect_queue.ts";
import type { ReplicaId } from "./envelope.ts";
import * as failures from "./failures.ts";
import type { Keyspace } from "./keyspace.ts";
import { collectsTombstones } from "./keyspace_config.ts";
import type { Leaves } from "./leaves.ts";
import type { Begun, Promises } from "./promises.ts";

/** What a peer said of itself, and when. */
interface Heard {
  readonly epoch: string;
  readonly promise: Stamp;
  readonly wants: boolean;
  /** It knows what it may promise. */
  readonly isKnowing: boolean;
  /** It has met this directory of ours: what it says is no older. */
  readonly hasMetUs: boolean;
  readonly wallMs: number;
  readonly heardMs: number;
}

/** The collection in one replica. */
export class Collecting {
  readonly #options: CollectingOptions;
  readonly #layout: string;
  readonly #proof: CollectionProof;
  readonly #spaces: readonly CollectedSpace[];
  readonly #heard = new Map<ReplicaId, Heard>();
  /** The greatest floor that anybody has collected up to, by keyspace. */
  readonly #most = new Map<string, Stamp>();
  readonly #agreed = new Map<ReplicaId, Agreement>();
  #foreign: readonly string[] = [];
  #promisedMs = -Infinity;
  /** Somebody told something new. */
  #hasNews = true;
  #isBeginning = false;
  #isLeftOut = false;
  /** Planted bug `tombstone_collected_early`: what one peer alone agreed to. */
  #early: Stamp = 0;

  constructor(options: CollectingOptions) {
    this.#options = options;
    const { config, selfId, keyspaces, leaves } = options;
    const members = config.members.map(({ id }) => id);
    this.#layout = layoutOf(config);
    this.#proof = new CollectionProof(members);
    this.#spaces = [...keyspaces.values()].filter(({ config }) => collectsTombstones(config))
      .map((keyspace) => new CollectedSpace({ keyspace, leaves: leaves.of(keyspace.name), members, selfId }));
  }

  /** Takes up what earlier lives left: call it when promises have been read. */
  recover(): void {
    for (const { name } of this.#spaces) this.#most.set(name, this.#options.promises.mostOf(name));
    this.#findForeign();
  }

  /** Whether this directory was no member while others collected: it counts for nothing. */
  get isLeftOut(): boolean {
    return this.#isLeftOut;
  }

  /** Whether that is so of a peer, or cannot be known yet. */
  isPeerLeftOut(peer: ReplicaId): boolean {
    const heard = this.#heard.get(peer);
    if (heard?.isKnowing === false) return false;
    return this.#spaces.some(({ name, holders }) =>
      holders.includes(peer) && (this.#most.get(name) ?? 0) > (heard?.promise ?? 0)
    );
  }

  /** Whether everything of a keyspace up to a stamp is held by all, or was replaced. */
  isProven(keyspace: string, stamp: Stamp): boolean {
    return stamp <= (this.#spaces.find(({ name }) => name === keyspace)?.proven ?? 0);
  }

  /** Whether a peer takes a version of a keyspace only through anti-entropy. */
  isPromisedBy(peer: ReplicaId, keyspace: string, stamp: Stamp): boolean {
    return stamp <= (this.#heard.get(peer)?.promise ?? 0) &&
      this.#spaces.some(({ name }) => name === keyspace);
  }

  /** What a pass that begins now may prove, and what is said of us in one that a peer began. */
  get promise(): Stamp {
    return this.#options.isRecovering() ? 0 : this.#options.promises.kept;
  }

  /** A pass of our own with a peer has made all equal that both hold; `stamp` is what both had promised when it began. */
  onAgreed(peer: ReplicaId, agreement: Agreement): void {
    this.#hasNews = true;
    const before = this.#agreed.get(peer);
    if (before?.epoch === agreement.epoch && before.stamp > agreement.stamp) return;
    this.#agreed.set(peer, agreement);
    this.#early = Math.max(this.#early, agreement.stamp);
  }

  /** A pass that a peer began has ended so. */
  onPassed(): void {
    this.#early = Math.max(this.#early, this.promise);
  }

  /** A peer told of itself. */
  onHeartbeat(peer: ReplicaId, heartbeat: Heartbeat): void {
    if (this.#spaces.length === 0) return;
    const { epoch, known_epochs, wall_ms, recovering, collection } = heartbeat;
    const { clock, promises } = this.#options;
    this.#hasNews = true;
    const promise = collection?.promise ?? 0;
    const before = this.#heard.get(peer);
    const isSame = before?.epoch === epoch;
    this.#heard.set(peer, {
      epoch,
      // Why the greatest: an older heartbeat may come later.
      promise: isSame ? Math.max(promise, before.promise) : promise,
      wants: collection?.wants === true,
      isKnowing: collection !== undefined || !recovering,
      hasMetUs: known_epochs.includes(this.#options.epoch) || isSame && before.hasMetUs,
      wallMs: wall_ms,
      heardMs: this.#nowMs,
    });
    // What we stamp would be refused by who has promised that.
    clock.observe(promise);
    for (const [name, floor] of Object.entries(collection?.floors ?? {})) {
      this.#most.set(name, Math.max(floor, this.#most.get(name) ?? 0));
    }
    const isAccount = collection !== undefined && collection.layout === this.#layout;
    this.#proof.onTold(
      peer,
      isAccount
        ? {
          epoch,
          promise,
          isRecovering: recovering,
          foreign: collection.foreign ?? [],
          agreed: Object.fromEntries(
            Object.entries(collection.agreed ?? {}).map(([id, [of, stamp]]) => [id, { epoch: of, stamp }]),
          ),
        }
        : undefined,
    );
    if (!promises.isKnown && this.#hasHeardHolders) this.#begin(() => {});
    this.#noteLeftOut();
  }

  /** A directory is about to count: one that was filled has heard all that it must before that. */
  settle({ isFilled }: { readonly isFilled: boolean }, done: (begun: Begun) => void): void {
    if (this.#spaces.length === 0 || this.#options.promises.isKnown) return done("kept");
    if (isFilled && !this.#hasHeardHolders) {
      mark("collecting: a directory is filled before all have told what they promised");
      return done("open");
    }
    this.#begin(done);
  }

  /** A new directory takes over what all others have promised. */
  #begin(done: (begun: Begun) => void): void {
    const { promises } = this.#options;
    if (this.#isBeginning) return done("open");
    this.#isBeginning = true;
    const promise = Math.max(0, ...Array.from(this.#heard.values(), (heard) => heard.promise));
    if (promise > 0) mark("collecting: a new directory takes over what others have promised");
    promises.begin(promise, (begun) => {
      this.#isBeginning = false;
      done(begun);
    });
  }

  /** What a heartbeat says; undefined where nothing is collected, or nothing known yet. */
  account(): CollectionAccount | undefined {
    const { promises } = this.#options;
    if (this.#spaces.length === 0 || !promises.isKnown) return undefined;
    const floors = this.#spaces.flatMap(({ name }): [string, Stamp][] => {
      const most = promises.mostOf(name);
      return most === 0 ? [] : [[name, most]];
    });
    const isWanted = this.#isWanted();
    return {
      layout: this.#layout,
      promise: promises.kept,
      ...(floors.length === 0 ? {} : { floors: Object.fromEntries(floors) }),
      ...(this.#foreign.length === 0 ? {} : { foreign: this.#foreign }),
      ...(this.#wants() ? { wants: true as const } : {}),
      ...(!isWanted || this.#agreed.size === 0 ? {} : {
        agreed: Object.fromEntries(
          [...this.#agreed].map(([peer, { epoch, stamp }]) => [peer, [epoch, stamp] as const]),
        ),
      }),
    };
  }

  /** Promises, works out floors and removes what is due. */
  tick(): void {
    const { queue, counters, promises, peerIds } = this.#options;
    if (this.#spaces.length === 0 || !promises.isKnown) return;
    if (this.#isPromiseDue()) this.#makePromise();
    if (this.#hasNews || peerIds.length === 0) {
      this.#hasNews = false;
      this.#tellOurselves();
      for (const space of this.#spaces) this.#prove(space);
    }
    for (const space of this.#spaces) {
      space.sweep(
        queue,
        promises.keptFloorOf(space.name),
        (count) => counters.add("tombstones_collected", count),
      );
    }
  }

  /** For each keyspace what waits to be collected, and who is in the way; nothing where nothing is collected. */
  status(): { readonly tombstones?: readonly TombstoneStatus[] } {
    if (this.#spaces.length === 0) return {};
    const tombstones = this.#spaces.filter(({ isHeld }) => isHeld).map((space) => ({
      keyspace: space.name,
      held: space.tombstoneCount,
      collected: space.collectedCount,
      ...(space.proven === 0 ? {} : { proven_wall_ms: wallMsOf(space.proven) }),
      held_back_by: [
        ...new Set([
          ...this.#options.peerIds.filter((id) => !this.#options.isAlive(id) || this.isPeerLeftOut(id)),
          ...this.#proof.heldBackBy(space),
        ]),
      ].sort(),
    }));
    return { tombstones };
  }

  get #nowMs(): number {
    return this.#options.queue.now.monotonicMs;
  }

  get #hasHeardHolders(): boolean {
    return this.#spaces.every(({ holders, isHeld }) =>
      !isHeld || holders.every((id) => this.#heard.get(id)?.hasMetUs === true)
    );
  }

  #tellOurselves(): void {
    const { selfId, epoch, isRecovering, promises } = this.#options;
    this.#proof.onTold(selfId, {
      epoch,
      promise: promises.kept,
      isRecovering: isRecovering(),
      foreign: this.#foreign,
      agreed: Object.fromEntries(this.#agreed),
    });
  }

  /** Whether something here waits to be collected, and nothing stands in the way for good. */
  #wants(): boolean {
    if (this.#options.hints().hasOld) return true;
    return this.#spaces.some((space) => space.tombstoneCount > 0 && !this.#proof.hasForeign(space));
  }

  /** Why not always: a promise costs a sync, and a cluster at rest makes none. */
  #isWanted(): boolean {
    if (this.#wants()) return true;
    for (const { wants } of this.#heard.values()) if (wants) return true;
    return false;
  }

  #isPromiseDue(): boolean {
    const { config, queue, peerIds, isAlive, isRecovering } = this.#options;
    if (this.#nowMs - this.#promisedMs < config.settings.antiEntropyIntervalMs / 2) return false;
    if (queue.isDiskFull || isRecovering() || !this.#isWanted()) return false;
    // Without all of them nothing can be proved, and one with a slow clock would find its writes refused.
    return peerIds.every((id) => {
      const account = isAlive(id) ? this.#proof.accountOf(id) : undefined;
      return account !== undefined && !account.isRecovering;
    });
  }

  /** Up to a while before what the slowest clock of all shows. */
  #makePromise(): void {
    const { config, queue, promises } = this.#options;
    let wallMs = queue.now.wallMs;
    for (const heard of this.#heard.values()) {
      wallMs = Math.min(wallMs, heard.wallMs + this.#nowMs - heard.heardMs);
    }
    this.#promisedMs = this.#nowMs;
    const stamp = Math.max(0, stampOf(Math.floor(wallMs - config.settings.tombstoneGraceMs)));
    promises.make(stamp, () => this.#findForeign());
  }

  /** Works out the floor of a keyspace, and raises ours where that lets a tombstone go. */
  #prove(space: CollectedSpace): void {
    const { promises, hints, bugs } = this.#options;
    if (space.tombstoneCount === 0 && !hints().isAnyWaiting) return;
    const isEarly = bugs.has("tombstone_collected_early");
    space.proven = Math.max(space.proven, isEarly ? this.#early : this.#proof.floor(space));
    if (!space.isHeld) return;
    const { proven, name } = space;
    if (proven <= promises.floorOf(name)) return;
    if (space.hasTombstone(proven)) promises.raiseFloor(space.keyspace, proven);
  }

  #findForeign(): void {
    this.#foreign = this.#spaces.filter((space) => space.hasForeignKeys()).map(({ name }) => name);
  }

  #noteLeftOut(): void {
    const { promises, log, selfId } = this.#options;
    if (this.#isLeftOut || !promises.isKnown) return;
    this.#isLeftOut = this.#spaces.some(({ name, isHeld }) =>
      isHeld && (this.#most.get(name) ?? 0) > promises.kept
    );
    if (!this.#isLeftOut) return;
    log.write("error", failures.leftOut(selfId).message, {});
  }
}

/** What the collection needs of its replica. */
export interface CollectingOptions {
  readonly queue: EffectQueue;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly promises: Promises;
  readonly leaves: Leaves;
  readonly log: Log;
  readonly config: ClusterConfig;
  readonly selfId: ReplicaId;
  readonly epoch: string;
  readonly peerIds: readonly ReplicaId[];
  readonly keyspaces: ReadonlyMap<string, Keyspace>;
  readonly isAlive: (peer: ReplicaId) => boolean;
  readonly isRecovering: () => boolean;
  readonly hints: () => { readonly isAnyWaiting: boolean; readonly hasOld: boolean };
  readonly bugs: ReadonlySet<PlantedBug>;
}
