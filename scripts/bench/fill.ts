/** Very many writes of few keys: whether files and memory stay bounded, and a restart quick. @module */
import type { BenchCluster } from "./bench_cluster.ts";
import type { LoadProcesses } from "./load_process.ts";
import type { BenchOptions } from "./options.ts";
import { usageOf } from "./process_usage.ts";

/** Sizes of each replica, in id order, after so many writes. */
export interface Sizes {
  readonly putCount: number;
  readonly perSecond: number;
  readonly dataBytes: readonly number[];
  readonly rssBytes: readonly number[];
}

/** What a fill showed. */
export interface Filled {
  /** After the first million writes, or a fifth of fewer. */
  readonly early: Sizes;
  readonly final: Sizes;
  readonly errorCount: number;
  readonly firstError: string | undefined;
  /** From the start of the process until it was ready, after SIGKILL, in id order. */
  readonly restartsMs: readonly number[];
  /** What is beyond the bounds; empty when all is well. */
  readonly complaints: readonly string[];
}

/** Bounds that a fill must keep. */
const DATA_BYTES_MAX = 200_000_000;
const RSS_GROWTH_MAX = 1.1;
const RESTART_MS_MAX = 2000;

const EARLY_COUNT = 1_000_000;
/** In flight over all connections. */
const CLIENT_COUNT = 256;
const KEY_COUNT = 256;

/** Writes `options.fillCount` values at TWO, measures, then kills and restarts one replica after the other. */
export async function fillCluster(
  cluster: BenchCluster,
  load: LoadProcesses,
  { options, onProgress }: {
    readonly options: BenchOptions;
    readonly onProgress: (line: string) => void;
  },
): Promise<Filled> {
  const { fillCount, generatorCount } = options;
  const [valueBytes] = options.valueSizes as [number];
  const earlyCount = fillCount > EARLY_COUNT ? EARLY_COUNT : Math.ceil(fillCount / 5);
  let errorCount = 0;
  let firstError: string | undefined;
  const put = async (operationCount: number, putCount: number): Promise<Sizes> => {
    const outcome = await load.run({
      requests: cluster.requestsOf({ op: "put", level: "TWO" }),
      getShare: 0,
      keyCount: KEY_COUNT,
      keys: "uniform",
      clientCount: CLIENT_COUNT,
      connectionCount: cluster.places.length * generatorCount,
      places: cluster.places,
      valueBytes,
      warmUpMs: 0,
      until: { operationCount },
    }, {
      onProgress: (count) => onProgress(`${putCount - operationCount + count} of ${fillCount} puts`),
    });
    errorCount += outcome.errorCount;
    firstError ??= outcome.firstError;
    return {
      putCount,
      perSecond: outcome.perSecond,
      dataBytes: cluster.places.map(({ id }) => cluster.dataBytes(id)),
      rssBytes: cluster.places.map(({ id }) => usageOf(cluster.pid(id)).rssBytes),
    };
  };
  const early = await put(earlyCount, earlyCount);
  const final = fillCount > earlyCount ? await put(fillCount - earlyCount, fillCount) : early;
  const restartsMs: number[] = [];
  for (const { id } of cluster.places) {
    await cluster.killReplica(id);
    restartsMs.push(await cluster.startReplica(id));
    onProgress(`${id} killed and restarted`);
  }
  const complaints = cluster.places.flatMap(({ id }, index) =>
    complaintsOf(id, { early, final, index, restartMs: restartsMs[index]! })
  );
  if (errorCount > 0) complaints.push(`${errorCount} puts failed, the first with ${firstError}`);
  return { early, final, errorCount, firstError, restartsMs, complaints };
}

function complaintsOf(
  id: string,
  { early, final, index, restartMs }: { early: Sizes; final: Sizes; index: number; restartMs: number },
): string[] {
  const complaints: string[] = [];
  const dataBytes = final.dataBytes[index]!;
  const growth = final.rssBytes[index]! / early.rssBytes[index]!;
  if (dataBytes > DATA_BYTES_MAX) {
    complaints.push(`${id} takes ${dataBytes} bytes on disk; at most ${DATA_BYTES_MAX}`);
  }
  if (growth > RSS_GROWTH_MAX) {
    complaints.push(
      `${id} has ${
        growth.toFixed(2)
      } × the memory it had after ${early.putCount} puts; at most ${RSS_GROWTH_MAX}`,
    );
  }
  if (restartMs > RESTART_MS_MAX) {
    complaints.push(`${id} was ready after ${Math.round(restartMs)} ms; at most ${RESTART_MS_MAX}`);
  }
  return complaints;
}
