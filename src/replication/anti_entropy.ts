/**
 * Anti-entropy (Dynamo, section 4.7), as a pace-keeper: which peer to compare with next, and when; whom to answer; how fast
 * keys may move. What is compared, and how, is its user's business.
 *
 * The replica with the lower id begins the passes of a pair. Each takes part in one pass at a time, of those that found
 * something: so three peers do not send the same keys to the one that lacks them, they find it equal one after the other.
 * @module
 */
import { mark } from "../base/mark.ts";

/** A busy peer is asked again after this, and up to as much again. */
const BUSY_RETRY_MS = 100;

/** A pass that came to nothing is repeated after so much of the interval. */
const FAILED_SHARE = 0.5;

/** Who asked for more than a comparison, and then fell silent, keeps others away for so long. */
const LEASE_MS = 3000;

/** Passes that find what cannot be mended come ever later, at most this often doubled. */
const DOUBLINGS_MAX = 5;

/** Keys that may move at once after a pause, as time at full pace. */
const BURST_MS = 250;

/** How a pass ended: all that differed is equal now; something could not be mended; it broke off; the peer had no time. */
export type PassEnd = "agreed" | "unmended" | "failed" | "busy";

interface Pair {
  /** When to compare next; undefined while the peer is away. */
  dueMs: number | undefined;
  doublings: number;
  agreedMs: number | undefined;
  /** Keys that differed in the last pass. */
  differed: number | undefined;
}

/** What is known of one pair. */
export interface PairStatus {
  readonly agreedMsAgo: number | undefined;
  readonly differed: number | undefined;
}

/** The schedule of one replica. */
export class AntiEntropy {
  readonly #intervalMs: number;
  readonly #keysPerSecond: number;
  readonly #draw: () => number;
  readonly #pairs = new Map<string, Pair>();
  /** Keys that may move now; below 0 after a page that was larger. */
  #allowance = 0;
  #allowanceMs: number | undefined;
  /** Who walks us down at the moment. */
  #lease: { readonly peer: string; endMs: number } | undefined;

  /** `draw` gives 0 to 2^32 − 1. */
  constructor(options: {
    readonly intervalMs: number;
    readonly keysPerSecond: number;
    readonly draw: () => number;
  }) {
    this.#intervalMs = options.intervalMs;
    this.#keysPerSecond = options.keysPerSecond;
    this.#draw = options.draw;
  }

  /** A peer came alive: what it missed is looked for at once. */
  onMet(peer: string, nowMs: number): void {
    const pair = this.#pair(peer);
    pair.dueMs = nowMs;
    pair.doublings = 0;
  }

  /** A peer is away. */
  onLost(peer: string): void {
    this.#pair(peer).dueMs = undefined;
    this.release(peer);
  }

  /** Whom of these to compare with now: who has waited longest. */
  duePeer(peers: readonly string[], nowMs: number): string | undefined {
    let due: string | undefined;
    let dueMs = nowMs;
    for (const peer of peers) {
      const pair = this.#pair(peer);
      if (pair.dueMs === undefined || pair.dueMs > dueMs || due !== undefined && pair.dueMs === dueMs) {
        continue;
      }
      due = peer;
      dueMs = pair.dueMs;
    }
    return due;
  }

  /** A pass with a peer, begun at `beganMs`, has ended. */
  onEnded(
    peer: string,
    { end, differing, beganMs }: { end: PassEnd; differing: number; beganMs: number },
    nowMs: number,
  ): void {
    const pair = this.#pair(peer);
    if (pair.dueMs !== undefined) pair.dueMs = nowMs + this.#pauseMs(pair, end);
    if (end === "busy" || end === "failed") return;
    this.onPassed(peer, { differing, isAgreed: end === "agreed", beganMs });
  }

  /** A pass, whoever began it, came to its end: what both know of it. */
  onPassed(
    peer: string,
    { differing, isAgreed, beganMs }: { differing: number; isAgreed: boolean; beganMs: number },
  ): void {
    const pair = this.#pair(peer);
    pair.differed = differing;
    if (isAgreed) pair.agreedMs = beganMs;
  }

  /** Whether a peer may walk us down. It keeps others away until it ends, or falls silent. */
  admit(peer: string, nowMs: number): boolean {
    if (!this.isFree(nowMs) && this.#lease!.peer !== peer) {
      mark("repairs: a peer sent away while another is served");
      return false;
    }
    this.#lease = { peer, endMs: nowMs + LEASE_MS };
    return true;
  }

  /** Whether nobody walks us down. */
  isFree(nowMs: number): boolean {
    return this.#lease === undefined || this.#lease.endMs <= nowMs;
  }

  /** A peer has ended its walk. */
  release(peer: string): void {
    if (this.#lease?.peer === peer) this.#lease = undefined;
  }

  /** Whether keys may move now. */
  mayMove(nowMs: number): boolean {
    const elapsedMs = nowMs - (this.#allowanceMs ?? nowMs);
    this.#allowanceMs = nowMs;
    const most = Math.max(1, this.#keysPerSecond * BURST_MS / 1000);
    this.#allowance = Math.min(most, this.#allowance + elapsedMs * this.#keysPerSecond / 1000);
    if (this.#allowance >= 0) return true;
    mark("repairs: held back to its pace");
    return false;
  }

  /** So many keys have moved. */
  onMoved(count: number): void {
    this.#allowance -= count;
  }

  /** What is known of a pair. */
  status(peer: string, nowMs: number): PairStatus {
    const { agreedMs, differed } = this.#pair(peer);
    return { agreedMsAgo: agreedMs === undefined ? undefined : nowMs - agreedMs, differed };
  }

  #pauseMs(pair: Pair, end: PassEnd): number {
    if (end === "busy") return BUSY_RETRY_MS + this.#below(BUSY_RETRY_MS);
    if (end !== "unmended") pair.doublings = 0;
    else if (pair.doublings < DOUBLINGS_MAX) pair.doublings++;
    const pauseMs = this.#intervalMs * (end === "failed" ? FAILED_SHARE : 2 ** pair.doublings);
    // Up to a tenth sooner, so that the passes of many replicas do not fall together for long.
    return pauseMs - this.#below(pauseMs / 10);
  }

  #below(end: number): number {
    return Math.floor(this.#draw() / 0x1_0000_0000 * end);
  }

  #pair(peer: string): Pair {
    let pair = this.#pairs.get(peer);
    if (pair === undefined) {
      pair = { dueMs: undefined, doublings: 0, agreedMs: undefined, differed: undefined };
      this.#pairs.set(peer, pair);
    }
    return pair;
  }
}
