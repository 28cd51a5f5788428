/**
 * What this replica has promised: up to which stamp it gives none and takes none but through anti-entropy, and up to which
 * floor it has collected tombstones. Both are on the disk before anybody is told, or acts on them (HAZARD H14).
 * @module
 */
import { mark } from "../base/mark.ts";
import type { Stamp } from "../versions/stamp.ts";
import type { Version } from "../versions/version.ts";
import type { WriteMessage } from "../replication/messages.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Clock } from "./clock.ts";
import type { EffectQueue } from "./effect_queue.ts";
import type { ReplicaId } from "./envelope.ts";
import * as failures from "./failures.ts";
import type { Keyspace } from "./keyspace.ts";
import { collectsTombstones } from "./keyspace_config.ts";
import { decodePromise, encodePromise, type KeptFloor, type KeptPromise } from "./promise_record.ts";
import { FILLED_KEY, PROMISE_KEY } from "./store_keys.ts";

/** What becomes of versions that came: these are stored; all is known already; or the sender is told why not. */
export type Sifted =
  | { readonly kind: "store"; readonly versions: readonly Version[] }
  | { readonly kind: "known" }
  | { readonly kind: "refused"; readonly failure: Failure };

/** Whether what a new directory takes over is on its disk, or has to be tried again. */
export type Begun = "kept" | "open";

/** The promises of one directory. */
export class Promises {
  readonly #queue: EffectQueue;
  readonly #clock: Clock;
  readonly #selfId: ReplicaId;
  readonly #keyspaces: ReadonlyMap<string, Keyspace>;
  /** Invariant: nothing up to here is taken, whether it is on the disk yet or not. */
  #promise: Stamp = 0;
  /** Invariant: on the disk, behind all that was taken before. */
  #kept: Stamp = 0;
  /** A new directory that does not know yet what others have promised in the time of the one before it. */
  #isNew = false;
  #floors: Readonly<Record<string, KeptFloor>> = {};
  #keptFloors: Readonly<Record<string, KeptFloor>> = {};

  constructor(options: {
    readonly queue: EffectQueue;
    readonly clock: Clock;
    readonly selfId: ReplicaId;
    readonly keyspaces: ReadonlyMap<string, Keyspace>;
  }) {
    this.#queue = options.queue;
    this.#clock = options.clock;
    this.#selfId = options.selfId;
    this.#keyspaces = options.keyspaces;
  }

  /** Reads what earlier lives have promised. A directory that was in use before there were promises has made none. */
  recover(done: () => void): void {
    this.#queue.get(PROMISE_KEY, (value) => {
      if (value !== undefined) {
        this.#take(decodePromise(value));
        return done();
      }
      this.#queue.get(FILLED_KEY, (filled) => {
        this.#isNew = filled === undefined;
        done();
      });
    });
  }

  /** Whether it is known what this replica may take. */
  get isKnown(): boolean {
    return !this.#isNew;
  }

  /** What others may be told: it will hold, come what may. */
  get kept(): Stamp {
    return this.#kept;
  }

  /**
   * Promises more. Stamps given from now on are greater. `onKept` runs when it is on the disk, and with it all that was taken
   * before, and nobody was told yet.
   */
  make(stamp: Stamp, onKept: () => void): void {
    if (stamp <= this.#promise) return;
    this.#promise = stamp;
    this.#clock.observe(stamp);
    this.#store((begun) => {
      if (begun === "kept") onKept();
    });
  }

  /** A new directory takes over what the others have promised. */
  begin(stamp: Stamp, done: (begun: Begun) => void): void {
    if (this.isKnown) return done("kept");
    this.#promise = Math.max(this.#promise, stamp);
    this.#clock.observe(this.#promise);
    this.#store((begun) => {
      if (begun === "kept") this.#isNew = false;
      done(begun);
    });
  }

  /** Up to here nothing of the keyspace is taken any more, not even through anti-entropy: all of it is known. */
  floorOf(keyspace: string): Stamp {
    return this.#floors[keyspace]?.floor ?? 0;
  }

  /** The floor that is on the disk: tombstones up to it may go. */
  keptFloorOf(keyspace: string): Stamp {
    return this.#keptFloors[keyspace]?.floor ?? 0;
  }

  /** The greatest floor of a keyspace that this directory ever had. */
  mostOf(keyspace: string): Stamp {
    return this.#floors[keyspace]?.most ?? 0;
  }

  /** Everything of the keyspace up to `floor` is known to be held here, or replaced. */
  raiseFloor(keyspace: Keyspace, floor: Stamp): void {
    const kept = {
      floor,
      most: Math.max(floor, this.mostOf(keyspace.name)),
      holding: keyspace.holdingOf(this.#selfId),
    };
    this.#floors = { ...this.#floors, [keyspace.name]: kept };
    this.#store(() => {});
  }

  /** Whether all of the versions that a message brings may be stored. Why apart from `sift`: nearly all may, and it runs for every copy. */
  mayStore(keyspace: Keyspace, versions: readonly Version[]): boolean {
    const limit = this.#limitOf(keyspace);
    for (let i = 0; i < versions.length; i++) if (versions[i]!.stamp <= limit) return false;
    return true;
  }

  /** Which of the versions that a message brings may be stored. Requires: not those of a pass. */
  sift(keyspace: Keyspace, versions: readonly Version[], cause: WriteMessage["cause"]): Sifted {
    if (this.mayStore(keyspace, versions)) return { kind: "store", versions };
    const limit = this.#limitOf(keyspace);
    if (limit === Infinity) {
      mark("promises: a write refused until others have told what they promised");
      return { kind: "refused", failure: failures.promisesUnknown(this.#selfId) };
    }
    const fresh = versions.filter(({ stamp }) => stamp > limit);
    const floor = collectsTombstones(keyspace.config) ? this.floorOf(keyspace.name) : limit;
    const isKnown = versions.every(({ stamp }) => stamp > limit || stamp <= floor);
    if (fresh.length > 0 && isKnown) return { kind: "store", versions: fresh };
    // A put that is only thrown away must not pass for one that is held.
    if (isKnown && cause !== "put") {
      mark("promises: what came late is known, or was replaced");
      return { kind: "known" };
    }
    mark("promises: an old write refused");
    return { kind: "refused", failure: failures.promised(this.#selfId, versions[0]!.stamp, limit) };
  }

  /** What a pass brings, without what lies below the floor. */
  siftPassed(keyspace: Keyspace, versions: readonly Version[]): readonly Version[] {
    const floor = this.floorOf(keyspace.name);
    if (floor === 0 || versions.every(({ stamp }) => stamp > floor)) return versions;
    mark("promises: a pass brings what is known, or was replaced");
    return versions.filter(({ stamp }) => stamp > floor);
  }

  /** Nothing up to here is taken but through passes. */
  #limitOf({ name, config }: Keyspace): Stamp {
    if (collectsTombstones(config)) return this.#isNew ? Infinity : this.#promise;
    // Where copies are compared no more, what was collected while they were stays away.
    return this.mostOf(name);
  }

  #store(done: (begun: Begun) => void): void {
    const promise = this.#promise;
    const keyspaces = this.#floors;
    this.#queue.apply([{ key: PROMISE_KEY, value: encodePromise({ promise, keyspaces }) }], (result) => {
      const isStored = result.kind === "applied";
      if (!isStored) mark("promises: one could not be written down");
      else {
        this.#kept = Math.max(this.#kept, promise);
        this.#keptFloors = keyspaces;
      }
      done(isStored ? "kept" : "open");
    });
  }

  #take({ promise, keyspaces }: KeptPromise): void {
    mark("promises: kept from an earlier life");
    this.#promise = this.#kept = promise;
    this.#clock.observe(promise);
    const floors: Record<string, KeptFloor> = {};
    for (const [name, kept] of Object.entries(keyspaces)) {
      const holding = this.#keyspaces.get(name)?.holdingOf(this.#selfId);
      // Why nothing: for keys that are new here it would keep away what others have of them.
      floors[name] = holding === kept.holding ? kept : { ...kept, floor: 0 };
    }
    this.#floors = this.#keptFloors = floors;
  }
}
