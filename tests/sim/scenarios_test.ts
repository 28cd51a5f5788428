/** The stories that the README tells, as scenarios (`scenarios/*.toml`): what each must show, and that all judges agree. @module */
import { judgeHistory } from "../../src/checker/judge.ts";
import { assert, assertEquals } from "@std/assert";
import { parse } from "smol-toml";
import type { MarkCounts } from "../../src/base/mark.ts";
import { finalStates, type Operation } from "../../src/checker/history.ts";
import { parseScenario } from "../../src/sim/scenario_document.ts";
import type { RunResult } from "../../src/sim/sim_run.ts";
import { historyToShow } from "../../src/sim/run_verdict.ts";
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

/** Rare branches that a story is about: one that goes well without them tells of something else. */
const REACHED: Readonly<Record<string, readonly string[]>> = {
  missed_write: ["reads: own copy is stale"],
  hint_delivered: ["writes: missing copies are owed hints", "hints: one delivered"],
  coordinator_dies_owing: ["debts: still owed from an earlier life", "hints: one delivered"],
  clocks_a_minute_apart: ["clock: ceiling set low because stamps run ahead"],
  clock_too_far_ahead: ["writes: refused for a clock that is ahead"],
  both_sides_of_a_partition: [
    "peers: one fell silent though the link stands",
    "copies: write of a peer had already lost",
    "hints: one delivered",
  ],
  disk_full: [
    "engine: commit refused by a full disk",
    "copies: write of a peer refused for a full disk",
    "hints: target has no room for one",
    "store: a full disk has room again",
  ],
  wiped_replica_returns: ["peers: one has another directory than before", "filling: whole again"],
};

/** Clients with greater numbers read in the end. */
const STEP_CLIENTS_MAX = 1000;

async function run(
  name: string,
): Promise<{ result: RunResult; operations: readonly Operation[]; marks: MarkCounts }> {
  const parsed = parseScenario(parse(await Deno.readTextFile(new URL(`${name}.toml`, FOLDER))));
  assert(parsed.ok, `${name}: ${parsed.ok ? "" : parsed.failure}`);
  const marks: MarkCounts = new Map();
  const result = await runScenario(parsed.value, { marks });
  const all = result.histories.get("main")!.operations;
  return { result, operations: all.filter(({ client }) => client < STEP_CLIENTS_MAX), marks };
}

function seen({ op, outcome, value, code }: Operation): string {
  if (outcome !== "ok") return code ?? outcome;
  return op === "get" ? value ?? "nothing" : "done";
}

for (const [name, expected] of Object.entries(SEEN)) {
  Deno.test(`The story ${name}.toml goes as the README tells it, and no judge objects`, async () => {
    const { result, operations, marks } = await run(name);
    assertEquals(operations.map(seen), expected);
    assertEquals(result.findings, []);
    assertEquals(REACHED[name]!.filter((mark) => !marks.has(mark)), [], "marks that it must reach");
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
  const result = await runScenario(parsed.value, { bugs: new Set(["forget_owed"]) });
  const [{ sentence, history } = {}] = result.findings;
  assert(sentence?.includes("when hints alone must have done it: client 1 put 7 = owed"), sentence);
  // The last reads mend it: only copies from before them show what is wrong.
  assert(history);
  assertEquals(judgeHistory(history, "quorum").outcome, "violated");
  assertEquals(historyToShow(result, result.findings[0]), history);
});
