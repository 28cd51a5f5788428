/** The effects of one step as they gather, and the store tickets that lead back to who asked. @module */
import { fail, ok, type Result } from "../base/failure.ts";
import { mark } from "../base/mark.ts";
import type { Now, StoreCommand, StoreResult, StoreWrite } from "../ports.ts";
import type { Failure } from "../protocol/error_codes.ts";
import { STORE_BYTES_WAITING_MAX } from "../protocol/limits.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Effect } from "./effect.ts";
import type { Message, ReplicaId } from "./envelope.ts";
import type { RequestId, Ticket } from "./event.ts";
import { RequestMeter } from "./request_meter.ts";
import { PROBE_KEY } from "./store_keys.ts";
import { Traces } from "./traces.ts";

/** Result of an `apply`: durable, or refused for want of room. */
export type ApplyResult = Extract<StoreResult, { kind: "applied" | "disk_full" }>;
/** Result of a `scan`. */
export type ScanResult = Extract<StoreResult, { kind: "scanned" }>;

/** Ids of requests from within begin here and go down: no host counts so far. */
const INSIDE_IDS_BEGIN = -(2 ** 52);

/** What the parts of a replica share: the time of this step, and ways to say what should be done. */
export class EffectQueue {
  /** The time of the step under way. */
  now: Now = { monotonicMs: 0, wallMs: 0 };
  /** Counts each request when it comes, and when its answer leaves. */
  readonly meter = new RequestMeter();
  /** Traced requests: what answers them goes through their traces. */
  readonly traces = new Traces({
    nowMs: () => this.now.monotonicMs,
    send: (id, result) => this.#leave(id, result),
  });
  #effects: Effect[] = [];
  /**
   * Size of the write that the disk last had no room for; undefined when there is room.
   * Why a size: what is left of a full disk takes small writes, and would pass for a disk with room.
   */
  #refusedBytes: number | undefined;
  /** Keys and values of writes that have not come back. */
  #waitingBytes = 0;
  #nextTicket: Ticket = 1;
  #nextInsideId: RequestId = INSIDE_IDS_BEGIN;
  /** Invariant: one entry for each request from within that has no answer yet. */
  readonly #inside = new Map<RequestId, (result: Result<Reply, Failure>) => void>();
  /** Invariant: one entry for each store command that has not come back. */
  readonly #waiting = new Map<Ticket, (result: StoreResult) => void>();

  /** Sends one message to each of `to`. */
  send(to: readonly ReplicaId[], message: Message): void {
    if (to.length > 0) this.#effects.push({ kind: "send", envelope: { to, message } });
  }

  /** Answers a client with what was done. */
  reply(id: RequestId, reply: Reply): void {
    this.#answer(id, ok(reply));
  }

  /** Answers a client with why it was not done. */
  refuse(id: RequestId, failure: Failure): void {
    this.#answer(id, fail(failure));
  }

  /** Names a request that no client of this replica asked; `then` takes its answer. */
  inside(then: (result: Result<Reply, Failure>) => void): RequestId {
    const id = this.#nextInsideId--;
    this.#inside.set(id, then);
    return id;
  }

  /** Stores all writes or none; `then` runs in the step in which the result comes back. */
  apply(writes: readonly StoreWrite[], then: (result: ApplyResult) => void): void {
    const bytes = sizeOf(writes);
    this.#waitingBytes += bytes;
    this.#store({ kind: "apply", writes }, (result) => {
      this.#waitingBytes -= bytes;
      if (result.kind === "disk_full") this.#refusedBytes = Math.max(bytes, this.#refusedBytes ?? 0);
      else if (this.#refusedBytes !== undefined) this.#onTaken(bytes, this.#refusedBytes);
      then(result as ApplyResult);
    });
  }

  /** Bytes of keys and values that wait for the disk. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Whether so much waits for a slow disk that nothing further should be taken from outside. */
  get isOverloaded(): boolean {
    return this.#waitingBytes > STORE_BYTES_WAITING_MAX;
  }

  /** Whether a client's writes should be refused for want of room. */
  get isDiskFull(): boolean {
    return this.#refusedBytes !== undefined;
  }

  /** Asks a full disk whether it has room again for what it refused. */
  probe(): void {
    this.apply([{ key: PROBE_KEY, value: new Uint8Array(this.#refusedBytes ?? 0) }], () => {});
  }

  /** Reads one store key. */
  get(key: StoreWrite["key"], then: (value: Uint8Array | undefined) => void): void {
    this.#store({ kind: "get", key }, (result) => {
      if (result.kind === "got") then(result.value);
    });
  }

  /** Reads one page of store keys. */
  scan(
    range: Omit<Extract<StoreCommand, { kind: "scan" }>, "kind">,
    then: (result: ScanResult) => void,
  ): void {
    this.#store({ kind: "scan", ...range }, then as (result: StoreResult) => void);
  }

  /** Hands a result to who asked for it. */
  onStored(ticket: Ticket, result: StoreResult): void {
    const then = this.#waiting.get(ticket);
    this.#waiting.delete(ticket);
    then?.(result);
  }

  /** Takes what has gathered. */
  take(): readonly Effect[] {
    const effects = this.#effects;
    // Why: most steps ask for nothing.
    if (effects.length > 0) this.#effects = [];
    return effects;
  }

  /** The disk took a write after it had refused one. */
  #onTaken(bytes: number, refusedBytes: number): void {
    if (bytes < refusedBytes) return mark("store: a full disk takes what is smaller");
    mark("store: a full disk has room again");
    this.#refusedBytes = undefined;
  }

  #answer(id: RequestId, result: Result<Reply, Failure>): void {
    if (!this.traces.onResult(id, result)) this.#leave(id, result);
  }

  #leave(id: RequestId, result: Result<Reply, Failure>): void {
    const then = id > INSIDE_IDS_BEGIN ? undefined : this.#inside.get(id);
    if (then !== undefined) {
      this.#inside.delete(id);
      return then(result);
    }
    this.meter.end(id, result, this.now.monotonicMs);
    this.#effects.push({ kind: "reply", id, result });
  }

  #store(command: StoreCommand, then: (result: StoreResult) => void): void {
    const ticket = this.#nextTicket++;
    this.#waiting.set(ticket, then);
    this.#effects.push({ kind: "store", ticket, command });
  }
}

function sizeOf(writes: readonly StoreWrite[]): number {
  let bytes = 0;
  for (const { key, value } of writes) bytes += key.length + value.length;
  return bytes;
}
