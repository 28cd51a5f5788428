/** Tests of `src/http/` against clients that want to be served at others' cost, or to bring the replica down. @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import { failureAnswer } from "../../src/http/exchange.ts";
import { EchoServer, type RawHttp } from "./raw_http.ts";

const GET = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const CLOSING_GET = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/** A server whose answers are so long. */
function largeAnswers(bytes: number, patience: Record<string, number>): Promise<EchoServer> {
  const body = "x".repeat(bytes);
  return EchoServer.start({
    patience,
    answer: () => Promise.resolve({ status: 200, type: "text/plain", body }),
  });
}

/** The same piece again and again, until it is enough. */
function* until(signal: AbortSignal, piece: string): Generator<string> {
  while (!signal.aborted) yield piece;
}

Deno.test("Many small answers that nobody takes hold the next request back, and when they are taken it goes on", async () => {
  await using echo = await largeAnswers(3000, {});
  using client = await echo.open();
  // Far beyond what the operating system keeps for both sides.
  const count = 6000;
  const sending = client.send(GET.repeat(count));
  await echo.until(() => echo.server.heldBytes > 64 * 1024, "answers wait");
  for (let i = 0; i < count; i++) assertEquals((await client.answer()).status, 200);
  await sending;
  await client.send(GET);
  assertEquals((await client.answer()).status, 200);
});

Deno.test("Requests that are sent faster than they are answered stay with the operating system", async () => {
  let heldBytesMax = 0;
  await using echo = await EchoServer.start({
    answer: async () => {
      heldBytesMax = Math.max(heldBytesMax, echo.server.heldBytes);
      await new Promise((resolve) => setTimeout(resolve));
      return { status: 200, type: "text/plain", body: "" };
    },
  });
  using client = await echo.open();
  const count = 1000;
  const sending = client.send(
    `GET /a HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(4000)}\r\n\r\n`.repeat(count),
  );
  for (let i = 0; i < count; i++) await client.answer();
  await sending;
  assert(heldBytesMax < 512 * 1024, `${heldBytesMax} bytes of requests were kept`);
});

Deno.test("A last answer arrives whole, however long it takes, and also at whoever has ended its side", async () => {
  const bytes = 16 * 1024 * 1024;
  await using echo = await largeAnswers(bytes, { farewellMs: 1 });
  for (const isHalf of [false, true]) {
    using client = await echo.open();
    await client.send(CLOSING_GET);
    await echo.until(() => echo.server.heldBytes > 0, "the answer waits");
    if (isHalf) await client.end();
    const sinceMs = performance.now();
    await echo.until(() => performance.now() - sinceMs > 500, "the time for a farewell is over");
    assertEquals((await client.answer()).body.length, bytes);
    assertEquals(await client.ended(), "");
  }
});

Deno.test("Whoever takes an answer slowly and steadily gets it whole", async () => {
  const bytes = 16 * 1024 * 1024;
  await using echo = await largeAnswers(bytes, { stallMs: 1500 });
  using client = await echo.open();
  await client.send(GET);
  const beganMs = performance.now();
  assertEquals((await client.answer({ pauseMs: 12 })).body.length, bytes);
  assert(performance.now() - beganMs > 3000, "it took longer than anybody may take nothing for");
});

Deno.test("A body that stops coming is not waited for as long as a whole one might take", async () => {
  await using echo = await EchoServer.start({ patience: { bodyMs: 100, bodyBytesPerSecond: 1000 } });
  for (const framing of ["Content-Length: 60000", "Transfer-Encoding: chunked"]) {
    using client = await echo.open();
    await client.send(`PUT /a HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n1\r\n`);
    assertEquals((await client.answer()).status, 408);
  }
  using steady = await echo.open();
  await steady.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  await steady.sendSlowly(Array<string>(20).fill("x".repeat(50)), 40);
  assertEquals(JSON.parse((await steady.answer()).body).bytes, 1000);
});

Deno.test("A head that comes byte by byte, or never ends, is waited for no longer than any other", async () => {
  await using echo = await EchoServer.start({ patience: { headMs: 300 } });
  using dripping = await echo.open();
  await dripping.send("GET /");
  const stop = new AbortController();
  const drip = dripping.sendSlowly(until(stop.signal, "a"), 20);
  assertEquals((await dripping.answer()).status, 408);
  stop.abort();
  await drip;
  await using patient = await EchoServer.start();
  using endless = await patient.open();
  await endless.send(`GET /${"a".repeat(70_000)}`);
  assertEquals((await endless.answer()).status, 431);
});

Deno.test("Who connects and says nothing, or nothing but empty lines, is let go; who has asked before may stay", async () => {
  await using echo = await EchoServer.start({ patience: { headMs: 300, idleMs: 60_000 } });
  using polite = await echo.open();
  await polite.send(GET);
  await polite.answer();
  using silent = await echo.open();
  using chatty = await echo.open();
  const stop = new AbortController();
  const chatting = chatty.sendSlowly(until(stop.signal, "\r\n"), 20);
  assertEquals(await silent.ended(), "");
  assertEquals(await chatty.ended(), "");
  stop.abort();
  await chatting;
  await polite.send(GET);
  assertEquals((await polite.answer()).status, 200);
});

Deno.test("Connections that only lie idle make room for whoever asks", async () => {
  await using echo = await EchoServer.start({
    connectionsMax: 2,
    patience: { keptMs: 100 },
    isHolding: true,
  });
  using busy = await echo.open();
  await busy.send(GET);
  await echo.until(() => echo.asked.length === 1, "it is asked");
  using idle = await echo.open();
  await echo.until(() => echo.server.connectionCount === 2, "all places are taken");
  const sinceMs = performance.now();
  await echo.until(() => performance.now() - sinceMs > 150, "it is idle for long enough");
  using asking = await echo.open();
  await asking.send(GET);
  assertEquals(await idle.ended(), "");
  await echo.until(() => echo.asked.length === 2, "it is asked too");
  assertEquals([echo.server.counters.displaced, echo.server.counters.refused], [1, 0]);
  using late = await echo.open();
  assertEquals((await late.answer()).status, 503, "nobody who waits for an answer makes room");
  echo.release();
  assertEquals((await busy.answer()).status, 200);
  assertEquals((await asking.answer()).status, 200);
});

Deno.test("Of those beyond the limit so many hear why, and all others are closed without a word", async () => {
  await using echo = await EchoServer.start({
    connectionsMax: 1,
    patience: { farewellMs: 60_000 },
    isHolding: true,
  });
  using busy = await echo.open();
  await busy.send(GET);
  await echo.until(() => echo.asked.length === 1, "it is asked");
  const beyond: RawHttp[] = [];
  for (let i = 0; i < 70; i++) beyond.push(await echo.open());
  const words = await Promise.all(beyond.map((client) => client.ended()));
  assertEquals(words.map((text) => text.startsWith("HTTP/1.1 503 ")), words.map((_, index) => index < 64));
  assertEquals(words.slice(64), Array<string>(6).fill(""));
  for (const client of beyond) client[Symbol.dispose]();
});

Deno.test("Whoever may not ask hears so before the body, and nothing of it is kept", async () => {
  const message = "the cluster's secret is missing";
  await using echo = await EchoServer.start({
    valueBytesMax: 1024 * 1024,
    refusal: ({ path, headers }) =>
      path === "/open" || headers.has("authorization")
        ? undefined
        : failureAnswer({ code: "unauthorized", message }),
  });
  for (
    const head of [
      "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000",
      "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\nExpect: 100-continue",
      "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked",
      "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000",
    ]
  ) {
    using client = await echo.open();
    await client.send(`${head}\r\n\r\n`);
    const answer = await client.answer();
    assertEquals([answer.status, JSON.parse(answer.body).error.message], [401, message]);
    assertEquals(await client.ended(), "");
  }
  assertEquals(echo.asked, []);
  using client = await echo.open();
  await client.send(
    "PUT /a HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
  );
  assertEquals((await client.answer()).status, 100);
  await client.send("ab");
  assertEquals((await client.answer()).status, 200);
});

Deno.test("A bug in an answer is told and logged, and the replica goes on; a false invariant stops it", async () => {
  const errors: unknown[] = [];
  const halts: unknown[] = [];
  let cause: Error = new RangeError("a bug");
  await using echo = await EchoServer.start({
    answer: ({ path }) =>
      path === "/bug"
        ? Promise.reject(cause)
        : Promise.resolve({ status: 200, type: "text/plain", body: "well" }),
    onError: (error) => void errors.push(error),
    halt: (error) => void halts.push(error),
  });
  using client = await echo.open();
  await client.send(`GET /bug HTTP/1.1\r\nHost: a\r\n\r\n${GET}`);
  const { status, body } = await client.answer();
  const { code, definite, message } = JSON.parse(body).error;
  assertEquals([status, code, definite], [500, "internal", false]);
  assertMatch(message, /log of the replica/);
  assertEquals((await client.answer()).body, "well");
  assertEquals([errors, halts, echo.server.counters.internalErrors], [[cause], [], 1]);
  cause = new InvariantError("a replica that is wrong in itself");
  await client.send("GET /bug HTTP/1.1\r\nHost: a\r\n\r\n");
  await echo.until(() => halts.length === 1, "the replica stops");
  assertEquals([errors.length, halts], [1, [cause]]);
});

Deno.test("It listens on IPv6 too", async () => {
  await using echo = await EchoServer.start({ place: { host: "::1", port: 0 } });
  using client: RawHttp = await echo.open("::1");
  await client.send(GET);
  assertEquals((await client.answer()).status, 200);
});
