import { assert, assertEquals } from "@std/assert";
import { judgeConvergence } from "../../src/checker/convergence.ts";
import { judgeKeptWrites } from "../../src/checker/kept_writes.ts";
import { judgeReadValues } from "../../src/checker/read_values.ts";
import { print } from "../../scripts/print.ts";
import type { FinalState } from "../../src/checker/history.ts";
import { ClusterClient } from "../harness/cluster_client.ts";
import { eventually } from "../harness/eventually.ts";
import { compare, finalStates, KillRun } from "../harness/kill_run.ts";
import { clusterTest, type LocalCluster } from "../harness/processes.ts";

/** `QUARTET_KILLS=1000` makes the long run. */
const KILLS = Number(Deno.env.get("QUARTET_KILLS") ?? 40);
const SEED = Number(Deno.env.get("QUARTET_SEED") ?? Date.now() % 1_000_000);

clusterTest(`No acknowledged write is lost or overlooked under ${KILLS} kills`, {}, async (cluster) => {
  await runAndJudge(cluster, {
    killCount: KILLS,
    keyCount: 24,
    convergedWithinMs: 10_000,
    hasReadRepair: true,
  });
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
  const convergedWithinMs = 10_000 + SLOW_KEYS / HINTS_PER_SECOND * 1000;
  const killCount = Math.ceil(KILLS / 2);
  await runAndJudge(cluster, { killCount, keyCount: SLOW_KEYS, convergedWithinMs, hasReadRepair: false });
});

async function runAndJudge(
  cluster: LocalCluster,
  { killCount, keyCount, convergedWithinMs, hasReadRepair }: {
    readonly killCount: number;
    readonly keyCount: number;
    readonly convergedWithinMs: number;
    readonly hasReadRepair: boolean;
  },
): Promise<void> {
  const run = new KillRun({ cluster, seed: SEED, killCount, clientCount: 8, keyCount });
  await run.run();
  // Why: a write whose coordinator was killed before its own sync is owed to nobody; a read spreads it.
  if (hasReadRepair) await readAll(cluster, keyCount);
  const differences = (states: ReadonlyMap<string, FinalState>): string[] =>
    judgeConvergence(hasReadRepair ? states : withoutOrphans(states)).map(({ sentence }) => sentence);
  let finals = await finalStates(cluster);
  await eventually(async () => differences(finals = await finalStates(cluster)).length === 0, {
    withinMs: convergedWithinMs,
    what: "all replicas are equal",
  }).catch((error) => {
    throw new Error(differences(finals).join("; "), { cause: error });
  });

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
  assertEquals(judgeKeptWrites(run.history, finals, { onlyWrites: !hasReadRepair }), []);
  assertEquals(judgeReadValues(run.history), []);
}

/** Reads every key from all four copies. */
async function readAll(cluster: LocalCluster, keyCount: number): Promise<void> {
  using client = new ClusterClient(cluster);
  for (let key = 0; key < keyCount; key++) {
    const result = await client.ask("r1", { op: "get", key, level: "ALL" });
    assert(result.ok || result.failure.code === "not_found", JSON.stringify(result));
  }
}

/**
 * The same, but for keys whose greatest version its own origin does not hold: that write was never acknowledged, because
 * the coordinator's copy is always among the acknowledgements.
 */
function withoutOrphans(states: ReadonlyMap<string, FinalState>): Map<string, FinalState> {
  const orphaned = new Set<string>();
  for (const key of new Set([...states.values()].flatMap((state) => [...state.keys()]))) {
    const greatest = [...states.values()].map((state) => state.get(key)!).filter(Boolean).sort(compare).at(
      -1,
    )!;
    const own = states.get(greatest.origin.split(".")[0]!)!.get(key);
    if (!own || compare(own, greatest) !== 0) orphaned.add(key);
  }
  return new Map(
    [...states].map(([id, state]) => [id, new Map([...state].filter(([key]) => !orphaned.has(key)))]),
  );
}
