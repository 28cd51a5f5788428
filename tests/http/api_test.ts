/** Tests of the HTTP API over a real replica: `/v1`, and who may ask what. Without sockets. @module */
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import * as fc from "fast-check";
import { ERRORS } from "../../src/protocol/error_codes.ts";
import { StagedApi } from "./staged_api.ts";

const KEY = "/v1/keyspaces/main/keys/7";

Deno.test("A value goes in and comes out at its level, with the receipt of the wire", async () => {
  const http = new StagedApi();
  const put = await http.ask("PUT", KEY, { body: { value: "h\u00e9", level: "one" } });
  assertEquals(put.status, 200);
  const { version, ...receipt } = put.json;
  assertEquals(receipt, {
    coordinator: "r1",
    keyspace: "main",
    level: "ONE",
    required: 1,
    copies: 1,
    acked: ["r1"],
    owed: [],
    repaired: [],
    created: true,
  });
  const got = await http.ask("GET", `${KEY}?level=QUORUM`);
  assertEquals([got.status, got.json.value, got.json.level], [200, "h\u00e9", "QUORUM"]);
  assertEquals(got.json.version, version);
  assertEquals((await http.ask("DELETE", KEY)).status, 200);
  const gone = await http.ask("GET", KEY);
  assertEquals([gone.status, gone.json.error.code, gone.json.error.definite], [404, "not_found", true]);
  assertEquals(typeof gone.json.error.version.stamp, "number", "the delete that took it away is named");
});

Deno.test("The body of a put may be the value itself", async () => {
  const http = new StagedApi();
  const type = { "Content-Type": "text/plain; charset=UTF-8" };
  const put = await http.ask("PUT", `${KEY}?level=ONE`, { body: '{"not": parsed', headers: type });
  assertEquals(put.status, 200);
  assertEquals((await http.ask("GET", KEY)).json.value, '{"not": parsed');
});

Deno.test("Level, context and session reach the replica from headers, query or body, and are the same there", async () => {
  const ways: readonly (readonly [string, Record<string, string>, unknown])[] = [
    [KEY, { "X-Quartet-Level": "TWO", "X-Quartet-Context": "c", "X-Quartet-Session": "" }, { value: "v" }],
    [`${KEY}?level=two&context=c&session=`, {}, { value: "v" }],
    [KEY, {}, { value: "v", level: "TWO", context: "c", session: "" }],
    [`${KEY}?level=TWO`, { "X-Quartet-Level": "TWO", "X-Quartet-Session": "" }, { value: "v", context: "c" }],
  ];
  for (const [target, headers, body] of ways) {
    const http = new StagedApi();
    await http.ask("PUT", target, { headers, body });
    assertEquals(http.requests, [
      { op: "put", keyspace: "main", key: "7", value: "v", level: "TWO", context: "c", session: "" },
    ]);
  }
  const http = new StagedApi();
  await http.ask("GET", KEY, { body: { session: "s", level: "ONE" } });
  await http.ask("DELETE", KEY, { headers: { "x-quartet-context": "c" } });
  assertEquals(http.requests, [
    { op: "get", keyspace: "main", key: "7", level: "ONE", session: "s" },
    { op: "delete", keyspace: "main", key: "7", context: "c" },
  ]);
});

Deno.test("What is wrong with a request is said with the value and what is allowed, and nothing was asked", async () => {
  const cases:
    readonly (readonly [string, string, { headers?: Record<string, string>; body?: unknown }, RegExp])[] = [
      ["PUT", KEY, {}, /^400 "value" is missing; allowed: a well-formed string$/],
      ["PUT", KEY, { body: { value: 7 } }, /^400 "value" is 7; allowed: a well-formed string$/],
      ["PUT", KEY, { body: { value: "x", level: "MOST" } }, /^400 "level" is "MOST"; allowed: ONE, TWO/],
      [
        "PUT",
        KEY,
        { body: { value: "x", valeu: "y" } },
        /^400 the body holds "valeu"; known here: value, level/,
      ],
      ["GET", `${KEY}?levle=ONE`, {}, /^400 the query holds "levle"; known here: level, context, session$/],
      ["GET", `${KEY}?level=ONE&level=ALL`, {}, /^400 "level" is "ONE" and "ALL" at once; say it once$/],
      [
        "GET",
        `${KEY}?level=ONE`,
        { headers: { "X-Quartet-Level": "ALL" } },
        /^400 "level" is "ALL" and "ONE" at once; say it once$/,
      ],
      ["GET", `${KEY}?level=%ff`, {}, /^400 the query holds "level=%ff"; allowed: percent-escapes of UTF-8$/],
      [
        "PUT",
        KEY,
        { body: "{", headers: { "Content-Type": "application/json" } },
        /^400 the body is "{"; allowed: one JSON/,
      ],
      [
        "PUT",
        KEY,
        { body: "[1]", headers: { "Content-Type": "application/json" } },
        /^400 the body is .*one JSON object$/,
      ],
      [
        "PUT",
        KEY,
        { body: "value=1", headers: { "Content-Type": "application/x-www-form-urlencoded" } },
        /^415 Content-Type is "application\/x-www-form-urlencoded"; allowed: application\/json, text\/plain$/,
      ],
      [
        "PUT",
        KEY,
        { body: "x", headers: { "Content-Type": "text/plain; charset=latin1" } },
        /^415 the body is in latin1; allowed: UTF-8$/,
      ],
      ["PUT", KEY, { body: { value: "\ud800" } }, /^400 "value" is .*well-formed/],
      [
        "GET",
        `${KEY}?session=${"s".repeat(16_385)}`,
        {},
        /^400 "session" is "s+"… \(16385 characters\); allowed: a token/,
      ],
      [
        "PUT",
        KEY,
        { body: { value: "x" }, headers: { "If-Match": '"a"' } },
        /^400 If-Match needs a strong keyspace/,
      ],
      ["GET", KEY, { headers: { "If-None-Match": "*" } }, /^400 If-None-Match needs a strong keyspace/],
    ];
  for (const [method, target, options, expected] of cases) {
    const http = new StagedApi();
    const { status, json } = await http.ask(method, target, options);
    assertMatch(`${status} ${json.error.message}`, expected);
    assertEquals([json.error.code, json.error.definite], ["malformed_request", true]);
    assertEquals(http.requests, []);
  }
  const http = new StagedApi();
  const bytes = Uint8Array.of(0xff);
  const headers = new Map([["host", "localhost"], ["content-type", "text/plain"]]);
  const answer = await http.api.answer({ method: "PUT", path: KEY, query: "", headers, body: bytes });
  assertStringIncludes(answer.body, "the body is not UTF-8");
});

Deno.test("What the replica refuses has its code, its counts and the status of its code", async () => {
  const http = new StagedApi({ memberCount: 4, settings: { value_bytes_max: 1024 } });
  for (const peer of http.stage.peers()) http.stage.lose(peer);
  const refused = await http.ask("PUT", KEY, { body: { value: "x", level: "TWO" } });
  assertEquals([
    refused.status,
    refused.json.error.code,
    refused.json.error.required,
    refused.json.error.live,
  ], [
    503,
    "unavailable",
    2,
    1,
  ]);
  const errors: readonly (readonly [string, string, unknown, keyof typeof ERRORS])[] = [
    ["GET", "/v1/keyspaces/none/keys/7", undefined, "unknown_keyspace"],
    ["GET", "/v1/keyspaces/main/keys/256", undefined, "key_out_of_range"],
    ["GET", "/v1/keyspaces/main/keys/seven", undefined, "malformed_request"],
    ["GET", `/v1/keyspaces/items/keys/${"k".repeat(1025)}?level=ONE`, undefined, "too_large"],
    ["PUT", KEY, { value: "x".repeat(1025), level: "ONE" }, "too_large"],
  ];
  for (const [method, target, body, code] of errors) {
    const { status, json } = await http.ask(method, target, { body });
    assertEquals([status, json.error.code, json.error.definite], [ERRORS[code].status, code, true]);
    assert(json.error.message.length > 10);
  }
});

Deno.test("A key is what its percent-escapes say, decoded once; no dots, slashes or second escapes lead elsewhere", async () => {
  const http = new StagedApi();
  const keys: readonly (readonly [string, string])[] = [
    ["a%2Fb", "a/b"],
    ["a%2fb", "a/b"],
    ["%2e%2e", ".."],
    ["..", ".."],
    ["%252F", "%2F"],
    ["%00", "\0"],
    ["h%C3%A9", "h\u00e9"],
    ["a+b", "a+b"],
    ["a;b=c", "a;b=c"],
    [":key", ":key"],
    ["*", "*"],
    ["%3F%23", "?#"],
  ];
  for (const [escaped, key] of keys) {
    await http.ask("PUT", `/v1/keyspaces/items/keys/${escaped}`, { body: { value: key } });
    const asked = http.requests.at(-1)!;
    assert(asked.op === "put");
    assertEquals(asked.key, key);
    assertEquals((await http.ask("GET", `/v1/keyspaces/items/keys/${escaped}`)).json.value, key);
  }
  const count = http.requests.length;
  for (const key of ["%", "%2", "%zz", "%ff", "%C3", "%ED%A0%80", "%c0%af"]) {
    const { status, json } = await http.ask("GET", `/v1/keyspaces/items/keys/${key}`);
    assertEquals([status, json.error.message], [400, "the path holds percent-escapes that are no UTF-8"]);
  }
  for (
    const path of [
      "/v1/keyspaces/items/keys/",
      "/v1/keyspaces/items/keys/a/b",
      "/v1/keyspaces/items",
      "//v1/status",
      "/v1/../v1/status",
      "/v1/./status",
      "/V1/status",
      "/v1/status/",
      "/v1%2Fstatus",
      "/healthz/../v1/status",
      "/",
      "/metrics%00",
    ]
  ) assertEquals((await http.ask("GET", path)).status, 404, path);
  assertEquals(http.requests.length, count);
});

Deno.test("A path says which methods it knows; HEAD is known wherever GET is", async () => {
  const http = new StagedApi();
  const { status, headers, json } = await http.ask("POST", KEY, { body: {} });
  assertEquals([status, headers.Allow], [405, "HEAD, GET, PUT, DELETE"]);
  assertEquals(json.error.message, "POST is not known at this path; allowed: HEAD, GET, PUT, DELETE");
  assertEquals((await http.ask("OPTIONS", "/metrics")).headers.Allow, "HEAD, GET");
  // The router's own word for any method is no method.
  assertEquals((await http.ask("ALL", KEY)).status, 405);
  assertEquals((await http.ask("HEAD", "/healthz")).status, 200);
  assertEquals((await http.ask("HEAD", KEY)).status, 404);
});

Deno.test("On loopback only names of this machine are answered to, and no page from elsewhere gets leave", async () => {
  const http = new StagedApi({ host: "127.5.5.5" });
  const status = async (host: string): Promise<number> =>
    (await http.ask("GET", "/healthz", { headers: { host } })).status;
  for (const host of ["localhost", "LOCALHOST:80", "127.0.0.1:8411", "127.5.5.5", "[::1]:8411"]) {
    assertEquals(await status(host), 200, host);
  }
  for (
    const host of [
      "evil.example",
      "127.0.0.1.evil.example",
      "localhost.evil.example:80",
      "localhost@evil",
      "",
      "10.0.0.1",
      "::1",
    ]
  ) assertEquals(await status(host), 400, host);
  const answer = await http.answer("GET", "/healthz", { headers: { origin: "https://evil.example" } });
  assertEquals(Object.keys(answer.headers ?? {}).filter((name) => /^access-control/i.test(name)), []);
  const open = new StagedApi({ host: "10.0.0.1", secret: "correct horse battery" });
  assertEquals((await open.ask("GET", "/healthz", { headers: { host: "lab.example" } })).status, 200);
});

Deno.test("With a secret everything but health and the description asks for it", async () => {
  const secret = "correct h\u00f6rse battery";
  const http = new StagedApi({ secret });
  for (const path of ["/healthz", "/readyz", "/openapi.json", "/docs"]) {
    assertEquals((await http.answer("GET", path)).status, 200, path);
  }
  const asUtf8 = String.fromCharCode(...new TextEncoder().encode(secret));
  const get = (headers: Record<string, string>): ReturnType<StagedApi["ask"]> =>
    http.ask("GET", KEY, { headers });
  const wrong: readonly (readonly [Record<string, string>, string])[] = [
    [{}, "is missing"],
    [{ authorization: `Basic ${asUtf8}` }, "is missing"],
    [{ authorization: "Bearer " }, "is missing"],
    [{ authorization: `Bearer ${asUtf8.slice(1)}` }, "is wrong"],
    [{ authorization: `Bearer ${asUtf8}x` }, "is wrong"],
  ];
  for (const [headers, what] of wrong) {
    const { status, json, headers: given } = await get(headers);
    assertEquals([status, json.error.code, given["WWW-Authenticate"]], [
      401,
      "unauthorized",
      'Bearer realm="quartet"',
    ]);
    assertEquals(json.error.message, `the cluster's secret ${what}; send Authorization: Bearer SECRET`);
  }
  for (const path of ["/metrics", "/v1/status", "/peers", "/nothing", "/healthz/", "/kv-store/a"]) {
    assertEquals((await http.ask("GET", path)).status, 401, path);
  }
  assertEquals(http.requests, []);
  assertEquals((await get({ authorization: `bearer  ${asUtf8}` })).status, 404);
  assertEquals(JSON.parse((await http.answer("GET", "/openapi.json")).body).security, [{ secret: [] }]);
});

Deno.test("Health, readiness and peers tell the truth", async () => {
  const young = new StagedApi({ memberCount: 3, isWhole: false });
  assertEquals((await young.ask("GET", "/healthz")).json, { status: "up" });
  const notReady = await young.ask("GET", "/readyz");
  assertEquals([notReady.status, notReady.json.ready], [503, false]);
  young.stage.tick();
  assertMatch((await young.ask("GET", "/readyz")).json.reason, /its answers count for no level/);

  const http = new StagedApi({ memberCount: 3 });
  assertEquals((await http.ask("GET", "/readyz")).json, { ready: true });
  assertEquals((await http.ask("GET", "/peers/healthcheck")).json, {
    healthy: true,
    alive: ["r1", "r2", "r3"],
    dead: [],
  });
  http.stage.lose("r3");
  assertEquals((await http.ask("GET", "/peers")).json.peers, [
    { id: "r1", address: "stage:1", http: "127.0.0.1:8411", alive: true },
    { id: "r2", address: "stage:2", http: "127.0.0.1:8412", alive: true },
    { id: "r3", address: "stage:3", http: "127.0.0.1:8413", alive: false },
  ]);
  const sick = await http.ask("GET", "/peers/healthcheck");
  assertEquals([sick.status, sick.json], [503, { healthy: false, alive: ["r1", "r2"], dead: ["r3"] }]);
  const { json } = await http.ask("GET", "/v1/status");
  assertEquals([json.id, json.ready, json.peers.length], ["r1", true, 2]);
});

Deno.test("Whatever is asked is answered, and no exception comes of it", async () => {
  const http = new StagedApi({ secret: "correct horse battery" });
  const paths = http.api.routes.map(({ path }) => path);
  const part = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("%", "%2F", "..", "*", ":key", "(", "[", "\\", "keys"),
  );
  const path = fc.oneof(
    fc.constantFrom(...paths).chain((known) =>
      part.map((word) => known.replace("{keyspace}", "items").replace("{key}", () => word))
    ),
    fc.array(part).map((parts) => `/${parts.join("/")}`),
  );
  const body = fc.oneof(fc.uint8Array(), fc.json().map((text) => new TextEncoder().encode(text)));
  const names = fc.constantFrom(
    "content-type",
    "x-quartet-level",
    "x-quartet-session",
    "x-causal-payload",
    "if-match",
  );
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom("application/json", "text/plain", "application/x-www-form-urlencoded"),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("GET", "PUT", "DELETE", "HEAD", "POST", "OPTIONS", "FOO"),
      path,
      fc.oneof(fc.string(), fc.constantFrom("level=ONE", "val=1&val=2", "a=%&b", "&&=", "__proto__=1")),
      fc.array(fc.tuple(names, value)),
      body,
      async (method, target, query, fields, bytes) => {
        const headers = new Map([
          ["host", "localhost"],
          ["authorization", "Bearer correct horse battery"],
          ...fields,
        ]);
        const answer = await http.api.answer({ method, path: target, query, headers, body: bytes });
        assert(answer.status >= 200 && answer.status < 600);
        if (answer.type === "application/json") JSON.parse(answer.body);
      },
    ),
    { numRuns: 1000 },
  );
});

Deno.test("An exception in a path is a bug that shows, and no answer", async () => {
  const http = new StagedApi();
  http.stage.status = () => {
    throw new RangeError("a bug");
  };
  await assertRejects(() => http.ask("GET", "/readyz"), RangeError, "a bug");
});
