/** Tests of what floods of clients may take of a replica's memory and connections, over real loopback sockets. @module */
import { assert, assertEquals } from "@std/assert";
import { CONNECTIONS_BEYOND_MAX } from "../../src/protocol/limits.ts";
import { eventually } from "../harness/eventually.ts";
import { configOf, FakeReplica, freePorts, RawClient, valueReply } from "./fake_replica.ts";

const MIB = 1024 * 1024;

Deno.test("Half lines held open by many clients are bounded in sum, and a polite client is answered", async () => {
  const config = configOf({ ports: { r1: 0 } });
  await using replica = new FakeReplica(config, "r1", { heldBytesMax: 4 * MIB });
  const flood: RawClient[] = [];
  for (let i = 0; i < 12; i++) {
    const client = await RawClient.open(replica.transport.port);
    flood.push(client);
    // Whoever is closed while it sends has a reason to complain, and that is what is wanted here.
    await client.send(`{"id":1,"op":"put","key":1,"value":"${"x".repeat(MIB)}`).catch(() => {});
  }
  await eventually(() => replica.transport.counters.evicted >= 8, {
    what: "most are closed",
    withinMs: 10_000,
  });
  using polite = await RawClient.open(replica.transport.port);
  await polite.line();
  await polite.send(`{"id":1,"op":"put","key":1,"value":"${"x".repeat(MIB / 2)}"}\n`);
  assertEquals((await polite.line()).id, 1);
  assertEquals(replica.logged.filter((line) => line.startsWith("connection closed")).length, 1);
  for (const client of flood) client[Symbol.dispose]();
});

Deno.test("Clients that take no answers are bounded in sum: who has the most waiting is closed", async () => {
  const config = configOf({ ports: { r1: 0 } });
  await using replica = new FakeReplica(config, "r1", { heldBytesMax: 16 * MIB });
  replica.isAnswering = false;
  const slow = await Promise.all(Array.from({ length: 6 }, () => RawClient.open(replica.transport.port)));
  using polite = await RawClient.open(replica.transport.port);
  await polite.line();
  const answer = valueReply("v".repeat(MIB));
  for (const [index, client] of slow.entries()) {
    // The first asks for more than all others.
    const count = index === 0 ? 14 : 8;
    const lines = Array.from({ length: count }, (_, id) => `{"id":${id},"op":"get","key":1}\n`);
    await client.send(lines.join(""));
    await replica.until(() => replica.requests.length === count);
    for (const { id } of replica.requests.splice(0)) replica.transport.reply(id, answer);
    replica.transport.flush();
  }
  assert(replica.transport.counters.evicted > 0);
  await polite.send('{"id":1,"op":"get","key":1}\n');
  await replica.until(() => replica.requests.length === 1);
  replica.transport.reply(replica.requests[0]!.id, answer);
  replica.transport.flush();
  assertEquals((await polite.line()).value.length, MIB);
  for (const client of slow) client[Symbol.dispose]();
});

Deno.test("Connections that are closed here and kept open there are bounded, and make room when they end", async () => {
  const config = configOf({ ports: { r1: 0 }, secret: "a secret of the lab" });
  await using replica = new FakeReplica(config, "r1", { connectionsMax: 4 });
  const flood: RawClient[] = [];
  // Each is cut for its malformed first line, and none of them reads on or ends.
  for (let i = 0; i < 2 * (4 + CONNECTIONS_BEYOND_MAX); i++) {
    const client = await RawClient.open(replica.transport.port);
    flood.push(client);
    await client.send("GET / HTTP/1.1\n").catch(() => {});
  }
  await eventually(() => replica.transport.connectionCount === 0, { what: "all are cut", withinMs: 20_000 });
  const { lingeringCount } = replica.transport;
  assert(lingeringCount <= 2 * 4 + CONNECTIONS_BEYOND_MAX, `${lingeringCount} linger`);
  for (const client of flood) client[Symbol.dispose]();
  await eventually(() => replica.transport.lingeringCount === 0, { what: "none lingers", withinMs: 10_000 });
  using polite = await RawClient.open(replica.transport.port);
  assertEquals((await polite.line()).hello.id, "r1");
});

Deno.test("With every place taken, silent newcomers make room for a peer", async () => {
  const config = configOf({ ports: freePorts("r1", "r2") });
  await using r2 = new FakeReplica(config, "r2", { connectionsMax: 8 });
  const flood: Deno.TcpConn[] = [];
  try {
    // More than the places and those beyond them: the oldest of the silent are closed.
    while (flood.length < 8 + CONNECTIONS_BEYOND_MAX + 6) {
      flood.push(await Deno.connect({ hostname: "127.0.0.1", port: r2.transport.port }));
    }
    await using r1 = new FakeReplica(config, "r1");
    await r1.until(() => r1.links.includes("r2 up"));
    assert(
      r2.transport.connectionCount <= 8 + CONNECTIONS_BEYOND_MAX + 1,
      `${r2.transport.connectionCount} connections`,
    );
  } finally {
    for (const conn of flood) conn.close();
  }
});
