/** `deno task soak`: many simulated runs on all cores; with `--planted`, proof that the judges notice planted bugs. @module */
import { parseArgs } from "@std/cli/parse-args";
import type { MarkCounts } from "../src/base/mark.ts";
import { PLANTED_BUGS } from "../src/base/planted_bug.ts";
import { PLANTED_SEEDS_MAX } from "../src/sim/planted.ts";
import { simulate } from "../src/sim/simulation.ts";
import { print, printError } from "./print.ts";
import { describeKept, keepFailure } from "./sim/failure_directory.ts";
import { describeMarks, listMarks } from "./soak/mark_list.ts";
import { hasEscaped, lookForPlanted, type PlantedRow } from "./soak/planted_row.ts";
import { describeSoak, SoakTally } from "./soak/soak_tally.ts";
import { tellRun, type Told } from "./soak/told.ts";

const USAGE = `deno task soak [--seeds N | --seconds N] [--from SEED] [--planted] [--cores N] [--json]

Runs simulated clusters from many seeds and prints one line for each that a judge objects to, with the command that
runs it again; the first ones are made small in failure/SEED/. Exit 1 if there was one. At the end it names the marks, rare
branches of the code, that no run reached.

  deno task soak --seeds 200         seeds 0 to 199
  deno task soak --seconds 600       as many as fit in ten minutes
  deno task soak --planted           plants each known bug and counts the seeds until a judge notices, from three starts; exit 1 if
                             one escapes
  deno task soak --seeds 200 --json  all counts as one JSON object on stdout, the rest on stderr; also with --planted
`;

/** Failures that are made small: each may take a minute. */
const KEPT_MAX = 3;

/** Where the seeds begin, counted from the one asked for. Why several: from one alone, the count is luck. */
const PLANTED_STARTS = [0, 1000, 2000];

interface Options {
  readonly seeds: number;
  readonly seconds: number;
  readonly from: number;
  readonly cores: number;
  readonly isPlanted: boolean;
  readonly isJson: boolean;
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
    boolean: ["planted", "json", "help"],
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
    isJson: flags.json === true,
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
    const marks: MarkCounts = new Map();
    print(JSON.stringify(tellRun(await simulate(seed, { marks }), marks)));
  }
}

async function soak(options: Options): Promise<void> {
  const say = options.isJson ? printError : print;
  const beganMs = performance.now();
  const secondsSoFar = (): number => (performance.now() - beganMs) / 1000;
  const tally = new SoakTally(await listMarks());
  let runCount = 0;
  let failedCount = 0;
  let shownMs = beganMs;
  const onResult = (result: Told): void => {
    tally.add(result);
    runCount++;
    if (result.wrong !== undefined) {
      failedCount++;
      say(`seed ${result.seed}: ${result.wrong}. Rerun: deno task sim ${result.seed}`);
    }
    if (performance.now() - shownMs > 10_000) {
      shownMs = performance.now();
      const rate = (runCount / secondsSoFar()).toFixed(1);
      printError(`${runCount} seeds, ${failedCount} failed, ${rate} seeds/s`);
    }
  };
  const codes = await Promise.all(
    Array.from({ length: options.cores }, (_, share) => spawnShare(options, share, onResult)),
  );
  const summary = tally.summary(secondsSoFar());
  say(describeSoak(summary));
  for (const { seed } of summary.failed.slice(0, KEPT_MAX)) {
    const kept = await keepFailure(await simulate(seed), { root: "failure", name: String(seed) });
    if (kept) say(`seed ${seed}: ${describeKept(kept)}`);
  }
  for (const line of describeMarks(summary.marks)) say(line);
  say(`${runCount - failedCount} passed, ${failedCount} failed`);
  if (options.isJson) print(JSON.stringify(summary));
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

async function soakPlanted({ from, isJson }: Options): Promise<void> {
  const say = isJson ? printError : print;
  const starts = PLANTED_STARTS.map((start) => from + start);
  say(`planted bug               median (from ${starts.join(", ")})   by`);
  const rows: PlantedRow[] = [];
  for (const bug of PLANTED_BUGS) {
    const row = await lookForPlanted(bug, starts);
    rows.push(row);
    const names = row.counts.map((count) => count === null ? `none of ${PLANTED_SEEDS_MAX}` : String(count));
    const shown = `${row.median ?? "none"} (${names.join(", ")})`;
    say(`${bug.padEnd(26)}${shown.padEnd(28)}${row.judges.join(", ")}`);
  }
  const escapedCount = rows.filter(hasEscaped).length;
  say(`${rows.length - escapedCount} passed, ${escapedCount} failed`);
  if (isJson) print(JSON.stringify(rows));
  Deno.exit(escapedCount > 0 ? 1 : 0);
}
