/**
 * One TCP connection of a client to a replica: many requests in flight, one write a turn, one timer for all deadlines.
 * Chooses nothing and retries nothing; that is the client's business.
 * @module
 */
import { encodeText } from "../base/bytes.ts";
import { fail, type Result } from "../base/failure.ts";
import { type ErrorCode, type Failure, isDefinite } from "../protocol/error_codes.ts";
import { lineBytesMin, VALUE_BYTES_CEILING } from "../protocol/limits.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Request } from "../protocol/request.ts";
import { parseJson, show } from "../transport/fields.ts";
import { clientHello, clientWelcomeProblem, secretProblem } from "../transport/handshake.ts";
import { encodeHello, parseServerHello, parseWelcome, type ServerHello } from "../transport/hello.ts";
import { type Input, LineChannel } from "../transport/line_channel.ts";
import type { Line } from "../transport/ndjson.ts";
import { decodeReply } from "../transport/reply_codec.ts";
import { encodeRequest } from "../transport/request_codec.ts";
import { drawNonce, hmacOf } from "../transport/tcp_transport.ts";

/** Where and how to connect. */
export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  /** The cluster's secret; needed exactly where it has one. */
  readonly secret?: string;
  /** For connecting and the handshake together. */
  readonly timeoutMs: number;
  /** Ends the attempt early. */
  readonly signal?: AbortSignal;
}

/** What one request may take. */
export interface RequestOptions {
  readonly timeoutMs: number;
}

/** There is no connection, and no request was sent. */
export class ConnectError extends Error {
  override readonly name = "ConnectError";
  /** What went wrong: nobody listens, nobody answers, the attempt was ended, or the other side is not for us. */
  readonly kind: "refused" | "timeout" | "aborted" | "rejected";
  /** What the two sides found wrong with each other; absent where nobody was met. */
  readonly failure?: Failure;

  constructor(kind: "refused" | "timeout" | "aborted", message: string);
  constructor(kind: "rejected", failure: Failure);
  constructor(kind: ConnectError["kind"], reason: string | Failure) {
    super(typeof reason === "string" ? reason : reason.message);
    this.kind = kind;
    if (typeof reason !== "string") this.failure = reason;
  }
}

interface InFlight {
  readonly op: Request["op"];
  readonly timeoutMs: number;
  readonly deadlineMs: number;
  readonly resolve: (result: Result<Reply, Failure>) => void;
}

/** Deadlines are looked at this often. */
const SWEEP_INTERVAL_MS = 10;
const READ_BYTES_MAX = 64 * 1024;
/** Answers may be as long as any configuration allows. */
const LINE_BYTES_MAX = lineBytesMin(VALUE_BYTES_CEILING);
/** Turns of the microtask queue that a write waits, so that callers woken by one read share one write. */
const GATHER_TURNS = 6;
/** What a replica says to a connection that it does not take. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  "overloaded",
  "unauthorized",
  "unsupported_version",
  "wrong_cluster",
]);

/** These words, where they mean that no request of the connection was looked at: it may also be cut with some in flight. */
function refusalIn(words: Failure | undefined): Failure | undefined {
  return words !== undefined && REFUSALS.has(words.code) && isDefinite(words) ? words : undefined;
}

/** UTF-8 bytes that one UTF-16 unit can take. */
const BYTES_PER_CHAR_MAX = 3;

/** A client's connection to one replica. */
export class Connection {
  /** What the replica said of itself: id, cluster, epoch. */
  readonly hello: ServerHello;
  readonly #address: string;
  readonly #channel: LineChannel;
  /** Invariant: each is resolved exactly once: by its answer, its deadline, or the end of the connection. */
  readonly #inFlight = new Map<number, InFlight>();
  readonly #closed: Promise<void>;
  #nextId = 1;
  #isGathering = false;
  #sweepTimer: ReturnType<typeof setInterval> | undefined;
  /** What the server said last before it closed, where it spoke of no request. */
  #lastWords: Failure | undefined;

  private constructor(address: string, hello: ServerHello, channel: LineChannel, rest: readonly Line[]) {
    this.#address = address;
    this.hello = hello;
    this.#channel = channel;
    this.#closed = this.#serve(rest);
  }

  /** Connects and shakes hands. Throws `ConnectError`. */
  static async open(options: ConnectOptions): Promise<Connection> {
    const address = `${options.host}:${options.port}`;
    const attempt = new AbortController();
    const timer = setTimeout(() => attempt.abort("timeout"), options.timeoutMs);
    const abort = (): void => attempt.abort("aborted");
    options.signal?.addEventListener("abort", abort);
    if (options.signal?.aborted) abort();
    try {
      const channel = await dial(options, address, attempt.signal);
      const rest: Line[] = [];
      const close = (): void => channel.close("no hello in time");
      attempt.signal.addEventListener("abort", close);
      try {
        const hello = await shakeHands(channel, address, options.secret, rest);
        if (attempt.signal.aborted) throw ended(attempt.signal, address, options.timeoutMs);
        return new Connection(address, hello, channel, rest);
      } catch (error) {
        channel.close("no handshake");
        throw attempt.signal.aborted ? ended(attempt.signal, address, options.timeoutMs) : error;
      } finally {
        attempt.signal.removeEventListener("abort", close);
      }
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", abort);
    }
  }

  /** Whether requests can still be made. */
  get isClosed(): boolean {
    return this.#channel.isClosed;
  }

  /** Resolves when the connection is closed, by either side. Never rejects. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /** Asks, and resolves with the answer or with why there is none. Never rejects. */
  request(request: Request, { timeoutMs }: RequestOptions): Promise<Result<Reply, Failure>> {
    if (this.#channel.isClosed) {
      const refusal = refusalIn(this.#lastWords);
      if (refusal !== undefined) return Promise.resolve(fail(refusal));
      // Nothing was sent, so nothing can have happened.
      const message = `the connection to ${this.#address} is closed; open a new one`;
      return Promise.resolve(fail({ code: "connection_lost", message, definite: true }));
    }
    const id = this.#nextId++;
    const line = encodeRequest(id, request);
    const limit = this.hello.line_bytes_max;
    if (line.length * BYTES_PER_CHAR_MAX > limit && encodeText(line).length > limit) {
      const message = `the request has ${
        encodeText(line).length
      } bytes; replica ${this.hello.id} takes ${limit}`;
      return Promise.resolve(fail({ code: "too_large", message }));
    }
    return new Promise((resolve) => {
      this.#inFlight.set(id, {
        op: request.op,
        timeoutMs,
        deadlineMs: performance.now() + timeoutMs,
        resolve,
      });
      this.#channel.outbox.pushLine(line);
      if (!this.#isGathering) {
        this.#isGathering = true;
        this.#flushAfter(GATHER_TURNS);
      }
      this.#sweepTimer ??= setInterval(() => this.#sweep(performance.now()), SWEEP_INTERVAL_MS);
    });
  }

  /** Closes at once; requests in flight end as `connection_lost`. */
  close(): void {
    this.#channel.close("closed by this client");
  }

  #flushAfter(turns: number): void {
    queueMicrotask(() => {
      if (turns > 1) return this.#flushAfter(turns - 1);
      this.#isGathering = false;
      this.#channel.flush();
    });
  }

  async #serve(rest: readonly Line[]): Promise<void> {
    let input: Input = { lines: rest, state: "open" };
    for (;;) {
      for (const line of input.lines) this.#onLine(line);
      if (input.state !== "open") break;
      input = await this.#channel.read();
    }
    this.#channel.close("closed by the replica");
    clearInterval(this.#sweepTimer);
    for (const entry of this.#inFlight.values()) entry.resolve(this.#lost(entry));
    this.#inFlight.clear();
  }

  #onLine(line: Line): void {
    const reply = line === null ? undefined : decodeReply(parseJson(line));
    if (reply === undefined) {
      // Whoever sends this is no replica: what it may send next is worth no more.
      this.#lastWords = { code: "internal", message: `it sent ${show(line)}, which is no answer` };
      return this.#channel.close("junk");
    }
    if (reply.id === null) {
      if (!reply.result.ok) this.#lastWords = reply.result.failure;
      return;
    }
    if (typeof reply.id !== "number") return;
    const entry = this.#inFlight.get(reply.id);
    // An answer that comes after its deadline finds nobody.
    if (entry === undefined) return;
    this.#inFlight.delete(reply.id);
    entry.resolve(reply.result);
  }

  #sweep(nowMs: number): void {
    for (const [id, entry] of this.#inFlight) {
      if (nowMs < entry.deadlineMs) continue;
      this.#inFlight.delete(id);
      const message =
        `no answer from replica ${this.hello.id} at ${this.#address} within ${entry.timeoutMs} ms`;
      entry.resolve(fail({ code: "timeout", message: message + advice(entry.op), ...certainty(entry.op) }));
    }
    if (this.#inFlight.size === 0) {
      clearInterval(this.#sweepTimer);
      this.#sweepTimer = undefined;
    }
  }

  #lost({ op }: InFlight): Result<Reply, Failure> {
    const refusal = refusalIn(this.#lastWords);
    if (refusal !== undefined) return fail(refusal);
    const reason = this.#lastWords?.message ?? this.#channel.lossReason;
    const message = `the connection to replica ${this.hello.id} at ${this.#address} was lost (${reason})`;
    return fail({ code: "connection_lost", message: message + advice(op), ...certainty(op) });
  }
}

/** A read changes nothing, so its failure is definite whatever happened. */
function certainty(op: Request["op"]): { readonly definite?: true } {
  return op === "put" || op === "delete" ? {} : { definite: true };
}

function advice(op: Request["op"]): string {
  return op === "put" || op === "delete"
    ? "; the write may have happened or may still happen, read the key to know"
    : "; ask again or ask another replica";
}

async function dial(options: ConnectOptions, address: string, signal: AbortSignal): Promise<LineChannel> {
  try {
    const socket = await Deno.connect({ hostname: options.host, port: options.port, signal });
    socket.setNoDelay();
    return new LineChannel(socket, {
      lineBytesMax: LINE_BYTES_MAX,
      readBytesMax: READ_BYTES_MAX,
      onChange: () => {},
      // Why: a bug is not ours to swallow; thrown from a microtask it ends the process.
      halt: (cause) =>
        queueMicrotask(() => {
          throw cause;
        }),
    });
  } catch (error) {
    if (signal.aborted) throw ended(signal, address, options.timeoutMs);
    // The name of a plain error tells nothing.
    const reason = String(error).replace(/^Error: /, "");
    const message = `no replica can be reached at ${address} (${reason}); is it running?`;
    throw new ConnectError("refused", message);
  }
}

/** The error of an attempt that its signal ended. */
function ended(signal: AbortSignal, address: string, timeoutMs: number): ConnectError {
  const isTimeout = signal.reason === "timeout";
  const message = isTimeout
    ? `nobody answered at ${address} within ${timeoutMs} ms; is that a quartet replica, and is it running?`
    : `the attempt to connect to ${address} was ended`;
  return new ConnectError(isTimeout ? "timeout" : "aborted", message);
}

/** Learns who is there, and where a secret is in play proves it both ways. Lines beyond go to `rest`. */
async function shakeHands(
  channel: LineChannel,
  address: string,
  secret: string | undefined,
  rest: Line[],
): Promise<ServerHello> {
  const first = await nextLine(channel, address, rest);
  const hello = parseServerHello(first);
  if (!hello.ok) {
    const { failure } = hello;
    const isVersion = failure.code === "unsupported_version";
    throw new ConnectError("rejected", {
      code: "unsupported_version",
      message: isVersion
        ? `${address}: ${failure.message}`
        : `no quartet replica is at ${address}: ${failure.message}`,
    });
  }
  const problem = secretProblem(secret !== undefined, hello.value);
  if (problem !== undefined) throw new ConnectError("rejected", problem);
  if (secret === undefined) return hello.value;
  const nonce = drawNonce();
  const hmac = hmacOf(secret);
  channel.outbox.pushLine(encodeHello(clientHello(hello.value, nonce, hmac)));
  channel.flush();
  const second = await nextLine(channel, address, rest);
  const welcome = parseWelcome(second);
  if (welcome === undefined) {
    const reply = decodeReply(second);
    throw new ConnectError(
      "rejected",
      reply === undefined || reply.result.ok
        ? { code: "unauthorized", message: `${address} answered a hello with ${show(second)}` }
        : reply.result.failure,
    );
  }
  const mistrust = clientWelcomeProblem(hello.value, nonce, hmac, welcome);
  if (mistrust !== undefined) throw new ConnectError("rejected", mistrust);
  return hello.value;
}

async function nextLine(channel: LineChannel, address: string, rest: Line[]): Promise<unknown> {
  while (rest.length === 0) {
    const input = await channel.read();
    rest.push(...input.lines);
    if (input.state !== "open" && rest.length === 0) {
      const message = `${address} closed the connection before its hello (${
        channel.lossReason || "end of input"
      })`;
      throw new ConnectError("refused", message);
    }
  }
  const line = rest.shift();
  return typeof line === "string" ? parseJson(line) ?? null : null;
}
