/**
 * One coordinated write: collects acknowledgements until the consistency level is met, and on until all copies are
 * accounted for. Knows replicas by name and nothing of messages, disks or clocks.
 * @module
 */

/** How a write stands. */
export type WriteVerdict =
  | { readonly kind: "waiting" }
  /** The level is met; `missing` had not acknowledged yet. */
  | { readonly kind: "done"; readonly acked: readonly string[]; readonly missing: readonly string[] }
  /** The level is out of reach. Some may have stored it, and some may yet. */
  | { readonly kind: "failed"; readonly acked: readonly string[]; readonly required: number };

/** What a round is about. */
export interface WriteRoundOptions {
  /** The replicas that hold a copy, in id order. */
  readonly naturals: readonly string[];
  /** Acknowledgements that count which the level needs. */
  readonly required: number;
  /** The coordinator: its own record must be on its disk before the write is done, whether it holds a copy or not. */
  readonly self: string;
}

type State = "waiting" | "acked" | "acked_uncounted" | "failed";

/** Invariant: every natural replica, and the coordinator, is in exactly one state, and leaves `waiting` once. */
export class WriteRound {
  readonly #options: WriteRoundOptions;
  readonly #states: Map<string, State>;

  constructor(options: WriteRoundOptions) {
    this.#options = options;
    this.#states = new Map(options.naturals.map((id) => [id, "waiting"]));
    this.#states.set(options.self, "waiting");
  }

  /** The write is on this replica's disk. `counts` is false for a replica that is recovering (HAZARD H7). */
  onAck(id: string, { counts }: { counts: boolean }): void {
    // Why: also after a failure, since a replica that was given up may answer late, and then it is owed nothing.
    if (this.#states.has(id)) this.#states.set(id, counts ? "acked" : "acked_uncounted");
  }

  /** This replica refused, or cannot be reached. */
  onFailure(id: string): void {
    if (this.#states.get(id) === "waiting") this.#states.set(id, "failed");
  }

  /** Whether the client can be answered. */
  verdict(): WriteVerdict {
    const { naturals, required, self } = this.#options;
    let acked = 0;
    let open = 0;
    for (const id of naturals) {
      const state = this.#states.get(id);
      if (state === "acked") acked++;
      else if (state === "waiting") open++;
    }
    const own = this.#states.get(self)!;
    if (own === "failed" || acked + open < required) return { kind: "failed", acked: this.acked(), required };
    if (acked < required || own === "waiting") return { kind: "waiting" };
    return { kind: "done", acked: this.acked(), missing: this.missing() };
  }

  /** Whether nobody is waited for any more. */
  isSettled(): boolean {
    for (const state of this.#states.values()) if (state === "waiting") return false;
    return true;
  }

  /** Who has neither acknowledged nor failed; the coordinator too, whether it holds a copy or not. */
  waiting(): string[] {
    return [...this.#states].flatMap(([id, state]) => state === "waiting" ? [id] : []);
  }

  /** Copies on disk that count, in id order. */
  acked(): string[] {
    return this.#options.naturals.filter((id) => this.#states.get(id) === "acked");
  }

  /** Copies that have not acknowledged, in id order. */
  missing(): string[] {
    return this.#options.naturals.filter((id) => {
      const state = this.#states.get(id);
      return state === "waiting" || state === "failed";
    });
  }
}
