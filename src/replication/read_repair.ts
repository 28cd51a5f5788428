/** When reads compare copies, and what they then mend. Knows versions, names and time; sends nothing. @module */
import { NO_BUGS, type PlantedBug } from "../base/planted_bug.ts";
import type { Held } from "../versions/resolve.ts";
import type { ReadRound } from "./read_round.ts";

/** Copies to be brought up, and to what. */
export interface RepairPlan {
  readonly targets: readonly string[];
  readonly held: Held;
}

/** Keys whose last comparison is remembered; the oldest are forgotten first. */
const REMEMBERED_MAX = 65_536;

/** Read repair of one keyspace. */
export class ReadRepair {
  readonly #intervalMs: number;
  readonly #bugs: ReadonlySet<PlantedBug>;
  /** Invariant: in order of time, oldest first. */
  readonly #comparedMs = new Map<string, number>();

  constructor(options: { readonly intervalMs: number; readonly bugs?: ReadonlySet<PlantedBug> }) {
    this.#intervalMs = options.intervalMs;
    this.#bugs = options.bugs ?? NO_BUGS;
  }

  /** Whether a read at `ONE` should ask the other copies too. Answering true begins a new interval for the key. */
  isComparisonDue(key: string, nowMs: number): boolean {
    const lastMs = this.#comparedMs.get(key);
    if (lastMs !== undefined && nowMs - lastMs < this.#intervalMs) return false;
    this.#comparedMs.delete(key);
    this.#comparedMs.set(key, nowMs);
    if (this.#comparedMs.size > REMEMBERED_MAX) {
      this.#comparedMs.delete(this.#comparedMs.keys().next().value!);
    }
    return true;
  }

  /** What the answers of a round so far ask to be mended, or undefined. */
  plan(round: ReadRound): RepairPlan | undefined {
    if (this.#bugs.has("skip_read_repair")) return undefined;
    const targets = round.stale();
    return targets.length === 0 ? undefined : { targets, held: round.held() };
  }
}
