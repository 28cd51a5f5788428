/** Whether what was seen is what was promised. Pure. @module */
import type { Spent } from "./budget.ts";
import type { Times } from "./latencies.ts";
import { type DiskRecord, excusedOf, STALLED_SHARE_MAX, stalledShare, type Undone } from "./stalls.ts";

/** What a run against one cluster brought to light. */
export interface Observations {
  readonly deaths: readonly string[];
  /** Polite requests that were not done: refused, or not answered in time; and the first of them one by one. */
  readonly undoneCount: number;
  readonly undone: readonly Undone[];
  readonly requestCount: number;
  /** What polite clients, watchers and the look at the aftermath had to say. */
  readonly complaints: readonly string[];
  readonly spent: Spent;
  readonly hasAttackerEnded: boolean;
  /** How often the judge's own process stood still, and for how long at worst. For whoever reads the verdict. */
  readonly standstill: { readonly count: number; readonly worstMs: number };
  /** The machine's load at its highest, and its processors. For whoever reads the verdict too. */
  readonly load: { readonly max: number; readonly processors: number };
  /** Undefined: its probe ended by itself. */
  readonly disk: DiskRecord | undefined;
  readonly quiet: Times;
  readonly attacked: Times;
  /** Resident sizes after the warm-up, by replica, oldest first. */
  readonly rssBytes: Readonly<Record<string, readonly number[]>>;
}

/** What is judged beside life and answers. */
export interface Strictness {
  /** Times that the resident size may be of its start. */
  readonly growthMax: number;
  /** Times that the p99 may be of that in quiet phases; Infinity: not judged. */
  readonly slowdownMax: number;
  /** Share of polite requests that may be left undone. */
  readonly undoneShareMax: number;
  /** The same where the judge itself stood still. */
  readonly stillUndoneShareMax: number;
}

/** For runs long enough to measure. */
export const STRICT: Strictness = {
  growthMax: 1.2,
  slowdownMax: 3,
  undoneShareMax: 0,
  stillUndoneShareMax: 0,
};

/** For short ones, on machines that do other things too. */
export const LENIENT: Strictness = {
  growthMax: 2.5,
  slowdownMax: Infinity,
  undoneShareMax: 0.02,
  // Why not all: one late timer does not explain a run in which most fails, and such a run proves nothing (HAZARD H24).
  stillUndoneShareMax: 0.5,
};

/** Seconds of attacks on one cluster from which on a run is judged strictly. */
const STRICT_FROM_S = 30;

/** What may be asked of a run that attacks one cluster for so long. */
export function strictnessOf(seconds: number): Strictness {
  return seconds >= STRICT_FROM_S ? STRICT : LENIENT;
}

/** Of the looks at a size, so many at each end are taken together. */
const WINDOW_SHARE = 0.1;
const QUANTILE = 0.99;
/** Below it a p99 is as good as any. */
const FLOOR_US = 1000;
const SHOWN_MAX = 20;

/** Start, end and peak of a resident size. */
export interface Growth {
  readonly startBytes: number;
  readonly endBytes: number;
  readonly peakBytes: number;
}

/** Median of the first and of the last tenth, because collection of garbage makes single looks jump. */
export function growthOf(rssBytes: readonly number[]): Growth {
  const window = Math.max(1, Math.floor(rssBytes.length * WINDOW_SHARE));
  return {
    startBytes: median(rssBytes.slice(0, window)),
    endBytes: median(rssBytes.slice(-window)),
    peakBytes: Math.max(0, ...rssBytes),
  };
}

/** What is wrong; empty where nothing is. */
export function violationsOf(
  seen: Observations,
  { growthMax, slowdownMax, undoneShareMax, stillUndoneShareMax }: Strictness,
): string[] {
  const violations = [
    ...seen.deaths.map((death) => `a replica died: ${death}`),
    ...Object.entries(seen.spent.breaches).map(([kind, count]) => `${count} of ${kind} were let in`),
    ...Object.entries(seen.spent.objections).map(([kind, { count, example }]) =>
      `${kind} (${count} of them), first ${example}`
    ),
    ...seen.complaints,
  ];
  if (seen.hasAttackerEnded) violations.push("the attackers' process ended by itself: nothing was proved");
  if (seen.disk === undefined) {
    violations.push("the probe of the disk ended by itself: nobody knows whether the disk stood still");
  }
  if (seen.quiet.all.count === 0 || seen.attacked.all.count === 0) {
    violations.push("no polite request was made: nothing was proved");
  }
  const stalled = new Set(excusedOf(seen.undone, seen.disk?.stalls ?? []));
  const undoneCount = seen.undoneCount - stalled.size;
  const shareMax = seen.standstill.count > 0 ? stillUndoneShareMax : undoneShareMax;
  if (undoneCount > shareMax * seen.requestCount) {
    const shown = seen.undone.filter((request) => !stalled.has(request)).slice(0, SHOWN_MAX);
    violations.push(
      `${undoneCount} of ${seen.requestCount} polite requests were not done`,
      ...shown.map(({ text }) => text),
    );
  }
  for (const [id, sizes] of Object.entries(seen.rssBytes)) {
    const { startBytes, endBytes } = growthOf(sizes);
    if (endBytes <= growthMax * startBytes) continue;
    violations.push(
      `${id} grew from ${startBytes} to ${endBytes} bytes, ${
        (endBytes / startBytes).toFixed(2)
      } times; allowed: ${growthMax}`,
    );
  }
  const quietUs = seen.quiet.unstalled.quantileUs(QUANTILE);
  const attackedUs = seen.attacked.unstalled.quantileUs(QUANTILE);
  if (quietUs > 0 && attackedUs > slowdownMax * Math.max(quietUs, FLOOR_US)) {
    violations.push(
      `p99 of polite requests is ${attackedUs} µs under attack, ${
        (attackedUs / quietUs).toFixed(1)
      } times of ` +
        `${quietUs} µs in quiet; allowed: ${slowdownMax}`,
    );
  }
  return violations;
}

/** What the run cannot tell, because of the machine it ran on; empty where it can tell all. */
export function unprovedOf({ disk }: Observations): string[] {
  if (disk === undefined || stalledShare(disk) <= STALLED_SHARE_MAX) return [];
  return [
    `lateness: the disk stood still for ${(100 * stalledShare(disk)).toFixed(1)} % of the time, and beyond ` +
    `${100 * STALLED_SHARE_MAX} % a run proves nothing about it; try --data on another disk, or a tmpfs`,
  ];
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
