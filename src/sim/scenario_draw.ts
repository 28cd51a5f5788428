/**
 * From a seed to a scenario: how large the cluster is, how good its network, disks and clocks are, what its clients do, and
 * what goes wrong. Each part is drawn from a stream of its own.
 * @module
 */
import { Random } from "../base/random.ts";
import { type Partitioner, PARTITIONERS } from "../membership/partitioner.ts";
import { type Level, requiredCount } from "../protocol/level.ts";
import type { Coordination, KeyspaceConfig } from "../replica/keyspace_config.ts";
import { drawClientSteps, type StepKeyspace } from "./client_steps.ts";
import { drawFaults, type Drawn, DRAWN_FAULTS } from "./fault_draw.ts";
import {
  type ClockProfile,
  type ClusterPlan,
  type NetworkProfile,
  replicaName,
  type Scenario,
  type Step,
} from "./scenario.ts";

/** Levels of writes, and levels of reads. */
export type LevelPair = readonly [readonly Level[], readonly Level[]];

/** What is not left to the seed. */
export interface DrawOptions {
  /** The faults to be suffered, in place of those that the seed draws. */
  readonly faults?: readonly Drawn[];
  /** The levels of writes and of reads, in place of those that the seed draws. */
  readonly levels?: LevelPair;
  /** How reads mend, in place of what the seed draws. */
  readonly readRepair?: KeyspaceConfig["readRepair"];
  /** Who holds which keys, in place of what the seed draws. */
  readonly partitioner?: Partitioner;
  /** Whether copies are compared by anti-entropy, and whether hints are kept, in place of what the seed draws. */
  readonly antiEntropy?: boolean;
  readonly hintedHandoff?: boolean;
  /** Who coordinates, in place of what the seed draws. */
  readonly coordination?: Coordination;
  /** Whether values stand side by side, in place of what the seed draws. */
  readonly siblings?: boolean;
  /** Whether clients carry sessions, in place of what the seed draws. */
  readonly sessions?: boolean;
  /** Whether clients delete, and how far promises stay behind, in place of what the seed draws. */
  readonly hasDeletes?: boolean;
  readonly graceMs?: number;
}

const PHASES = { faultsMs: 35_000, calmMs: 15_000, readsMs: 10_000, okPerMilleMin: 650 } as const;

/** Clients begin when replicas have had a moment to meet. */
const FIRST_STEP_MS = 500;

/** A limit that clocks exceed now and then; with clocks far further apart, nearly every write would be refused. */
const CLOCK_SKEW_STRICT_MS = 5000;

const VALUE_BYTES_MAX = 4096;

/** Of so many of a thousand seeds the clients carry sessions: then more gets ask all copies, and less of the rest is seen. */
const SESSIONS_PER_MILLE = 400;

/** Of so many of a thousand keyspaces the values stand side by side. */
const SIBLINGS_PER_MILLE = 250;

/** Pairs of levels: most overlap, so that reads must see writes. */
const LEVEL_PAIRS: readonly LevelPair[] = [
  [["TWO"], ["THREE"]],
  [["QUORUM"], ["QUORUM"]],
  [["ONE"], ["ALL"]],
  [["THREE"], ["TWO"]],
  [["ONE"], ["ONE"]],
  [["ONE", "TWO"], ["THREE", "ALL"]],
  [["ONE", "TWO", "QUORUM", "ALL"], ["ONE", "TWO", "QUORUM", "ALL"]],
];

/** Texts as keys: short and long, with what sorts otherwise in UTF-8 and UTF-16, and with what JSON escapes. */
const TEXT_KEYS = ["a", "z".repeat(200), "é", "😀", "\uffee", 'say "hi"', "tab\there", "0", "ключ", " "];

const TEXT_PARTITIONERS: readonly Partitioner[] = ["all", "consistent-hash"];

/** A keyspace that clients use. */
interface DrawnKeyspace extends StepKeyspace {
  readonly copies: number;
  /** From when on it exists. */
  readonly fromMs: number;
}

/** The scenario of a seed. */
export function drawScenario(seed: number, options: DrawOptions = {}): Scenario {
  const random = Random.of(seed, "scenario");
  const sessions = options.sessions ?? Random.of(seed, "sessions").chance(SESSIONS_PER_MILLE);
  const { cluster, changes, keyspaces } = drawCluster(Random.of(seed, "cluster"), seed, options);
  const names = Array.from({ length: cluster.replicas }, (_, index) => replicaName(index));
  const kinds = DRAWN_FAULTS.filter(() => random.chance(400));
  const skewMsMax = random.pick([
    0,
    5,
    500,
    cluster.settings["clock_skew_max_ms"] === CLOCK_SKEW_STRICT_MS ? 4000 : 20_000,
  ]);
  const faults = drawFaults(seed, {
    kinds: options.faults ?? kinds,
    replicas: names,
    pauseMs: random.pick([1500, 3000, 5000, 8000]),
    skewMsMax,
    endMs: PHASES.faultsMs,
    changeCount: changes.length,
  });
  return {
    name: `seed ${seed}`,
    seed,
    phases: PHASES,
    cluster,
    changes,
    network: drawNetwork(Random.of(seed, "network"), names),
    disk: { syncFirstMs: 1, syncLastMs: 3, shortWritesPerMille: random.pick([0, 0, 100]) },
    clients: { timeoutMs: random.pick([1000, 3000, 6000]), backOffMs: 400, sessions },
    clocks: drawClocks(Random.of(seed, "clocks"), names, skewMsMax),
    faults,
    steps: drawSteps(
      seed,
      names,
      keyspaces.map((keyspace) => ({
        ...keyspace,
        // One that a change brings is used once it is there.
        fromMs: keyspace.fromMs === 0
          ? 0
          : (faults.find(({ kind, change }) => kind === "reconfigure" && change === keyspace.fromMs)?.atMs ??
            Infinity) + 4000,
      })),
      { levels: options.levels, sessions, hasDeletes: options.hasDeletes },
    ),
  };
}

function drawCluster(
  random: Random,
  seed: number,
  options: DrawOptions,
): { cluster: ClusterPlan; changes: Readonly<Record<string, unknown>>[]; keyspaces: DrawnKeyspace[] } {
  const replicas = random.pick([4, 4, 4, 3, 5]);
  const drawnRepair = random.pick(["background", "background", "blocking", "off"] as const);
  const readRepair = options.readRepair ?? drawnRepair;
  const drawnHandoff = readRepair === "off" || random.chance(700);
  const { isOn, hasHints, ...pace } = drawAntiEntropy(Random.of(seed, "anti-entropy"));
  const antiEntropy = options.antiEntropy ?? isOn;
  // Where copies are compared nothing else need mend them.
  const hintedHandoff = options.hintedHandoff ?? (drawnHandoff && (!antiEntropy || hasHints));
  const placement = Random.of(seed, "placement");
  const spreading = Random.of(seed, "coordination");
  const standing = Random.of(seed, "siblings");
  const keyspaces: DrawnKeyspace[] = [];
  const tables: Record<string, unknown> = {};
  const declare = (name: string, fromChange: number): Record<string, unknown> => {
    const isText = random.chance(300);
    const drawnCopies = random.pick([replicas, replicas, replicas - 1]);
    const partitioner = options.partitioner ?? placement.pick(isText ? TEXT_PARTITIONERS : PARTITIONERS);
    // Why: where every replica holds every key it makes no difference how keys are placed.
    const copies = partitioner === "all" ? drawnCopies : replicas - 1;
    const drawnCoordination = spreading.chance(400) ? "spread" : "asked";
    const coordination = options.coordination ?? drawnCoordination;
    const isDrawnSiblings = standing.chance(SIBLINGS_PER_MILLE);
    const siblings = options.siblings ?? isDrawnSiblings;
    const drawnCount = random.pick([1, 2, 4, 8, 60, 250]);
    // Why few: a client names what it has read, and must come by the key again.
    const count = siblings ? Math.min(drawnCount, 8) : drawnCount;
    const keys = isText
      ? Array.from({ length: count }, (_, index) => TEXT_KEYS[index] ?? `key ${index}`)
      : Array.from({ length: count }, (_, index) => index);
    keyspaces.push({ name, keys, siblings, copies, fromMs: fromChange });
    return {
      keys: isText ? "text" : "byte",
      partitioner,
      replication: copies,
      read_repair: readRepair,
      hinted_handoff: hintedHandoff,
      anti_entropy: antiEntropy,
      default_level: "ONE",
      coordination,
      ...(siblings ? { siblings, siblings_max: standing.pick([64, 64, 12]) } : {}),
    };
  };
  tables["main"] = declare("main", 0);
  if (random.chance(300)) tables["items"] = declare("items", 0);
  const changes: Record<string, unknown>[] = [
    {
      settings: {
        request_timeout_ms: random.pick([500, 2000]),
        read_repair_interval_ms: random.pick([0, 1000]),
        hints_per_second: random.pick([50, 5000]),
        segment_bytes: random.pick([65_536, 131_072]),
        heartbeat_interval_ms: random.pick([100, 250]),
      },
    },
    { keyspace: { added: declare("added", 2) } },
  ];
  return {
    cluster: {
      replicas,
      keyspace: tables,
      settings: {
        request_timeout_ms: random.pick([500, 2000]),
        read_repair_interval_ms: random.pick([0, 200, 1000]),
        value_bytes_max: VALUE_BYTES_MAX,
        segment_bytes: 65_536,
        hints_per_second: random.pick([10, 50, 5000, 5000]),
        hint_count_max: random.pick([100_000, 100_000, 3]),
        hint_bytes_max: random.pick([10_000_000, 10_000_000, 2000]),
        hint_age_max_ms: random.pick([3_600_000, 3_600_000, 3000]),
        clock_skew_max_ms: random.pick([60_000, 60_000, CLOCK_SKEW_STRICT_MS]),
        ...pace,
        ...(options.graceMs === undefined ? {} : { tombstone_grace_ms: options.graceMs }),
      },
    },
    changes,
    keyspaces,
  };
}

/** Some seeds go without; the others compare often or seldom, fast or slowly, and tell few or many buckets apart. */
function drawAntiEntropy(random: Random): Record<string, unknown> & { isOn: boolean; hasHints: boolean } {
  return {
    isOn: random.chance(650),
    hasHints: random.chance(500),
    anti_entropy_interval_ms: random.pick([200, 500, 2000]),
    anti_entropy_keys_per_second: random.pick([20_000, 20_000, 100]),
    merkle_buckets: random.pick([16, 64, 4096, 65_536]),
    // What so few keys take is looked at, not what twenty thousand would.
    staleness_bound_ms: 3_600_000,
    tombstone_grace_ms: random.pick([200, 1000, 5000]),
  };
}

function drawNetwork(random: Random, names: readonly string[]): NetworkProfile {
  const nearMs = random.pick([0.5, 2, 10, 40]);
  return {
    sites: random.chance(600) ? [] : names.map(() => random.pick(["here", "there"])),
    nearMs,
    farMs: random.pick([20, 60, 120]),
    // Why no more: with one message in thirty lost and faults on top, now and then less than half of a run succeeds.
    lossPerMille: random.pick([0, 0, 5, 20]),
    duplicatePerMille: random.pick([0, 10, 50]),
    stragglerPerMille: random.pick([0, 0, 5, 20]),
  };
}

function drawClocks(random: Random, names: readonly string[], skewMsMax: number): ClockProfile[] {
  const driftPpmMax = random.pick([0, 100, 1000]);
  return names.map((replica) => ({
    replica,
    skewMs: random.between(-skewMsMax, skewMsMax),
    driftPpm: random.between(-driftPpmMax, driftPpmMax),
  }));
}

function drawSteps(
  seed: number,
  replicas: readonly string[],
  keyspaces: readonly DrawnKeyspace[],
  { levels, sessions, hasDeletes }: {
    readonly levels: LevelPair | undefined;
    readonly sessions: boolean;
    readonly hasDeletes: boolean | undefined;
  },
): Step[] {
  const random = Random.of(seed, "workload");
  const getPerMille = random.pick([300, 500, 700]);
  const deletePerMille = random.pick([0, 100]);
  const profile = {
    getPerMille,
    deletePerMille: hasDeletes === undefined ? deletePerMille : hasDeletes ? 100 : 0,
    valueChars: random.pick([8, 8, 200, 4000]),
    wanderPerMille: random.pick([0, 50, 300]),
  };
  // A session survives a change of coordinator; without one it could not be seen to.
  const wanderPerMille = sessions ? Math.max(profile.wanderPerMille, 100) : profile.wanderPerMille;
  const copies = Math.min(...keyspaces.map((keyspace) => keyspace.copies));
  const drawn = random.pick(
    LEVEL_PAIRS.filter(([writes, reads]) =>
      [...writes, ...reads].every((level) => requiredCount(level, copies) <= copies)
    ),
  );
  const [writeLevels, readLevels] = levels ?? drawn;
  const clientCount = random.between(3, 8);
  const stepCount = random.pick([330, 330, 420, 600, 1000]);
  const meanMs = (PHASES.faultsMs - FIRST_STEP_MS) / (stepCount / clientCount);
  const steps: Step[] = [];
  for (let client = 0; client < clientCount; client++) {
    const own = Random.of(seed, `workload of client ${client}`);
    const drawn = drawClientSteps(own, {
      ...profile,
      wanderPerMille,
      client,
      replicas,
      levelsOf: (op) => op === "get" ? readLevels : writeLevels,
      keyspacesAt: (atMs) => keyspaces.filter(({ fromMs }) => fromMs <= atMs),
      nextValue: () => `v${steps.length + 1}`,
      firstMs: FIRST_STEP_MS,
      meanMs,
      tracePerMille: 100,
    });
    for (const step of drawn) {
      if (step.atMs >= PHASES.faultsMs) break;
      steps.push(step);
    }
  }
  return steps;
}
