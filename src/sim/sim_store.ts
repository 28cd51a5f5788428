/** A store seen through the simulator: reads come back late, and a copy that goes back in time is noticed. @module */
import type { Random } from "../base/random.ts";
import type { ByteString } from "../base/bytes.ts";
import type { Store, StoreCommand, StoreResult } from "../ports.ts";
import { isCollect } from "../replica/collect_record.ts";
import { firstDot } from "../versions/record.ts";
import { compareVersions } from "../versions/version.ts";
import type { EventQueue } from "./event_queue.ts";

/** The greatest version of each key, by its store key, that a directory was ever said to hold. Outlives processes. */
export type Shown = Map<ByteString, ShownVersion>;

interface ShownVersion {
  readonly stamp: number;
  readonly origin: string;
  /** Its collection was asked for: it may be gone, whether or not that process lived to hear of it (H14). */
  readonly mayGo?: true;
}

/** Wraps the real engine. */
export class SimStore implements Store {
  readonly #store: Store;
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #isAlive: () => boolean;
  readonly #onRegression: (sentence: string) => void;
  readonly #shown: Shown;
  #hasApplies = false;
  /**
   * Whether somebody hears the result of a write. Why what is read then is not judged: memory holds all of the commit already,
   * and the results of its later writes, which are told next, would seem to go back.
   */
  #isTelling = false;

  constructor(options: {
    readonly store: Store;
    readonly queue: EventQueue;
    readonly random: Random;
    readonly isAlive: () => boolean;
    /** What earlier lives on this directory have shown. */
    readonly shown: Shown;
    readonly onRegression: (sentence: string) => void;
  }) {
    this.#store = options.store;
    this.#queue = options.queue;
    this.#random = options.random;
    this.#isAlive = options.isAlive;
    this.#shown = options.shown;
    this.#onRegression = options.onRegression;
  }

  submit(command: StoreCommand, done: (result: StoreResult) => void): void {
    if (command.kind === "apply") {
      this.#hasApplies = true;
      for (const { key, value } of command.writes) if (key[0] === "d" && isCollect(value)) this.#letGo(key);
      return this.#store.submit(command, (result) => {
        if (!this.#isAlive()) return;
        if (result.kind === "applied") {
          command.writes.forEach(({ key }, index) => this.#judge(key, result.changes[index]!.new));
        }
        this.#isTelling = true;
        done(result);
        this.#isTelling = false;
      });
    }
    this.#store.submit(command, (result) => {
      if (result.kind === "got" && command.kind === "get" && !this.#isTelling) {
        this.#judge(command.key, result.value);
      }
      const delayMs = this.#random.chance(900) ? 0 : this.#random.below(3000) / 1000;
      this.#queue.after(delayMs, () => {
        if (this.#isAlive()) done(result);
      });
    });
  }

  flush(): void {
    if (!this.#hasApplies) return;
    this.#hasApplies = false;
    this.#queue.needsSettling = true;
    this.#store.flush();
  }

  get commitCount(): number {
    return this.#store.commitCount;
  }

  get isCommitting(): boolean {
    return this.#store.isCommitting;
  }

  tick(): void {
    this.#store.tick();
    if (this.#store.isCommitting) this.#queue.needsSettling = true;
  }

  /** Looks at everything that was ever shown: what a replica has said that it holds, its directory holds (HAZARD H2). */
  judgeAll(): void {
    for (const key of [...this.#shown.keys()]) {
      this.#store.submit({ kind: "get", key }, (result) => {
        if (result.kind === "got") this.#judge(key, result.value);
      });
    }
  }

  #judge(key: ByteString, held: Uint8Array | undefined): void {
    if (key[0] !== "d") return;
    const before = this.#shown.get(key);
    const dot = held ? firstDot(held) : undefined;
    const isLess = before !== undefined && (dot === undefined || compareVersions(dot, before) < 0);
    if (before !== undefined && isLess && before.mayGo !== true) {
      const now = dot ? `${dot.origin}@${dot.stamp}` : "nothing";
      this.#onRegression(`a copy went back: it held ${before.origin}@${before.stamp} and then ${now}`);
    }
    if (!dot) this.#shown.delete(key);
    else if (!before || compareVersions(dot, before) !== 0) this.#shown.set(key, dot);
  }

  #letGo(key: ByteString): void {
    const before = this.#shown.get(key);
    if (before) this.#shown.set(key, { ...before, mayGo: true });
  }
}
