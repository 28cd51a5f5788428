/** `deno task sim SEED` or `deno task sim FILE.toml`: one simulated run with its full trace; of a range of seeds their hashes. @module */
import { basename } from "@std/path";
import { stringify } from "smol-toml";
import { PLANTED_BUGS, type PlantedBug } from "../src/base/planted_bug.ts";
import { type Flags, parseArguments, UsageError } from "../src/cli/arguments.ts";
import { parseSeedRange, runSeeds } from "../src/cli/seed_range.ts";
import { runLines, scenarioOf, traceLine } from "../src/cli/sim_verb.ts";
import { EXIT_USAGE } from "../src/cli/top_command.ts";
import { plantedDraw } from "../src/sim/planted.ts";
import { scenarioDocument } from "../src/sim/scenario_document.ts";
import { drawScenario } from "../src/sim/scenario_draw.ts";
import { runScenario } from "../src/sim/simulation.ts";
import { print, printError } from "./print.ts";
import { describeKept, keepFailure } from "./sim/failure_directory.ts";

const USAGE = `deno task sim SEED | FILE.toml [--toml | --shrink] [--planted BUG,…]
deno task sim FIRST..LAST

Runs one simulated cluster, drawn from a seed or written down as a scenario, prints every message, request and fault with
its time in milliseconds, and ends with \`trace HEX\`: the same run on the same code always gives the same HEX. Exit 1 when
a judge objects. Of FIRST..LAST it prints "SEED HEX" for each seed, and nothing else on stdout.

  deno task sim 4711                 one run
  deno task sim 4711 | grep client   what the clients saw
  deno task sim 4711 --toml          the scenario of the seed, to be changed by hand; nothing runs
  deno task sim 4711 --shrink        where a judge objects: a scenario as small as can be, in failure/4711/
  deno task sim tests/sim/scenarios/missed_write.toml
  deno task -q sim 1..100 > here.txt to be compared with what another machine or version of Deno prints
  deno task sim 0 --planted skip_read_repair --shrink
                                     the same on code with a bug: a failure to learn on, in failure/0-skip_read_repair/

Bugs that can be planted: ${PLANTED_BUGS.join(", ")}.
A seed is drawn then with the faults that the bug needs to do harm. Not each seed shows each bug: \`deno task soak --planted\`
tells how many it takes.
`;

const FLAGS: Flags = {
  toml: { help: "print the scenario" },
  shrink: { help: "make a failure small" },
  planted: { value: "BUG,…", help: "plant bugs" },
  help: { help: "the usage", short: "h" },
};

/** Carries out one run and returns the exit code. Throws `UsageError`. */
async function sim(args: readonly string[]): Promise<number> {
  const { words, flags } = parseArguments(args, FLAGS);
  if (flags.has("help")) {
    print(USAGE);
    return 0;
  }
  const name = words.join(" ");
  const range = parseSeedRange(name);
  if (range !== undefined) {
    const [flag] = flags.keys();
    if (flag !== undefined) throw new UsageError(`sim ${name} takes no --${flag}: it runs many seeds`);
    return runSeeds(range, { line: print, note: printError });
  }
  const bugs = plantedIn(flags.get("planted"));
  const [first] = bugs;
  const scenario = first !== undefined && /^\d{1,15}$/.test(name)
    ? drawScenario(Number(name), plantedDraw(first))
    : await scenarioOf(name);
  if (flags.has("toml")) {
    print(stringify(scenarioDocument(scenario)));
    return 0;
  }
  const isShrunk = flags.has("shrink");
  const result = await runScenario(scenario, {
    bugs,
    ...(isShrunk ? {} : { onTrace: (atMs, line) => print(traceLine(atMs, line)) }),
  });
  if (isShrunk && result.findings.length > 0) {
    const stem = name.endsWith(".toml") ? basename(name).slice(0, -".toml".length) : name;
    const kept = await keepFailure(result, { root: "failure", name: [stem, ...bugs].join("-"), bugs });
    if (kept) print(describeKept(kept));
  }
  for (const line of runLines(result)) print(line);
  return result.findings.length > 0 ? 1 : 0;
}

function plantedIn(text: string | undefined): ReadonlySet<PlantedBug> {
  const names = text === undefined ? [] : text.split(",");
  return new Set(names.map((name) => {
    const found = PLANTED_BUGS.find((bug) => bug === name);
    if (found === undefined) {
      throw new UsageError(`--planted ${name}: no such bug; there are: ${PLANTED_BUGS.join(", ")}`);
    }
    return found;
  }));
}

try {
  Deno.exitCode = await sim(Deno.args);
} catch (cause) {
  if (!(cause instanceof UsageError)) throw cause;
  printError(`${cause.message}\nMore: deno task sim --help`);
  Deno.exitCode = EXIT_USAGE;
}
