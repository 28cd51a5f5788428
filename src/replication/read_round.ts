/**
 * One coordinated read: collects what the replicas hold until the consistency level is met, then goes on listening so
 * that stale copies are found (Dynamo, section 5: read repair). Knows versions and names, no messages or clocks.
 * @module
 */
import { mark } from "../base/mark.ts";
import { compareVersions, descends } from "../versions/version.ts";
import { type Held, type Resolution, resolve } from "../versions/resolve.ts";
import type { Version } from "../versions/version.ts";

/** How a read stands. */
export type ReadVerdict =
  | { readonly kind: "waiting" }
  /**
   * `answered` are those whose answers count, in the order asked; `held` is what remains of all answers so far. Where one
   * copy is enough both speak of the coordinator's own copy alone, if it holds one that counts.
   */
  | { readonly kind: "answered"; readonly held: Held; readonly answered: readonly string[] }
  | { readonly kind: "failed"; readonly answered: readonly string[]; readonly required: number };

/** What a round is about. */
export interface ReadRoundOptions {
  /** Whom is asked, in id order. */
  readonly asked: readonly string[];
  /** Answers that count which the level needs. */
  readonly required: number;
  /** Whether, once the level is met, an answer that is fresh is waited for, or else everybody who can answer (HAZARD H12). */
  readonly needsFresh?: boolean;
  /** The coordinator, where it holds a copy: its answer is always among those that count. */
  readonly self?: string;
  /** How concurrent versions are settled. */
  readonly resolution?: Resolution;
}

const ONE_WINNER: Resolution = { siblings: false };

interface Answer {
  readonly held: Held;
  readonly counts: boolean;
}

/** Invariant: `asked` is partitioned into those that answered, failed and are pending. */
export class ReadRound {
  readonly #options: ReadRoundOptions;
  readonly #answers = new Map<string, Answer>();
  readonly #failed = new Set<string>();
  #held: Held = [];
  #isFresh = false;
  /** Who is asked again, and has not answered again; what they said before still counts. */
  readonly #again = new Set<string>();
  /** What was known when somebody was asked again. */
  readonly #knownBefore = new Map<string, Held>();
  #isTorn = false;

  constructor(options: ReadRoundOptions) {
    this.#options = options;
  }

  /**
   * What this replica holds. `counts` is false for a replica that is recovering (HAZARD H7); `isFresh` where its copies had all
   * that the reader's session has seen. The first answer stays.
   */
  onAnswer(id: string, held: Held, { counts, isFresh }: { counts: boolean; isFresh?: boolean }): void {
    if (!this.#options.asked.includes(id)) return;
    const isAgain = this.#again.delete(id);
    if (this.#answers.has(id) && !isAgain) return mark("read round: second answer of a replica ignored");
    if (this.#failed.delete(id)) mark("read round: answer of a replica that was given up");
    this.#answers.set(id, { held, counts });
    if (counts && isFresh === true) this.#isFresh = true;
    this.#held = this.#resolve(this.#held, held);
  }

  /** This replica refused, or cannot be reached. */
  onFailure(id: string): void {
    if (this.#again.delete(id)) this.#isTorn = true;
    else if (this.#options.asked.includes(id) && !this.#answers.has(id)) this.#failed.add(id);
  }

  /**
   * Whose answers may be from before what others have seen: they lack a version whose writer went on from a session, and so may
   * lack what that writer had seen. They are asked again.
   *
   * Why only those: whoever holds a version, or one that descends from it, or is asked when it is known, answers after it was
   * written, and so after all that its writer had seen was on the disks that are asked. Where one winner is kept it makes no
   * difference, since a winner is later than all of that.
   */
  askAgain(): string[] {
    const isIn = (held: Held, version: Version): boolean => held.some((other) => descends(other, version));
    const late = this.#held.filter(({ deps }) => deps !== undefined);
    const ids = this.#options.asked.filter((id) => {
      const answer = this.#answers.get(id);
      const known = this.#knownBefore.get(id) ?? [];
      return answer && late.some((version) => !isIn(answer.held, version) && !isIn(known, version));
    });
    for (const id of ids) {
      mark("read round: a replica is asked again for what somebody had seen");
      this.#again.add(id);
      this.#knownBefore.set(id, this.#held);
    }
    return ids;
  }

  /** Whether this replica is asked again and has not answered that. */
  isAskedAgain(id: string): boolean {
    return this.#again.has(id);
  }

  /** Whether the client can be answered. */
  verdict(): ReadVerdict {
    const { asked, required, self } = this.#options;
    const answered = this.answered();
    const open = asked.length - this.#answers.size - this.#failed.size;
    if (self !== undefined && this.#failed.has(self)) return { kind: "failed", answered, required };
    if (answered.length + open < required) return { kind: "failed", answered, required };
    const isOwnOpen = self !== undefined && !this.#answers.has(self);
    if (answered.length < required || isOwnOpen) return { kind: "waiting" };
    if (this.#options.needsFresh) {
      const isEnough = this.#isFresh || open === 0 && this.#again.size === 0;
      return isEnough ? { kind: "answered", held: this.#held, answered } : { kind: "waiting" };
    }
    const own = self === undefined ? undefined : this.#answers.get(self);
    // Why: whoever asks for one copy is shown the coordinator's, stale or not, and not by luck a fresher one.
    if (required === 1 && own?.counts) return { kind: "answered", held: own.held, answered: [self!] };
    return { kind: "answered", held: this.#held, answered };
  }

  /** Whether nobody is waited for any more. */
  isSettled(): boolean {
    return this.#answers.size + this.#failed.size === this.#options.asked.length && this.#again.size === 0;
  }

  /** Who has neither answered nor failed, in the order asked. */
  waiting(): string[] {
    const isOpen = (id: string): boolean => !this.#answers.has(id) && !this.#failed.has(id);
    return this.#options.asked.filter((id) => this.#again.has(id) || isOpen(id));
  }

  /** Whose answers count, in the order asked. */
  answered(): string[] {
    return this.#options.asked.filter((id) => this.#answers.get(id)?.counts);
  }

  /** Whether nothing of the session can be missing: an answer was fresh, or those of all that were asked are here and count. */
  isFresh(): boolean {
    return this.#isFresh || this.answered().length === this.#options.asked.length && !this.#isTorn;
  }

  /** What remains of all answers so far. */
  held(): Held {
    return this.#held;
  }

  /** Planted bugs `repair_with_older` and `answer_older`: the oldest that anybody holds. Requires: somebody holds something. */
  oldest(): Held {
    const held = [...this.#answers.values()].map((answer) => answer.held).filter(({ length }) => length > 0);
    return held.reduce((a, b) => compareVersions(a[0]!, b[0]!) <= 0 ? a : b);
  }

  /** Who answered with less than what remains of all answers, in the order asked. */
  stale(): string[] {
    return this.#options.asked.filter((id) => {
      const answer = this.#answers.get(id);
      return answer !== undefined && !isSame(answer.held, this.#held);
    });
  }

  /** Whose answer counts and is `held` or later, in the order asked. */
  holders(held: Held): string[] {
    return this.#options.asked.filter((id) => {
      const answer = this.#answers.get(id);
      return answer?.counts && isSame(this.#resolve(answer.held, held), answer.held);
    });
  }

  #resolve(a: Held, b: Held): Held {
    return resolve(a, b, this.#options.resolution ?? ONE_WINNER);
  }
}

/** Whether both hold the same writes. */
export function isSame(a: Held, b: Held): boolean {
  return a.length === b.length && a.every((version, index) => {
    const other = b[index]!;
    return compareVersions(version, other) === 0 && version.value === other.value;
  });
}
