/**
 * One replica as a value: events in, effects out, no clock, no chance, no I/O.
 *
 * `step` hands each event to the part that owns it: `Requests` takes what clients ask, `Writes` and `Reads` coordinate for clients, `Forwards` has others coordinate, `Copies` answers peers,
 * `Hints`, `Repairs` and `Filling` bring copies up to date, `Peers` knows who is there. All they do gathers in one `EffectQueue`.
 * @module
 */
import { assert, unreachable } from "../base/assert.ts";
import { NO_BUGS, type PlantedBug } from "../base/planted_bug.ts";
import { mark } from "../base/mark.ts";
import type { Entropy, Log, Now } from "../ports.ts";
import { READ_BYTES_IN_FLIGHT_MAX } from "../protocol/limits.ts";
import type { Status } from "../protocol/reply.ts";
import type { ReadMessage, WriteMessage } from "../replication/messages.ts";
import { originOf } from "../versions/version.ts";
import { type ClusterConfig, recordBytesMax } from "./cluster_config.ts";
import { Clock } from "./clock.ts";
import { CompleteUntil, type Outstanding } from "./complete_until.ts";
import { Copies } from "./copies.ts";
import { Collecting } from "./collecting.ts";
import type { Core } from "./core.ts";
import { Counters } from "./counters.ts";
import { Debts } from "./debts.ts";
import type { Effect } from "./effect.ts";
import { EffectQueue } from "./effect_queue.ts";
import type { Message, ReplicaId } from "./envelope.ts";
import type { Event } from "./event.ts";
import { Filling } from "./filling.ts";
import { Forwards } from "./forwards.ts";
import { Hints } from "./hints.ts";
import { Keyspace, keyspacesOf } from "./keyspace.ts";
import type { Leaves } from "./leaves.ts";
import { Peers } from "./peers.ts";
import { Promises } from "./promises.ts";
import { Reads } from "./reads.ts";
import { Repairs } from "./repairs.ts";
import type { RequestMetrics } from "./request_meter.ts";
import { Requests } from "./requests.ts";
import { Scans } from "./scans.ts";
import { CEILING_KEY, decodeStamp } from "./store_keys.ts";
import { Writes } from "./writes.ts";

/** What a replica is made from. */
export interface ReplicaOptions {
  readonly config: ClusterConfig;
  readonly id: ReplicaId;
  /** Of the data directory, 1 to 16 hex digits. */
  readonly epoch: string;
  readonly entropy: Entropy;
  readonly log: Log;
  /** Those of the store that answers this replica's commands. */
  readonly leaves: Leaves;
  /** The program's version, for `status`. */
  readonly version: string;
  /** Counts kept elsewhere (disk, links), for `status`. */
  readonly gauges?: () => Readonly<Record<string, number>>;
  /** What only the host knows, for `status`. */
  readonly hostStatus?: () => Pick<Status, "digest" | "machine" | "faults">;
  readonly bugs?: ReadonlySet<PlantedBug>;
}

/** What a replica measures of itself, beside its status. */
export interface ReplicaMetrics extends RequestMetrics {
  readonly requestsInFlight: number;
  readonly storeBytesWaiting: number;
}

/** A full disk is tried this often. */
const PROBE_MS = 200;

/** Names of counts. Why a table: a name put together for each message is text that is made, and hashed, for nothing. */
const RECEIVED: Readonly<Record<Message["type"], string>> = {
  heartbeat: "received_heartbeat",
  heartbeat_ack: "received_heartbeat_ack",
  write: "received_write",
  written: "received_written",
  refused: "received_refused",
  read: "received_read",
  answer: "received_answer",
  fill: "received_fill",
  forward: "received_forward",
  forwarded: "received_forwarded",
  filled: "received_filled",
  scan: "received_scan",
  scanned: "received_scanned",
  compare: "received_compare",
  compared: "received_compared",
  list: "received_list",
  listed: "received_listed",
  give: "received_give",
  given: "received_given",
  passed: "received_passed",
};
/** Of the writes among them, what each is for. */
const RECEIVED_WRITE: Readonly<Record<WriteMessage["cause"], string>> = {
  put: "received_write_put",
  repair: "received_write_repair",
  hint: "received_write_hint",
};
/** One replica. */
export class Replica {
  readonly #options: ReplicaOptions;
  readonly #queue = new EffectQueue();
  readonly #counters = new Counters();
  readonly #keyspaces: ReadonlyMap<string, Keyspace>;
  readonly #clock: Clock;
  readonly #core: Core;
  readonly #complete: CompleteUntil;
  readonly #promises: Promises;
  readonly #collecting: Collecting;
  readonly #filling: Filling;
  readonly #hints: Hints;
  readonly #repairs: Repairs;
  readonly #writes: Writes;
  readonly #reads: Reads;
  readonly #scans: Scans;
  readonly #copies: Copies;
  readonly #debts: Debts;
  readonly #forwards: Forwards;
  readonly #requests: Requests;
  #startedMs: number | undefined;
  #isReady = false;
  #probedMs = -Infinity;
  #lastRound: number;

  constructor(options: ReplicaOptions) {
    const { config, id, epoch } = options;
    assert(config.members.some((member) => member.id === id), () => `${id} is no member`);
    this.#options = options;
    const bugs = options.bugs ?? NO_BUGS;
    const queue = this.#queue;
    const counters = this.#counters;
    // Why: a random beginning, so that answers to an earlier life's questions are nobody's.
    this.#lastRound = options.entropy.uint32() * 1024;
    const nextRound = (): number => ++this.#lastRound;
    const isRecovering = (): boolean =>
      !bugs.has("count_recovering") && this.#filling.isRecovering || this.#collecting.isLeftOut;
    const peers = new Peers({
      queue,
      config,
      selfId: id,
      epoch,
      isRecovering,
      completeFor: (peer) => this.#isReady ? this.#complete.fieldsFor(peer) : {},
      account: () => this.#collecting.account(),
      bugs,
    });
    const isCounted = (other: ReplicaId): boolean => other === id ? !isRecovering() : peers.isCounted(other);
    const counted = (naturals: readonly ReplicaId[]): ReplicaId[] => naturals.filter(isCounted);
    const uncounted = (naturals: readonly ReplicaId[]): ReplicaId[] =>
      naturals.filter((other) => !isCounted(other) && (other === id || peers.isAlive(other)));
    const isWrong = bugs.has("wrong_owner") && id === config.members[0]!.id;
    const keyspaces = isWrong ? misplaced(config) : keyspacesOf(config);
    this.#keyspaces = keyspaces;
    this.#clock = new Clock(bugs);
    this.#promises = new Promises({ queue, clock: this.#clock, selfId: id, keyspaces });
    this.#collecting = new Collecting({
      queue,
      counters,
      clock: this.#clock,
      promises: this.#promises,
      leaves: options.leaves,
      log: options.log,
      config,
      selfId: id,
      epoch,
      peerIds: peers.ids(),
      keyspaces,
      isAlive: (other) => peers.isAlive(other),
      isRecovering,
      hints: () => this.#hints,
      bugs,
    });
    const core = {
      selfId: id,
      epoch,
      config,
      queue,
      counters,
      peers,
      promises: this.#promises,
      collecting: this.#collecting,
      nextRound,
      isRecovering,
      counted,
      uncounted,
    };
    this.#core = core;
    this.#filling = new Filling({
      queue,
      selfId: id,
      epoch,
      memberIds: config.members.map((member) => member.id),
      keyspaces: [...keyspaces.values()],
      nextRound,
      isAlive: (other) => peers.isAlive(other) && !this.#collecting.isPeerLeftOut(other),
      settle: (directory, done) => this.#collecting.settle(directory, done),
      clock: this.#clock,
      log: options.log,
      recordBytesMax: recordBytesMax(config.settings),
    });
    const settings = config.settings;
    const complete = new CompleteUntil({
      queue,
      clock: this.#clock,
      selfId: id,
      epoch,
      peerIds: peers.ids(),
      keyspaces: [...keyspaces.values()],
      outstanding: this.#outstanding(),
      bugs,
    });
    this.#complete = complete;
    const { onMissed } = complete;
    this.#hints = new Hints({
      queue,
      settings,
      counters,
      keyspaces,
      peerIds: peers.ids(),
      nextRound,
      onDropped: onMissed,
      collecting: () => this.#collecting,
      bugs,
    });
    this.#debts = new Debts({ queue, hints: this.#hints, bugs });
    this.#writes = new Writes({
      core,
      clock: this.#clock,
      debts: this.#debts,
      origin: originOf(id, epoch),
      onMissed,
      bugs,
    });
    this.#reads = new Reads({ core, clock: this.#clock, complete, keyspaces, bugs });
    this.#scans = new Scans({ core, clock: this.#clock, keyspaces });
    this.#repairs = new Repairs({
      core,
      clock: this.#clock,
      leaves: options.leaves,
      log: options.log,
      entropy: options.entropy,
      keyspaces,
      bugs,
      complete,
      onObserved: () => this.#onObserved(),
    });
    this.#copies = new Copies({ complete, core, clock: this.#clock, log: options.log, keyspaces });
    this.#forwards = new Forwards({
      core,
      coordinate: (request, about) => this.#requests.coordinate(request, about),
      bugs,
    });
    this.#requests = new Requests({
      core,
      clock: this.#clock,
      keyspaces,
      writes: this.#writes,
      reads: this.#reads,
      forwards: this.#forwards,
      scans: this.#scans,
      copies: this.#copies,
      repairs: this.#repairs,
      isReady: () => this.#isReady,
      status: () => this.status(),
    });
  }

  /** Whether what earlier lives left on disk has been taken up, so that requests can be served. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** The only way in. Synchronous: a step sees one world, and leaves a consistent one. */
  step(now: Now, event: Event): readonly Effect[] {
    this.#queue.now = now;
    switch (event.kind) {
      case "tick":
        this.#onTick();
        break;
      case "messages":
        this.#onMessages(event.from, event.messages);
        break;
      case "request":
        this.#requests.onRequest(event.id, event.request);
        break;
      case "stored":
        this.#queue.onStored(event.ticket, event.result);
        break;
      case "link":
        this.#core.peers.onLink(event.peer, event.state);
        if (event.state === "down") this.#onDied(event.peer);
        break;
      default:
        unreachable(event);
    }
    return this.#queue.take();
  }

  #onTick(): void {
    const nowMs = this.#queue.now.monotonicMs;
    if (this.#startedMs === undefined) {
      this.#startedMs = nowMs;
      this.#recover();
    }
    const { born, died } = this.#core.peers.tick();
    for (const id of born) this.#repairs.onBorn(id);
    for (const id of died) this.#onDied(id);
    this.#writes.tick();
    this.#debts.tick();
    if (this.#isReady) this.#complete.tick();
    this.#reads.tick();
    this.#forwards.tick();
    this.#scans.tick();
    this.#queue.traces.tick();
    this.#filling.tick();
    if (this.#isReady) this.#hints.tick((id) => this.#core.peers.isAlive(id));
    if (this.#isReady) this.#repairs.tick();
    if (this.#isReady) this.#collecting.tick();
    if (this.#queue.isDiskFull && nowMs - this.#probedMs >= PROBE_MS) {
      this.#probedMs = nowMs;
      mark("replica: a full disk asked for room");
      this.#queue.probe();
    }
  }

  /** Takes up what earlier lives left: ceiling, promises, members, standing, hints, what was owed. In this order, then ready. */
  #recover(): void {
    this.#queue.get(CEILING_KEY, (value) => {
      this.#clock.recover(value ? decodeStamp(value) : undefined);
      this.#promises.recover(() => {
        this.#collecting.recover();
        this.#core.peers.recover(() =>
          this.#filling.recover(() =>
            this.#hints.recover(() =>
              this.#debts.recover(() => {
                this.#complete.begin();
                this.#writes.renewCeiling();
                this.#isReady = true;
              })
            )
          )
        );
      });
    });
  }

  #outstanding(): Outstanding {
    return {
      hasWritten: () => this.#writes.hasWritten,
      oldest: () => this.#writes.oldest(),
      oldestMissing: (id) => this.#writes.oldestMissing(id),
      oldestUnstored: () => this.#writes.oldestUnstored(),
      isOwedTo: (id) => this.#debts.isOpen(id) || this.#hints.waiting(id).count > 0,
      isOwing: () => this.#debts.isAnyOpen || this.#hints.isAnyWaiting,
    };
  }

  #onDied(id: ReplicaId): void {
    this.#writes.onDied(id);
    this.#reads.onDied(id);
    this.#forwards.onDied(id);
    this.#scans.onDied(id);
    this.#queue.traces.onDied(id);
    this.#hints.onDied(id);
    this.#repairs.onDied(id);
  }

  #onMessages(from: ReplicaId, messages: readonly Message[]): void {
    const writes: WriteMessage[] = [];
    const allowance = { bytes: READ_BYTES_IN_FLIGHT_MAX };
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i]!;
      this.#counters.add(RECEIVED[message.type], 1);
      if (message.type === "write") {
        this.#counters.add(RECEIVED_WRITE[message.cause], 1);
        writes.push(message);
      } else if (message.type === "read") this.#copies.onRead(from, message, allowance);
      else this.#onMessage(from, message);
    }
    if (writes.length === 0) return;
    this.#copies.onWrites(from, writes);
    this.#onObserved();
  }

  /** Why: what others write moves our clock too, and a later life must not begin behind what it then holds. */
  #onObserved(): void {
    if (this.#isReady && !this.#queue.isDiskFull) this.#writes.renewCeiling();
  }

  #onMessage(from: ReplicaId, message: Exclude<Message, WriteMessage | ReadMessage>): void {
    switch (message.type) {
      case "heartbeat":
      case "heartbeat_ack":
        this.#complete.onHeartbeat(from, message);
        this.#core.peers.onHeartbeat(from, message);
        if (this.#core.peers.isRecovered) this.#collecting.onHeartbeat(from, message);
        return this.#filling.onKnownEpochs(from, message.known_epochs);
      case "forward":
        return this.#forwards.onForward(from, message);
      case "forwarded":
        return this.#forwards.onForwarded(from, message);
      case "fill":
        return this.#copies.onFill(from, message);
      case "filled":
        return this.#filling.onFilled(from, message);
      case "scan":
        return this.#scans.onScan(from, message);
      case "scanned":
        return this.#scans.onScanned(from, message);
      case "answer":
        return void this.#reads.onAnswer(from, message);
      case "written":
        return void (this.#writes.onWritten(from, message) || this.#reads.onWritten(from, message) ||
          this.#queue.traces.onWritten(from, message) || this.#hints.onWritten(from, message) ||
          mark("replica: acknowledgement that nobody waits for ignored"));
      case "refused":
        return void (this.#writes.onRefused(from, message) || this.#reads.onRefused(from, message) ||
          this.#scans.onRefused(from, message) ||
          this.#queue.traces.onRefused(from, message) || this.#hints.onRefused(from, message) ||
          this.#repairs.onRefused(from, message) ||
          mark("replica: refusal that nobody waits for ignored"));
      default:
        return this.#repairs.onMessage(from, message);
    }
  }

  /** What requests asked for since the start, how they ended and how long they took; and what waits now. */
  metrics(): ReplicaMetrics {
    const { meter, waitingBytes } = this.#queue;
    return { ...meter.read(), requestsInFlight: meter.inFlight, storeBytesWaiting: waitingBytes };
  }

  /** What this replica says of itself. */
  status(): Status {
    const { config, id, epoch, version } = this.#options;
    const { peers } = this.#core;
    return {
      id,
      cluster: config.cluster,
      epoch,
      version,
      ready: this.#isReady,
      recovering: this.#filling.isRecovering || this.#collecting.isLeftOut,
      disk_full: this.#queue.isDiskFull,
      uptime_ms: Math.round(this.#queue.now.monotonicMs - (this.#startedMs ?? this.#queue.now.monotonicMs)),
      wall_ms: this.#queue.now.wallMs,
      ...this.#options.hostStatus?.(),
      peers: peers.ids().map((peer) => ({
        ...peers.status(peer, this.#hints.waiting(peer)),
        ...this.#repairs.status(peer),
        ...this.#complete.status(peer),
      })),
      ...this.#collecting.status(),
      counters: {
        ...this.#counters.all(),
        keys_filled: this.#filling.keysFilled,
        ...this.#options.gauges?.(),
      },
    };
  }
}

/** Planted bug `wrong_owner`: keys placed as if the last member were none. */
function misplaced(config: ClusterConfig): ReadonlyMap<string, Keyspace> {
  const keyspaces = new Map(keyspacesOf(config));
  for (const [name, keyspace] of config.keyspaces) {
    if (keyspace.partitioner === "all") continue;
    keyspaces.set(name, new Keyspace(keyspace, config.members.slice(0, -1)));
  }
  return keyspaces;
}
