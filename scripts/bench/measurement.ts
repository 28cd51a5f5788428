/** Runs of load against a cluster, measured: every run once a round, and the median over the rounds. @module */
import type { BenchCluster } from "./bench_cluster.ts";
import type { LoadCommand } from "./load.ts";
import type { LoadProcesses } from "./load_process.ts";
import { medianOf, type Spread, spreadOf } from "./median.ts";
import type { BenchOptions, Operation } from "./options.ts";
import { usageOf } from "./process_usage.ts";

/** One combination that is measured. */
export interface Run extends Operation {
  readonly clientCount: number;
}

/** What one run showed in one round. */
interface Sample {
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  readonly errorCount: number;
  readonly firstError: string | undefined;
  /** Processor time for one operation: of each replica, in id order, and of the generators. */
  readonly replicaCpuUs: readonly number[];
  readonly generatorCpuUs: number;
  /** Processors that the generators kept busy. */
  readonly generatorBusy: number;
  readonly syncsPerOperation: number;
  readonly rssBytes: readonly number[];
}

/** What one run showed over all rounds: medians, but the greatest maximum and memory, and all errors. */
export interface Measured {
  readonly run: Run;
  readonly perSecond: Spread;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  readonly errorCount: number;
  readonly firstError: string | undefined;
  /** Of all replicas together. */
  readonly cpuUs: number;
  readonly replicaCpuUs: readonly number[];
  readonly generatorCpuUs: number;
  readonly generatorBusy: number;
  readonly syncsPerOperation: number;
  readonly rssBytes: readonly number[];
}

const WARM_UP_FIRST_MS = 2000;
const WARM_UP_MS = 300;
const FILL_COUNT = 4096;

/** Measures every run of `options`. `onProgress` gets a line for a person. */
export async function measure(
  cluster: BenchCluster,
  load: LoadProcesses,
  { options, onProgress }: {
    readonly options: BenchOptions;
    readonly onProgress: (line: string) => void;
  },
): Promise<Measured[]> {
  const runs = options.clientCounts.flatMap((clientCount) =>
    options.operations.map((operation) => ({ ...operation, clientCount }))
  );
  // Why ALL: a get of a key that nobody wrote is an error.
  const fill = commandOf({ op: "put", level: "ALL", clientCount: 64 }, cluster, options);
  await load.run({ ...fill, warmUpMs: 0, until: { operationCount: FILL_COUNT } });
  for (const operation of options.operations) {
    const command = commandOf({ ...operation, clientCount: 64 }, cluster, options);
    await load.run({ ...command, warmUpMs: 0, until: { durationMs: WARM_UP_FIRST_MS } });
  }
  const samples = runs.map((): Sample[] => []);
  for (let round = 1; round <= options.rounds; round++) {
    for (const [index, run] of runs.entries()) {
      const sample = await takeSample(cluster, load, commandOf(run, cluster, options));
      samples[index]!.push(sample);
      onProgress(
        `round ${round} of ${options.rounds}  ${run.op}-${run.level} at ${run.clientCount} clients: ` +
          `${Math.round(sample.perSecond)}/s, p99 ${(sample.p99Us / 1000).toFixed(2)} ms`,
      );
    }
  }
  return runs.map((run, index) => summarise(run, samples[index]!));
}

function commandOf(run: Run, cluster: BenchCluster, options: BenchOptions): LoadCommand {
  const { coordinator, connectionCount = run.clientCount, valueBytes, seconds } = options;
  return {
    ...run,
    connectionCount: Math.min(connectionCount, run.clientCount),
    places: cluster.places.filter(({ id }) => coordinator === undefined || id === coordinator),
    valueBytes,
    warmUpMs: WARM_UP_MS,
    until: { durationMs: seconds * 1000 },
  };
}

/** Counts so far, taken before and after a run. */
interface Mark {
  readonly replicaCpuUs: readonly number[];
  readonly generatorCpuUs: number;
  readonly syncCount: number;
  readonly atMs: number;
}

async function takeSample(cluster: BenchCluster, load: LoadProcesses, command: LoadCommand): Promise<Sample> {
  const mark = async (): Promise<Mark> => ({
    atMs: performance.now(),
    replicaCpuUs: cluster.places.map(({ id }) => usageOf(cluster.pid(id)).cpuUs),
    generatorCpuUs: load.pids.reduce((sum, pid) => sum + usageOf(pid).cpuUs, 0),
    syncCount: await cluster.syncCount(),
  });
  let begin: Mark | undefined;
  const outcome = await load.run(command, { onMeasuring: async () => void (begin = await mark()) });
  const end = await mark();
  const { latency, operationCount } = outcome;
  if (operationCount === 0 || begin === undefined) {
    throw new Error(`no ${command.op} at ${command.level} succeeded: ${outcome.firstError ?? "no answer"}`);
  }
  const generatorCpuUs = end.generatorCpuUs - begin.generatorCpuUs;
  return {
    perSecond: outcome.perSecond,
    p50Us: latency.quantileUs(0.5),
    p99Us: latency.quantileUs(0.99),
    p999Us: latency.quantileUs(0.999),
    maxUs: latency.maxUs,
    errorCount: outcome.errorCount,
    firstError: outcome.firstError,
    replicaCpuUs: end.replicaCpuUs.map((cpuUs, index) =>
      (cpuUs - begin!.replicaCpuUs[index]!) / operationCount
    ),
    generatorCpuUs: generatorCpuUs / operationCount,
    generatorBusy: generatorCpuUs / ((end.atMs - begin.atMs) * 1000),
    syncsPerOperation: (end.syncCount - begin.syncCount) / operationCount,
    rssBytes: cluster.places.map(({ id }) => usageOf(cluster.pid(id)).rssBytes),
  };
}

function summarise(run: Run, samples: readonly Sample[]): Measured {
  const median = (of: (sample: Sample) => number): number => medianOf(samples.map(of));
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const replicas = samples[0]!.rssBytes.map((_, index) => index);
  return {
    run,
    perSecond: spreadOf(samples.map(({ perSecond }) => perSecond)),
    p50Us: median(({ p50Us }) => p50Us),
    p99Us: median(({ p99Us }) => p99Us),
    p999Us: median(({ p999Us }) => p999Us),
    maxUs: Math.max(...samples.map(({ maxUs }) => maxUs)),
    errorCount: sum(samples.map(({ errorCount }) => errorCount)),
    firstError: samples.find(({ firstError }) => firstError !== undefined)?.firstError,
    cpuUs: median(({ replicaCpuUs }) => sum(replicaCpuUs)),
    replicaCpuUs: replicas.map((index) => median(({ replicaCpuUs }) => replicaCpuUs[index]!)),
    generatorCpuUs: median(({ generatorCpuUs }) => generatorCpuUs),
    generatorBusy: median(({ generatorBusy }) => generatorBusy),
    syncsPerOperation: median(({ syncsPerOperation }) => syncsPerOperation),
    rssBytes: replicas.map((index) => Math.max(...samples.map(({ rssBytes }) => rssBytes[index]!))),
  };
}
