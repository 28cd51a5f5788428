/** Draws the faults of a run: which kinds there are, when each strikes, whom, for how long. One fault, one stream of chance. @module */
import { Random } from "../base/random.ts";
import { type Fault, NO_FAULT } from "./scenario.ts";

/** What is drawn or not drawn as a whole. A `blackout` cuts the power of all replicas, a `tear` in the middle of a sync. */
export const DRAWN_FAULTS = [
  "kill",
  "power",
  "blackout",
  "wipe",
  "rot",
  "partition",
  "one_way",
  "slow_link",
  "reset",
  "pause",
  "clock",
  "slow_disk",
  "short_writes",
  "full_disk",
  "failed_sync",
  "reconfigure",
  "tear",
] as const;

/** One of these. */
export type Drawn = typeof DRAWN_FAULTS[number];

/** What faults are drawn from. */
export interface FaultPlan {
  readonly kinds: readonly Drawn[];
  readonly replicas: readonly string[];
  /** Mean pause between two faults. */
  readonly pauseMs: number;
  readonly skewMsMax: number;
  /** No fault begins later. */
  readonly endMs: number;
  readonly changeCount: number;
}

/** Nothing goes wrong so early. */
const FIRST_MS = 2000;

/** So many faults come close behind another, to the same replica: while it starts, or is being filled. */
const CLOSE_PER_MILLE = 200;
const CLOSE_MS_MAX = 1500;

/** The faults of a seed, in the order of their times. */
export function drawFaults(seed: number, plan: FaultPlan): Fault[] {
  if (plan.kinds.length === 0) return [];
  const random = Random.of(seed, "faults");
  const faults: Fault[] = [];
  let changeCount = 0;
  let isClose = false;
  let lastVictim: string | undefined;
  let atMs = FIRST_MS + random.below(plan.pauseMs);
  for (let index = 0; atMs < plan.endMs; index++) {
    const drawn = drawFault(Random.of(seed, `fault ${index}`), plan, isClose ? lastVictim : undefined);
    lastVictim = drawn?.replicas?.[0];
    if (drawn !== undefined && !(drawn.kind === "reconfigure" && changeCount >= plan.changeCount)) {
      faults.push({
        ...NO_FAULT,
        ...drawn,
        atMs,
        ...(drawn.kind === "reconfigure" ? { change: ++changeCount } : {}),
      });
    }
    isClose = random.chance(CLOSE_PER_MILLE);
    atMs += isClose
      ? random.below(CLOSE_MS_MAX)
      : random.below(Math.floor(2 * plan.pauseMs * 1000 / (1000 - CLOSE_PER_MILLE)));
  }
  return faults;
}

function drawFault(
  random: Random,
  { kinds, replicas, skewMsMax }: FaultPlan,
  lastVictim: string | undefined,
): Pick<Fault, "kind"> & Partial<Fault> | undefined {
  const drawn = random.pick(kinds);
  const picked = random.pick(replicas);
  const victim = lastVictim ?? picked;
  switch (drawn) {
    case "kill":
    case "power":
      return {
        kind: drawn,
        onAck: true,
        delayMs: random.below(1500) / 1000,
        forMs: 100 + random.below(1500),
      };
    case "blackout":
      // Why: with every second fault a blackout, nothing would ever succeed.
      if (random.chance(600)) return undefined;
      return {
        kind: "power",
        onAck: true,
        replicas,
        delayMs: random.below(1500) / 1000,
        forMs: 100 + random.below(1500),
      };
    case "tear": {
      const others = random.chance(300) ? replicas.filter((id) => id !== victim) : [];
      return {
        kind: "power",
        onSync: true,
        replicas: [victim, ...others],
        // The first ones are mostly those of the log; if the replica is down, the later ones are those of its start.
        count: random.pick([1, 1, 2, 5]),
        delayMs: random.below(1000) / 1000,
        forMs: 100 + random.below(1500),
      };
    }
    case "wipe":
    case "rot":
      return { kind: drawn, replicas: [victim], forMs: 100 + random.below(1000), seed: random.uint32() };
    case "partition":
      return {
        kind: drawn,
        replicas: random.shuffle(replicas).slice(0, random.between(1, replicas.length - 1)),
        forMs: 500 + random.below(6000),
      };
    case "one_way":
    case "slow_link": {
      const peers = [random.pick(replicas.filter((id) => id !== victim))];
      return {
        kind: drawn,
        replicas: [victim],
        peers,
        forMs: 500 + random.below(4000),
        delayMs: drawn === "slow_link" ? random.pick([20, 200, 1500]) : 0,
      };
    }
    case "reset": {
      // Connections of one replica break, as when somebody pulls its cable and puts it back.
      const peers = replicas.filter((id) => id !== victim && random.chance(700));
      const isDialled = random.chance(500);
      return { kind: drawn, replicas: isDialled ? [victim] : peers, peers: isDialled ? peers : [victim] };
    }
    case "pause":
      return { kind: drawn, replicas: [victim], forMs: 100 + random.below(3000) };
    case "clock":
      return { kind: drawn, replicas: [victim], skewMs: random.between(-skewMsMax, skewMsMax) };
    case "slow_disk": {
      const firstMs = random.pick([0, 5]);
      return {
        kind: drawn,
        replicas: [victim],
        firstMs,
        // The slowest make requests wait longer than they may.
        lastMs: 5 + random.below(random.chance(200) ? 1500 : 300),
        forMs: 1 + random.below(4000),
      };
    }
    case "short_writes":
      return {
        kind: drawn,
        replicas: [victim],
        perMille: random.pick([200, 900]),
        forMs: 1000 + random.below(4000),
      };
    case "full_disk":
      return {
        kind: drawn,
        replicas: [victim],
        bytes: random.pick([random.below(64), random.below(3000), FULL_BY_SIZE_BYTES, FULL_BY_SIZE_BYTES]),
        growthBytes: random.pick([0, random.below(3000), random.below(60_000)]),
        // Why long ones: a log must fill its segments before it lacks the next one.
        forMs: random.chance(700) ? 500 + random.below(3000) : 4000 + random.below(4000),
      };
    case "failed_sync":
      return { kind: drawn, replicas: [victim], count: 1 };
    case "reconfigure":
      return { kind: drawn, forMs: 200 + random.below(1500) };
  }
}

/** A full disk takes so much in place: what was not there before finds no room. */
const FULL_BY_SIZE_BYTES = 1_000_000_000;
