/** Tests of `scripts/sim/failure_directory.ts`: what is left of a run that went wrong is enough to run and to see it again. @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { parse } from "smol-toml";
import { keepFailure } from "../../scripts/sim/failure_directory.ts";
import type { PlantedBug } from "../../src/base/planted_bug.ts";
import { judge } from "../../src/checker/judge.ts";
import { parseScenario } from "../../src/sim/scenario_document.ts";
import { runScenario, simulate } from "../../src/sim/simulation.ts";
import { type CommandResult, runCommand } from "../harness/processes.ts";

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
    const again = `deno task sim ${join(root, "0", "scenario.toml")} --planted skip_read_repair\n`;
    assert((await read("README.txt")).includes(again));
    for (const line of (await read("events.ndjson")).trimEnd().split("\n")) {
      assertEquals(Object.keys(JSON.parse(line)), ["time_ms", "text"]);
    }
    assertEquals(judge(await read("history.ndjson"), "quorum").outcome, "violated");
    assert((await read("timeline.html")).includes("VIOLATED"));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("The failure to learn on that tests/README.md names is one, and a bug that is not known is refused with the list", async () => {
  const page = await Deno.readTextFile(new URL("../README.md", import.meta.url));
  const [, words] = /`deno task (sim \d+ --planted \w+) --shrink`/.exec(page)!;
  const sim = (...args: string[]): Promise<CommandResult> =>
    runCommand(Deno.execPath(), ["run", "-A", "--no-check", "scripts/sim.ts", ...args]);
  const { code, stdout } = await sim(...words!.split(" ").slice(1));
  assertEquals(code, 1);
  assertMatch(stdout, /^violated \(kept_writes\): /m);
  const refused = await sim("0", "--planted", "nonsense");
  assertEquals(refused.code, 64);
  assertMatch(refused.stderr, /^--planted nonsense: no such bug; there are: ack_before_sync, /);
});
