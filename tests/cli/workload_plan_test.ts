/** Tests of what a workload may be told to do. @module */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/cli/arguments.ts";
import { keyspaceOf, parseWorkload } from "../../src/cli/workload_plan.ts";
import { type ClusterConfig, parseClusterConfig } from "../../src/replica/cluster_config.ts";

function planOf(flags: Readonly<Record<string, string>>): ReturnType<typeof parseWorkload> {
  return parseWorkload(new Map(Object.entries({ history: "out.ndjson", ...flags })));
}

function clusterOf(): ClusterConfig {
  const parsed = parseClusterConfig({
    cluster: "test",
    default_keyspace: "main",
    replica: [1, 2].map((number) => ({ id: `r${number}`, address: `127.0.0.1:${7410 + number}` })),
    keyspace: { main: { keys: "byte" }, texts: { keys: "text", default_level: "ONE" } },
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.failure));
  return parsed.value;
}

Deno.test("Only the file has no default, and levels are taken in any case", () => {
  assertThrows(() => parseWorkload(new Map()), UsageError, "--history FILE");
  assertEquals(planOf({}), {
    history: "out.ndjson",
    seconds: 60,
    clients: 8,
    getPerMille: 500,
    keys: 16,
    rate: 200,
    writeLevel: "QUORUM",
    readLevel: "QUORUM",
    isCompared: true,
    hasSessions: false,
  });
  assert(planOf({ sessions: "" }).hasSessions);
  const plan = planOf({ "write-level": "two", mix: "0.25", seed: "0", "no-final": "", seconds: "0.5" });
  assertEquals([plan.writeLevel, plan.getPerMille, plan.seed, plan.isCompared, plan.seconds], [
    "TWO",
    250,
    0,
    false,
    0.5,
  ]);
});

Deno.test("A flag out of its range is refused, with the range", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["seconds", "0", "--seconds 0: not a number from 0.1 to 86400"],
    ["seconds", "1m", "--seconds 1m: not a number"],
    ["clients", "101", "--clients 101: not a number from 1 to 100"],
    ["clients", "2.5", "--clients 2.5: not an integer; allowed: 1 to 100"],
    ["mix", "1.1", "--mix 1.1: not a number from 0 to 1"],
    ["read-level", "MOST", "--read-level MOST: not a level; allowed: ONE TWO THREE QUORUM ALL"],
  ];
  for (const [flag, text, message] of cases) {
    assertThrows(() => planOf({ [flag]: text }), UsageError, message);
  }
});

Deno.test("What the keyspace cannot do is refused before anything is asked", () => {
  const config = clusterOf();
  assertEquals(keyspaceOf(planOf({ keys: "256" }), config).name, "main");
  assertEquals(keyspaceOf(planOf({ keys: "257" }), config, "texts").name, "texts");
  assertThrows(() => keyspaceOf(planOf({ keys: "257" }), config), UsageError, "allowed: 1 to 256");
  assertThrows(() => keyspaceOf(planOf({}), config, "other"), UsageError, "known: main texts");
  assertThrows(
    () => keyspaceOf(planOf({ "read-level": "THREE" }), config),
    UsageError,
    '--read-level THREE needs 3 copies; keyspace "main" has 2',
  );
});
