/** One imagined process: the real engine, replica and runner on an imagined disk and network, with lives that end. @module */
import { InvariantError } from "../base/assert.ts";
import type { PlantedBug } from "../base/planted_bug.ts";
import type { Random } from "../base/random.ts";
import type { Result } from "../base/failure.ts";
import type { Entropy, Log, Now } from "../ports.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Request } from "../protocol/request.ts";
import type { ClusterConfig } from "../replica/cluster_config.ts";
import { type Envelope, isAnswer, type Message, type ReplicaId } from "../replica/envelope.ts";
import type { Event, RequestId } from "../replica/event.ts";
import { mergeStored } from "../replica/merge.ts";
import { Replica } from "../replica/replica.ts";
import { Runner } from "../replica/runner.ts";
import { dataRange, keyOfDataKey } from "../replica/store_keys.ts";
import { CorruptionError } from "../storage/corruption.ts";
import { Engine } from "../storage/engine.ts";
import { openIdentity } from "../storage/identity.ts";
import { firstDot } from "../versions/record.ts";
import type { HistoryVersion } from "../checker/history.ts";
import type { EventQueue } from "./event_queue.ts";
import { SimDisk } from "./sim_disk.ts";
import type { SimEndpoint, SimNetwork } from "./sim_network.ts";
import { SimStore } from "./sim_store.ts";

const TICK_MS = 25;

/** A process that stopped by itself is started again after this. */
const RESTART_MS = 500;

/** The wall clock at the beginning of every run. */
export const SIM_EPOCH_MS = 1_750_000_000_000;

/** What a process shares with the run it is in. */
export interface SimWorld {
  readonly queue: EventQueue;
  readonly random: Random;
  readonly network: SimNetwork;
  readonly config: ClusterConfig;
  readonly bugs: ReadonlySet<PlantedBug>;
  /** Adds to the trace of the run. */
  trace(line: string): void;
  /** Something that must never happen. */
  violate(sentence: string): void;
}

/** One process. */
export class SimReplica implements SimEndpoint {
  readonly id: ReplicaId;
  /** This process's wall clock minus true time. */
  skewMs = 0;
  readonly #world: SimWorld;
  readonly #random: Random;
  #disk: SimDisk;
  #life = 0;
  #isUp = false;
  #isPaused = false;
  #hintsDropped = 0;
  #missed: (() => void)[] = [];
  #engine: Engine | undefined;
  #machine: Replica | undefined;
  #runner: Runner | undefined;
  /** A write was acknowledged to a client: the worst moment to die. */
  readonly #onAcknowledged: (coordinator: SimReplica) => void;
  /** What this turn has for the others, by whom it is for and the connection that it takes. */
  readonly #unsent = new Map<string, { to: ReplicaId; needsLink: boolean; messages: Message[] }>();
  readonly #replies = new Map<RequestId, (result: Result<Reply, Failure>) => void>();

  constructor(id: ReplicaId, world: SimWorld, onAcknowledged: (coordinator: SimReplica) => void) {
    this.id = id;
    this.#onAcknowledged = onAcknowledged;
    this.#world = world;
    this.#random = world.random.fork();
    this.#disk = this.#newDisk();
    world.network.join(id, this);
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get life(): number {
    return this.#life;
  }

  /** The disk, for faults. */
  get disk(): SimDisk {
    return this.#disk;
  }

  /** Whether this process serves requests. */
  get isReady(): boolean {
    return this.#isUp && (this.#machine?.isReady ?? false);
  }

  /** Whether this process counts for levels again. */
  get isRecovering(): boolean {
    return this.#machine?.status().recovering ?? true;
  }

  /** Begins a life. */
  start(): void {
    const life = ++this.#life;
    this.#world.trace(`start ${this.id} life ${life}`);
    this.#world.queue.needsSettling = true;
    this.#boot(life).catch((error: unknown) => {
      if (life !== this.#life) return;
      if (error instanceof CorruptionError || error instanceof InvariantError || error instanceof TypeError) {
        return this.#world.violate(`${this.id} does not start: ${error}`);
      }
      // The disk failed or had no room: a supervisor would try again.
      this.#world.trace(`${this.id} does not start: ${error}`);
      this.#end("kill");
      this.#world.queue.after(RESTART_MS, () => this.start());
    });
  }

  /** Ends a life: `kill` leaves the page cache, `power` keeps any subset of what was not synced, `wipe` loses the disk. */
  crash(kind: "kill" | "power" | "wipe"): void {
    this.#world.trace(`${kind} ${this.id}`);
    this.#end(kind);
  }

  #end(kind: "kill" | "power" | "wipe"): void {
    this.#hintsDropped = this.hintsDropped;
    this.#life++;
    this.#isUp = false;
    this.#isPaused = false;
    this.#missed = [];
    this.#engine = undefined;
    this.#machine = undefined;
    this.#runner = undefined;
    this.#replies.clear();
    this.#unsent.clear();
    if (kind === "kill") this.#disk.kill();
    else if (kind === "power") this.#disk.powerCut();
    else {
      this.#disk.kill();
      this.#disk = this.#newDisk();
    }
    this.#world.network.onDeath(this.id);
  }

  /** Stops the process as SIGSTOP does; what happens meanwhile happens to it when it resumes. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Lets a paused process go on. */
  resume(): void {
    this.#isPaused = false;
    for (const run of this.#missed.splice(0)) run();
  }

  /** A client asks; `done` gets the answer, unless this life ends before. False when nothing listens. */
  request(id: RequestId, request: Request, done: (result: Result<Reply, Failure>) => void): boolean {
    if (!this.#isUp) return false;
    this.#replies.set(id, done);
    this.#feed({ kind: "request", id, request });
    return true;
  }

  onMessages(from: ReplicaId, messages: readonly Message[]): void {
    this.#world.trace(`${from}>${this.id} ${JSON.stringify(messages)}`);
    this.#feed({ kind: "link", peer: from, state: "heard" });
    this.#feed({ kind: "messages", from, messages });
  }

  onLink(peer: ReplicaId, state: "up" | "down"): void {
    this.#world.trace(`link ${this.id}>${peer} ${state}`);
    this.#feed({ kind: "link", peer, state });
  }

  /** What this replica holds of a keyspace, by key, straight from its engine. */
  held(keyspace: string): Map<string, HistoryVersion> {
    const state = new Map<string, HistoryVersion>();
    const { begin, end } = dataRange(keyspace);
    this.#engine?.submit({ kind: "scan", begin, end, countMax: 100_000, bytesMax: 1 << 30 }, (result) => {
      if (result.kind !== "scanned") return;
      for (const { key, value } of result.entries) {
        state.set(String(keyOfDataKey(key).charCodeAt(0)), firstDot(value));
      }
    });
    return state;
  }

  /** Hints dropped for want of room, in all lives: what they held need not converge by hints alone. */
  get hintsDropped(): number {
    return this.#hintsDropped + (this.#machine?.status().counters.hints_dropped ?? 0);
  }

  async #boot(life: number): Promise<void> {
    const { config, bugs, queue } = this.#world;
    const isAlive = (): boolean => life === this.#life;
    const log: Log = { write: (_level, text) => this.#world.trace(`${this.id} says: ${text}`) };
    const entropy: Entropy = { uint32: () => this.#random.uint32() };
    const disk = this.#disk.mount();
    const { epoch } = await openIdentity(disk, { cluster: config.cluster, id: this.id, entropy });
    const engine = await Engine.open({
      disk,
      merge: mergeStored,
      segmentBytes: config.settings.segmentBytes,
      isRewritten: true,
      log,
      bugs,
      halt: (cause) => {
        if (!isAlive()) return;
        this.#world.trace(`${this.id} halts: ${cause}`);
        this.crash("kill");
        queue.after(RESTART_MS, () => this.start());
      },
    });
    if (!isAlive()) return;
    const machine = new Replica({ config, id: this.id, epoch, entropy, log, version: "sim", bugs });
    const onRegression = (sentence: string): void => this.#world.violate(`${this.id}: ${sentence}`);
    const store = new SimStore({ store: engine, queue, random: this.#random, isAlive, onRegression });
    const runner = new Runner(machine, store, {
      now: () => this.#now(),
      send: (envelope) => this.#send(envelope),
      reply: (id, result) => this.#reply(id, result),
      flush: () => {
        if (isAlive()) this.#flush();
      },
      wake: () =>
        queue.after(0, () => {
          if (isAlive()) runner.flush();
        }),
    });
    this.#engine = engine;
    this.#machine = machine;
    this.#runner = runner;
    this.#isUp = true;
    const tick = (): void => {
      if (!isAlive()) return;
      if (!this.#isPaused) {
        runner.feed({ kind: "tick" });
        store.tick();
      }
      queue.after(TICK_MS, tick);
    };
    tick();
  }

  #feed(event: Event): void {
    const run = (): void => this.#runner?.feed(event);
    if (this.#isPaused) this.#missed.push(run);
    else run();
  }

  #send({ to, message }: Envelope): void {
    for (const id of to) {
      const name = `${isAnswer(message) ? "answers" : "questions"} ${id}`;
      const waiting = this.#unsent.get(name);
      if (waiting) waiting.messages.push(message);
      else this.#unsent.set(name, { to: id, needsLink: !isAnswer(message), messages: [message] });
    }
  }

  /** Sends what one turn has for each peer: often as one line, and often, as if turns were shorter, one by one. */
  #flush(): void {
    for (const { to, needsLink, messages } of this.#unsent.values()) {
      const lines = this.#random.chance(500) ? [messages] : messages.map((message) => [message]);
      for (const line of lines) this.#world.network.send(this.id, to, line, { needsLink });
    }
    this.#unsent.clear();
  }

  #reply(id: RequestId, result: Result<Reply, Failure>): void {
    const done = this.#replies.get(id);
    this.#replies.delete(id);
    done?.(result);
    if (result.ok && result.value.kind === "written") this.#onAcknowledged(this);
  }

  #now(): Now {
    const { nowMs } = this.#world.queue;
    return { monotonicMs: nowMs, wallMs: Math.floor(SIM_EPOCH_MS + nowMs + this.skewMs) };
  }

  #newDisk(): SimDisk {
    const { queue } = this.#world;
    const after = (delayMs: number, run: () => void): void =>
      queue.after(delayMs, () => {
        queue.needsSettling = true;
        run();
      });
    const disk = new SimDisk({ random: this.#random.fork(), after });
    disk.shortWritesPerMille = this.#random.pick([0, 0, 100]);
    return disk;
  }
}
