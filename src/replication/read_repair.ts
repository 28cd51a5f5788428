/** When reads compare copies, and what they then mend. Knows versions, names and time; sends nothing. @module */
import { NO_BUGS, type PlantedBug } from "../base/planted_bug.ts";
import type { Held } from "../versions/resolve.ts";
import type { Version } from "../versions/version.ts";
import type { ReadRound } from "./read_round.ts";

/** Copies to be brought up, and to what. */
export interface RepairPlan {
  readonly targets: readonly string[];
  readonly held: Held;
}

/** Keys whose last comparison is remembered; the oldest are forgotten first. */
const REMEMBERED_MAX = 65_536;

/** Comparisons in one second at most, and how many may come at once. Why: each costs what a read at `ALL` costs. */
const COMPARISONS_PER_S = 200;
const COMPARISONS_AT_ONCE = 256;

/** Read repair of one keyspace. */
export class ReadRepair {
  readonly #intervalMs: number;
  readonly #bugs: ReadonlySet<PlantedBug>;
  /** Invariant: in order of time, oldest first. */
  readonly #comparedMs = new Map<string, number>();
  /** Comparisons that may be made now, and when that was reckoned. */
  #allowance = COMPARISONS_AT_ONCE;
  #reckonedMs = -Infinity;

  constructor(options: { readonly intervalMs: number; readonly bugs?: ReadonlySet<PlantedBug> }) {
    this.#intervalMs = options.intervalMs;
    this.#bugs = options.bugs ?? NO_BUGS;
  }

  /**
   * Whether a read at `ONE` should ask the other copies too: at most once per interval for a key, and for all keys as
   * often as the allowance lets it; an interval of 0 means every read. Answering true begins a new interval for the key.
   */
  isComparisonDue(key: string, nowMs: number): boolean {
    if (this.#intervalMs > 0 && !this.#hasAllowance(nowMs)) return false;
    const lastMs = this.#comparedMs.get(key);
    if (lastMs !== undefined && nowMs - lastMs < this.#intervalMs) return false;
    this.#allowance--;
    this.#comparedMs.delete(key);
    this.#comparedMs.set(key, nowMs);
    if (this.#comparedMs.size > REMEMBERED_MAX) {
      this.#comparedMs.delete(this.#comparedMs.keys().next().value!);
    }
    return true;
  }

  #hasAllowance(nowMs: number): boolean {
    const earned = (nowMs - this.#reckonedMs) / 1000 * COMPARISONS_PER_S;
    this.#allowance = Math.min(COMPARISONS_AT_ONCE, this.#allowance + earned);
    this.#reckonedMs = nowMs;
    return this.#allowance >= 1;
  }

  /** What the answers of a round so far ask to be mended, or undefined. */
  plan(round: ReadRound): RepairPlan | undefined {
    if (this.#bugs.has("skip_read_repair")) return undefined;
    const targets = this.#bugs.has("repair_first_only") ? round.stale().slice(0, 1) : round.stale();
    if (targets.length === 0) return undefined;
    if (this.#bugs.has("repair_with_older")) return { targets, held: round.oldest() };
    if (this.#bugs.has("vectors_cut_in_repair")) return { targets, held: round.held().map(withoutSeen) };
    return { targets, held: round.held() };
  }
}

/** Planted bug `vectors_cut_in_repair`: a version that no longer says what its writer had seen (HAZARD H13). */
function withoutSeen({ seen: _, ...version }: Version): Version {
  return version;
}
