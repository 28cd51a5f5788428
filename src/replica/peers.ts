/** What this replica knows of the others: who is alive, whose answers count, whose clock says what, who was wiped. @module */
import { decodeText, encodeText } from "../base/bytes.ts";
import { mark } from "../base/mark.ts";
import type { PlantedBug } from "../base/planted_bug.ts";
import type { StoreWrite } from "../ports.ts";
import { originOf } from "../versions/version.ts";
import { FailureDetector } from "../membership/failure_detector.ts";
import type { CollectionAccount, Heartbeat } from "../membership/messages.ts";
import type { PeerStatus } from "../protocol/reply.ts";
import type { CompleteFields } from "./complete_until.ts";
import type { EffectQueue } from "./effect_queue.ts";
import type { ClusterConfig, Member } from "./cluster_config.ts";
import type { ReplicaId } from "./envelope.ts";
import { MEMBER_RANGE, memberKey } from "./store_keys.ts";

/** Epochs remembered of one member. */
const EPOCHS_MAX = 8;

/** On a busy link only every fourth heartbeat is sent: enough to keep clock offsets known. */
const BUSY_FACTOR = 4;

interface Peer {
  readonly member: Member;
  /** Newest last. Invariant: what heartbeats tell of is durable. */
  epochs: readonly string[];
  isRecovering: boolean;
  clockOffsetMs: number | undefined;
  heartbeatSentMs: number;
  /** What our last heartbeat to it said of ourselves. */
  wasToldRecovering: boolean;
  wasAlive: boolean;
  /** When `wasAlive` became what it is; undefined before the first tick. */
  changedMs: number | undefined;
}

/** The other members. */
export class Peers {
  readonly #queue: EffectQueue;
  readonly #config: ClusterConfig;
  readonly #epoch: string;
  readonly #isRecovering: () => boolean;
  readonly #account: () => CollectionAccount | undefined;
  readonly #bugs: ReadonlySet<PlantedBug>;
  readonly #completeFor: (id: ReplicaId) => CompleteFields;
  readonly #detector: FailureDetector;
  readonly #peers: Map<ReplicaId, Peer>;
  /** Why: a heartbeat before that would tell a wiped peer that we never knew it. */
  #isRecovered = false;
  #leadMs: number | undefined;

  constructor(options: {
    readonly queue: EffectQueue;
    readonly config: ClusterConfig;
    readonly selfId: ReplicaId;
    readonly epoch: string;
    readonly isRecovering: () => boolean;
    /** What a heartbeat to a peer says of writes. */
    readonly completeFor: (id: ReplicaId) => CompleteFields;
    /** How far tombstones may be collected, as we see it. */
    readonly account: () => CollectionAccount | undefined;
    readonly bugs: ReadonlySet<PlantedBug>;
  }) {
    this.#bugs = options.bugs;
    this.#completeFor = options.completeFor;
    this.#queue = options.queue;
    this.#config = options.config;
    this.#epoch = options.epoch;
    this.#isRecovering = options.isRecovering;
    this.#account = options.account;
    const others = options.config.members.filter((member) => member.id !== options.selfId);
    this.#detector = new FailureDetector(
      others.map(({ id }) => id),
      options.config.settings.failureTimeoutMs,
    );
    this.#peers = new Map(others.map((member) => [member.id, {
      member,
      epochs: [],
      isRecovering: false,
      clockOffsetMs: undefined,
      heartbeatSentMs: -Infinity,
      wasToldRecovering: true,
      wasAlive: false,
      changedMs: undefined,
    }]));
  }

  /** Ids of all other members, in id order. */
  ids(): ReplicaId[] {
    return [...this.#peers.keys()];
  }

  /** Reads the epochs known from earlier lives; `done` runs when heartbeats may tell of them. */
  recover(done: () => void): void {
    this.#queue.scan({ ...MEMBER_RANGE, countMax: 1024, bytesMax: 1024 * 1024 }, ({ entries }) => {
      for (const { key, value } of entries) {
        const peer = this.#peers.get(key.slice(1));
        if (peer) peer.epochs = JSON.parse(decodeText(value)) as string[];
      }
      this.#isRecovered = true;
      done();
    });
  }

  /** Whether earlier lives are known, so that heartbeats are taken. */
  get isRecovered(): boolean {
    return this.#isRecovered;
  }

  /** Whether requests to the peer have a good chance to be answered. */
  isAlive(id: ReplicaId): boolean {
    return this.#detector.isAlive(id, this.#queue.now.monotonicMs);
  }

  /** Under which origin a peer writes now, as far as is known. */
  originOf(id: ReplicaId): string | undefined {
    const epoch = this.#peers.get(id)?.epochs.at(-1);
    return epoch === undefined ? undefined : originOf(id, epoch);
  }

  /** Those of `ids` that are alive; `ids` itself where all are. */
  aliveOf(ids: readonly ReplicaId[]): readonly ReplicaId[] {
    for (let i = 0; i < ids.length; i++) {
      if (!this.isAlive(ids[i]!)) return ids.filter((id) => this.isAlive(id));
    }
    return ids;
  }

  /** Whether the peer is alive and its answers count for a level. */
  isCounted(id: ReplicaId): boolean {
    return this.isAlive(id) && !this.#peers.get(id)!.isRecovering;
  }

  /** The link layer noticed something. A new link is greeted with a heartbeat. */
  onLink(id: ReplicaId, state: "up" | "down" | "heard"): void {
    const nowMs = this.#queue.now.monotonicMs;
    if (state === "heard") return this.#detector.onHeard(id, nowMs);
    this.#leadMs = undefined;
    if (state === "down" && this.#bugs.has("miss_return")) return this.#detector.forget(id);
    this.#detector.onLink(id, { isUp: state === "up" }, nowMs);
    const peer = this.#peers.get(id);
    if (peer && state === "up") this.#sendHeartbeat(peer);
    if (state === "up" || !peer?.wasAlive || this.isAlive(id)) return;
    // Why now: the link may stand again before the next tick, and whoever forgot the peer must hear that it was born.
    mark("peers: a link broke");
    peer.wasAlive = false;
    peer.changedMs = nowMs;
  }

  /** A heartbeat or its answer came; the former is answered. */
  onHeartbeat(id: ReplicaId, heartbeat: Heartbeat): void {
    const peer = this.#peers.get(id);
    if (!peer) return;
    if (!this.#isRecovered) return mark("peers: heartbeat ignored before earlier lives are known");
    this.#detector.onHeard(id, this.#queue.now.monotonicMs);
    this.#leadMs = undefined;
    peer.clockOffsetMs = heartbeat.wall_ms - this.#queue.now.wallMs;
    peer.isRecovering = heartbeat.recovering;
    if (!peer.epochs.includes(heartbeat.epoch)) this.#remember(peer, heartbeat.epoch);
    if (heartbeat.type === "heartbeat") this.#queue.send([id], this.#heartbeat("heartbeat_ack", peer));
  }

  /** Sends due heartbeats. Returns who came alive and who died since the last call. */
  tick(): { born: ReplicaId[]; died: ReplicaId[] } {
    this.#leadMs = undefined;
    const nowMs = this.#queue.now.monotonicMs;
    const intervalMs = this.#config.settings.heartbeatIntervalMs;
    const born: ReplicaId[] = [];
    const died: ReplicaId[] = [];
    for (const [id, peer] of this.#peers) {
      const silentMs = this.#detector.heardMsAgo(id, nowMs) ?? Infinity;
      const unsentMs = nowMs - peer.heartbeatSentMs;
      // Why: that we count again is news that requests wait for.
      const isNews = peer.wasToldRecovering && !this.#isRecovering();
      const isDue = isNews || unsentMs >= (silentMs >= intervalMs ? intervalMs : BUSY_FACTOR * intervalMs);
      if (isDue && this.#detector.isLinked(id)) {
        if (isNews) mark("peers: told at once that this replica counts");
        this.#sendHeartbeat(peer);
      }
      const isAlive = this.#detector.isAlive(id, nowMs);
      if (!isAlive && peer.wasAlive) mark("peers: one fell silent though the link stands");
      if (isAlive !== peer.wasAlive) (isAlive ? born : died).push(id);
      if (isAlive !== peer.wasAlive || peer.changedMs === undefined) peer.changedMs = nowMs;
      peer.wasAlive = isAlive;
    }
    return { born, died };
  }

  /**
   * Milliseconds that our clock is ahead of the median of the live peers' clocks; 0 with no live peer. Reckoned again
   * after each tick, heartbeat and change of a link, since every put asks.
   */
  leadMs(): number {
    return this.#leadMs ??= this.#reckonLeadMs();
  }

  #reckonLeadMs(): number {
    const offsets: number[] = [];
    for (const [id, peer] of this.#peers) {
      if (peer.clockOffsetMs !== undefined && this.isAlive(id)) offsets.push(peer.clockOffsetMs);
    }
    if (offsets.length === 0) return 0;
    offsets.sort((a, b) => a - b);
    return -offsets[Math.floor(offsets.length / 2)]!;
  }

  /** One peer as `status` shows it. */
  status(id: ReplicaId, hints: { readonly count: number; readonly bytes: number }): PeerStatus {
    const peer = this.#peers.get(id)!;
    const nowMs = this.#queue.now.monotonicMs;
    const heardMsAgo = this.#detector.heardMsAgo(id, nowMs);
    const isAlive = this.isAlive(id);
    // A change that no tick has seen yet is a moment old.
    const changedMs = isAlive === peer.wasAlive ? peer.changedMs ?? nowMs : nowMs;
    return {
      id,
      address: `${peer.member.host}:${peer.member.port}`,
      alive: isAlive,
      changed_ms_ago: Math.round(nowMs - changedMs),
      ...(heardMsAgo === undefined ? {} : { heard_ms_ago: Math.round(heardMsAgo) }),
      ...(peer.clockOffsetMs === undefined ? {} : { clock_offset_ms: Math.round(peer.clockOffsetMs) }),
      recovering: peer.isRecovering,
      hints: hints.count,
      hint_bytes: hints.bytes,
    };
  }

  #remember(peer: Peer, epoch: string): void {
    if (peer.epochs.length > 0) mark("peers: one has another directory than before");
    const epochs = [...peer.epochs, epoch].slice(-EPOCHS_MAX);
    const write: StoreWrite = { key: memberKey(peer.member.id), value: encodeText(JSON.stringify(epochs)) };
    this.#queue.apply([write], (result) => {
      if (result.kind !== "applied") return mark("peers: epoch of one could not be written down");
      peer.epochs = epochs;
      // Why at once: a new directory waits until all that knew the one before have met it (H14).
      if (epochs.length > 1 && this.#detector.isLinked(peer.member.id)) this.#sendHeartbeat(peer);
    });
  }

  #sendHeartbeat(peer: Peer): void {
    if (!this.#isRecovered) return;
    peer.heartbeatSentMs = this.#queue.now.monotonicMs;
    peer.wasToldRecovering = this.#isRecovering();
    this.#queue.send([peer.member.id], this.#heartbeat("heartbeat", peer));
  }

  #heartbeat(type: Heartbeat["type"], peer: Peer): Heartbeat {
    const collection = this.#account();
    return {
      type,
      epoch: this.#epoch,
      known_epochs: peer.epochs,
      wall_ms: this.#queue.now.wallMs,
      recovering: this.#isRecovering(),
      ...this.#completeFor(peer.member.id),
      ...(collection === undefined ? {} : { collection }),
    };
  }
}
