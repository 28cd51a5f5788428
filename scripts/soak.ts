/** `deno task soak`: many simulated runs on all cores; with `--planted`, proof that the judges notice planted bugs. @module */
import { parseArgs } from "@std/cli/parse-args";
import { PLANTED_BUGS } from "../src/base/planted_bug.ts";
import { firstNoticed, PLANTED_SEEDS_MAX } from "../src/sim/planted.ts";
import { simulate } from "../src/sim/simulation.ts";
import { print, printError } from "./print.ts";
import { describeKept, keepFailure } from "./sim/failure_directory.ts";

const USAGE = `deno task soak [--seeds N | --seconds N] [--from SEED] [--planted] [--cores N]

Runs simulated clusters from many seeds and prints one line for each that a judge objects to, with the command that
runs it again; the first ones are made small in failure/SEED/. Exit 1 if there was one.

  deno task soak --seeds 200         seeds 0 to 199
  deno task soak --seconds 600       as many as fit in ten minutes
  deno task soak --planted           plants each known bug and counts the seeds until a judge notices, from three starts; exit 1 if
                             one escapes
`;

/** Failures that are made small: each may take a minute. */
const KEPT_MAX = 3;

/** Where the seeds begin, counted from the one asked for. Why several: from one alone, the count is luck. */
const PLANTED_STARTS = [0, 1000, 2000];

/** What is told of one run. */
interface Told {
  readonly seed: number;
  /** The first thing that is wrong. */
  readonly wrong?: string;
  readonly operationCount: number;
  readonly okCount: number;
  readonly simulatedMs: number;
}

interface Options {
  readonly seeds: number;
  readonly seconds: number;
  readonly from: number;
  readonly cores: number;
  readonly isPlanted: boolean;
  /** Set in the processes that this one starts: which share of the seeds is theirs. */
  readonly share: number | undefined;
}

const options = parseOptions(Deno.args);
if (options.share !== undefined) await runShare(options, options.share);
else if (options.isPlanted) await soakPlanted(options);
else await soak(options);

function parseOptions(args: readonly string[]): Options {
  const unknown: string[] = [];
  const flags = parseArgs(args, {
    string: ["seeds", "seconds", "from", "cores", "share"],
    boolean: ["planted", "help"],
    unknown: (arg) => {
      unknown.push(arg);
      return false;
    },
  });
  if (flags.help) {
    print(USAGE);
    Deno.exit(0);
  }
  const number = (name: string, fallback: number): number => {
    const text = flags[name];
    if (text === undefined) return fallback;
    if (typeof text !== "string" || !/^\d{1,15}$/.test(text)) unknown.push(`--${name} ${String(text)}`);
    return Number(text);
  };
  const seconds = number("seconds", Infinity);
  const result = {
    seeds: number("seeds", seconds === Infinity ? 200 : Infinity),
    seconds,
    from: number("from", 0),
    cores: Math.max(1, number("cores", navigator.hardwareConcurrency)),
    isPlanted: flags.planted === true,
    share: flags.share === undefined ? undefined : number("share", 0),
  };
  if (unknown.length > 0) {
    printError(`Not understood: ${unknown.join(", ")}\n\n${USAGE}`);
    Deno.exit(64);
  }
  return result;
}

/** Runs every `cores`-th seed and prints each result as a line of JSON. */
async function runShare({ seeds, seconds, from, cores }: Options, share: number): Promise<void> {
  const endMs = performance.now() + seconds * 1000;
  for (let index = share; index < seeds && performance.now() < endMs; index += cores) {
    const seed = from + index;
    const { findings, operationCount, okCount, simulatedMs } = await simulate(seed);
    const [first] = findings;
    const told: Told = {
      seed,
      ...(first ? { wrong: first.sentence } : {}),
      operationCount,
      okCount,
      simulatedMs,
    };
    print(JSON.stringify(told));
  }
}

async function soak(options: Options): Promise<void> {
  const beganMs = performance.now();
  let runCount = 0;
  let operationCount = 0;
  let okCount = 0;
  let simulatedMs = 0;
  let failedCount = 0;
  const failedSeeds: number[] = [];
  let shownMs = beganMs;
  const onResult = (result: Told): void => {
    runCount++;
    operationCount += result.operationCount;
    okCount += result.okCount;
    simulatedMs += result.simulatedMs;
    if (result.wrong !== undefined) {
      failedCount++;
      failedSeeds.push(result.seed);
      print(`seed ${result.seed}: ${result.wrong}. Rerun: deno task sim ${result.seed}`);
    }
    if (performance.now() - shownMs > 10_000) {
      shownMs = performance.now();
      printError(
        `${runCount} seeds, ${failedCount} failed, ${
          (runCount / (shownMs - beganMs) * 1000).toFixed(1)
        } seeds/s`,
      );
    }
  };
  const codes = await Promise.all(
    Array.from({ length: options.cores }, (_, share) => spawnShare(options, share, onResult)),
  );
  const seconds = (performance.now() - beganMs) / 1000;
  print(
    `${runCount} seeds in ${seconds.toFixed(1)} s (${(runCount / seconds).toFixed(1)}/s), ` +
      `${
        (simulatedMs / 3_600_000).toFixed(1)
      } simulated hours, ${okCount} of ${operationCount} requests succeeded`,
  );
  for (const seed of failedSeeds.slice(0, KEPT_MAX)) {
    const kept = await keepFailure(await simulate(seed), { root: "failure", name: String(seed) });
    if (kept) print(`seed ${seed}: ${describeKept(kept)}`);
  }
  print(`${runCount - failedCount} passed, ${failedCount} failed`);
  Deno.exit(failedCount > 0 || codes.some((code) => code !== 0) || runCount === 0 ? 1 : 0);
}

async function spawnShare(
  options: Options,
  share: number,
  onResult: (result: Told) => void,
): Promise<number> {
  const { seeds, seconds, from, cores } = options;
  const limits = [
    ...(seeds === Infinity ? [] : ["--seeds", String(seeds)]),
    ...(seconds === Infinity ? [] : ["--seconds", String(seconds)]),
  ];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL(import.meta.url).pathname, ...limits].concat(
      ["--from", String(from), "--cores", String(cores), "--share", String(share)],
    ),
    stdout: "piped",
  }).spawn();
  let rest = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) onResult(JSON.parse(line) as Told);
  }
  return (await child.status).code;
}

async function soakPlanted({ from }: Options): Promise<void> {
  let escapedCount = 0;
  print(
    `planted bug               median (from ${PLANTED_STARTS.map((start) => from + start).join(", ")})   by`,
  );
  for (const bug of PLANTED_BUGS) {
    const counts: number[] = [];
    const judges = new Set<string>();
    for (const start of PLANTED_STARTS) {
      const found = await firstNoticed(bug, from + start);
      counts.push(found ? found.scenario.seed - from - start + 1 : Infinity);
      const [first] = found?.findings ?? [];
      if (first) judges.add(first.judge);
    }
    if (counts.includes(Infinity)) escapedCount++;
    const names = counts.map((count) => count === Infinity ? `none of ${PLANTED_SEEDS_MAX}` : String(count));
    const median = counts.toSorted((a, b) => a - b)[Math.floor(counts.length / 2)]!;
    const shown = `${median === Infinity ? "none" : median} (${names.join(", ")})`;
    print(`${bug.padEnd(26)}${shown.padEnd(28)}${[...judges].join(", ")}`);
  }
  print(`${PLANTED_BUGS.length - escapedCount} passed, ${escapedCount} failed`);
  Deno.exit(escapedCount > 0 ? 1 : 0);
}
