/** The listening side of HTTP in one replica: who may connect, how many, and what they make us keep. @module */
import { createServer, type Server } from "node:net";
import { InvariantError } from "../base/assert.ts";
import { HTTP_CONNECTIONS_MAX, HTTP_HELD_BYTES_MAX, lineBytesMin } from "../protocol/limits.ts";
import type { Place } from "../replica/cluster_config.ts";
import { type ConnectionContext, HttpConnection, type Patience } from "./connection.ts";
import { type Answer, type Asked, failureAnswer } from "./exchange.ts";

/** What a server is started with. */
export interface HttpServerOptions {
  readonly place: Place;
  readonly valueBytesMax: number;
  /** At most `HTTP_CONNECTIONS_MAX`; fewer where the process may open fewer files. */
  readonly connectionsMax?: number;
  readonly heldBytesMax?: number;
  readonly patience?: Partial<Patience>;
  /** The refusal that a request would get whatever its body says; undefined where its body matters. */
  refusal?(head: Pick<Asked, "path" | "headers">): Answer | undefined;
  /** Rejects only for a bug. */
  answer(asked: Asked): Promise<Answer>;
  /** An answer could not be made; the replica goes on. */
  onError(cause: unknown): void;
  /** The replica itself is not as it must be: stop it. */
  halt(cause: unknown): void;
}

/** Counts for `/metrics`. */
export interface HttpCounters {
  /** Connections beyond the limit. */
  refused: number;
  /** Connections closed because clients made this replica keep too much. */
  evicted: number;
  /** Connections closed because they were idle, and others found none. */
  displaced: number;
  /** Answers that could not be made, because of a bug. */
  internalErrors: number;
}

const PATIENCE: Patience = {
  headMs: 10_000,
  bodyMs: 10_000,
  bodyBytesPerSecond: 64 * 1024,
  idleMs: 60_000,
  keptMs: 1000,
  stallMs: 10_000,
  farewellMs: 1000,
};
const SWEEP_MS = 200;
/** Connections beyond the limit that are told so at a time; further ones are closed without a word. */
const BEYOND_MAX = 64;

/** Listens at one place. */
export class HttpServer {
  readonly counters: HttpCounters = { refused: 0, evicted: 0, displaced: 0, internalErrors: 0 };
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  readonly #connections = new Set<HttpConnection>();
  /** Those beyond the limit, which hear so and end. */
  readonly #beyond = new Set<HttpConnection>();
  readonly #connectionsMax: number;
  readonly #heldBytesMax: number;
  readonly #keptMs: number;
  readonly #sweepTimer: ReturnType<typeof setInterval>;
  #heldBytes = 0;
  #isEvicting = false;
  #isPaused = false;
  #isEmpty: (() => void) | undefined;

  private constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#connectionsMax = Math.min(HTTP_CONNECTIONS_MAX, options.connectionsMax ?? HTTP_CONNECTIONS_MAX);
    this.#heldBytesMax = options.heldBytesMax ?? HTTP_HELD_BYTES_MAX;
    this.#keptMs = options.patience?.keptMs ?? PATIENCE.keptMs;
    const context = this.#makeContext();
    // Why half open: whoever asks and then ends its side still gets its answers.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) => {
      const connection = new HttpConnection(socket, context);
      if (this.#hasPlace()) return void this.#connections.add(connection);
      this.counters.refused++;
      if (this.#beyond.size >= BEYOND_MAX) return connection.close();
      this.#beyond.add(connection);
      const message =
        `this replica has ${this.#connectionsMax} HTTP connections, the most it takes; close some or try another replica`;
      connection.refuse(failureAnswer({ code: "overloaded", message }));
    });
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  /** Listens. Throws what the system says where it cannot, as `Deno.listen` would. */
  static async start(options: HttpServerOptions): Promise<HttpServer> {
    const { host: hostname, port } = options.place;
    // Why tried first: of `node:net` one hears only a text, and an operator is told which address is taken, and how.
    if (port !== 0) Deno.listen({ hostname, port }).close();
    const server = new HttpServer(options);
    const listening = Promise.withResolvers<void>();
    server.#server.once("error", listening.reject);
    server.#server.listen({ host: hostname, port, backlog: 511 }, () => listening.resolve());
    try {
      await listening.promise;
    } catch (cause) {
      clearInterval(server.#sweepTimer);
      throw cause;
    }
    server.#server.on("error", (cause) => options.halt(cause));
    return server;
  }

  /** The port listened at. */
  get port(): number {
    return (this.#server.address() as { readonly port: number }).port;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** What all clients together make us keep. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Stands still: nothing that comes is looked at. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Goes on with what has come meanwhile. */
  resume(): void {
    this.#isPaused = false;
    for (const connection of this.#connections) connection.resume();
  }

  /** Takes no more requests, answers those in flight for at most `drainMs`, then closes everything. */
  async stop({ drainMs }: { readonly drainMs: number }): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const empty = Promise.withResolvers<void>();
    this.#isEmpty = empty.resolve;
    for (const connection of this.#connections) connection.drain();
    if (!this.#isBusy()) empty.resolve();
    const timer = setTimeout(empty.resolve, drainMs);
    await empty.promise;
    clearTimeout(timer);
    clearInterval(this.#sweepTimer);
    for (const connection of [...this.#connections, ...this.#beyond]) connection.close();
    await closed;
  }

  #makeContext(): ConnectionContext {
    const { valueBytesMax, patience, answer, refusal, onError, halt } = this.#options;
    const isPaused = (): boolean => this.#isPaused;
    return {
      patience: { ...PATIENCE, ...patience },
      bodyBytesMax: lineBytesMin(valueBytesMax),
      get isPaused(): boolean {
        return isPaused();
      },
      nowMs: () => performance.now(),
      refusal: refusal ?? ((): undefined => undefined),
      answer,
      onHeld: (bytes) => {
        this.#heldBytes += bytes;
        if (this.#heldBytes > this.#heldBytesMax && !this.#isEvicting) this.#evict();
      },
      onClosed: (connection) => {
        this.#connections.delete(connection);
        this.#beyond.delete(connection);
        if (this.#connections.size === 0) this.#isEmpty?.();
      },
      onBug: (cause) => {
        this.counters.internalErrors++;
        // Why not for every bug: what comes from outside must not be able to stop a replica whose state is whole.
        if (cause instanceof InvariantError) halt(cause);
        else onError(cause);
      },
    };
  }

  /** Whether one more may connect; where all places are taken, the one that was idle for longest makes room. */
  #hasPlace(): boolean {
    if (this.#connections.size < this.#connectionsMax) return true;
    let since = performance.now() - this.#keptMs;
    let idlest: HttpConnection | undefined;
    for (const connection of this.#connections) {
      const { idleSinceMs = Infinity } = connection;
      if (idleSinceMs > since) continue;
      since = idleSinceMs;
      idlest = connection;
    }
    if (idlest === undefined) return false;
    this.counters.displaced++;
    idlest.close();
    return true;
  }

  /** Closes the connections that hold the most until clients hold little enough. */
  #evict(): void {
    this.#isEvicting = true;
    while (this.#heldBytes > this.#heldBytesMax) {
      let worst: HttpConnection | undefined;
      for (const connection of this.#connections) {
        if (connection.heldBytes > (worst?.heldBytes ?? 0)) worst = connection;
      }
      if (worst === undefined) break;
      this.counters.evicted++;
      worst.close();
    }
    this.#isEvicting = false;
  }

  #sweep(): void {
    // A replica that stands still loses patience with nobody.
    if (this.#isPaused) return;
    const nowMs = performance.now();
    for (const connection of this.#connections) connection.sweep(nowMs);
    for (const connection of this.#beyond) connection.sweep(nowMs);
    // Why not only when all are gone: whoever has its answer and stays need not be waited for.
    if (this.#isEmpty && !this.#isBusy()) this.#isEmpty();
  }

  #isBusy(): boolean {
    return [...this.#connections].some((connection) => connection.isAnswering);
  }
}
