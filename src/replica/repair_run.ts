/** What one request `repair` has one replica do: a pass with one peer after the other, and the answer that tells of them. @module */
import { mark } from "../base/mark.ts";
import { REPAIR_MS_MAX, REPAIR_NAMED_MAX } from "../protocol/limits.ts";
import type { RepairedPeer, Reply } from "../protocol/reply.ts";
import type { ReplicaId } from "./envelope.ts";
import type { Keyspace } from "./keyspace.ts";
import type { BegunPass, PassResult } from "./repair_pass.ts";

/** A peer without time is asked again after this, and so often. */
const BUSY_RETRY_MS = 200;
const BUSY_RETRIES_MAX = 50;

/** A peer, and the keyspaces that it shares with the asked replica. */
export interface RepairTarget {
  readonly peer: ReplicaId;
  readonly keyspaces: readonly Keyspace[];
}

/** What a run is made of. */
export interface RepairRunOptions {
  readonly selfId: ReplicaId;
  readonly isDryRun: boolean;
  /** Whether it is about all keyspaces. */
  readonly isWhole: boolean;
  readonly nowMs: number;
  readonly peers: readonly RepairTarget[];
  readonly isAlive: (peer: ReplicaId) => boolean;
  readonly begin: (pass: BegunPass) => void;
  readonly onOver: (reply: Reply) => void;
}

/** One request at work. Requires: `tick` is called only when no pass is under way. */
export class RepairRun {
  readonly #options: RepairRunOptions;
  readonly #left: RepairTarget[];
  readonly #done: RepairedPeer[] = [];
  #nextMs = 0;
  #busyCount = 0;
  #isOver = false;

  constructor(options: RepairRunOptions) {
    this.#options = options;
    this.#left = [...options.peers];
  }

  /** Whether it was answered; it is, once its time is up. */
  isOver(nowMs: number): boolean {
    if (!this.#isOver && nowMs - this.#options.nowMs > REPAIR_MS_MAX) {
      mark("repairs: a client answered before the end");
      for (const { peer } of this.#left.splice(0)) {
        this.#done.push(ended(peer, "failed", `not reached within ${REPAIR_MS_MAX / 1000} s`));
      }
      this.#answer();
    }
    return this.#isOver;
  }

  /** Begins the next pass, or answers. */
  tick(nowMs: number): void {
    if (nowMs < this.#nextMs) return;
    const [target] = this.#left;
    if (target === undefined) return this.#answer();
    const { peer, keyspaces } = target;
    if (!this.#options.isAlive(peer)) {
      this.#left.shift();
      this.#done.push(ended(peer, "failed", `${peer} is away`));
      return;
    }
    const keys: RepairedPeer["keys"][number][] = [];
    const { isDryRun, isWhole } = this.#options;
    this.#options.begin({
      peer,
      keyspaces,
      isDryRun,
      isWhole,
      onDiffers: (keyspace, key) => {
        if (keys.length < REPAIR_NAMED_MAX) keys.push({ keyspace: keyspace.name, key });
      },
      onEnded: (result) => this.#onEnded(peer, keys, result, nowMs),
    });
  }

  #onEnded(peer: ReplicaId, keys: RepairedPeer["keys"], result: PassResult, nowMs: number): void {
    const { end, differing, sent, received, bytes, reason } = result;
    if (end === "busy" && this.#busyCount++ < BUSY_RETRIES_MAX) {
      this.#nextMs = nowMs + BUSY_RETRY_MS;
      return;
    }
    this.#busyCount = 0;
    this.#left.shift();
    this.#done.push({
      id: peer,
      end: end === "agreed" && this.#options.isDryRun ? "compared" : end,
      ...(reason === "" ? {} : { reason }),
      differing,
      keys,
      sent,
      received,
      bytes,
    });
  }

  #answer(): void {
    this.#isOver = true;
    const { selfId, isDryRun } = this.#options;
    this.#options.onOver({ kind: "repaired", replica: selfId, dry_run: isDryRun, peers: this.#done });
  }
}

function ended(id: ReplicaId, end: RepairedPeer["end"], reason: string): RepairedPeer {
  return { id, end, reason, differing: 0, keys: [], sent: 0, received: 0, bytes: 0 };
}
