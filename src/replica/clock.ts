/**
 * The replica's hybrid logical clock: gives stamps that never repeat and never go back, also over a crash.
 *
 * Every stamp given lies below a ceiling that is on disk (HAZARD H6); after a start the clock begins at that ceiling.
 * The clock asks for a higher ceiling in good time, and gives no stamp while it has to wait for one.
 * @module
 */
import { NO_BUGS, type PlantedBug } from "../base/planted_bug.ts";
import { assert } from "../base/assert.ts";
import { mark } from "../base/mark.ts";
import { LOGICAL_STEPS, type Stamp, STAMP_MAX, stampOf } from "../versions/stamp.ts";

/** How far above the present the ceiling is set; at half of it a new one is asked for. A restart begins that far ahead. */
const LEAD = stampOf(1000);

/**
 * The same while stamps are further ahead of the wall clock than `LEAD`. Why less: otherwise each of many quick restarts
 * would carry stamps another second into the future, and take the peers along.
 */
const LEAD_AHEAD = stampOf(100);

/** Stamps, given and seen. */
export class Clock {
  /** Invariant: no stamp above it was given or seen. */
  #last: Stamp = 0;
  /** Invariant: durable, and every stamp given lies below it. */
  #ceiling: Stamp = 0;
  #isRenewing = false;
  readonly #bugs: ReadonlySet<PlantedBug>;

  constructor(bugs: ReadonlySet<PlantedBug> = NO_BUGS) {
    this.#bugs = bugs;
  }

  /** Begins where the last life can not have been. */
  recover(ceiling: Stamp | undefined): void {
    this.#ceiling = ceiling ?? 0;
    if (this.#ceiling > 0) mark("clock: begins at the ceiling of an earlier life");
    if (!this.#bugs.has("clock_without_ceiling")) this.#last = Math.max(this.#last, this.#ceiling);
  }

  /** Moves past a stamp that came from elsewhere. */
  observe(stamp: Stamp): void {
    if (stamp > this.#last) this.#last = stamp;
  }

  /**
   * No stamp above it was given, and none up to it will be any more, in this life or a later one: with nothing to do it is the
   * wall clock's, up to the ceiling.
   */
  latest(wallMs: number): Stamp {
    this.#last = Math.max(this.#last, stampOf(wallMs) - 1);
    return Math.min(this.#last, this.#ceiling);
  }

  /** The greatest stamp that can have been given by a clock that is no more than `aheadMs` ahead of ours. */
  furthest(wallMs: number, aheadMs: number): Stamp {
    return Math.max(this.#last, stampOf(wallMs + aheadMs));
  }

  /** Whether stamps that others take are left. They run out in the year 2105, and where a clock or a stamp was wrong. */
  hasRoom(wallMs: number): boolean {
    return Math.max(this.#last, stampOf(wallMs)) + LEAD < STAMP_MAX;
  }

  /** A stamp greater than all given and seen; undefined while the ceiling is too low. */
  next(wallMs: number): Stamp | undefined {
    const stamp = this.#bugs.has("resolve_by_wall_clock")
      ? stampOf(wallMs) + this.#last % LOGICAL_STEPS + 1
      : Math.max(this.#last + 1, stampOf(wallMs));
    if (stamp >= this.#ceiling) {
      mark("clock: no stamp is left below the ceiling");
      return undefined;
    }
    this.#last = stamp;
    return stamp;
  }

  /** The ceiling to write now, or undefined while the one on disk is high enough or a write is under way. */
  dueCeiling(wallMs: number): Stamp | undefined {
    const wall = stampOf(wallMs);
    const present = Math.max(this.#last, wall);
    const lead = this.#last - wall > LEAD ? LEAD_AHEAD : LEAD;
    if (this.#isRenewing || this.#ceiling - present > lead / 2) return undefined;
    this.#isRenewing = true;
    if (lead < LEAD) mark("clock: ceiling set low because stamps run ahead");
    return present + lead;
  }

  /** The ceiling asked for is on disk, or (undefined) could not be written. */
  onCeilingStored(ceiling: Stamp | undefined): void {
    this.#isRenewing = false;
    if (ceiling === undefined) return mark("clock: ceiling could not be written");
    assert(ceiling >= this.#ceiling, () => `ceiling went back from ${this.#ceiling} to ${ceiling}`);
    this.#ceiling = ceiling;
  }
}
