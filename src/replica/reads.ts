/** Coordinated gets: ask the copies, answer at the level, mend what was found stale. @module */
import type { ByteString } from "../base/bytes.ts";
import { mark } from "../base/mark.ts";
import type { PlantedBug } from "../base/planted_bug.ts";
import { READ_BYTES_IN_FLIGHT_MAX, SMALL_VALUE_BYTES } from "../protocol/limits.ts";
import { requiredCount } from "../protocol/level.ts";
import type { Session } from "../protocol/tokens.ts";
import type { AnswerMessage, RefusedMessage, WrittenMessage } from "../replication/messages.ts";
import { ReadRepair } from "../replication/read_repair.ts";
import { ReadRound } from "../replication/read_round.ts";
import { decodeRecord, encodeRecord } from "../versions/record.ts";
import type { Held } from "../versions/resolve.ts";
import type { Clock } from "./clock.ts";
import { recordBytesMax } from "./cluster_config.ts";
import type { CompleteUntil } from "./complete_until.ts";
import type { Core } from "./core.ts";
import type { ReplicaId } from "./envelope.ts";
import * as failures from "./failures.ts";
import type { Keyspace } from "./keyspace.ts";
import {
  type Blocking,
  blockingFor,
  mayBeHeld,
  mendedAlready,
  type PendingRead as Pending,
  type ReadRequest,
} from "./pending_read.ts";
import { type FoundHeld, readAnswer } from "./read_answer.ts";
import { shownFirst } from "./siblings.ts";

/** All coordinated reads of one replica. */
export class Reads {
  readonly #core: Core;
  readonly #clock: Clock;
  readonly #complete: CompleteUntil;
  readonly #repairs = new Map<string, ReadRepair>();
  /** Invariant: in order of deadline. */
  readonly #pending = new Map<number, Pending>();
  readonly #bugs: ReadonlySet<PlantedBug>;
  /** From numbers under which some were asked again to those of their reads. */
  readonly #again = new Map<number, number>();
  #unansweredCount = 0;
  /** Invariant: the sum of `heldBytes` over all that are pending. */
  #heldBytes = 0;

  constructor(options: {
    readonly core: Core;
    readonly clock: Clock;
    readonly complete: CompleteUntil;
    readonly keyspaces: ReadonlyMap<string, Keyspace>;
    readonly bugs: ReadonlySet<PlantedBug>;
  }) {
    this.#core = options.core;
    this.#clock = options.clock;
    this.#complete = options.complete;
    this.#bugs = options.bugs;
    for (const keyspace of options.keyspaces.values()) {
      if (keyspace.config.readRepair === "off") continue;
      const intervalMs = options.core.config.settings.readRepairIntervalMs;
      this.#repairs.set(keyspace.name, new ReadRepair({ intervalMs, bugs: options.bugs }));
    }
  }

  /** Reads that no client has an answer to yet. */
  get load(): number {
    return this.#unansweredCount;
  }

  /** Begins a read. */
  start(request: ReadRequest): void {
    const { queue, peers, selfId, config, nextRound } = this.#core;
    const { keyspace, key, level } = request;
    const naturals = keyspace.naturalsOf(key);
    const required = requiredCount(level, keyspace.copies);
    const live = this.#core.counted(naturals);
    if (live.length < required) {
      mark("reads: refused because too few are live");
      return queue.refuse(
        request.id,
        failures.unavailable(keyspace, level, required, { live, uncounted: this.#core.uncounted(naturals) }),
      );
    }
    const holdsCopy = naturals.includes(selfId);
    const needsFresh = !this.#isOwnFresh(request, { holdsCopy });
    const isOwnEnough = !needsFresh && required === 1 && holdsCopy && !this.#core.isRecovering() &&
      !this.#isComparisonDue(keyspace, key);
    if (isOwnEnough && request.trace === undefined) return this.#readOwn(request);
    const asked = isOwnEnough ? [selfId] : naturals;
    const number = nextRound();
    const pending: Pending = {
      request,
      round: new ReadRound({
        asked,
        required,
        needsFresh,
        ...(holdsCopy ? { self: selfId } : {}),
        resolution: keyspace.config,
      }),
      required,
      needsFresh,
      deadlineMs: queue.now.monotonicMs + config.settings.requestTimeoutMs,
      isReplied: false,
      blocking: undefined,
      refusal: undefined,
      heldBytes: 0,
      againNumber: undefined,
    };
    this.#pending.set(number, pending);
    this.#unansweredCount++;
    request.trace?.hold();
    const others = asked.filter((id) => id !== selfId);
    const askOthers = (): void => {
      const alive = others.filter((id) => peers.isAlive(id));
      request.trace?.asked(others, alive);
      for (const id of others) if (!alive.includes(id)) pending.round.onFailure(id);
      const vector = needsFresh && !keyspace.config.siblings
        ? { vector: request.causal.session!.vector }
        : {};
      const wireKey = keyspace.wireKey(key);
      queue.send(alive, { type: "read", round: number, keyspace: keyspace.name, key: wireKey, ...vector });
    };
    if (!holdsCopy) return askOthers();
    // Why the own copy first: its size tells what the others would have to send, while nobody has begun to.
    queue.get(keyspace.storeKey(key), (value) => {
      if (!this.#pending.has(number)) return;
      const bytes = others.length === 0 ? 0 : value?.length ?? 0;
      if (this.#isTooMuch(bytes)) return this.#refuseTooMuch(number, pending);
      pending.heldBytes = bytes;
      this.#heldBytes += bytes;
      askOthers();
      const held = value ? decodeRecord(value) : [];
      this.#observe(held);
      const counts = !this.#core.isRecovering();
      pending.round.onAnswer(selfId, held, { counts });
      request.trace?.answered(selfId, held, { counts });
      this.#advance(number, pending);
    });
  }

  /**
   * Whether our own copy, read from now on, has all of this key that the session has seen (HAZARD H12). Where it may not, the
   * copies of others are asked; one that has answers for all of them.
   *
   * Why never where values stand side by side: one of them may lack another that its writer had seen, which the session
   * that reads it would then have to see too.
   */
  #isOwnFresh(
    { causal: { session }, keyspace }: ReadRequest,
    { holdsCopy }: { readonly holdsCopy: boolean },
  ): boolean {
    if (session === undefined || isEmpty(session.vector) || this.#bugs.has("session_ignored")) return true;
    this.#core.counters.add("session_gets", 1);
    if (
      keyspace.config.siblings || !holdsCopy || this.#core.isRecovering() ||
      !this.#complete.covers(session.vector)
    ) return false;
    this.#core.counters.add("session_gets_fresh", 1);
    return true;
  }

  /** Whether a copy of so many bytes must not wait here beside those that do. */
  #isTooMuch(bytes: number): boolean {
    return bytes > SMALL_VALUE_BYTES && this.#heldBytes > 0 &&
      this.#heldBytes + bytes > READ_BYTES_IN_FLIGHT_MAX;
  }

  #refuseTooMuch(number: number, pending: Pending): void {
    this.#pending.delete(number);
    this.#close(pending);
    const { queue, selfId } = this.#core;
    const what = `gets of ${this.#heldBytes} bytes`;
    queue.refuse(pending.request.id, failures.overloaded(selfId, what, READ_BYTES_IN_FLIGHT_MAX));
    pending.request.trace?.release();
  }

  /** Why apart: most reads of most clients are this one, and it needs no round, no deadline and no place in a table. */
  #readOwn(request: ReadRequest): void {
    const { queue, selfId } = this.#core;
    this.#unansweredCount++;
    queue.get(request.keyspace.storeKey(request.key), (value) => {
      const held = value ? decodeRecord(value) : [];
      this.#observe(held);
      this.#unansweredCount--;
      this.#sayHeld(request, { held, required: 1, answered: [selfId], repaired: [] });
    });
  }

  /** A replica told what it holds. True if the round was a read's. */
  onAnswer(from: ReplicaId, message: AnswerMessage): boolean {
    const number = this.#again.get(message.round) ?? message.round;
    const pending = this.#pending.get(number);
    if (!pending) {
      mark("reads: answer to a read that has ended ignored");
      return false;
    }
    // What was answered before it was asked again says nothing new, however often the network repeats it.
    if (pending.round.isAskedAgain(from) && message.round !== pending.againNumber) return true;
    this.#observe(message.versions);
    const counts = message.recovering !== true;
    if (!counts) mark("reads: answer of a recovering replica does not count");
    pending.round.onAnswer(from, message.versions, { counts, isFresh: message.fresh === true });
    pending.request.trace?.answered(from, message.versions, { counts });
    this.#advance(number, pending);
    return true;
  }

  /** A replica stored a repair that a reply waits for. True if the round was a read's. */
  onWritten(from: ReplicaId, message: WrittenMessage): boolean {
    const pending = this.#pending.get(message.round);
    if (!pending) return false;
    const counts = message.recovering !== true;
    pending.request.trace?.step("repaired", { replica: from, ...(counts ? {} : { recovering: true }) });
    this.#onRepaired(message.round, pending, from, { counts });
    return true;
  }

  /** A replica refused. True if the round was a read's. */
  onRefused(from: ReplicaId, message: RefusedMessage): boolean {
    const number = this.#again.get(message.round) ?? message.round;
    const pending = this.#pending.get(number);
    if (!pending) return false;
    mark("reads: a replica refused");
    const { code, message: text } = message;
    pending.request.trace?.step("refused", { replica: from, code, message: text });
    pending.refusal = `${from} refused: ${text}`;
    this.#onFailed(number, pending, from);
    return true;
  }

  /** A peer can no longer be reached. */
  onDied(id: ReplicaId): void {
    for (const [number, pending] of this.#pending) {
      if (pending.round.waiting().includes(id)) {
        mark("reads: a replica died before it answered");
        pending.request.trace?.step("died", { replica: id });
      }
      this.#onFailed(number, pending, id);
    }
  }

  /** Ends what is past its deadline. */
  tick(): void {
    const nowMs = this.#core.queue.now.monotonicMs;
    for (const [number, pending] of this.#pending) {
      if (pending.deadlineMs > nowMs) break;
      pending.request.trace?.step("deadline", { replicas: pending.round.waiting() });
      // A session's read that found nobody who is sure is content with those who came.
      if (pending.needsFresh && !pending.isReplied) {
        for (const id of pending.round.waiting()) this.#onFailed(number, pending, id);
        if (!this.#pending.has(number)) continue;
      }
      if (pending.isReplied) mark("reads: the last answers are not waited for any longer");
      else {
        if (pending.blocking) mark("reads: stale copies were not mended in time");
        else mark("reads: timed out");
        this.#refuse(pending);
      }
      this.#settle(number, pending);
    }
  }

  /** Why: a client that writes after it has read a value here means to replace it, so its stamp must be greater. */
  #observe(held: Held): void {
    for (let i = 0; i < held.length; i++) this.#clock.observe(held[i]!.stamp);
  }

  #advance(number: number, pending: Pending): void {
    if (!this.#pending.has(number)) return;
    const { round } = pending;
    if (!pending.isReplied && pending.blocking) this.#mendMore(number, pending, pending.blocking);
    else if (!pending.isReplied) {
      const verdict = round.verdict();
      if (verdict.kind === "failed") {
        mark("reads: level out of reach");
        this.#refuse(pending);
      } else if (verdict.kind === "answered" && this.#askAgain(number, pending)) return;
      else if (verdict.kind === "answered") this.#answer(number, pending, verdict.held, verdict.answered);
      else if (this.#bugs.has("not_found_early") && shownFirst(round.held())?.value === undefined) {
        this.#reply(pending, round.held(), round.answered(), []);
      }
    }
    if (round.isSettled() && pending.isReplied) this.#settle(number, pending);
  }

  /** Where values stand side by side, a session's read asks those again that may have answered too early; whether it asks any. */
  #askAgain(number: number, pending: Pending): boolean {
    const { request: { keyspace, key }, round, needsFresh } = pending;
    const ids = needsFresh && keyspace.config.siblings ? round.askAgain() : [];
    if (ids.length === 0) return false;
    const { queue, peers, selfId, nextRound } = this.#core;
    if (pending.againNumber !== undefined) this.#again.delete(pending.againNumber);
    const again = pending.againNumber = nextRound();
    this.#again.set(again, number);
    const alive = ids.filter((id) => id !== selfId && peers.isAlive(id));
    queue.send(alive, { type: "read", round: again, keyspace: keyspace.name, key: keyspace.wireKey(key) });
    if (ids.includes(selfId)) {
      queue.get(keyspace.storeKey(key), (value) => {
        if (pending.againNumber !== again || !this.#pending.has(number)) return;
        round.onAnswer(selfId, value ? decodeRecord(value) : [], { counts: !this.#core.isRecovering() });
        this.#advance(number, pending);
      });
    }
    for (const id of ids) if (id !== selfId && !alive.includes(id)) round.onFailure(id);
    this.#advance(number, pending);
    return true;
  }

  #answer(number: number, pending: Pending, held: Held, answered: readonly ReplicaId[]): void {
    const { keyspace } = pending.request;
    if (this.#bugs.has("answer_older") && held.length > 0) {
      return this.#reply(pending, pending.round.oldest(), answered, []);
    }
    if (keyspace.config.readRepair !== "blocking" || pending.round.stale().length === 0) {
      return this.#reply(pending, held, answered, []);
    }
    mark("reads: reply waits until stale copies are mended");
    pending.blocking = blockingFor(held, answered);
    this.#mendMore(number, pending, pending.blocking);
  }

  /** Why again with each answer: those found stale first may be unable to store, and who answers late can stand in for them. */
  #mendMore(number: number, pending: Pending, blocking: Blocking): void {
    this.#mend(number, pending, blocking.asked);
    this.#replyIfHeld(pending, blocking);
    if (pending.isReplied || mayBeHeld(pending, blocking)) return;
    mark("reads: stale copies cannot be mended");
    this.#refuse(pending);
  }

  /** Nobody answers any more, or stores a repair. */
  #onFailed(number: number, pending: Pending, id: ReplicaId): void {
    pending.round.onFailure(id);
    const { blocking } = pending;
    if (blocking?.asked.has(id) && !blocking.repaired.has(id)) blocking.failed.add(id);
    this.#advance(number, pending);
  }

  #onRepaired(number: number, pending: Pending, id: ReplicaId, { counts }: { counts: boolean }): void {
    const { blocking } = pending;
    if (!blocking || pending.isReplied) return;
    blocking.repaired.add(id);
    if (counts) blocking.counted.add(id);
    else mark("reads: a mended copy does not count");
    this.#advance(number, pending);
  }

  #replyIfHeld(pending: Pending, { held, answered, repaired, counted }: Blocking): void {
    // Why: who answers after the mending began may hold the winner already, and need not be mended.
    const holders = new Set([...counted, ...pending.round.holders(held)]);
    if (holders.size >= pending.required) this.#reply(pending, held, answered, [...repaired].sort());
  }

  #reply(pending: Pending, held: Held, answered: readonly ReplicaId[], repaired: readonly ReplicaId[]): void {
    const { request, required } = pending;
    this.#close(pending);
    const maybeStale = pending.needsFresh && !pending.round.isFresh();
    if (maybeStale) mark("reads: somebody who may know more of the session could not be asked");
    this.#sayHeld(request, { held, required, answered, repaired, maybeStale });
  }

  #sayHeld(request: ReadRequest, found: FoundHeld): void {
    const { queue, selfId } = this.#core;
    const answer = readAnswer(request, found, selfId);
    if (answer.ok) queue.reply(request.id, answer.value);
    else queue.refuse(request.id, answer.failure);
  }

  #refuse(pending: Pending): void {
    const { request, required, round } = pending;
    this.#close(pending);
    this.#core.queue.refuse(
      request.id,
      failures.readTimeout(this.#core.selfId, {
        level: request.level,
        required,
        answered: round.answered(),
        isMending: pending.blocking !== undefined,
        refusal: pending.refusal,
        timeoutMs: this.#core.config.settings.requestTimeoutMs,
      }),
    );
  }

  #close(pending: Pending): void {
    pending.isReplied = true;
    this.#unansweredCount--;
  }

  /** Everybody asked has answered or never will: stale copies are mended, also after the reply. */
  #settle(number: number, pending: Pending): void {
    this.#pending.delete(number);
    if (pending.againNumber !== undefined) this.#again.delete(pending.againNumber);
    this.#heldBytes -= pending.heldBytes;
    const targets = this.#mend(number, pending, mendedAlready(pending));
    const { trace } = pending.request;
    if (!trace) return;
    this.#core.queue.traces.awaitRepairs(number, trace, targets);
    trace.release();
  }

  /**
   * Sends what remains of all answers to those who hold less and are not among `asked`, which they then are; our own copy
   * too. Returns to whom it was sent.
   */
  #mend(number: number, pending: Pending, asked = new Set<ReplicaId>()): readonly ReplicaId[] {
    const { keyspace, key, trace } = pending.request;
    const plan = this.#repairs.get(keyspace.name)?.plan(pending.round);
    const targets = plan?.targets.filter((id) => !asked.has(id)) ?? [];
    if (!plan || targets.length === 0) return [];
    for (const id of targets) asked.add(id);
    const { queue, selfId, counters, config, promises } = this.#core;
    counters.add("read_repairs", targets.length);
    trace?.repairing(targets, plan.held);
    const others = targets.filter((id) => id !== selfId);
    queue.send(others, {
      type: "write",
      round: number,
      cause: "repair",
      keyspace: keyspace.name,
      key: keyspace.wireKey(key),
      versions: plan.held,
    });
    if (others.length === targets.length) return others;
    const sifted = promises.sift(keyspace, plan.held, "repair");
    if (sifted.kind !== "store") {
      this.#noteUnstored(pending, sifted.kind);
      return others;
    }
    const record = encodeRecord(sifted.versions);
    // What our configuration does not let us store, we go on without; whoever sends it as a write hears why.
    if (record.length > recordBytesMax(config.settings) || queue.isOverloaded) return others;
    mark("reads: own copy is stale");
    trace?.hold();
    queue.apply([{ key: keyspace.storeKey(key), value: record }], (result) => {
      const isStored = result.kind === "applied";
      if (!isStored) mark("reads: own copy could not be mended");
      trace?.step(isStored ? "repaired" : "refused", { replica: selfId });
      if (isStored) this.#onRepaired(number, pending, selfId, { counts: !this.#core.isRecovering() });
      else this.#onFailed(number, pending, selfId);
      trace?.release();
    });
    return others;
  }

  /** Why no step further: who asked for the mending goes on by itself. */
  #noteUnstored({ blocking }: Pending, kind: "known" | "refused"): void {
    const { selfId } = this.#core;
    if (kind === "refused") return void blocking?.failed.add(selfId);
    blocking?.repaired.add(selfId);
    if (!this.#core.isRecovering()) blocking?.counted.add(selfId);
  }

  #isComparisonDue(keyspace: Keyspace, key: ByteString): boolean {
    const repair = this.#repairs.get(keyspace.name);
    return repair?.isComparisonDue(key, this.#core.queue.now.monotonicMs) ?? false;
  }
}

function isEmpty(vector: Session["vector"]): boolean {
  for (const _ in vector) return false;
  return true;
}
