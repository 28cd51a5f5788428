/**
 * What is broken on purpose in this replica, each thing until its end. It lives in memory only, so a restart ends all.
 * The transport asks it what stands between this replica and its peers; knows no sockets and carries nothing out.
 * @module
 */
import { unreachable } from "../base/assert.ts";
import { fail, ok, type Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { ActiveFault, Fault } from "../protocol/fault.ts";
import { FAULT_MS_DEFAULT, FAULTS_MAX } from "../protocol/limits.ts";
import type { Reply } from "../protocol/reply.ts";
import type { FaultRequest } from "../protocol/request.ts";
import type { ReplicaId } from "../replica/envelope.ts";
import type { LineFaults, Obstacle } from "../transport/obstruction.ts";

/** What faults need of the replica around them. */
export interface FaultsOptions {
  readonly selfId: ReplicaId;
  /** All members, this replica among them. */
  readonly memberIds: readonly ReplicaId[];
  /** Monotonic. */
  nowMs(): number;
  /** Calls `wake` once after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, wake: () => void): () => void;
  /** 0 up to 1. */
  draw(): number;
  /** Something was broken or mended. */
  onChange(): void;
}

interface Entry {
  readonly fault: Fault;
  readonly endMs: number;
}

/** The faults of one replica. */
export class Faults implements LineFaults {
  readonly #options: FaultsOptions;
  /** Invariant: of each kind but `cut` at most one. */
  #entries: Entry[] = [];
  /** By peer; reckoned when asked for, and anew after each change. */
  readonly #obstacles = new Map<ReplicaId, Obstacle | undefined>();
  #cancelTimer: () => void = () => {};

  constructor(options: FaultsOptions) {
    this.#options = options;
  }

  /** Carries out a request, and answers with the faults as they are then. */
  answer(request: FaultRequest): Result<Reply, Failure> {
    switch (request.action) {
      case "list":
        break;
      case "heal":
        this.heal();
        break;
      case "set": {
        const refusal = this.set(request.fault, request.for_ms ?? FAULT_MS_DEFAULT);
        if (refusal !== undefined) return fail(refusal);
        break;
      }
      default:
        unreachable(request);
    }
    return ok({ kind: "faults", replica: this.#options.selfId, faults: this.list() });
  }

  /** Breaks something for `durationMs`; the refusal where that cannot be. Cuts add up, all else replaces its like. */
  set(fault: Fault, durationMs: number): Failure | undefined {
    const refusal = fault.kind === "cut" ? this.#peersProblem(fault.peers) : undefined;
    if (refusal !== undefined) return refusal;
    const others = this.#entries.filter((entry) => !isReplaced(entry.fault, fault));
    if (others.length >= FAULTS_MAX) {
      const message =
        `${FAULTS_MAX} faults are at work on ${this.#options.selfId}, the most that may; heal first`;
      return { code: "overloaded", message };
    }
    this.#change([...others, { fault, endMs: this.#options.nowMs() + durationMs }]);
    return undefined;
  }

  /** Ends all faults. */
  heal(): void {
    if (this.#entries.length > 0) this.#change([]);
  }

  /** The faults at work, the oldest first. */
  list(): ActiveFault[] {
    const nowMs = this.nowMs();
    return this.#entries.map(({ fault, endMs }) => ({
      ...fault,
      left_ms: Math.max(0, Math.round(endMs - nowMs)),
    }));
  }

  get isPaused(): boolean {
    return this.#entries.some(({ fault }) => fault.kind === "pause");
  }

  /** What the wall clock is ahead; 0 where nothing is wrong with it. */
  get skewMs(): number {
    return this.#entries.reduce((sum, { fault }) => fault.kind === "skew" ? sum + fault.skew_ms : sum, 0);
  }

  obstacleTo(peer: ReplicaId): Obstacle | undefined {
    if (!this.#obstacles.has(peer)) this.#obstacles.set(peer, this.#reckonObstacle(peer));
    return this.#obstacles.get(peer);
  }

  nowMs(): number {
    return this.#options.nowMs();
  }

  after(delayMs: number, wake: () => void): () => void {
    return this.#options.after(delayMs, wake);
  }

  #peersProblem(peers: readonly ReplicaId[]): Failure | undefined {
    const { selfId, memberIds } = this.#options;
    const others = memberIds.filter((id) => id !== selfId);
    const wrong = peers.find((peer) => !others.includes(peer));
    if (wrong === undefined) return undefined;
    const message = `${JSON.stringify(wrong)} is no peer of ${selfId}; peers: ${others.join(", ") || "none"}`;
    return { code: "malformed_request", message };
  }

  #reckonObstacle(peer: ReplicaId): Obstacle | undefined {
    let obstacle: Obstacle | undefined;
    for (const { fault } of this.#entries) {
      const before = obstacle ?? CLEAR;
      switch (fault.kind) {
        case "cut": {
          if (!fault.peers.includes(peer)) break;
          const cutsIn = before.cutsIn || fault.way !== "to";
          const cutsOut = before.cutsOut || fault.way !== "from";
          obstacle = { ...before, cutsIn, cutsOut };
          break;
        }
        case "delay":
          obstacle = { ...before, delayMs: fault.delay_ms };
          break;
        case "drop":
          obstacle = { ...before, isLost: () => this.#options.draw() * 100 < fault.percent };
          break;
        case "pause":
          obstacle = { ...before, holds: true };
          break;
        case "skew":
          break;
        default:
          unreachable(fault);
      }
    }
    return obstacle;
  }

  #change(entries: Entry[]): void {
    this.#entries = entries;
    this.#obstacles.clear();
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    if (entries.length > 0) {
      const endMs = Math.min(...entries.map((entry) => entry.endMs));
      const leftMs = Math.max(0, Math.ceil(endMs - this.nowMs()));
      this.#cancelTimer = this.#options.after(leftMs, () => this.#expire());
    }
    this.#options.onChange();
  }

  #expire(): void {
    const nowMs = this.nowMs();
    this.#change(this.#entries.filter(({ endMs }) => endMs > nowMs));
  }
}

const CLEAR: Obstacle = { cutsIn: false, cutsOut: false, holds: false, delayMs: 0, isLost: undefined };

/** Whether the new fault takes the place of an older one. A cut does where it says the same again: then only the end is new. */
function isReplaced(older: Fault, newer: Fault): boolean {
  if (older.kind !== "cut" || newer.kind !== "cut") return older.kind === newer.kind;
  return older.way === newer.way && older.peers.join() === newer.peers.join();
}
