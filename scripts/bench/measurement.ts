/**
 * Runs of load, measured: in every round each row is run once, ours and then the peer's or the other way round, so that what
 * troubles the machine troubles both. What is told is the median over the rounds; ratios are taken within a round.
 * @module
 */
import type { LoadCommand } from "./load_run.ts";
import type { LoadProcesses } from "./load_process.ts";
import { medianOf, type Spread, spreadOf } from "./median.ts";
import type { BenchOptions } from "./options.ts";
import { usageOf } from "./process_usage.ts";
import { countSyncs } from "./sync_trace.ts";
import { getShareOf, type Operation, operationName, type System } from "./system.ts";

/** One combination that is measured. */
export interface Run extends Operation {
  readonly clientCount: number;
  readonly valueBytes: number;
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
  /** Processor time for one operation: of each server, in order, and of the generators. */
  readonly serverCpuUs: readonly number[];
  readonly generatorCpuUs: number;
  /** Processors that the generators kept busy. */
  readonly generatorBusy: number;
  readonly syncsPerOperation: number | undefined;
  readonly rssBytes: readonly number[];
}

/** What one run showed over all rounds: medians, but the greatest maximum and memory, and all errors. */
export interface Measured {
  readonly perSecond: Spread;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  readonly errorCount: number;
  readonly firstError?: string;
  /** Of all servers together. */
  readonly cpuUs: Spread;
  readonly serverCpuUs: readonly number[];
  readonly generatorCpuUs: number;
  readonly generatorBusy: number;
  readonly syncsPerOperation?: number;
  /** The same as strace counts it, in a short run of its own. */
  readonly tracedSyncsPerOperation?: number;
  readonly rssBytes: readonly number[];
}

/** One run with what came of it. */
export interface Row {
  readonly run: Run;
  readonly ours: Measured;
  /** Absent where no peer was asked for, or where it has nothing that compares. */
  readonly peer?: Measured;
  /** Operations per second, ours ÷ the peer's, within a round. */
  readonly ratio?: Spread;
}

const WARM_UP_MS = 300;
const FILL_CLIENT_COUNT = 64;
/** Operations of a run under strace: enough for a mean, few enough where each takes its time. */
const TRACED_COUNT_BASE = 1000;
const TRACED_COUNT_CLIENT = 50;

/** Measures every run of `options`. `onProgress` gets a line for a person. */
export async function measure(
  systems: { readonly ours: System; readonly peer: System | undefined },
  load: LoadProcesses,
  { options, onProgress }: {
    readonly options: BenchOptions;
    readonly onProgress: (line: string) => void;
  },
): Promise<Row[]> {
  const rows: Row[] = [];
  // Why a block for each size: a get must find values of that size under every key.
  for (const valueBytes of options.valueSizes) {
    const runs = options.clientCounts.flatMap((clientCount) =>
      options.operations.map((operation) => ({ ...operation, clientCount, valueBytes }))
    );
    for (const system of [systems.ours, systems.peer]) {
      if (system !== undefined) await warmUp(system, load, { options, valueBytes });
    }
    const samples = runs.map((): { ours: Sample; peer: Sample | undefined }[] => []);
    for (let round = 1; round <= options.rounds; round++) {
      for (const [index, run] of runs.entries()) {
        const take = async (system: System | undefined): Promise<Sample | undefined> => {
          const command = system && commandOf(run, system, options);
          return command && await takeSample(system, load, command);
        };
        // Whoever comes second finds the disk as the other left it: they take turns in that too.
        const peerFirst = round % 2 === 0 ? await take(systems.peer) : undefined;
        const ours = (await take(systems.ours))!;
        const peer = peerFirst ?? await take(systems.peer);
        samples[index]!.push({ ours, peer });
        onProgress(progressLine(run, { ours, peer, round, rounds: options.rounds }));
      }
    }
    for (const [index, run] of runs.entries()) {
      const row = rowOf(run, samples[index]!);
      rows.push(options.isSyncCounted ? await withTracedSyncs(row, systems, load, options) : row);
    }
  }
  return rows;
}

async function withTracedSyncs(
  row: Row,
  { ours, peer }: { readonly ours: System; readonly peer: System | undefined },
  load: LoadProcesses,
  options: BenchOptions,
): Promise<Row> {
  const trace = async (system: System, measured: Measured): Promise<Measured> => {
    const operationCount = TRACED_COUNT_BASE + row.run.clientCount * TRACED_COUNT_CLIENT;
    const command = { ...commandOf(row.run, system, options)!, warmUpMs: 0, until: { operationCount } };
    const pids = system.processes.map(({ pid }) => pid);
    const syncCount = await countSyncs(pids, async () => void (await load.run(command)));
    return { ...measured, tracedSyncsPerOperation: syncCount / operationCount };
  };
  const traced = { ...row, ours: await trace(ours, row.ours) };
  return peer && row.peer ? { ...traced, peer: await trace(peer, row.peer) } : traced;
}

/** Every key gets a value, then each operation runs once unmeasured. */
async function warmUp(
  system: System,
  load: LoadProcesses,
  { options, valueBytes }: { readonly options: BenchOptions; readonly valueBytes: number },
): Promise<void> {
  const base = { clientCount: FILL_CLIENT_COUNT, valueBytes };
  // QUORUM, because every system can: what is missing elsewhere is on its way.
  const fill = commandOf({ op: "put", level: "QUORUM", ...base }, system, options)!;
  const { errorCount, firstError } = await load.run({
    ...fill,
    keys: { begin: 0, step: 1 },
    warmUpMs: 0,
    until: { operationCount: options.keyCount },
  });
  if (errorCount > 0) {
    throw new Error(`${errorCount} of ${options.keyCount} first puts failed: ${firstError}`);
  }
  for (const operation of options.operations) {
    const command = commandOf({ ...operation, ...base }, system, options);
    if (command) await load.run(command);
  }
}

function commandOf(run: Run, system: System, options: BenchOptions): LoadCommand | undefined {
  const requests = system.requestsOf(run);
  if (requests === undefined) return undefined;
  const { coordinator, connectionCount = run.clientCount, seconds, keyCount } = options;
  return {
    requests,
    getShare: getShareOf(run),
    keyCount,
    keys: "uniform",
    valueBytes: run.valueBytes,
    clientCount: run.clientCount,
    connectionCount: Math.min(connectionCount, run.clientCount),
    places: system.places.filter(({ id }) => requests.kind !== "quartet" || id === (coordinator ?? id)),
    warmUpMs: WARM_UP_MS,
    until: { durationMs: seconds * 1000 },
  };
}

/** Counts so far, taken before and after a run. */
interface Mark {
  readonly serverCpuUs: readonly number[];
  readonly generatorCpuUs: number;
  readonly syncCount: number | undefined;
  readonly atMs: number;
}

async function takeSample(system: System, load: LoadProcesses, command: LoadCommand): Promise<Sample> {
  const mark = async (): Promise<Mark> => ({
    atMs: performance.now(),
    serverCpuUs: system.processes.map(({ pid }) => usageOf(pid).cpuUs),
    generatorCpuUs: load.pids.reduce((sum, pid) => sum + usageOf(pid).cpuUs, 0),
    syncCount: await system.syncCount(),
  });
  let begin: Mark | undefined;
  const outcome = await load.run(command, { onMeasuring: async () => void (begin = await mark()) });
  const end = await mark();
  const { latency, operationCount } = outcome;
  if (operationCount === 0 || begin === undefined) {
    throw new Error(`no operation of ${system.name} succeeded: ${outcome.firstError ?? "no answer"}`);
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
    serverCpuUs: end.serverCpuUs.map((cpuUs, index) => (cpuUs - begin!.serverCpuUs[index]!) / operationCount),
    generatorCpuUs: generatorCpuUs / operationCount,
    generatorBusy: generatorCpuUs / ((end.atMs - begin.atMs) * 1000),
    syncsPerOperation: end.syncCount === undefined || begin.syncCount === undefined
      ? undefined
      : (end.syncCount - begin.syncCount) / operationCount,
    rssBytes: system.processes.map(({ pid }) => usageOf(pid).rssBytes),
  };
}

function rowOf(run: Run, samples: readonly { ours: Sample; peer: Sample | undefined }[]): Row {
  const ours = summarise(samples.map((sample) => sample.ours));
  const peers = samples.flatMap(({ peer }) => peer === undefined ? [] : [peer]);
  if (peers.length === 0) return { run, ours };
  const ratio = spreadOf(samples.map(({ ours, peer }) => ours.perSecond / peer!.perSecond));
  return { run, ours, peer: summarise(peers), ratio };
}

function summarise(samples: readonly Sample[]): Measured {
  const median = (of: (sample: Sample) => number): number => medianOf(samples.map(of));
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const servers = samples[0]!.rssBytes.map((_, index) => index);
  const firstError = samples.find(({ firstError }) => firstError !== undefined)?.firstError;
  const syncs = samples.flatMap(({ syncsPerOperation }) => syncsPerOperation ?? []);
  return {
    perSecond: spreadOf(samples.map(({ perSecond }) => perSecond)),
    p50Us: median(({ p50Us }) => p50Us),
    p99Us: median(({ p99Us }) => p99Us),
    p999Us: median(({ p999Us }) => p999Us),
    maxUs: Math.max(...samples.map(({ maxUs }) => maxUs)),
    errorCount: sum(samples.map(({ errorCount }) => errorCount)),
    ...(firstError === undefined ? {} : { firstError }),
    cpuUs: spreadOf(samples.map(({ serverCpuUs }) => sum(serverCpuUs))),
    serverCpuUs: servers.map((index) => median(({ serverCpuUs }) => serverCpuUs[index]!)),
    generatorCpuUs: median(({ generatorCpuUs }) => generatorCpuUs),
    generatorBusy: median(({ generatorBusy }) => generatorBusy),
    ...(syncs.length === 0 ? {} : { syncsPerOperation: medianOf(syncs) }),
    rssBytes: servers.map((index) => Math.max(...samples.map(({ rssBytes }) => rssBytes[index]!))),
  };
}

function progressLine(
  run: Run,
  { ours, peer, round, rounds }: { ours: Sample; peer: Sample | undefined; round: number; rounds: number },
): string {
  const show = ({ perSecond, p99Us }: Sample): string =>
    `${Math.round(perSecond)}/s, p99 ${(p99Us / 1000).toFixed(2)} ms`;
  return `round ${round} of ${rounds}  ${operationName(run)} at ${run.clientCount} clients, ` +
    `${run.valueBytes} bytes: ${show(ours)}` +
    (peer === undefined ? "" : `; peer ${show(peer)}; ratio ${(ours.perSecond / peer.perSecond).toFixed(2)}`);
}
