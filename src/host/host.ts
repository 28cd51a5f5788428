/**
 * One replica at work on the real machine: its directory, its engine, its machine, its connections and its timer.
 * Knows nothing of the command line, and ends no process.
 * @module
 */
import { QUARTET_VERSION } from "../base/quartet_version.ts";
import { HttpApi } from "../http/api.ts";
import { HttpServer } from "../http/http_server.ts";
import type { Log, Now } from "../ports.ts";
import { FAULT_MS_DEFAULT } from "../protocol/limits.ts";
import type { FaultRequest } from "../protocol/request.ts";
import type { ClusterConfig } from "../replica/cluster_config.ts";
import type { ReplicaId } from "../replica/envelope.ts";
import { keysProblem, keysWrite } from "../replica/keys_record.ts";
import { type Leaves, leavesOf } from "../replica/leaves.ts";
import { mergeOf } from "../replica/merge.ts";
import { Replica } from "../replica/replica.ts";
import { Runner } from "../replica/runner.ts";
import { KEYS_KEY } from "../replica/store_keys.ts";
import { Engine } from "../storage/engine.ts";
import { DirectoryError, LOCK_FILE, openIdentity } from "../storage/identity.ts";
import { digestOf } from "../transport/hello.ts";
import { TcpTransport } from "../transport/tcp_transport.ts";
import { DenoClock, DenoEntropy } from "./deno_clock.ts";
import { DenoDisk } from "./deno_disk.ts";
import { Faults } from "./faults.ts";
import { LocalClient } from "./local_client.ts";
import { pickConnectionsMax, shareWithHttp } from "./open_files.ts";
import { MachineGauge } from "./machine_gauge.ts";

/** The pulse of a replica: deadlines are looked at this often. */
const TICK_MS = 20;

/** How long a stop waits for requests in flight. */
const DRAIN_MS = 2000;

/** How long connections may take to close after that. */
const CLOSE_MS = 500;

/** What a host needs to start. */
export interface HostOptions {
  readonly config: ClusterConfig;
  readonly id: ReplicaId;
  readonly dataDirectory: string;
  readonly log: Log;
  /** Called once when the replica must not go on: a broken disk, a false invariant. */
  readonly halt: (cause: unknown) => void;
}

/** The directory is at work in another process. */
export class DirectoryInUseError extends Error {
  override readonly name = "DirectoryInUseError";
}

/** The HTTP address cannot be listened at; `cause` says why. */
export class HttpAddressError extends Error {
  override readonly name = "HttpAddressError";
}

/** Opens a data directory for this process alone. */
export async function openLockedDisk(directory: string): Promise<DenoDisk> {
  const disk = await DenoDisk.open(directory);
  if (await disk.lock(LOCK_FILE)) return disk;
  throw new DirectoryInUseError(
    `the data directory ${directory} is in use by another replica; stop that one, or give another with --data`,
  );
}

/** Holds that what lies in the store is read as it was written. Throws `DirectoryError`. */
function checkKeys(engine: Engine, config: ClusterConfig): void {
  engine.submit({ kind: "get", key: KEYS_KEY }, (result) => {
    const stored = result.kind === "got" ? result.value : undefined;
    const problem = keysProblem(stored, config);
    if (problem !== undefined) throw new DirectoryError(problem);
    const write = keysWrite(stored, config);
    // Nobody waits for it: the log keeps the order, so it is on the disk before anything of a new keyspace is. Where the
    // disk is too full for it, the next start writes it.
    if (write !== undefined) engine.submit({ kind: "apply", writes: [write] }, () => {});
  });
}

/** A directory that quartet did not make may be open to others; what lies in it is for its owner alone. */
async function warnOfLooseMode(directory: string, log: Log): Promise<void> {
  const { mode } = await Deno.stat(directory);
  // Windows has no such bits.
  if (mode === null || (mode & 0o077) === 0) return;
  const shown = (mode & 0o7777).toString(8).padStart(4, "0");
  log.write("warn", "others can look into the data directory; chmod 700 it", {
    data: directory,
    mode: shown,
  });
}

/** A fault as the log says it. */
function faultFields({ fault, for_ms }: FaultRequest & { action: "set" }): Record<string, string | number> {
  const fields = Object.entries(fault).map(([name, value]) => [name, String(value)]);
  return { ...Object.fromEntries(fields), for_ms: for_ms ?? FAULT_MS_DEFAULT };
}

/** A running replica. */
export class Host {
  readonly epoch: string;
  /** Resolves when the replica has recovered, listens, and its first dial to every peer has ended. */
  readonly ready: Promise<void>;
  readonly #disk: DenoDisk;
  readonly #engine: Engine;
  readonly #transport: TcpTransport;
  readonly #faults: Faults | undefined;
  readonly #stopTicking: () => void;
  readonly #startHttp: () => Promise<HttpServer | undefined>;
  #http: HttpServer | undefined;

  private constructor(parts: {
    epoch: string;
    ready: Promise<void>;
    disk: DenoDisk;
    engine: Engine;
    transport: TcpTransport;
    faults: Faults | undefined;
    stopTicking: () => void;
    startHttp: () => Promise<HttpServer | undefined>;
  }) {
    this.epoch = parts.epoch;
    this.ready = parts.ready;
    this.#disk = parts.disk;
    this.#engine = parts.engine;
    this.#transport = parts.transport;
    this.#faults = parts.faults;
    this.#stopTicking = parts.stopTicking;
    this.#startHttp = parts.startHttp;
  }

  /**
   * Recovers the directory and begins to listen. Throws `DirectoryInUseError`, `DirectoryError`, `CorruptionError`, what
   * the disk throws, what `Deno.listen` throws, and `HttpAddressError`; then nothing is left running.
   */
  static async start({ config, id, dataDirectory, log, halt }: HostOptions): Promise<Host> {
    const host = await Host.#start({ config, id, dataDirectory, log, halt });
    try {
      host.#http = await host.#startHttp();
      return host;
    } catch (cause) {
      await host.stop();
      throw new HttpAddressError("the HTTP address cannot be listened at", { cause });
    }
  }

  static async #start({ config, id, dataDirectory, log, halt }: HostOptions): Promise<Host> {
    const disk = await openLockedDisk(dataDirectory);
    await warnOfLooseMode(dataDirectory, log);
    let engine: Engine | undefined;
    try {
      const entropy = new DenoEntropy();
      const leaves = leavesOf(config, log);
      const { cluster } = config;
      const { epoch } = await openIdentity(disk, { cluster, id, entropy, derive: leaves, log });
      const { segmentBytes } = config.settings;
      engine = await Engine.open({
        disk,
        merge: mergeOf(config),
        derive: leaves,
        segmentBytes,
        isRewritten: true,
        log,
        halt,
      });
      checkKeys(engine, config);
      return Host.#assemble({ config, id, dataDirectory, log, halt }, {
        disk,
        engine,
        leaves,
        epoch,
        entropy,
      });
    } catch (cause) {
      await engine?.close();
      disk.close();
      throw cause;
    }
  }

  static #assemble(
    { config, id, dataDirectory, log, halt }: HostOptions,
    { disk, engine, leaves, epoch, entropy }: {
      disk: DenoDisk;
      engine: Engine;
      leaves: Leaves;
      epoch: string;
      entropy: DenoEntropy;
    },
  ): Host {
    const recovered = Promise.withResolvers<void>();
    const guarded = (action: () => void) => (): void => {
      try {
        action();
      } catch (cause) {
        halt(cause);
      }
    };
    const clock = new DenoClock();
    const faults = !config.faults ? undefined : new Faults({
      selfId: id,
      memberIds: config.members.map((member) => member.id),
      nowMs: () => performance.now(),
      after: (delayMs, wake) => {
        const timer = setTimeout(guarded(wake), delayMs);
        return () => clearTimeout(timer);
      },
      draw: () => Math.random(),
      onChange: () => onFaults(),
    });
    // Why: one look at the clocks serves all events of a turn; they are many, and a turn is short.
    let turnNow: Now | undefined;
    const flush = guarded(() => {
      turnNow = undefined;
      runner.flush();
      if (replica.isReady) recovered.resolve();
    });
    const digest = digestOf(config);
    const gauge = new MachineGauge(dataDirectory);
    const replica = new Replica({
      config,
      id,
      epoch,
      entropy,
      log,
      leaves,
      version: QUARTET_VERSION,
      gauges: () => ({
        syncs: engine.counters.syncs,
        frames: engine.counters.frames,
        logged_bytes: engine.counters.loggedBytes,
        checkpoints: engine.counters.checkpoints,
        messages_dropped: transport.counters.dropped,
        messages_skipped: transport.counters.skipped,
        connections_refused: transport.counters.refused,
        connections_evicted: transport.counters.evicted,
      }),
      hostStatus: () => ({
        digest,
        machine: gauge.status(performance.now()),
        ...(faults && { faults: faults.list() }),
      }),
    });
    const runner = new Runner(replica, engine, {
      now: () => turnNow ??= clock.now(),
      send: (envelope) => transport.send(envelope),
      reply: (requestId, result) => {
        if (!local.onReply(requestId, result)) transport.reply(requestId, result);
      },
      flush: () => transport.flush(),
      // Why: reads that ended together resume one after the other in the microtasks ahead of this one; two hops let
      // all of them be fed before anything is written.
      wake: () => queueMicrotask(() => queueMicrotask(flush)),
    });
    // Why guarded: an exception of the replica itself stops it, and is not a bug of the one answer that met it.
    const local = new LocalClient((requestId, request) =>
      guarded(() => runner.feed({ kind: "request", id: requestId, request }))()
    );
    const place = config.members.find((member) => member.id === id)?.http;
    const filesFor = pickConnectionsMax(log);
    const connectionsMax = place === undefined ? { wire: filesFor, http: 0 } : shareWithHttp(filesFor);
    const transport = TcpTransport.start({
      config,
      selfId: id,
      epoch,
      log,
      ...(faults && { faults }),
      connectionsMax: connectionsMax.wire,
      onMessages: (from, messages) => runner.feed({ kind: "messages", from, messages }),
      onLink: (peer, state) => runner.feed({ kind: "link", peer, state }),
      onRequest: (requestId, request) => {
        if (request.op !== "fault" || faults === undefined) {
          return runner.feed({ kind: "request", id: requestId, request });
        }
        // Why here: a replica that stands still must hear what lets it go on.
        const hadFaults = faults.list().length > 0;
        const answer = faults.answer(request);
        if (answer.ok && request.action === "set") log.write("warn", "fault set", faultFields(request));
        if (request.action === "heal" && hadFaults) log.write("info", "faults healed");
        transport.reply(requestId, answer);
        transport.flush();
      },
      halt,
    });
    let http: HttpServer | undefined;
    const startHttp = async (): Promise<HttpServer | undefined> => {
      if (place === undefined) return undefined;
      const api = new HttpApi({
        config,
        selfId: id,
        ask: (request) => local.ask(request),
        status: () => replica.status(),
        metrics: () => ({
          ...replica.metrics(),
          httpConnections: http?.connectionCount ?? 0,
          httpRefused: http?.counters.refused ?? 0,
          httpEvicted: http?.counters.evicted ?? 0,
          httpDisplaced: http?.counters.displaced ?? 0,
          httpInternalErrors: http?.counters.internalErrors ?? 0,
          httpHeldBytes: http?.heldBytes ?? 0,
          wireConnections: transport.connectionCount,
          peerQueueBytes: transport.queued(),
        }),
      }, place);
      const { valueBytesMax } = config.settings;
      const answer = api.answer.bind(api);
      return http = await HttpServer.start({
        place,
        valueBytesMax,
        connectionsMax: connectionsMax.http,
        answer,
        refusal: api.refusal.bind(api),
        onError: (cause) =>
          log.write(
            "error",
            `a request over HTTP met a bug: ${
              cause instanceof Error ? cause.stack ?? cause.message : String(cause)
            }`,
          ),
        halt,
      });
    };
    let isPaused = false;
    const onFaults = guarded(() => {
      clock.skewMs = faults!.skewMs;
      turnNow = undefined;
      if (isPaused !== faults!.isPaused) {
        isPaused = !isPaused;
        if (isPaused) {
          runner.pause();
          http?.pause();
        } else {
          runner.resume();
          http?.resume();
        }
      }
      transport.onFaults();
    });
    const tick = guarded(() => {
      if (isPaused) return;
      runner.feed({ kind: "tick" });
      engine.tick();
    });
    const timer = setInterval(tick, TICK_MS);
    tick();
    return new Host({
      epoch,
      ready: Promise.all([recovered.promise, transport.firstDialsEnded()]).then(() => undefined),
      disk,
      engine,
      transport,
      faults,
      stopTicking: () => clearInterval(timer),
      startHttp,
    });
  }

  /** The port listened at. */
  get port(): number {
    return this.#transport.port;
  }

  /** The port at which HTTP is answered; undefined where it is not. */
  get httpPort(): number | undefined {
    return this.#http?.port;
  }

  /** Takes no more requests, ends those in flight, syncs, and lets go of everything. */
  async stop(): Promise<void> {
    // What stands still could not end its requests.
    this.#faults?.heal();
    // Why a bound of our own: whatever a connection still waits for, the disk is to be closed in good order.
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, DRAIN_MS + CLOSE_MS);
    const drained = Promise.all([
      this.#transport.stop({ drainMs: DRAIN_MS }),
      this.#http?.stop({ drainMs: DRAIN_MS }),
    ]);
    await Promise.race([drained, late.promise]);
    clearTimeout(timer);
    this.#stopTicking();
    await this.#engine.close();
    this.#disk.close();
  }
}
