/** Tests of `src/transport/tcp_transport.ts` towards clients, over real loopback sockets. @module */
import { eventually } from "../harness/eventually.ts";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  CLIENT_QUEUE_BYTES_MAX,
  CONNECTION_REQUESTS_MAX,
  CONNECTIONS_MAX,
} from "../../src/protocol/limits.ts";
import { clientHello } from "../../src/transport/handshake.ts";
import { encodeHello, parseServerHello } from "../../src/transport/hello.ts";
import { hmacOf } from "../../src/transport/tcp_transport.ts";
import {
  configOf,
  type ConfigOptions,
  FakeReplica,
  freePorts,
  RawClient,
  valueReply,
} from "./fake_replica.ts";

function lone(options: Omit<ConfigOptions, "ports"> = {}): FakeReplica {
  return new FakeReplica(configOf({ ...options, ports: { r1: 0 } }), "r1");
}

Deno.test("A client without a hello gets answers with its ids", async () => {
  await using replica = lone();
  using client = await RawClient.open(replica.transport.port);
  const { hello } = await client.line();
  assertEquals([hello.protocol, hello.cluster, hello.id, hello.epoch, hello.auth], [
    1,
    "lab",
    "r1",
    "9f3a",
    false,
  ]);
  await client.send(
    '{"id":"a","op":"get","key":7}\n[{"id":2,"op":"get","key":8},{"id":3,"op":"get","key":9}]\n',
  );
  for (const [id, value] of [["a", "7"], [2, "8"], [3, "9"]]) {
    const answer = await client.line();
    assertEquals([answer.id, answer.ok, answer.value, answer.coordinator], [id, true, value, "r1"]);
  }
});

Deno.test("At half-close pending answers are still sent, and then the connection ends", async () => {
  await using replica = lone();
  replica.isAnswering = false;
  using client = await RawClient.open(replica.transport.port);
  await client.line();
  // The last line has no end, as a person's may.
  await client.send('{"id":1,"op":"get","key":1}\n{"id":2,"op":"get","key":2}');
  await client.conn.closeWrite();
  await replica.until(() => replica.requests.length === 2);
  for (const { id } of replica.requests) replica.answer(id);
  assertEquals([(await client.line()).id, (await client.line()).id, await client.line()], [1, 2, undefined]);
});

Deno.test("A malformed first line gets a reason and closes the connection; its second line is not looked at", async () => {
  await using replica = lone();
  for (const first of ["POST / HTTP/1.1", '"text"', "7", "[]", "[[]]"]) {
    using client = await RawClient.open(replica.transport.port);
    await client.line();
    await client.send(`${first}\n{"id":1,"op":"get","key":1}\n`);
    const answer = await client.line();
    assertEquals([answer.id, answer.ok, answer.error, answer.definite], [
      null,
      false,
      "malformed_request",
      true,
    ]);
    assertEquals(await client.line(), undefined);
  }
  assertEquals(replica.requests.length, 0);
});

Deno.test("A later malformed line gets an answer, with its id where it can be read, and the connection goes on", async () => {
  await using replica = lone();
  using client = await RawClient.open(replica.transport.port);
  await client.line();
  await client.send(
    '{"id":1,"op":"get","key":1}\nnonsense\n{"id":2,"op":"put","key":1}\n{"id":3,"op":"get","key":3}\n',
  );
  const answers = [await client.line(), await client.line(), await client.line(), await client.line()];
  const byId = new Map(answers.map((answer) => [answer.id, answer.error ?? "ok"]));
  assertEquals([byId.get(1), byId.get(null), byId.get(2), byId.get(3)], [
    "ok",
    "malformed_request",
    "malformed_request",
    "ok",
  ]);
});

Deno.test("A first request with a wrong field is answered and the connection goes on", async () => {
  await using replica = lone();
  using client = await RawClient.open(replica.transport.port);
  await client.line();
  await client.send('{"id":1,"op":"get","key":1,"level":"FIVE"}\n{"id":2,"op":"get","key":3}\n');
  assertEquals([(await client.line()).error, (await client.line()).value], ["malformed_request", "3"]);
});

Deno.test("A line over the limit closes the connection with a reason, after the answers before it", async () => {
  await using replica = lone({ settings: { value_bytes_max: 100, line_bytes_max: 70_000 } });
  using client = await RawClient.open(replica.transport.port);
  assertEquals((await client.line()).hello.line_bytes_max, 70_000);
  await client.send(
    `{"id":1,"op":"get","key":1}\n{"id":2,"op":"put","key":1,"value":"${"x".repeat(70_000)}"}\n`,
  );
  const answers = [await client.line(), await client.line()];
  assertEquals(answers.map((answer) => answer.error ?? answer.value).sort(), ["1", "too_large"]);
  assertStringIncludes(answers.find((answer) => answer.error).message, "line_bytes_max = 70000");
  assertEquals(await client.line(), undefined);
});

Deno.test("With a secret nothing but a proven hello gets past the first line", async () => {
  const secret = "a secret of the lab";
  await using replica = lone({ secret });
  const hmacs = [undefined, hmacOf("another secret of it"), hmacOf(secret)];
  for (const [index, hmac] of hmacs.entries()) {
    using client = await RawClient.open(replica.transport.port);
    const server = parseServerHello(await client.line());
    assert(server.ok && server.value.auth);
    const hello = clientHello(server.value, "0".repeat(32), hmac);
    await client.send(`${encodeHello(hello)}\n{"id":1,"op":"get","key":1}\n`);
    const first = await client.line();
    if (index < 2) {
      assertEquals([first.error, await client.line()], ["unauthorized", undefined]);
      assert(!first.message.includes(secret));
    } else {
      assertEquals(typeof first.welcome.proof, "string");
      assertEquals((await client.line()).value, "1");
    }
  }
  using client = await RawClient.open(replica.transport.port);
  await client.line();
  await client.send('{"id":1,"op":"get","key":1}\n');
  assertEquals([(await client.line()).error, await client.line()], ["unauthorized", undefined]);
  assertEquals(replica.requests.length, 1);
});

Deno.test("H23: a hello that was good on one connection is refused on another, and so is the server's own proof", async () => {
  const secret = "a secret of the lab";
  await using replica = lone({ secret });
  using client = await RawClient.open(replica.transport.port);
  const server = parseServerHello(await client.line());
  assert(server.ok);
  const hello = clientHello(server.value, "0".repeat(32), hmacOf(secret));
  await client.send(`${encodeHello(hello)}\n`);
  const { welcome } = await client.line();
  assertEquals(typeof welcome.proof, "string");
  for (const proof of [hello.proof!, welcome.proof]) {
    using other = await RawClient.open(replica.transport.port);
    await other.line();
    await other.send(`${encodeHello({ ...hello, proof })}\n{"id":1,"op":"get","key":1}\n`);
    assertEquals([(await other.line()).error, await other.line()], ["unauthorized", undefined]);
  }
  assertEquals(replica.requests, []);
});

Deno.test("A peer that is refused at every dial is logged once, and counted each time", async () => {
  await using replica = lone();
  for (let dial = 0; dial < 3; dial++) {
    using client = await RawClient.open(replica.transport.port);
    await client.line();
    await client.send('{"hello":{"protocol":9}}\n');
    assertEquals((await client.line()).error, "unsupported_version");
  }
  assertEquals(replica.transport.counters.refused, 3);
  assertEquals(replica.logged.filter((line) => line.startsWith("hello refused")).length, 1);
});

Deno.test("Refusals that each have other words do not fill the log, and are all counted", async () => {
  await using replica = lone();
  for (let dial = 0; dial < 100; dial++) {
    using client = await RawClient.open(replica.transport.port);
    await client.line();
    await client.send(`{"hello":{"protocol":${dial + 2}}}\n`);
    assertEquals((await client.line()).error, "unsupported_version");
  }
  assertEquals(replica.transport.counters.refused, 100);
  assertEquals(replica.logged.filter((line) => line.startsWith("hello refused")).length, 64);
});

Deno.test("A hello of another protocol is refused by name", async () => {
  await using replica = lone();
  using client = await RawClient.open(replica.transport.port);
  await client.line();
  await client.send('{"hello":{"protocol":9,"role":"client","nonce":"00"}}\n');
  const answer = await client.line();
  assertEquals(answer.error, "unsupported_version");
  assertStringIncludes(answer.message, "protocol 9 came, 1 was expected");
});

Deno.test("A connection has a bounded number of requests in flight, and goes on when they are answered", async () => {
  await using replica = lone();
  replica.isAnswering = false;
  using client = await RawClient.open(replica.transport.port);
  await client.line();
  const count = CONNECTION_REQUESTS_MAX + 500;
  let text = "";
  for (let id = 1; id <= count; id++) text += `{"id":${id},"op":"get","key":1}\n`;
  const sending = client.send(text);
  await replica.until(() => replica.requests.length === CONNECTION_REQUESTS_MAX);
  // Another connection is not held up by this one.
  using other = await RawClient.open(replica.transport.port);
  await other.line();
  await other.send('{"id":1,"op":"get","key":5}\n');
  await replica.until(() => replica.requests.length > CONNECTION_REQUESTS_MAX);
  assertEquals(replica.requests.length, CONNECTION_REQUESTS_MAX + 1);
  replica.isAnswering = true;
  for (const { id } of [...replica.requests]) replica.answer(id);
  const ids = new Set<number>();
  while (ids.size < count) ids.add((await client.line()).id);
  await sending;
});

Deno.test("A client that takes no answers is not read from, and gets all of them once it does", async () => {
  await using replica = lone();
  replica.isAnswering = false;
  using client = await RawClient.open(replica.transport.port);
  await client.line();
  const value = "v".repeat(256 * 1024);
  const count = 200;
  let text = "";
  for (let id = 1; id <= count; id++) text += `{"id":${id},"op":"get","key":1}\n`;
  await client.send(text);
  // Answers are given as requests come; the replica must stop asking long before all 50 MB of them wait.
  let answered = 0;
  const answer = (): void => {
    for (; answered < replica.requests.length; answered++) {
      replica.transport.reply(replica.requests[answered]!.id, valueReply(value));
    }
    replica.transport.flush();
  };
  await replica.until(() => replica.requests.length === count);
  answer();
  await client.send('{"id":"late","op":"get","key":1}\n');
  // The late request is behind more than a client may have waiting, so it is read only after answers have left.
  using other = await RawClient.open(replica.transport.port);
  await other.line();
  await other.send('{"id":1,"op":"status"}\n');
  await replica.until(() => replica.requests.length === count + 1);
  assertEquals(replica.requests.at(-1)!.request.op, "status");
  assert(count * value.length > 2 * CLIENT_QUEUE_BYTES_MAX);
  for (let id = 1; id <= count; id++) assertEquals((await client.line()).value.length, value.length);
  await replica.until(() => replica.requests.length === count + 2);
  answer();
  assertEquals((await client.line()).id, "late");
});

Deno.test("A client that vanishes with requests in flight disturbs nobody", async () => {
  await using replica = lone();
  replica.isAnswering = false;
  const gone = await RawClient.open(replica.transport.port);
  await gone.line();
  await gone.send('{"id":1,"op":"get","key":1}\n');
  await replica.until(() => replica.requests.length === 1);
  gone.conn.close();
  replica.answer(replica.requests[0]!.id);
  replica.isAnswering = true;
  using client = await RawClient.open(replica.transport.port);
  await client.line();
  await client.send('{"id":1,"op":"get","key":2}\n');
  assertEquals((await client.line()).value, "2");
});

Deno.test("Three hundred connections at a time are all answered", async () => {
  await using replica = lone();
  const clients = await Promise.all(
    Array.from({ length: 300 }, () => RawClient.open(replica.transport.port)),
  );
  await Promise.all(clients.map(async (client, index) => {
    await client.line();
    for (let round = 0; round < 3; round++) {
      await client.send(`{"id":${round},"op":"get","key":${index}}\n`);
      assertEquals((await client.line()).value, String(index));
    }
    client[Symbol.dispose]();
  }));
});

Deno.test("Stopping answers what is in flight, takes nothing more, and then closes", async () => {
  const replica = lone();
  replica.isAnswering = false;
  using client = await RawClient.open(replica.transport.port);
  using idle = await RawClient.open(replica.transport.port);
  await client.line();
  await idle.line();
  await client.send('{"id":1,"op":"get","key":1}\n');
  await replica.until(() => replica.requests.length === 1);
  const stopping = replica.transport.stop({ drainMs: 60_000 });
  assertEquals(await idle.line(), undefined);
  await client.send('{"id":2,"op":"get","key":2}\n');
  replica.answer(replica.requests[0]!.id);
  assertEquals((await client.line()).value, "1");
  await stopping;
  assertEquals(replica.requests.length, 1);
});

Deno.test("A flood of idle clients keeps no peer away", async () => {
  const config = configOf({ ports: freePorts("r1", "r2") });
  await using r2 = new FakeReplica(config, "r2");
  const flood: Deno.TcpConn[] = [];
  try {
    while (flood.length < CONNECTIONS_MAX) {
      flood.push(await Deno.connect({ hostname: "127.0.0.1", port: r2.transport.port }));
    }
    // A hello that comes tells that the connections before it have been accepted.
    using late = await RawClient.open(r2.transport.port);
    assertEquals((await late.line()).hello.id, "r2");
    await late.send('{"id":1,"op":"get","key":7}\n');
    assertEquals((await late.line()).error, "overloaded");
    await using r1 = new FakeReplica(config, "r1");
    await r1.until(() => r1.links.includes("r2 up"));
  } finally {
    for (const conn of flood) conn.close();
    await eventually(() => r2.transport.connectionCount === 0, {
      what: "all connections are gone",
      withinMs: 10_000,
    });
  }
});
