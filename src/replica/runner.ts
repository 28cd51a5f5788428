/** Joins one `Replica` with its store and the world: feeds events, carries out effects, flushes once a turn. @module */
import { assert } from "../base/assert.ts";
import type { Result } from "../base/failure.ts";
import type { Now, Store, StoreResult } from "../ports.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Effect } from "./effect.ts";
import type { Envelope } from "./envelope.ts";
import type { Event, RequestId } from "./event.ts";

/** What a runner needs of the world around it. */
export interface RunnerPorts {
  now(): Now;
  /** Best effort: may lose, repeat, delay and reorder. Never throws. */
  send(envelope: Envelope): void;
  /** Never throws; the client may be gone. */
  reply(id: RequestId, result: Result<Reply, Failure>): void;
  /** Sends what `send` and `reply` queued, one write a connection. Never throws. */
  flush(): void;
  /** Asks for one call of `Runner.flush` at the end of this turn, when all events at hand have been fed. */
  wake(): void;
}

/** The part of a replica that the runner drives. */
export interface Machine {
  step(now: Now, event: Event): readonly Effect[];
}

/** One replica at work. */
export class Runner {
  readonly #machine: Machine;
  readonly #store: Store;
  readonly #ports: RunnerPorts;
  readonly #inbox: Event[] = [];
  /** Whether events only gather: another is being carried out, or the replica stands still. */
  #isDraining = false;
  #isAwake = false;
  /**
   * Writes for peers that wait for the commit which holds the own copy.
   *
   * Why: no put is answered before that commit has ended, so its copies need not leave before it begins. Until then they
   * gather, and each peer gets them in one piece, stores them with one sync and acknowledges them in one piece.
   */
  #held: Envelope[] = [];
  /** Commits begun when the first of them came. */
  #heldCommitCount = 0;

  constructor(machine: Machine, store: Store, ports: RunnerPorts) {
    this.#machine = machine;
    this.#store = store;
    this.#ports = ports;
  }

  /** Lets something happen. Effects are carried out before this returns, but for what waits for `flush`. */
  feed(event: Event): void {
    if (!this.#isAwake) {
      this.#isAwake = true;
      this.#ports.wake();
    }
    if (this.#isDraining) {
      this.#inbox.push(event);
      return;
    }
    this.#isDraining = true;
    // Those that gathered while the replica stood still come first.
    if (this.#inbox.length > 0) this.#drain();
    this.#carryOut(event);
    if (this.#inbox.length > 0) this.#drain();
    this.#isDraining = false;
  }

  /** Stands still: from now on events only gather. */
  pause(): void {
    assert(!this.#isDraining, "a replica is paused twice, or by its own event");
    // Why no flag of its own: while an event is carried out others gather too, and one look must tell both.
    this.#isDraining = true;
  }

  /** Goes on with what has gathered. Requires: paused. */
  resume(): void {
    this.#isDraining = false;
    this.feed({ kind: "tick" });
  }

  /** Ends a turn: messages leave first, so that peers work while this disk syncs. */
  flush(): void {
    this.#isAwake = false;
    if (this.#held.length > 0) this.#release();
    this.#ports.flush();
    this.#store.flush();
  }

  #drain(): void {
    // Why: by index, since carrying out an effect may feed more events.
    for (let i = 0; i < this.#inbox.length; i++) this.#carryOut(this.#inbox[i]!);
    this.#inbox.length = 0;
  }

  #carryOut(event: Event): void {
    for (const effect of this.#machine.step(this.#ports.now(), event)) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case "send":
        return this.#send(effect.envelope);
      case "reply":
        return this.#ports.reply(effect.id, effect.result);
      case "store":
        return this.#store.submit(effect.command, (result: StoreResult) => {
          this.feed({ kind: "stored", ticket: effect.ticket, result });
        });
    }
  }

  #send(envelope: Envelope): void {
    const { message } = envelope;
    const store = this.#store;
    if (message.type !== "write" || message.cause !== "put" || !store.isCommitting) {
      return this.#ports.send(envelope);
    }
    if (this.#held.length === 0) this.#heldCommitCount = store.commitCount;
    this.#held.push(envelope);
  }

  /** Sends what was held for a commit that has begun by now. */
  #release(): void {
    const store = this.#store;
    if (store.isCommitting && store.commitCount === this.#heldCommitCount) return;
    const held = this.#held;
    this.#held = [];
    for (const envelope of held) this.#ports.send(envelope);
  }
}
