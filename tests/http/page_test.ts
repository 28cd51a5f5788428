/** Tests of the listing of keys over HTTP: `src/http/page_routes.ts`. Without sockets. @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { StagedApi } from "./staged_api.ts";

const ITEMS = "/v1/keyspaces/items/keys";

async function filled(): Promise<StagedApi> {
  const http = new StagedApi();
  for (const key of ["a%2Fb", "b", "c", "%F0%9F%98%80"]) {
    assertEquals((await http.ask("PUT", `${ITEMS}/${key}`, { body: { value: `of ${key}` } })).status, 200);
  }
  http.requests.length = 0;
  return http;
}

Deno.test("Keys are listed in order, page by page, as the wire lists them", async () => {
  const http = await filled();
  const keys: string[] = [];
  let query = "limit=3";
  for (let more = true; more;) {
    const page = await http.ask("GET", `${ITEMS}?${query}`);
    assertEquals(page.status, 200);
    for (const entry of page.json.entries) {
      assertEquals(Object.keys(entry), ["key", "version"]);
      keys.push(entry.key);
    }
    more = page.json.more;
    query = `limit=3&after=${encodeURIComponent(page.json.last)}`;
  }
  assertEquals(keys, ["a/b", "b", "c", "😀"]);
  assertEquals(http.requests, [
    { op: "scan", keyspace: "items", limit: 3, keys_only: true },
    { op: "scan", keyspace: "items", after: "c", limit: 3, keys_only: true },
  ]);
});

Deno.test("Values come where they are asked for, and prefix and level reach the replica from query, header or body", async () => {
  const http = await filled();
  const page = await http.ask("GET", `${ITEMS}?values=true&prefix=a%2F&level=one`);
  assertEquals(page.json.entries.map(({ key, value }: Record<string, string>) => [key, value]), [[
    "a/b",
    "of a%2Fb",
  ]]);
  assertEquals([page.json.level, page.json.more], ["ONE", false]);
  await http.ask("GET", `${ITEMS}?prefix=a%2F`, {
    headers: { "X-Quartet-Level": "ONE" },
    body: { values: true },
  });
  assertEquals(http.requests[1], http.requests[0]);
  await http.ask("PUT", "/v1/keyspaces/main/keys/9", { body: { value: "x" } });
  const bytes = await http.ask("GET", "/v1/keyspaces/main/keys?after=8&values=false");
  assertEquals(bytes.json.entries.map(({ key }: { key: number }) => key), [9]);
});

Deno.test("What is wrong with a listing is said with its code and the limit", async () => {
  const http = await filled();
  const cases: readonly (readonly [string, RegExp])[] = [
    [`${ITEMS}?limit=0`, /^400 malformed_request "limit" is 0; allowed: an integer from 1 to 256$/],
    [`${ITEMS}?limit=257`, /^400 malformed_request "limit" is 257; allowed: an integer from 1 to 256$/],
    [`${ITEMS}?limit=many`, /^400 malformed_request "limit" is "many"; allowed: an integer from 1 to 256$/],
    [`${ITEMS}?values=yes`, /^400 malformed_request "values" is "yes"; allowed: true, false$/],
    [
      `${ITEMS}?level=MOST`,
      /^400 malformed_request "level" is "MOST"; allowed: ONE, TWO, THREE, QUORUM, ALL$/,
    ],
    [
      `${ITEMS}?level=TWO`,
      /^400 malformed_request level TWO needs more copies than the 1 of keyspace "items"$/,
    ],
    [
      `${ITEMS}?page=2`,
      /^400 malformed_request the query holds "page"; known here: prefix, after, limit, level, values$/,
    ],
    [
      `${ITEMS}?prefix=${"p".repeat(1025)}`,
      /^413 too_large the prefix has 1025 bytes; no key has more than 1024$/,
    ],
    [
      "/v1/keyspaces/main/keys?prefix=1",
      /^400 malformed_request the keys of "main" are numbers, which have no prefix/,
    ],
    [
      "/v1/keyspaces/main/keys?after=256",
      /^400 key_out_of_range key "256" is out of range; allowed: 0 to 255$/,
    ],
    ["/v1/keyspaces/none/keys", /^404 unknown_keyspace no keyspace "none"; there are: main, items$/],
  ];
  for (const [target, expected] of cases) {
    const { status, json: { error } } = await http.ask("GET", target);
    assertMatch(`${status} ${error.code} ${error.message}`, expected, target);
    assert(error.definite);
  }
  assertEquals((await http.ask("PUT", ITEMS, { body: { value: "x" } })).status, 405);
  const apart = new StagedApi({
    memberCount: 3,
    isWhole: false,
    others: { items: { keys: "text", replication: 3 } },
  });
  const refused = await apart.ask("GET", ITEMS);
  assertEquals([refused.status, refused.json.error.code], [503, "unavailable"]);
});
