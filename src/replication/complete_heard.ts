/**
 * `complete_until`, as a replica hears it: up to which stamp its own copies have every write of each origin that they are to
 * have (HAZARD H12). What is told with a hold (`complete_told.ts`) is believed once the copies were found or made equal with those
 * of every replica that shares keys with this one, in passes that this replica began after it heard of the hold: whatever of
 * the held writes exists then lay on some disk when those passes began.
 *
 * Why only passes of its own: of another's nobody here can say when it began.
 * @module
 */
import { mark } from "../base/mark.ts";
import type { Stamp } from "../versions/stamp.ts";
import type { Origin, Vector } from "../versions/version.ts";
import type { Complete } from "./complete_told.ts";

/** Origins remembered for each replica; a wiped replica is a new one. */
const ORIGINS_PER_SHARER_MAX = 8;

interface Heard {
  /** Believed. */
  until: Stamp;
  /** Told with `hold`, and believed when that is lifted. */
  offered: Stamp;
  hold: Stamp;
  /** Passes begun when the hold was heard of; undefined where it is lifted. */
  since: number | undefined;
}

/** What one replica knows of its own copies. */
export class CompleteHeard {
  readonly #sharers: readonly string[];
  readonly #canSettle: boolean;
  /** Invariant: in order of when they were last heard of. */
  readonly #heard = new Map<Origin, Heard>();
  /** Passes that were begun with each, and the last that agreed, as counts of all passes begun. */
  readonly #begun = new Map<string, number>();
  readonly #agreed = new Map<string, number>();
  #passCount = 0;
  /** Whether any hold is not lifted. */
  #isHeld = false;

  /**
   * `sharers`: who holds any key that this replica holds. `canSettle`: all those keys are compared by themselves, so that holds
   * can be lifted at all.
   */
  constructor({ sharers, canSettle }: { readonly sharers: readonly string[]; readonly canSettle: boolean }) {
    this.#sharers = sharers;
    this.#canSettle = canSettle;
  }

  /** A replica told of its writes. What came late says nothing wrong: what was true once stays so. */
  onHeard(origin: Origin, { until, hold }: Complete): void {
    const heard = this.#heard.get(origin) ?? { until: 0, offered: 0, hold: 0, since: undefined };
    this.#heard.delete(origin);
    this.#heard.set(origin, heard);
    if (hold > heard.hold) {
      mark("complete: heard of a hold");
      heard.hold = hold;
      heard.since = this.#passCount;
      heard.offered = until;
      this.#lift();
    } else if (hold === 0 || heard.since === undefined) heard.until = Math.max(heard.until, until);
    else heard.offered = Math.max(heard.offered, until);
    if (this.#heard.size > ORIGINS_PER_SHARER_MAX * (this.#sharers.length + 1)) {
      mark("complete: an origin of long ago forgotten");
      this.#heard.delete(this.#heard.keys().next().value!);
    }
  }

  /** This replica has begun a pass with a peer, over all that both hold. */
  onPassBegun(peer: string): void {
    this.#begun.set(peer, ++this.#passCount);
  }

  /** That pass has ended, and the two agree. */
  onPassAgreed(peer: string): void {
    this.#agreed.set(peer, this.#begun.get(peer)!);
    if (this.#isHeld) this.#lift();
  }

  /** Whether a pass with a peer, begun now, would help to lift a hold. */
  isWanted(peer: string): boolean {
    if (!this.#isHeld || !this.#canSettle || !this.#sharers.includes(peer)) return false;
    for (const { since } of this.#heard.values()) {
      if (since !== undefined && !this.#isBehind(peer, since)) return true;
    }
    return false;
  }

  /** Whether no hold of this origin up to this one keeps anything back. */
  isLifted(origin: Origin, hold: Stamp): boolean {
    if (hold === 0) return true;
    const heard = this.#heard.get(origin);
    return heard !== undefined && heard.hold >= hold && heard.since === undefined;
  }

  /** Up to which stamp our copies have all writes of an origin; 0 where nothing is known. */
  until(origin: Origin): Stamp {
    return this.#heard.get(origin)?.until ?? 0;
  }

  /** Whether our copies have all of other replicas' writes that a vector names; of `own` nothing is asked here. */
  covers(vector: Vector, own: Origin): boolean {
    for (const origin in vector) {
      if (origin !== own && vector[origin]! > this.until(origin)) return false;
    }
    return true;
  }

  #isBehind(peer: string, since: number): boolean {
    return (this.#agreed.get(peer) ?? 0) > since;
  }

  #lift(): void {
    this.#isHeld = false;
    for (const heard of this.#heard.values()) {
      const { since } = heard;
      if (since === undefined) continue;
      if (this.#canSettle && this.#sharers.every((peer) => this.#isBehind(peer, since))) {
        mark("complete: a hold is lifted");
        heard.since = undefined;
        heard.until = Math.max(heard.until, heard.offered);
      } else this.#isHeld = true;
    }
  }
}
