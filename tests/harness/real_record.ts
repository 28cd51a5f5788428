/** What clients of a cluster of real processes saw and what was done to it, kept until a judge asks. @module */
import type {
  DiskLoss,
  FinalState,
  History,
  HistoryFault,
  Operation,
  Snapshot,
} from "../../src/checker/history.ts";
import { describeFault, type RealFault } from "./real_fault.ts";

/** What a restart may add to how far clocks seem to be apart: stamps begin up to a second ahead, so that none comes twice. */
const RESTART_SPREAD_MS = 1100;

/** Grows while a cluster is used. Times are milliseconds since it was made. */
export class RealRecord {
  readonly #startedMs = performance.now();
  readonly #operations = new Map<string, Operation[]>();
  readonly #diskLosses: DiskLoss[] = [];
  readonly #faults: HistoryFault[] = [];
  #startCount = 1;
  /** The bounds of all that clocks were put off by. */
  #skewMs = { least: 0, greatest: 0 };

  get nowMs(): number {
    return performance.now() - this.#startedMs;
  }

  /** An operation on a key of this keyspace has ended. */
  onOperation(keyspace: string, operation: Operation): void {
    const operations = this.#operations.get(keyspace);
    if (operations) operations.push(operation);
    else this.#operations.set(keyspace, [operation]);
  }

  /** Something goes wrong from now on. */
  onFault(fault: RealFault): void {
    const { replicas, forMs = 0, skewMs = 0 } = fault;
    const atMs = this.nowMs;
    this.#faults.push({
      atMs,
      ...(forMs > 0 ? { untilMs: atMs + forMs } : {}),
      replicas,
      text: describeFault(fault),
    });
    const { least, greatest } = this.#skewMs;
    this.#skewMs = { least: Math.min(least, skewMs), greatest: Math.max(greatest, skewMs) };
  }

  /** A directory is gone by now. Why not when it is asked for: until then the replica may acknowledge what is lost with it. */
  onDiskLoss(replica: string): void {
    this.#diskLosses.push({ replica, atMs: this.nowMs });
  }

  /** A replica starts again. */
  onRestart(): void {
    this.#startCount++;
  }

  /** All of it for one keyspace; `states` are what the holders of its copies hold now. Throws `TypeError` where nobody asked. */
  history(
    keyspace: string,
    replicas: readonly string[],
    states: ReadonlyMap<string, FinalState>,
  ): History {
    const operations = this.#operations.get(keyspace);
    if (operations === undefined) throw new TypeError(`nobody has asked for a key of ${keyspace}`);
    const atMs = this.nowMs;
    return {
      operations: [...operations],
      copies: states.size,
      diskLosses: [...this.#diskLosses],
      clockSpreadMs: this.#skewMs.greatest - this.#skewMs.least + RESTART_SPREAD_MS * this.#startCount,
      keyspace,
      replicas,
      faults: [...this.#faults],
      snapshots: [...states].map(([replica, state]): Snapshot => ({ replica, atMs, state })),
    };
  }
}
