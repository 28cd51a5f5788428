/** How long one replica takes from its start on an empty directory until it is ready. @module */
import { BenchCluster } from "./bench_cluster.ts";
import { type Spread, spreadOf } from "./median.ts";

const START_COUNT = 15;

/** Milliseconds until `ready`, over several starts. The other three replicas of the cluster do not run. */
export async function measureStart(binary: string | undefined): Promise<Spread> {
  await using cluster = await BenchCluster.make(binary);
  const { id } = cluster.places[0]!;
  // The first start fills caches of the file system and, from source, of compiled code.
  await cluster.startReplica(id);
  const durationsMs: number[] = [];
  for (let i = 0; i < START_COUNT; i++) {
    await cluster.killReplica(id);
    await cluster.wipe(id);
    durationsMs.push(await cluster.startReplica(id));
  }
  return spreadOf(durationsMs);
}
