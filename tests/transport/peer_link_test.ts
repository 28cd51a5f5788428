/** Tests of links between replicas, over real loopback sockets. @module */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ok } from "../../src/base/failure.ts";
import { VALUE_BYTES_CEILING } from "../../src/protocol/limits.ts";
import type { Message } from "../../src/replica/envelope.ts";
import type { ForwardedMessage } from "../../src/replication/messages.ts";
import { configOf, FakeReplica, freePorts, RawClient } from "./fake_replica.ts";
import { eventually } from "../harness/eventually.ts";
import { SlowLine } from "./slow_line.ts";

const MIB = 1024 * 1024;

const write: Message = {
  type: "write",
  round: 4,
  cause: "put",
  keyspace: "main",
  key: 7,
  versions: [{ stamp: 9, origin: "r1.9f3a", value: "x" }],
};

function isUp(replica: FakeReplica, peer: string): boolean {
  return replica.links.findLast((entry) => !entry.endsWith("heard") && entry.startsWith(peer)) ===
    `${peer} up`;
}

Deno.test("Questions travel over the dialled link and answers come back over it", async () => {
  const config = configOf({ ports: freePorts("r1", "r2", "r3"), secret: "a secret of the lab" });
  await using r1 = new FakeReplica(config, "r1");
  await using r2 = new FakeReplica(config, "r2");
  await using r3 = new FakeReplica(config, "r3");
  await r1.until(() => isUp(r1, "r2") && isUp(r1, "r3"));
  r1.transport.send({ to: ["r2", "r3"], message: write });
  r1.transport.flush();
  await r2.until(() => r2.messages.length === 1);
  await r3.until(() => r3.messages.length === 1);
  assertEquals(r2.messages, [{ from: "r1", message: write }]);
  await r1.until(() => r1.messages.length === 2);
  assertEquals(r1.messages.map(({ from }) => from).sort(), ["r2", "r3"]);
  assertEquals(r1.messages[0]!.message, { type: "written", round: 4 });
  assert(r1.links.includes("r2 heard"));
  await r1.transport.firstDialsEnded();
});

Deno.test("A message of megabytes arrives whole, and its sender is heard of while it travels", async () => {
  const config = configOf({ ports: freePorts("r1", "r2") });
  await using r1 = new FakeReplica(config, "r1");
  await using r2 = new FakeReplica(config, "r2");
  await r1.until(() => isUp(r1, "r2"));
  const value = "\u0001é".repeat(400_000);
  const big: Message = { ...write, versions: [{ stamp: 9, origin: "r1.9f3a", value }] };
  r1.transport.send({ to: ["r2"], message: big });
  r1.transport.flush();
  await r2.until(() => r2.messages.length === 1);
  assertEquals(r2.messages[0]!.message, big);
});

Deno.test("The largest value that a configuration may allow gets through an idle link, whatever its bytes", async () => {
  const settings = { value_bytes_max: VALUE_BYTES_CEILING, segment_bytes: 2 * VALUE_BYTES_CEILING };
  const config = configOf({ ports: freePorts("r1", "r2"), settings });
  await using r1 = new FakeReplica(config, "r1");
  await using r2 = new FakeReplica(config, "r2");
  await r1.until(() => isUp(r1, "r2"));
  const value = "\0".repeat(VALUE_BYTES_CEILING);
  r1.transport.send({
    to: ["r2"],
    message: { ...write, versions: [{ stamp: 9, origin: "r1.9f3a", value }] },
  });
  r1.transport.flush();
  assertEquals(r1.transport.counters.dropped, 0);
  await r2.until(() => r2.messages.length === 1);
});

Deno.test("A message that takes longer than a peer waits for an answer arrives, and its link stays", async () => {
  const ports = freePorts("r1", "r2", "slow");
  const settings = { failure_timeout_ms: 400, heartbeat_interval_ms: 100 };
  const { members, ...config } = configOf({ ports: { r1: ports.r1, r2: ports.r2 }, settings });
  await using r2 = new FakeReplica({ ...config, members }, "r2");
  await using line = new SlowLine(ports.slow, ports.r2);
  const behindLine = members.map((member) => member.id === "r2" ? { ...member, port: ports.slow } : member);
  await using r1 = new FakeReplica({ ...config, members: behindLine }, "r1");
  await r1.until(() => isUp(r1, "r2"));
  const big: Message = { ...write, versions: [{ stamp: 9, origin: "r1.9f3a", value: "x".repeat(MIB) }] };
  line.bytesPerPiece = MIB / 40;
  const beganMs = performance.now();
  r1.transport.send({ to: ["r2"], message: big });
  r1.transport.flush();
  const isOver = (): boolean => r1.messages.length === 1 || r1.links.includes("r2 down");
  await eventually(isOver, { what: "the message is acknowledged", withinMs: 30_000 });
  assertEquals(r1.links.filter((entry) => entry === "r2 down"), []);
  assertEquals(r2.messages.length, 1);
  // Otherwise nothing was proved.
  assert(performance.now() - beganMs > 2 * settings.failure_timeout_ms);
});

Deno.test("A message too long for a line is dropped and counted, and the next one arrives", async () => {
  const settings = { value_bytes_max: 100, segment_bytes: 65_536 };
  const config = configOf({ ports: freePorts("r1", "r2"), settings });
  await using r1 = new FakeReplica(config, "r1");
  await using r2 = new FakeReplica(config, "r2");
  await r1.until(() => isUp(r1, "r2"));
  const value = "x".repeat(100_000);
  r1.transport.send({
    to: ["r2"],
    message: { ...write, versions: [{ stamp: 9, origin: "r1.9f3a", value }] },
  });
  r1.transport.send({ to: ["r2"], message: write });
  r1.transport.flush();
  await r2.until(() => r2.messages.length === 1);
  assertEquals(r2.messages[0]!.message, write);
  assertEquals(r1.transport.counters.dropped, 1);
});

/** What a coordinator says of a get that it was handed. */
function forwardedValue(round: number, value: string): ForwardedMessage {
  const receipt = {
    coordinator: "r2",
    keyspace: "main",
    level: "ONE",
    required: 1,
    copies: 1,
    acked: ["r2"],
    owed: [],
    repaired: [],
  } as const;
  return { type: "forwarded", round, reply: ok({ kind: "value", value, receipt }) };
}

/** What a replica was told of each round: an error code, or how long the value is. */
function told({ messages }: FakeReplica): string[] {
  return messages.flatMap(({ message }) => {
    if (message.type !== "forwarded") return [];
    if (!message.reply.ok) return [message.reply.failure.code];
    return message.reply.value.kind === "value" ? [String(message.reply.value.value.length)] : [];
  });
}

Deno.test("A value that has no room on the way back to who handed on the get is answered in few words", async () => {
  const settings = { value_bytes_max: 100, segment_bytes: 65_536 };
  const config = configOf({ ports: freePorts("r1", "r2"), settings });
  await using r1 = new FakeReplica(config, "r1");
  await using r2 = new FakeReplica(config, "r2");
  await r1.until(() => isUp(r1, "r2"));
  r2.transport.send({ to: ["r1"], message: forwardedValue(1, "x".repeat(100_000)) });
  r2.transport.send({ to: ["r1"], message: forwardedValue(2, "x") });
  r2.transport.flush();
  await r1.until(() => told(r1).length === 2);
  assertEquals(told(r1), ["overloaded", "1"]);

  const large = configOf({ ports: freePorts("r1", "r2") });
  await using r3 = new FakeReplica(large, "r1");
  await using r4 = new FakeReplica(large, "r2");
  await r3.until(() => isUp(r3, "r2"));
  for (let round = 0; round < 40; round++) {
    r4.transport.send({ to: ["r1"], message: forwardedValue(round, "x".repeat(MIB)) });
  }
  r4.transport.flush();
  await r3.until(() => told(r3).length === 40);
  assertEquals(new Set(told(r3)), new Set([String(MIB), "overloaded"]));
  assert(told(r3).filter((each) => each === String(MIB)).length >= 20);
});

Deno.test("A link is dialled again when its peer comes back", async () => {
  const config = configOf({ ports: freePorts("r1", "r2") });
  await using r1 = new FakeReplica(config, "r1");
  // The first dial has ended badly: nobody is there yet.
  await r1.transport.firstDialsEnded();
  for (let life = 0; life < 3; life++) {
    await using _r2 = new FakeReplica(config, "r2");
    await r1.until(() => isUp(r1, "r2"));
    await _r2.transport.stop({ drainMs: 0 });
    await r1.until(() => !isUp(r1, "r2"));
  }
  r1.transport.send({ to: ["r2"], message: write });
  assertEquals(r1.transport.counters.dropped, 1);
});

Deno.test("A link on which nothing comes back is cut and dialled again", async () => {
  // A listener that shakes hands and then says nothing, as a replica behind a silent network does.
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const config = configOf({
    ports: { r1: 0, r2: silent.addr.port },
    settings: { failure_timeout_ms: 30, heartbeat_interval_ms: 10 },
  });
  await using r1 = new FakeReplica(config, "r1");
  const served: Deno.Conn[] = [];
  for (let life = 0; life < 2; life++) {
    const conn = await silent.accept();
    served.push(conn);
    const hello = { protocol: 1, cluster: "lab", id: "r2", epoch: "ab", nonce: "0".repeat(32), auth: false };
    await conn.write(
      new TextEncoder().encode(`${JSON.stringify({ hello: { ...hello, line_bytes_max: 70_000 } })}\n`),
    );
    await conn.read(new Uint8Array(4096));
    const digest = { members: "r1,r2", "keyspace.main": "keys=byte partitioner=all replication=2" };
    await conn.write(new TextEncoder().encode(`${JSON.stringify({ welcome: { digest } })}\n`));
    await r1.until(() => isUp(r1, "r2"));
    r1.transport.send({ to: ["r2"], message: write });
    r1.transport.flush();
    await r1.until(() => !isUp(r1, "r2"));
  }
  assertStringIncludes(r1.logged.join("\n"), "no answer in time");
  for (const conn of served) conn.close();
  silent.close();
});

Deno.test("H23: replicas of other clusters, keyspaces and secrets get no link, and both sides say why", async () => {
  const ports = freePorts("r1", "r2");
  const wrong = [
    { options: { cluster: "prod" }, expected: 'cluster "prod" met cluster "lab"' },
    { options: { keys: "text" as const }, expected: 'the configurations differ in "keyspace.main"' },
    { options: { secret: "another secret of it" }, expected: "the proof of the cluster's secret is wrong" },
  ];
  for (const { options, expected } of wrong) {
    const secret = "a secret of the lab";
    await using r1 = new FakeReplica(configOf({ ports, secret }), "r1");
    await using r2 = new FakeReplica(configOf({ ports, secret, ...options }), "r2");
    for (const replica of [r1, r2]) {
      const words = (): string => replica.logged.join("\n").replaceAll("\\", "");
      const swapped = expected.replace(/"prod"(.*)"lab"/, '"lab"$1"prod"');
      await replica.until(() => words().includes(expected) || words().includes(swapped));
      assertEquals(replica.links.filter((entry) => !entry.endsWith("down")), []);
      assert(!words().includes(secret));
    }
  }
});

/** What r2 says first to r1, written by hand. */
const HELLO = {
  protocol: 1,
  role: "peer",
  cluster: "lab",
  id: "r2",
  epoch: "ab",
  nonce: "1".repeat(32),
  digest: { members: "r1,r2", "keyspace.main": "keys=byte partitioner=all replication=2" },
};

Deno.test("A newer connection of a peer takes the place of its older one", async () => {
  const config = configOf({ ports: { r1: 0, ...freePorts("r2") } });
  await using r1 = new FakeReplica(config, "r1");
  using older = await RawClient.open(r1.transport.port);
  await older.line();
  await older.send(`${JSON.stringify({ hello: HELLO })}\n`);
  assertEquals((await older.line()).welcome.digest, HELLO.digest);
  using newer = await RawClient.open(r1.transport.port);
  await newer.line();
  await newer.send(`${JSON.stringify({ hello: HELLO })}\n`);
  assertEquals((await newer.line()).welcome.digest, HELLO.digest);
  assertEquals(await older.line(), undefined);
  await newer.send(`[${JSON.stringify(write)}]\n`);
  assertEquals(await newer.line(), [{ type: "written", round: 4 }]);
});

Deno.test("A peer that speaks no messages is cut with a reason, and a message of a later version is skipped", async () => {
  const config = configOf({ ports: { r1: 0, ...freePorts("r2") } });
  await using r1 = new FakeReplica(config, "r1");
  using peer = await RawClient.open(r1.transport.port);
  await peer.line();
  await peer.send(`${JSON.stringify({ hello: HELLO })}\n[{"type":"sing"},${JSON.stringify(write)}]\n`);
  await peer.line();
  assertEquals(await peer.line(), [{ type: "written", round: 4 }]);
  await peer.send('{"id":1,"op":"status"}\n');
  assertEquals((await peer.line()).error, "malformed_request");
  assertEquals(await peer.line(), undefined);
  assertEquals([r1.transport.counters.skipped, r1.requests.length], [1, 0]);
});
