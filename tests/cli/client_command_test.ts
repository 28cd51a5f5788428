import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { binaryUnderTest, clusterTest, LocalCluster, runQuartet } from "../harness/processes.ts";

Deno.test("a command line that cannot be carried out exits with 2 and says the way out, before anything is connected", async () => {
  const cases: [string[], string][] = [
    [["put", "7"], "put takes KEY VALUE [LEVEL], and 1 word was given"],
    [
      ["put", "7", "two", "words"],
      '"words" is no level; allowed: ONE, TWO, THREE, QUORUM, ALL; put a value with spaces in quotes, ' +
      "as in put 7 'two words'",
    ],
    [
      ["put", "7", "a", "one", "two"],
      "put takes KEY VALUE [LEVEL], and 4 words were given: put a value with spaces in quotes, " +
      "as in put 7 'a one two'",
    ],
    [["get", "7", "five"], '"five" is no level; allowed: ONE, TWO, THREE, QUORUM, ALL'],
    [["gte", "7"], 'unknown verb "gte"; did you mean get?'],
    [["GET"], "get takes KEY [LEVEL], and 0 words were given"],
    [["set", "7"], "put takes KEY VALUE [LEVEL], and 1 word was given"],
    [["del"], "delete takes KEY [LEVEL], and 0 words were given"],
    [
      ["put", "7", "x".repeat(1000), "tow"],
      '"tow" is no level; allowed: ONE, TWO, THREE, QUORUM, ALL; put a value with spaces in quotes, ' +
      `as in put 7 '${"x".repeat(39)}… tow'`,
    ],
    [["get", "7", "\x1b[31m"], '"\\u001b[31m" is no level; allowed: ONE, TWO, THREE, QUORUM, ALL'],
    [
      ["get", "7", "--require-fresh"],
      "--require-fresh compares the answer with a session; give --session TOKEN, of an answer before",
    ],
    [["put", "7", "x", "--require-fresh"], "put takes no --require-fresh; it belongs to get"],
    [["get", "7", "--differs"], "get takes no --differs; it belongs to inspect"],
    [["get", "7", "--timeout", "2"], "--timeout 2: not a time; allowed: 100ms to 24h, such as 500ms, 2s, 1m"],
    [
      ["put", "7", "x", "--timeout", "1ms"],
      "--timeout 1ms: too short; allowed: 100ms to 24h, such as 500ms, 2s, 1m",
    ],
    [
      ["--coordinator", "get", "7"],
      "--coordinator get: get is a verb; is the ID missing? --coordinator ID get …",
    ],
    [
      ["put", "7", "x", "--level", "two"],
      "--level: a level is a word, not a flag: get KEY LEVEL, put KEY VALUE LEVEL, delete KEY LEVEL",
    ],
    [["get", "keys", "--level", "two"], "get takes no --level; it belongs to keys, scan"],
    [["keys", "--level", "most"], "--level most: no level; allowed: ONE, TWO, THREE, QUORUM, ALL"],
    [["keys", "--limit", "0"], "--limit 0: no count; allowed: an integer from 1 on"],
    [["scan", "a", "b"], "scan takes [PREFIX], and 2 words were given"],
    [["locate"], "locate takes KEY, and 0 words were given"],
    [["inspect", "--trace"], "inspect takes no --trace; it belongs to get, put, delete"],
    [["resolve"], "resolve takes KEY [VALUE] [LEVEL], and no word was given"],
    [["resolve", "k"], "resolve takes a VALUE, or --pick N: what shall stay?"],
    [["resolve", "k", "v", "ONE", "x"], "resolve takes KEY [VALUE] [LEVEL], and 4 words were given"],
    [["resolve", "k", "v", "--pick", "1"], '"v" is no level; allowed: ONE, TWO, THREE, QUORUM, ALL'],
    [
      ["resolve", "k", "--pick", "0"],
      "--pick 0: no number; allowed: those that get --siblings shows, from 1 on",
    ],
    [["get", "7", "--context", "x"], "get takes no --context; it belongs to put, delete, resolve"],
    [["info"], 'unknown verb "info"; did you mean status?'],
    [["use", "main"], "use is a verb of the console and of scripts: quartet client without a verb"],
    [["wait", "sideways"], 'wait takes up or converged, and "sideways" was given'],
    [["status", "r1"], 'status takes no words, and "r1" was given'],
    [["get", "7", "--config", "/nope.toml"], "/nope.toml: no such file"],
    [
      ["get", "7", "--connect", "127.0.0.1:1", "--coordinator", "r1"],
      "--coordinator r1: --connect 127.0.0.1:1 names the coordinator already; leave one of them out",
    ],
  ];
  for (const [args, message] of cases) {
    const plain = await runQuartet(["client", ...args]);
    assertEquals([plain.code, plain.stdout, plain.stderr], [2, "", `error: ${message}\n`]);
  }
  // The file is there: what is wrong is elsewhere, and another file is no way out.
  const secret = await runQuartet(["client", "get", "7"], "", { QUARTET_SECRET: "short" });
  const short = "error: QUARTET_SECRET holds 5 characters; a secret has 16 to 1024\n";
  assertEquals([secret.code, secret.stdout, secret.stderr], [2, "", short]);
  const json = await runQuartet(["client", "--json", "put", "7"]);
  assertEquals([json.code, json.stderr], [2, ""]);
  assertEquals(JSON.parse(json.stdout), {
    ok: false,
    error: "malformed_request",
    message: "put takes KEY VALUE [LEVEL], and 1 word was given",
    definite: true,
  });
  const bare = await runQuartet(["client", "--json"]);
  assertEquals([bare.code, bare.stderr], [2, ""]);
  assertEquals(
    (JSON.parse(bare.stdout) as Record<string, unknown>)["message"],
    "no verb was given, and no command came on stdin; known: get put delete resolve keys scan status inspect locate repair wait fault workload check sim completion (--help says more)",
  );
});

Deno.test("where nobody listens a put is refused as unavailable, and says that nothing was sent", async () => {
  const { code, stdout, stderr } = await runQuartet(["client", "--connect", "127.0.0.1:1", "put", "7", "x"]);
  assertEquals([code, stdout], [5, ""]);
  assertEquals(
    stderr,
    "unavailable: nobody listens at 127.0.0.1:1; is a replica running there? Nothing was sent.\n",
  );
});

Deno.test("where all replicas of a cluster on this machine are down, the way out is to start it", async () => {
  await using cluster = await LocalCluster.create({ replicas: 2 });
  const way = binaryUnderTest() === undefined
    ? `deno task cluster -d --config ${cluster.config} starts it`
    : "";
  const put = await cluster.client("put", "7", "x");
  assertEquals(put.code, 5);
  assertMatch(put.stderr, /^unavailable: no replica can be reached \(r1: .*\); is the cluster running\?/);
  assertStringIncludes(put.stderr, way);
  for (const verb of ["status", "inspect"]) {
    const { code, stderr } = await cluster.client(verb);
    assertEquals(code, 5);
    assertStringIncludes(stderr, way);
  }
});

clusterTest("values go to stdout and all else to stderr", { replicas: 3 }, async (cluster) => {
  const put = await cluster.clientWithInput("two\nlines\n", "put", "7", "-", "all");
  assertEquals([put.code, put.stdout], [0, ""]);
  assertMatch(
    put.stderr,
    /^ok {2}acked r1 r2 r3 \(ALL of 3\) {2}written .*\d\.\d{3} by r1 {2}version \d{16} {2}coordinator r1 {2}\d+\.\d ms\n$/,
  );
  const get = await cluster.client("get", "7", "--coordinator", "r3");
  assertEquals([get.code, get.stdout], [0, "two\nlines\n\n"]);
  // The same write, by its time, its author and its version.
  const written = (line: string): string =>
    line.match(/written \S+/)![0] + line.match(/by r1 {2}version \d+/)![0];
  assertEquals(written(get.stderr), written(put.stderr));
  assertMatch(
    get.stderr,
    /^ok {2}answered r\d r\d \(QUORUM of 3\) .* \((now|\d+ \w+ ago)\) .* coordinator r3 /,
  );

  const named = await cluster.client("put", "8", "one");
  assertMatch(named.stderr, /^warning: this stores the text "one"; .*\nok {2}/);
  assertEquals((await cluster.client("get", "8")).stdout, "one\n");
  await cluster.client("put", "--", "9", "--json");
  assertEquals((await cluster.client("get", "9")).stdout, "--json\n");
  await cluster.client("put", "9", "-1");
  assertEquals((await cluster.client("get", "9")).stdout, "-1\n");

  const missing = await cluster.client("get", "10");
  assertEquals([missing.code, missing.stdout], [4, ""]);
  assertMatch(missing.stderr, /^not_found: /);
  const outside = await cluster.client("get", "256");
  assertEquals(outside.code, 2);
  assertMatch(outside.stderr, /^key_out_of_range: .*256.*0 to 255/);

  const json = await cluster.client("--json", "get", "8", "one");
  assertEquals([json.code, json.stderr], [0, ""]);
  const object = JSON.parse(json.stdout) as Record<string, unknown>;
  assertEquals([object["ok"], object["value"], object["level"]], [true, "one", "ONE"]);
  const failed = await cluster.client("--json", "get", "10");
  assertEquals([failed.code, failed.stderr], [4, ""]);
  assertEquals((JSON.parse(failed.stdout) as Record<string, unknown>)["error"], "not_found");
});

clusterTest(
  "status, inspect and wait show who is there and what each one holds",
  { replicas: 3 },
  async (cluster) => {
    await cluster.client("put", "7", "old", "all");
    await cluster.kill9("r3");
    await cluster.client("put", "7", "new", "two");
    const { host, port } = cluster.places[0]!;

    // From one address the client finds the others.
    const status = await runQuartet(["client", "--connect", `${host}:${port}`, "status"]);
    assertEquals(status.code, 0);
    const rows = status.stdout.split("\n");
    assertMatch(rows[0]!, /^replica +address +state +epoch +up for +sees +hints waiting$/);
    assertMatch(rows[3]!, new RegExp(`^r3 +${host}:${cluster.places[2]!.port} +down: nobody listens at `));

    const inspect = await cluster.client("inspect", "7", "--replica", "r1,r2");
    assertEquals(inspect.code, 0);
    assertMatch(inspect.stdout, /^key +r1 +r2\n7 +"new" \d{16} r1 +"new" \d{16} r1\n$/);
    assertEquals(inspect.stderr, "1 key, all equal\n");

    const up = await cluster.client("wait", "up", "--timeout", "200ms");
    assertEquals(up.code, 6);
    assertMatch(up.stderr, /^timeout: not up after 200 ms: .*r3 is down/);
    assertEquals((await cluster.client("wait", "converged", "--replica", "r1,r2")).code, 0);

    await cluster.start("r3");
    await cluster.waitUp();
    assertEquals((await cluster.client("wait", "converged", "--timeout", "10s")).code, 0);
    const all = await cluster.client("--json", "inspect", "--differs");
    const object = JSON.parse(all.stdout) as { keys: unknown[]; key_count: number; differing_count: number };
    assertEquals([object.keys, object.key_count, object.differing_count], [[], 1, 0]);
  },
);

clusterTest(
  "only replicas that are to hold copies of a keyspace are compared",
  { replicas: 3, keyspace: { replication: 2 } },
  async (cluster) => {
    assertEquals((await cluster.client("put", "7", "x", "all")).code, 0);
    const { host, port } = cluster.places[2]!;
    const ways = [["--config", cluster.config], ["--connect", `${host}:${port}`]];
    for (const way of ways) {
      const inspect = await runQuartet(["client", ...way, "inspect"]);
      assertMatch(inspect.stdout, /^key +r1 +r2 +r3\n7 +"x" \d{16} r1 +"x" \d{16} r1 +no copy\n$/);
      assertEquals(inspect.stderr, "1 key, all equal\n");
      const converged = await runQuartet(["client", ...way, "wait", "converged", "--timeout", "2s"]);
      assertEquals(converged.code, 0, converged.stderr);
      const script = await runQuartet(["client", ...way], "wait converged --timeout 2s\ninspect --differs\n");
      assertEquals([script.code, script.stdout], [0, ""], script.stderr);
    }
    // Whether the third is there does not matter to the copies, and it matters to the cluster.
    await cluster.kill9("r3");
    assertEquals((await cluster.client("wait", "converged", "--timeout", "2s")).code, 0);
    assertEquals((await cluster.client("wait", "up", "--timeout", "300ms")).code, 6);
    await cluster.kill9("r2");
    const away = await cluster.client("wait", "converged", "--timeout", "300ms");
    assertMatch(away.stderr, /^timeout: not converged after 300 ms: r2 is down/);
  },
);

clusterTest(
  "a client is told who is wrong: secret, cluster, replica",
  { replicas: 2, top: { secret: "a secret of many characters" } },
  async (cluster) => {
    assertEquals((await cluster.client("put", "1", "x", "all")).code, 0);
    const { host, port } = cluster.places[0]!;
    const bare = await runQuartet(["client", "--connect", `${host}:${port}`, "get", "1"]);
    assertEquals(bare.code, 8);
    assertMatch(bare.stderr, /^unauthorized: .*; an address alone has no secret: add --config FILE/);
    const withSecret = await runQuartet([
      "client",
      "--connect",
      `${host}:${port}`,
      "--config",
      cluster.config,
      "get",
      "1",
    ]);
    assertEquals(withSecret.stdout, "x\n");

    const text = await Deno.readTextFile(cluster.config);
    const variants: [string, string, RegExp][] = [
      [text.replace("a secret of", "another secret of"), "secret", /^unauthorized: /],
      [text.replace('cluster = "test"', 'cluster = "barn"'), "cluster", /"barn"|barn/],
      [swapIds(text), "ids", /^wrong_cluster: .* is r[12], and the configuration says r[12]/],
    ];
    for (const [variant, name, expected] of variants) {
      const path = join(cluster.directory, `${name}.toml`);
      await Deno.writeTextFile(path, variant);
      const { code, stderr } = await runQuartet(["client", "--config", path, "get", "1"]);
      assertEquals(code, 8, `${name}: ${stderr}`);
      assertMatch(stderr, expected);
      assert(!stderr.includes("many characters"), stderr);
    }
  },
);

function swapIds(text: string): string {
  return text.replace('id = "r1"', 'id = "x"').replace('id = "r2"', 'id = "r1"').replace(
    'id = "x"',
    'id = "r2"',
  );
}
