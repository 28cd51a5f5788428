/**
 * One run from one seed: a cluster of the real code is drawn, goes through faults, is healed, calms down, and is judged.
 * Same seed, same trace.
 * @module
 */
import { NO_BUGS, type PlantedBug } from "../base/planted_bug.ts";
import { TraceHash } from "../base/hash.ts";
import { Random } from "../base/random.ts";
import { judgeConvergence } from "../checker/convergence.ts";
import type { FinalState, History } from "../checker/history.ts";
import { judgeKeptWrites } from "../checker/kept_writes.ts";
import { judgeReadValues } from "../checker/read_values.ts";
import { type Level, requiredCount } from "../protocol/level.ts";
import { type ClusterConfig, parseClusterConfig } from "../replica/cluster_config.ts";
import { EventQueue } from "./event_queue.ts";
import { type Fault, FAULTS, Nemesis } from "./nemesis.ts";
import { settle } from "./settle.ts";
import { SimNetwork } from "./sim_network.ts";
import { SimReplica } from "./sim_replica.ts";
import { Workload } from "./workload.ts";

/** What one run showed. */
export interface RunResult {
  readonly seed: number;
  /** Empty if all is well. */
  readonly violations: readonly string[];
  /** Names the run: equal seeds on equal code give equal hashes. */
  readonly trace: string;
  readonly operationCount: number;
  readonly okCount: number;
  readonly simulatedMs: number;
}

/** How a run is done. */
export interface RunOptions {
  readonly bugs?: ReadonlySet<PlantedBug>;
  /** The faults to be suffered, in place of those that the seed draws. */
  readonly faults?: readonly Fault[];
  /** Gets every line of the trace. */
  readonly onTrace?: (atMs: number, line: string) => void;
}

const FAULTS_MS = 30_000;
const CALM_MS = 15_000;
const READS_MS = 10_000;
const KEYSPACE = "main";

/** A limit that clocks exceed now and then; with clocks far further apart, nearly every write would be refused. */
const CLOCK_SKEW_STRICT_MS = 5000;

/** A run with fewer requests proves nothing (HAZARD H24). */
const OPERATIONS_MIN = 50;

/** Pairs of levels: most overlap, so that reads must see writes. */
const LEVEL_PAIRS: readonly (readonly [readonly Level[], readonly Level[]])[] = [
  [["TWO"], ["THREE"]],
  [["QUORUM"], ["QUORUM"]],
  [["ONE"], ["ALL"]],
  [["THREE"], ["TWO"]],
  [["ONE"], ["ONE"]],
  [["ONE", "TWO"], ["THREE", "ALL"]],
  [["ONE", "TWO", "QUORUM", "ALL"], ["ONE", "TWO", "QUORUM", "ALL"]],
];

/** Runs one seed. */
export async function simulate(seed: number, options: RunOptions = {}): Promise<RunResult> {
  const random = new Random(seed);
  const queue = new EventQueue();
  const hash = new TraceHash();
  const violations: string[] = [];
  const trace = (line: string): void => {
    hash.add(`${queue.nowMs.toFixed(3)} ${line}\n`);
    options.onTrace?.(queue.nowMs, line);
  };
  const { config, readRepair, hintedHandoff, copies } = drawConfig(random);
  const network = new SimNetwork(queue, random.fork(), {
    delayMsMax: random.pick([0.5, 2, 10, 40]),
    lossPerMille: random.pick([0, 0, 5, 30]),
    duplicatePerMille: random.pick([0, 10, 50]),
    stragglerPerMille: random.pick([0, 0, 5, 20]),
    lineBytesMax: config.settings.lineBytesMax,
  });
  const world = {
    queue,
    random,
    network,
    config,
    bugs: options.bugs ?? NO_BUGS,
    trace,
    violate: (sentence: string): void => {
      trace(`VIOLATED ${sentence}`);
      violations.push(sentence);
    },
  };
  const replicas = config.members.map(({ id }) =>
    new SimReplica(id, world, (replica) => nemesis.onAcknowledged(replica))
  );
  const drawnFaults = FAULTS.filter(() => random.chance(400));
  const faults = options.faults ?? drawnFaults;
  const nemesis: Nemesis = new Nemesis({
    queue,
    random: random.fork(),
    network,
    replicas,
    profile: {
      faults,
      pauseMs: random.pick([3000, 5000, 8000]),
      skewMsMax: random.pick([
        0,
        5,
        500,
        config.settings.clockSkewMaxMs === CLOCK_SKEW_STRICT_MS ? 4000 : 20_000,
      ]),
    },
    trace,
  });
  const [writeLevels, readLevels] = random.pick(LEVEL_PAIRS.filter((levels) => fits(levels, copies)));
  const workload = new Workload({
    queue,
    random: random.fork(),
    replicas,
    profile: {
      clientCount: random.between(2, 8),
      keyCount: random.pick([1, 2, 4, 8, 60, 250]),
      thinkMsMax: random.pick([50, 200, 400]),
      getPerMille: random.pick([300, 500, 700]),
      deletePerMille: random.pick([0, 100]),
      writeLevels,
      readLevels,
      copies,
      valueBytes: random.pick([8, 8, 200, 3000]),
    },
    trace,
  });
  trace(
    `seed ${seed}: ${config.members.length} replicas, ${copies} copies, faults ${
      faults.join(" ")
    }, repair ${readRepair}, hints ${hintedHandoff}`,
  );

  const runUntil = async (endMs: number): Promise<void> => {
    while (queue.runNext(endMs)) {
      if (!queue.needsSettling) continue;
      queue.needsSettling = false;
      await settle();
    }
  };
  for (const replica of replicas) replica.start();
  nemesis.start();
  queue.after(500, () => workload.start());
  await runUntil(FAULTS_MS);
  nemesis.heal();
  workload.stop();
  await runUntil(FAULTS_MS + CALM_MS);
  for (const replica of replicas) {
    if (!replica.isReady) world.violate(`${replica.id} is not ready ${CALM_MS} ms after the last fault`);
    else if (replica.isRecovering) {
      world.violate(`${replica.id} is still recovering ${CALM_MS} ms after the last fault`);
    }
  }

  const history = (): History => ({
    operations: workload.operations,
    copies,
    diskLosses: nemesis.diskLosses,
    clockSpreadMs: nemesis.clockSpreadMs,
  });
  const finals = (): ReadonlyMap<string, FinalState> =>
    new Map(replicas.slice(0, copies).map((replica) => [replica.id, replica.held(KEYSPACE)]));
  const operationCount = workload.operations.length;
  const okCount = workload.operations.filter(({ outcome }) => outcome === "ok").length;
  const wereHintsDropped = replicas.some((replica) => replica.hintsDropped > 0);
  if (hintedHandoff && nemesis.diskLosses.length === 0 && !wereHintsDropped) {
    // Hints alone bring every acknowledged write to every replica, before anybody reads.
    for (const { sentence } of judgeKeptWrites(history(), finals(), { onlyWrites: true })) {
      world.violate(`by hints alone: ${sentence}`);
    }
  }
  if (readRepair !== "off") {
    const keys = new Set(workload.operations.map(({ key }) => key));
    for (const key of keys) {
      workload.ask(-1, random.pick(replicas), {
        op: "get",
        keyspace: KEYSPACE,
        key: Number(key),
        level: "ALL",
      }, (read) => {
        if (read.outcome !== "ok") world.violate(`in calm, get ${key} at ALL fails with ${read.code}`);
      });
    }
    await runUntil(FAULTS_MS + CALM_MS + READS_MS);
    for (const { sentence } of judgeKeptWrites(history(), finals())) world.violate(sentence);
    for (const { sentence } of judgeConvergence(finals())) world.violate(sentence);
  }
  for (const { sentence } of judgeReadValues(history())) world.violate(sentence);
  if (operationCount < OPERATIONS_MIN || okCount * 2 < operationCount) {
    world.violate(`only ${okCount} of ${operationCount} requests succeeded: the run proves nothing`);
  }
  return { seed, violations, trace: hash.hex(), operationCount, okCount, simulatedMs: queue.nowMs };
}

interface DrawnConfig {
  readonly config: ClusterConfig;
  readonly readRepair: string;
  readonly hintedHandoff: boolean;
  /** The first so many members hold a copy; the others only coordinate. */
  readonly copies: number;
}

function drawConfig(random: Random): DrawnConfig {
  const memberCount = random.pick([4, 4, 4, 3, 5]);
  const copies = random.pick([memberCount, memberCount, memberCount - 1]);
  const readRepair = random.pick(["background", "background", "blocking", "off"]);
  const hintedHandoff = readRepair === "off" || random.chance(700);
  const parsed = parseClusterConfig({
    cluster: "sim",
    replica: Array.from(
      { length: memberCount },
      (_, index) => ({ id: `r${index + 1}`, address: `sim:${index + 1}` }),
    ),
    keyspace: {
      [KEYSPACE]: {
        replication: copies,
        read_repair: readRepair,
        hinted_handoff: hintedHandoff,
        default_level: "ONE",
      },
    },
    settings: {
      request_timeout_ms: random.pick([500, 2000]),
      read_repair_interval_ms: random.pick([0, 200, 1000]),
      value_bytes_max: 4096,
      segment_bytes: 65_536,
      hints_per_second: random.pick([50, 5000]),
      hint_count_max: random.pick([100_000, 100_000, 3]),
      clock_skew_max_ms: random.pick([60_000, 60_000, CLOCK_SKEW_STRICT_MS]),
    },
  });
  if (!parsed.ok) throw new TypeError(`the drawn configuration is wrong: ${JSON.stringify(parsed.failure)}`);
  return { config: parsed.value, readRepair, hintedHandoff, copies };
}

function fits([writes, reads]: readonly [readonly Level[], readonly Level[]], copies: number): boolean {
  return [...writes, ...reads].every((level) => requiredCount(level, copies) <= copies);
}
