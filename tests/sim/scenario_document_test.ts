/** Tests of `src/sim/scenario_document.ts`: a scenario in TOML is the scenario, and what is wrong in one is named. @module */
import { assert, assertEquals } from "@std/assert";
import { parse, stringify } from "smol-toml";
import { parseScenario, scenarioDocument } from "../../src/sim/scenario_document.ts";
import { drawScenario } from "../../src/sim/scenario_draw.ts";
import { runScenario, simulate } from "../../src/sim/simulation.ts";

const STEP = { at_ms: 500, client: 1, op: "put", key: 7, value: "a" };

function problem(document: unknown): string {
  const parsed = parseScenario(document);
  return parsed.ok ? "" : parsed.failure;
}

Deno.test("What a seed draws is the same after it was TOML", () => {
  for (let seed = 0; seed < 30; seed++) {
    const scenario = drawScenario(seed);
    assertEquals(parseScenario(parse(stringify(scenarioDocument(scenario)))), { ok: true, value: scenario });
  }
});

Deno.test("The scenario of a seed runs as the seed does", async () => {
  const parsed = parseScenario(parse(stringify(scenarioDocument(drawScenario(7)))));
  assert(parsed.ok);
  assertEquals((await runScenario(parsed.value)).trace, (await simulate(7)).trace);
});

Deno.test("A fault or a step that is taken away moves no draw of the others", () => {
  const all = drawScenario(11);
  const fewer = drawScenario(11, { faults: [] });
  assertEquals({ ...fewer, faults: [], steps: [] }, { ...all, faults: [], steps: [] });
});

Deno.test("A scenario by hand needs little, and the rest is as usual", () => {
  const parsed = parseScenario({ name: "small", step: [STEP] });
  assert(parsed.ok);
  assertEquals(parsed.value.cluster.replicas, 4);
  assertEquals(parsed.value.steps[0], {
    atMs: 500,
    client: 1,
    op: "put",
    keyspace: "main",
    key: 7,
    level: "QUORUM",
    value: "a",
    valueChars: 0,
    escaped: false,
    isBlind: false,
    trace: false,
    coordinator: "",
  });
});

Deno.test("What is wrong in a scenario is named with where it stands", () => {
  assertEquals(problem(7), "7 is no object; each line is one JSON object");
  assert(problem({}).startsWith('"name" is missing'));
  const named = { name: "x" };
  assert(problem({ ...named, steps: [] }).startsWith('"steps" has no meaning here'));
  assert(
    problem({ ...named, step: [STEP, { ...STEP, op: "putt" }] }).startsWith(
      '[[step]] number 2: "op" is "putt"',
    ),
  );
  assert(problem({ ...named, step: [{ ...STEP, keyspace: "none" }] }).endsWith("there is no keyspace none"));
  assert(
    problem({ ...named, fault: [{ kind: "kill", at_ms: 1, replicas: ["r9"] }] }).startsWith(
      "there is no replica r9",
    ),
  );
  assert(
    problem({ ...named, fault: [{ kind: "reconfigure", at_ms: 1, change: 1 }] }).endsWith("no change 1"),
  );
  assert(
    problem({ ...named, cluster: { keyspace: { main: { replication: 9 } } } }).startsWith(
      "[cluster]: keyspace",
    ),
  );
  assert(problem({ ...named, phases: { faults_ms: -1 } }).startsWith("[phases]: "));
});
