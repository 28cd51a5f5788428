/** `deno task soak`: many simulated runs on all cores; with `--planted`, proof that the judges notice planted bugs. @module */
import { PLANTED_BUGS } from "../src/base/planted_bug.ts";
import { PLANTED_SEEDS_MAX } from "../src/sim/planted.ts";
import { print, printError } from "./print.ts";
import { describeKept, keepFailure } from "./sim/failure_directory.ts";
import { describeMarks, listMarks } from "./soak/mark_list.ts";
import { hasEscaped, lookForPlanted, type PlantedRow } from "./soak/planted_row.ts";
import { runSeed, runShare, Shares } from "./soak/shares.ts";
import { parseSoakOptions, type SoakOptions, USAGE } from "./soak/soak_options.ts";
import { describeSoak, type FailedRun, SoakTally } from "./soak/soak_tally.ts";
import type { Told } from "./soak/told.ts";

/** Where the seeds begin, counted from the one asked for. Why several: from one alone, the count is luck. */
const PLANTED_STARTS = [0, 1000, 2000];

/** How far it is, is told after the first of these, and then after each of the second. */
const FIRST_PROGRESS_MS = 2000;
const PROGRESS_MS = 10_000;

const EXIT_STOPPED = 130;

const options = parseSoakOptions(Deno.args);
if ("wrong" in options) {
  printError(`Not understood: ${options.wrong}\n\n${USAGE}`);
  Deno.exitCode = 64;
} else if (options.isHelp) print(USAGE);
else if (options.share !== undefined) await runShare(options, options.share);
else if (options.isPlanted) await soakPlanted(options);
else await soak(options);

async function soak(options: SoakOptions): Promise<void> {
  const say = options.isJson ? printError : print;
  const planted = options.bug === undefined ? "" : ` --planted ${options.bug}`;
  const beganMs = performance.now();
  const secondsSoFar = (): number => (performance.now() - beganMs) / 1000;
  const tally = new SoakTally(await listMarks());
  let runCount = 0;
  let failedCount = 0;
  let shownMs = beganMs + FIRST_PROGRESS_MS - PROGRESS_MS;
  const onResult = (result: Told): void => {
    tally.add(result);
    runCount++;
    if (result.wrong !== undefined) {
      failedCount++;
      say(`seed ${result.seed}: ${result.wrong}. Rerun: deno task sim ${result.seed}${planted}`);
    }
    if (performance.now() - shownMs > PROGRESS_MS) {
      shownMs = performance.now();
      const rate = (runCount / secondsSoFar()).toFixed(1);
      const asked = options.seeds === Infinity ? "" : ` of ${options.seeds}`;
      printError(`${runCount}${asked} seeds, ${failedCount} failed, ${rate} seeds/s`);
    }
  };
  const shares = new Shares(new URL(import.meta.url), options, onResult);
  let isStopped = false;
  const onSignal = (): void => {
    // The second time somebody does not want to wait.
    if (isStopped) Deno.exit(EXIT_STOPPED);
    isStopped = true;
    shares.stop();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, onSignal);
  const isComplete = await shares.ended();
  const summary = tally.summary(secondsSoFar());
  for (const line of describeMarks(summary.marks)) say(line);
  say(`${isStopped ? "stopped early: " : ""}${describeSoak(summary)}`);
  if (!isStopped) {
    for (const failed of summary.failed.slice(0, options.keep)) await makeSmall(failed, options);
  }
  if (!isComplete) say("a process that ran seeds has ended before its time: its own words are on stderr");
  say(`${runCount - failedCount} passed, ${failedCount} failed`);
  if (options.isJson) print(JSON.stringify(summary));
  const isRed = failedCount > 0 || !isComplete || runCount === 0;
  Deno.exit(isStopped && failedCount === 0 ? EXIT_STOPPED : isRed ? 1 : 0);
}

async function makeSmall({ seed, isBroken }: FailedRun, options: SoakOptions): Promise<void> {
  const say = options.isJson ? printError : print;
  // What broke the simulator itself has no judge who could tell whether less of it is still wrong.
  if (isBroken) return;
  const { bug } = options;
  const bugs = bug === undefined ? {} : { bugs: new Set([bug]) };
  const name = bug === undefined ? String(seed) : `${seed}-${bug}`;
  const kept = await keepFailure(await runSeed(seed, options), { root: "failure", name, ...bugs });
  if (kept) say(`seed ${seed}: ${describeKept(kept)}`);
}

async function soakPlanted({ from, isJson }: SoakOptions): Promise<void> {
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
