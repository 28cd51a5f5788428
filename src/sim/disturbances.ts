/**
 * When something was wrong with whom: so that a judge may know which replicas could have served a request. Looks often, and
 * is told of what is over before it looks again.
 * @module
 */
import type { Operation } from "../checker/history.ts";
import type { SimNetwork } from "./sim_network.ts";
import type { SimReplica } from "./sim_replica.ts";
import type { SimWorld } from "./sim_world.ts";

const LOOK_MS = 100;

/** So long after a trouble others may still act on it: they dial again, wait for heartbeats, work off what has queued. */
const GRACE_MS = 2500;

/** Messages that a request may need one after the other, and what disks and queues may add to them. */
const WAYS_MAX = 6;
const WORK_MS = 150;

/** The troubles of one run. */
export class Disturbances {
  readonly #world: SimWorld;
  readonly #network: SimNetwork;
  readonly #replicas: readonly SimReplica[];
  /** Times at which something was wrong, ascending, by replica and by `from>to`. */
  readonly #times = new Map<string, number[]>();
  /** The last life in which each replica was seen to serve and to count. */
  readonly #goodLives = new Map<string, number>();

  constructor(options: {
    readonly world: SimWorld;
    readonly network: SimNetwork;
    readonly replicas: readonly SimReplica[];
  }) {
    this.#world = options.world;
    this.#network = options.network;
    this.#replicas = options.replicas;
  }

  /** Begins to look. */
  start(): void {
    const look = (): void => {
      for (const replica of this.#replicas) {
        if (this.#isTroubled(replica)) this.note(replica.id);
        for (const { id } of this.#replicas) {
          if (id !== replica.id && !this.#network.isGood(replica.id, id)) this.note(`${replica.id}>${id}`);
        }
      }
      this.#world.queue.after(LOOK_MS, look);
    };
    look();
  }

  /** Something is wrong now with a replica, or with the connection `from>to`. */
  note(name: string): void {
    const { nowMs } = this.#world.queue;
    const times = this.#times.get(name);
    if (times) times.push(nowMs);
    else this.#times.set(name, [nowMs]);
  }

  /**
   * Of these replicas, how many could serve this operation all the time. Undefined where nobody can tell: the network
   * loses what it likes, or is so slow that a request may rightly be late.
   */
  liveFor(
    { coordinator, invokedMs, endedMs, gaveUpMs }: Operation,
    { holders, timeoutMs, isSpread }: {
      readonly holders: readonly string[];
      readonly timeoutMs: number;
      /** Whether any of the holders may have coordinated. */
      readonly isSpread: boolean;
    },
  ): number | undefined {
    const waysMax = WAYS_MAX + (isSpread ? 2 : 0);
    if (!this.#network.isReliable || waysMax * this.#network.delayMsMax + WORK_MS > timeoutMs) {
      return undefined;
    }
    // What just happened is looked at a little later.
    const lastMs = (endedMs === Infinity ? gaveUpMs ?? Infinity : endedMs) + LOOK_MS;
    const isQuiet = (name: string): boolean => !this.#isBetween(name, invokedMs - GRACE_MS, lastMs);
    if (!isQuiet(coordinator)) return 0;
    if (isSpread) {
      // Why all or nothing: which of them had its turn is not known here.
      const isUndisturbed = holders.every((holder) =>
        isQuiet(holder) &&
        [coordinator, ...holders].every((from) => from === holder || isQuiet(`${from}>${holder}`))
      );
      return isUndisturbed ? holders.length : undefined;
    }
    return holders.filter((holder) =>
      holder === coordinator || isQuiet(holder) && isQuiet(`${coordinator}>${holder}`)
    ).length;
  }

  #isTroubled(replica: SimReplica): boolean {
    if (!replica.isReady || replica.isPaused || !replica.disk.isAtBest) return true;
    if (this.#goodLives.get(replica.id) === replica.life) return false;
    if (!replica.isRecovering) this.#goodLives.set(replica.id, replica.life);
    return true;
  }

  #isBetween(name: string, firstMs: number, lastMs: number): boolean {
    const times = this.#times.get(name) ?? [];
    let begin = 0;
    for (let end = times.length; begin < end;) {
      const middle = (begin + end) >> 1;
      if (times[middle]! < firstMs) begin = middle + 1;
      else end = middle;
    }
    return begin < times.length && times[begin]! <= lastMs;
  }
}
