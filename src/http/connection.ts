/**
 * One accepted HTTP connection: cuts its bytes into requests, has each answered before it looks at the next, and loses
 * patience with whoever is slow. Knows nothing of what the requests mean.
 *
 * Why our own and not `node:http`: its limits of time, size and number differ from one Deno to the next, and the base of a
 * compiled binary may be one that has none. See `DECISIONS.md`.
 * @module
 */
import type { Socket } from "node:net";
import { byteString, encodeText } from "../base/bytes.ts";
import { HTTP_HEAD_BYTES_MAX } from "../protocol/limits.ts";
import { ChunkedBody } from "./chunked_body.ts";
import { type Answer, type Asked, failureAnswer, malformed } from "./exchange.ts";
import { InputBuffer } from "./input_buffer.ts";
import { parseRequestHead, type RequestHead } from "./request_head.ts";
import { encodeHead } from "./response_head.ts";

/** How long somebody may take. */
export interface Patience {
  /** For a head, from its first byte on, or from the beginning of the connection. */
  readonly headMs: number;
  /** For a body, and beyond that for each of so many bytes a second. */
  readonly bodyMs: number;
  readonly bodyBytesPerSecond: number;
  /** Between two requests. */
  readonly idleMs: number;
  /** Without taking anything of an answer. */
  readonly stallMs: number;
  /** From the last answer to the end. */
  readonly farewellMs: number;
}

/** What a connection needs of the server. */
export interface ConnectionContext {
  readonly patience: Patience;
  readonly bodyBytesMax: number;
  /** Whether the replica stands still on purpose. */
  readonly isPaused: boolean;
  nowMs(): number;
  answer(asked: Asked): Promise<Answer>;
  /** What the connection makes us keep has grown, or shrunk. */
  onHeld(bytes: number): void;
  onClosed(connection: HttpConnection): void;
  /** A bug showed: stop the replica. */
  halt(cause: unknown): void;
}

/** `waiting`: for a request, or the rest of one. `farewell`: the last answer left, and what comes is thrown away. */
type State = "waiting" | "answering" | "farewell" | "closed";

const CONTINUE = encodeText("HTTP/1.1 100 Continue\r\n\r\n");
/** Output of one connection beyond which its next request waits. */
const UNSENT_BYTES_MAX = 64 * 1024;
/** Input beyond what is being answered that we take; the rest stays with the operating system. */
const AHEAD_BYTES_MAX = 64 * 1024;

/** One connection. */
export class HttpConnection {
  readonly #socket: Socket;
  readonly #context: ConnectionContext;
  readonly #input = new InputBuffer();
  #state: State = "waiting";
  #head: RequestHead | undefined;
  #chunks: ChunkedBody | undefined;
  #isEnded = false;
  #isLast = false;
  #isSocketPaused = false;
  /** Since when the client is waited for. */
  #sinceMs: number;
  /** When the other side last took something, or we had nothing for it. */
  #takenMs: number;
  #unsentBytes = 0;
  #heldBytes = 0;

  constructor(socket: Socket, context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
    this.#sinceMs = this.#takenMs = context.nowMs();
    socket.on("data", (piece: Uint8Array) => this.#guard(() => this.#onData(piece)));
    socket.on("end", () => this.#guard(() => this.#onEnd()));
    // What a socket suffers is the other side's business; it closes, and that is all that we need to know.
    socket.on("error", () => this.close());
    socket.on("close", () => this.close());
  }

  /** Input not used and output not taken, in bytes. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether a request is being answered, or its answer is not sent yet. */
  get isAnswering(): boolean {
    return this.#state === "answering" || this.#unsentBytes > 0;
  }

  /** Answers at once, whatever will be asked, and ends. */
  refuse(answer: Answer): void {
    this.#isLast = true;
    this.#send(answer, undefined);
  }

  /** Ends when what is being answered has been; at once where nothing is. */
  drain(): void {
    this.#isLast = true;
    if (this.#state === "waiting") this.#sayFarewell();
  }

  /** Goes on after the replica stood still. */
  resume(): void {
    this.#guard(() => {
      this.#advance();
      if (this.#isEnded && this.#state === "waiting") this.#sayFarewell();
      else if (this.#isSocketPaused && this.#state === "waiting") this.#resumeSocket();
    });
  }

  /** Looks at the time. */
  sweep(nowMs: number): void {
    const { patience } = this.#context;
    if (this.#state === "closed") return;
    if (this.#unsentBytes > 0 && nowMs - this.#takenMs > patience.stallMs) return this.close();
    const waitedMs = nowMs - this.#sinceMs;
    if (this.#state === "farewell" && waitedMs > patience.farewellMs) return this.close();
    if (this.#state !== "waiting") return;
    if (this.#head !== undefined) {
      const { length } = this.#head;
      const bytes = length === "chunked" ? this.#context.bodyBytesMax : length;
      const allowedMs = patience.bodyMs + bytes / patience.bodyBytesPerSecond * 1000;
      if (waitedMs > allowedMs) this.#losePatience("body", allowedMs);
    } else if (this.#input.length > 0) {
      if (waitedMs > patience.headMs) this.#losePatience("head", patience.headMs);
    } else if (waitedMs > patience.idleMs) this.drain();
  }

  /** Closes at once. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#input.clear();
    this.#chunks = undefined;
    this.#unsentBytes = 0;
    this.#count();
    this.#socket.destroy();
    this.#context.onClosed(this);
  }

  #onData(piece: Uint8Array): void {
    if (this.#state === "closed" || this.#state === "farewell") return;
    if (this.#input.length === 0 && this.#state === "waiting" && this.#head === undefined) {
      this.#sinceMs = this.#context.nowMs();
    }
    this.#input.push(piece);
    this.#advance();
    this.#count();
    const isFar = this.#input.length > AHEAD_BYTES_MAX &&
      (this.#state !== "waiting" || this.#context.isPaused);
    if (isFar && !this.#isSocketPaused) {
      this.#isSocketPaused = true;
      this.#socket.pause();
    }
  }

  #onEnd(): void {
    this.#isEnded = true;
    if (this.#state === "farewell") return this.close();
    if (this.#state === "waiting") this.#advance();
    // A request that was cut off: nobody waits for an answer.
    if (this.#state === "waiting" && !this.#context.isPaused) this.#sayFarewell();
  }

  /** Goes as far as the input allows. */
  #advance(): void {
    while (this.#state === "waiting" && !this.#context.isPaused) {
      const head = this.#head ??= this.#takeHead();
      const body = head && this.#takeBody(head);
      if (head === undefined || body === undefined) return;
      const { method, path, query, headers } = head;
      this.#answer(head, { method, path, query, headers, body });
    }
  }

  /** The head of the next request, once it has come whole. */
  #takeHead(): RequestHead | undefined {
    const input = this.#input;
    // Some send an empty line behind a body (RFC 9112, 2.2).
    while (input.length >= 2 && input.peek()[0] === 13 && input.peek()[1] === 10) input.take(2);
    const length = input.headLength();
    if ((length ?? input.length) > HTTP_HEAD_BYTES_MAX) {
      const message =
        `the head of the request is longer than ${HTTP_HEAD_BYTES_MAX} bytes; send less in path and headers`;
      return this.#refuseRest(failureAnswer({ code: "too_large", message }, 431));
    }
    if (length === undefined) return undefined;
    const head = parseRequestHead(byteString(input.take(length)));
    input.take(4);
    if (!head.ok) return this.#refuseRest(head.failure);
    const { bodyBytesMax } = this.#context;
    if (head.value.length !== "chunked" && head.value.length > bodyBytesMax) {
      return this.#refuseRest(tooLarge(bodyBytesMax), head.value);
    }
    this.#sinceMs = this.#context.nowMs();
    if (head.value.length === "chunked") this.#chunks = new ChunkedBody(bodyBytesMax);
    if (head.value.expectsContinue && input.length === 0) this.#write(CONTINUE);
    return head.value;
  }

  /** The body of the request, once it has come whole. */
  #takeBody(head: RequestHead): Uint8Array | undefined {
    if (head.length !== "chunked") {
      return this.#input.length < head.length ? undefined : this.#input.take(head.length);
    }
    const chunks = this.#chunks!;
    if (this.#input.length === 0) return undefined;
    const { state, used } = chunks.feed(this.#input.peek());
    this.#input.take(used);
    if (state === "open") return undefined;
    this.#chunks = undefined;
    if (state === "ended") return chunks.body;
    const isLarge = state === "too_large";
    return this.#refuseRest(
      isLarge ? tooLarge(this.#context.bodyBytesMax) : malformed("the chunks of the body are out of form"),
      head,
    );
  }

  #answer(head: RequestHead, asked: Asked): void {
    this.#state = "answering";
    this.#head = undefined;
    if (!head.keepsAlive) this.#isLast = true;
    this.#context.answer(asked).then(
      (answer) => this.#guard(() => this.#send(answer, head)),
      (cause) => this.#context.halt(cause),
    );
  }

  /** Answers a request that cannot be read on, so that nothing behind it can be told apart either. */
  #refuseRest(answer: Answer, head?: RequestHead): undefined {
    this.#isLast = true;
    this.#head = undefined;
    this.#send(answer, head);
    return undefined;
  }

  #losePatience(what: string, allowedMs: number): void {
    const message = `the ${what} of the request did not come within ${
      Math.round(allowedMs / 1000)
    } s; send it in one go`;
    this.#refuseRest(malformed(message, 408), this.#head);
  }

  #send(answer: Answer, head: RequestHead | undefined): void {
    if (this.#state === "closed" || this.#state === "farewell") return;
    const body = encodeText(answer.body);
    const text = encodeHead(answer, body.length, {
      connection: this.#isLast ? "close" : head?.isOld ? "keep-alive" : undefined,
    });
    const bytes = new Uint8Array(text.length + (head?.method === "HEAD" ? 0 : body.length));
    // All of a head is ASCII.
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    if (bytes.length > text.length) bytes.set(body, text.length);
    this.#write(bytes);
    if (this.#isLast) return this.#sayFarewell();
    this.#sinceMs = this.#context.nowMs();
    if (this.#unsentBytes <= UNSENT_BYTES_MAX) this.#goOn();
  }

  /** Turns to the next request. */
  #goOn(): void {
    if (this.#state !== "answering") return;
    this.#state = "waiting";
    this.#resumeSocket();
    if (this.#input.length > 0) this.#advance();
    if (this.#isEnded && this.#state === "waiting") this.#sayFarewell();
  }

  #write(bytes: Uint8Array): void {
    if (this.#unsentBytes === 0) this.#takenMs = this.#context.nowMs();
    this.#unsentBytes += bytes.length;
    if (bytes.length > UNSENT_BYTES_MAX) this.#count();
    this.#socket.write(bytes, () => this.#guard(() => this.#onWritten(bytes.length)));
  }

  #onWritten(count: number): void {
    if (this.#state === "closed") return;
    this.#unsentBytes -= count;
    this.#takenMs = this.#context.nowMs();
    if (count > UNSENT_BYTES_MAX) this.#count();
    // Why only then: with little unsent it has gone on already.
    if (count > UNSENT_BYTES_MAX && this.#unsentBytes <= UNSENT_BYTES_MAX) this.#goOn();
  }

  /** Why not closed at once: what was not read would reset the connection, and the last answer be lost. */
  #sayFarewell(): void {
    this.#state = "farewell";
    this.#sinceMs = this.#context.nowMs();
    this.#input.clear();
    this.#count();
    this.#socket.end();
    if (this.#isEnded && this.#unsentBytes === 0) return this.close();
    this.#resumeSocket();
  }

  #resumeSocket(): void {
    if (!this.#isSocketPaused) return;
    this.#isSocketPaused = false;
    this.#socket.resume();
  }

  #count(): void {
    const heldBytes = this.#input.heldBytes + (this.#chunks?.heldBytes ?? 0) + this.#unsentBytes;
    const change = heldBytes - this.#heldBytes;
    this.#heldBytes = heldBytes;
    if (change !== 0) this.#context.onHeld(change);
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (cause) {
      this.#context.halt(cause);
    }
  }
}

function tooLarge(bodyBytesMax: number): Answer {
  const message = `the body is longer than ${bodyBytesMax} bytes, the most that value_bytes_max allows for`;
  return failureAnswer({ code: "too_large", message });
}
