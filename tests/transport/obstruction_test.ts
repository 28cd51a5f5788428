/** Tests of faults between replicas, over real loopback sockets: what a cut, a delay, a loss and a pause do to lines. @module */
import { assert, assertEquals } from "@std/assert";
import { Faults } from "../../src/host/faults.ts";
import type { Message } from "../../src/replica/envelope.ts";
import { settle } from "../../src/sim/settle.ts";
import { LineChannel } from "../../src/transport/line_channel.ts";
import type { LineFaults, Obstacle } from "../../src/transport/obstruction.ts";
import { eventually } from "../harness/eventually.ts";
import { configOf, FakeReplica, freePorts, RawClient } from "./fake_replica.ts";

/** Nobody loses patience by itself while a test looks on. */
const PATIENT = {
  failure_timeout_ms: 600_000,
  heartbeat_interval_ms: 60_000,
  staleness_bound_ms: 3_600_000,
};

/** So long until something must have happened, on a machine that does much else. */
const SOON = { withinMs: 20_000 };

/** r1, which can be broken, and r2, which knows nothing of that. */
class Pair implements AsyncDisposable {
  readonly faults: Faults;
  readonly r1: FakeReplica;
  r2: FakeReplica;
  /** What `drop` draws next, in turns. */
  draws: number[] = [1];
  #drawCount = 0;
  readonly #ports = freePorts("r1", "r2");
  readonly #settings: Readonly<Record<string, number>>;

  constructor(settings: Readonly<Record<string, number>>, prepare: (faults: Faults) => void = () => {}) {
    this.#settings = settings;
    this.faults = new Faults({
      selfId: "r1",
      memberIds: ["r1", "r2"],
      nowMs: () => performance.now(),
      after: (delayMs, wake) => {
        const timer = setTimeout(wake, delayMs);
        return () => clearTimeout(timer);
      },
      draw: () => this.draws[this.#drawCount++ % this.draws.length]!,
      onChange: () => this.r1?.transport.onFaults(),
    });
    prepare(this.faults);
    this.r1 = new FakeReplica(this.#config, "r1", { faults: this.faults });
    this.r2 = new FakeReplica(this.#config, "r2");
  }

  /** Two that have met. */
  static async met(settings: Readonly<Record<string, number>> = PATIENT): Promise<Pair> {
    const pair = new Pair(settings);
    await pair.meet();
    return pair;
  }

  async meet(): Promise<void> {
    for (const [replica, peer] of [[this.r1, "r2"], [this.r2, "r1"]] as const) {
      await replica.until(() =>
        replica.links.includes(`${peer} up`) && replica.links.includes(`${peer} heard`)
      );
    }
  }

  /** Sends r1 to r2, or back, each message in a line of its own. */
  send(from: "r1" | "r2", ...wallTimes: number[]): void {
    for (const wall_ms of wallTimes) {
      this[from].transport.send({ to: [from === "r1" ? "r2" : "r1"], message: heartbeat(wall_ms) });
      this[from].transport.flush();
    }
  }

  /** The wall times in what a replica heard. */
  heard(replica: "r1" | "r2"): number[] {
    return this[replica].messages.flatMap(({ message }) => "wall_ms" in message ? [message.wall_ms] : []);
  }

  /** Sends this until it arrives: a connection that was cut for a while may have to be made again first. */
  async getThrough(from: "r1" | "r2", wallMs: number): Promise<void> {
    const to = from === "r1" ? "r2" : "r1";
    await eventually(() => {
      this.send(from, wallMs);
      return this.heard(to).includes(wallMs);
    }, { ...SOON, what: `${to} hears ${wallMs}` });
  }

  get #config(): ReturnType<typeof configOf> {
    return configOf({ ports: this.#ports, settings: this.#settings });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.faults.heal();
    await this.r1[Symbol.asyncDispose]();
    await this.r2[Symbol.asyncDispose]();
  }
}

function heartbeat(wall_ms: number): Message {
  return { type: "heartbeat", epoch: "9f3a", known_epochs: [], wall_ms, recovering: false };
}

/** Resolves when r1 has read what a client sends now, and so whatever was on its way before. */
async function turned({ r1 }: Pair): Promise<void> {
  using client = await RawClient.open(r1.transport.port);
  await client.line();
  for (let id = 1; id <= 3; id++) {
    await client.send(`{"id":${id},"op":"get","key":1}\n`);
    await client.line();
  }
}

/** The same where only words about faults are heard. */
async function turnedWhilePaused({ r1 }: Pair): Promise<void> {
  using client = await RawClient.open(r1.transport.port);
  await client.line();
  for (let id = 1; id <= 3; id++) {
    await client.send(`{"id":${id},"op":"fault","action":"list"}\n`);
    await client.line();
  }
}

Deno.test("a cut lets nothing through either way, breaks no connection, and is gone when it is healed", async () => {
  await using pair = await Pair.met();
  const { faults, r1, r2 } = pair;
  faults.set({ kind: "cut", peers: ["r2"], way: "both" }, 600_000);
  const linksBefore = [[...r1.links], [...r2.links]];
  pair.send("r1", 1, 2);
  pair.send("r2", 3, 4);
  await turned(pair);
  assertEquals([r1.links, r2.links], linksBefore);
  faults.heal();
  pair.send("r1", 5);
  pair.send("r2", 6);
  await r2.until(() => pair.heard("r2").length > 0);
  await r1.until(() => pair.heard("r1").length > 0);
  assertEquals([pair.heard("r1"), pair.heard("r2")], [[6], [5]]);
});

Deno.test("a cut of one way leaves the other alone", async () => {
  await using pair = await Pair.met();
  pair.faults.set({ kind: "cut", peers: ["r2"], way: "to" }, 600_000);
  pair.send("r1", 1);
  pair.send("r2", 2);
  await pair.r1.until(() => pair.heard("r1").includes(2));
  pair.faults.heal();
  pair.faults.set({ kind: "cut", peers: ["r2"], way: "from" }, 600_000);
  pair.send("r2", 3);
  pair.send("r1", 4);
  await pair.r2.until(() => pair.heard("r2").includes(4));
  pair.faults.heal();
  pair.send("r2", 5);
  await pair.r1.until(() => pair.heard("r1").includes(5));
  assertEquals([pair.heard("r1"), pair.heard("r2")], [[2, 5], [4]]);
});

Deno.test("behind a cut a link is lost by silence only, and no new one is made until it is healed", async () => {
  await using pair = await Pair.met({ failure_timeout_ms: 250, heartbeat_interval_ms: 100 });
  const { faults, r1, r2 } = pair;
  faults.set({ kind: "cut", peers: ["r2"], way: "both" }, 600_000);
  pair.send("r1", 1);
  pair.send("r2", 2);
  await r1.until(() => r1.logged.some((line) => line.includes("no connection within")));
  await r2.until(() => r2.logged.some((line) => line.includes("no hello in time")));
  assertEquals([r1.links.at(-1), r2.links.at(-1)], ["r2 down", "r1 down"]);
  faults.heal();
  await r1.until(() => r1.links.lastIndexOf("r2 up") > r1.links.indexOf("r2 down"));
  await r2.until(() => r2.links.lastIndexOf("r1 up") > r2.links.indexOf("r1 down"));
  await pair.getThrough("r1", 3);
  await pair.getThrough("r2", 4);
  assert(!pair.heard("r1").includes(2) && !pair.heard("r2").includes(1));
});

Deno.test("two that are cut from the start do not meet before that ends", async () => {
  await using pair = new Pair(PATIENT, (faults) => {
    faults.set({ kind: "cut", peers: ["r2"], way: "from" }, 600_000);
  });
  const { faults, r1, r2 } = pair;
  await r1.until(() => r1.logged.some((line) => line.includes("no connection within")));
  await r2.until(() => r2.logged.some((line) => line.includes("no hello in time")));
  assertEquals([r1.links, r2.links], [[], []]);
  faults.heal();
  await pair.meet();
});

Deno.test("that a peer has ended does not show through a cut", async () => {
  await using pair = await Pair.met();
  const { faults, r1, r2 } = pair;
  faults.set({ kind: "cut", peers: ["r2"], way: "from" }, 600_000);
  await r2[Symbol.asyncDispose]();
  await turned(pair);
  assert(!r1.links.includes("r2 down"), r1.links.join());
  faults.heal();
  await r1.until(() => r1.links.includes("r2 down"));
});

Deno.test("a delay makes lines late both ways, and keeps their order", async () => {
  const delayMs = 150;
  await using pair = await Pair.met();
  pair.faults.set({ kind: "delay", delay_ms: delayMs }, 600_000);
  const beginMs = performance.now();
  pair.send("r1", 1, 2, 3);
  pair.send("r2", 4, 5, 6);
  await pair.r2.until(() => pair.heard("r2").length > 0);
  assert(performance.now() - beginMs >= delayMs - 1);
  await pair.r1.until(() => pair.heard("r1").length > 0);
  assert(performance.now() - beginMs >= delayMs - 1);
  // What waits when the delay ends comes before what is sent then.
  pair.send("r1", 7);
  pair.send("r2", 8);
  pair.faults.heal();
  pair.send("r1", 9);
  pair.send("r2", 10);
  await pair.r2.until(() => pair.heard("r2").length === 5);
  await pair.r1.until(() => pair.heard("r1").length === 5);
  assertEquals([pair.heard("r1"), pair.heard("r2")], [[4, 5, 6, 8, 10], [1, 2, 3, 7, 9]]);
});

Deno.test("of the lines either way those are lost that are drawn", async () => {
  await using pair = await Pair.met();
  // Why one at a time: what is sent while the one before is being written shares a line with its successors.
  const lossesOf = async (from: "r1" | "r2", to: "r1" | "r2"): Promise<void> => {
    pair.draws = [0];
    pair.send(from, 1);
    await turned(pair);
    pair.draws = [0.9];
    pair.send(from, 2);
    await pair[to].until(() => pair.heard(to).includes(2));
    assertEquals(pair.heard(to), [2]);
  };
  pair.faults.set({ kind: "drop", percent: 50 }, 600_000);
  await lossesOf("r1", "r2");
  await lossesOf("r2", "r1");
});

Deno.test("a replica that is paused hears of faults only; what came meanwhile it hears afterwards, in its order", async () => {
  await using pair = await Pair.met();
  const { faults, r1 } = pair;
  using before = await RawClient.open(r1.transport.port);
  await before.line();
  await before.send('{"id":1,"op":"get","key":1}\n');
  await before.line();
  faults.set({ kind: "pause" }, 600_000);
  pair.send("r2", 1, 2);
  await before.send('{"id":2,"op":"get","key":2}\nnonsense\n{"id":3,"op":"get","key":3}\n');
  await before.send('{"id":4,"op":"fault","action":"list"}\n');
  await r1.until(() => r1.requests.some(({ request }) => request.op === "fault"));
  using after = await RawClient.open(r1.transport.port);
  await after.line();
  await after.send('{"id":5,"op":"get","key":5}\n[{"id":6,"op":"fault","action":"heal"}]\n');
  await r1.until(() => r1.requests.filter(({ request }) => request.op === "fault").length === 2);
  assertEquals(r1.requests.map(({ request }) => "key" in request ? request.key : request.op), [
    1,
    "fault",
    "fault",
  ]);
  assertEquals(pair.heard("r1"), []);
  faults.heal();
  await r1.until(() => pair.heard("r1").length === 2 && r1.requests.length === 6);
  assertEquals(pair.heard("r1"), [1, 2]);
  const answers = [await before.line(), await before.line(), await before.line(), await before.line()];
  assertEquals(answers.map(({ id }) => id), [4, 2, null, 3]);
  assertEquals([(await after.line()).id, (await after.line()).id], [6, 5]);
});

Deno.test("what a client asked of a paused replica before it ended its side is answered still", async () => {
  await using pair = await Pair.met();
  pair.faults.set({ kind: "pause" }, 600_000);
  using client = await RawClient.open(pair.r1.transport.port);
  await client.line();
  await client.send('{"id":1,"op":"get","key":7}\n');
  await client.conn.closeWrite();
  await turnedWhilePaused(pair);
  assertEquals(pair.r1.requests.filter(({ request }) => request.op !== "fault"), []);
  pair.faults.heal();
  assertEquals([(await client.line()).value, await client.line()], ["7", undefined]);
});

Deno.test("of a client that goes on talking to a paused replica only so much is kept", async () => {
  await using pair = await Pair.met();
  pair.faults.set({ kind: "pause" }, 600_000);
  using client = await RawClient.open(pair.r1.transport.port);
  await client.line();
  const line = `${JSON.stringify({ id: 1, op: "put", key: 1, value: "x".repeat(60_000) })}\n`;
  await client.send(line + line + line);
  await client.send('{"id":2,"op":"fault","action":"list"}\n');
  // Its reading has stopped; on another connection a word about faults is heard still.
  using other = await RawClient.open(pair.r1.transport.port);
  await other.line();
  await other.send('{"id":3,"op":"fault","action":"list"}\n');
  await other.line();
  assertEquals(pair.r1.requests.length, 1);
  pair.faults.heal();
  await pair.r1.until(() => pair.r1.requests.length === 5);
});

/** A channel over a socket in memory, with time in the test's hand. */
class ChannelStage {
  nowMs = 0;
  readonly written: string[] = [];
  readonly channel: LineChannel;
  #timers: { readonly atMs: number; readonly wake: () => void }[] = [];
  #reads: { readonly buffer: Uint8Array; readonly pending: PromiseWithResolvers<number | null> }[] = [];

  constructor() {
    this.channel = new LineChannel({
      read: (buffer) => {
        const pending = Promise.withResolvers<number | null>();
        this.#reads.push({ buffer, pending });
        return pending.promise;
      },
      write: (bytes) => {
        this.written.push(new TextDecoder().decode(bytes));
        return Promise.resolve(bytes.length);
      },
      closeWrite: () => Promise.resolve(),
      close: () => {},
    }, {
      lineBytesMax: 1000,
      readBytesMax: 1000,
      onChange: () => {},
      halt: (cause) => {
        throw cause;
      },
    });
  }

  obstruct(changes?: Partial<Obstacle>): void {
    const clear = { cutsIn: false, cutsOut: false, holds: false, delayMs: 0, isLost: undefined };
    const obstacle = changes === undefined ? undefined : { ...clear, ...changes };
    const faults: LineFaults = {
      isPaused: false,
      obstacleTo: () => obstacle,
      nowMs: () => this.nowMs,
      after: (delayMs, wake) => {
        const timer = { atMs: this.nowMs + delayMs, wake };
        this.#timers.push(timer);
        return () => void (this.#timers = this.#timers.filter((other) => other !== timer));
      },
    };
    this.channel.obstruct(obstacle, { faults, hidesEnd: true });
  }

  /** What the one read under way brings. */
  async receive(text: string): Promise<void> {
    const { buffer, pending } = this.#reads.shift()!;
    assertEquals(this.#reads, []);
    pending.resolve(new TextEncoder().encodeInto(text, buffer).written);
    await settle();
  }

  async lose(): Promise<void> {
    this.#reads.shift()!.pending.reject(new Error("reset"));
    await settle();
  }

  async pass(passMs: number): Promise<void> {
    this.nowMs += passMs;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.nowMs);
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { wake } of due) wake();
    await settle();
  }
}

Deno.test("a line that comes while nobody waits and the obstacle goes is not lost", async () => {
  const stage = new ChannelStage();
  stage.obstruct({ delayMs: 10 });
  const first = stage.channel.read();
  await stage.receive("1\n");
  await stage.pass(10);
  assertEquals((await first).lines, ["1"]);
  stage.obstruct();
  await stage.receive("2\n");
  assertEquals((await stage.channel.read()).lines, ["2"]);
  const third = stage.channel.read();
  await stage.receive("3\n");
  assertEquals((await third).lines, ["3"]);
});

Deno.test("a connection that breaks behind a cut is lost when the cut ends, and not before", async () => {
  const stage = new ChannelStage();
  const reading = stage.channel.read();
  stage.obstruct({ cutsIn: true });
  await stage.lose();
  assert(!stage.channel.isClosed);
  stage.obstruct();
  assertEquals([(await reading).state, stage.channel.lossReason], ["lost", "Error: reset"]);
});

Deno.test("what is written leaves after the delay, counts as waiting until then, and is never sent behind a cut", async () => {
  const stage = new ChannelStage();
  const { channel, written } = stage;
  stage.obstruct({ delayMs: 10 });
  channel.outbox.pushLine("one");
  channel.flush();
  await stage.pass(4);
  channel.outbox.pushLine("two");
  channel.flush();
  assertEquals([written, channel.outbox.chars], [[], 8]);
  await stage.pass(6);
  assertEquals([written, channel.outbox.chars], [["one\n"], 4]);
  stage.obstruct({ cutsOut: true });
  channel.outbox.pushLine("three");
  channel.flush();
  await stage.pass(100);
  assertEquals([written, channel.isDrained], [["one\n"], true]);
  stage.obstruct();
  channel.outbox.pushLine("four");
  channel.flush();
  assertEquals(written, ["one\n", "four\n"]);
});
