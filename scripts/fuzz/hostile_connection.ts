/** One raw connection of an attacker: sends any bytes, proves itself if it likes to, reads or does not. @module */
import { clientHello, peerHello, type Self } from "../../src/transport/handshake.ts";
import { encodeHello, parseServerHello, type ServerHello } from "../../src/transport/hello.ts";
import { drawNonce, hmacOf } from "../../src/transport/tcp_transport.ts";
import type { Budget } from "./budget.ts";
import type { Target } from "./target.ts";

const CONNECT_TIMEOUT_MS = 5000;
const PIECE_BYTES = 64 * 1024;
const HELLO_BYTES_MAX = 64 * 1024;

/** How a connection may end: `reset` leaves what came unread, and so the other side gets no orderly end. */
export type Ending = "half_close" | "close" | "reset";

/** One connection. Everything that the other side or the network does to it is as it should be, so nothing here throws. */
export class HostileConnection {
  readonly #socket: Deno.TcpConn;
  readonly #budget: Budget;
  #isLost = false;
  #reading: Promise<void> | undefined;

  private constructor(socket: Deno.TcpConn, budget: Budget) {
    this.#socket = socket;
    this.#budget = budget;
  }

  /** Undefined where nobody takes the connection. */
  static async open(
    place: { readonly host: string; readonly port: number },
    budget: Budget,
  ): Promise<HostileConnection | undefined> {
    try {
      const signal = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
      const socket = await Deno.connect({ hostname: place.host, port: place.port, signal });
      budget.onOpen();
      return new HostileConnection(socket, budget);
    } catch {
      // Refused for want of room, or too slow: whether it should have been taken is judged by polite clients.
      budget.onUnopened();
      return undefined;
    }
  }

  /** Whether the other side has gone. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Sends, as fast as the budget allows. */
  async send(content: string | Uint8Array): Promise<void> {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    for (let at = 0; at < bytes.length && !this.#isLost;) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      await this.#budget.spend(piece.length);
      try {
        at += await this.#socket.write(piece);
      } catch {
        // Cut by the replica, as many of these deserve.
        this.#isLost = true;
      }
    }
  }

  async sendLine(line: string): Promise<void> {
    await this.send(`${line}\n`);
  }

  /** The server's hello; undefined where it says none. Requires: nothing was read yet. */
  async readHello(): Promise<ServerHello | undefined> {
    const line = await this.#readLine();
    if (line === undefined) return undefined;
    const hello = parseServerHello(JSON.parse(line));
    return hello.ok ? hello.value : undefined;
  }

  /** Becomes a client that is let in. False where that fails. */
  async enterAsClient({ secret }: Target): Promise<boolean> {
    if (secret === undefined) return true;
    const server = await this.readHello();
    if (server === undefined) return false;
    await this.sendLine(encodeHello(clientHello(server, drawNonce(), hmacOf(secret))));
    return !this.#isLost;
  }

  /** Becomes the absent member. False where that fails. */
  async enterAsPeer(target: Target): Promise<boolean> {
    const server = await this.readHello();
    if (server === undefined) return false;
    await this.sendLine(encodeHello(peerHello(selfOf(target), server, drawNonce())));
    return !this.#isLost;
  }

  /** From now on takes whatever comes, and forgets it. */
  takeAnswers(): void {
    this.#reading ??= this.#drain(() => {});
  }

  /** The same, and shows what comes. */
  takeBytes(look: (bytes: Uint8Array) => void): void {
    this.#reading ??= this.#drain(look);
  }

  /** Sends nothing more, though it was told to. */
  abandon(): void {
    this.#isLost = true;
  }

  /** The same, and shows each whole line to `look`. */
  takeLines(look: (line: string) => void): void {
    let rest = "";
    const decoder = new TextDecoder();
    this.#reading ??= this.#drain((bytes) => {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) look(line);
    });
  }

  /** The same; but whoever is here was not let in, and must be told nothing but that. */
  takeRefusal(kind: string): void {
    this.#reading ??= this.#drain((bytes) => {
      const text = new TextDecoder().decode(bytes);
      if (text.includes('"welcome"') || text.includes('"ok":true')) this.#budget.onBreach(kind);
    });
  }

  /** Ends in the given way. */
  async end(ending: Ending): Promise<void> {
    if (ending === "half_close") {
      await this.#socket.closeWrite().catch(() => {
        // The other side was quicker.
      });
      this.takeAnswers();
      await Promise.race([this.#reading, this.#budget.pause(2000)]);
    } else if (ending === "close") {
      this.takeAnswers();
    }
    this.#socket.closeWrite().catch(() => {
      // The other side was quicker.
    });
    this.#socket.close();
    this.#budget.onClose();
  }

  async #drain(look: (bytes: Uint8Array) => void): Promise<void> {
    const buffer = new Uint8Array(PIECE_BYTES);
    for (;;) {
      const count = await this.#socket.read(buffer).catch(() => null); // Reset by the other side, or closed by us.
      if (count === null) break;
      look(buffer.subarray(0, count));
    }
    this.#isLost = true;
  }

  async #readLine(): Promise<string | undefined> {
    const buffer = new Uint8Array(HELLO_BYTES_MAX);
    let length = 0;
    try {
      while (length < buffer.length) {
        const count = await this.#socket.read(buffer.subarray(length));
        if (count === null) break;
        length += count;
        const end = buffer.subarray(0, length).indexOf(10);
        if (end >= 0) return new TextDecoder().decode(buffer.subarray(0, end));
      }
    } catch {
      // Reset by the other side.
    }
    this.#isLost = true;
    return undefined;
  }
}

/** What the absent member would be. */
export function selfOf({ absentId, cluster, digest, replicas, secret }: Target): Self {
  return {
    id: absentId,
    cluster,
    epoch: "fa11",
    digest,
    memberIds: new Set([...replicas.map(({ id }) => id), absentId]),
    ...(secret === undefined ? {} : { hmac: hmacOf(secret) }),
  };
}
