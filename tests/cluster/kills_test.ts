import { assert, assertEquals } from "@std/assert";
import { judgeConvergence } from "../../src/checker/convergence.ts";
import { judgeKeptWrites } from "../../src/checker/kept_writes.ts";
import { judgeReadValues } from "../../src/checker/read_values.ts";
import { print } from "../../scripts/print.ts";
import { compare, finalStates, KillRun } from "../harness/kill_run.ts";
import { clusterTest, type LocalCluster } from "../harness/processes.ts";

/** `QUARTET_KILLS=1000` makes the long run. */
const KILLS = Number(Deno.env.get("QUARTET_KILLS") ?? 40);
const SEED = Number(Deno.env.get("QUARTET_SEED") ?? Date.now() % 1_000_000);

clusterTest(`No acknowledged write is lost or overlooked under ${KILLS} kills`, {}, async (cluster) => {
  await runAndJudge(cluster, { killCount: KILLS, keyCount: 24, convergedWithin: "10s" });
});

const SLOW_KEYS = 200;
const HINTS_PER_SECOND = 25;

// Why: as it comes, a replica has what it missed within milliseconds of its return, and a get that asks too few would
// rarely be caught. Here it stays stale for a second or two.
clusterTest("The same where replicas are mended slowly", {
  keyspace: { read_repair: "off" },
  settings: { hints_per_second: HINTS_PER_SECOND },
}, async (cluster) => {
  // The promise is ten seconds and what the throttle adds.
  const convergedWithin = `${10 + SLOW_KEYS / HINTS_PER_SECOND}s`;
  await runAndJudge(cluster, { killCount: Math.ceil(KILLS / 2), keyCount: SLOW_KEYS, convergedWithin });
});

async function runAndJudge(
  cluster: LocalCluster,
  { killCount, keyCount, convergedWithin }: {
    readonly killCount: number;
    readonly keyCount: number;
    readonly convergedWithin: string;
  },
): Promise<void> {
  const run = new KillRun({ cluster, seed: SEED, killCount, clientCount: 8, keyCount });
  await run.run();
  const waited = await cluster.client("wait", "converged", "--timeout", convergedWithin);
  assertEquals(waited.code, 0, waited.stderr);
  const finals = await finalStates(cluster);

  const puts = run.counts("put");
  const gets = run.counts("get");
  print(
    `seed ${SEED}, ${killCount} kills: puts ${JSON.stringify(puts)}, gets ${JSON.stringify(gets)}, ` +
      `stamps at most ${run.history.clockSpreadMs} ms ahead of the clock`,
  );
  const okCount = puts.ok + gets.ok;
  const count = run.history.operations.length;
  assert(
    2 * okCount >= count,
    `only ${okCount} of ${count} requests succeeded: the run proves nothing (H24)`,
  );
  assert(
    puts.ok >= 10 * killCount && gets.ok >= 10 * killCount,
    "too little was going on while replicas were killed",
  );

  assertEquals(run.staleGets, []);
  for (const [id, state] of finals) {
    for (const [key, version] of run.greatest) {
      const held = state.get(key);
      assert(
        held && compare(held, version) >= 0,
        `${id} lacks the acknowledged ${version.origin}@${version.stamp} of ${key}`,
      );
    }
  }
  assertEquals(judgeConvergence(finals), []);
  assertEquals(judgeKeptWrites(run.history, finals), []);
  assertEquals(judgeReadValues(run.history), []);
}
