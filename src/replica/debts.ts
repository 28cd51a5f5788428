/** What is owed to copies that missed a write: the records of it on our disk, and the hints they become. @module */
import type { ByteString } from "../base/bytes.ts";
import { mark } from "../base/mark.ts";
import type { PlantedBug } from "../base/planted_bug.ts";
import type { StoreWrite } from "../ports.ts";
import type { EffectQueue } from "./effect_queue.ts";
import type { ReplicaId } from "./envelope.ts";
import type { Hints } from "./hints.ts";
import { decodeOwed } from "./owed_record.ts";
import { dataKey, OWED_RANGE } from "./store_keys.ts";
import type { Trace } from "./trace.ts";

/** Owed records whose removal rides along in one batch. */
const REMOVALS_MAX = 64;

const OWED_PAGE_MAX = 1024;
const OWED_PAGE_BYTES_MAX = 1024 * 1024;
const NOTHING = new Uint8Array(0);
const NO_WRITES: readonly StoreWrite[] = [];

/** A write whose missing copies are owed hints. */
export interface Debt {
  readonly keyspace: string;
  readonly key: ByteString;
  readonly record: Uint8Array;
  readonly targets: readonly ReplicaId[];
  readonly closing: readonly StoreWrite[];
  readonly trace?: Trace | undefined;
}

/** All debts of one replica. */
export class Debts {
  readonly #queue: EffectQueue;
  readonly #hints: Hints;
  readonly #bugs: ReadonlySet<PlantedBug>;
  /** Removals of owed records that are owed no more. */
  #paid: StoreWrite[] = [];
  /** Hints that found no room yet. */
  #unkept: Debt[] = [];
  /** Hints for each replica that are being made, or found no room yet. */
  readonly #open = new Map<ReplicaId, number>();
  /** Own copies of writes that were sent and then found no room here. */
  #unstored: { readonly write: StoreWrite; readonly mayStore: () => boolean }[] = [];
  /** Of these, those that are being stored. */
  #storingCount = 0;

  constructor(options: {
    readonly queue: EffectQueue;
    readonly hints: Hints;
    readonly bugs: ReadonlySet<PlantedBug>;
  }) {
    this.#queue = options.queue;
    this.#hints = options.hints;
    this.#bugs = options.bugs;
  }

  /** Turns what an earlier life still owed into hints (HAZARD H8), then calls `done`. */
  recover(done: () => void): void {
    if (this.#bugs.has("forget_owed")) return done();
    this.#recoverFrom(OWED_RANGE.begin, done);
  }

  /** These removals are to be stored some time. */
  pay(removals: readonly StoreWrite[]): void {
    this.#paid.push(...removals);
  }

  /** Some removals, to be stored beside something else; whoever cannot store them pays again. */
  takePaid(): readonly StoreWrite[] {
    if (this.#paid.length > REMOVALS_MAX) return this.#paid.splice(0, REMOVALS_MAX);
    if (this.#paid.length === 0) return NO_WRITES;
    const removals = this.#paid;
    this.#paid = [];
    return removals;
  }

  /** Whether a hint for this replica is to be kept, and is not yet. */
  isOpen(id: ReplicaId): boolean {
    return this.#open.has(id);
  }

  /** Whether any hint, or any copy of our own, is to be stored, and is not yet. */
  get isAnyOpen(): boolean {
    return this.#open.size > 0 || this.#unstored.length > 0 || this.#storingCount > 0;
  }

  /** Makes hints of what is owed, again and again until there is room, and removes the owed record in the same batch. */
  keep(debt: Debt): void {
    for (const id of debt.targets) this.#open.set(id, (this.#open.get(id) ?? 0) + 1);
    this.#keep(debt);
  }

  #keep(debt: Debt): void {
    this.#hints.keep(debt, debt.targets, debt.closing, (isStored, dropped) => {
      if (isStored) { for (const id of debt.targets) this.#close(id); }
      else {
        mark("debts: what is owed waits for room");
        this.#unkept.push(debt);
      }
      debt.trace?.hinted(debt.targets, { isStored, dropped });
    });
  }

  /**
   * Our own copy of a write that others may hold is stored once there is room, if it may be then: else anti-entropy brings it,
   * or nobody was told that it is there.
   */
  storeLater(write: StoreWrite, mayStore: () => boolean): void {
    this.#unstored.push({ write, mayStore });
  }

  /** Removes what is owed no more, and tries again what found no room. */
  tick(): void {
    if (this.#paid.length > 0) this.#removePaid();
    if (this.#queue.isDiskFull) return;
    if (this.#unkept.length > 0) { for (const debt of this.#unkept.splice(0)) this.#keep(debt); }
    if (this.#unstored.length > 0) { for (const each of this.#unstored.splice(0)) this.#storeLate(each); }
  }

  #close(id: ReplicaId): void {
    const count = this.#open.get(id)! - 1;
    if (count === 0) this.#open.delete(id);
    else this.#open.set(id, count);
  }

  #storeLate(late: { readonly write: StoreWrite; readonly mayStore: () => boolean }): void {
    if (!late.mayStore()) return;
    this.#storingCount++;
    this.#queue.apply([late.write], (result) => {
      this.#storingCount--;
      if (result.kind === "applied") mark("debts: own copy stored late");
      else this.#unstored.push(late);
    });
  }

  #removePaid(): void {
    const removals = this.takePaid();
    this.#queue.apply(removals, (result) => {
      if (result.kind === "applied") return;
      mark("debts: what is owed no more could not be removed");
      this.pay(removals);
    });
  }

  #recoverFrom(begin: ByteString, done: () => void): void {
    const range = { begin, end: OWED_RANGE.end, countMax: OWED_PAGE_MAX, bytesMax: OWED_PAGE_BYTES_MAX };
    this.#queue.scan(range, ({ entries, more }) => {
      if (entries.length > 0) mark("debts: still owed from an earlier life");
      for (const { key: at, value } of entries) {
        const owed = decodeOwed(value);
        const keep = (record: Uint8Array | undefined): void => {
          const closing = [{ key: at, value: NOTHING }];
          if (record) {
            this.keep({ keyspace: owed.keyspace, key: owed.key, record, targets: owed.targets, closing });
          }
        };
        if (owed.record) {
          mark("debts: the only record of what is owed lies beside the debt");
          keep(owed.record);
        } else this.#queue.get(dataKey(owed.keyspace, owed.key), keep);
      }
      const last = entries.at(-1)?.key;
      if (more && last !== undefined) this.#recoverFrom(`${last}\0` as ByteString, done);
      else done();
    });
  }
}
