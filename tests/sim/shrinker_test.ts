/** Tests of `src/sim/shrinker.ts`: little is left of a run that goes wrong, and that goes wrong in the same way. @module */
import { assert, assertEquals } from "@std/assert";
import type { PlantedBug } from "../../src/base/planted_bug.ts";
import { parseScenario, scenarioDocument } from "../../src/sim/scenario_document.ts";
import { shrink } from "../../src/sim/shrinker.ts";
import { runScenario, simulate } from "../../src/sim/simulation.ts";

Deno.test("Of a run that goes wrong a few steps and faults are left, and they go wrong again", async () => {
  const bugs: ReadonlySet<PlantedBug> = new Set(["skip_read_repair"]);
  let seed = 0;
  let result = await simulate(seed, { bugs, faults: ["partition"] });
  while (!result.findings.some(({ judge }) => judge === "convergence")) {
    seed++;
    result = await simulate(seed, { bugs, faults: ["partition"] });
  }
  const wanted = result.findings[0]!;
  const first = await shrink(result, { bugs });
  assert(first !== undefined);
  const { scenario } = first.result;
  assertEquals([first.finding.judge, first.finding.kind], [wanted.judge, wanted.kind]);
  assert(scenario.steps.length <= 10, `${scenario.steps.length} of ${result.scenario.steps.length} steps`);
  assert(scenario.faults.length <= 3, `${scenario.faults.length} of ${result.scenario.faults.length} faults`);
  const second = await shrink(first.result, { bugs });
  assertEquals(second?.result.scenario, scenario, "nothing more can be left out");
  const read = parseScenario(scenarioDocument(scenario));
  assert(read.ok);
  assertEquals((await runScenario(read.value, { bugs })).trace, first.result.trace);
  assertEquals((await runScenario(scenario)).findings, [], "without the bug all is well");
});

Deno.test("A run in which nothing goes wrong cannot be shrunk", async () => {
  assertEquals(await shrink(await simulate(3, { faults: [] })), undefined);
});
