import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { LEVELS, requiredCount } from "../../src/protocol/level.ts";
import { unless, whyNoProgram } from "../harness/abilities.ts";
import { clusterTest, type CommandResult, LocalCluster, runCommand } from "../harness/processes.ts";

const LEVEL_NAMES = "ONE, TWO, THREE, QUORUM, ALL";

/** A command that has to end with this exit code. */
async function expectCode(code: number, command: Promise<CommandResult>): Promise<CommandResult> {
  const result = await command;
  assertEquals(result.code, code, `${result.stdout}${result.stderr}`);
  return result;
}

clusterTest(
  "Every level puts, gets and deletes, and its receipt names who acknowledged",
  {},
  async (cluster) => {
    for (const [index, level] of LEVELS.entries()) {
      const key = String(index);
      const required = requiredCount(level, 4);
      const put = await expectCode(0, cluster.client("put", key, `value of ${level}`, level.toLowerCase()));
      assertEquals(put.stdout, "");
      const receipt = /^ok {2}acked ((?:r\d ?)+) \((\w+) of 4\) .*coordinator r1 {2}\d+\.\d ms\n$/.exec(
        put.stderr,
      );
      assert(receipt !== null, put.stderr);
      const acked = receipt[1]!.trim().split(" ");
      assertEquals(receipt[2], level);
      assert(acked.length >= required && acked.includes("r1"), put.stderr);

      const get = await expectCode(0, cluster.client("get", key, level));
      assertEquals(get.stdout, `value of ${level}\n`);
      assertMatch(
        get.stderr,
        new RegExp(`^ok {2}answered r\\d.* \\(${level} of 4\\) {2}written .* coordinator r1 {2}\\d`),
      );

      const deleted = await expectCode(0, cluster.client("delete", key, "ALL"));
      assertStringIncludes(deleted.stderr, "ok  acked r1 r2 r3 r4 (ALL of 4)");
      const gone = await expectCode(4, cluster.client("get", key, level));
      assertEquals([gone.stdout, gone.stderr.includes("was deleted")], ["", true]);
    }
  },
);

clusterTest(
  "Every replica coordinates, and --json gives one object and nothing else",
  {},
  async (cluster) => {
    for (const id of cluster.ids) {
      const put = await expectCode(
        0,
        cluster.client("--json", "--coordinator", id, "put", "9", `from ${id}`, "all"),
      );
      assertEquals(put.stderr, "");
      const receipt = JSON.parse(put.stdout);
      assertEquals([receipt.ok, receipt.coordinator, receipt.acked], [true, id, ["r1", "r2", "r3", "r4"]]);
      assertEquals([receipt.level, receipt.required, receipt.copies], ["ALL", 4, 4]);
      const got = await expectCode(0, cluster.client("--json", "get", "9", "one", "--coordinator", id));
      const { ok, value, version } = JSON.parse(got.stdout);
      assertEquals([ok, value, version, got.stderr], [true, `from ${id}`, receipt.version, ""]);
    }
    const missing = await expectCode(4, cluster.client("--json", "get", "200"));
    const { ok, error, definite } = JSON.parse(missing.stdout);
    assertEquals([ok, error, definite, missing.stderr], [false, "not_found", true, ""]);
    const wrong = await expectCode(2, cluster.client("--json", "get", "9", "most"));
    assertEquals(JSON.parse(wrong.stdout).error, "malformed_request");
    const inspected = JSON.parse((await expectCode(0, cluster.client("--json", "inspect", "9"))).stdout);
    assertEquals([inspected.key_count, inspected.differing_count], [1, 0]);
    assertEquals(Object.keys(inspected.keys[0].held), ["r1", "r2", "r3", "r4"]);
  },
);

clusterTest(
  "Keys are the integers from 0 to 255, and all else is refused with the range",
  {},
  async (cluster) => {
    for (const key of ["0", "255"]) {
      await expectCode(0, cluster.client("put", key, `at ${key}`));
      assertEquals((await expectCode(0, cluster.client("get", key))).stdout, `at ${key}\n`);
    }
    for (const key of ["256", "-1", "1.5", "x", ""]) {
      const refused = await expectCode(2, cluster.client("put", key, "value"));
      assertMatch(refused.stderr, /key_out_of_range|malformed_request/);
      assertStringIncludes(refused.stderr, "0 to 255");
      await expectCode(2, cluster.client("get", key));
    }
    const inspected = await expectCode(0, cluster.client("inspect"));
    assertMatch(inspected.stdout, /^key +r1 +r2 +r3 +r4\n0 .*\n255 .*\n$/);
    assertStringIncludes(inspected.stderr, "2 keys, all equal");
  },
);

clusterTest("Values go in as words, as numbers with a dash, after -- and from stdin", {}, async (cluster) => {
  const long = "ü😀\t" + "x".repeat(200_000);
  const puts: readonly {
    readonly value: string;
    readonly words: readonly string[];
    readonly stdin?: string;
  }[] = [
    { value: "-1", words: ["1", "-1", "two"] },
    { value: "--verbose", words: ["--", "1", "--verbose"] },
    { value: "two words", words: ["1", "two words"] },
    { value: "", words: ["1", "", "one"] },
    { value: long, words: ["1", "-", "ALL"], stdin: long },
    { value: "line\n", words: ["1", "-"], stdin: "line\n" },
  ];
  for (const { value, words, stdin = "" } of puts) {
    await expectCode(0, cluster.clientWithInput(stdin, "put", ...words));
    assertEquals((await expectCode(0, cluster.client("get", "1"))).stdout, `${value}\n`);
  }
});

clusterTest("inspect shows all keys that are asked for, also where their values do not fit one line", {
  replicas: 2,
  settings: { value_bytes_max: 4000 },
}, async (cluster) => {
  const keys = ["0", "1", "2", "3", "4", "5"];
  for (const key of keys) await expectCode(0, cluster.client("put", key, "x".repeat(3000), "ALL"));
  for (const words of [keys, []]) {
    const { stdout } = await expectCode(0, cluster.client("--json", "inspect", ...words));
    const view = JSON.parse(stdout);
    assertEquals([view.key_count, view.differing_count], [keys.length, 0]);
    assertEquals(
      view.keys.map((
        { key, held }: { key: number; held: Record<string, { value: string }[]> },
      ) => [String(key), held.r1![0]!.value.length, held.r2![0]!.value.length]),
      keys.map((key) => [key, 3000, 3000]),
    );
  }
});

clusterTest("Words that make no sense are refused with what would", {}, async (cluster) => {
  const level = await expectCode(2, cluster.client("put", "1", "two", "words"));
  assertStringIncludes(
    level.stderr,
    `"words" is no level; allowed: ${LEVEL_NAMES}; put a value with spaces in quotes`,
  );
  const get = await expectCode(2, cluster.client("get", "1", "FOUR"));
  assertStringIncludes(get.stderr, `"FOUR" is no level; allowed: ${LEVEL_NAMES}`);
  assertStringIncludes((await expectCode(2, cluster.client("git", "1"))).stderr, "did you mean get?");
  const keyspace = await expectCode(2, cluster.client("--keyspace", "other", "get", "1"));
  assertMatch(keyspace.stderr, /unknown_keyspace: .*"other".*main/);
  assertStringIncludes(
    (await expectCode(0, cluster.client("put", "1", "one"))).stderr,
    'this stores the text "one"',
  );
});

clusterTest(
  "A level beyond the number of copies is refused as malformed",
  { replicas: 2 },
  async (cluster) => {
    for (const words of [["put", "1", "value", "THREE"], ["get", "1", "THREE"], ["delete", "1", "THREE"]]) {
      const refused = await expectCode(2, cluster.client(...words));
      assertStringIncludes(
        refused.stderr,
        'malformed_request: level THREE needs more copies than the 2 of keyspace "main"',
      );
    }
    await expectCode(4, cluster.client("get", "1", "ALL"));
  },
);

/** Sends lines to a replica by hand; what it answers, as objects. */
async function byHand(
  { places }: LocalCluster,
  lines: readonly string[],
): Promise<Record<string, unknown>[]> {
  const { host, port } = places[0]!;
  const { code, stdout, stderr } = await runCommand(
    "nc",
    ["-N", host, String(port)],
    lines.join("\n") + "\n",
  );
  assertEquals(code, 0, stderr);
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test({
  ...unless(await whyNoProgram("nc"), "A person can talk to a replica with nc -N"),
  fn: async () => {
    await using cluster = await LocalCluster.start();
    const [hello, ...answers] = await byHand(cluster, [
      '{"id":1,"op":"put","keyspace":"main","key":7,"value":"x","level":"TWO"}',
      '{"id":2,"op":"put","key":7,"value":"x","level":"SEVEN"}',
      "no JSON",
    ]);
    assertStringIncludes(JSON.stringify(hello), '"id":"r1"');
    const byId = new Map(answers.map((answer) => [answer.id, answer]));
    assertEquals(answers.length, 3);
    assertEquals([byId.get(1)?.id, byId.get(1)?.ok], [1, true]);
    assertEquals(byId.get(2)?.error, "malformed_request");
    assertEquals(byId.get(null)?.error, "malformed_request");
    const [, got] = await byHand(cluster, ['{"id":"a","op":"get","key":7}']);
    assertEquals([got?.id, got?.value], ["a", "x"]);
    // A web page can send any lines but a first one that is JSON: none of its others is looked at.
    const page = await byHand(cluster, ["POST / HTTP/1.1", '{"id":1,"op":"put","key":7,"value":"y"}']);
    assertEquals(page.slice(1).map(({ id, error }) => [id, error]), [[null, "malformed_request"]]);
    assertEquals((await cluster.client("get", "7")).stdout, "x\n");
  },
});
