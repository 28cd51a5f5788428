/** Tests of `src/transport/inbound_connection.ts` over a socket in memory and a clock that the test moves. @module */
import { assert, assertEquals } from "@std/assert";
import type { Failure } from "../../src/protocol/error_codes.ts";
import { CONNECTION_REQUESTS_MAX, HELLO_BYTES_MAX } from "../../src/protocol/limits.ts";
import type { Request } from "../../src/protocol/request.ts";
import { digestOf, encodeHello } from "../../src/transport/hello.ts";
import { InboundConnection, type InboundContext } from "../../src/transport/inbound_connection.ts";
import type { Socket } from "../../src/transport/line_channel.ts";
import type { WireId } from "../../src/transport/request_codec.ts";
import { hmacOf } from "../../src/transport/tcp_transport.ts";
import { configOf, valueReply } from "./fake_replica.ts";

/** The operating system's part: gives what it was told to, takes at most `takes` bytes a write, or none at all. */
class MemorySocket implements Socket {
  readonly written: number[] = [];
  isClosed = false;
  readonly #input: Uint8Array[];
  readonly #takes: number;
  #wakeReader: () => void = () => {};

  constructor(input: string, takes: number) {
    this.#input = input === "" ? [] : [new TextEncoder().encode(input)];
    this.#takes = takes;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#input.length === 0) await new Promise<void>((resolve) => this.#wakeReader = resolve);
    const bytes = this.#input.shift()!;
    buffer.set(bytes);
    return bytes.length;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#takes === 0) return new Promise(() => {});
    this.written.push(...bytes.subarray(0, this.#takes));
    return Promise.resolve(Math.min(bytes.length, this.#takes));
  }

  /** What the next read brings. */
  feed(input: string): void {
    this.#input.push(new TextEncoder().encode(input));
    this.#wakeReader();
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
  }

  // deno-lint-ignore no-explicit-any -- tests look into whatever was written.
  lines(): any[] {
    const text = new TextDecoder().decode(new Uint8Array(this.written));
    return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  }
}

/** Lets promises that wait for nothing outside go as far as they can. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

class Surroundings {
  nowMs = 0;
  heldBytes = 0;
  readonly requests: {
    readonly connection: InboundConnection;
    readonly id: WireId;
    readonly request: Request;
  }[] = [];

  context(secret?: string): InboundContext {
    const config = configOf({ ports: { r1: 1, r2: 2 } });
    const self = {
      id: "r1",
      cluster: "lab",
      epoch: "ab",
      digest: digestOf(config),
      memberIds: new Set(["r1", "r2"]),
    };
    return {
      self: secret === undefined ? self : { ...self, hmac: hmacOf(secret) },
      lineBytesMax: 70_000,
      isDraining: false,
      nowMs: () => this.nowMs,
      drawNonce: () => "0".repeat(32),
      onPeer: () => {},
      onHeard: () => {},
      onMessages: () => {},
      onRequest: (connection, id, request) => this.requests.push({ connection, id, request }),
      onRefused: () => {},
      onSkipped: () => {},
      onHeld: (bytes) => {
        this.heldBytes += bytes;
      },
      halt: (cause) => {
        throw cause;
      },
    };
  }
}

Deno.test("A client that takes nothing for thirty seconds is cut, and not before", async () => {
  const around = new Surroundings();
  const socket = new MemorySocket("", 0);
  const connection = new InboundConnection(socket, around.context());
  const running = connection.run();
  connection.sweep(0);
  connection.sweep(29_999);
  assert(!socket.isClosed);
  connection.sweep(30_000);
  assert(socket.isClosed);
  await running;
});

Deno.test("Where a secret is set, a connection without a hello is cut after ten seconds; where none is, it may stay", async () => {
  const around = new Surroundings();
  const guarded = new MemorySocket("", 1000);
  const connection = new InboundConnection(guarded, around.context("a secret of the lab"));
  const running = connection.run();
  connection.sweep(9_999);
  assert(!guarded.isClosed);
  connection.sweep(10_000);
  assert(guarded.isClosed);
  await running;
  const free = new MemorySocket("", 1000);
  const patient = new InboundConnection(free, around.context());
  const waiting = patient.run();
  await settled();
  patient.sweep(86_400_000);
  assert(!free.isClosed);
  patient.close("the test ends");
  await waiting;
});

Deno.test("H23: whoever has not proved the secret gets no memory for a long line", async () => {
  const around = new Surroundings();
  const socket = new MemorySocket("", 100_000);
  const connection = new InboundConnection(socket, {
    ...around.context("a secret of the lab"),
    lineBytesMax: 8 * HELLO_BYTES_MAX,
  });
  for (let bytes = 0; bytes <= HELLO_BYTES_MAX; bytes += 2000) socket.feed("x".repeat(2000));
  const running = connection.run();
  while (socket.lines().length < 2) await settled();
  assertEquals(socket.lines()[1].error, "too_large");
  connection.close("the test ends");
  await running;
});

Deno.test("Answers arrive whole through a socket that takes three bytes at a time", async () => {
  const around = new Surroundings();
  const socket = new MemorySocket('{"id":1,"op":"get","key":1}\n{"id":2,"op":"get","key":2}\n', 3);
  const connection = new InboundConnection(socket, around.context());
  const running = connection.run();
  while (around.requests.length < 2) await Promise.resolve();
  for (const { id } of around.requests) connection.reply(id, valueReply("é😀".repeat(50)));
  connection.flush();
  while (socket.written.filter((byte) => byte === 10).length < 3) await Promise.resolve();
  const [hello, ...answers] = socket.lines();
  assertEquals(hello.hello.id, "r1");
  assertEquals(answers.map(({ id, value }) => [id, value]), [[1, "é😀".repeat(50)], [2, "é😀".repeat(50)]]);
  connection.close("the test ends");
  await running;
});

Deno.test("Where there is room for peers alone, whoever is none hears why, at once or after a second", async () => {
  const failure: Failure = { code: "overloaded", message: "full" };
  const clientHello = `{"hello":{"protocol":1,"role":"client","nonce":"${"1".repeat(32)}"}}\n`;
  for (const input of ['{"id":1,"op":"get","key":1}\n', clientHello, "GET / HTTP/1.1\n", ""]) {
    const around = new Surroundings();
    const socket = new MemorySocket(input, 1000);
    const connection = new InboundConnection(socket, around.context());
    const running = connection.runForPeer(failure);
    await settled();
    if (input === "") {
      connection.sweep(999);
      assert(!socket.isClosed);
      connection.sweep(1000);
    }
    while (socket.lines().length < 2) await settled();
    const [hello, answer] = socket.lines();
    assertEquals([hello.hello.protocol, answer.id, answer.error, answer.message], [
      1,
      null,
      "overloaded",
      "full",
    ]);
    assertEquals(around.requests, []);
    // Only now, with the line out, the time for the other side begins.
    await settled();
    around.nowMs = 3000;
    connection.sweep(3000);
    assert(socket.isClosed);
    await running;
  }
});

Deno.test("A line that is begun and not continued is cut after thirty seconds, and one that goes on is not", async () => {
  const around = new Surroundings();
  const socket = new MemorySocket('{"id":1,', 1000);
  const connection = new InboundConnection(socket, around.context());
  const running = connection.run();
  await settled();
  connection.sweep(0);
  assert(around.heldBytes > 0);
  connection.sweep(29_999);
  socket.feed('"op":');
  await settled();
  connection.sweep(59_000);
  assert(!socket.isClosed);
  connection.sweep(89_000);
  assert(socket.isClosed);
  assertEquals(around.heldBytes, 0);
  await running;
});

Deno.test("A peer is told by an empty line that the bytes of a long line arrive, for as long as they do", async () => {
  const around = new Surroundings();
  const config = configOf({ ports: { r1: 1, r2: 2 } });
  const socket = new MemorySocket("", 100_000);
  const connection = new InboundConnection(socket, around.context());
  const running = connection.run();
  const hello = { role: "peer" as const, cluster: "lab", id: "r2", epoch: "ab", nonce: "1".repeat(32) };
  socket.feed(`${encodeHello({ ...hello, digest: digestOf(config) })}\n`);
  while (connection.peerId === "") await settled();
  await settled();
  connection.sweep(0);
  for (let piece = 1; piece <= 3; piece++) {
    socket.feed('[{"type":');
    await settled();
    connection.sweep(200 * piece);
    await settled();
    assertEquals(socket.written.at(-1), 10);
    connection.sweep(200 * piece + 100);
    await settled();
  }
  const text = new TextDecoder().decode(new Uint8Array(socket.written));
  assert(text.endsWith("}\n\n\n\n"), text);
  // What a peer sends is bounded by other means.
  assertEquals(around.heldBytes, 0);
  connection.close("the test ends");
  await running;
});

Deno.test("What a client makes us keep is told as it grows and shrinks, and nothing remains", async () => {
  const around = new Surroundings();
  const socket = new MemorySocket('{"id":1,"op":"get","key":1}\n{"id":2,', 0);
  const connection = new InboundConnection(socket, around.context());
  const running = connection.run();
  while (around.requests.length < 1) await settled();
  const beforeBytes = around.heldBytes;
  connection.reply(1, valueReply("v".repeat(100_000)));
  assert(around.heldBytes > beforeBytes + 100_000);
  assertEquals(connection.heldBytes, around.heldBytes);
  connection.evict({ code: "overloaded", message: "too much" });
  assert(socket.isClosed);
  assertEquals(around.heldBytes, 0);
  await running;
});

Deno.test("The last word to a client that is closed at once is definite only where nothing is in flight", async () => {
  const around = new Surroundings();
  const idle = new MemorySocket('{"id":1,"op":"put"', 1000);
  const busy = new MemorySocket('{"id":1,"op":"put","key":1,"value":"x"}\n{"id":2,"op":"put"', 1000);
  const connections = [idle, busy].map((socket) => new InboundConnection(socket, around.context()));
  const running = connections.map((connection) => connection.run());
  await settled();
  assertEquals(around.requests.length, 1);
  for (const connection of connections) connection.evict({ code: "overloaded", message: "too much kept" });
  await Promise.all(running);
  for (const [socket, definite] of [[idle, true], [busy, false]] as const) {
    assertEquals(socket.lines().at(-1), {
      id: null,
      ok: false,
      error: "overloaded",
      message: "too much kept",
      definite,
    });
  }
});

Deno.test("A line that must wait until requests before it are answered is counted as long as it waits", async () => {
  const batch = JSON.stringify(
    Array.from({ length: CONNECTION_REQUESTS_MAX }, (_, id) => ({ id, op: "status" })),
  );
  const waiting = JSON.stringify({ id: -1, op: "put", key: 1, value: "x".repeat(1500) });
  const heldBytes: number[] = [];
  for (const rest of ["", `${waiting}\n`]) {
    const around = new Surroundings();
    const socket = new MemorySocket("", 1_000_000);
    const connection = new InboundConnection(socket, around.context());
    const running = connection.run();
    for (let at = 0; at < batch.length; at += 1000) {
      socket.feed(batch.slice(at, at + 1000));
      await settled();
    }
    socket.feed(`\n${rest}`);
    await settled();
    assertEquals(around.requests.length, CONNECTION_REQUESTS_MAX);
    heldBytes.push(around.heldBytes);
    connection.close("the test is over");
    await running;
    assertEquals(around.heldBytes, 0);
  }
  assertEquals(heldBytes[1]! - heldBytes[0]!, waiting.length);
});
