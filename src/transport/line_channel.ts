/**
 * One connection as lines in and queued output out, over any socket. Contains every error of the socket; knows neither
 * peers nor clients.
 * @module
 */
import { BYTES_PER_UNIT_MAX, encodeText, putText } from "../base/bytes.ts";
import { type Line, LineSplitter } from "./ndjson.ts";
import { type LineFaults, type Obstacle, Obstruction } from "./obstruction.ts";
import { Outbox } from "./outbox.ts";

/** What a channel needs of a connection; `Deno.TcpConn` has this shape. */
export interface Socket {
  /** Null at the end of input. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Returns how many bytes were taken. */
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

/** What one read brought. After any state but `open` there is nothing more to read. */
export interface Input {
  readonly lines: readonly Line[];
  readonly state: "open" | "ended" | "too_long" | "lost";
}

/** What a channel is opened with. */
export interface ChannelOptions {
  readonly lineBytesMax: number;
  /** Largest read buffer; it begins small and grows where reads fill it. */
  readonly readBytesMax: number;
  /** Output went out, or the connection closed. */
  onChange(): void;
  /** A bug showed: stop the replica. */
  halt(cause: unknown): void;
}

const READ_BYTES_MIN = 2 * 1024;
const WRITE_BYTES_MIN = 2 * 1024;
/** Output beyond this is encoded into bytes of its own. */
const WRITE_BYTES_MAX = 64 * 1024;
/** Input that is thrown away while the last answer travels; whoever sends more loses it. */
const DISCARD_BYTES_MAX = 16 * 1024 * 1024;
/** Input that an obstacle keeps; beyond it the rest stays with the operating system. */
const OBSTRUCTED_CHARS_MAX = 4 * 1024 * 1024;
const NOTHING = new Uint8Array(0);
const LOST: Input = { lines: [], state: "lost" };

/** One connection. */
export class LineChannel {
  /** What waits to be written; `flush` starts it. */
  readonly outbox: Outbox;
  readonly #socket: Socket;
  readonly #options: ChannelOptions;
  readonly #splitter: LineSplitter;
  #buffer: Uint8Array = new Uint8Array(READ_BYTES_MIN);
  /** Holds what is being written; one write at a time, so it can be used again. */
  #output = NOTHING;
  /** What is being written; undefined while nothing is. */
  #writing: Uint8Array | undefined;
  #isClosed = false;
  /** Whether the socket was asked for bytes and has not answered. */
  #isReading = false;
  /** Whether the other side took something since `stalledMs` was last asked. */
  #hasProgress = true;
  #progressMs = 0;
  #lossReason = "";
  /** Why the connection was lost, behind an obstacle that nobody looks through. */
  #hiddenLoss = "";
  /** Whether what comes is thrown away, and how much was. */
  #isDiscarding = false;
  #discardedBytes = 0;
  /** What is in the way of lines on purpose; undefined where nothing is, which is all that costs then. */
  #obstruction: Obstruction | undefined;
  /** Whether somebody waits in `read`. Kept only with an obstruction: it reads on when nobody does. */
  #isAwaited = false;
  /** Tells who waits in `read`. */
  #received: (input: Input) => void = () => {};
  // Why kept: these run for every read and write, and a function made anew each time is garbage each time.
  readonly #onRead = (count: number | null): void => {
    this.#isReading = false;
    try {
      if (this.#obstruction !== undefined) return this.#onObstructed(this.#digest(count));
      this.#received(this.#isClosed ? LOST : this.#digest(count));
    } catch (cause) {
      this.#options.halt(cause);
    }
  };
  readonly #onWritten = (count: number): void => this.#afterWrite(count);
  readonly #onReadLost = (error: unknown): void => {
    this.#isReading = false;
    if (this.#obstruction?.hidesLoss) this.#hiddenLoss = String(error);
    else this.close(String(error));
  };
  readonly #onWriteLost = (error: unknown): void => this.close(String(error));
  readonly #beginRead = (resolve: (input: Input) => void): void => {
    this.#received = resolve;
    if (this.#obstruction === undefined) return this.#startRead();
    this.#isAwaited = true;
    this.#advance();
  };

  constructor(socket: Socket, options: ChannelOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#splitter = new LineSplitter(options.lineBytesMax);
    this.outbox = new Outbox(options.lineBytesMax);
  }

  /** From now on lines of the input may have this many bytes. */
  limitInput(lineBytesMax: number): void {
    this.#splitter.limit(lineBytesMax);
  }

  /** Whether nothing can be read or written any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Bytes of the input line that has begun and not ended. */
  get begunBytes(): number {
    return this.#splitter.begunBytes;
  }

  /** What this connection makes us keep: the line begun, and the output not taken; in bytes, or characters of output. */
  get heldBytes(): number {
    return this.#splitter.heldBytes + this.outbox.chars;
  }

  /**
   * Whether the socket is closed here and yet open in the system.
   *
   * Why: on Deno 2.8 (not before, nor from 2.9 on) a pending read keeps it, until the other side sends or ends.
   */
  get isLingering(): boolean {
    return this.#isClosed && this.#isReading;
  }

  /** Why the connection was lost, for the log; empty while it is not. */
  get lossReason(): string {
    return this.#lossReason;
  }

  /** The next bytes as lines, often none or many. Never rejects. Requires: no other read under way. */
  read(): Promise<Input> {
    return this.#isClosed ? Promise.resolve(LOST) : new Promise(this.#beginRead);
  }

  /** Puts something in the way of all lines, both ways, that are not with their receiver yet; undefined takes it away. */
  obstruct(
    obstacle: Obstacle | undefined,
    { faults, hidesEnd }: { readonly faults: LineFaults; readonly hidesEnd: boolean },
  ): void {
    if (this.#isClosed || (obstacle === undefined && this.#obstruction === undefined)) return;
    if (this.#obstruction === undefined) {
      this.#obstruction = new Obstruction(faults, { hidesEnd, onDue: () => this.#advance() });
      this.#isAwaited = this.#isReading;
    }
    this.#obstruction.change(obstacle);
    if (this.#hiddenLoss !== "" && !this.#obstruction.hidesLoss) this.close(this.#hiddenLoss);
    else this.#advance();
  }

  /** Starts writing what waits, unless a write is under way: that one goes on by itself until nothing waits. */
  flush(): void {
    if (this.#writing !== undefined || this.#isClosed) return;
    const text = this.#obstruction === undefined
      ? this.outbox.take()
      : this.#takeObstructed(this.#obstruction);
    if (text !== "") this.#write(this.#encode(text));
  }

  /** Whether all output is with the network, or lost with the connection. */
  get isDrained(): boolean {
    return this.#isClosed || this.outbox.chars === 0;
  }

  /**
   * For how long the other side has taken nothing of what is being written to it; as exact as it is asked often. Why not
   * exact: it is asked now and then, and a look at the clock for every write costs more than all the rest of this.
   */
  stalledMs(nowMs: number): number {
    if (this.#hasProgress || this.#writing === undefined) this.#progressMs = nowMs;
    this.#hasProgress = false;
    return this.#isClosed ? 0 : nowMs - this.#progressMs;
  }

  /**
   * Ends the output; the other side sees the end after all that was written. Requires: drained.
   *
   * Why: to close a socket with input unread resets the connection, and the last answers are lost. So whoever ends
   * politely does this first, and reads on until the other side ends too.
   */
  async endOutput(): Promise<void> {
    try {
      if (!this.#isClosed) await this.#socket.closeWrite();
    } catch (error) {
      this.close(String(error));
    }
  }

  /** Ends the output and throws away what still comes, until the other side ends. Requires: drained, no read under way. */
  async finish(): Promise<void> {
    await this.endOutput();
    this.#isDiscarding = true;
    while (this.#discardedBytes < DISCARD_BYTES_MAX) {
      const { state } = await this.read();
      if (state !== "open") break;
    }
    this.close("finished");
  }

  /** Closes at once; a read that is waited for ends as lost. */
  close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#lossReason = reason;
    // Why: up to Deno 2.8 `close` alone neither ends a pending read nor tells the other side; so the output is ended
    // first, and nobody here waits for that read.
    this.#socket.closeWrite().catch(() => {
      // The other side is gone already: then there is nobody to tell.
    });
    try {
      this.#socket.close();
    } catch {
      // Closed already by the other side's error: then it is as we want it.
    }
    this.#obstruction?.close();
    this.#obstruction = undefined;
    this.#splitter.drop();
    this.outbox.drop();
    this.#received(LOST);
    this.#options.onChange();
  }

  /** What so many bytes in the buffer mean; null is the end of input. */
  #digest(count: number | null): Input {
    if (this.#isDiscarding) {
      this.#discardedBytes += count ?? 0;
      return { lines: [], state: count === null ? "ended" : "open" };
    }
    if (count === null) return { lines: this.#splitter.end(), state: "ended" };
    const { lines, isTooLong } = this.#splitter.feed(this.#buffer.subarray(0, count));
    if (count === this.#buffer.length && count < this.#options.readBytesMax) {
      this.#buffer = new Uint8Array(Math.min(4 * count, this.#options.readBytesMax));
    }
    return { lines, state: isTooLong ? "too_long" : "open" };
  }

  #startRead(): void {
    this.#isReading = true;
    this.#socket.read(this.#buffer).then(this.#onRead, this.#onReadLost);
  }

  /** Something came past nobody yet: it waits for its time. */
  #onObstructed(input: Input): void {
    this.#obstruction!.pushInput(input);
    this.#advance();
  }

  /** The output that may leave now. */
  #takeObstructed(obstruction: Obstruction): string {
    obstruction.pushOutput(this.outbox.take());
    const text = obstruction.takeOutput();
    this.outbox.onHeld(obstruction.outputChars + text.length);
    obstruction.arm();
    if (text === "") this.#options.onChange();
    return text;
  }

  /** Lets go of what is due, and reads on: behind an obstacle input is taken whether somebody waits for it or not. */
  #advance(): void {
    const obstruction = this.#obstruction;
    if (obstruction === undefined || this.#isClosed) return;
    this.flush();
    const input = this.#isAwaited ? obstruction.takeInput() : undefined;
    if (input !== undefined) {
      this.#isAwaited = false;
      this.#received(input);
    }
    const hasRoom = obstruction.takesInput && obstruction.inputChars < OBSTRUCTED_CHARS_MAX;
    if (!this.#isReading && this.#hiddenLoss === "" && hasRoom) this.#startRead();
    obstruction.arm();
    // Why not while a read is under way that nobody waits for: what it brings would be told to nobody.
    if (obstruction.isOver && (this.#isAwaited || !this.#isReading)) this.#obstruction = undefined;
  }

  #write(bytes: Uint8Array): void {
    this.#writing = bytes;
    this.#socket.write(bytes).then(this.#onWritten, this.#onWriteLost);
  }

  /** Goes on with what was not taken, and then with what has gathered meanwhile. */
  #afterWrite(count: number): void {
    try {
      this.#hasProgress = true;
      const bytes = this.#writing!;
      this.#writing = undefined;
      if (this.#isClosed) return;
      if (count < bytes.length) return this.#write(bytes.subarray(count));
      this.outbox.onWritten();
      this.#options.onChange();
      this.flush();
    } catch (cause) {
      this.#options.halt(cause);
    }
  }

  #encode(text: string): Uint8Array {
    const bytesMax = BYTES_PER_UNIT_MAX * text.length;
    if (bytesMax > WRITE_BYTES_MAX) return encodeText(text);
    if (bytesMax > this.#output.length) {
      this.#output = new Uint8Array(Math.min(WRITE_BYTES_MAX, Math.max(WRITE_BYTES_MIN, 2 * bytesMax)));
    }
    return this.#output.subarray(0, putText(this.#output, 0, text));
  }
}
