/** The clients of one run in one process, and their connections. Knows no wire format: that is the dialect's. @module */
import type { Dialect } from "./dialect.ts";
import { QuartetDialect, type QuartetRequests } from "./quartet_dialect.ts";
import { RedisDialect, type RedisRequests } from "./redis_dialect.ts";
import { Sockets } from "./sockets.ts";
import type { Tally } from "./tally.ts";

/** What the clients of a run ask for, in the words of one system. */
export type Requests = QuartetRequests | RedisRequests;

/** One run of clients. */
export interface LoadCommand {
  readonly requests: Requests;
  /** Share of gets among the operations, 0 to 1; the others are puts. */
  readonly getShare: number;
  readonly keyCount: number;
  /** `uniform`: drawn; otherwise in turn, beginning with a key and going on by a step. */
  readonly keys: "uniform" | { readonly begin: number; readonly step: number };
  readonly valueBytes: number;
  readonly clientCount: number;
  /** Clients share these evenly. */
  readonly connectionCount: number;
  /** Connections go to these in turn. */
  readonly places: readonly { readonly host: string; readonly port: number }[];
  /** Operations that end before this time are not counted. */
  readonly warmUpMs: number;
  /** When the run ends: after a time, or after so many operations. */
  readonly until: { readonly durationMs: number } | { readonly operationCount: number };
}

/** Different values; each is put under many keys. */
const VALUE_COUNT = 64;
const BUFFER_BYTES = 16 * 1024;
/** Whoever has no answer after this time gets none. */
const SILENCE_MS_MAX = 10_000;

/** One client: at most one operation in flight. */
interface Client {
  beganMs: number;
  isPut: boolean;
  isWaiting: boolean;
}

interface LoadConnection {
  readonly socket: number;
  readonly clients: readonly Client[];
  received: Uint8Array;
  receivedBytes: number;
  unsent: Uint8Array;
  unsentBytes: number;
  isWatchingRoom: boolean;
}

/** Clients at work. Everything happens within `start` and `turn`. */
export class LoadRun {
  readonly #command: LoadCommand;
  readonly #tally: Tally;
  readonly #dialect: Dialect;
  readonly #sockets = new Sockets();
  readonly #connections = new Map<number, LoadConnection>();
  #waitingCount = 0;
  #lastAnswerMs = performance.now();

  /** Connects all. */
  constructor(command: LoadCommand, tally: Tally) {
    this.#command = command;
    this.#tally = tally;
    const { connectionCount, clientCount, places, valueBytes, requests, keyCount } = command;
    const values = Array.from({ length: VALUE_COUNT }, () => drawText(valueBytes));
    const texts = { keyCount, values, clientCount: Math.ceil(clientCount / connectionCount) };
    this.#dialect = requests.kind === "quartet"
      ? new QuartetDialect(requests, texts)
      : new RedisDialect(requests, texts);
    for (let index = 0; index < connectionCount; index++) {
      const { host, port } = places[index % places.length]!;
      const socket = this.#sockets.connect(host, port);
      this.#connections.set(socket, {
        socket,
        clients: Array.from(
          { length: Math.floor((clientCount + index) / connectionCount) },
          () => ({ beganMs: 0, isPut: false, isWaiting: false }),
        ),
        received: new Uint8Array(BUFFER_BYTES),
        receivedBytes: 0,
        unsent: new Uint8Array(BUFFER_BYTES),
        unsentBytes: 0,
        isWatchingRoom: false,
      });
    }
  }

  /** No operation is in flight, and none will begin. */
  get isOver(): boolean {
    return this.#waitingCount === 0;
  }

  /** Every client asks for the first time. */
  start(): void {
    for (const connection of this.#connections.values()) {
      for (let index = 0; index < connection.clients.length; index++) this.#ask(connection, index);
      this.#flush(connection);
    }
  }

  /** Waits for answers and asks again, once. */
  turn(waitMs: number): void {
    for (const { socket, canRead, canWrite } of this.#sockets.wait(waitMs)) {
      const connection = this.#connections.get(socket);
      if (connection === undefined) continue;
      if (canRead) this.#read(connection);
      else if (canWrite) this.#flush(connection);
    }
    if (performance.now() - this.#lastAnswerMs > SILENCE_MS_MAX) {
      for (const connection of [...this.#connections.values()]) {
        this.#lose(connection, `no answer within ${SILENCE_MS_MAX / 1000} s`);
      }
    }
  }

  /** Ends all connections. */
  close(): void {
    this.#sockets.end();
  }

  #ask(connection: LoadConnection, index: number): void {
    const number = this.#tally.takeNext();
    if (number === undefined) return;
    const { keyCount, getShare, keys } = this.#command;
    const key = keys === "uniform"
      ? Math.floor(Math.random() * keyCount)
      : (keys.begin + number * keys.step) % keyCount;
    const client = connection.clients[index]!;
    const { puts, gets, values, tails } = this.#dialect.parts;
    client.isPut = getShare === 0 || Math.random() >= getShare;
    client.isWaiting = true;
    client.beganMs = performance.now();
    this.#waitingCount++;
    append(connection, (client.isPut ? puts : gets)[key]!);
    if (client.isPut) append(connection, values[Math.floor(Math.random() * VALUE_COUNT)]!);
    append(connection, tails[index] ?? tails[0]!);
  }

  #flush(connection: LoadConnection): void {
    const { socket, unsent, unsentBytes } = connection;
    if (unsentBytes === 0) return;
    const sentBytes = this.#sockets.send(socket, unsent.subarray(0, unsentBytes));
    if (sentBytes === undefined) return this.#lose(connection, "connection lost");
    if (sentBytes < unsentBytes) unsent.copyWithin(0, sentBytes, unsentBytes);
    connection.unsentBytes = unsentBytes - sentBytes;
    const wantsRoom = connection.unsentBytes > 0;
    if (wantsRoom === connection.isWatchingRoom) return;
    connection.isWatchingRoom = wantsRoom;
    this.#sockets.watchRoom(socket, wantsRoom);
  }

  #read(connection: LoadConnection): void {
    const { received, receivedBytes } = connection;
    const count = this.#sockets.receive(connection.socket, received.subarray(receivedBytes));
    if (count === undefined) return this.#lose(connection, "connection lost");
    const end = receivedBytes + count;
    const nowMs = performance.now();
    this.#lastAnswerMs = nowMs;
    const isPut = (index: number): boolean => connection.clients[index]!.isPut;
    let begin = 0;
    for (;;) {
      const answer = this.#dialect.readAnswer(received, begin, end, isPut);
      if (answer === undefined) break;
      begin = answer.end;
      if (answer.client === undefined) continue;
      const client = connection.clients[answer.client];
      if (!client?.isWaiting) throw new Error("an answer came to nobody's question");
      client.isWaiting = false;
      this.#waitingCount--;
      this.#tally.onEnd(nowMs - client.beganMs, answer.error);
      this.#ask(connection, answer.client);
    }
    received.copyWithin(0, begin, end);
    connection.receivedBytes = end - begin;
    if (connection.receivedBytes === received.length) connection.received = doubled(received);
    this.#flush(connection);
  }

  /** Clients of a lost connection stop; what they had asked for has failed. */
  #lose(connection: LoadConnection, error: string): void {
    this.#connections.delete(connection.socket);
    this.#sockets.close(connection.socket);
    for (const client of connection.clients) {
      if (!client.isWaiting) continue;
      this.#waitingCount--;
      this.#tally.onEnd(0, error);
    }
  }
}

function append(connection: LoadConnection, bytes: Uint8Array): void {
  while (connection.unsentBytes + bytes.length > connection.unsent.length) {
    connection.unsent = doubled(connection.unsent);
  }
  connection.unsent.set(bytes, connection.unsentBytes);
  connection.unsentBytes += bytes.length;
}

function doubled(bytes: Uint8Array): Uint8Array {
  const larger = new Uint8Array(bytes.length * 2);
  larger.set(bytes);
  return larger;
}

/** Text of this length, so varied that nothing can pack it. */
function drawText(length: number): string {
  let text = "";
  while (text.length < length) text += Math.random().toString(36).slice(2);
  return text.slice(0, length);
}
