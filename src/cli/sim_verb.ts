/** `sim`: a run of the simulator, drawn from a seed or written down as a scenario, or one run for each seed of a range. @module */
import { parse } from "smol-toml";
import { renderTimeline } from "../checker/timeline.ts";
import { historyToShow, runVerdict } from "../sim/run_verdict.ts";
import type { Scenario } from "../sim/scenario.ts";
import { parseScenario } from "../sim/scenario_document.ts";
import { drawScenario } from "../sim/scenario_draw.ts";
import type { RunResult } from "../sim/sim_run.ts";
import { runScenario } from "../sim/simulation.ts";
import { type Arguments, UsageError } from "./arguments.ts";
import type { LocalVerb } from "./local_verb.ts";
import { type Output, printable } from "./output.ts";
import { parseSeedRange, runSeeds } from "./seed_range.ts";

/** `sim SEED|FIRST..LAST|FILE.toml` */
export const SIM: LocalVerb = {
  name: "sim",
  words: "SEED|FIRST..LAST|FILE.toml",
  summary: "runs an imagined cluster in virtual time, and judges it",
  details:
    `The real code runs on an imagined network, on imagined disks and clocks, under faults, in a moment. SEED
is a number from 0 to 999999999999999 that decides everything; FILE.toml is a scenario written down.
Judges look at what clients saw. The last line is "trace HEX": the same run of the same version
gives the same HEX each time.

FIRST..LAST runs each of these seeds and prints "SEED HEX" for each, and nothing else on stdout: keep the lines of two
machines or two versions of Deno, and diff tells whether they did the same.

--trace prints every message, request and fault with its time in milliseconds. --timeline writes a page
that shows what clients saw of one keyspace, the one that is wrong if one is; it opens without a network.
Exits with 0 when all is well, and with 1 when a judge objects.

EXAMPLES
  quartet client sim 4711
  quartet client sim 4711 --trace | grep client
  quartet client sim 1..100 > here.txt
  quartet client sim scenario.toml --timeline run.html`,
  flags: {
    trace: { help: "print all that happens" },
    timeline: { value: "FILE", help: "write a page with the picture of the run" },
    json: { help: "one JSON object on stdout, nothing else" },
  },
  async run({ words, flags }: Arguments, output: Output): Promise<number> {
    const [name, ...rest] = words;
    if (name === undefined || rest.length > 0) {
      throw new UsageError(`sim takes one seed or one FILE.toml, and ${words.length} words were given`);
    }
    const foreign = [...flags.keys()].find((flag) => !Object.hasOwn(SIM.flags, flag));
    if (foreign !== undefined) throw new UsageError(`sim takes no --${foreign}: it asks no cluster`);
    const isTraced = flags.has("trace");
    if (isTraced && output.isJson) throw new UsageError("sim takes --trace or --json, not both");
    const range = parseSeedRange(name);
    if (range !== undefined) {
      const [flag] = flags.keys();
      if (flag !== undefined) throw new UsageError(`sim ${name} takes no --${flag}: it runs many seeds`);
      return runSeeds(range, output);
    }
    const scenario = await scenarioOf(name);
    const result = await runScenario(
      scenario,
      isTraced ? { onTrace: (atMs, line) => output.line(traceLine(atMs, line)) } : {},
    );
    const page = flags.get("timeline");
    if (page !== undefined) await writePage(page, result);
    if (output.isJson) output.json(runObject(result, page));
    else for (const line of runLines(result)) output.line(line);
    if (page !== undefined) output.note(`the picture is in ${page}`);
    return result.findings.length > 0 ? 1 : 0;
  },
};

/** The scenario of a seed, or that of a file. Throws `UsageError`. */
export async function scenarioOf(name: string): Promise<Scenario> {
  if (/^\d{1,15}$/.test(name)) return drawScenario(Number(name));
  if (!name.endsWith(".toml")) {
    throw new UsageError(
      "a run is named by a seed, one number from 0 to 999999999999999, or by a file that ends in .toml, and many " +
        `runs by two seeds, as 1..100; not by "${name}"`,
    );
  }
  let document: unknown;
  try {
    document = parse(await Deno.readTextFile(name));
  } catch (cause) {
    throw new UsageError(
      `${name} cannot be read as a scenario: ${cause instanceof Error ? cause.message : cause}`,
    );
  }
  const parsed = parseScenario(document);
  if (parsed.ok) return parsed.value;
  throw new UsageError(`${name} is no scenario: ${parsed.failure}`);
}

/** One line of what happens. */
export function traceLine(atMs: number, line: string): string {
  return `${atMs.toFixed(3).padStart(10)} ${line}`;
}

/** What a person reads of a run, the trace last. */
export function runLines({ findings, okCount, operationCount, simulatedMs, trace }: RunResult): string[] {
  const seconds = (simulatedMs / 1000).toFixed(1);
  const count = `${okCount} of ${operationCount} requests succeeded in ${seconds} simulated seconds`;
  return [
    ...findings.map(({ judge, sentence }) => `violated (${judge}): ${printable(sentence)}`),
    findings.length === 0 ? `ok  ${count}; no judge objects` : count,
    `trace ${trace}`,
  ];
}

/** What `--json` prints. */
export function runObject(
  { scenario, findings, okCount, operationCount, simulatedMs, trace }: Omit<
    RunResult,
    "histories" | "faultCounts" | "judgedCounts"
  >,
  timeline: string | undefined,
): Record<string, unknown> {
  return {
    ok: findings.length === 0,
    scenario: scenario.name,
    seed: scenario.seed,
    operations: operationCount,
    done: okCount,
    simulated_ms: simulatedMs,
    findings: findings.map(({ judge, sentence }) => ({ judge, sentence })),
    trace_hash: trace,
    ...(timeline === undefined ? {} : { timeline }),
  };
}

async function writePage(path: string, result: RunResult): Promise<void> {
  const { histories, findings } = result;
  const guilty = findings.find(({ keyspace }) => keyspace !== undefined && histories.has(keyspace));
  const history = historyToShow(result, guilty);
  if (history === undefined) throw new UsageError(`--timeline ${path}: no client asked anything in this run`);
  try {
    await Deno.writeTextFile(
      path,
      renderTimeline(history, runVerdict(result, history, guilty ?? findings[0])),
    );
  } catch (cause) {
    throw new UsageError(
      `--timeline ${path} cannot be written: ${cause instanceof Error ? cause.message : cause}`,
    );
  }
}
