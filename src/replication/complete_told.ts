/**
 * `complete_until`, as the replica that stamps knows it: up to which stamp each peer has every write that this replica
 * stamped and that the peer is to hold (HAZARD H12). Knows names and stamps, no clocks or messages.
 *
 * While nothing goes wrong, bookkeeping is enough: what is told stops before the oldest write under way that the peer has not
 * acknowledged, and stands still while a hint waits for it. Of some writes nobody keeps a book: a hint that was dropped, a
 * keyspace without hints, what a wiped peer had acknowledged, what an earlier life sent before its own disk had it. Then
 * there is a *hold*: a stamp above all of them. It does not say which they are; it says that comparing copies must bring
 * them. In order:
 *
 * 1. Of writes up to the hold none is under way here, and nothing is owed to anybody.
 * 2. Each peer is asked for a *fence*: it takes no new write up to the hold from this replica any more, and all that it took
 *    before is on its disk. From now on these writes are where they are.
 * 3. The peer is told, with the hold beside it. It believes that once it has compared its copies with everybody's
 *    (`complete_heard.ts`).
 *
 * Invariant: what was told stays true, also in later lives of both, as long as the peer has the directory it was told to.
 * @module
 */
import { mark } from "../base/mark.ts";
import type { PlantedBug } from "../base/planted_bug.ts";
import type { Stamp } from "../versions/stamp.ts";

/** Every write of the sender stamped up to `until` is on the receiver's disk, but some up to `hold` that only comparing brings. */
export interface Complete {
  readonly until: Stamp;
  /** 0: there are none. */
  readonly hold: Stamp;
}

/** What the replica knows of its own writes at this moment. */
export interface Bookkeeping {
  /** No stamp above it was given, and none up to it will be, in this life or a later one. */
  readonly latest: Stamp;
  /** The oldest write under way that the peer has not acknowledged; `Infinity` where there is none. */
  readonly oldest: Stamp;
  /** Whether a hint waits for the peer, or is being made. */
  readonly isOwed: boolean;
}

interface Target {
  /** Of the directory that acknowledges; undefined until it was heard of. */
  epoch: string | undefined;
  hold: Stamp;
  /** No new write up to it is taken by this peer. */
  fenced: Stamp;
  told: Stamp;
}

/** What one replica tells of its own writes. */
export class CompleteTold {
  /** The peers, and this replica itself: its own copy may lack a write too. */
  readonly #targets: Map<string, Target>;
  readonly #self: string;
  readonly #bugs: ReadonlySet<PlantedBug>;
  /** The greatest hold of all. */
  #hold: Stamp = 0;
  /** What peers are asked to take no more. */
  #fence: Stamp = 0;
  /** Up to which all peers are known to take no more. */
  #fenced: Stamp = 0;

  constructor(
    { self, peers, bugs }: {
      readonly self: string;
      readonly peers: readonly string[];
      readonly bugs: ReadonlySet<PlantedBug>;
    },
  ) {
    this.#self = self;
    this.#bugs = bugs;
    this.#targets = new Map(
      [self, ...peers].map((id) => [id, { epoch: undefined, hold: 0, fenced: 0, told: 0 }]),
    );
  }

  /** A life begins: of writes up to `latest` nobody knows what the lives before sent. 0 where there were none. */
  begin(latest: Stamp): void {
    if (this.#bugs.has("forget_lives")) return;
    if (latest > 0) mark("complete: held, because an earlier life may have sent what this disk lacks");
    for (const id of this.#targets.keys()) this.#raise(id, latest);
  }

  /** A write stamped up to `latest` has missed a copy, and no hint is kept. */
  onMissed(id: string, latest: Stamp): void {
    mark("complete: held, because a copy was missed and no hint is kept");
    this.#raise(id, latest);
  }

  /** A peer says which directory it has. `hasWritten`: writes of this life may have been acknowledged before. */
  onEpoch(id: string, epoch: string, { latest, hasWritten }: { latest: Stamp; hasWritten: boolean }): void {
    const target = this.#targets.get(id);
    if (target === undefined || target.epoch === epoch) return;
    if (target.epoch !== undefined || hasWritten) {
      mark("complete: held, because a directory may have acknowledged what it lost");
      this.#raise(id, latest);
    }
    target.epoch = epoch;
    target.told = 0;
  }

  /** A peer takes no new write up to this stamp any more, and has on its disk what it took. */
  onFenced(id: string, fence: Stamp): void {
    const target = this.#targets.get(id);
    if (target === undefined || id === this.#self) return;
    target.fenced = Math.max(target.fenced, fence);
    this.#advance();
  }

  /** Whether there is a hold that not all peers have a fence for. */
  get isHeld(): boolean {
    return this.#hold > this.#fenced;
  }

  /** `oldest`: of all writes under way. `isOwing`: a hint for anybody waits, or a copy of our own. */
  tick({ oldest, isOwing }: { readonly oldest: Stamp; readonly isOwing: boolean }): void {
    if (this.#fence >= this.#hold || isOwing || oldest <= this.#hold) return;
    this.#fence = this.#hold;
    this.#advance();
  }

  /** Up to which stamp this peer is to take no more writes; undefined where it need not be asked. */
  fenceFor(id: string): Stamp | undefined {
    const isDue = this.#fence > this.#fenced && this.#targets.get(id)!.fenced < this.#fence;
    return isDue ? this.#fence : undefined;
  }

  /** What to tell a peer, and to which of its directories; undefined where there is nothing to tell. */
  tell(
    id: string,
    { latest, oldest, isOwed }: Bookkeeping,
  ): Complete & { readonly epoch: string } | undefined {
    const target = this.#targets.get(id)!;
    const { epoch, hold } = target;
    if (epoch === undefined || hold > this.#fenced) return undefined;
    const isHasty = this.#bugs.has("complete_too_early");
    if (isOwed && !isHasty) mark("complete: stands still while hints wait");
    else target.told = Math.max(target.told, isHasty ? latest : Math.min(latest, oldest - 1));
    return target.told === 0 ? undefined : { epoch, until: target.told, hold };
  }

  /** The last that a peer was told; 0 where it was told nothing. */
  toldTo(id: string): Stamp {
    return this.#targets.get(id)!.told;
  }

  /** The hold on our own copy, that comparing must lift; undefined while there is no fence for it. */
  get ownHold(): Stamp | undefined {
    const { hold } = this.#targets.get(this.#self)!;
    return hold > this.#fenced ? undefined : hold;
  }

  #raise(id: string, hold: Stamp): void {
    const target = this.#targets.get(id)!;
    target.hold = Math.max(target.hold, hold);
    this.#hold = Math.max(this.#hold, hold);
  }

  #advance(): void {
    for (const [id, { fenced }] of this.#targets) if (id !== this.#self && fenced < this.#fence) return;
    if (this.#fence > this.#fenced) mark("complete: nobody takes any more what is held");
    this.#fenced = Math.max(this.#fenced, this.#fence);
  }
}
