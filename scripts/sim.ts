/** `deno task sim SEED` or `deno task sim FILE.toml`: one simulated run with its full trace. @module */
import { basename } from "@std/path";
import { stringify } from "smol-toml";
import { UsageError } from "../src/cli/arguments.ts";
import { runLines, scenarioOf, traceLine } from "../src/cli/sim_verb.ts";
import { scenarioDocument } from "../src/sim/scenario_document.ts";
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
const scenario = await scenarioOf(rest.length > 0 ? words.join(" ") : word ?? "").catch((cause) => {
  if (!(cause instanceof UsageError)) throw cause;
  printError(`${cause.message}\n\n${USAGE}`);
  Deno.exit(64);
});
if (isShown) {
  print(stringify(scenarioDocument(scenario)));
  Deno.exit(0);
}
const result = await runScenario(
  scenario,
  isShrunk ? {} : { onTrace: (atMs, line) => print(traceLine(atMs, line)) },
);
if (isShrunk && word !== undefined && result.findings.length > 0) {
  const name = word.endsWith(".toml") ? basename(word).slice(0, -".toml".length) : word;
  const kept = await keepFailure(result, { root: "failure", name });
  if (kept) print(describeKept(kept));
}
for (const line of runLines(result)) print(line);
Deno.exit(result.findings.length > 0 ? 1 : 0);
