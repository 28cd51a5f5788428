/** The proof that the judges can notice something: plants a bug, and runs seeds until one of them objects. @module */
import { NO_BUGS, type PlantedBug } from "../base/planted_bug.ts";
import type { Drawn } from "./fault_draw.ts";
import { PROVES_NOTHING } from "./run_judges.ts";
import type { RunResult } from "./sim_run.ts";
import type { DrawOptions, LevelPair } from "./scenario_draw.ts";
import { simulate } from "./simulation.ts";

/** The faults under which each bug does harm; the rest of a run is drawn as always. */
const HARMFUL: Readonly<Record<PlantedBug, readonly Drawn[]>> = {
  ack_before_sync: ["blackout"],
  merge_unserialised: [],
  read_before_sync: ["power", "slow_disk"],
  forget_owed: ["kill"],
  skip_read_repair: ["partition"],
  count_hints: ["kill"],
  clock_without_ceiling: ["blackout", "clock"],
  forget_hints: ["partition", "kill"],
  hint_wrong_replica: ["kill"],
  repair_with_older: ["partition"],
  not_found_early: ["partition"],
  resolve_by_wall_clock: ["clock"],
  reuse_dots: ["wipe"],
  count_recovering: ["wipe", "partition"],
  forget_tombstones: ["kill"],
  replay_out_of_order: ["blackout"],
  cut_too_far: ["power", "blackout"],
  replay_recycled: ["blackout"],
};

/** The levels at which a bug does harm, where few seeds draw them: with these, one copy that is missed shows. */
const HARMFUL_LEVELS: Readonly<Partial<Record<PlantedBug, LevelPair>>> = {
  count_recovering: [["ALL"], ["ONE"]],
};

/** How a run is drawn in which a bug can do harm. */
export function plantedDraw(bug: PlantedBug): DrawOptions & { readonly bugs: ReadonlySet<PlantedBug> } {
  const levels = HARMFUL_LEVELS[bug];
  return { faults: HARMFUL[bug], ...(levels ? { levels } : {}), bugs: new Set([bug]) };
}

/** Seeds within which every planted bug must be noticed. */
export const PLANTED_SEEDS_MAX = 200;

/** The first run, from seed `from` on, that a judge objects to; undefined if the bug escapes. */
export async function firstNoticed(bug: PlantedBug, from: number): Promise<RunResult | undefined> {
  for (let seed = from; seed < from + PLANTED_SEEDS_MAX; seed++) {
    const draw = plantedDraw(bug);
    const result = await simulate(seed, draw);
    // A run that proves nothing is no proof of a bug either, nor is one that fails without it.
    if (result.findings.every(({ kind }) => kind === PROVES_NOTHING)) continue;
    if ((await simulate(seed, { ...draw, bugs: NO_BUGS })).findings.length === 0) return result;
  }
  return undefined;
}
