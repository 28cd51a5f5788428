/** Tests of `scripts/sim/failure_directory.ts`: what is left of a run that went wrong is enough to run and to see it again. @module */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { parse } from "smol-toml";
import { keepFailure } from "../../scripts/sim/failure_directory.ts";
import type { PlantedBug } from "../../src/base/planted_bug.ts";
import { judge } from "../../src/checker/judge.ts";
import { parseScenario } from "../../src/sim/scenario_document.ts";
import { runScenario, simulate } from "../../src/sim/simulation.ts";

Deno.test("A failure is kept as a scenario that fails again, with its events, history, timeline and command", async () => {
  const bugs: ReadonlySet<PlantedBug> = new Set(["skip_read_repair"]);
  const root = await Deno.makeTempDir({ prefix: "quartet-test-" });
  try {
    const kept = await keepFailure(await simulate(0, { bugs, faults: ["partition"] }), {
      root,
      name: "0",
      bugs,
    });
    assert(kept !== undefined && kept.stepCount < 20);
    const read = (name: string): Promise<string> => Deno.readTextFile(join(root, "0", name));
    const scenario = parseScenario(parse(await read("scenario.toml")));
    assert(scenario.ok);
    const { findings } = await runScenario(scenario.value, { bugs });
    assert(findings.some(({ sentence }) => sentence === kept.sentence), kept.sentence);
    assert((await read("README.txt")).includes(`deno task sim ${join(root, "0", "scenario.toml")}`));
    for (const line of (await read("events.ndjson")).trimEnd().split("\n")) {
      assertEquals(Object.keys(JSON.parse(line)), ["time_ms", "text"]);
    }
    assertEquals(judge(await read("history.ndjson"), "quorum").outcome, "violated");
    assert((await read("timeline.html")).includes("VIOLATED"));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
