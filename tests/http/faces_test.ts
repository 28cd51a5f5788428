/** Tests of `/items` and `/kv-store` over a real replica, without sockets. @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { STAGE_WALL_MS } from "../harness/replica_stage.ts";
import { StagedApi } from "./staged_api.ts";

Deno.test("An item is any JSON, and comes back as it was", async () => {
  const http = new StagedApi();
  for (
    const value of [{ a: [1, null, "x"] }, [], "text", "7", 7, 0.5, true, false, null, "", "h\u00e9\u0000"]
  ) {
    assertEquals((await http.ask("PUT", "/items/a%2Fb", { body: { value } })).status, 200);
    const { status, json } = await http.ask("GET", "/items/a%2Fb");
    assertEquals([status, json.value, json.keyspace], [200, value, "items"]);
  }
  assertEquals((await http.ask("DELETE", "/items/a%2Fb")).status, 200);
  assertEquals((await http.ask("GET", "/items/a%2Fb")).status, 404);
  assertMatch((await http.ask("PUT", "/items/a", { body: {} })).json.error.message, /^"value" is missing/);
});

Deno.test("An item nested deeper than is allowed is refused, and nothing calls itself until its stack is full", async () => {
  const http = new StagedApi();
  const nested = (depth: number): string => `${'{"0":{"a":['.repeat(depth / 3)}1${"]}}".repeat(depth / 3)}`;
  const put = (value: string): ReturnType<StagedApi["ask"]> =>
    http.ask("PUT", "/items/a", {
      headers: { "content-type": "application/json" },
      body: `{"value":${value}}`,
    });
  assertEquals((await put(nested(255))).status, 200);
  assertEquals((await put(`[${nested(255)}]`)).status, 200);
  for (const value of [`[[${nested(255)}]]`, nested(300_000)]) {
    const { status, json } = await put(value);
    assertEquals([status, json.error.code], [400, "malformed_request"]);
    assertEquals(json.error.message, '"value" is nested deeper than 256; send it flatter, or as text');
  }
  // What came in another way is given back as it is, however deep.
  await http.ask("PUT", "/v1/keyspaces/items/keys/a", { body: { value: nested(30_000) } });
  const answer = await http.answer("GET", "/items/a");
  assertEquals([answer.status, answer.body.includes(`{"value":${nested(30_000)},`)], [200, true]);
});

Deno.test("What was put into items by another way and is no JSON is given as the text that it is", async () => {
  const http = new StagedApi();
  await http.ask("PUT", "/v1/keyspaces/items/keys/a", { body: { value: "no {json" } });
  assertEquals((await http.ask("GET", "/items/a")).json.value, "no {json");
});

const FORM = { "content-type": "application/x-www-form-urlencoded" };

Deno.test("/kv-store takes forms, JSON, queries and the header, with PUT and with GET", async () => {
  const http = new StagedApi();
  const first = await http.ask("PUT", "/kv-store/k", {
    headers: FORM,
    body: "val=two+w%C3%B6rds&causal_payload=",
  });
  const { timestamp, causal_payload, ...rest } = first.json;
  assertEquals([first.status, rest], [201, { result: "success", value: "two w\u00f6rds", node_id: "r1" }]);
  assertEquals([typeof timestamp, typeof causal_payload], ["number", "string"]);
  const ways = [
    await http.ask("GET", "/kv-store/k", { headers: FORM, body: "causal_payload=" }),
    await http.ask("GET", "/kv-store/k", { body: { causal_payload: "" } }),
    await http.ask("GET", "/kv-store/k?causal_payload="),
    await http.ask("GET", "/kv-store/k", { headers: { "X-Causal-Payload": "" } }),
    await http.ask("GET", "/kv-store/k"),
  ];
  for (const { status, json } of ways) {
    assertEquals([status, json.value, json.node_id, json.timestamp], [
      200,
      "two w\u00f6rds",
      "r1",
      timestamp,
    ]);
  }
  assertEquals(
    http.requests.slice(1).map((request) => JSON.stringify(request)),
    ways.map(() => '{"op":"get","key":"k","keyspace":"items","level":"ONE","session":""}'),
  );
  const again = await http.ask("PUT", "/kv-store/k", { body: { val: "x", causal_payload: "" } });
  assertEquals([again.status, again.json.value], [200, "x"]);
});

Deno.test("/kv-store says who coordinated, also a get of what another replica wrote", async () => {
  const http = new StagedApi({ httpKeyspace: "items" });
  http.stage.plant("k", [{ stamp: STAGE_WALL_MS * 2048, origin: "r9.e9", value: "v" }], "items");
  const { json } = await http.ask("GET", "/kv-store/k");
  assertEquals([json.value, json.node_id, json.timestamp], ["v", "r1", STAGE_WALL_MS]);
});

Deno.test("/kv-store answers errors in its own words", async () => {
  const http = new StagedApi({ settings: { value_bytes_max: 100 } });
  const cases: readonly (readonly [
    string,
    string,
    { headers?: Record<string, string>; body?: unknown },
    number,
    RegExp,
  ])[] = [
    ["GET", "/kv-store/none", {}, 404, /is not there$/],
    ["PUT", "/kv-store/k", {}, 400, /^"val" is missing or no text/],
    ["PUT", "/kv-store/get_node_details", { body: { val: "x" } }, 400, /is a path of this API and no key/],
    ["PUT", "/kv-store/get_all%5Freplicas", { body: { val: "x" } }, 400, /is a path of this API and no key/],
    ["PUT", "/kv-store/k", { body: { val: 7 } }, 400, /^"val" is missing or no text/],
    ["PUT", "/kv-store/k", { body: { val: "x", causal_payload: 7 } }, 400, /^"causal_payload" is no text/],
    ["PUT", "/kv-store/k", { body: { val: "x", more: 7 } }, 400, /^the body holds "more"/],
    ["PUT", "/kv-store/k?val=a", { body: { val: "b" } }, 400, /at once/],
    ["PUT", "/kv-store/k", { body: { val: "x".repeat(101) } }, 413, /101 bytes; value_bytes_max is 100$/],
    ["PUT", `/kv-store/${"k".repeat(1025)}`, { body: { val: "x" } }, 413, /1025 bytes; at most 1024/],
  ];
  for (const [method, target, options, status, msg] of cases) {
    const answer = await http.ask(method, target, options);
    assertEquals([answer.status, answer.json.result, Object.keys(answer.json)], [status, "error", [
      "result",
      "msg",
    ]]);
    assertMatch(answer.json.msg, msg);
  }
});

Deno.test("/kv-store says who holds copies, by HTTP address", async () => {
  const others = { kv: { keys: "text", replication: 2 }, items: { keys: "text" } };
  const replicas = ["127.0.0.1:8411", "127.0.0.1:8412"];
  for (const [id, replica] of [["r2", "Yes"], ["r3", "No"]]) {
    const http = new StagedApi({ memberCount: 3, others, httpKeyspace: "kv", id: id! });
    assertEquals((await http.ask("GET", "/kv-store/get_node_details")).json, { result: "success", replica });
    assertEquals((await http.ask("GET", "/kv-store/get_all_replicas")).json, { result: "success", replicas });
  }
  const none = new StagedApi({ others: {} });
  for (const path of ["get_node_details", "get_all_replicas", "k"]) {
    const { status, json } = await none.ask("GET", `/kv-store/${path}`);
    assertEquals([status, json.result], [404, "error"]);
    assertMatch(json.msg, /http_keyspace/);
  }
});

Deno.test("A causal payload grows with every event: a read's is greater than its write's, a later write's than both", async () => {
  const http = new StagedApi();
  let payload = "";
  for (let i = 0; i < 20; i++) {
    const put = await http.ask("PUT", `/kv-store/k${i % 3}`, {
      body: { val: `v${i}`, causal_payload: payload },
    });
    const written: string = put.json.causal_payload;
    assert(written > payload, `${written} after ${payload}`);
    const got = await http.ask("GET", `/kv-store/k${i % 3}`, { headers: { "X-Causal-Payload": written } });
    payload = got.json.causal_payload;
    assert(payload > written, `${payload} after ${written}`);
    assertEquals([got.json.value, got.json.node_id, got.json.timestamp], [`v${i}`, "r1", put.json.timestamp]);
  }
  const wrong = await http.ask("PUT", "/kv-store/k", { body: { val: "x", causal_payload: "no payload" } });
  assertEquals([wrong.status, wrong.json.result], [400, "error"]);
});

Deno.test("Context and session of /v1 and /items are those of the wire", async () => {
  const http = new StagedApi();
  const key = "/v1/keyspaces/items/keys/k";
  const put = await http.ask("PUT", key, { body: { value: "1", session: "" } });
  assertEquals([typeof put.json.session, typeof put.json.context], ["string", "string"]);
  const got = await http.ask("GET", "/items/k", { headers: { "X-Quartet-Session": put.json.session } });
  assert(got.json.session > put.json.session);
  const { session, context } = got.json;
  const next = await http.ask("PUT", "/items/k", { body: { value: 2, session, context } });
  assertEquals(next.status, 200);
  const none = await http.ask("GET", `/items/none?session=${encodeURIComponent(next.json.session)}`);
  assertEquals([none.status, none.json.error.code], [404, "not_found"]);
  assert(none.json.error.session > next.json.session, "what was not there was read too");
});
