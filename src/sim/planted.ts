/** The proof that the judges can notice something: plants a bug, and runs seeds until one of them objects. @module */
import { NO_BUGS, type PlantedBug } from "../base/planted_bug.ts";
import type { JudgeName } from "../checker/verdict.ts";
import { PROVES_NOTHING } from "./run_judges.ts";
import type { RunResult } from "./sim_run.ts";
import type { DrawOptions } from "./scenario_draw.ts";
import { simulate } from "./simulation.ts";

/** Nothing but anti-entropy mends copies. */
const COMPARED_ONLY: DrawOptions = { readRepair: "off", hintedHandoff: false, antiEntropy: true };

/** The circumstances in which each bug does harm; the rest of a run is drawn as always. */
const HARMFUL: Readonly<Record<PlantedBug, DrawOptions>> = {
  ack_before_sync: { faults: ["blackout"] },
  merge_unserialised: { faults: [] },
  read_before_sync: { faults: ["power", "slow_disk"] },
  forget_owed: { faults: ["kill"] },
  skip_read_repair: { faults: ["partition"] },
  count_hints: { faults: ["kill"] },
  clock_without_ceiling: { faults: ["blackout", "clock"] },
  forget_hints: { faults: ["partition", "kill"] },
  hint_wrong_replica: { faults: ["kill"] },
  repair_with_older: { faults: ["partition"] },
  not_found_early: { faults: ["partition"] },
  resolve_by_wall_clock: { faults: ["clock"] },
  reuse_dots: { faults: ["wipe"] },
  count_recovering: { faults: ["wipe", "partition"], levels: [["ALL"], ["ONE"]] },
  forget_tombstones: { faults: ["kill"] },
  replay_out_of_order: { faults: ["blackout", "power"] },
  cut_too_far: { faults: ["power", "blackout"] },
  replay_recycled: { faults: ["blackout", "power"] },
  trust_torn_frames: { faults: ["tear"] },
  refuse_torn_tail: { faults: ["tear"] },
  cut_damage: { faults: ["rot"] },
  retry_failed_sync: { faults: ["failed_sync", "blackout"] },
  miss_return: { faults: ["kill"] },
  wait_for_all: { faults: ["pause", "kill"] },
  definite_timeout: { faults: ["pause", "partition"] },
  hint_first_only: { faults: ["partition"] },
  deliver_one_batch: { faults: ["partition"] },
  repair_first_only: { faults: ["partition"] },
  wrong_owner: { faults: [], partitioner: "consistent-hash" },
  forward_definite: { faults: ["kill", "partition"], coordination: "spread" },
  forget_lives: {
    faults: ["blackout", "power"],
    levels: [["ONE"], ["ONE"]],
    readRepair: "off",
    sessions: true,
  },
  complete_too_early: {
    faults: ["partition"],
    levels: [["ONE"], ["ONE"]],
    readRepair: "off",
    sessions: true,
  },
  proxy_counts_itself: { faults: ["partition"], partitioner: "consistent-hash", levels: [["TWO"], ["TWO"]] },
  answer_older: { faults: ["partition"], levels: [["ONE"], ["QUORUM"]], readRepair: "blocking" },
  skip_merkle_bucket: { faults: ["partition"], ...COMPARED_ONLY },
  replay_without_leaves: { faults: ["kill"], antiEntropy: true },
  tombstone_collected_early: { faults: ["partition"], ...COMPARED_ONLY, hasDeletes: true, graceMs: 200 },
  list_only_known: { faults: ["partition"], ...COMPARED_ONLY },
  forward_twice: { faults: [], coordination: "spread" },
  context_ignored: { faults: [], siblings: true, sessions: true },
  vectors_cut_in_repair: { faults: ["partition"], siblings: true, sessions: true },
  seen_and_deps_mixed: { faults: ["partition"], siblings: true, sessions: true },
  ships_before_store: {
    faults: ["kill", "power"],
    siblings: true,
    levels: [["ONE"], ["ONE"]],
    hintedHandoff: false,
  },
  session_ignored: { faults: ["partition"], levels: [["ONE"], ["ONE"]], readRepair: "off", sessions: true },
};

/** Judges that must be among those who notice, where another one might notice first. */
const JUDGES: Readonly<Partial<Record<PlantedBug, JudgeName>>> = {
  miss_return: "availability",
  wait_for_all: "availability",
  definite_timeout: "read_values",
  forward_definite: "read_values",
  repair_first_only: "convergence",
  answer_older: "sessions",
  session_ignored: "causality",
  forward_twice: "read_values",
  tombstone_collected_early: "kept_writes",
  context_ignored: "causality",
};

/** How a run is drawn in which a bug can do harm. */
export function plantedDraw(bug: PlantedBug): DrawOptions & { readonly bugs: ReadonlySet<PlantedBug> } {
  // Why without: anti-entropy would mend what most of them spoil, and who is asked would not be who does harm.
  return {
    antiEntropy: false,
    coordination: "asked",
    sessions: false,
    siblings: false,
    ...HARMFUL[bug],
    bugs: new Set([bug]),
  };
}

/** Seeds within which every planted bug must be noticed. */
export const PLANTED_SEEDS_MAX = 200;

/** The first run, from seed `from` on, that a judge objects to; undefined if the bug escapes. */
export async function firstNoticed(bug: PlantedBug, from: number): Promise<RunResult | undefined> {
  for (let seed = from; seed < from + PLANTED_SEEDS_MAX; seed++) {
    const draw = plantedDraw(bug);
    const result = await simulate(seed, draw);
    const judge = JUDGES[bug];
    if (judge !== undefined && !result.findings.some((finding) => finding.judge === judge)) continue;
    // A run that proves nothing is no proof of a bug either, nor is one that fails without it.
    if (result.findings.every(({ kind }) => kind === PROVES_NOTHING)) continue;
    if ((await simulate(seed, { ...draw, bugs: NO_BUGS })).findings.length === 0) return result;
  }
  return undefined;
}
