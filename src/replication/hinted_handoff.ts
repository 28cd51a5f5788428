/**
 * The delivery of hints to one returning replica (Dynamo, section 4.6), as a pace-keeper: when to read the next batch,
 * what is on the way, what was refused. It sees of a hint only its name; reading, sending and removing is its user's business.
 * @module
 */
import { mark } from "../base/mark.ts";

/** Batches are at most this long, so that a return does not starve clients. */
const BATCH_MAX = 256;

/** After an unanswered delivery, or a target without room, the next try comes after this. */
const RETRY_MS = 1000;

/** Refused hints are tried again after this. */
const REFUSED_RETRY_MS = 60_000;

/** What a batch turned out to be. */
export interface BatchRead {
  /** The name of the last hint read, sent or not. */
  readonly last: string | undefined;
  readonly more: boolean;
  readonly sentCount: number;
}

/** A hint on its way; users put along what they need when it is acknowledged. */
export interface NamedHint {
  readonly name: string;
}

/** The delivery to one target. */
export class HintedHandoff<Hint extends NamedHint> {
  readonly #perSecond: number;
  readonly #timeoutMs: number;
  /** Invariant: hints sent and neither acknowledged nor given up, by round. */
  readonly #onTheWay = new Map<number, { readonly hint: Hint; readonly sentMs: number }>();
  readonly #refused = new Map<string, number>();
  #allowance = 0;
  #allowanceMs: number | undefined;
  #isReading = false;
  #pauseUntilMs = -Infinity;
  /** The last hint of the batch before; undefined to begin at the first. */
  #cursor: string | undefined;

  constructor(options: { readonly perSecond: number; readonly timeoutMs: number }) {
    this.#perSecond = options.perSecond;
    this.#timeoutMs = options.timeoutMs;
  }

  /** How many hints to read and send now, and after which; undefined while it should wait. Then `onBatch` must follow. */
  nextBatch(nowMs: number): { readonly countMax: number; readonly after: string | undefined } | undefined {
    const elapsedMs = nowMs - (this.#allowanceMs ?? nowMs - 1000);
    this.#allowanceMs = nowMs;
    this.#allowance = Math.min(BATCH_MAX, this.#allowance + elapsedMs * this.#perSecond / 1000);
    if (this.#isReading || this.#onTheWay.size > 0 || nowMs < this.#pauseUntilMs) return undefined;
    if (this.#allowance < 1) {
      mark("handoff: held back to its pace");
      return undefined;
    }
    this.#isReading = true;
    return { countMax: Math.floor(this.#allowance), after: this.#cursor };
  }

  /** The batch was read up to `last`; without `more` the next one begins at the first hint again. */
  onBatch(batch: BatchRead, nowMs: number): void {
    this.#isReading = false;
    this.#allowance = Math.max(0, this.#allowance - batch.sentCount);
    if (batch.more) mark("handoff: more hints than one batch");
    this.#cursor = batch.more ? batch.last : undefined;
    if (batch.sentCount === 0 && !batch.more) this.#pauseUntilMs = nowMs + RETRY_MS;
  }

  /** Whether a refused hint should stay aside. */
  isSetAside(name: string, nowMs: number): boolean {
    const refusedMs = this.#refused.get(name);
    if (refusedMs === undefined) return false;
    if (nowMs - refusedMs < REFUSED_RETRY_MS) return true;
    this.#refused.delete(name);
    return false;
  }

  /** A hint was sent under this round. */
  onSent(round: number, hint: Hint, nowMs: number): void {
    this.#onTheWay.set(round, { hint, sentMs: nowMs });
  }

  /** The target holds what this round sent. Returns the hint, which may be removed; undefined if the round is unknown. */
  onDelivered(round: number): Hint | undefined {
    const sent = this.#onTheWay.get(round);
    this.#onTheWay.delete(round);
    return sent?.hint;
  }

  /** The target refused: for lack of room all wait a while, otherwise this hint is set aside. True if the round was ours. */
  onRefused(round: number, { isPassing }: { isPassing: boolean }, nowMs: number): boolean {
    const sent = this.#onTheWay.get(round);
    if (!sent) return false;
    this.#onTheWay.delete(round);
    if (isPassing) this.#pauseUntilMs = nowMs + RETRY_MS;
    else this.#refused.set(sent.hint.name, nowMs);
    return true;
  }

  /** Gives up what has been on the way too long; it will be read and sent again. */
  tick(nowMs: number): void {
    for (const [round, { sentMs }] of this.#onTheWay) {
      if (nowMs - sentMs < this.#timeoutMs) break;
      mark("handoff: delivery not answered in time");
      this.#onTheWay.delete(round);
      this.#pauseUntilMs = nowMs + RETRY_MS;
    }
  }

  /** The target is gone: whatever was on the way will be sent again when it returns, from the first hint on. */
  onTargetLost(): void {
    if (this.#onTheWay.size > 0) mark("handoff: target lost with hints on their way");
    this.#onTheWay.clear();
    this.#cursor = undefined;
    this.#pauseUntilMs = -Infinity;
  }
}
