/** `deno task fuzz`: hostile connections against a local cluster, beside polite clients that must not notice. @module */
import { UsageError } from "../src/cli/arguments.ts";
import { EXIT_USAGE } from "../src/cli/top_command.ts";
import { fuzz, type FuzzOutcome } from "./fuzz/fuzz_run.ts";
import { strictnessOf, violationsOf } from "./fuzz/judge.ts";
import { fuzzHelp, parseFuzzOptions } from "./fuzz/options.ts";
import { outcomeJson, outcomeLines } from "./fuzz/report.ts";
import { BYTES_PER_SECOND, OPEN_MAX } from "./fuzz/budget.ts";
import { print, printError } from "./print.ts";

async function main(args: readonly string[]): Promise<number> {
  const options = parseFuzzOptions(args, Math.floor(Math.random() * 2 ** 32));
  if (options.isHelp) {
    print(fuzzHelp());
    return 0;
  }
  if (Deno.build.os !== "linux") throw new UsageError("fuzz reads /proc, which only Linux has");
  const { seed, rate, seconds, politeCount, clusters, binary, data } = options;
  if (data !== undefined && !await isDirectory(data)) {
    throw new UsageError(`--data ${data}: no such directory; make it first`);
  }
  const strictness = strictnessOf(seconds / clusters.length);
  printError(
    `seed ${seed}: ${seconds} s, ${politeCount} polite clients; attackers are held to ${rate} attacks and ` +
      `${BYTES_PER_SECOND} bytes a second, and to ${OPEN_MAX} connections at a time`,
  );
  const outcomes: FuzzOutcome[] = [];
  for (const cluster of clusters) {
    const name = `${cluster.hasSecret ? "with a secret" : "without a secret"}, faults ${
      cluster.hasFaults ? "on" : "off"
    }`;
    const outcome = await fuzz({
      seconds: seconds / clusters.length,
      seed,
      ...cluster,
      ...(binary === undefined ? {} : { binary }),
      ...(data === undefined ? {} : { data }),
      politeCount,
      rate,
      onProgress: (line) => printError(`${name}: ${line}`),
      judge: (seen) => violationsOf(seen, strictness),
    });
    outcomes.push(outcome);
    if (!options.isJson) print(outcomeLines(name, outcome).join("\n"));
  }
  const failedCount = outcomes.filter(({ violations }) => violations.length > 0).length;
  if (options.isJson) {
    print(
      JSON.stringify({
        seed,
        seconds,
        rate,
        runs: outcomes.map((outcome, index) => ({ ...clusters[index], ...outcomeJson(outcome) })),
      }),
    );
  }
  if (failedCount > 0) printError(`Rerun: deno task fuzz ${rerunFlags(args, seed)}`);
  // Why both: the last line is what CI counts.
  if (!options.isJson) print(`${outcomes.length - failedCount} passed, ${failedCount} failed`);
  return failedCount > 0 ? 1 : 0;
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function rerunFlags(args: readonly string[], seed: number): string {
  return args.includes("--seed") ? args.join(" ") : [...args, "--seed", seed].join(" ");
}

if (import.meta.main) {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    printError(`error: ${error.message}`);
    Deno.exitCode = EXIT_USAGE;
  }
}
