/** Names of bugs that tests plant on purpose, to show that the judges would notice them. @module */

/** Each is a mistake somebody could make. No flag, file or message of quartet reaches these: only tests and the simulator do. */
export const PLANTED_BUGS = [
  "ack_before_sync",
  "merge_unserialised",
  "read_before_sync",
  "forget_owed",
  "skip_read_repair",
  "count_hints",
  "clock_without_ceiling",
  "forget_hints",
  "hint_wrong_replica",
  "repair_with_older",
  "not_found_early",
  "resolve_by_wall_clock",
  "reuse_dots",
  "count_recovering",
  "forget_tombstones",
  "replay_out_of_order",
  "cut_too_far",
  "replay_recycled",
  "trust_torn_frames",
  "refuse_torn_tail",
  "cut_damage",
  "retry_failed_sync",
  "miss_return",
  "wait_for_all",
  "definite_timeout",
  "hint_first_only",
  "deliver_one_batch",
  "repair_first_only",
  "answer_older",
  "skip_merkle_bucket",
  "list_only_known",
  "replay_without_leaves",
  "wrong_owner",
  "proxy_counts_itself",
  "forward_definite",
  "session_ignored",
  "forward_twice",
  "complete_too_early",
  "tombstone_collected_early",
  "context_ignored",
  "seen_and_deps_mixed",
  "ships_before_store",
  "vectors_cut_in_repair",
  "forget_lives",
] as const;

/** One planted bug. */
export type PlantedBug = typeof PLANTED_BUGS[number];

/** What every machine gets by default: no bug at all. */
export const NO_BUGS: ReadonlySet<PlantedBug> = new Set();
