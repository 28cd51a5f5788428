/** What a run that went wrong leaves: `failure/NAME/` with the scenario, its events, its history, a timeline and the way back. @module */
import { join } from "@std/path";
import { stringify } from "smol-toml";
import type { PlantedBug } from "../../src/base/planted_bug.ts";
import { encodeHistory } from "../../src/checker/history_encoder.ts";
import { renderTimeline } from "../../src/checker/timeline.ts";
import { counted } from "../../src/checker/operation_text.ts";
import type { Finding } from "../../src/sim/run_judges.ts";
import { historyToShow, runVerdict } from "../../src/sim/run_verdict.ts";
import { scenarioDocument } from "../../src/sim/scenario_document.ts";
import type { RunResult } from "../../src/sim/sim_run.ts";
import { runScenario } from "../../src/sim/simulation.ts";
import { shrink } from "../../src/sim/shrinker.ts";

/** What was kept. */
export interface KeptFailure {
  readonly directory: string;
  readonly sentence: string;
  readonly stepCount: number;
  readonly faultCount: number;
  readonly runCount: number;
}

/** Shrinks a run that went wrong, and writes what is left to `root`/`name`. Undefined where it only proves nothing. */
export async function keepFailure(
  result: RunResult,
  { root, name, bugs }: {
    readonly root: string;
    readonly name: string;
    readonly bugs?: ReadonlySet<PlantedBug>;
  },
): Promise<KeptFailure | undefined> {
  const shrunk = await shrink(result, bugs === undefined ? {} : { bugs });
  if (shrunk === undefined) return undefined;
  const { finding } = shrunk;
  const { scenario } = shrunk.result;
  const directory = join(root, name);
  await Deno.mkdir(directory, { recursive: true });
  const events: string[] = [];
  const last = await runScenario(scenario, {
    ...(bugs === undefined ? {} : { bugs }),
    onTrace: (atMs, text) => events.push(`${JSON.stringify({ time_ms: atMs, text })}\n`),
  });
  const story = {
    ...scenario,
    name: `${scenario.name}, made small: ${finding.judge} objects`,
  };
  const plant = bugs === undefined || bugs.size === 0 ? "" : ` --planted ${[...bugs].join(",")}`;
  const command = `deno task sim ${join(directory, "scenario.toml")}${plant}`;
  const files: Record<string, string> = {
    "README.txt": readme({ finding, command, plant, whole: result, small: last }),
    "scenario.toml": `# ${finding.sentence}\n# Run it again: ${command}\n\n${
      stringify(scenarioDocument(story))
    }\n`,
    "events.ndjson": events.join(""),
  };
  const history = historyToShow(last, last.findings.find(({ kind }) => kind === finding.kind));
  if (history !== undefined) {
    files["history.ndjson"] = encodeHistory(history);
    files["timeline.html"] = renderTimeline(history, runVerdict(last, history, finding));
  }
  for (const [file, text] of Object.entries(files)) await Deno.writeTextFile(join(directory, file), text);
  return {
    directory,
    sentence: finding.sentence,
    stepCount: scenario.steps.length,
    faultCount: scenario.faults.length,
    runCount: shrunk.runCount,
  };
}

/** One line for a person. */
export function describeKept({ directory, stepCount, faultCount, runCount }: KeptFailure): string {
  return `made small in ${runCount} runs: ${stepCount} steps and ${faultCount} faults are left in ${directory}/ (README.txt)`;
}

/** What a person finds first. `plant` is what a command needs to plant the same bugs. */
interface Readme {
  readonly finding: Finding;
  readonly command: string;
  readonly plant: string;
  readonly whole: RunResult;
  readonly small: RunResult;
}

function readme({ finding: { judge, sentence }, command, plant, whole, small }: Readme): string {
  const counts = ({ scenario: { steps, faults } }: RunResult): string => {
    const clients = new Set(steps.map(({ client }) => client)).size;
    return `${counted(steps.length, "step")} of ${counted(clients, "client")}, ${
      counted(faults.length, "fault")
    }`;
  };
  const isDrawn = whole.scenario.name === `seed ${whole.scenario.seed}`;
  return `${whole.scenario.name}: ${sentence}

Judge:      ${judge}
At first:   ${counts(whole)}
Made small: ${counts(small)}
Run again:  ${command}
${isDrawn ? `            (the whole run: deno task sim ${whole.scenario.seed}${plant})\n` : ""}
timeline.html   look at this first: a picture of what clients saw; opens in any browser, without a network
scenario.toml   what happens, to be changed by hand
events.ndjson   every message, request and fault of it, by time
history.ndjson  what clients saw and what replicas held; deno task client check judges it
`;
}
