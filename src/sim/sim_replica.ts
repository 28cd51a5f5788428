/** One imagined process: the real engine, replica and runner on an imagined disk and network, with lives that end. @module */
import type { ByteString } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import type { Result } from "../base/failure.ts";
import { type FinalState, type HeldKey, heldKey, type HeldVersion } from "../checker/history.ts";
import { DiskFullError, type Entropy, type Log, type Merge, type Now, type StoreCommand } from "../ports.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Request } from "../protocol/request.ts";
import type { ClusterConfig } from "../replica/cluster_config.ts";
import { type Envelope, isAnswer, type Message, type ReplicaId } from "../replica/envelope.ts";
import type { Event, RequestId } from "../replica/event.ts";
import { isCollect } from "../replica/collect_record.ts";
import { keyspacesOf } from "../replica/keyspace.ts";
import { type Leaves, leavesOf } from "../replica/leaves.ts";
import { mergeOf } from "../replica/merge.ts";
import { Replica } from "../replica/replica.ts";
import { Runner } from "../replica/runner.ts";
import { dataRange, keyOfDataKey } from "../replica/store_keys.ts";
import { CorruptionError } from "../storage/corruption.ts";
import { Engine } from "../storage/engine.ts";
import { openIdentity } from "../storage/identity.ts";
import { encodeMessage } from "../transport/message_codec.ts";
import { decodeRecord } from "../versions/record.ts";
import type { DiskProfile } from "./scenario.ts";
import type { SimClock } from "./sim_clock.ts";
import { SimDisk, SimDiskError } from "./sim_disk.ts";
import type { SimEndpoint, SimNetwork } from "./sim_network.ts";
import { type Shown, SimStore } from "./sim_store.ts";
import type { SimWorld } from "./sim_world.ts";

const TICK_MS = 25;

/** A process that stopped by itself is started again after this. */
const RESTART_MS = 500;

/** Asks for all that a store holds. */
const EVERYTHING: StoreCommand = {
  kind: "scan",
  begin: "" as ByteString,
  end: "\xff" as ByteString,
  countMax: 1_000_000,
  bytesMax: 1 << 30,
};

/** What a process is made of. */
export interface SimReplicaOptions {
  readonly id: ReplicaId;
  readonly world: SimWorld;
  readonly network: SimNetwork;
  readonly config: ClusterConfig;
  readonly disk: DiskProfile;
  readonly clock: SimClock;
  /** A write was acknowledged to a client: the worst moment to die. */
  readonly onAcknowledged: (coordinator: SimReplica) => void;
  /** Its disk has begun to bring something to rest: another bad moment. */
  readonly onSync: (replica: SimReplica) => void;
  /** It does not start because of what somebody did to its disk, as it must. An operator is needed. */
  readonly onCorrupt: (replica: SimReplica) => void;
}

/** How a life ends: \`kill\` leaves the page cache, \`power\` keeps any part of what was not synced, \`wipe\` loses the disk. */
export type Death = "kill" | "power" | "wipe";

/** Who waits for an answer. */
export interface Asker {
  onReply(result: Result<Reply, Failure>): void;
  /** The connection broke before an answer came. */
  onLost(): void;
}

/** What a turn has for one peer and one connection, encoded once for all who get it, as a real replica does. */
interface Unsent {
  readonly to: ReplicaId;
  readonly needsLink: boolean;
  readonly encoded: string[];
}

/** One process. */
export class SimReplica implements SimEndpoint {
  readonly id: ReplicaId;
  readonly clock: SimClock;
  /** What the next life is configured with. */
  config: ClusterConfig;
  readonly #options: SimReplicaOptions;
  readonly #world: SimWorld;
  readonly #random: Random;
  #disk: SimDisk;
  #diskCount = 0;
  #life = 0;
  #startCount = 0;
  #isUp = false;
  #isStarting = false;
  #isPaused = false;
  #hintsDropped = 0;
  /** The file in which a bit was flipped. */
  #damagedFile: string | undefined;
  #shown: Shown = new Map();
  #missed: (() => void)[] = [];
  #engine: Engine | undefined;
  #leaves: Leaves | undefined;
  #machine: Replica | undefined;
  #runner: Runner | undefined;
  /** What this turn has for the others, by whom it is for and the connection that it takes. */
  readonly #unsent: Unsent[] = [];
  readonly #askers = new Map<RequestId, Asker>();
  /** Those whose connection nobody has closed, since the machine died: they hear of it when it is back. */
  #bereaved: Asker[] = [];

  constructor(options: SimReplicaOptions) {
    this.id = options.id;
    this.clock = options.clock;
    this.config = options.config;
    this.#options = options;
    this.#world = options.world;
    this.#random = options.world.draw(`replica ${options.id}`);
    this.#disk = this.#newDisk();
    options.network.join(options.id, this);
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Whether there is no process, not even one that is starting. */
  get isDown(): boolean {
    return !this.#isUp && !this.#isStarting;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get life(): number {
    return this.#life;
  }

  /** How many lives have begun. */
  get startCount(): number {
    return this.#startCount;
  }

  /** The disk, for faults. */
  get disk(): SimDisk {
    return this.#disk;
  }

  /** Whether this process serves requests. */
  get isReady(): boolean {
    return this.#isUp && (this.#machine?.isReady ?? false);
  }

  /** Whether this process does not count for levels, because it is not running or is being filled. */
  get isRecovering(): boolean {
    return this.#machine?.status().recovering ?? true;
  }

  /** Whether this process takes all others for alive, and for counting. */
  get seesAll(): boolean {
    return this.#machine?.status().peers.every(({ alive, recovering }) => alive && !recovering) ?? false;
  }

  /** Begins a life. */
  start(): void {
    const life = ++this.#life;
    this.#isStarting = true;
    this.#startCount++;
    this.#world.trace(`start ${this.id} life ${life}`);
    this.#world.queue.needsSettling = true;
    for (const asker of this.#bereaved.splice(0)) asker.onLost();
    this.#boot(life).catch((error: unknown) => {
      if (life === this.#life) this.#onFailedStart(error);
    });
  }

  /** Ends a life. */
  crash(death: Death): void {
    this.#world.trace(`${death} ${this.id}`);
    this.#end(death);
  }

  /** Flips a bit of what was synced long ago; the next life must notice, or miss nothing. False if there is no such bit. */
  flipBit(random: Random): boolean {
    const place = this.#disk.flipOldBit(random);
    if (place === undefined) return false;
    this.#world.trace(`a bit flips in byte ${place.offset} of ${place.file} of ${this.id}`);
    this.#damagedFile = place.file;
    return true;
  }

  #onFailedStart(error: unknown): void {
    const isRightful = error instanceof CorruptionError && error.file === this.#damagedFile &&
      Number.isSafeInteger(error.offset);
    if (isRightful) {
      this.#world.trace(`${this.id} refuses to start: byte ${error.offset} of ${error.file} is damaged`);
      return this.#options.onCorrupt(this);
    }
    // Where the disk failed or had no room, a supervisor would try again.
    if (!(error instanceof SimDiskError) && !(error instanceof DiskFullError)) {
      return this.#world.violate("start", `${this.id} does not start: ${error}`);
    }
    this.#world.trace(`${this.id} does not start: ${error}`);
    this.#end("kill");
    const { life } = this;
    this.#world.queue.after(RESTART_MS, () => {
      if (this.#life === life) this.start();
    });
  }

  #end(death: Death): void {
    this.#hintsDropped = this.hintsDropped;
    this.#life++;
    this.#isUp = false;
    this.#isStarting = false;
    this.#isPaused = false;
    this.#missed = [];
    this.#engine = undefined;
    this.#leaves = undefined;
    this.#machine = undefined;
    this.#runner = undefined;
    const askers = [...this.#askers.values()];
    this.#askers.clear();
    this.#unsent.length = 0;
    if (death === "kill") this.#disk.kill();
    else if (death === "power") this.#disk.powerCut();
    else {
      this.#disk.kill();
      this.#disk = this.#newDisk();
      this.#damagedFile = undefined;
      this.#shown = new Map();
    }
    this.#options.network.onDeath(this.id);
    // A kernel closes the connections of its dead process; one without power closes nothing.
    if (death === "power") this.#bereaved.push(...askers);
    else for (const asker of askers) asker.onLost();
  }

  /** Stops the process as SIGSTOP does; what happens meanwhile happens to it when it resumes. */
  pause(): void {
    if (this.#isUp) this.#isPaused = true;
  }

  /** Lets a paused process go on. */
  resume(): void {
    this.#isPaused = false;
    for (const run of this.#missed.splice(0)) run();
  }

  /** A client asks; nothing is answered if this life ends before. False when nothing listens. */
  request(id: RequestId, request: Request, asker: Asker): boolean {
    if (!this.#isUp) return false;
    this.#askers.set(id, asker);
    this.#feed({ kind: "request", id, request });
    return true;
  }

  onMessages(from: ReplicaId, messages: readonly Message[], line: string): void {
    this.#world.trace(`${from}>${this.id} `, line);
    this.#feed({ kind: "link", peer: from, state: "heard" });
    this.#feed({ kind: "messages", from, messages });
  }

  onLink(peer: ReplicaId, state: "up" | "down"): void {
    this.#world.trace(`link ${this.id}>${peer} ${state}`);
    this.#feed({ kind: "link", peer, state });
  }

  /** What this replica holds of a keyspace, by key, straight from its engine. */
  held(keyspace: string): FinalState {
    const state = new Map<string, HeldKey>();
    const keys = keyspacesOf(this.config).get(keyspace);
    if (keys === undefined || this.#engine === undefined) return state;
    const { begin, end } = dataRange(keyspace);
    this.#engine.submit({ kind: "scan", begin, end, countMax: 100_000, bytesMax: 1 << 30 }, (result) => {
      if (result.kind !== "scanned") return;
      for (const { key, value: record } of result.entries) {
        let name = "that is none";
        try {
          name = String(keys.wireKey(keyOfDataKey(key)));
          const [first, ...others] = decodeRecord(record).map((
            { stamp, origin, value = null },
          ): HeldVersion => ({
            stamp,
            origin,
            value,
          }));
          if (first === undefined) throw new TypeError("a record of no version");
          state.set(name, heldKey([first, ...others]));
        } catch {
          // What a damaged log was taken for. Whoever serves it to a client would throw.
          this.#world.violate("record", `${this.id} holds bytes of key ${name} that are no record`);
        }
      }
    });
    return state;
  }

  /** Complains unless the leaves of its Merkle trees are those of what it holds. */
  verifyLeaves(): void {
    this.#engine?.submit(EVERYTHING, (result) => {
      const problem = result.kind === "scanned" ? this.#leaves?.problem(result.entries) : undefined;
      if (problem !== undefined) this.#world.violate("leaves", `${this.id}: ${problem}`);
    });
  }

  /** Hints dropped for want of room or for their age, in all lives: what they held need not converge by hints alone. */
  get hintsDropped(): number {
    return this.#hintsDropped + (this.#machine?.status().counters.hints_dropped ?? 0);
  }

  async #boot(life: number): Promise<void> {
    const { bugs, queue } = this.#world;
    const { config } = this;
    const isAlive = (): boolean => life === this.#life;
    const log: Log = { write: (_level, text) => this.#world.trace(`${this.id} says: ${text}`) };
    const entropy: Entropy = { uint32: () => this.#random.uint32() };
    const disk = this.#disk.mount();
    const merge = mergeOf(config);
    const forgetful: Merge = (key, held, incoming) =>
      !this.#isUp && isTombstone(key, incoming) ? undefined : merge(key, held, incoming);
    const leaves = leavesOf(config, log);
    const { cluster } = config;
    const { epoch } = await openIdentity(disk, { cluster, id: this.id, entropy, derive: leaves, bugs });
    const engine = await Engine.open({
      disk,
      merge: bugs.has("forget_tombstones") ? forgetful : merge,
      derive: leaves,
      segmentBytes: config.settings.segmentBytes,
      isRewritten: true,
      log,
      bugs,
      halt: (cause) => {
        if (!isAlive()) return;
        // A disk may fail; whatever else ends a replica is a bug of ours, and a restart must not hide it.
        if (cause instanceof SimDiskError || cause instanceof DiskFullError) {
          this.#world.trace(`${this.id} halts: ${cause}`);
        } else this.#world.violate("halt", `${this.id} halts: ${cause}`);
        this.crash("kill");
        const ended = this.#life;
        queue.after(RESTART_MS, () => {
          if (this.#life === ended) this.start();
        });
      },
    });
    if (!isAlive()) return;
    const machine = new Replica({ config, id: this.id, epoch, entropy, log, leaves, version: "sim", bugs });
    const onRegression = (sentence: string): void =>
      this.#world.violate("regression", `${this.id}: ${sentence}`);
    const store = new SimStore({
      store: engine,
      queue,
      random: this.#random,
      isAlive,
      shown: this.#shown,
      onRegression,
    });
    const runner = new Runner(machine, store, {
      now: () => this.#now(),
      send: (envelope) => this.#send(envelope),
      reply: (id, result) => this.#reply(id, result),
      flush: () => {
        if (isAlive()) this.#flush();
      },
      wake: () => queue.after(0, flush),
    });
    const flush = (): void => {
      if (isAlive()) runner.flush();
    };
    this.#engine = engine;
    this.#leaves = leaves;
    this.#machine = machine;
    this.#runner = runner;
    this.#isUp = true;
    this.#isStarting = false;
    this.#damagedFile = undefined;
    store.judgeAll();
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
    if (this.#isPaused) this.#missed.push(() => this.#runner?.feed(event));
    else this.#runner?.feed(event);
  }

  #send({ to, message }: Envelope): void {
    const needsLink = !isAnswer(message);
    const encoded = encodeMessage(message);
    for (const id of to) {
      const waiting = this.#unsent.find((unsent) => unsent.to === id && unsent.needsLink === needsLink);
      if (waiting) waiting.encoded.push(encoded);
      else this.#unsent.push({ to: id, needsLink, encoded: [encoded] });
    }
  }

  /** Sends what one turn has for each peer: often as one line, and often, as if turns were shorter, one by one. */
  #flush(): void {
    if (this.#unsent.length === 0) return;
    for (const { to, needsLink, encoded } of this.#unsent) {
      const lines = this.#random.chance(500) ? [encoded] : encoded.map((message) => [message]);
      for (const line of lines) this.#options.network.send(this.id, to, line, { needsLink });
    }
    this.#unsent.length = 0;
  }

  #reply(id: RequestId, result: Result<Reply, Failure>): void {
    const asker = this.#askers.get(id);
    this.#askers.delete(id);
    asker?.onReply(result);
    if (result.ok && result.value.kind === "written") this.#options.onAcknowledged(this);
  }

  #now(): Now {
    return this.clock.now(this.#world.queue.nowMs);
  }

  #newDisk(): SimDisk {
    const { queue } = this.#world;
    const after = (delayMs: number, run: () => void): void =>
      queue.after(delayMs, () => {
        queue.needsSettling = true;
        run();
      });
    this.#diskCount++;
    const random = this.#world.draw(`disk ${this.#diskCount} of ${this.id}`);
    const onUse = (): void => {
      queue.needsSettling = true;
    };
    const disk = new SimDisk({ random, after, onUse, onSync: () => this.#options.onSync(this) });
    this.mend(disk);
    return disk;
  }

  /** Makes a disk as good as it is at its best. */
  mend(disk: SimDisk = this.#disk): void {
    const { syncFirstMs, syncLastMs, shortWritesPerMille } = this.#options.disk;
    disk.syncMs = { first: syncFirstMs, last: syncLastMs };
    disk.shortWritesPerMille = shortWritesPerMille;
    disk.bytesMax = Infinity;
    disk.writableBytes = Infinity;
    disk.failingSyncs = 0;
  }
}

/** Planted bug `forget_tombstones`: whether these bytes are a key's tombstone. */
function isTombstone(key: ByteString, bytes: Uint8Array): boolean {
  return key.startsWith("d") && !isCollect(bytes) && decodeRecord(bytes)[0]!.value === undefined;
}
