/** The supervisor's control port on loopback: one JSON line asks, one answers, and a token proves who asks. @module */
import { equalsInConstantTime } from "../../src/transport/handshake.ts";

/** What can be asked. `ready` answers when the replicas of a start are up, or why they are not. */
export const CONTROL_VERBS = [
  "ready",
  "status",
  "stop",
  "start",
  "restart",
  "kill",
  "pause",
  "resume",
] as const;

/** One of the words above. */
export type ControlVerb = typeof CONTROL_VERBS[number];

/** One question. Without ids it is about all replicas. */
export interface ControlRequest {
  readonly verb: ControlVerb;
  readonly ids: readonly string[];
}

/** The answer: lines for a person. */
export interface ControlReply {
  readonly ok: boolean;
  readonly text: string;
}

/** A token nobody guesses. */
export function drawToken(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toHex();
}

/** Bytes of a question: a few ids and a token. */
const LINE_BYTES_MAX = 16 * 1024;

/** Whoever connects asks at once. */
const ASK_WITHIN_MS = 5000;

/** Questions at a time; more connections are closed without a word. Why: a start may be asked for by a few terminals. */
const QUESTIONS_MAX = 32;

const WRONG_TOKEN: ControlReply = {
  ok: false,
  text: "the token is not that of this supervisor; it stands in cluster.json",
};

/** Answers questions until it is closed. */
export class ControlServer {
  readonly #listener: Deno.TcpListener;
  readonly #token: string;
  readonly #answer: (request: ControlRequest) => Promise<ControlReply>;
  readonly #askWithinMs: number;
  readonly #busy = new Set<Promise<void>>();

  constructor(
    token: string,
    answer: (request: ControlRequest) => Promise<ControlReply>,
    askWithinMs = ASK_WITHIN_MS,
  ) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#token = token;
    this.#answer = answer;
    this.#askWithinMs = askWithinMs;
    this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Takes no more questions; resolves when the answers under way have been sent. */
  async close(): Promise<void> {
    this.#listener.close();
    await Promise.all(this.#busy);
  }

  async #accept(): Promise<void> {
    try {
      for await (const connection of this.#listener) {
        if (this.#busy.size >= QUESTIONS_MAX) {
          connection.close();
          continue;
        }
        const served = this.#serve(connection).finally(() => this.#busy.delete(served));
        this.#busy.add(served);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #try(request: ControlRequest): Promise<ControlReply> {
    try {
      return await this.#answer(request);
    } catch (error) {
      return { ok: false, text: error instanceof Error ? error.message : String(error) };
    }
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    try {
      const line = await within(readLine(connection), this.#askWithinMs);
      const request = parseRequest(line, this.#token);
      await writeLine(connection, request ? await this.#try(request) : WRONG_TOKEN);
    } catch {
      // Whoever asked has gone away, or was nobody who speaks this protocol.
    } finally {
      // Why all three: on Deno 2.8 a pending read outlives the close, so that the other side hears of no end, and we
      // would wait for it at ours.
      connection.closeWrite().catch(() => {
        // The other side was quicker.
      });
      connection.unref();
      connection.close();
    }
  }
}

/** Rejects when `promise` takes longer. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new TypeError(`nothing was asked within ${ms} ms`)), ms);
  // Its own end, after we have turned away, is nobody's business.
  promise.catch(() => {});
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks a supervisor. Throws what `Deno.connect` throws when nobody listens there. */
export async function askSupervisor(
  { controlPort, token }: { readonly controlPort: number; readonly token: string },
  request: ControlRequest,
): Promise<ControlReply> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: controlPort });
  try {
    await writeLine(connection, { token, ...request });
    const reply: unknown = JSON.parse(await readLine(connection));
    if (isReply(reply)) return reply;
    throw new TypeError(`port ${controlPort} answered something else than a supervisor does`);
  } finally {
    connection.close();
  }
}

async function readLine(connection: Deno.TcpConn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(LINE_BYTES_MAX);
  let text = "";
  while (!text.includes("\n")) {
    const count = await connection.read(buffer);
    if (count === null || text.length > LINE_BYTES_MAX) {
      throw new TypeError("the line ends too soon or never");
    }
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text;
}

async function writeLine(connection: Deno.TcpConn, value: unknown): Promise<void> {
  let rest = new TextEncoder().encode(JSON.stringify(value) + "\n");
  while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
}

function parseRequest(line: string, expectedToken: string): ControlRequest | undefined {
  const input: unknown = JSON.parse(line);
  if (typeof input !== "object" || input === null) return undefined;
  const { token, verb, ids } = input as Record<string, unknown>;
  const known = CONTROL_VERBS.find((candidate) => candidate === verb);
  if (typeof token !== "string" || !equalsInConstantTime(token, expectedToken)) return undefined;
  if (known === undefined || !Array.isArray(ids)) return undefined;
  return { verb: known, ids: ids.map(String) };
}

function isReply(input: unknown): input is ControlReply {
  if (typeof input !== "object" || input === null) return false;
  const { ok, text } = input as Record<string, unknown>;
  return typeof ok === "boolean" && typeof text === "string";
}
