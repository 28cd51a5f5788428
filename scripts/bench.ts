/** `deno task bench`: how fast four replicas on this machine are, what an operation costs, and whether they stay small. @module */
import { join } from "@std/path";
import { UsageError } from "../src/cli/arguments.ts";
import { EXIT_USAGE } from "../src/cli/top_command.ts";
import { BenchCluster } from "./bench/bench_cluster.ts";
import { comparisonLines } from "./bench/comparison.ts";
import { fillCluster, type Filled, type Sizes } from "./bench/fill.ts";
import { findHttpPrograms, httpLines, measureHttp } from "./bench/http_load.ts";
import { LoadProcesses } from "./bench/load_process.ts";
import { describeMachine, type Machine } from "./bench/machine.ts";
import { measure } from "./bench/measurement.ts";
import { benchHelp, type BenchOptions, parseBenchOptions } from "./bench/options.ts";
import { RedisCluster, redisVersion } from "./bench/redis_cluster.ts";
import { headerLines, loadLine, markdownLines, megabytes, rowLines } from "./bench/report.ts";
import { loadResults, type Results, resultsOf, saveResults } from "./bench/results.ts";
import { measureStart } from "./bench/start_time.ts";
import { countSyncs } from "./bench/sync_trace.ts";
import { print, printError } from "./print.ts";
import { ROOT } from "./repository.ts";

/** Carries out one measurement and returns the exit code. */
async function bench(args: readonly string[]): Promise<number> {
  const options = parseBenchOptions(args);
  if (options.mode === "help") {
    print(benchHelp());
    return 0;
  }
  if (options.tableName !== undefined) {
    print(markdownLines((await loadResults(options.tableName)).results).join("\n"));
    return 0;
  }
  // Found before minutes are spent on measuring.
  const then = options.compareName === undefined ? undefined : await loadResults(options.compareName);
  if (Deno.build.os !== "linux") throw new UsageError("bench reads /proc, which only Linux has");
  const directory = join(ROOT, "data");
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const peer = options.peer === undefined ? undefined : `Redis ${await redisVersion()}`;
  const machine = await describeMachine(directory, peer);
  if (!options.isJson) print(headerLines(machine, options.binary ?? "source").join("\n") + "\n");
  switch (options.mode) {
    case "start":
      return await benchStart(machine, options);
    case "fill":
      return await benchFill(machine, options);
    case "http":
      return await benchHttp(machine, options);
    case "load":
      return await benchLoad(machine, options, then);
  }
}

async function benchLoad(
  machine: Machine,
  options: BenchOptions,
  then: { readonly name: string; readonly results: Results } | undefined,
): Promise<number> {
  // Whether strace can be had is also found before minutes are spent.
  if (options.isSyncCounted) await countSyncs([Deno.pid], () => Promise.resolve());
  await using cluster = await BenchCluster.start(options.binary);
  await using load = new LoadProcesses(options.generatorCount);
  await using peer = options.peer === undefined ? undefined : await RedisCluster.start();
  const rows = await measure({ ours: cluster, peer }, load, { options, onProgress: printError });
  const now = resultsOf(machine, options, rows);
  if (options.saveName !== undefined) printError(`kept in ${await saveResults(options.saveName, now)}`);
  if (options.isJson) print(JSON.stringify(now));
  else {
    print([loadLine(now.load), "", ...rowLines(rows, now.load)].join("\n"));
    if (then) print(["", ...comparisonLines({ name: then.name, then: then.results, now })].join("\n"));
  }
  return 0;
}

async function benchFill(machine: Machine, options: BenchOptions): Promise<number> {
  await using cluster = await BenchCluster.start(options.binary);
  await using load = new LoadProcesses(options.generatorCount);
  const filled = await fillCluster(cluster, load, { options, onProgress: printError });
  if (options.isJson) print(JSON.stringify({ machine, options, filled }));
  else print(filledLines(filled).join("\n"));
  return filled.complaints.length === 0 ? 0 : 1;
}

async function benchHttp(machine: Machine, options: BenchOptions): Promise<number> {
  const { found, missing } = await findHttpPrograms();
  if (found.length === 0) {
    throw new UsageError(`--http needs wrk or ab, and finds neither; install ${missing.join(" or ")}`);
  }
  if (missing.length > 0) printError(`not measured, because it is not installed: ${missing.join(", ")}`);
  const directory = await Deno.makeTempDir({ prefix: "quartet-bench-" });
  try {
    await using cluster = await BenchCluster.start(options.binary);
    await using load = new LoadProcesses(options.generatorCount);
    const rows = await measureHttp(cluster, load, {
      options,
      programs: found,
      directory,
      onProgress: printError,
    });
    print(options.isJson ? JSON.stringify({ machine, options, rows }) : httpLines(rows).join("\n"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  return 0;
}

async function benchStart(machine: Machine, options: BenchOptions): Promise<number> {
  const startMs = await measureStart(options.binary);
  if (options.isJson) print(JSON.stringify({ machine, options, startMs }));
  else {
    const [median, min, max] = [startMs.median, startMs.min, startMs.max].map(Math.round);
    print(`start to ready on an empty directory: median ${median} ms (${min}–${max})`);
  }
  return 0;
}

function filledLines({ early, final, restartsMs, complaints }: Filled): string[] {
  const sizes = ({ putCount, perSecond, dataBytes, rssBytes }: Sizes): string =>
    `after ${putCount} puts (${Math.round(perSecond)}/s): data ${dataBytes.map(megabytes).join(", ")}; ` +
    `RSS ${rssBytes.map(megabytes).join(", ")}`;
  return [
    sizes(early),
    sizes(final),
    `restart after SIGKILL: ready after ${restartsMs.map((ms) => `${Math.round(ms)} ms`).join(", ")}`,
    ...(complaints.length === 0 ? ["all within bounds"] : complaints),
  ];
}

if (import.meta.main) {
  try {
    Deno.exitCode = await bench(Deno.args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    printError(`error: ${error.message}`);
    Deno.exitCode = EXIT_USAGE;
  }
}
