/** Tests of `src/http/http_server.ts` and its connections over real loopback sockets: limits, patience, order, farewell. @module */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { EchoServer, type RawHttp } from "./raw_http.ts";

const GET = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

Deno.test("Requests of one connection are answered in order, with bodies of a length and in chunks, sent in any pieces", async () => {
  await using echo = await EchoServer.start();
  using client = await echo.open();
  await client.send(
    `${GET}PUT /b?c=%20 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc` +
      "PUT /d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n" +
      "\r\nGET /e HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy",
  );
  const answers = [
    await client.answer(),
    await client.answer(),
    await client.answer(),
    await client.answer(),
  ];
  assertEquals(answers.map(({ status, body }) => [status, JSON.parse(body)]), [
    [200, { method: "GET", path: "/a", query: "", bytes: 0 }],
    [200, { method: "PUT", path: "/b", query: "c=%20", bytes: 3 }],
    [200, { method: "PUT", path: "/d", query: "", bytes: 3 }],
    [200, { method: "GET", path: "/e", query: "", bytes: 2 }],
  ]);
  for (const byte of "PUT /f HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd") await client.send(byte);
  assertEquals(JSON.parse((await client.answer()).body), { method: "PUT", path: "/f", query: "", bytes: 4 });
});

Deno.test("A connection ends where one side says so, and with HTTP/1.0 stays where it is asked to", async () => {
  await using echo = await EchoServer.start();
  using last = await echo.open();
  await last.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assertMatch((await last.answer()).head, /\r\nConnection: close$/);
  assertEquals(await last.ended(), "");
  using old = await echo.open();
  await old.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /a HTTP/1.0\r\n\r\n");
  assertMatch((await old.answer()).head, /\r\nConnection: keep-alive$/);
  assertMatch((await old.answer()).head, /\r\nConnection: close$/);
  assertEquals(await old.ended(), "");
  using half = await echo.open();
  await half.send(GET);
  await half.end();
  assertEquals((await half.answer()).status, 200);
  assertEquals(await half.ended(), "");
});

Deno.test("Whoever has ended its side while it is answered is not kept", async () => {
  await using echo = await EchoServer.start({ isHolding: true });
  using client = await echo.open();
  await client.send(GET);
  await client.end();
  const sinceMs = performance.now();
  await echo.until(
    () => echo.asked.length === 1 && performance.now() - sinceMs > 100,
    "its end has come too",
  );
  echo.release();
  assertEquals((await client.answer()).status, 200);
  assertEquals(await client.ended(), "");
  await echo.until(() => echo.server.connectionCount === 0, "none is left");
});

Deno.test("HEAD has a head only, and 100-continue is said before a body that will be read", async () => {
  await using echo = await EchoServer.start();
  using client = await echo.open();
  await client.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
  const { head } = await client.answer({ isHead: true });
  assertMatch(head, /Content-Length: [1-9]/);
  await client.send("PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  assertEquals((await client.answer()).status, 100);
  await client.send("ab");
  assertEquals((await client.answer()).status, 200);
  for (const rest of ["Content-Length: 0\r\n\r\n", "Content-Length: 2\r\n\r\nab"]) {
    await client.send(`PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n${rest}`);
    assertEquals((await client.answer()).status, 200, "nobody waits for a word where all has come");
  }
  await client.send("PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n");
  assertEquals((await client.answer()).status, 413);
});

Deno.test("Behind a request that cannot be told apart nothing is read, and its answer arrives", async () => {
  await using echo = await EchoServer.start();
  const cases: readonly (readonly [string, number, string])[] = [
    [
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400,
      "malformed_request",
    ],
    [
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 40\r\n\r\n",
      400,
      "malformed_request",
    ],
    ["POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "malformed_request"],
    ["GET / HTTP/1.1\nHost: a\n\n\r\n\r\n", 400, "malformed_request"],
    ["\u0016\u0003\u0001\r\n\r\n", 400, "malformed_request"],
    [`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${"x".repeat(100_000)}`, 413, "too_large"],
    [
      `PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n${"x".repeat(100_000)}`,
      413,
      "too_large",
    ],
    [`GET /${"a".repeat(70_000)}`, 431, "too_large"],
    [`GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(70_000)}\r\n\r\n`, 431, "too_large"],
  ];
  for (const [text, status, code] of cases) {
    using client = await echo.open();
    await client.send(text + GET);
    const answer = await client.answer();
    assertEquals([answer.status, JSON.parse(answer.body).error.code], [status, code]);
    assertMatch(answer.head, /\r\nConnection: close$/);
    assertEquals(await client.ended(), "");
  }
  assertEquals(echo.asked, []);
});

Deno.test("Whoever is slow is told so and let go: with a head, a body, or nothing at all", async () => {
  await using echo = await EchoServer.start({
    patience: { headMs: 100, bodyMs: 100, bodyBytesPerSecond: 1e9, idleMs: 400, farewellMs: 100 },
  });
  for (const text of ["GET /a HT", "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"]) {
    using client = await echo.open();
    await client.send(text);
    const { status, body } = await client.answer();
    assertEquals(status, 408);
    assertMatch(JSON.parse(body).error.message, /did not come within/);
    assertEquals(await client.ended(), "");
  }
  using silent = await echo.open();
  assertEquals(await silent.ended(), "");
  using polite = await echo.open();
  await polite.send(GET);
  assertEquals((await polite.answer()).status, 200);
  assertEquals(await polite.ended(), "", "it was idle for long enough");
  await echo.until(() => echo.server.connectionCount === 0, "none is left");
});

Deno.test("Whoever takes no answers is let go", async () => {
  const body = "x".repeat(4 * 1024 * 1024);
  const heldBytes: number[] = [];
  await using echo = await EchoServer.start({
    patience: { stallMs: 200 },
    answer: () => {
      heldBytes.push(echo.server.heldBytes);
      return Promise.resolve({ status: 200, type: "text/plain", body });
    },
  });
  using client = await echo.open();
  await client.send(GET.repeat(8));
  assertEquals((await client.answer()).body.length, body.length);
  await echo.until(() => echo.server.heldBytes > 0, "an answer waits");
  await echo.until(() => echo.server.connectionCount === 0, "it was let go");
  assert(heldBytes.length > 1 && heldBytes.length < 8, `${heldBytes.length} were answered`);
  assert(Math.max(...heldBytes) < 128 * 1024, "the next request waits until the answer was taken");
});

Deno.test("There are so many connections and no more; who is beyond hears why, and the others go on", async () => {
  await using echo = await EchoServer.start({ connectionsMax: 2, patience: { farewellMs: 100 } });
  using one = await echo.open();
  using two = await echo.open();
  await one.send(GET);
  await two.send(GET);
  await one.answer();
  await two.answer();
  using three = await echo.open();
  const { status, body } = await three.answer();
  assertEquals([status, JSON.parse(body).error.code], [503, "overloaded"]);
  assertEquals(echo.server.counters.refused, 1);
  await one.send(GET);
  assertEquals((await one.answer()).status, 200);
  two[Symbol.dispose]();
  await echo.until(() => echo.server.connectionCount === 1, "a place is free");
  using four = await echo.open();
  await four.send(GET);
  assertEquals((await four.answer()).status, 200);
});

Deno.test("What clients make us keep is bounded in sum: who holds the most is closed, and a polite one is answered", async () => {
  await using echo = await EchoServer.start({ valueBytesMax: 1024 * 1024, heldBytesMax: 4 * 1024 * 1024 });
  using early = await echo.open();
  await early.send(`PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${"x".repeat(50_000)}`);
  await echo.until(() => echo.server.heldBytes > 0, "half of a body is there");
  const flood: RawHttp[] = [];
  for (let i = 0; i < 8; i++) {
    const client = await echo.open();
    flood.push(client);
    // Whoever is closed while it sends has a reason to complain, and that is what is wanted here.
    await client.send(
      `PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n${"x".repeat(1024 * 1024)}`,
    ).catch(() => {});
  }
  await echo.until(() => echo.server.counters.evicted >= 4, "most are closed");
  assert(echo.server.heldBytes <= 4 * 1024 * 1024);
  using polite = await echo.open();
  await polite.send(`PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${"x".repeat(100_000)}`);
  assertEquals(JSON.parse((await polite.answer()).body).bytes, 100_000);
  await early.send("x".repeat(50_000));
  assertEquals((await early.answer()).status, 200, "whoever holds less is left alone");
  for (const client of flood) client[Symbol.dispose]();
});

Deno.test("A replica that stands still looks at nothing, loses patience with nobody, and then goes on", async () => {
  await using echo = await EchoServer.start({ patience: { headMs: 400, idleMs: 500 } });
  using client = await echo.open();
  using other = await echo.open();
  await other.send(GET);
  await other.answer();
  echo.server.pause();
  await client.send(GET);
  await other.send(GET);
  await other.end();
  using late = await echo.open();
  await late.send("GET /a HT");
  await echo.until(() => echo.server.connectionCount === 3, "all are there");
  const sinceMs = performance.now();
  await echo.until(() => performance.now() - sinceMs > 600, "whoever is slow would be let go");
  assertEquals(echo.asked.length, 1);
  echo.server.resume();
  await late.send("TP/1.1\r\nHost: a\r\n\r\n");
  assertEquals((await late.answer()).status, 200);
  assertEquals((await client.answer()).status, 200);
  assertEquals((await other.answer()).status, 200);
  assertEquals(await other.ended(), "");
});

Deno.test("A stop answers what is in flight, takes nothing more, and leaves no connection", async () => {
  const echo = await EchoServer.start({ isHolding: true });
  using busy = await echo.open();
  using idle = await echo.open();
  await busy.send(GET + GET);
  await idle.send("GET /a HT");
  await echo.until(() => echo.asked.length === 1, "one is asked");
  const { port } = echo.server;
  const stopped = echo.server.stop({ drainMs: 10_000 });
  assertEquals(await idle.ended(), "");
  await assertRejects(() => Deno.connect({ port }).then((conn) => conn.close()));
  echo.release();
  const answer = await busy.answer();
  assertMatch(answer.head, /\r\nConnection: close$/);
  assertEquals(await busy.ended(), "");
  await stopped;
  assertEquals([echo.asked.length, echo.server.connectionCount, echo.server.heldBytes], [1, 0, 0]);
});

Deno.test("An address that is taken is reported as what it is", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const place = { host: "127.0.0.1", port: listener.addr.port };
  await assertRejects(() => EchoServer.start({ place }), Deno.errors.AddrInUse);
});
