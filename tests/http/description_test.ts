/** Tests of what the API says of itself: `/openapi.json`, `/docs`, `/metrics`. @module */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { MetricsText } from "../../src/http/metrics_text.ts";
import { parsePrometheus } from "./prometheus_text.ts";
import { StagedApi } from "./staged_api.ts";

// deno-lint-ignore no-explicit-any -- Why: a document that is walked through.
type Document = any;

Deno.test("The description is of exactly what is there: each operation answers, and nothing else is known", async () => {
  const http = new StagedApi();
  await http.ask("PUT", "/items/k", { body: { value: 1 } });
  await http.ask("PUT", "/v1/keyspaces/items/keys/k", { body: { value: "1" } });
  const api: Document = (await http.ask("GET", "/openapi.json")).json;
  assertEquals([api.openapi, Object.keys(api.paths).length], [
    "3.1.0",
    new Set(http.api.routes.map(({ path }) => path)).size,
  ]);
  const ids = new Set<string>();
  for (const [path, methods] of Object.entries<Document>(api.paths)) {
    for (const [method, operation] of Object.entries<Document>(methods)) {
      assert(!ids.has(operation.operationId), operation.operationId);
      ids.add(operation.operationId);
      const target = path.replace("{keyspace}", "items").replace("{key}", "k");
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const described = (operation.parameters ?? []).filter((each: Document) => each.in === "path").map((
        each: Document,
      ) => each.name);
      assertEquals(described, named, `${method} ${path}`);
      const schema = operation.requestBody?.content["application/json"]?.schema;
      const body = method === "put" ? { [schema.$ref ? "value" : "val"]: "x" } : undefined;
      const answer = await http.answer(method.toUpperCase(), target, { body });
      const told = operation.responses[answer.status];
      assert(told, `${method} ${path} answers ${answer.status}, which is not described`);
      const [type] = answer.type.split(";");
      assert(told.content[type!], `${method} ${path} answers ${type}`);
      const expected = told.content[type!].schema;
      if (type === "application/json") {
        checkSchema(JSON.parse(answer.body), expected, api, `${method} ${path}`);
      }
    }
    const missing = ["GET", "PUT", "DELETE"].filter((name) => !(name.toLowerCase() in methods));
    for (const method of missing) {
      const target = path.replace("{keyspace}", "items").replace("{key}", "k");
      // A path with a parameter may take the place of one without.
      const isTaken = path.startsWith("/kv-store/get_") && method === "PUT";
      if (!isTaken) assertEquals((await http.answer(method, target)).status, 405, `${method} ${target}`);
    }
  }
  const refs = [...JSON.stringify(api).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) =>
    name!
  );
  for (const name of refs) assert(api.components.schemas[name], name);
  for (const name of Object.keys(api.components.schemas)) {
    assert(refs.includes(name), `${name} is used nowhere`);
  }
  for (
    const { parameters = [] } of Object.values<Document>(api.paths).flatMap((each) =>
      Object.values<Document>(each)
    )
  ) {
    for (const { name, in: place } of parameters) {
      if (place === "query") {
        assertEquals(
          (await http.ask("GET", `/items/k?${name}=`)).status,
          ["context", "session"].includes(name) ? 200 : 400,
          name,
        );
      }
    }
  }
});

Deno.test("What is refused for want of the secret, or before /kv-store sees it, is described as it is answered", async () => {
  const http = new StagedApi({ secret: "correct horse battery" });
  const api: Document = JSON.parse((await http.answer("GET", "/openapi.json")).body);
  for (const { method, path, isOpen } of http.api.routes) {
    const operation = api.paths[path][method.toLowerCase()];
    const target = path.replace("{keyspace}", "items").replace("{key}", "k");
    const answer = await http.answer(method, target);
    assertEquals([answer.status === 401, operation.security], isOpen ? [false, []] : [true, undefined], path);
    const at = `${method} ${path}`;
    if (isOpen) continue;
    checkSchema(
      JSON.parse(answer.body),
      operation.responses[401].content["application/json"].schema,
      api,
      at,
    );
  }
  const kv = api.paths["/kv-store/{key}"].get.responses;
  const schemas = api.components.schemas;
  assertEquals(kv[400].content["application/json"].schema.$ref.split("/").at(-1), "KvErrorOrError");
  assertEquals(schemas.KvErrorOrError.anyOf.length, 2);
});

/** Holds a value against the parts of JSON Schema that the description uses. */
function checkSchema(value: Document, schema: Document, api: Document, at: string): void {
  if (schema.$ref) return checkSchema(value, api.components.schemas[schema.$ref.split("/").at(-1)], api, at);
  for (const part of schema.allOf ?? []) checkSchema(value, part, api, at);
  if ("const" in schema) assertEquals(value, schema.const, at);
  if (schema.enum) assert(schema.enum.includes(value), `${at}: ${value}`);
  if (schema.type === "array") {
    assert(Array.isArray(value), at);
    for (const item of value) checkSchema(item, schema.items, api, at);
  } else if (schema.type === "object") {
    assert(typeof value === "object" && value !== null, at);
    for (const name of schema.required ?? []) assert(name in value, `${at}: ${name} is missing`);
    for (const [name, item] of Object.entries(value)) {
      if (schema.properties?.[name]) checkSchema(item, schema.properties[name], api, `${at}: ${name}`);
      else if (schema.properties) assert(at.includes("/v1/status"), `${at}: ${name} is not described`);
    }
  } else if (schema.type === "integer") assert(Number.isInteger(value), at);
  else if (schema.type) assertEquals(typeof value, schema.type, at);
}

Deno.test("The page of the API needs nothing from elsewhere, and lets nothing in", async () => {
  const http = new StagedApi();
  const { type, body, headers } = await http.answer("GET", "/docs");
  assertEquals(type, "text/html; charset=utf-8");
  assertEquals([...body.matchAll(/(?:https?:)?\/\/[\w.-]+\.\w+/g)].map(([url]) => url), []);
  assert(!/innerHTML|insertAdjacentHTML|document\.write|eval\(/.test(body));
  assertMatch(
    headers!["Content-Security-Policy"]!,
    /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-/,
  );
});

Deno.test("/metrics is the text format of Prometheus, with requests by op, level and outcome, whichever way they came", async () => {
  const http = new StagedApi({ memberCount: 3 });
  await http.ask("PUT", "/v1/keyspaces/main/keys/7", { body: { value: "x", level: "ONE" } });
  await http.ask("GET", "/v1/keyspaces/main/keys/7?level=ONE");
  await http.ask("GET", "/v1/keyspaces/main/keys/8?level=ONE");
  http.stage.get(9, "ONE");
  http.stage.lose("r2");
  http.stage.lose("r3");
  http.stage.put(7, "x", "ALL");
  http.stage.deliver("r2", {
    type: "heartbeat",
    epoch: "e2",
    known_epochs: [],
    wall_ms: 1,
    recovering: false,
  });
  const answer = await http.answer("GET", "/metrics");
  assertEquals(answer.type, "text/plain; version=0.0.4; charset=utf-8");
  const families = parsePrometheus(answer.body);
  const value = (name: string, labels: Record<string, string>): number | undefined =>
    families.get(name)?.samples.find((sample) =>
      sample.name === name && JSON.stringify(sample.labels) === JSON.stringify(labels)
    )?.value;
  assertEquals(value("quartet_requests_total", { op: "put", level: "ONE", outcome: "ok" }), 1);
  assertEquals(value("quartet_requests_total", { op: "put", level: "ALL", outcome: "unavailable" }), 1);
  assertEquals(value("quartet_requests_total", { op: "get", level: "ONE", outcome: "ok" }), 1);
  assertEquals(value("quartet_requests_total", { op: "get", level: "ONE", outcome: "not_found" }), 2);
  assertEquals(value("quartet_messages_received_total", { type: "heartbeat" }), 1);
  assertEquals(
    value("quartet_writes_received_total", { cause: "hint" }),
    0,
    "told before it is first counted",
  );
  assertEquals(value("quartet_messages_received_total", { type: "write_hint" }), undefined);
  assertEquals(value("quartet_anti_entropy_passes_total", { end: "unmended" }), 0);
  assertEquals(value("quartet_anti_entropy_keys_total", { direction: "received" }), 0);
  assertEquals(value("quartet_anti_entropy_left", { peer: "r2" }), 0);
  assertEquals(value("quartet_peer_alive", { peer: "r3" }), 0);
  assertEquals(value("quartet_ready", {}), 1);
  const times = families.get("quartet_request_duration_seconds")!.samples;
  assertEquals(times.find(({ name, labels }) => name.endsWith("_count") && labels.op === "get")?.value, 3);
  for (
    const name of [
      "quartet_syncs_total",
      "quartet_hints_total",
      "quartet_read_repairs_total",
      "quartet_clock_offset_seconds",
      "quartet_hints_waiting",
      "quartet_requests_in_flight",
    ]
  ) {
    assert(families.has(name), name);
  }
});

Deno.test("Labels are escaped, a family is written once", () => {
  const text = new MetricsText();
  text.family("a_total", "counter", "Back\\slash\nand line.");
  text.sample("a_total", { x: 'q"uote\\\n' }, Infinity);
  const family = parsePrometheus(String(text)).get("a_total")!;
  assertEquals(family.samples, [{ name: "a_total", labels: { x: 'q"uote\\\n' }, value: Infinity }]);
  assertThrows(() => text.family("a_total", "counter", ""), TypeError);
});
