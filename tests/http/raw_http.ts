/** A client that sends bytes as they are, and a server under test that repeats what it was asked. @module */
import { assert } from "@std/assert";
import type { Patience } from "../../src/http/connection.ts";
import { type Answer, type Asked, jsonAnswer } from "../../src/http/exchange.ts";
import { HttpServer, type HttpServerOptions } from "../../src/http/http_server.ts";
import { eventually } from "../harness/eventually.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const WITHIN_MS = 10_000;

/** One answer as it came. */
export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** One connection. */
export class RawHttp implements Disposable {
  readonly #conn: Deno.TcpConn;
  #text = "";
  #isEnded = false;
  #reading: Promise<void> | undefined;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async open(port: number, hostname = "127.0.0.1"): Promise<RawHttp> {
    return new RawHttp(await Deno.connect({ hostname, port }));
  }

  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Sends piece after piece with a pause behind each, to be slow, until there is none left or the connection breaks. */
  async sendSlowly(pieces: Iterable<string>, pauseMs: number): Promise<void> {
    for (const piece of pieces) {
      const isSent = await this.send(piece).then(() => true, () => false);
      if (!isSent) return;
      await pause(pauseMs);
    }
  }

  /** Ends the output; answers are still read. */
  async end(): Promise<void> {
    await this.#conn.closeWrite();
  }

  /** The next answer. `isHead` where it has no body, whatever it says; `pauseMs` before each piece, to be slow. */
  async answer({ isHead = false, pauseMs = 0 } = {}): Promise<RawAnswer> {
    // Why not looked at before: a text that grows is put together anew by each look.
    let needed = 0;
    while (true) {
      while (this.#text.length < needed && !this.#isEnded) await this.#read({ pauseMs });
      const end = this.#text.indexOf("\r\n\r\n");
      const head = this.#text.slice(0, Math.max(0, end));
      const length = isHead ? 0 : Number(/\r\nContent-Length: (\d+)/.exec(head)?.[1] ?? 0);
      const body = this.#text.slice(end + 4, end + 4 + length);
      if (end >= 0 && body.length === length) {
        this.#text = this.#text.slice(end + 4 + length);
        return { status: Number(head.split(" ")[1]), head, body };
      }
      if (this.#isEnded) throw new Error(`no answer, but the end, after ${JSON.stringify(this.#text)}`);
      if (end >= 0) needed = end + 4 + length;
      else await this.#read({ pauseMs });
    }
  }

  /** Waits for the other side's end; what came before it. */
  async ended(): Promise<string> {
    while (!this.#isEnded) await this.#read();
    return this.#text;
  }

  async #read({ pauseMs = 0 } = {}): Promise<void> {
    if (pauseMs > 0) await pause(pauseMs);
    // Answers of these tests are ASCII.
    const buffer = new Uint8Array(64 * 1024);
    this.#reading = this.#conn.read(buffer).then((count) => {
      if (count === null) this.#isEnded = true;
      else this.#text += decoder.decode(buffer.subarray(0, count));
    }, () => {
      // Reset: an end too.
      this.#isEnded = true;
    });
    await this.#reading;
  }

  [Symbol.dispose](): void {
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
  }
}

/** Requests whose answers wait. */
type Held = { readonly answer: (answer: Answer) => void }[];

/** A server under test: it repeats method, path, query and the length of the body. */
export class EchoServer implements AsyncDisposable {
  readonly server: HttpServer;
  readonly asked: Asked[];
  readonly #held: Held;

  private constructor(server: HttpServer, asked: Asked[], held: Held) {
    this.server = server;
    this.asked = asked;
    this.#held = held;
  }

  static async start(
    options: Partial<Omit<HttpServerOptions, "patience">> & {
      readonly patience?: Partial<Patience>;
      /** Answers wait for `release`. */
      readonly isHolding?: boolean;
    } = {},
  ): Promise<EchoServer> {
    const asked: Asked[] = [];
    const held: Held = [];
    const server = await HttpServer.start({
      place: { host: "127.0.0.1", port: 0 },
      valueBytesMax: 1024,
      answer: (one) => {
        asked.push(one);
        const { method, path, query, body } = one;
        const echo = jsonAnswer(200, { method, path, query, bytes: body.length });
        if (options.isHolding !== true) return Promise.resolve(echo);
        return new Promise<Answer>((answer) => held.push({ answer }));
      },
      onError: (cause) => {
        throw cause;
      },
      halt: (cause) => {
        throw cause;
      },
      ...options,
    });
    return new EchoServer(server, asked, held);
  }

  open(hostname?: string): Promise<RawHttp> {
    return RawHttp.open(this.server.port, hostname);
  }

  /** Lets all answers go that wait. */
  release(): void {
    for (const { answer } of this.#held.splice(0)) answer(jsonAnswer(200, "released"));
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    await eventually(condition, { withinMs: WITHIN_MS, what });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    await this.server.stop({ drainMs: 0 });
    assert(this.server.connectionCount === 0);
    assert(this.server.heldBytes === 0, `${this.server.heldBytes} bytes are still counted`);
  }
}

/** Why a sleep: how slow a client is, is what tests of slow clients are about. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
