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
import { Output } from "./output.ts";
import { encodeHead } from "./response_head.ts";

/** How long somebody may take. */
export interface Patience {
  /** For a head, from its first byte on; for the first one from the beginning of the connection. */
  readonly headMs: number;
  /** For a body, and a second more for each so many bytes of it that have come. */
  readonly bodyMs: number;
  readonly bodyBytesPerSecond: number;
  /** Between two requests. */
  readonly idleMs: number;
  /** Of that, before somebody else who wants a connection and finds none may have this one. */
  readonly keptMs: number;
  /** Without taking anything of an answer. */
  readonly stallMs: number;
  /** From when the last answer was taken to the end. */
  readonly farewellMs: number;
}

/** What a connection needs of the server. */
export interface ConnectionContext {
  readonly patience: Patience;
  readonly bodyBytesMax: number;
  /** Whether the replica stands still on purpose. */
  readonly isPaused: boolean;
  nowMs(): number;
  /** Why nobody should wait for the body of a request. */
  refusal(head: Pick<Asked, "path" | "headers">): Answer | undefined;
  answer(asked: Asked): Promise<Answer>;
  /** What the connection makes us keep has grown, or shrunk. */
  onHeld(bytes: number): void;
  onClosed(connection: HttpConnection): void;
  /** A bug showed. */
  onBug(cause: unknown): void;
}

/** `waiting`: for a request, or the rest of one. `farewell`: the last answer left, and what comes is thrown away. */
type State = "waiting" | "answering" | "farewell" | "closed";

const BUG_ANSWER = failureAnswer({
  code: "internal",
  message: "a bug showed in this answer; the log of the replica says more, and the next request is answered",
});
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
  readonly #output: Output;
  /** Of the body that is waited for, with its framing. */
  #bodyBytes = 0;
  /** No request has come yet. */
  #isNew = true;
  #isEnded = false;
  #isLast = false;
  /** The last request is answered, and the next one waits until that was taken. */
  #isHeldBack = false;
  #isSocketPaused = false;
  /** Since when the client is waited for. */
  #sinceMs: number;
  /** When a head began that has not come whole. */
  #headSinceMs: number;
  #heldBytes = 0;

  constructor(socket: Socket, context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
    this.#sinceMs = this.#headSinceMs = context.nowMs();
    const onTaken = (): void => this.#guard(() => this.#onTaken());
    this.#output = new Output(socket, { nowMs: () => context.nowMs(), onTaken });
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
    return this.#state === "answering" || this.#output.bytes > 0;
  }

  /** Since when nothing was asked here that is not answered; undefined where something is. */
  get idleSinceMs(): number | undefined {
    const isIdle = this.#state === "waiting" && this.#head === undefined && this.#input.length === 0;
    return isIdle ? this.#sinceMs : undefined;
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
      // Nobody is to blame for what was not looked at.
      this.#sinceMs = this.#headSinceMs = this.#context.nowMs();
      this.#advance();
      if (this.#isEnded && this.#state === "waiting") this.#sayFarewell();
      this.#steer();
    });
  }

  /** Looks at the time. */
  sweep(nowMs: number): void {
    const { patience } = this.#context;
    if (this.#state === "closed") return;
    if (this.#output.bytes > 0) {
      // Whoever takes its answer is not waited for in any other way.
      if (nowMs - this.#output.takenMs > patience.stallMs) this.close();
      return;
    }
    const waitedMs = nowMs - this.#sinceMs;
    if (this.#state === "farewell" && waitedMs > patience.farewellMs) return this.close();
    if (this.#state !== "waiting") return;
    if (this.#head !== undefined) {
      const allowedMs = patience.bodyMs + this.#bodyBytes / patience.bodyBytesPerSecond * 1000;
      if (waitedMs > allowedMs) this.#losePatience("body", allowedMs);
    } else if (this.#input.length > 0) {
      if (nowMs - this.#headSinceMs > patience.headMs) this.#losePatience("head", patience.headMs);
    } else if (waitedMs > (this.#isNew ? patience.headMs : patience.idleMs)) this.drain();
  }

  /** Closes at once. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#input.clear();
    this.#chunks = undefined;
    this.#output.clear();
    this.#count();
    this.#socket.destroy();
    this.#context.onClosed(this);
  }

  #onData(piece: Uint8Array): void {
    if (this.#state === "closed" || this.#state === "farewell") return;
    if (this.#input.length === 0) this.#headSinceMs = this.#context.nowMs();
    if (this.#head !== undefined) this.#bodyBytes += piece.length;
    this.#input.push(piece);
    this.#advance();
    this.#count();
    this.#steer();
  }

  #onEnd(): void {
    this.#isEnded = true;
    if (this.#state === "farewell") return this.#closeIfTaken();
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
    this.#isNew = false;
    const { bodyBytesMax } = this.#context;
    const isWhole = head.value.length !== "chunked" && head.value.length <= input.length;
    // Why before its body: whoever may not ask gets none of our memory.
    const refusal = isWhole ? undefined : this.#context.refusal(head.value);
    if (refusal !== undefined) return this.#refuseRest(refusal, head.value);
    if (head.value.length !== "chunked" && head.value.length > bodyBytesMax) {
      return this.#refuseRest(tooLarge(bodyBytesMax), head.value);
    }
    this.#sinceMs = this.#context.nowMs();
    this.#bodyBytes = input.length;
    if (head.value.length === "chunked") this.#chunks = new ChunkedBody(bodyBytesMax);
    if (head.value.expectsContinue && !isWhole && input.length === 0) this.#write(CONTINUE.slice());
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
      (cause) => {
        this.#context.onBug(cause);
        this.#guard(() => this.#send(BUG_ANSWER, head));
      },
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
    // What came meanwhile begins now: nobody looked at it before.
    this.#sinceMs = this.#headSinceMs = this.#context.nowMs();
    this.#isHeldBack = this.#output.bytes > UNSENT_BYTES_MAX;
    if (!this.#isHeldBack) this.#goOn();
  }

  /** Turns to the next request. */
  #goOn(): void {
    this.#state = "waiting";
    if (this.#input.length > 0) this.#advance();
    if (this.#isEnded && this.#state === "waiting") this.#sayFarewell();
    this.#steer();
  }

  #write(bytes: Uint8Array): void {
    this.#output.write(bytes);
    if (this.#output.bytes > UNSENT_BYTES_MAX) this.#count();
  }

  #onTaken(): void {
    if (this.#state === "closed") return;
    const { bytes } = this.#output;
    if (this.#heldBytes > UNSENT_BYTES_MAX) this.#count();
    if (bytes === 0) this.#sinceMs = this.#headSinceMs = this.#context.nowMs();
    if (this.#state === "farewell") return this.#closeIfTaken();
    if (!this.#isHeldBack || bytes > UNSENT_BYTES_MAX) return;
    this.#isHeldBack = false;
    this.#goOn();
  }

  /** Why not closed at once: what was not read would reset the connection, and the last answer be lost. */
  #sayFarewell(): void {
    this.#state = "farewell";
    this.#sinceMs = this.#context.nowMs();
    this.#input.clear();
    this.#count();
    this.#steer();
    this.#closeIfTaken();
  }

  /** Ends our side of a farewell once its answer was taken, and all of it where the other side has ended too. */
  #closeIfTaken(): void {
    if (this.#output.bytes > 0) return;
    if (this.#isEnded) this.close();
    else this.#socket.end();
  }

  /** Takes more input or leaves it with the operating system. */
  #steer(): void {
    const needsMore = this.#state === "farewell" || (this.#state === "waiting" && !this.#context.isPaused);
    const isFull = !needsMore && this.#input.length > AHEAD_BYTES_MAX;
    if (isFull === this.#isSocketPaused) return;
    this.#isSocketPaused = isFull;
    if (isFull) this.#socket.pause();
    else this.#socket.resume();
  }

  #count(): void {
    const heldBytes = this.#input.heldBytes + (this.#chunks?.heldBytes ?? 0) + this.#output.bytes;
    const change = heldBytes - this.#heldBytes;
    this.#heldBytes = heldBytes;
    if (change !== 0) this.#context.onHeld(change);
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (cause) {
      this.#context.onBug(cause);
      this.close();
    }
  }
}

function tooLarge(bodyBytesMax: number): Answer {
  const message = `the body is longer than ${bodyBytesMax} bytes, the most that value_bytes_max allows for`;
  return failureAnswer({ code: "too_large", message });
}
