/**
 * When a tombstone may go: the proof that every copy knows it, and everything before it (HAZARD H14).
 *
 * **Idea.** A member *promises* a stamp P: from then on it gives no stamp up to P, and takes no version up to P from a put, a
 * hint or a read repair; such old versions reach it only through passes of anti-entropy. So what it holds up to P changes only
 * by passes. When two members have promised, and then a pass between them ends in agreement, each holds what the other held up
 * to the lesser of their promises. The *floor* of a keyspace is the least of all members' promises, and of what all pairs that
 * share keys of it have agreed on since:
 *
 * ```
 * r1 promised 90 ──pass with r2 agreed──> pair r1 r2: 80          floor = min(90, 80, 95, 80, 90, 70) = 70
 * r2 promised 80 ──pass with r3 agreed──> pair r2 r3: 80
 * r3 promised 95 ──pass of r1 and r3, begun when r3 had promised 70──> pair r1 r3: 70
 * ```
 *
 * **Why that is enough.** Let V be all versions up to the floor that any copy held when it promised. Whoever held one of them
 * has had a pass with every other copy since, so all hold V, or what came later. Nothing else up to the floor can come: no put
 * of it is taken, so none is acknowledged; what passes bring is V. Hence (1) no acknowledged write up to the floor is missing
 * anywhere, and (2) whatever arrives later up to the floor, by whatever way, is held already or was replaced, and may be
 * thrown away. A replica that throws it away from the floor on can forget its tombstones up to there.
 *
 * **Pitfalls.**
 * - A promise that is forgotten in a crash is none: it is on the disk before it is told, and after everything that was taken
 *   before it (the log has one order).
 * - All members, not only the key's replicas: any may coordinate, any may be sent what it does not hold.
 * - A wiped directory has promised nothing, and has agreed with nobody: everything is told and remembered under its epoch. It
 *   takes nothing old until it knows what the others have promised (`replica/collecting.ts`).
 * - A replica may hold keys that were its own under another configuration. No pass compares them, so while it does the
 *   floor of the keyspace stands still.
 * - Who is away holds the floor back for ever. That is right, and status names it.
 *
 * **References.** DeCandia et al., "Dynamo" (2007) keeps deletes for ever; Cassandra's `gc_grace_seconds` hopes that all repairs
 * come within it. Here nothing is hoped: the floor is what passes have proved.
 * @module
 */

/** A stamp of `versions/stamp.ts`; 0 is before all of them. */
type Stamp = number;

/** A pass that ended in agreement: with which directory, and what both had promised when it began. */
export interface Agreement {
  readonly epoch: string;
  readonly stamp: Stamp;
}

/** What one member tells of itself. */
export interface Account {
  readonly epoch: string;
  /** Durable. */
  readonly promise: Stamp;
  /** Its directory may lack something. */
  readonly isRecovering: boolean;
  /** Keyspaces of which it holds keys that are not its own. */
  readonly foreign: readonly string[];
  /** Its passes by peer; those that it began are enough. */
  readonly agreed: Readonly<Record<string, Agreement>>;
}

/** What has to be compared for a keyspace: its name, and each pair of members that share keys of it. */
export interface ComparedSpace {
  readonly name: string;
  readonly pairs: readonly (readonly [a: string, b: string])[];
}

/** What all members have told, and what follows. */
export class CollectionProof {
  readonly #members: readonly string[];
  readonly #accounts = new Map<string, Account>();

  constructor(members: readonly string[]) {
    this.#members = members;
  }

  /** A member told; undefined: what it tells is of another configuration. */
  onTold(member: string, account: Account | undefined): void {
    if (account === undefined) this.#accounts.delete(member);
    else this.#accounts.set(member, account);
  }

  /** What a member told last. */
  accountOf(member: string): Account | undefined {
    return this.#accounts.get(member);
  }

  /** Up to here all copies of the keyspace are known to be equal, and to stay so. */
  floor(space: ComparedSpace): Stamp {
    let floor = Infinity;
    for (const member of this.#members) {
      if (this.#holdsBack(member, space)) return 0;
      floor = Math.min(floor, this.#accounts.get(member)!.promise);
    }
    for (const [a, b] of space.pairs) floor = Math.min(floor, this.#agreed(a, b));
    return floor;
  }

  /** Members because of whom it cannot be known; empty where it is only a matter of time. */
  heldBackBy(space: ComparedSpace): readonly string[] {
    return this.#members.filter((member) => this.#holdsBack(member, space));
  }

  /** Whether somebody holds keys of it that are not its own. */
  hasForeign({ name }: ComparedSpace): boolean {
    for (const { foreign } of this.#accounts.values()) if (foreign.includes(name)) return true;
    return false;
  }

  #holdsBack(member: string, { name }: ComparedSpace): boolean {
    const account = this.#accounts.get(member);
    return account === undefined || account.isRecovering || account.foreign.includes(name);
  }

  /** Why both: either may have begun the pass that proves more. */
  #agreed(a: string, b: string): Stamp {
    return Math.max(this.#agreedBy(a, b), this.#agreedBy(b, a));
  }

  #agreedBy(asker: string, asked: string): Stamp {
    const agreed = this.#accounts.get(asker)?.agreed ?? {};
    const agreement = Object.hasOwn(agreed, asked) ? agreed[asked] : undefined;
    // With a directory that is gone nothing was agreed on.
    return agreement !== undefined && agreement.epoch === this.#accounts.get(asked)?.epoch
      ? agreement.stamp
      : 0;
  }
}
