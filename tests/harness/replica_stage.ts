/**
 * One real replica on a stage: its store is a map that merges as the engine does, its peers and its clock are the test.
 * What it sends and replies is kept for the test to look at.
 * @module
 */
import { assert } from "@std/assert";
import type { Result } from "../../src/base/failure.ts";
import type { Log } from "../../src/ports.ts";
import { Random } from "../../src/base/random.ts";
import { type Failure, isDefinite } from "../../src/protocol/error_codes.ts";
import type { Level } from "../../src/protocol/level.ts";
import type { Reply, Status } from "../../src/protocol/reply.ts";
import type { Request, WireKey } from "../../src/protocol/request.ts";
import { type ClusterConfig, parseClusterConfig } from "../../src/replica/cluster_config.ts";
import type { Message } from "../../src/replica/envelope.ts";
import { leavesOf } from "../../src/replica/leaves.ts";
import { keyspacesOf } from "../../src/replica/keyspace.ts";
import { Replica, type ReplicaMetrics } from "../../src/replica/replica.ts";
import { Runner } from "../../src/replica/runner.ts";
import { dataKey } from "../../src/replica/store_keys.ts";
import { decodeRecord, encodeRecord } from "../../src/versions/record.ts";
import type { Version } from "../../src/versions/version.ts";
import { StageDisk } from "./stage_disk.ts";

/** The wall clock when the curtain rises. */
export const STAGE_WALL_MS = 1_750_000_000_000;

const TICK_MS = 50;

/** The cluster that the replica believes to be in. */
export interface StageOptions {
  readonly id?: string;
  readonly epoch?: string;
  readonly memberCount?: number;
  /** What `[keyspace.main]` says. */
  readonly main?: Readonly<Record<string, unknown>>;
  /** Keyspaces beside `main`. */
  readonly others?: Readonly<Record<string, unknown>>;
  readonly settings?: Readonly<Record<string, number>>;
  readonly disk?: StageDisk;
}

/** A message of one kind, and to whom it went. */
export interface Sent<Type extends Message["type"] = Message["type"]> {
  readonly to: string;
  readonly message: Message & { readonly type: Type };
}

/** One replica, and everything a test does to it. */
export class ReplicaStage {
  readonly id: string;
  readonly epoch: string;
  readonly config: ClusterConfig;
  readonly disk: StageDisk;
  /** What it wrote to the log port. */
  readonly said: string[] = [];
  /** This replica's wall clock minus the stage's. */
  skewMs = 0;
  nowMs = 0;
  readonly #sent: Sent[] = [];
  readonly #replies = new Map<number, Result<Reply, Failure>>();
  #nextId = 1;
  #life = 0;
  /** Peers that are heard from as time passes. */
  readonly #present = new Set<string>();
  #replica!: Replica;
  #runner!: Runner;

  constructor(options: StageOptions = {}) {
    this.id = options.id ?? "r1";
    this.epoch = options.epoch ?? "e1";
    this.disk = options.disk ?? new StageDisk();
    this.config = configOf(options);
    this.restart();
  }

  /** A replica that has met all its peers, all of them new like itself: it counts for levels. */
  static whole(options: StageOptions = {}): ReplicaStage {
    const stage = new ReplicaStage(options);
    stage.tick();
    for (const peer of stage.peers()) stage.meet(peer);
    stage.tick();
    stage.takeAll();
    return stage;
  }

  /** A new life on the same disk. What was not synced is gone. Nothing happens before the first tick. */
  restart(): void {
    this.disk.losePower();
    this.#present.clear();
    this.#replies.clear();
    this.takeAll();
    const random = new Random(++this.#life * 1000 + Number(this.id.slice(1)));
    const { config, id, epoch } = this;
    const log: Log = { write: (level, text) => void this.said.push(`${level}: ${text}`) };
    // Why silent: that leaves were reckoned for a disk which has none says nothing of the replica.
    const leaves = leavesOf(config, { write: () => {} });
    this.disk.recover(leaves, config);
    this.#replica = new Replica({
      config,
      id,
      epoch,
      entropy: { uint32: () => random.uint32() },
      log,
      leaves,
      version: "stage",
    });
    this.#runner = new Runner(this.#replica, this.disk, {
      now: () => ({ monotonicMs: this.nowMs, wallMs: STAGE_WALL_MS + this.nowMs + this.skewMs }),
      send: ({ to, message }) => void this.#sent.push(...to.map((each) => ({ to: each, message }))),
      reply: (request, result) => {
        assert(!this.#replies.has(request), `request ${request} was answered twice`);
        this.#replies.set(request, result);
      },
      flush: () => {},
      wake: () => {},
    });
  }

  peers(): string[] {
    return this.config.members.map(({ id }) => id).filter((id) => id !== this.id);
  }

  get isReady(): boolean {
    return this.#replica.isReady;
  }

  status(): Status {
    return this.#replica.status();
  }

  metrics(): ReplicaMetrics {
    return this.#replica.metrics();
  }

  counter(name: string): number {
    return this.status().counters[name] ?? 0;
  }

  /** Lets time pass in small steps, with a tick after each (and one tick when none passes). */
  tick(passMs = 0): void {
    let leftMs = passMs;
    do {
      const stepMs = Math.min(TICK_MS, leftMs);
      leftMs -= stepMs;
      this.nowMs += stepMs;
      for (const peer of this.#present) this.#runner.feed({ kind: "link", peer, state: "heard" });
      this.#runner.feed({ kind: "tick" });
    } while (leftMs > 0);
  }

  /** The link to a peer comes to stand, and the peer says who it is. From now on it is heard from. */
  meet(peer: string, about: {
    readonly knownEpochs?: readonly string[];
    readonly isRecovering?: boolean;
    readonly aheadMs?: number;
  } = {}): void {
    this.#present.add(peer);
    this.#runner.feed({ kind: "link", peer, state: "up" });
    this.deliver(peer, {
      type: "heartbeat_ack",
      epoch: `e${peer.slice(1)}`,
      known_epochs: about.knownEpochs ?? [this.epoch],
      wall_ms: STAGE_WALL_MS + this.nowMs + (about.aheadMs ?? 0),
      recovering: about.isRecovering ?? false,
    });
  }

  /** The link to a peer comes to stand; nothing was said yet. */
  linkUp(peer: string): void {
    this.#present.add(peer);
    this.#runner.feed({ kind: "link", peer, state: "up" });
  }

  /** The link to a peer breaks. */
  lose(peer: string): void {
    this.#present.delete(peer);
    this.#runner.feed({ kind: "link", peer, state: "down" });
  }

  /** A peer says nothing any more; its link stands. */
  silence(peer: string): void {
    this.#present.delete(peer);
  }

  /** One line of messages comes from a peer. */
  deliver(from: string, ...messages: readonly Message[]): void {
    this.#runner.feed({ kind: "messages", from, messages });
  }

  /** A peer has on disk what a message asked it to write. */
  ack(from: string, round: number): void {
    this.deliver(from, { type: "written", round });
  }

  /** What was sent since the last call, of one kind, in order. Takes all kinds. */
  takeSent<Type extends Message["type"]>(type: Type): Sent<Type>[] {
    return this.takeAll().flatMap(({ to, message }) =>
      message.type === type ? [{ to, message: message as Message & { type: Type } }] : []
    );
  }

  /** All that was sent since the last call, in order. */
  takeAll(): Sent[] {
    return this.#sent.splice(0);
  }

  request(request: Request): number {
    const id = this.#nextId++;
    this.#runner.feed({ kind: "request", id, request });
    return id;
  }

  put(key: WireKey, value: string, level: Level = "ONE"): number {
    return this.request({ op: "put", key, value, level });
  }

  get(key: WireKey, level: Level = "ONE"): number {
    return this.request({ op: "get", key, level });
  }

  delete(key: WireKey, level: Level = "ONE"): number {
    return this.request({ op: "delete", key, level });
  }

  /** What the client was told; undefined while it waits. */
  reply(id: number): Result<Reply, Failure> | undefined {
    return this.#replies.get(id);
  }

  /** Why the client's request was not done. */
  failure(id: number): Failure {
    const result = this.#replies.get(id);
    assert(result !== undefined && !result.ok, `request ${id}: ${JSON.stringify(result)}`);
    return result.failure;
  }

  /** What the client was told, in a few words. */
  outcome(id: number): string {
    const result = this.#replies.get(id);
    if (!result) return "waiting";
    if (!result.ok) {
      const { code, acked } = result.failure;
      const kind = isDefinite(result.failure) ? "definite" : "indefinite";
      return `${code} ${kind}${acked ? ` acked=${acked}` : ""}`;
    }
    const reply = result.value;
    if (reply.kind === "written") {
      const { acked, owed, superseded_by } = reply.receipt;
      return `written acked=${acked} owed=${owed}${superseded_by ? " superseded" : ""}`;
    }
    if (reply.kind === "value") {
      const { acked, repaired } = reply.receipt;
      return `value ${reply.value} answered=${acked}${repaired.length > 0 ? ` repaired=${repaired}` : ""}`;
    }
    return reply.kind;
  }

  /** What is on disk of a key. */
  held(key: WireKey, keyspace = "main"): Version[] {
    const bytes = this.disk.entries.get(this.#dataKey(key, keyspace));
    return bytes ? decodeRecord(bytes) : [];
  }

  /** Values on disk, `deleted` for tombstones. */
  values(key: WireKey, keyspace = "main"): string[] {
    return this.held(key, keyspace).map(({ value }) => value ?? "deleted");
  }

  /** Puts versions on disk behind the replica's back, as an earlier life would have left them. */
  plant(key: WireKey, versions: readonly Version[], keyspace = "main"): void {
    this.disk.plant(this.#dataKey(key, keyspace), encodeRecord(versions));
  }

  #dataKey(key: WireKey, name: string): ReturnType<typeof dataKey> {
    const keyspace = keyspacesOf(this.config).get(name)!;
    const parsed = keyspace.parseKey(key);
    assert(parsed.ok);
    return dataKey(name, parsed.value);
  }
}

/** The parsed configuration of a stage. */
export function configOf(
  { memberCount = 4, main = {}, others = {}, settings = {} }: StageOptions,
): ClusterConfig {
  const parsed = parseClusterConfig({
    cluster: "stage",
    default_keyspace: "main",
    replica: Array.from(
      { length: memberCount },
      (_, index) => ({ id: `r${index + 1}`, address: `stage:${index + 1}` }),
    ),
    keyspace: { main, ...others },
    settings,
  });
  assert(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}
