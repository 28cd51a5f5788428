/**
 * The connection that this replica dials to one other member, for ever: dials, proves itself, carries questions out and
 * answers in, and dials again when it breaks.
 * @module
 */
import type { Member, Settings } from "../replica/cluster_config.ts";
import type { Message } from "../replica/envelope.ts";
import { parseJson } from "./fields.ts";
import { peerHello, peerWelcomeProblem, type Self, serverProblem } from "./handshake.ts";
import { encodeHello, parseServerHello, parseWelcome } from "./hello.ts";
import { type Input, LineChannel, type Socket } from "./line_channel.ts";
import { parseMessageLine } from "./message_codec.ts";
import type { LineFaults } from "./obstruction.ts";
import type { Line } from "./ndjson.ts";
import { decodeReply } from "./reply_codec.ts";

/** What links need of the transport around them. */
export interface LinkContext {
  readonly self: Self;
  readonly settings: Settings;
  /** Whoever breaks things on purpose, where that is allowed. */
  readonly faults?: LineFaults | undefined;
  nowMs(): number;
  drawNonce(): string;
  /** 0 to 2^32 − 1, for the jitter of pauses. */
  uint32(): number;
  /** Rejects when there is no connection after `timeoutMs`. */
  connect(member: Member, timeoutMs: number): Promise<Socket>;
  /** Calls `wake` once after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, wake: () => void): () => void;
  onState(member: Member, state: "up" | "down"): void;
  /** Bytes came in. */
  onHeard(member: Member): void;
  onMessages(from: Member, messages: readonly Message[]): void;
  onSkipped(from: Member, count: number): void;
  /** Tells the operator something that should not be. */
  warn(text: string, fields: Readonly<Record<string, string | number>>): void;
  halt(cause: unknown): void;
}

const REDIAL_MIN_MS = 20;
/** A link is not cut for silence earlier than this, however short the failure timeout. */
const SILENCE_MIN_MS = 500;
/** Of the time between two sweeps no more than this counts as silence: when this process stood still, nobody could be heard. */
const SWEEP_MAX_MS = 400;
const READ_BYTES_MAX = 64 * 1024;

/** One dialled connection and its successors. */
export class PeerLink {
  /** Resolves when the first dial has ended, well or not. */
  readonly firstDialEnded: Promise<void>;
  readonly #member: Member;
  readonly #context: LinkContext;
  readonly #endFirstDial: () => void;
  #channel: LineChannel | undefined;
  #isUp = false;
  #isStopped = false;
  #deadlineMs = Infinity;
  /** Whether a question left for which nothing has come back, and for how long we have listened since. */
  #isWaiting = false;
  #silentMs = 0;
  #sweptMs = 0;
  #wake: () => void = () => {};
  #lastReason = "";

  constructor(member: Member, context: LinkContext) {
    this.#member = member;
    this.#context = context;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.firstDialEnded = promise;
    this.#endFirstDial = resolve;
  }

  /** Dials until `stop`. Rejects only for bugs. */
  async run(): Promise<void> {
    const { redialCapMs } = this.#context.settings;
    let backoffMs = REDIAL_MIN_MS;
    while (!this.#isStopped) {
      const startedMs = this.#context.nowMs();
      const reason = await this.#connectAndServe();
      const spentMs = this.#context.nowMs() - startedMs;
      this.#channel?.close(reason);
      this.#channel = undefined;
      this.#endFirstDial();
      if (this.#isStopped) return;
      this.#note(reason);
      // Why: only a link that lasted earns quick dials again; one that is cut at once would be dialled in a tight loop.
      if (this.#isUp) {
        this.#isUp = false;
        if (spentMs > redialCapMs) backoffMs = REDIAL_MIN_MS;
        this.#context.onState(this.#member, "down");
      }
      const jitteredMs = backoffMs / 2 + (this.#context.uint32() % 1024) / 1024 * (backoffMs / 2);
      // Why: the time of the dial counts, so that a silent address is tried as often as one that refuses.
      await this.#pause(Math.max(REDIAL_MIN_MS / 2, jitteredMs - spentMs));
      backoffMs = Math.min(2 * backoffMs, Math.max(REDIAL_MIN_MS, redialCapMs));
    }
  }

  /** Queues an encoded question; false where it is dropped because the link is down or too much waits. */
  send(encoded: string): boolean {
    const channel = this.#channel;
    if (!this.#isUp || channel === undefined || channel.isClosed) return false;
    if (channel.outbox.isTooFull(encoded)) return false;
    channel.outbox.pushMessage(encoded);
    this.#isWaiting = true;
    return true;
  }

  /** Characters that wait, or are being written. */
  get queuedChars(): number {
    return this.#channel?.outbox.chars ?? 0;
  }

  /** Writes what is queued. */
  flush(): void {
    this.#channel?.flush();
  }

  /** What stands in the way on purpose has changed. */
  obstruct(): void {
    const { faults } = this.#context;
    if (faults !== undefined) {
      this.#channel?.obstruct(faults.obstacleTo(this.#member.id), { faults, hidesEnd: true });
    }
  }

  /** The peer shows signs of life elsewhere: a pause between two dials ends now. */
  nudge(): void {
    this.#wake();
  }

  /** The passing of time: cuts a dial or a link on which nothing comes back, so that a new one is tried. */
  sweep(nowMs: number): void {
    if (nowMs >= this.#deadlineMs) this.#channel?.close("no hello in time");
    const silenceMs = Math.max(SILENCE_MIN_MS, 2 * this.#context.settings.failureTimeoutMs);
    this.#silentMs = this.#isWaiting ? this.#silentMs + Math.min(nowMs - this.#sweptMs, SWEEP_MAX_MS) : 0;
    this.#sweptMs = nowMs;
    if (this.#silentMs >= silenceMs) this.#channel?.close("no answer in time");
  }

  /** Ends dialling and closes. */
  stop(): void {
    this.#isStopped = true;
    this.#channel?.close("stopped");
    this.#wake();
  }

  /** One dial and, if it succeeds, the life of its connection. Returns why it ended. */
  async #connectAndServe(): Promise<string> {
    const timeoutMs = Math.max(100, this.#context.settings.redialCapMs);
    let socket: Socket;
    try {
      socket = await this.#context.connect(this.#member, timeoutMs);
    } catch (error) {
      return String(error);
    }
    const channel = new LineChannel(socket, {
      lineBytesMax: this.#context.settings.lineBytesMax,
      readBytesMax: READ_BYTES_MAX,
      onChange: () => {},
      halt: (cause) => this.#context.halt(cause),
    });
    this.#channel = channel;
    this.obstruct();
    this.#isWaiting = false;
    this.#silentMs = 0;
    if (this.#isStopped) return "stopped";
    this.#deadlineMs = this.#context.nowMs() + timeoutMs;
    const rest = await this.#shakeHands(channel);
    this.#deadlineMs = Infinity;
    if (typeof rest === "string") return rest;
    this.#isUp = true;
    this.#lastReason = "";
    this.#context.onState(this.#member, "up");
    this.#endFirstDial();
    return await this.#serve(channel, rest);
  }

  /** Proves both sides to each other. Returns lines that came behind the welcome, or why it failed. */
  async #shakeHands(channel: LineChannel): Promise<readonly Line[] | string> {
    const lines: Line[] = [];
    const first = await nextLine(channel, lines);
    if (first === undefined) return channel.lossReason || "closed before its hello";
    const server = parseServerHello(first);
    if (!server.ok) return refusalOf(first) ?? server.failure.message;
    const { self } = this.#context;
    const problem = serverProblem(self, server.value, this.#member.id);
    if (problem !== undefined) return `${problem.code}: ${problem.message}`;
    const nonce = this.#context.drawNonce();
    channel.outbox.pushLine(encodeHello(peerHello(self, server.value, nonce)));
    channel.flush();
    const second = await nextLine(channel, lines);
    if (second === undefined) return channel.lossReason || "closed before its welcome";
    const welcome = parseWelcome(second);
    if (welcome === undefined) return refusalOf(second) ?? "its second line is no welcome";
    const mistrust = peerWelcomeProblem(self, server.value, nonce, welcome);
    return mistrust === undefined ? lines : `${mistrust.code}: ${mistrust.message}`;
  }

  async #serve(channel: LineChannel, rest: readonly Line[]): Promise<string> {
    let input: Input = { lines: rest, state: "open" };
    for (;;) {
      this.#isWaiting = false;
      this.#silentMs = 0;
      this.#context.onHeard(this.#member);
      for (const line of input.lines) {
        const parsed = parseMessageLine(line);
        if (parsed === undefined) {
          return refusalOf(line === null ? null : parseJson(line)) ?? "a line is no array of messages";
        }
        if (parsed.skippedCount > 0) this.#context.onSkipped(this.#member, parsed.skippedCount);
        if (parsed.messages.length > 0) this.#context.onMessages(this.#member, parsed.messages);
      }
      if (input.state === "too_long") return "a line exceeds line_bytes_max";
      if (input.state === "ended") return "the peer closed the connection";
      input = await channel.read();
      if (input.state === "lost") return channel.lossReason;
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#context.after(delayMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  /** Says why a link is not there, once for each reason in a row. */
  #note(reason: string): void {
    if (reason === this.#lastReason) return;
    this.#lastReason = reason;
    const { id, host, port } = this.#member;
    this.#context.warn("no link", { peer: id, address: `${host}:${port}`, reason });
  }
}

/** The next line as parsed JSON, from `lines` or the connection; undefined at its end. */
async function nextLine(channel: LineChannel, lines: Line[]): Promise<unknown> {
  while (lines.length === 0) {
    const input = await channel.read();
    lines.push(...input.lines);
    if (input.state !== "open" && lines.length === 0) return undefined;
  }
  const line = lines.shift();
  return typeof line === "string" ? parseJson(line) ?? null : null;
}

/** The other side's own words, where a line is a failure. */
function refusalOf(input: unknown): string | undefined {
  const reply = decodeReply(input);
  if (reply === undefined || reply.result.ok) return undefined;
  return `refused by the peer: ${reply.result.failure.code}: ${reply.result.failure.message}`;
}
