/**
 * One accepted connection: says hello, learns whether a peer or a client is there, and passes on what comes.
 * A client is read only as fast as it takes its answers.
 * @module
 */
import { fail, type Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import {
  CLIENT_ANSWER_BYTES_MAX,
  CLIENT_QUEUE_BYTES_MAX,
  CONNECTION_REQUESTS_MAX,
  HELLO_BYTES_MAX,
} from "../protocol/limits.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Request } from "../protocol/request.ts";
import type { Message, ReplicaId } from "../replica/envelope.ts";
import { parseJson, show } from "./fields.ts";
import { type Self, welcomeFor } from "./handshake.ts";
import { encodeHello, encodeWelcome, isHello, parseDiallerHello, type ServerHello } from "./hello.ts";
import { LineChannel, type Socket } from "./line_channel.ts";
import { parseMessageLine } from "./message_codec.ts";
import type { Line } from "./ndjson.ts";
import { isSilent, type LineFaults } from "./obstruction.ts";
import { encodeReply } from "./reply_codec.ts";
import { parseRequestLine, type WireId } from "./request_codec.ts";

/** What accepted connections need of the transport around them. */
export interface InboundContext {
  readonly self: Self;
  readonly lineBytesMax: number;
  /** True while the replica stops: no further requests are taken. */
  readonly isDraining: boolean;
  /** Whoever breaks things on purpose, where that is allowed. */
  readonly faults?: LineFaults | undefined;
  nowMs(): number;
  /** 32 hex digits that were never drawn before. */
  drawNonce(): string;
  /** `connection` proved to be the peer `id`. */
  onPeer(id: ReplicaId, connection: InboundConnection): void;
  /** Bytes came from a peer. */
  onHeard(id: ReplicaId): void;
  /** What one line from a peer holds. */
  onMessages(from: ReplicaId, messages: readonly Message[]): void;
  onRequest(connection: InboundConnection, id: WireId, request: Request): void;
  /** A hello was refused; `failure` went to the other side. */
  onRefused(failure: Failure): void;
  /** Messages that could not be read were skipped. */
  onSkipped(from: ReplicaId, count: number): void;
  /** What clients make us keep has grown by so many bytes, or shrunk. May close this connection, if it holds the most. */
  onHeld(bytes: number): void;
  halt(cause: unknown): void;
}

/** The hello must be complete within this time where a secret is set. */
const HELLO_TIMEOUT_MS = 10_000;
/** The same for a peer where there is no room for anybody else. */
const PEER_HELLO_TIMEOUT_MS = 1000;
/** A connection that takes nothing for so long is cut, and so is one that begins a line and does not go on. */
const STALL_MS = 30_000;
/** How long the other side may take to end after our last line. */
const FINISH_TIMEOUT_MS = 2_000;
/** The same where the replica stops, and everybody waits for it. */
const DRAIN_TIMEOUT_MS = 100;
const READ_BYTES_MAX = 64 * 1024;
/** Of a client's lines so many characters are read and kept while the replica stands still. */
const PARKED_CHARS_MAX = 64 * 1024;
/** A line beyond this is none that ends a fault. */
const FAULT_CHARS_MAX = 8 * 1024;

/** A client that asks for more than it takes. A get changes nothing, so this is definite. */
const OVERLOADED: Result<Reply, Failure> = fail({
  code: "overloaded",
  message: `${CLIENT_ANSWER_BYTES_MAX} bytes of answers wait for this connection, the most that may; ` +
    "read them, and ask for fewer large values at a time",
});

/** Whether an answer that may be large would wait behind too many others. */
function isTooMuch(result: Result<Reply, Failure>, waitingChars: number): boolean {
  if (waitingChars <= CLIENT_ANSWER_BYTES_MAX || !result.ok) return false;
  return result.value.kind === "value" || result.value.kind === "held" || result.value.kind === "page";
}

/** Whether a line speaks of faults only: those are looked at even while the replica stands still. */
function isFaultLine(line: Line): boolean {
  if (line === null || line.length > FAULT_CHARS_MAX) return false;
  const requests = parseRequestLine(line);
  return requests.ok && requests.value.every((parsed) => parsed.isRequest && parsed.request.op === "fault");
}

/** One accepted connection. */
export class InboundConnection {
  readonly #context: InboundContext;
  readonly #channel: LineChannel;
  readonly #hello: ServerHello;
  /** Who is there; `unknown` until the first line, `unheard` for a peer behind a fault. */
  #role: "unknown" | "client" | "peer" | "unheard" = "unknown";
  #peerId: ReplicaId = "";
  #inFlightCount = 0;
  /** Characters of a line that was read and must not be looked at yet. */
  #unseenChars = 0;
  /** Invariant: what `onHeld` was told, in sum; 0 for a peer, and once the connection is closed. */
  #heldBytes = 0;
  /** Bytes of the begun line when time last passed, and since when there are so many. */
  #begunBytes = 0;
  #begunMs = 0;
  #deadlineMs = Infinity;
  /** What everybody but peers is told here; undefined where all are welcome. */
  #refusal: Failure | undefined;
  #waiters: (() => void)[] = [];
  /** A client's lines that wait until the replica goes on, and their characters. */
  #parked: Line[] = [];
  #parkedChars = 0;

  constructor(socket: Socket, context: InboundContext) {
    this.#context = context;
    this.#channel = new LineChannel(socket, {
      lineBytesMax: context.lineBytesMax,
      readBytesMax: READ_BYTES_MAX,
      onChange: () => {
        this.#account();
        this.#wake();
      },
      halt: (cause) => context.halt(cause),
    });
    const { id, cluster, epoch, hmac } = context.self;
    this.#hello = {
      cluster,
      id,
      epoch,
      nonce: context.drawNonce(),
      auth: hmac !== undefined,
      line_bytes_max: context.lineBytesMax,
    };
    if (!this.#hello.auth) return;
    this.#deadlineMs = context.nowMs() + HELLO_TIMEOUT_MS;
    this.#channel.limitInput(Math.min(HELLO_BYTES_MAX, context.lineBytesMax));
  }

  /** The peer that proved to be here; empty for all others. */
  get peerId(): ReplicaId {
    return this.#peerId;
  }

  /** What this connection makes us keep, where it is not a peer's. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether it is closed here and yet open in the system. */
  get isLingering(): boolean {
    return this.#channel.isLingering;
  }

  /** Serves the connection until it is closed. Rejects only for bugs. */
  async run(): Promise<void> {
    this.#channel.outbox.pushLine(encodeHello(this.#hello));
    this.#channel.flush();
    for (;;) {
      const { lines, state } = await this.#channel.read();
      if (state === "lost") return;
      if (this.#role !== "peer") this.#account();
      // Why not at an end: the system ends the connections of a dead peer too.
      else if (state === "open" || lines.length > 0) this.#context.onHeard(this.#peerId);
      for (let i = 0; i < lines.length; i++) {
        const line = lines[i]!;
        if (this.#isBlocked) await this.#unblocked(line);
        if (this.#channel.isClosed) return;
        // Why: read on, but take nothing: a connection closed with input unread would lose the answers on their way.
        if (this.#context.isDraining && this.#role !== "peer") continue;
        const refusal = this.#onLine(line);
        if (refusal !== undefined) return await this.#refuse(refusal);
      }
      if (state === "too_long") return await this.#refuse(this.#tooLong());
      if (state === "ended") return await this.#end();
      if (this.#isBlocked) await this.#unblocked(null);
    }
  }

  /**
   * Serves the connection if a peer shows up in it, and refuses everybody else with `failure`.
   *
   * Why: a flood of clients must not cut a replica off from its peers.
   */
  async runForPeer(failure: Failure): Promise<void> {
    this.#refusal = failure;
    this.#deadlineMs = this.#context.nowMs() + PEER_HELLO_TIMEOUT_MS;
    await this.run();
  }

  /** Queues the answer to one request that `onRequest` was given. Dropped where the client is gone. */
  reply(id: WireId, result: Result<Reply, Failure>): void {
    this.#inFlightCount--;
    const { outbox, isClosed } = this.#channel;
    if (!isClosed) {
      outbox.pushLine(encodeReply(id, isTooMuch(result, outbox.chars) ? OVERLOADED : result));
      this.#account();
    }
    this.#wake();
  }

  /** Queues an encoded answer to a peer; false where it is dropped because too much waits. */
  send(encoded: string): boolean {
    const { outbox } = this.#channel;
    if (this.#channel.isClosed || outbox.isTooFull(encoded)) return false;
    outbox.pushMessage(encoded);
    return true;
  }

  /** Queues the plain acknowledgement of a peer's write; false where it is dropped because too much waits. */
  sendWritten(round: number): boolean {
    const { outbox } = this.#channel;
    if (this.#channel.isClosed || outbox.isTooFull("")) return false;
    outbox.pushWritten(round);
    return true;
  }

  /** Writes what is queued. */
  flush(): void {
    this.#channel.flush();
  }

  /** The replica stops: answers what is in flight, then ends the output and waits for the client to end too. */
  async drain(): Promise<void> {
    this.#wake();
    await this.#writeOut();
    this.#deadlineMs = this.#context.nowMs() + DRAIN_TIMEOUT_MS;
    await this.#channel.endOutput();
    while (!this.#channel.isClosed) await this.#changed();
  }

  /** What stands in the way on purpose has changed; lines that waited for the replica to go on are looked at. */
  obstruct(): void {
    const { faults } = this.#context;
    if (faults === undefined) return;
    if (this.#role === "peer") {
      return this.#channel.obstruct(faults.obstacleTo(this.#peerId), { faults, hidesEnd: false });
    }
    if (faults.isPaused) return;
    const parked = this.#parked;
    this.#parked = [];
    this.#parkedChars = 0;
    this.#account();
    for (const line of parked) if (!this.#channel.isClosed) this.#onRequestLine(line);
    this.#wake();
  }

  /** Closes at once, with a last word that may not arrive, and that speaks for what is in flight too. */
  evict(failure: Failure): void {
    const isDefinite = this.#inFlightCount === 0;
    if (this.#channel.isDrained) {
      this.#answerNow(null, isDefinite ? failure : { ...failure, definite: false });
    }
    this.#channel.close(failure.message);
  }

  /** Closes at once. */
  close(reason: string): void {
    this.#channel.close(reason);
  }

  /** The passing of time: cuts whoever takes too long. */
  sweep(nowMs: number): void {
    if (nowMs >= this.#deadlineMs) {
      if (this.#refusal !== undefined && this.#role === "unknown") this.#answerNow(null, this.#refusal);
      this.#channel.close("took too long");
    }
    if (this.#channel.stalledMs(nowMs) >= STALL_MS) this.#channel.close("takes nothing");
    if (this.#isBlocked) this.#begunMs = nowMs;
    else this.#watchBegunLine(nowMs);
  }

  #watchBegunLine(nowMs: number): void {
    const { begunBytes, isDrained } = this.#channel;
    if (begunBytes === 0 || begunBytes !== this.#begunBytes) {
      this.#begunBytes = begunBytes;
      this.#begunMs = nowMs;
      // Why: a long line may take longer than a peer waits for an answer. An empty line tells it that its bytes arrive.
      if (this.#role === "peer" && begunBytes > 0 && isDrained) {
        this.#channel.outbox.pushLine("");
        this.#channel.flush();
      }
    } else if (nowMs - this.#begunMs >= STALL_MS) {
      this.#channel.close("began a line and did not go on");
    }
  }

  /** Whether reading waits for answers to leave. */
  get #isBlocked(): boolean {
    if (this.#role !== "client" || this.#channel.isClosed) return false;
    if (this.#context.isDraining) return false;
    return this.#inFlightCount >= CONNECTION_REQUESTS_MAX || this.#parkedChars > PARKED_CHARS_MAX ||
      this.#channel.outbox.chars > CLIENT_QUEUE_BYTES_MAX;
  }

  /** Waits while `next` must not be looked at. What else was read with it is short: it fits the read buffer. */
  async #unblocked(next: Line): Promise<void> {
    this.#unseenChars = next?.length ?? 0;
    this.#account();
    while (this.#isBlocked) await this.#changed();
    this.#unseenChars = 0;
    this.#account();
  }

  /** Tells how much more or less is kept for whoever is here. A peer is trusted, and bounded by `PEER_QUEUE_BYTES_MAX`. */
  #account(): void {
    const isCounted = this.#role !== "peer" && !this.#channel.isClosed;
    const heldBytes = isCounted ? this.#channel.heldBytes + this.#unseenChars + this.#parkedChars : 0;
    const grownBytes = heldBytes - this.#heldBytes;
    if (grownBytes === 0) return;
    this.#heldBytes = heldBytes;
    this.#context.onHeld(grownBytes);
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #wake(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  /** Handles one line; returns why the connection must be closed, if it must. */
  #onLine(line: Line): Failure | undefined {
    switch (this.#role) {
      case "unknown":
        return this.#onFirstLine(line);
      case "client":
        this.#onRequestLine(line);
        return undefined;
      case "peer":
        return this.#onMessageLine(line);
      case "unheard":
        return undefined;
    }
  }

  #onFirstLine(line: Line): Failure | undefined {
    const input = line === null ? undefined : parseJson(line);
    if (isHello(input)) return this.#onHello(input);
    if (this.#refusal !== undefined) return this.#refusal;
    if (this.#hello.auth) {
      return {
        code: "unauthorized",
        message: 'this cluster has a secret; the first line must be a {"hello":{…}} with a proof of it',
      };
    }
    const requests = parseRequestLine(line);
    // Why: whoever does not speak our language must not reach its second line. A web page can make a browser send any
    // second line, but never a first one that is JSON.
    if (!requests.ok) return requests.failure;
    this.#role = "client";
    this.#onRequestLine(line);
    return undefined;
  }

  #onHello(input: unknown): Failure | undefined {
    const hello = parseDiallerHello(input);
    if (!hello.ok) return this.#refused(hello.failure);
    if (this.#refusal !== undefined && hello.value.role !== "peer") return this.#refusal;
    const welcome = welcomeFor(this.#context.self, this.#hello, hello.value);
    if (!welcome.ok) return this.#refused(welcome.failure);
    this.#deadlineMs = Infinity;
    this.#channel.limitInput(this.#context.lineBytesMax);
    if (hello.value.role === "peer" && isSilent(this.#context.faults?.obstacleTo(hello.value.id))) {
      // Why no word: on a real network there would be no connection, and the peer will dial again.
      this.#role = "unheard";
      this.#deadlineMs = this.#context.nowMs() + HELLO_TIMEOUT_MS;
      return undefined;
    }
    this.#role = hello.value.role;
    this.#account();
    this.#channel.outbox.pushLine(encodeWelcome(welcome.value));
    this.#channel.flush();
    if (hello.value.role === "peer") {
      this.#peerId = hello.value.id;
      this.obstruct();
      this.#context.onPeer(this.#peerId, this);
    }
    return undefined;
  }

  #refused(failure: Failure): Failure {
    this.#context.onRefused(failure);
    return failure;
  }

  #onRequestLine(line: Line): void {
    if (this.#context.faults?.isPaused && !isFaultLine(line)) {
      this.#parked.push(line);
      this.#parkedChars += line?.length ?? 0;
      return this.#account();
    }
    const requests = parseRequestLine(line);
    if (!requests.ok) return this.#answerNow(null, requests.failure);
    for (const parsed of requests.value) {
      if (parsed.isRequest) {
        this.#inFlightCount++;
        this.#context.onRequest(this, parsed.id, parsed.request);
      } else this.#answerNow(parsed.id, parsed.failure);
    }
  }

  #onMessageLine(line: Line): Failure | undefined {
    const parsed = parseMessageLine(line);
    if (parsed === undefined) {
      return {
        code: "malformed_request",
        message: `this line is ${show(line)}; allowed between peers: an array of messages`,
      };
    }
    if (parsed.skippedCount > 0) this.#context.onSkipped(this.#peerId, parsed.skippedCount);
    if (parsed.messages.length > 0) this.#context.onMessages(this.#peerId, parsed.messages);
    return undefined;
  }

  #answerNow(id: WireId | null, failure: Failure): void {
    this.#channel.outbox.pushLine(encodeReply(id, fail(failure)));
    this.#account();
    this.#channel.flush();
  }

  #tooLong(): Failure {
    const message = this.#role === "unknown" && this.#hello.auth
      ? `the first line exceeds ${HELLO_BYTES_MAX} bytes; it must be a {"hello":{…}} with a proof of the secret`
      : `this line exceeds line_bytes_max = ${this.#context.lineBytesMax}; send smaller values`;
    return { code: "too_large", message };
  }

  /** Says why, lets what is in flight be answered, and closes. */
  async #refuse(failure: Failure): Promise<void> {
    this.#answerNow(null, failure);
    await this.#end();
  }

  /** After the end of input: answers what is in flight and closes. */
  async #end(): Promise<void> {
    await this.#writeOut();
    this.#deadlineMs = this.#context.nowMs() + FINISH_TIMEOUT_MS;
    await this.#channel.finish();
  }

  /** Waits until all requests are answered and the answers are with the network. */
  async #writeOut(): Promise<void> {
    while ((this.#inFlightCount > 0 || this.#parked.length > 0) && !this.#channel.isClosed) {
      await this.#changed();
    }
    this.#channel.flush();
    while (!this.#channel.isDrained) await this.#changed();
  }
}
