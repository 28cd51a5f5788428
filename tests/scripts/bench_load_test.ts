import { assert, assertEquals } from "@std/assert";
import type { LoadCommand } from "../../scripts/bench/load_run.ts";
import { LoadProcesses } from "../../scripts/bench/load_process.ts";
import { unless, WHY_NOT_LINUX } from "../harness/abilities.ts";

/** A store of RESP that keeps nothing but the names of keys; it answers in pieces, as a network may. */
class PiecewiseStore implements Disposable {
  readonly keys = new Map<string, number>();
  readonly port: number;
  answerToWait = ":1\r\n";
  dropAfter = Infinity;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });

  constructor() {
    this.port = this.#listener.addr.port;
    void this.#accept();
  }

  [Symbol.dispose](): void {
    this.#listener.close();
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) void this.#serve(connection);
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    connection.setNoDelay();
    let text = "";
    const bytes = new Uint8Array(4096);
    for (let count = await connection.read(bytes); count !== null; count = await connection.read(bytes)) {
      text += new TextDecoder().decode(bytes.subarray(0, count));
      // A command of ours is whole when as many parts have come as its head says.
      for (let words = takeCommand(text); words !== undefined; words = takeCommand(text)) {
        text = words.rest;
        const [name, key] = words.parts as [string, string];
        if (name !== "WAIT") this.keys.set(key, (this.keys.get(key) ?? 0) + 1);
        if (--this.dropAfter < 0) return connection.close();
        const answer = { SET: "+OK\r\n", WAIT: this.answerToWait, GET: "$5\r\nhello\r\n" }[name]!;
        for (const half of [answer.slice(0, 2), answer.slice(2)]) {
          await connection.write(new TextEncoder().encode(half));
        }
      }
    }
    connection.close();
  }
}

function takeCommand(text: string): { parts: string[]; rest: string } | undefined {
  const lines = text.split("\r\n");
  const lineCount = 1 + 2 * Number(lines[0]!.slice(1));
  if (text === "" || lines.length <= lineCount) return undefined;
  const parts = lines.slice(1, lineCount).filter((_, index) => index % 2 === 1);
  return { parts, rest: lines.slice(lineCount).join("\r\n") };
}

function commandOf(store: PiecewiseStore, changes: Partial<LoadCommand>): LoadCommand {
  return {
    requests: { kind: "redis", waitCount: 1 },
    getShare: 0,
    keyCount: 20,
    keys: "uniform",
    valueBytes: 100,
    clientCount: 4,
    connectionCount: 4,
    places: [{ host: "127.0.0.1", port: store.port }],
    warmUpMs: 0,
    until: { operationCount: 200 },
    ...changes,
  };
}

Deno.test({
  ...unless(
    WHY_NOT_LINUX,
    "A load makes just so many operations, and puts every key when it takes them in turn",
  ),
  async fn(): Promise<void> {
    using store = new PiecewiseStore();
    await using load = new LoadProcesses(2);
    const keys = { begin: 0, step: 1 };
    const { operationCount, errorCount, perSecond, latency } = await load.run(commandOf(store, { keys }));
    assertEquals([operationCount, errorCount, latency.count], [200, 0, 200]);
    assert(perSecond > 0 && latency.maxUs > 0);
    assertEquals([...new Set(store.keys.values())], [10]);
    assertEquals(store.keys.size, 20);
  },
});

Deno.test({
  ...unless(WHY_NOT_LINUX, "A load that is limited in time mixes gets and puts, and draws keys"),
  async fn(): Promise<void> {
    using store = new PiecewiseStore();
    await using load = new LoadProcesses(1);
    const outcome = await load.run(
      commandOf(store, { getShare: 0.5, warmUpMs: 20, until: { durationMs: 300 } }),
    );
    assertEquals(outcome.errorCount, 0);
    assert(outcome.operationCount > 0);
    assert(store.keys.size > 1, `${store.keys.size} keys`);
  },
});

Deno.test({
  ...unless(
    WHY_NOT_LINUX,
    "What a store refuses and connections that are lost count as errors, and end no run",
  ),
  async fn(): Promise<void> {
    using store = new PiecewiseStore();
    await using load = new LoadProcesses(1);
    store.answerToWait = ":0\r\n";
    const refused = await load.run(commandOf(store, {}));
    assertEquals([refused.operationCount, refused.errorCount], [0, 200]);
    assertEquals(refused.firstError, "WAIT 1 0 was answered with :0");
    store.answerToWait = ":1\r\n";
    store.dropAfter = 50;
    const lost = await load.run(commandOf(store, { clientCount: 1, connectionCount: 1 }));
    assertEquals([lost.operationCount, lost.errorCount, lost.firstError], [25, 1, "connection lost"]);
  },
});
