/**
 * Whether this replica's copies have all that a session has seen (HAZARD H12): what it tells its peers of its own writes, what
 * they tell it of theirs, and the fences between them. All of it travels in heartbeats; requests cost one look at it.
 * @module
 */
import { mark } from "../base/mark.ts";
import type { PlantedBug } from "../base/planted_bug.ts";
import type { Heartbeat } from "../membership/messages.ts";
import type { PeerStatus } from "../protocol/reply.ts";
import { CompleteHeard } from "../replication/complete_heard.ts";
import { CompleteTold } from "../replication/complete_told.ts";
import type { Stamp } from "../versions/stamp.ts";
import { type Origin, originOf, type Vector, type Version } from "../versions/version.ts";
import type { Clock } from "./clock.ts";
import type { EffectQueue } from "./effect_queue.ts";
import type { ReplicaId } from "./envelope.ts";
import type { Keyspace } from "./keyspace.ts";
import { PROBE_KEY } from "./store_keys.ts";

/** What a heartbeat says of writes. */
export type CompleteFields = Pick<Heartbeat, "complete" | "fence" | "fenced">;

/** Writes of this replica that are not on every disk yet. */
export interface Outstanding {
  /** Whether this life has stamped any. */
  hasWritten(): boolean;
  /** The oldest that is under way; `Infinity` where there is none. */
  oldest(): Stamp;
  /** The oldest under way that a peer has not acknowledged. */
  oldestMissing(id: ReplicaId): Stamp;
  /** The oldest that is not on this disk. */
  oldestUnstored(): Stamp;
  /** Whether a hint waits for a peer, or is being made. */
  isOwedTo(id: ReplicaId): boolean;
  /** Whether anybody is owed anything, this disk included. */
  isOwing(): boolean;
}

/** What is taken from a peer no more. */
interface Fence {
  until: Stamp;
  /** What came before it is on the disk. */
  isStored: boolean;
  /** Whether the peer still asks. */
  isAsked: boolean;
}

/** One replica's knowledge of who has what. */
export class CompleteUntil {
  readonly #queue: EffectQueue;
  readonly #clock: Clock;
  readonly #epoch: string;
  readonly #origin: Origin;
  readonly #outstanding: Outstanding;
  readonly #told: CompleteTold;
  readonly #heard: CompleteHeard;
  /** By origin, since what a peer said under an earlier one may come late. */
  readonly #fences = new Map<Origin, Fence>();
  /** The greatest of them. Why: every copy of every put is held against it. */
  #fenceMax: Stamp = 0;
  /** The origin of each peer that was heard of last. */
  readonly #origins = new Map<ReplicaId, Origin>();

  constructor(options: {
    readonly queue: EffectQueue;
    readonly clock: Clock;
    readonly selfId: ReplicaId;
    readonly epoch: string;
    readonly peerIds: readonly ReplicaId[];
    readonly keyspaces: readonly Keyspace[];
    readonly outstanding: Outstanding;
    readonly bugs: ReadonlySet<PlantedBug>;
  }) {
    const { selfId, peerIds } = options;
    this.#queue = options.queue;
    this.#clock = options.clock;
    this.#epoch = options.epoch;
    this.#origin = originOf(selfId, options.epoch);
    this.#outstanding = options.outstanding;
    this.#told = new CompleteTold({ self: selfId, peers: peerIds, bugs: options.bugs });
    const isSharedWith = (id: ReplicaId) => (keyspace: Keyspace): boolean =>
      keyspace.cellsSharedBy(selfId, id).length > 0;
    const shared = options.keyspaces.filter((keyspace) => peerIds.some((id) => isSharedWith(id)(keyspace)));
    this.#heard = new CompleteHeard({
      sharers: peerIds.filter((id) => shared.some(isSharedWith(id))),
      canSettle: shared.every(({ config }) => config.antiEntropy),
    });
  }

  /** A life begins. Requires: the clock has recovered. */
  begin(): void {
    this.#told.begin(this.#clock.latest(0));
  }

  /** A write of this replica has missed a copy, or its own disk, and no hint is kept of it. */
  readonly onMissed = (id: ReplicaId): void => this.#told.onMissed(id, this.#clock.latest(0));

  /** Sees to holds. */
  tick(): void {
    const told = this.#told;
    if (told.isHeld) {
      const outstanding = this.#outstanding;
      told.tick({
        oldest: Math.min(outstanding.oldest(), outstanding.oldestUnstored()),
        isOwing: outstanding.isOwing(),
      });
    }
    const hold = told.ownHold;
    if (hold === undefined || this.#heard.isLifted(this.#origin, hold)) return;
    this.#heard.onHeard(this.#origin, { until: 0, hold });
  }

  /** What a heartbeat to a peer says of writes. Requires: what earlier lives left is known. */
  fieldsFor(id: ReplicaId): CompleteFields {
    const complete = this.#told.tell(id, {
      latest: this.#clock.latest(this.#queue.now.wallMs),
      oldest: this.#outstanding.oldestMissing(id),
      isOwed: this.#outstanding.isOwedTo(id),
    });
    const fence = this.#told.fenceFor(id);
    const asked = this.#fences.get(this.#origins.get(id) ?? "");
    return {
      ...(complete === undefined ? {} : { complete }),
      ...(fence === undefined ? {} : { fence }),
      ...(asked?.isAsked && asked.isStored ? { fenced: asked.until } : {}),
    };
  }

  /** A heartbeat or its answer came. */
  onHeartbeat(from: ReplicaId, { epoch, complete, fence, fenced }: Heartbeat): void {
    const origin = originOf(from, epoch);
    this.#origins.set(from, origin);
    this.#told.onEpoch(from, epoch, {
      latest: this.#clock.latest(0),
      hasWritten: this.#outstanding.hasWritten(),
    });
    if (fenced !== undefined) this.#told.onFenced(from, fenced);
    this.#onFence(origin, fence);
    if (complete === undefined) return;
    if (complete.epoch !== this.#epoch) return mark("complete: what an earlier directory was told is void");
    this.#heard.onHeard(origin, { until: complete.until, hold: complete.hold });
  }

  /** Whether its writer had said that no write like this would come any more: it is late, and comparing copies brings it. */
  isFenced({ stamp, origin }: Version): boolean {
    if (stamp > this.#fenceMax || stamp > (this.#fences.get(origin)?.until ?? 0)) return false;
    mark("complete: a write that came after its fence left to anti-entropy");
    return true;
  }

  /** Whether a read of our copies that begins now shows all that the vector names, of every key that is held here. */
  covers(vector: Vector): boolean {
    return this.#heard.covers(vector, this.#origin) && this.#coversOwn(vector[this.#origin] ?? 0);
  }

  /** Whether a pass with a peer is wanted, so that what it told, or another, can be believed. */
  readonly isPassWanted = (peer: ReplicaId): boolean => this.#heard.isWanted(peer);

  /** A pass over all that both hold began here. */
  readonly onPassBegun = (peer: ReplicaId): void => this.#heard.onPassBegun(peer);

  /** It ended, and the two agree. */
  readonly onPassAgreed = (peer: ReplicaId): void => this.#heard.onPassAgreed(peer);

  /** What `status` says of a peer. */
  status(peer: ReplicaId): Pick<PeerStatus, "complete_told" | "complete_heard"> {
    const told = this.#told.toldTo(peer);
    const origin = this.#origins.get(peer);
    const heard = origin === undefined ? 0 : this.#heard.until(origin);
    return {
      ...(told === 0 ? {} : { complete_told: told }),
      ...(heard === 0 ? {} : { complete_heard: heard }),
    };
  }

  #coversOwn(stamp: Stamp): boolean {
    if (stamp === 0) return true;
    const hold = this.#told.ownHold;
    return hold !== undefined && this.#heard.isLifted(this.#origin, hold) &&
      stamp < this.#outstanding.oldestUnstored();
  }

  /** From now on writes up to the fence are not taken; once those that were are on the disk, the peer is told. */
  #onFence(origin: Origin, until: Stamp | undefined): void {
    const held = this.#fences.get(origin);
    if (until === undefined) {
      if (held !== undefined) held.isAsked = false;
      return;
    }
    const fence = held ?? { until: 0, isStored: false, isAsked: true };
    this.#fences.set(origin, fence);
    fence.isAsked = true;
    if (fence.until < until) {
      fence.until = until;
      this.#fenceMax = Math.max(this.#fenceMax, until);
      fence.isStored = false;
    }
    if (fence.isStored) return;
    // Why a write: what is written behind others is on the disk behind them.
    this.#queue.apply([{ key: PROBE_KEY, value: NOTHING }], (result) => {
      if (result.kind === "applied" && fence.until === until) fence.isStored = true;
    });
  }
}

const NOTHING = new Uint8Array(0);
