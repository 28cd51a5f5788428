/**
 * One coordinated write: collects acknowledgements until the consistency level is met, and on until all copies are
 * accounted for. Knows replicas by name and nothing of messages, disks or clocks.
 * @module
 */
import { mark } from "../base/mark.ts";

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
  /** States of the naturals, by index, and behind them the coordinator's where it is none of them. */
  readonly #states: State[];
  readonly #selfIndex: number;
  #waitingCount: number;

  constructor(options: WriteRoundOptions) {
    this.#options = options;
    const { naturals, self } = options;
    const index = naturals.indexOf(self);
    this.#selfIndex = index < 0 ? naturals.length : index;
    this.#states = [];
    for (let i = 0; i < naturals.length; i++) this.#states.push("waiting");
    if (index < 0) this.#states.push("waiting");
    this.#waitingCount = this.#states.length;
  }

  /** The write is on this replica's disk. `counts` is false for a replica that is recovering (HAZARD H7). */
  onAck(id: string, { counts }: { counts: boolean }): void {
    // Why: also after a failure, since a replica that was given up may answer late, and then it is owed nothing.
    const index = this.#indexOf(id);
    if (index >= this.#states.length) return;
    if (this.#states[index] !== "waiting") this.#noteLate(index);
    this.#set(index, counts ? "acked" : "acked_uncounted");
  }

  /** This replica refused, or cannot be reached. */
  onFailure(id: string): void {
    const index = this.#indexOf(id);
    if (this.#states[index] === "waiting") this.#set(index, "failed");
  }

  /** Whether the client can be answered. */
  verdict(): WriteVerdict {
    const { naturals, required } = this.#options;
    let acked = 0;
    let open = 0;
    for (let i = 0; i < naturals.length; i++) {
      const state = this.#states[i];
      if (state === "acked") acked++;
      else if (state === "waiting") open++;
    }
    const own = this.#states[this.#selfIndex];
    if (own === "failed" || acked + open < required) return { kind: "failed", acked: this.acked(), required };
    if (acked < required || own === "waiting") return WAITING;
    return { kind: "done", acked: this.acked(), missing: this.missing() };
  }

  /** Whether nobody is waited for any more. */
  isSettled(): boolean {
    return this.#waitingCount === 0;
  }

  /** Who has neither acknowledged nor failed yet, in id order; the coordinator without a copy comes last. */
  waiting(): string[] {
    const { naturals, self } = this.#options;
    const waiting = naturals.filter((_, index) => this.#states[index] === "waiting");
    if (this.#selfIndex === naturals.length && this.#states[this.#selfIndex] === "waiting") {
      waiting.push(self);
    }
    return waiting;
  }

  /** Copies on disk that count, in id order. */
  acked(): string[] {
    return this.#options.naturals.filter((_, index) => this.#states[index] === "acked");
  }

  /** Whether this replica has acknowledged, whether or not that counts. */
  isOnDisk(id: string): boolean {
    const state = this.#states[this.#indexOf(id)];
    return state === "acked" || state === "acked_uncounted";
  }

  /** Copies that have not acknowledged, in id order. */
  missing(): string[] {
    return this.#options.naturals.filter((_, index) => {
      const state = this.#states[index];
      return state === "waiting" || state === "failed";
    });
  }

  /** Beyond all states for a replica that this write is not about. */
  #indexOf(id: string): number {
    const { naturals, self } = this.#options;
    if (id === self) return this.#selfIndex;
    const index = naturals.indexOf(id);
    return index < 0 ? this.#states.length : index;
  }

  #noteLate(index: number): void {
    if (this.#states[index] === "failed") mark("write round: acknowledged by a replica that was given up");
    else mark("write round: acknowledged twice");
  }

  #set(index: number, state: State): void {
    if (this.#states[index] === "waiting") this.#waitingCount--;
    this.#states[index] = state;
  }
}

const WAITING: WriteVerdict = { kind: "waiting" };
