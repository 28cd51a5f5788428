/**
 * A polite caller of a cluster: whom to ask, how long to wait, when to ask another. Pure: time comes in with each
 * call, and a `Link` carries the requests, over TCP or inside the simulator.
 *
 * A client stays with one coordinator. It turns to the next one only when no connection to the first could be made,
 * because only then it is certain that nothing happened; an unknown outcome is handed to the caller as it is.
 * @module
 */
import { fail, type Result } from "../base/failure.ts";
import { mark } from "../base/mark.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Request } from "../protocol/request.ts";

/** One attempt to have one replica do one request. Times are on the caller's monotonic clock. */
export interface Attempt {
  readonly replica: string;
  readonly request: Request;
  /** A connection that does not stand by then counts as unreachable. */
  readonly connectByMs: number;
  readonly deadlineMs: number;
}

/** How an attempt ended. */
export type AttemptEnd =
  /** The replica, or the connection to it, gave this result. */
  | { readonly kind: "answered"; readonly result: Result<Reply, Failure> }
  /** No connection could be made: nothing was sent, nothing happened. `reason` is a few words. */
  | { readonly kind: "unreachable"; readonly reason: string };

/** Carries requests to replicas. */
export interface Link {
  /** Calls `done` at most once, during or after the call, with the time at which it does. */
  attempt(attempt: Attempt, done: (nowMs: number, end: AttemptEnd) => void): void;
}

/** What a client is made of. */
export interface ClientOptions {
  /** Ids of the replicas that may coordinate, in the order of preference. Not empty. */
  readonly replicas: readonly string[];
  /** Ask only this one, and no other when it is away. */
  readonly coordinator?: string;
  readonly timeoutMs: number;
  readonly link: Link;
  /** What to do where no replica can be reached, as a sentence; absent where nobody knows. */
  readonly wayOut?: string;
}

/** A replica that lives has a connection standing within this time; less time says nothing of it. */
const CONNECT_MS_MIN = 100;

/** How a request ended, and who was asked last. */
export interface Outcome {
  readonly result: Result<Reply, Failure>;
  readonly replica: string;
}

interface Pending {
  readonly request: Request;
  readonly deadlineMs: number;
  readonly timeoutMs: number;
  /** Who may still be asked, the present one first. */
  readonly candidates: string[];
  readonly refusals: { readonly replica: string; readonly reason: string }[];
  readonly isSticky: boolean;
  readonly done: (outcome: Outcome) => void;
}

/** Asks a cluster on behalf of one caller. */
export class Client {
  readonly #replicas: readonly string[];
  readonly #link: Link;
  readonly #timeoutMs: number;
  readonly #wayOut: string;
  #isPinned: boolean;
  /** Invariant: holds exactly the requests whose `done` was not called. */
  readonly #pending = new Set<Pending>();
  #coordinator: string;

  constructor({ replicas, coordinator, timeoutMs, link, wayOut }: ClientOptions) {
    if (replicas.length === 0) throw new RangeError("a client needs at least one replica");
    this.#replicas = replicas;
    this.#link = link;
    this.#timeoutMs = timeoutMs;
    this.#wayOut = wayOut === undefined ? "" : ` ${wayOut}.`;
    this.#isPinned = coordinator !== undefined;
    this.#coordinator = coordinator ?? replicas[0]!;
  }

  /** Whom the next request goes to first. */
  get coordinator(): string {
    return this.#coordinator;
  }

  /** Has later requests go to this replica first; one that stays asks no other when it is away. */
  turnTo(replica: string, { stays }: { readonly stays: boolean }): void {
    this.#coordinator = replica;
    this.#isPinned = stays;
  }

  /** Has some replica coordinate `request`, and calls `done` once. */
  request(nowMs: number, request: Request, done: (outcome: Outcome) => void): void {
    const others = this.#isPinned ? [] : this.#replicas.filter((id) => id !== this.#coordinator);
    this.#begin(nowMs, request, [this.#coordinator, ...others], this.#timeoutMs, done);
  }

  /** Asks this one replica and no other; the choice of coordinator stays as it is. */
  ask(
    nowMs: number,
    replica: string,
    request: Request,
    done: (outcome: Outcome) => void,
    timeoutMs = this.#timeoutMs,
  ): void {
    this.#begin(nowMs, request, [replica], timeoutMs, done);
  }

  /** The passing of time: ends what is over its deadline. */
  onTick(nowMs: number): void {
    for (const pending of this.#pending) {
      if (nowMs < pending.deadlineMs) continue;
      mark("client: no answer in time");
      this.#end(pending, fail(timedOut(pending)));
    }
  }

  #begin(
    nowMs: number,
    request: Request,
    candidates: string[],
    timeoutMs: number,
    done: (outcome: Outcome) => void,
  ): void {
    const pending: Pending = {
      request,
      deadlineMs: nowMs + timeoutMs,
      timeoutMs,
      candidates,
      refusals: [],
      isSticky: candidates.length > 1,
      done,
    };
    this.#pending.add(pending);
    this.#attempt(nowMs, pending);
  }

  #attempt(nowMs: number, pending: Pending): void {
    const replica = pending.candidates[0]!;
    // Why: each candidate gets an equal share of what is left, and one share stays for the request itself; a dead
    // address that swallows packets must not use up the time of those that would answer.
    // And where shares would be too small for anybody, those in front get enough, and the last may get none.
    const leftMs = pending.deadlineMs - nowMs;
    const shareMs = Math.max(leftMs / (pending.candidates.length + 1), Math.min(leftMs, CONNECT_MS_MIN));
    const { request, deadlineMs } = pending;
    this.#link.attempt({ replica, request, connectByMs: nowMs + shareMs, deadlineMs }, (laterMs, end) => {
      if (!this.#pending.has(pending)) return mark("client: answer after the deadline ignored");
      if (end.kind === "answered") {
        if (pending.isSticky) this.#coordinator = replica;
        return this.#end(pending, end.result);
      }
      pending.refusals.push({ replica, reason: end.reason });
      if (pending.candidates.length === 1 || laterMs >= deadlineMs) {
        mark("client: nobody can be reached");
        return this.#end(pending, fail(unreachable(pending, this.#wayOut)));
      }
      mark("client: turned to another coordinator");
      pending.candidates.shift();
      this.#attempt(laterMs, pending);
    });
  }

  #end(pending: Pending, result: Result<Reply, Failure>): void {
    this.#pending.delete(pending);
    pending.done({ result, replica: pending.candidates[0]! });
  }
}

function unreachable({ request, candidates, refusals, isSticky }: Pending, wayOut: string): Failure {
  const reasons = refusals.map(({ replica, reason }) => isSticky ? `${replica}: ${reason}` : reason).join(
    "; ",
  );
  const untried = candidates.slice(1);
  const rest = untried.length === 0 ? "" : `; no time was left for ${untried.join(" ")}`;
  return {
    code: "unavailable",
    message: (isSticky
      ? `no replica can be reached (${reasons}${rest}); is the cluster running?${wayOut}`
      // A replica may be known by its address alone.
      : `${reasons}; is ${
        reasons.includes(candidates[0]!) ? "a replica running there" : `${candidates[0]} running`
      }?`) +
      (isWrite(request) ? " Nothing was sent." : ""),
    definite: true,
  };
}

function timedOut({ request, timeoutMs, candidates }: Pending): Failure {
  return {
    code: "timeout",
    message: `no answer from ${candidates[0]} within ${timeoutMs} ms (paused?)` +
      (isWrite(request) ? `; the ${request.op} may have happened, or may still happen` : ""),
    definite: !isWrite(request),
  };
}

function isWrite({ op }: Request): boolean {
  return op === "put" || op === "delete";
}
