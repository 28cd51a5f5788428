/** `deno task sim SEED` or `deno task sim FILE.toml`: one simulated run with its full trace. @module */
import { basename } from "@std/path";
import { parse, stringify } from "smol-toml";
import type { Scenario } from "../src/sim/scenario.ts";
import { parseScenario, scenarioDocument } from "../src/sim/scenario_document.ts";
import { drawScenario } from "../src/sim/scenario_draw.ts";
import { runScenario } from "../src/sim/simulation.ts";
import { print, printError } from "./print.ts";
import { describeKept, keepFailure } from "./sim/failure_directory.ts";

const USAGE = `deno task sim SEED | FILE.toml [--toml | --shrink]

Runs one simulated cluster, drawn from a seed or written down as a scenario, prints every message, request and fault with
its time in milliseconds, and ends with \`trace HEX\`: the same run on the same code always gives the same HEX. Exit 1 when
a judge objects.

  deno task sim 4711                 one run
  deno task sim 4711 | grep client   what the clients saw
  deno task sim 4711 --toml          the scenario of the seed, to be changed by hand; nothing runs
  deno task sim 4711 --shrink        where a judge objects: a scenario as small as can be, in failure/4711/
  deno task sim tests/sim/scenarios/missed_write.toml
`;

const words = Deno.args.filter((word) => word !== "--toml" && word !== "--shrink");
const isShown = Deno.args.includes("--toml");
const isShrunk = Deno.args.includes("--shrink");
const [word, ...rest] = words;
if (word === "--help") {
  print(USAGE);
  Deno.exit(0);
}
if (word === undefined || rest.length > 0 || (!/^\d{1,15}$/.test(word) && !word.endsWith(".toml"))) {
  const said = Deno.args.join(" ");
  printError(
    `A run is named by a seed, one number from 0 to 999999999999999, or by a file that ends in .toml, not by "${said}".` +
      `\n\n${USAGE}`,
  );
  Deno.exit(64);
}
const scenario = word.endsWith(".toml") ? await readScenario(word) : drawScenario(Number(word));
if (isShown) {
  print(stringify(scenarioDocument(scenario)));
  Deno.exit(0);
}
const result = await runScenario(
  scenario,
  isShrunk ? {} : { onTrace: (atMs, line) => print(`${atMs.toFixed(3).padStart(10)} ${line}`) },
);
for (const { judge, sentence } of result.findings) print(`violated (${judge}): ${sentence}`);
print(
  `${result.okCount} of ${result.operationCount} requests succeeded in ${
    (result.simulatedMs / 1000).toFixed(1)
  } simulated seconds`,
);
if (isShrunk && result.findings.length > 0) {
  const name = word.endsWith(".toml") ? basename(word).slice(0, -".toml".length) : word;
  const kept = await keepFailure(result, { root: "failure", name });
  if (kept) print(describeKept(kept));
}
print(`trace ${result.trace}`);
Deno.exit(result.findings.length > 0 ? 1 : 0);

async function readScenario(path: string): Promise<Scenario> {
  try {
    const parsed = parseScenario(parse(await Deno.readTextFile(path)));
    if (parsed.ok) return parsed.value;
    printError(`${path} is no scenario: ${parsed.failure}`);
  } catch (error) {
    printError(`${path} cannot be read as a scenario: ${error instanceof Error ? error.message : error}`);
  }
  Deno.exit(64);
}
