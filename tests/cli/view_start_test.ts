/** Tests of `src/cli/view_start.ts`: what the environment may say, and what is said of what is wrong in it. @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { basename } from "@std/path";
import { hasView, idOf, parseView, type ViewStart } from "../../src/cli/view_start.ts";

type Env = Readonly<Record<string, string>>;

function started(env: Env): ViewStart {
  const view = parseView(new Map(Object.entries(env)));
  assert(view.ok, JSON.stringify(view));
  return view.value;
}

function problem(env: Env): string {
  const view = parseView(new Map(Object.entries(env)));
  return view.ok ? "no problem" : view.failure;
}

const VIEW = "10.0.0.20:8080,10.0.0.3:8080,10.0.0.21:8080,10.0.0.20:8079";

Deno.test("A view is members in the order of their addresses, of which the first K hold copies", () => {
  const { config, id, dataDirectory } = started({ VIEW, IPPORT: "10.0.0.3:8080", K: "3" });
  assertEquals(id, "010-000-000-003_08080");
  assertEquals(basename(dataDirectory), "10.0.0.3_8080");
  assertEquals(config.members.map(({ http, host, port }) => `${http!.host}:${http!.port} ${host}:${port}`), [
    "10.0.0.3:8080 10.0.0.3:18080",
    "10.0.0.20:8079 10.0.0.20:18079",
    "10.0.0.20:8080 10.0.0.20:18080",
    "10.0.0.21:8080 10.0.0.21:18080",
  ]);
  const keyspace = config.keyspaces.get("kv")!;
  assertEquals([config.defaultKeyspace, config.httpKeyspace, config.keyspaces.size, config.faults], [
    "kv",
    "kv",
    1,
    false,
  ]);
  const { keys, partitioner, replication, defaultLevel, coordination } = keyspace;
  assertEquals([keys, partitioner, replication, defaultLevel, coordination], [
    "text",
    "all",
    3,
    "ONE",
    "spread",
  ]);
  const others = started({ VIEW: VIEW.split(",").reverse().join(" , "), IPPORT: "10.0.0.21:8080", K: "3" });
  assertEquals(others.config, config, "all members make the same of it, whatever the order");
});

Deno.test("With fewer members than K each holds copies; without K all do; one alone needs no VIEW", () => {
  const copies = (env: Env): number => started(env).config.keyspaces.get("kv")!.replication;
  assertEquals(copies({ VIEW, IPPORT: "10.0.0.3:8080", K: "9" }), 4);
  assertEquals(copies({ VIEW, IPPORT: "10.0.0.3:8080" }), 4);
  assertEquals(copies({ IPPORT: "10.0.0.3:8080", K: "3", VIEW: "" }), 1);
  const alone = started({ PORT: "7777" });
  assertEquals(alone.config.members, [{
    id: "127-000-000-001_07777",
    host: "127.0.0.1",
    port: 17_777,
    http: { host: "127.0.0.1", port: 7777 },
  }]);
  assertEquals(basename(alone.dataDirectory), "127.0.0.1_7777");
});

Deno.test("An id is the member's address, orders as it, and is an id whatever the address", () => {
  const places = [
    { host: "9.0.0.1", port: 80 },
    { host: "10.0.0.1", port: 9 },
    { host: "10.0.0.1", port: 10 },
    { host: "10.0.0.2", port: 1 },
  ];
  const ids = places.map(idOf);
  assertEquals([...ids].sort(), ids);
  for (
    const host of [
      "localhost",
      "::1",
      "fe80::1:2:3:4:5:6:7",
      "-x",
      "A.Very.Long.Name.Of.A.Machine.example",
      "a_b",
      "a-b",
      "a.b",
    ]
  ) assertMatch(idOf({ host, port: 55_535 }), /^[a-z0-9][a-z0-9_-]{0,31}$/);
  assertEquals(new Set(["a_b", "a-b", "a.b"].map((host) => idOf({ host, port: 1 }))).size, 3);
});

Deno.test("What is wrong is one sentence with the name, the value and what is allowed", () => {
  const cases: readonly (readonly [Env, RegExp])[] = [
    [{ PORT: "abc" }, /^PORT=abc: "abc" is no port for this; allowed: 1 to 55535/],
    [{ PORT: "0" }, /^PORT=0: /],
    [{ PORT: "55536" }, /allowed: 1 to 55535, since peers and clients of the wire are answered 10000 above$/],
    [{ PORT: "-1" }, /^PORT=-1: /],
    [
      { VIEW },
      /^IPPORT is missing: say which address of VIEW this member has, such as IPPORT=10\.0\.0\.20:8080$/,
    ],
    [{ VIEW, IPPORT: "10.0.0.9:8080" }, /^IPPORT=10\.0\.0\.9:8080 is not in VIEW=.*; name one of these/],
    [{ VIEW: `${VIEW},nonsense`, IPPORT: "10.0.0.3:8080" }, /^VIEW: "nonsense" is no address; write IP:PORT/],
    [
      { VIEW: `${VIEW},1.2.3.4:60000`, IPPORT: "10.0.0.3:8080" },
      /^VIEW=1\.2\.3\.4:60000: "60000" is no port/,
    ],
    [{ IPPORT: "10.0.0.3" }, /^IPPORT: "10\.0\.0\.3" is no address/],
    [{ IPPORT: "0.0.0.0:8080" }, /^IPPORT: 0\.0\.0\.0:8080 is no address that others can dial/],
    [{ VIEW, IPPORT: "10.0.0.3:8080", K: "0" }, /^K=0 is no number of replicas; allowed: 1 and more$/],
    [{ VIEW, IPPORT: "10.0.0.3:8080", K: "two" }, /^K=two is no number of replicas/],
    [{ VIEW: "1.1.1.1:1,1.1.1.1:10001", IPPORT: "1.1.1.1:1" }, /^VIEW: "1\.1\.1\.1:10001" belongs to both/],
    [
      { VIEW: Array.from({ length: 65 }, (_, i) => `10.0.0.${i}:80`).join(","), IPPORT: "10.0.0.3:80" },
      /^VIEW has 65 members; at most 64 are allowed$/,
    ],
  ];
  for (const [env, expected] of cases) assertMatch(problem(env), expected);
});

Deno.test("Only addresses ask for a start without a file", () => {
  const has = (env: Env): boolean => hasView(new Map(Object.entries(env)));
  assert(has({ PORT: "1" }) && has({ VIEW: "x" }) && has({ IPPORT: "x" }));
  assert(!has({}) && !has({ K: "3" }) && !has({ PORT: "", VIEW: "" }));
});
