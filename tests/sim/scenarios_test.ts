/** The stories that the README tells, as scenarios (`scenarios/*.toml`): what each must show, and that all judges agree. @module */
import { assert, assertEquals } from "@std/assert";
import { parse } from "smol-toml";
import { finalStates, type Operation } from "../../src/checker/history.ts";
import { parseScenario } from "../../src/sim/scenario_document.ts";
import type { RunResult } from "../../src/sim/sim_run.ts";
import { runScenario } from "../../src/sim/simulation.ts";

const FOLDER = new URL("scenarios/", import.meta.url);

/** What the clients of a story see, in its order: a value, `done`, `nothing` or why not. */
const SEEN: Readonly<Record<string, readonly string[]>> = {
  missed_write: ["done", "nothing", "third"],
  hint_delivered: ["done", "unavailable", "again"],
  coordinator_dies_owing: ["done", "nothing", "owed"],
  clocks_a_minute_apart: ["done", "done", "of the past"],
  clock_too_far_ahead: ["clock_skew", "done", "done", "taken"],
  both_sides_of_a_partition: ["done", "done", "unavailable", "left", "right"],
  disk_full: ["done", "disk_full", "before", "done", "meanwhile", "done"],
  wiped_replica_returns: ["done", "kept", "kept"],
};

/** Clients with greater numbers read in the end. */
const STEP_CLIENTS_MAX = 1000;

async function run(name: string): Promise<{ result: RunResult; operations: readonly Operation[] }> {
  const parsed = parseScenario(parse(await Deno.readTextFile(new URL(`${name}.toml`, FOLDER))));
  assert(parsed.ok, `${name}: ${parsed.ok ? "" : parsed.failure}`);
  const result = await runScenario(parsed.value);
  const all = result.histories.get("main")!.operations;
  return { result, operations: all.filter(({ client }) => client < STEP_CLIENTS_MAX) };
}

function seen({ op, outcome, value, code }: Operation): string {
  if (outcome !== "ok") return code ?? outcome;
  return op === "get" ? value ?? "nothing" : "done";
}

for (const [name, expected] of Object.entries(SEEN)) {
  Deno.test(`The story ${name}.toml goes as the README tells it, and no judge objects`, async () => {
    const { result, operations } = await run(name);
    assertEquals(operations.map(seen), expected);
    assertEquals(result.findings, []);
    const [first, ...others] = finalStates(result.histories.get("main")!).values();
    assert(first!.size > 0);
    for (const other of others) assertEquals(other, first, "all replicas hold the same in the end");
  });
}

Deno.test("Every scenario in the folder has its story here", async () => {
  const files = [];
  for await (const { name } of Deno.readDir(FOLDER)) files.push(name);
  assertEquals(files.sort(), Object.keys(SEEN).map((name) => `${name}.toml`).sort());
});

Deno.test("A coordinator that forgets what it owes is noticed in its story", async () => {
  const parsed = parseScenario(
    parse(await Deno.readTextFile(new URL("coordinator_dies_owing.toml", FOLDER))),
  );
  assert(parsed.ok);
  const { findings } = await runScenario(parsed.value, { bugs: new Set(["forget_owed"]) });
  assert(findings[0]?.sentence.startsWith("by hints alone: client 1 put 7 = owed"), findings[0]?.sentence);
});
