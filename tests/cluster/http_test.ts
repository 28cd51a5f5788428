/** Tests of the HTTP API on real processes, from the sources or the binary: that it is there, and holds under what people send. @module */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parsePrometheus } from "../http/prometheus_text.ts";
import { RawHttp } from "../http/raw_http.ts";
import type { Place } from "../harness/cluster_toml.ts";
import { eventually } from "../harness/eventually.ts";
import { clusterTest, LocalCluster, runQuartet } from "../harness/processes.ts";

const KEYSPACES = { main: { keys: "byte" }, items: { keys: "text", replication: 2, default_level: "ONE" } };

const ALONE = { main: { keys: "byte" }, items: { keys: "text", default_level: "ONE" } };

// deno-lint-ignore no-explicit-any -- Why: tests look into answers of every form.
type Json = any;

async function ask(
  { host, httpPort }: Place,
  method: string,
  target: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{ readonly status: number; readonly json: Json }> {
  const response = await fetch(`http://${host}:${httpPort}${target}`, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    json: response.headers.get("content-type") === "application/json" ? JSON.parse(text) : text,
  };
}

clusterTest(
  "Over HTTP and over the wire it is one store, with one set of counts",
  { replicas: 3, keyspaces: KEYSPACES, http: true },
  async (cluster) => {
    const [r1, r2, r3] = cluster.places as readonly [Place, Place, Place];
    const put = await ask(r1, "PUT", "/v1/keyspaces/main/keys/7", { value: "h\u00e9", level: "ALL" });
    assertEquals([put.status, put.json.acked], [200, ["r1", "r2", "r3"]]);
    assertEquals((await cluster.client("get", "7", "ALL")).stdout, "h\u00e9\n");
    assertEquals((await cluster.client("put", "8", "wire", "ALL")).code, 0);
    assertEquals((await ask(r2, "GET", "/v1/keyspaces/main/keys/8?level=ONE")).json.value, "wire");
    const page = await ask(r3, "GET", "/v1/keyspaces/main/keys?limit=1&after=7&values=true&level=ALL");
    assertEquals([page.json.entries[0].key, page.json.entries[0].value, page.json.more], [8, "wire", false]);

    assertEquals(
      (await ask(r3, "PUT", "/items/a%2Fb", { value: { x: [1] } }, { "X-Quartet-Level": "TWO" })).status,
      200,
    );
    assertEquals((await ask(r1, "GET", "/items/a%2Fb")).json.value, { x: [1] });
    const kv = await ask(r1, "PUT", "/kv-store/k", { val: "v", causal_payload: "" });
    assertEquals([kv.status, kv.json.result, kv.json.node_id], [201, "success", "r1"]);
    using client = await RawHttp.open(r1.httpPort, r1.host);
    await client.send(
      `GET /kv-store/k HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n{"causal_payload":""}\n`,
    );
    assertEquals(JSON.parse((await client.answer()).body).value, "v");
    assertEquals((await ask(r3, "GET", "/kv-store/get_node_details")).json, {
      result: "success",
      replica: "No",
    });
    assertEquals((await ask(r3, "GET", "/kv-store/get_all_replicas")).json, {
      result: "success",
      replicas: [r1, r2].map(({ host, httpPort }) => `${host}:${httpPort}`),
    });

    const samples =
      parsePrometheus((await ask(r1, "GET", "/metrics")).json).get("quartet_requests_total")!.samples;
    const count = (op: string, level: string): number | undefined =>
      samples.find(({ labels }) => labels.op === op && labels.level === level && labels.outcome === "ok")
        ?.value;
    assertEquals([count("put", "ALL"), count("get", "ALL"), count("put", "ONE")], [2, 1, 1]);
    assertEquals((await ask(r1, "GET", "/readyz")).json, { ready: true });
    assertEquals((await ask(r1, "GET", "/openapi.json")).json.openapi, "3.1.0");
    assertStringIncludes((await ask(r1, "GET", "/docs")).json, "<!doctype html>");

    await cluster.kill9("r3");
    await eventually(async () => (await ask(r1, "GET", "/peers/healthcheck")).status === 503, {
      what: "r3 is told dead",
      withinMs: 10_000,
    });
    const refused = await ask(r1, "PUT", "/v1/keyspaces/main/keys/7", { value: "x", level: "ALL" });
    assertEquals([refused.status, refused.json.error.code, refused.json.error.definite], [
      503,
      "unavailable",
      true,
    ]);
    assertEquals(await cluster.stop("r1"), "ended with exit code 0");
  },
);

clusterTest(
  "What is wrong on the wire of HTTP is refused, and whoever sends it disturbs nobody",
  { replicas: 1, keyspaces: ALONE, http: true },
  async (cluster) => {
    const [r1] = cluster.places as readonly [Place];
    const cases: readonly (readonly [string, number])[] = [
      ["GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 400],
      [
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
      ],
      ["POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400],
      ["GET /%ff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400],
      ["GET /v1/../healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 404],
      [`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"a".repeat(100_000)}\r\n\r\n`, 431],
      [`PUT /items/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n`, 413],
      ['{"id":1,"op":"status"}\r\n\r\n', 400],
    ];
    for (const [text, status] of cases) {
      using client = await RawHttp.open(r1.httpPort, r1.host);
      await client.send(text);
      const answer = await client.answer();
      assertEquals(
        [answer.status, typeof JSON.parse(answer.body).error.code],
        [status, "string"],
        text.slice(0, 80),
      );
    }
    const halves = await Promise.all(Array.from({ length: 50 }, () => RawHttp.open(r1.httpPort, r1.host)));
    for (const half of halves) {
      await half.send("PUT /items/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc");
    }
    assertEquals((await ask(r1, "PUT", "/items/a", { value: 1 })).status, 200);
    for (const half of halves) half[Symbol.dispose]();
    assertEquals(cluster.deaths, []);
  },
);

Deno.test("With a secret HTTP asks for it, and never repeats it", async () => {
  const secret = "9f8e7d6c correct horse battery";
  await using cluster = await LocalCluster.start({
    replicas: 1,
    keyspaces: ALONE,
    http: true,
    top: { secret },
  });
  const [r1] = cluster.places as readonly [Place];
  const answers = [
    await ask(r1, "GET", "/items/a"),
    await ask(r1, "GET", "/items/a", undefined, { authorization: "Bearer wrong wrong wrong wrong" }),
  ];
  for (const { status, json } of answers) assertEquals([status, json.error.code], [401, "unauthorized"]);
  assertEquals((await ask(r1, "GET", "/healthz")).status, 200);
  const headers = { authorization: `Bearer ${secret}` };
  assertEquals((await ask(r1, "PUT", "/items/a", { value: 1 }, headers)).status, 200);
  const shown = [
    await ask(r1, "GET", "/v1/status", undefined, headers),
    await ask(r1, "GET", "/metrics", undefined, headers),
  ];
  for (const { json } of shown) assert(!JSON.stringify(json).includes("9f8e7d6c"));
  assert(!(await cluster.log("r1")).includes("9f8e7d6c"));
});

Deno.test("A start says when its HTTP address is taken, and --check says so before", async () => {
  await using cluster = await LocalCluster.create({ replicas: 1, keyspaces: ALONE, http: true });
  const [{ host, httpPort }] = cluster.places as readonly [Place];
  using _listener = Deno.listen({ hostname: host, port: httpPort });
  const words = ["replica", "--config", cluster.config, "--id", "r1"];
  const check = await runQuartet([...words, "--check"]);
  assertEquals(check.code, 5);
  assertMatch(
    check.stdout,
    new RegExp(`FAIL +http +${host}:${httpPort} is taken; stop r1 if it runs already`),
  );
  const start = await runQuartet(words);
  assertEquals([start.code, start.stdout], [5, ""]);
  assertStringIncludes(
    start.stderr,
    `error: the HTTP address ${host}:${httpPort} of r1 is taken; stop the program that listens there, or give r1 another HTTP address in`,
  );
});
