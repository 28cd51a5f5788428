/** Tests of `src/replica/cluster_config.ts`: what a configuration may say, and what is said of one that is wrong. @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import * as fc from "fast-check";
import { isLoopback, parseClusterConfig } from "../../src/replica/cluster_config.ts";

type Document = Record<string, unknown>;

/** A right document, changed. */
function documentOf(changes: Document = {}): Document {
  return {
    cluster: "lab",
    replica: [{ id: "r1", address: "127.0.0.1:7411" }, { id: "r2", address: "127.0.0.1:7412" }],
    keyspace: { main: {} },
    ...changes,
  };
}

/** The problems of a document, one line each. */
function problems(changes: Document): string[] {
  const parsed = parseClusterConfig(documentOf(changes));
  return parsed.ok ? [] : parsed.failure.map(({ path, message }) => `${path}: ${message}`);
}

Deno.test("A small document gets its defaults", () => {
  const parsed = parseClusterConfig(documentOf());
  assert(parsed.ok);
  const { settings, keyspaces, defaultKeyspace, members } = parsed.value;
  assertEquals(defaultKeyspace, "main");
  assertEquals(members.map(({ id, host, port }) => `${id} ${host} ${port}`), [
    "r1 127.0.0.1 7411",
    "r2 127.0.0.1 7412",
  ]);
  assertEquals(keyspaces.get("main"), {
    name: "main",
    keys: "byte",
    partitioner: "all",
    replication: 2,
    defaultLevel: "QUORUM",
    readRepair: "background",
    hintedHandoff: true,
    antiEntropy: true,
    siblings: false,
    siblingsMax: 64,
    coordination: "asked",
  });
  assertEquals([settings.requestTimeoutMs, settings.valueBytesMax], [2000, 1024 * 1024]);
  assert(settings.lineBytesMax >= 6 * settings.valueBytesMax + 64 * 1024);
});

Deno.test("Members are in id order, whatever the order of the file", () => {
  const parsed = parseClusterConfig(documentOf({
    replica: [{ id: "r2", address: "b.example:1" }, { id: "r10", address: "[::1]:2" }, {
      id: "r1",
      address: "c:3",
    }],
  }));
  assert(parsed.ok);
  assertEquals(parsed.value.members.map(({ id, host }) => `${id} ${host}`), [
    "r1 c",
    "r10 ::1",
    "r2 b.example",
  ]);
});

Deno.test("Every problem has its path, the value, and what is allowed", () => {
  const name = "1 to 32 of a–z, 0–9, - and _, not starting with - or _";
  const cases: readonly (readonly [Document, string])[] = [
    [{ cluster: "My Lab" }, `cluster: "My Lab" is not allowed; allowed: ${name}`],
    [{ cluster: undefined }, `cluster: missing; allowed: ${name}`],
    [{ cluster: 7 }, `cluster: 7 is not allowed; allowed: ${name}`],
    [{ replica: [] }, "replica: missing: declare at least one [[replica]]"],
    [{ replica: { id: "r1" } }, "replica: must be written [[replica]], with double brackets"],
    [{ replica: [{ id: "R1", address: "a:1" }] }, `replica[1].id: "R1" is not allowed; allowed: ${name}`],
    [
      { replica: [{ id: "r1", address: "a" }] },
      'replica[1].address: "a" is not allowed; allowed: HOST:PORT, such as "127.0.0.1:7411"',
    ],
    [
      { replica: [{ id: "r1", address: "a:0" }] },
      "replica[1].address: port 0 is out of range; allowed: 1 to 65535",
    ],
    [
      { replica: [{ id: "r1", address: "a:65536" }] },
      "replica[1].address: port 65536 is out of range; allowed: 1 to 65535",
    ],
    [
      { replica: [{ id: "r1", address: "a:1", http: "a:0" }] },
      "replica[1].http: port 0 is out of range; allowed: 1 to 65535",
    ],
    [
      { replica: [{ id: "r1", address: "a:1", http: "8411" }] },
      'replica[1].http: "8411" is not allowed; allowed: HOST:PORT, such as "127.0.0.1:8411"',
    ],
    [{ http_keyspace: "other" }, 'http_keyspace: "other" is not declared; declared: main'],
    [
      { replica: [{ id: "r1", address: "a:1", port: 7 }] },
      "replica[1].port: unknown key; known here: id, address, http",
    ],
    [{ keyspace: {} }, "keyspace: missing: declare at least one [keyspace.NAME]"],
    [{ keyspace: [{}] }, "keyspace: must be written [keyspace.NAME]"],
    [{ keyspace: { main: 7 } }, "keyspace.main: 7 is not a table"],
    [{ keyspace: { Main: {} } }, `keyspace.Main: "Main" is not a keyspace name; allowed: ${name}`],
    [
      { keyspace: { main: { keys: "int" } } },
      'keyspace.main.keys: "int" is not allowed; allowed: byte, text',
    ],
    [
      { keyspace: { main: { partitioner: "ring" } } },
      'keyspace.main.partitioner: "ring" is not allowed; allowed: all, byte-ordered, consistent-hash',
    ],
    [
      { keyspace: { main: { replication: 3 } } },
      "keyspace.main.replication: 3 is not allowed; allowed: an integer from 1 to 2",
    ],
    [
      { keyspace: { main: { replication: 1.5 } } },
      "keyspace.main.replication: 1.5 is not allowed; allowed: an integer from 1 to 2",
    ],
    [
      { keyspace: { main: { default_level: "SOME" } } },
      'keyspace.main.default_level: "SOME" is no level; allowed: ONE, TWO, THREE, QUORUM, ALL',
    ],
    [
      { keyspace: { main: { default_level: "THREE" } } },
      "keyspace.main.default_level: THREE needs more copies than replication = 2 makes",
    ],
    [
      { keyspace: { main: { read_repair: "on" } } },
      'keyspace.main.read_repair: "on" is not allowed; allowed: background, blocking, off',
    ],
    [
      { keyspace: { main: { hinted_handoff: "no" } } },
      'keyspace.main.hinted_handoff: "no" is not allowed; allowed: true, false',
    ],
    [
      { keyspace: { main: { anti_entropy: 1 } } },
      "keyspace.main.anti_entropy: 1 is not allowed; allowed: true, false",
    ],
    [
      { http_keyspace: "main", keyspace: { main: { siblings: true } } },
      'http_keyspace: "main" has siblings, and /kv-store knows no context; take one without',
    ],
    [
      { keyspace: { main: { siblings: "yes" } } },
      'keyspace.main.siblings: "yes" is not allowed; allowed: true, false',
    ],
    [
      { keyspace: { main: { siblings_max: 9 } } },
      "keyspace.main.siblings_max: there is one version of each key; set siblings = true, or leave it out",
    ],
    [
      { keyspace: { main: { siblings: true, siblings_max: 256 } } },
      "keyspace.main.siblings_max: 256 is not allowed; allowed: an integer from 1 to 255",
    ],
    [
      { settings: { merkle_buckets: 1000 } },
      "settings.merkle_buckets: 1000 is not allowed; allowed: a power of two, such as 256 or 65536",
    ],
    [{ default_keyspace: "items" }, 'default_keyspace: "items" is not declared; declared: main'],
    [{ keyspace: { a: {}, b: {} } }, "default_keyspace: missing; allowed: the name of a keyspace"],
    [
      { settings: { request_timeout_ms: 5 } },
      "settings.request_timeout_ms: 5 is not allowed; allowed: an integer from 10 to 600000",
    ],
    [
      { settings: { request_timeout_ms: "2s" } },
      'settings.request_timeout_ms: "2s" is not allowed; allowed: an integer from 10 to 600000',
    ],
    [{ settings: 7 }, "settings: 7 is not a table"],
    [
      { replicas: [] },
      "replicas: unknown key; known here: cluster, secret, secret_file, faults, replica, keyspace, default_keyspace, http_keyspace, settings",
    ],
  ];
  for (const [changes, problem] of cases) assertEquals(problems(changes)[0], problem);
});

Deno.test("An empty text where a name belongs is one problem", () => {
  assertEquals(problems({ default_keyspace: "" }), [
    'default_keyspace: "" is not allowed; allowed: the name of a keyspace',
  ]);
  for (const level of ["", 7]) {
    assertEquals(problems({ keyspace: { main: { default_level: level } } }), [
      `keyspace.main.default_level: ${
        JSON.stringify(level)
      } is not allowed; allowed: ONE, TWO, THREE, QUORUM, ALL`,
    ]);
  }
});

Deno.test("Unknown keys are problems at every depth, and all problems are told at once", () => {
  assertEquals(
    problems({
      seceret: "x",
      replica: [{ id: "r1", address: "a:1", zone: "x" }],
      keyspace: { main: { replicas: 1 } },
      settings: { timeout: 1 },
    }).map((line) => line.split(";")[0]),
    [
      "replica[1].zone: unknown key",
      "keyspace.main.replicas: unknown key",
      "settings.timeout: unknown key",
      "seceret: unknown key",
    ],
  );
});

Deno.test("An id or an address names one replica only", () => {
  const twice = { id: "r1", address: "127.0.0.1:7411" };
  assertEquals(problems({ replica: [twice, { ...twice, address: "127.0.0.1:7412" }] }), [
    'replica.id: "r1" is declared twice; each id names one replica',
  ]);
  assertEquals(problems({ replica: [twice, { ...twice, id: "r2" }] }), [
    'replica.address: "127.0.0.1:7411" belongs to both r1 and r2',
  ]);
  assertEquals(problems({ replica: [{ ...twice, http: twice.address }] }), [
    'replica.http: "127.0.0.1:7411" belongs to both r1 and r1 (http)',
  ]);
  const http = { ...twice, http: "127.0.0.1:8411" };
  assertEquals(problems({ replica: [http, { id: "r2", address: "127.0.0.1:8411" }] }), [
    'replica.address: "127.0.0.1:8411" belongs to both r1 (http) and r2',
  ]);
  const many = Array.from({ length: 65 }, (_, index) => ({ id: `r${index}`, address: `h:${index + 1}` }));
  assertEquals(problems({ replica: many }), ["replica: 65 replicas; at most 64 are allowed"]);
});

Deno.test("Settings that contradict each other are refused with the least that would do", () => {
  assertEquals(problems({ settings: { line_bytes_max: 65_536 } }), [
    "settings.line_bytes_max: 65536 is too small for value_bytes_max = 1048576; at least 6356992",
  ]);
  assertEquals(problems({ settings: { line_bytes_max: 6 * 10 + 65_536, value_bytes_max: 10 } }), []);
  assertEquals(problems({ settings: { segment_bytes: 65_536 } }), [
    "settings.segment_bytes: 65536 cannot hold a value of value_bytes_max = 1048576; at least 1064960",
  ]);
  assertEquals(problems({ settings: { failure_timeout_ms: 499, heartbeat_interval_ms: 250 } }), [
    "settings.failure_timeout_ms: 499 is under two heartbeats; at least 500",
  ]);
  assertEquals(problems({ settings: { failure_timeout_ms: 500, heartbeat_interval_ms: 250 } }), []);
});

Deno.test("H13: a limit for what versions say was seen leaves room for one of each copy and one more", () => {
  const settings = { clock_entries_max: 2 };
  assertEquals(problems({ settings, keyspace: { main: { siblings: true } } }), [
    "settings.clock_entries_max: 2 is too small for the 2 copies of keyspace main, which has siblings; at least 3",
  ]);
  assertEquals(problems({ settings, keyspace: { main: { siblings: true, replication: 1 } } }), []);
  assertEquals(problems({ settings }), []);
});

Deno.test("A secret is never printed, not even a wrong one", () => {
  const lines = [...problems({ secret: "hunter2" }), ...problems({ secret: ["hunter2 in a list"] })];
  assertEquals(lines, Array(2).fill("secret: this value is not allowed; allowed: 16 to 1024 characters"));
  const parsed = parseClusterConfig(documentOf({ secret: "sixteen chars ok" }));
  assert(parsed.ok && parsed.value.secret === "sixteen chars ok");
});

Deno.test("Nothing may be broken on purpose unless the file says so", () => {
  const faults = [{}, { faults: false }, { faults: true }].map((fields) => {
    const parsed = parseClusterConfig(documentOf(fields));
    return parsed.ok && parsed.value.faults;
  });
  assertEquals(faults, [false, false, true]);
  assertEquals(problems({ faults: "yes" }), ['faults: "yes" is not allowed; allowed: true, false']);
});

Deno.test("Junk of any form is problems, never an exception", () => {
  fc.assert(fc.property(fc.jsonValue(), (junk) => void parseClusterConfig(junk)));
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.keys(documentOf()), "settings", "secret"),
      fc.anything(),
      (name, junk) => {
        parseClusterConfig(documentOf({ [name]: junk }));
      },
    ),
  );
});

Deno.test("Only addresses of this machine are loopback", () => {
  assertEquals(
    ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"].filter((host) => !isLoopback(host)),
    [],
  );
  assertEquals(
    ["0.0.0.0", "10.0.0.1", "127.0.0.1.example", "localhost.example", "::"].filter(isLoopback),
    [],
  );
});

Deno.test("Settings that cannot keep staleness_bound_ms are refused, and the one furthest off is named", () => {
  const problem = (settings: Readonly<Record<string, number>>, main = {}): string => {
    const parsed = parseClusterConfig(documentOf({ settings, keyspace: { main } }));
    return parsed.ok ? "" : parsed.failure.map(({ path, message }) => `${path}: ${message}`).join("\n");
  };
  assertEquals(
    problem({ anti_entropy_keys_per_second: 2000 }),
    "settings.anti_entropy_keys_per_second: staleness_bound_ms = 10000 cannot be kept: it may take 15000 ms until " +
      "copies are equal (redial_cap_ms 1000 ms, failure_timeout_ms 1000 ms, anti_entropy_interval_ms 2000 ms, " +
      "anti_entropy_keys_per_second 10000 ms, a lost question 1000 ms); " +
      "raise anti_entropy_keys_per_second, or raise staleness_bound_ms to at least 15000",
  );
  assertMatch(problem({ redial_cap_ms: 60_000 }), /^settings\.redial_cap_ms: .*lower redial_cap_ms, or/);
  assertMatch(problem({ failure_timeout_ms: 9000 }), /^settings\.failure_timeout_ms: /);
  assertMatch(problem({ anti_entropy_interval_ms: 9000 }), /^settings\.anti_entropy_interval_ms: /);
  assertMatch(
    problem({ staleness_bound_ms: 5000 }),
    /^settings\.staleness_bound_ms: .*; raise staleness_bound_ms to at least 6000$/,
  );
  assertEquals(problem({ staleness_bound_ms: 6000 }), "");
  assertEquals(problem({ redial_cap_ms: 60_000, staleness_bound_ms: 65_000 }), "");
  // Where nothing is compared, or there is nothing to compare with, nothing is promised.
  assertEquals(problem({ redial_cap_ms: 60_000 }, { anti_entropy: false }), "");
  assertEquals(problem({ redial_cap_ms: 60_000 }, { replication: 1, default_level: "ONE" }), "");
});

Deno.test("/kv-store serves the keyspace that is named, else items, else kv, else none", () => {
  const served = (more: Record<string, unknown>, ...names: string[]): string | undefined => {
    const result = parseClusterConfig({
      cluster: "lab",
      replica: [{ id: "r1", address: "127.0.0.1:7411", http: "127.0.0.1:8411" }],
      default_keyspace: names[0],
      keyspace: Object.fromEntries(names.map((name) => [name, { keys: "text" }])),
      ...more,
    });
    assert(result.ok);
    assertEquals(result.value.members[0]!.http, { host: "127.0.0.1", port: 8411 });
    return result.value.httpKeyspace;
  };
  assertEquals(served({ http_keyspace: "main" }, "main", "items"), "main");
  assertEquals(served({}, "main", "kv", "items"), "items");
  assertEquals(served({}, "main", "kv"), "kv");
  assertEquals(served({}, "main"), undefined);
  const keyspace = { kv: { keys: "text" }, items: { keys: "text", siblings: true } };
  assertEquals(served({ keyspace }, "kv"), "kv", "which names no context, and would replace nothing");
});
