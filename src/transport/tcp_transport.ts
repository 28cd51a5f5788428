/**
 * The real network: one listening socket for peers and clients, and one dialled link to every other member. The only
 * file of this folder that touches sockets, timers and chance.
 * @module
 */
import { createHmac, randomBytes } from "node:crypto";
import type { Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import { CLIENTS_HELD_BYTES_MAX, CONNECTIONS_BEYOND_MAX, CONNECTIONS_MAX } from "../protocol/limits.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Request } from "../protocol/request.ts";
import type { ClusterConfig, Member } from "../replica/cluster_config.ts";
import { type Envelope, isAnswer, type Message, type ReplicaId } from "../replica/envelope.ts";
import type { RequestId } from "../replica/event.ts";
import type { Hmac, Self } from "./handshake.ts";
import { digestOf } from "./hello.ts";
import { InboundConnection, type InboundContext } from "./inbound_connection.ts";
import type { Socket } from "./line_channel.ts";
import type { ForwardedMessage } from "../replication/messages.ts";
import { shortForwarded } from "./forward_codec.ts";
import { encodeMessage, fitsLine } from "./message_codec.ts";
import { isSilent, type LineFaults } from "./obstruction.ts";
import { type LinkContext, PeerLink } from "./peer_link.ts";
import type { WireId } from "./request_codec.ts";

/** What a transport needs of the host. */
export interface TransportOptions {
  readonly config: ClusterConfig;
  readonly selfId: ReplicaId;
  readonly epoch: string;
  readonly log: TransportLog;
  /** Whoever breaks things on purpose, where that is allowed; each change is to be told to `onFaults`. */
  readonly faults?: LineFaults;
  /** Connections accepted at a time; at most `CONNECTIONS_MAX`, fewer where the process may open fewer files. */
  readonly connectionsMax?: number;
  /** At most `CLIENTS_HELD_BYTES_MAX`, which holds where nothing is said. */
  readonly heldBytesMax?: number;
  /** What one line from a peer holds. */
  onMessages(from: ReplicaId, messages: readonly Message[]): void;
  /** `up` and `down`: the link that we dialled. `heard`: bytes on any connection with the peer, at most every 20 ms. */
  onLink(peer: ReplicaId, state: "up" | "down" | "heard"): void;
  /** Exactly one `reply` with the same id is expected. */
  onRequest(id: RequestId, request: Request): void;
  /** A bug showed inside an event: stop the replica. */
  halt(cause: unknown): void;
}

/** Where an operator is told of links and refusals; the host's log has this shape. */
export interface TransportLog {
  write(level: "info" | "warn", text: string, fields: Readonly<Record<string, string | number>>): void;
}

/** Events since start, for the replica's status. */
export interface TransportCounters {
  /** Messages to peers that were down or too slow. */
  dropped: number;
  /** Messages from peers that this version could not read. */
  skipped: number;
  /** Hellos refused, and connections beyond the limit. */
  refused: number;
  /** Connections closed because clients made this replica keep too much. */
  evicted: number;
}

const SWEEP_INTERVAL_MS = 200;
const HEARD_INTERVAL_MS = 20;
/** Pause after an accept failed, for want of file descriptors as a rule. */
const ACCEPT_PAUSE_MS = 50;
/** One and the same trouble is said again after this. */
const SILENCE_MS = 60_000;
/** Different troubles said in that time. They hold what strangers sent. */
const SAID_MAX = 64;

/** HMAC-SHA256 with this secret, in hex. */
export function hmacOf(secret: string): Hmac {
  return (text) => createHmac("sha256", secret).update(text).digest("hex");
}

/** 32 hex digits for one hello. */
export function drawNonce(): string {
  return randomBytes(16).toString("hex");
}

/** Rejects with the signal's reason when it comes. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason), { once: true })
  );
}

/** A replica's network. */
export class TcpTransport {
  readonly counters: TransportCounters = { dropped: 0, skipped: 0, refused: 0, evicted: 0 };
  readonly #options: TransportOptions;
  readonly #listener: Deno.TcpListener;
  readonly #links = new Map<ReplicaId, PeerLink>();
  /** The latest connection that each peer dialled. */
  readonly #inboundPeers = new Map<ReplicaId, InboundConnection>();
  /** Invariant: in the order in which they came. */
  readonly #connections = new Set<InboundConnection>();
  /** Those beyond the limit, in the order in which they came. */
  readonly #beyond = new Set<InboundConnection>();
  /** Those closed here and yet open in the system. */
  readonly #lingering = new Set<InboundConnection>();
  readonly #connectionsMax: number;
  readonly #heldBytesMax: number;
  readonly #requests = new Map<RequestId, { readonly connection: InboundConnection; readonly id: WireId }>();
  readonly #heardMs = new Map<ReplicaId, number>();
  readonly #unflushed = new Set<InboundConnection | PeerLink>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #sweepTimer: ReturnType<typeof setInterval>;
  /** Dials under way, so that `stop` can end them. */
  readonly #dials = new Set<AbortController>();
  /** When a trouble was last written to the log, by its text. */
  readonly #saidMs = new Map<string, number>();
  /** What all clients together make us keep. */
  #heldBytes = 0;
  #isEvicting = false;
  #nextRequestId = 1;
  #isStopping = false;

  private constructor(options: TransportOptions, listener: Deno.TcpListener) {
    this.#options = options;
    this.#listener = listener;
    this.#connectionsMax = Math.min(CONNECTIONS_MAX, options.connectionsMax ?? CONNECTIONS_MAX);
    this.#heldBytesMax = Math.min(CLIENTS_HELD_BYTES_MAX, options.heldBytesMax ?? CLIENTS_HELD_BYTES_MAX);
    this.#sweepTimer = setInterval(() => this.#sweep(performance.now()), SWEEP_INTERVAL_MS);
    const context = this.#makeContext();
    for (const member of options.config.members) {
      if (member.id === options.selfId) continue;
      const link = new PeerLink(member, context);
      this.#links.set(member.id, link);
      this.#track(link.run());
    }
    this.#track(this.#accept(context));
  }

  /** Listens at the member's own address and dials all others. Throws what `Deno.listen` throws. */
  static start(options: TransportOptions): TcpTransport {
    const self = options.config.members.find((member) => member.id === options.selfId);
    if (self === undefined) {
      const ids = options.config.members.map((member) => member.id).join(", ");
      throw new RangeError(`replica "${options.selfId}" is not in the configuration; there are: ${ids}`);
    }
    return new TcpTransport(options, Deno.listen({ hostname: self.host, port: self.port }));
  }

  /** Connections that others have opened and that are not closed. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Connections that are closed here and yet open in the system, because their other side keeps them. */
  get lingeringCount(): number {
    return this.#lingering.size;
  }

  /** Characters that wait to be sent to each peer. */
  queued(): Record<ReplicaId, number> {
    return Object.fromEntries([...this.#links].map(([id, link]) => [id, link.queuedChars]));
  }

  /** The port listened at. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Resolves when the first dial of every peer has ended, well or not. */
  async firstDialsEnded(): Promise<void> {
    await Promise.all([...this.#links.values()].map((link) => link.firstDialEnded));
  }

  /** Queues a message: answers for the connection that questions came on, all else for the one we dialled. */
  send(envelope: Envelope): void {
    const { message } = envelope;
    if (message.type === "written" && !message.superseded_by && !message.recovering) {
      return this.#sendWritten(envelope.to, message.round);
    }
    const encoded = encodeMessage(envelope.message);
    const { lineBytesMax } = this.#options.config.settings;
    if (!fitsLine(encoded, lineBytesMax)) {
      // A value from the time of a greater value_bytes_max: nobody here could read it.
      this.counters.dropped += envelope.to.length;
      const { type } = envelope.message;
      if (message.type === "forwarded") this.#sendShort(envelope.to, message, "it exceeds line_bytes_max");
      return this.#options.log.write(
        "warn",
        "a message exceeds line_bytes_max; raise value_bytes_max again",
        {
          type,
          line_bytes_max: lineBytesMax,
        },
      );
    }
    const targets: ReadonlyMap<ReplicaId, InboundConnection | PeerLink> = isAnswer(envelope.message)
      ? this.#inboundPeers
      : this.#links;
    for (const id of envelope.to) {
      const target = targets.get(id);
      if (target?.send(encoded)) {
        this.#unflushed.add(target);
        continue;
      }
      this.counters.dropped++;
      if (message.type === "forwarded") this.#sendShort([id], message, "too much waits for the way back");
    }
  }

  /** Why: a get whose answer is lost would be waited for until its deadline. */
  #sendShort(to: readonly ReplicaId[], message: ForwardedMessage, why: string): void {
    const short = shortForwarded(
      message,
      `${this.#options.selfId} has the value, and cannot send it: ${why}`,
    );
    if (short !== undefined) this.send({ to, message: short });
  }

  /** Why apart: most answers between replicas say only this, and many of them fit one message. */
  #sendWritten(to: readonly ReplicaId[], round: number): void {
    for (const id of to) {
      const target = this.#inboundPeers.get(id);
      if (target?.sendWritten(round)) this.#unflushed.add(target);
      else this.counters.dropped++;
    }
  }

  /** Queues the answer to a request. */
  reply(requestId: RequestId, result: Result<Reply, Failure>): void {
    const request = this.#requests.get(requestId);
    if (request === undefined) return;
    this.#requests.delete(requestId);
    request.connection.reply(request.id, result);
    this.#unflushed.add(request.connection);
  }

  /** Writes what `send` and `reply` queued, one write a connection. */
  flush(): void {
    for (const target of this.#unflushed) target.flush();
    this.#unflushed.clear();
  }

  /** What stands in the way on purpose has changed. */
  onFaults(): void {
    for (const link of this.#links.values()) link.obstruct();
    for (const connection of this.#connections) connection.obstruct();
  }

  /** Takes no more requests, answers those in flight for at most `drainMs`, then closes everything. */
  async stop({ drainMs }: { drainMs: number }): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#listener.close();
    const { promise: isLate, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, drainMs);
    const clients = [...this.#connections].filter((connection) => connection.peerId === "");
    await Promise.race([isLate, Promise.all(clients.map((connection) => connection.drain()))]);
    clearTimeout(timer);
    clearInterval(this.#sweepTimer);
    for (const link of this.#links.values()) link.stop();
    for (const dial of this.#dials) dial.abort();
    for (const connection of this.#connections) connection.close("stopped");
    await Promise.all(this.#tasks);
  }

  async #accept(context: InboundContext): Promise<void> {
    while (!this.#isStopping) {
      let socket: Deno.TcpConn;
      try {
        socket = await this.#listener.accept();
        // Without a read nothing lingers: this socket is gone.
        if (this.#isStopping || this.#lingering.size >= this.#connectionsMax) {
          this.counters.refused++;
          socket.close();
          continue;
        }
        socket.setNoDelay();
        socket.setKeepAlive();
      } catch (error) {
        if (this.#isStopping) return;
        this.#warnOnce("accept failed", { reason: String(error) });
        await new Promise<void>((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
        continue;
      }
      const isFull = this.#connections.size - this.#beyond.size >= this.#connectionsMax;
      // Why the oldest: a peer says who it is at once, and a flood says nothing for as long as it may.
      if (isFull && this.#beyond.size >= CONNECTIONS_BEYOND_MAX) {
        this.#beyond.values().next().value!.close("made room for another that may be a peer");
      }
      const connection = new InboundConnection(socket, context);
      this.#connections.add(connection);
      if (isFull) this.#beyond.add(connection);
      this.#track(this.#serve(connection, isFull));
    }
  }

  async #serve(connection: InboundConnection, isFull: boolean): Promise<void> {
    try {
      if (!isFull) return await connection.run();
      await connection.runForPeer({
        code: "overloaded",
        message:
          `this replica has ${this.#connectionsMax} connections, the most it takes; close some or try another replica`,
      });
      if (connection.peerId === "") this.counters.refused++;
    } finally {
      connection.close("ended");
      this.#connections.delete(connection);
      this.#beyond.delete(connection);
      if (connection.isLingering) this.#lingering.add(connection);
      this.#unflushed.delete(connection);
      if (this.#inboundPeers.get(connection.peerId) === connection) {
        this.#inboundPeers.delete(connection.peerId);
      }
    }
  }

  /** What connections and links see of us. */
  #makeContext(): InboundContext & LinkContext {
    const { config, selfId, epoch, log } = this.#options;
    const self: Self = {
      id: selfId,
      cluster: config.cluster,
      epoch,
      digest: digestOf(config),
      memberIds: new Set(config.members.map((member) => member.id)),
      ...(config.secret === undefined ? {} : { hmac: hmacOf(config.secret) }),
    };
    const isStopping = (): boolean => this.#isStopping;
    return {
      self,
      settings: config.settings,
      lineBytesMax: config.settings.lineBytesMax,
      faults: this.#options.faults,
      get isDraining(): boolean {
        return isStopping();
      },
      nowMs: () => performance.now(),
      drawNonce,
      uint32: () => randomBytes(4).readUInt32LE(),
      connect: (member, timeoutMs) => this.#connect(member, timeoutMs),
      after: (delayMs, wake) => {
        const timer = setTimeout(wake, delayMs);
        return () => clearTimeout(timer);
      },
      onPeer: (id, connection) => this.#onPeer(id, connection),
      onState: (member, state) => {
        if (state === "up") log.write("info", "link up", { peer: member.id });
        this.#options.onLink(member.id, state);
      },
      onHeard: (peer) => this.#onHeard(typeof peer === "string" ? peer : peer.id),
      onMessages: (from, messages) => {
        this.#options.onMessages(typeof from === "string" ? from : from.id, messages);
      },
      onSkipped: (from, count) => {
        if (this.counters.skipped === 0) {
          const peer = typeof from === "string" ? from : from.id;
          log.write("warn", "messages skipped that this version cannot read", { peer, count });
        }
        this.counters.skipped += count;
      },
      onRequest: (connection, id, request) => {
        const requestId = this.#nextRequestId++;
        this.#requests.set(requestId, { connection, id });
        this.#options.onRequest(requestId, request);
      },
      onRefused: (failure) => {
        this.counters.refused++;
        this.#warnOnce("hello refused", { code: failure.code, reason: failure.message });
      },
      onHeld: (bytes) => {
        this.#heldBytes += bytes;
        if (this.#heldBytes > this.#heldBytesMax && !this.#isEvicting) this.#evict();
      },
      warn: (text, fields) => log.write("warn", text, fields),
      halt: (cause) => this.#options.halt(cause),
    };
  }

  /** Why not each time: a peer that is refused dials again for ever. */
  #warnOnce(text: string, fields: Readonly<Record<string, string>>): void {
    const nowMs = performance.now();
    const trouble = `${text} ${fields.reason}`;
    if (nowMs - (this.#saidMs.get(trouble) ?? -Infinity) < SILENCE_MS) return;
    for (const [said, saidMs] of this.#saidMs) if (nowMs - saidMs >= SILENCE_MS) this.#saidMs.delete(said);
    // Why then nothing: whoever finds new words for each refusal must not fill the disk with them. All are counted.
    if (this.#saidMs.size >= SAID_MAX) return;
    this.#saidMs.set(trouble, nowMs);
    this.#options.log.write("warn", text, fields);
  }

  /** Closes the connections that hold the most until clients hold little enough. */
  #evict(): void {
    this.#isEvicting = true;
    while (this.#heldBytes > this.#heldBytesMax) {
      let worst: InboundConnection | undefined;
      for (const connection of this.#connections) {
        if (connection.heldBytes > (worst?.heldBytes ?? 0)) worst = connection;
      }
      if (worst === undefined) break;
      this.counters.evicted++;
      const reason = `clients make this replica keep more than ${this.#heldBytesMax} bytes; ` +
        "the connection that holds the most is closed: end the lines it begins, and read its answers";
      this.#warnOnce("connection closed", { reason });
      worst.evict({ code: "overloaded", message: reason });
    }
    this.#isEvicting = false;
  }

  #onPeer(id: ReplicaId, connection: InboundConnection): void {
    this.#inboundPeers.get(id)?.close("replaced by a newer connection");
    this.#inboundPeers.set(id, connection);
    this.#beyond.delete(connection);
    this.#links.get(id)?.nudge();
    this.#onHeard(id);
  }

  #onHeard(id: ReplicaId): void {
    const nowMs = performance.now();
    if (nowMs - (this.#heardMs.get(id) ?? -Infinity) < HEARD_INTERVAL_MS) return;
    this.#heardMs.set(id, nowMs);
    this.#options.onLink(id, "heard");
  }

  async #connect(member: Member, timeoutMs: number): Promise<Socket> {
    const dial = new AbortController();
    const timer = setTimeout(() => dial.abort(`no connection within ${timeoutMs} ms`), timeoutMs);
    this.#dials.add(dial);
    try {
      if (isSilent(this.#options.faults?.obstacleTo(member.id))) await aborted(dial.signal);
      const socket = await Deno.connect({ hostname: member.host, port: member.port, signal: dial.signal });
      socket.setNoDelay();
      return socket;
    } finally {
      clearTimeout(timer);
      this.#dials.delete(dial);
    }
  }

  #sweep(nowMs: number): void {
    // A replica that stands still loses patience with nobody.
    if (this.#options.faults?.isPaused) return;
    for (const connection of this.#connections) connection.sweep(nowMs);
    for (const connection of this.#lingering) {
      if (!connection.isLingering) this.#lingering.delete(connection);
    }
    for (const link of this.#links.values()) link.sweep(nowMs);
  }

  #track(task: Promise<void>): void {
    const tracked = task.catch((cause) => this.#options.halt(cause)).finally(() =>
      this.#tasks.delete(tracked)
    );
    this.#tasks.add(tracked);
  }
}
