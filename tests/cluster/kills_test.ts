import { assert, assertEquals } from "@std/assert";
import { judgeConvergence } from "../../src/checker/convergence.ts";
import { judgeKeptWrites } from "../../src/checker/kept_writes.ts";
import { print } from "../../scripts/print.ts";
import { compare, finalStates, KillRun } from "../harness/kill_run.ts";
import { clusterTest } from "../harness/processes.ts";

/** `QUARTET_KILLS=1000` makes the long run. */
const KILLS = Number(Deno.env.get("QUARTET_KILLS") ?? 40);
const SEED = Number(Deno.env.get("QUARTET_SEED") ?? Date.now() % 1_000_000);

clusterTest(`No acknowledged write is lost or overlooked under ${KILLS} kills`, {}, async (cluster) => {
  const run = new KillRun({ cluster, seed: SEED, killCount: KILLS, clientCount: 8, keyCount: 24 });
  await run.run();
  const waited = await cluster.client("wait", "converged", "--timeout", "10s");
  assertEquals(waited.code, 0, waited.stderr);
  const finals = await finalStates(cluster);

  const puts = run.counts("put");
  const gets = run.counts("get");
  print(
    `seed ${SEED}, ${KILLS} kills: puts ${JSON.stringify(puts)}, gets ${JSON.stringify(gets)}, ` +
      `stamps at most ${run.history.clockSpreadMs} ms ahead of the clock`,
  );
  const okCount = puts.ok + gets.ok;
  const count = run.history.operations.length;
  assert(
    2 * okCount >= count,
    `only ${okCount} of ${count} requests succeeded: the run proves nothing (H24)`,
  );
  assert(
    puts.ok >= 10 * KILLS && gets.ok >= 10 * KILLS,
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
});
