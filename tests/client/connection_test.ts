/** Tests of `src/client/connection.ts`, over real loopback sockets. @module */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { isDefinite } from "../../src/protocol/error_codes.ts";
import { ConnectError, Connection } from "../../src/client/connection.ts";
import { configOf, FakeReplica, freePorts } from "../transport/fake_replica.ts";

const HOST = "127.0.0.1";
const PATIENT = { timeoutMs: 60_000 };

function open(port: number, options: { secret?: string; timeoutMs?: number } = {}): Promise<Connection> {
  return Connection.open({ host: HOST, port, timeoutMs: 60_000, ...options });
}

/** Greets each connection with `text` and answers the first bytes it gets with `words`, the last ones, if given. */
function scripted(text: string, words?: string): { readonly port: number } & Disposable {
  const listener = Deno.listen({ hostname: HOST, port: 0 });
  const conns: Deno.Conn[] = [];
  const serve = async (): Promise<void> => {
    for await (const conn of listener) {
      conns.push(conn);
      await conn.write(new TextEncoder().encode(text));
      if (words === undefined) continue;
      await conn.read(new Uint8Array(1024));
      await conn.write(new TextEncoder().encode(words));
      await conn.closeWrite();
    }
  };
  const serving = serve();
  return {
    port: listener.addr.port,
    [Symbol.dispose]: () => {
      listener.close();
      for (const conn of conns) conn.close();
      void serving;
    },
  };
}

const HELLO =
  '{"hello":{"protocol":1,"cluster":"lab","id":"r1","epoch":"ab","nonce":"00000000000000000000000000000000",' +
  '"auth":false,"line_bytes_max":70000}}\n';

Deno.test("A connection knows who answers and gets its answers, many in flight", async () => {
  await using replica = new FakeReplica(configOf({ ports: { r1: 0 } }), "r1");
  const connection = await open(replica.transport.port);
  assertEquals([connection.hello.id, connection.hello.cluster, connection.hello.epoch], [
    "r1",
    "lab",
    "9f3a",
  ]);
  const asked = Array.from({ length: 3000 }, (_, key) => connection.request({ op: "get", key }, PATIENT));
  for (const [key, result] of (await Promise.all(asked)).entries()) {
    assert(result.ok && result.value.kind === "value");
    assertEquals(result.value.value, String(key));
  }
  connection.close();
  await connection.closed;
});

Deno.test("A connection with the right secret opens, others are unauthorized before any request", async () => {
  const secret = "a secret of the lab";
  await using replica = new FakeReplica(configOf({ ports: { r1: 0 }, secret }), "r1");
  const connection = await open(replica.transport.port, { secret });
  assert((await connection.request({ op: "get", key: 1 }, PATIENT)).ok);
  connection.close();
  for (const wrong of [{}, { secret: "another secret of it" }]) {
    const error = await assertRejects(() => open(replica.transport.port, wrong), ConnectError);
    assertEquals([error.kind, error.failure?.code], ["rejected", "unauthorized"]);
    assert(!error.message.includes("another secret"));
  }
  await using bare = new FakeReplica(configOf({ ports: { r1: 0 } }), "r1");
  const error = await assertRejects(() => open(bare.transport.port, { secret }), ConnectError);
  assertEquals(error.failure?.code, "unauthorized");
});

Deno.test("Where nobody listens the connection is refused", async () => {
  const { r1 } = freePorts("r1");
  const error = await assertRejects(() => open(r1), ConnectError);
  assertEquals([error.kind, error.failure], ["refused", undefined]);
  assertStringIncludes(error.message, `no replica can be reached at ${HOST}:${r1}`);
});

Deno.test("A server that says nothing is given up at the deadline or when told to", async () => {
  using silent = scripted("");
  const error = await assertRejects(() => open(silent.port, { timeoutMs: 30 }), ConnectError);
  assertEquals(error.kind, "timeout");
  assertStringIncludes(error.message, "within 30 ms");
  const told = new AbortController();
  const opening = Connection.open({ host: HOST, port: silent.port, timeoutMs: 60_000, signal: told.signal });
  told.abort();
  assertEquals((await assertRejects(() => opening, ConnectError)).kind, "aborted");
});

Deno.test("A server of another kind or protocol is rejected by name", async () => {
  using http = scripted("HTTP/1.1 400 Bad Request\r\n\r\n");
  const other = await assertRejects(() => open(http.port), ConnectError);
  assertStringIncludes(other.message, "no quartet replica is at");
  using later = scripted('{"hello":{"protocol":7}}\n');
  const error = await assertRejects(() => open(later.port), ConnectError);
  assertEquals(error.failure?.code, "unsupported_version");
  assertStringIncludes(error.message, "protocol 7 came, 1 was expected");
});

Deno.test("A request without an answer ends at its deadline, a write unknown and a read definite", async () => {
  using silent = scripted(HELLO);
  const connection = await open(silent.port);
  const put = await connection.request({ op: "put", key: 1, value: "x" }, { timeoutMs: 20 });
  assert(!put.ok && put.failure.code === "timeout" && !isDefinite(put.failure));
  assertStringIncludes(put.failure.message, "within 20 ms");
  const get = await connection.request({ op: "get", key: 1 }, { timeoutMs: 20 });
  assert(!get.ok && get.failure.code === "timeout" && isDefinite(get.failure));
  connection.close();
});

Deno.test("A lost connection ends everything in flight, writes unknown and reads definite", async () => {
  await using replica = new FakeReplica(configOf({ ports: { r1: 0 } }), "r1");
  replica.isAnswering = false;
  const connection = await open(replica.transport.port);
  const put = connection.request({ op: "put", key: 1, value: "x" }, PATIENT);
  const status = connection.request({ op: "status" }, PATIENT);
  await replica.until(() => replica.requests.length === 2);
  await replica.transport.stop({ drainMs: 0 });
  const [lostPut, lostStatus] = [await put, await status];
  assert(!lostPut.ok && lostPut.failure.code === "connection_lost" && !isDefinite(lostPut.failure));
  assert(!lostStatus.ok && lostStatus.failure.code === "connection_lost" && isDefinite(lostStatus.failure));
  await connection.closed;
  const late = await connection.request({ op: "put", key: 1, value: "x" }, PATIENT);
  assert(!late.ok && isDefinite(late.failure), "nothing was sent");
});

Deno.test("A replica that does not take the connection makes requests on it definite failures", async () => {
  const words = '{"id":null,"ok":false,"error":"overloaded","message":"full up","definite":true}\n';
  using full = scripted(HELLO, words);
  const connection = await open(full.port);
  for (let attempt = 0; attempt < 2; attempt++) {
    const result = await connection.request({ op: "put", key: 1, value: "x" }, PATIENT);
    assert(!result.ok && isDefinite(result.failure));
    assertEquals([result.failure.code, result.failure.message], ["overloaded", "full up"]);
    await connection.closed;
  }
});

Deno.test("A connection that the replica cuts with requests in flight leaves writes unknown, whatever its last word", async () => {
  const words = '{"id":null,"ok":false,"error":"overloaded","message":"too much kept","definite":false}\n';
  using cutting = scripted(HELLO, words);
  const connection = await open(cutting.port);
  const put = connection.request({ op: "put", key: 1, value: "x" }, PATIENT);
  const get = connection.request({ op: "get", key: 1 }, PATIENT);
  const [lostPut, lostGet] = [await put, await get];
  assert(!lostPut.ok && lostPut.failure.code === "connection_lost" && !isDefinite(lostPut.failure));
  assertStringIncludes(lostPut.failure.message, "too much kept");
  assert(!lostGet.ok && lostGet.failure.code === "connection_lost" && isDefinite(lostGet.failure));
  await connection.closed;
  const late = await connection.request({ op: "put", key: 1, value: "x" }, PATIENT);
  assert(!late.ok && isDefinite(late.failure), "nothing was sent");
});

Deno.test("Junk from a server ends the connection and names the junk", async () => {
  for (const junk of ['{"what":1}', "[]", "no JSON", '{"id":[],"ok":true}']) {
    using strange = scripted(HELLO, `${junk}\n`);
    const connection = await open(strange.port);
    const result = await connection.request({ op: "put", key: 1, value: "x" }, PATIENT);
    assert(!result.ok && result.failure.code === "connection_lost" && !isDefinite(result.failure));
    assertStringIncludes(result.failure.message, `it sent ${JSON.stringify(junk)}, which is no answer`);
  }
});

Deno.test("A request longer than the server takes is refused before it is sent", async () => {
  await using replica = new FakeReplica(
    configOf({ ports: { r1: 0 }, settings: { value_bytes_max: 100, line_bytes_max: 70_000 } }),
    "r1",
  );
  const connection = await open(replica.transport.port);
  const result = await connection.request({ op: "put", key: 1, value: "é".repeat(35_000) }, PATIENT);
  assert(!result.ok && result.failure.code === "too_large" && isDefinite(result.failure));
  assertStringIncludes(result.failure.message, "takes 70000");
  assert((await connection.request({ op: "put", key: 1, value: "é".repeat(34_000) }, PATIENT)).ok);
  connection.close();
});
