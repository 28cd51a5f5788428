/** Coordinated puts and deletes: stamp, send to all copies, answer at the level, owe hints to whoever missed it. @module */
import { mark } from "../base/mark.ts";
import type { PlantedBug } from "../base/planted_bug.ts";
import { requiredCount } from "../protocol/level.ts";
import type { RefusedMessage, WrittenMessage } from "../replication/messages.ts";
import { WriteRound } from "../replication/write_round.ts";
import { decodeRecord, encodeRecord, firstDot, hasValue, isSameFirst } from "../versions/record.ts";
import type { Held } from "../versions/resolve.ts";
import type { Stamp } from "../versions/stamp.ts";
import { compareVersions, type Version } from "../versions/version.ts";
import { greatestOf, UNTOLD } from "./causality.ts";
import type { Clock } from "./clock.ts";
import type { Core } from "./core.ts";
import type { ReplicaId } from "./envelope.ts";
import type { Debts } from "./debts.ts";
import * as failures from "./failures.ts";
import { collectsTombstones } from "./keyspace_config.ts";
import { encodeOwed } from "./owed_record.ts";
import {
  definiteTimeout,
  type PendingWrite as Pending,
  receiptOf,
  timeoutOf,
  type WriteRequest,
} from "./pending_write.ts";
import { NewVersions } from "./new_versions.ts";
import { CEILING_KEY, encodeStamp, owedKey } from "./store_keys.ts";
import { versionName } from "./version_name.ts";

const NOTHING = new Uint8Array(0);

/** All coordinated writes of one replica. */
export class Writes {
  readonly #core: Core;
  readonly #clock: Clock;
  readonly #debts: Debts;
  readonly #versions: NewVersions;
  readonly #bugs: ReadonlySet<PlantedBug>;
  readonly #onMissed: (id: ReplicaId) => void;
  /** Invariant: in order of deadline, and of stamps. */
  readonly #pending = new Map<number, Pending>();
  /** Invariant: requests that wait for a higher clock ceiling; nothing of them was sent. */
  #parked: { readonly request: WriteRequest; readonly deadlineMs: number }[] = [];
  #parkedBytes = 0;
  /** Stamps of what was given to our own disk and is not on it yet. Invariant: in order. */
  readonly #unstored = new Set<Stamp>();
  #hasWritten = false;
  #unansweredCount = 0;
  #unansweredBytes = 0;

  constructor(options: {
    readonly core: Core;
    readonly clock: Clock;
    readonly debts: Debts;
    readonly origin: string;
    /** A write has missed a copy, and no hint will be kept of it. */
    readonly onMissed: (id: ReplicaId) => void;
    readonly bugs: ReadonlySet<PlantedBug>;
  }) {
    this.#core = options.core;
    this.#clock = options.clock;
    this.#debts = options.debts;
    this.#versions = new NewVersions(options);
    this.#bugs = options.bugs;
    this.#onMissed = options.onMissed;
  }

  /** Whether this life has stamped any. */
  get hasWritten(): boolean {
    return this.#hasWritten;
  }

  /** The oldest that is under way; `Infinity` where there is none. */
  oldest(): Stamp {
    for (const { version } of this.#pending.values()) return version.stamp;
    return Infinity;
  }

  /** The oldest under way that a replica has not acknowledged. Why it looks at each: it is asked a few times a second. */
  oldestMissing(id: ReplicaId): Stamp {
    for (const { others, round, version } of this.#pending.values()) {
      if (others.includes(id) && !round.isOnDisk(id)) return version.stamp;
    }
    return Infinity;
  }

  /** The oldest that is not on our own disk. */
  oldestUnstored(): Stamp {
    for (const stamp of this.#unstored) return stamp;
    return Infinity;
  }

  /** Writes that no client has an answer to yet, and the value bytes they hold. */
  get load(): { readonly count: number; readonly bytes: number } {
    return {
      count: this.#unansweredCount + this.#parked.length,
      bytes: this.#unansweredBytes + this.#parkedBytes,
    };
  }

  /** Begins a write. Every refusal here is definite: nothing was sent yet (HAZARD H15). */
  start(request: WriteRequest): void {
    const { queue, config } = this.#core;
    this.#admit(request, queue.now.monotonicMs + config.settings.requestTimeoutMs);
  }

  /** Where siblings stay, sees first whether there is room for one more. Why again after a wait: others may have come. */
  #admit(request: WriteRequest, parkedUntilMs: number): void {
    if (!request.keyspace.config.siblings) return this.#start(request, parkedUntilMs);
    this.#begin(request);
    this.#versions.look(request, (refusal) => {
      this.#end(request);
      if (refusal === undefined) this.#start(request, parkedUntilMs);
      else this.#core.queue.refuse(request.id, refusal);
    });
  }

  /** `parkedUntilMs`: when the request gives up waiting for a higher ceiling, however often it has to. */
  #start(request: WriteRequest, parkedUntilMs: number): void {
    const { queue, config, peers, selfId, promises } = this.#core;
    const { keyspace, level } = request;
    const naturals = keyspace.naturalsOf(request.key);
    const isFree = this.#bugs.has("proxy_counts_itself") && !naturals.includes(selfId);
    const required = requiredCount(level, keyspace.copies) - (isFree ? 1 : 0);
    if (queue.isDiskFull) {
      mark("writes: refused for a full disk");
      return queue.refuse(request.id, failures.diskFull(selfId));
    }
    if (queue.isOverloaded) return queue.refuse(request.id, failures.diskSlow(selfId));
    const leadMs = peers.leadMs();
    if (leadMs > config.settings.clockSkewMaxMs) {
      mark("writes: refused for a clock that is ahead");
      return queue.refuse(request.id, failures.clockSkew(selfId, leadMs, config.settings.clockSkewMaxMs));
    }
    if (!this.#clock.hasRoom(queue.now.wallMs)) {
      return queue.refuse(request.id, failures.noStampsLeft(selfId));
    }
    const live = this.#bugs.has("count_hints") ? naturals : this.#core.counted(naturals);
    if (live.length < required) {
      mark("writes: refused because too few are live");
      return queue.refuse(
        request.id,
        failures.unavailable(keyspace, level, required, { live, uncounted: this.#core.uncounted(naturals) }),
      );
    }
    if (!promises.isKnown && collectsTombstones(keyspace.config)) {
      mark("writes: refused until it is known what others have promised");
      return queue.refuse(request.id, failures.promisesUnknown(selfId));
    }
    if (request.causal !== UNTOLD) this.#clock.observe(greatestOf(request.causal));
    const stamp = this.#clock.next(queue.now.wallMs);
    this.renewCeiling();
    if (stamp === undefined) {
      mark("writes: one waits for a higher ceiling");
      request.trace?.step("parked");
      this.#parked.push({ request, deadlineMs: parkedUntilMs });
      this.#parkedBytes += request.value?.length ?? 0;
      return;
    }
    this.#send(request, { naturals, required, version: this.#versions.of(request, stamp) });
  }

  /** A replica has a write on disk. True if the round was a write's. */
  onWritten(from: ReplicaId, message: WrittenMessage): boolean {
    const pending = this.#pending.get(message.round);
    if (!pending) return false;
    const counts = message.recovering !== true;
    if (!counts) mark("writes: acknowledgement of a recovering replica does not count");
    pending.round.onAck(from, { counts });
    pending.request.trace?.written("acked", from, { by: message.superseded_by, counts });
    this.#supersede(pending, message.superseded_by);
    this.#advance(message.round, pending);
    return true;
  }

  /** A replica refused. True if the round was a write's. */
  onRefused(from: ReplicaId, message: RefusedMessage): boolean {
    const pending = this.#pending.get(message.round);
    if (!pending) return false;
    mark("writes: a replica refused");
    pending.round.onFailure(from);
    pending.request.trace?.step("refused", { replica: from, code: message.code, message: message.message });
    pending.refusal = `${from} refused: ${message.message}`;
    this.#advance(message.round, pending);
    return true;
  }

  /** A peer can no longer be reached: what it has not acknowledged, it is owed. */
  onDied(id: ReplicaId): void {
    for (const [number, pending] of this.#pending) {
      if (!pending.isShipped) continue;
      if (pending.round.waiting().includes(id)) {
        mark("writes: a replica died before it acknowledged");
        pending.request.trace?.step("died", { replica: id });
      }
      pending.round.onFailure(id);
      this.#advance(number, pending);
    }
  }

  /** Ends what is past its deadline. */
  tick(): void {
    const { queue } = this.#core;
    const nowMs = queue.now.monotonicMs;
    for (const [number, pending] of this.#pending) {
      if (pending.deadlineMs > nowMs) break;
      if (!pending.isShipped) {
        // Why it stays: the others are owed what the own disk will hold, and that is known when it does.
        if (!pending.isReplied) this.#refuseTimeout(pending);
        continue;
      }
      pending.request.trace?.step("deadline", { replicas: pending.round.waiting() });
      if (pending.isReplied) mark("writes: a copy is still missing at the deadline");
      else {
        mark("writes: timed out with an unknown outcome");
        this.#refuseTimeout(pending);
      }
      for (const id of pending.round.missing()) pending.round.onFailure(id);
      pending.round.onFailure(this.#core.selfId);
      this.#settle(number, pending);
    }
    if (this.#parked.length > 0) this.#tickParked(nowMs);
  }

  #tickParked(nowMs: number): void {
    const late = this.#parked.filter(({ deadlineMs }) => deadlineMs <= nowMs);
    this.#parked = this.#parked.filter(({ deadlineMs }) => deadlineMs > nowMs);
    for (const { request } of late) {
      mark("writes: one gave up waiting for a higher ceiling");
      this.#parkedBytes -= request.value?.length ?? 0;
      this.#core.queue.refuse(request.id, failures.diskSlow(this.#core.selfId));
    }
    if (this.#parked.length > 0) this.renewCeiling();
  }

  /** Writes a higher clock ceiling if one is due; parked requests go on when it is on disk. */
  renewCeiling(): void {
    const { queue } = this.#core;
    const ceiling = this.#clock.dueCeiling(queue.now.wallMs);
    if (ceiling === undefined) return;
    queue.apply([{ key: CEILING_KEY, value: encodeStamp(ceiling) }], (result) => {
      this.#clock.onCeilingStored(result.kind === "applied" ? ceiling : undefined);
      this.#parkedBytes = 0;
      for (const { request, deadlineMs } of this.#parked.splice(0)) this.#admit(request, deadlineMs);
    });
  }

  #send(request: WriteRequest, { naturals, required, version }: {
    readonly naturals: readonly ReplicaId[];
    readonly required: number;
    readonly version: Version;
  }): void {
    const { queue, selfId, config, nextRound, promises } = this.#core;
    const { keyspace, key } = request;
    const number = nextRound();
    const record = encodeRecord([version]);
    const others = keyspace.othersThan(naturals, selfId);
    const holdsCopy = others.length < naturals.length;
    const isStoredFirst = keyspace.config.siblings && !this.#bugs.has("ships_before_store");
    const owedAt = keyspace.config.hintedHandoff && others.length > 0 ? owedKey(version.stamp) : undefined;
    const pending: Pending = {
      request,
      others,
      round: new WriteRound({ naturals, required, self: selfId }),
      version,
      record,
      beside: [],
      isShipped: !isStoredFirst,
      deadlineMs: queue.now.monotonicMs + config.settings.requestTimeoutMs,
      owedAt,
      isReplied: false,
      isNew: false,
      supersededBy: undefined,
      refusal: undefined,
    };
    this.#pending.set(number, pending);
    this.#hasWritten = true;
    this.#begin(request);
    if (request.trace) {
      request.trace.hold();
      request.trace.step("stamped", { version: versionName(version) });
    }
    if (isStoredFirst) this.#versions.take(request, record.length);
    else this.#ship(number, pending, [version]);
    const removals = this.#debts.takePaid();
    const writes = [...removals];
    const dataIndex = writes.length;
    if (holdsCopy) writes.push({ key: keyspace.storeKey(key), value: record });
    if (owedAt !== undefined) {
      const owed = { keyspace: keyspace.name, key, targets: others, ...(holdsCopy ? {} : { record }) };
      writes.push({ key: owedAt, value: encodeOwed(owed) });
    }
    if (writes.length === dataIndex) {
      // A coordinator without a copy, and nobody to keep a hint for: nothing of its own need be on disk.
      mark("writes: coordinator has nothing of its own to store");
      this.#debts.pay(removals);
      return this.#onOwn(number, pending, undefined);
    }
    this.#unstored.add(version.stamp);
    queue.apply(writes, (result) => {
      this.#unstored.delete(version.stamp);
      if (isStoredFirst) this.#versions.give(request, record.length);
      if (result.kind === "applied") {
        const change = holdsCopy ? result.changes[dataIndex]! : undefined;
        pending.isNew = change !== undefined && (change.old === undefined || !hasValue(change.old));
        if (isStoredFirst) return this.#onStoredFirst(number, pending, change!.new!);
        return this.#onOwn(number, pending, change?.new);
      }
      mark("writes: no room for the own copy of one that was sent");
      this.#debts.pay(removals);
      if (isStoredFirst) return this.#refuseUnsent(number, pending);
      const { code, message } = failures.diskFull(selfId);
      request.trace?.step("refused", { replica: selfId, code, message });
      pending.refusal = message;
      if (holdsCopy) this.#onMissed(selfId);
      // The others may hold it by now, so our copy is owed as theirs are.
      if (owedAt !== undefined && holdsCopy) {
        this.#debts.storeLater(
          { key: keyspace.storeKey(key), value: record },
          () => promises.mayStore(keyspace, [version]),
        );
      }
      pending.round.onFailure(selfId);
      this.#advance(number, pending);
    });
  }

  /** Sends versions to all others that are alive. */
  #ship(number: number, pending: Pending, versions: Held): void {
    const { queue, peers } = this.#core;
    const { request: { keyspace, key, trace }, others, round } = pending;
    pending.isShipped = true;
    const alive = peers.aliveOf(others);
    trace?.asked(others, alive);
    queue.send(alive, {
      type: "write",
      round: number,
      cause: "put",
      keyspace: keyspace.name,
      key: keyspace.wireKey(key),
      versions,
    });
    if (alive.length < others.length) this.#missDead(round, others, alive);
  }

  /**
   * The own disk holds the version beside all that stands with it: all of that goes to the others (HAZARD H10).
   *
   * Why all: a context names what its reader has seen of an origin by the last stamp. So whoever holds a version must hold
   * every earlier one of that origin that nothing has replaced, or a reader would replace what it has not seen.
   */
  #onStoredFirst(number: number, pending: Pending, merged: Uint8Array): void {
    const versions = decodeRecord(merged);
    pending.record = merged;
    pending.beside = versions.filter((version) => compareVersions(version, pending.version) !== 0);
    this.#ship(number, pending, versions);
    this.#onOwn(number, pending, merged);
  }

  /** There is no room for the version here, and nobody else has heard of it. */
  #refuseUnsent(number: number, pending: Pending): void {
    mark("writes: no room for a version that was to be shipped");
    this.#pending.delete(number);
    if (!pending.isReplied) {
      this.#close(pending);
      this.#core.queue.refuse(pending.request.id, failures.diskFull(this.#core.selfId));
    }
    pending.request.trace?.release();
  }

  #missDead(round: WriteRound, others: readonly ReplicaId[], alive: readonly ReplicaId[]): void {
    for (const id of others) {
      if (alive.includes(id)) continue;
      if (this.#bugs.has("count_hints")) round.onAck(id, { counts: true });
      else round.onFailure(id);
    }
  }

  #onOwn(number: number, pending: Pending, held: Uint8Array | undefined): void {
    const { selfId } = this.#core;
    const { trace } = pending.request;
    const counts = !this.#core.isRecovering();
    const by = held && !isSameFirst(held, pending.record) ? firstDot(held) : undefined;
    pending.round.onAck(selfId, { counts });
    if (held) trace?.written("stored", selfId, { by, counts });
    if (pending.owedAt !== undefined) {
      trace?.step("owed_kept", { replicas: pending.others });
    }
    this.#supersede(pending, by);
    this.#advance(number, pending);
  }

  #supersede(pending: Pending, by: { readonly stamp: number; readonly origin: string } | undefined): void {
    if (!by) return;
    mark("writes: one had lost before it was acknowledged");
    this.#clock.observe(by.stamp);
    if (!pending.supersededBy || compareVersions(by, pending.supersededBy) > 0) pending.supersededBy = by;
  }

  #advance(number: number, pending: Pending): void {
    if (!this.#pending.has(number)) return;
    if (!pending.isReplied) {
      const verdict = pending.round.verdict();
      const isHeldBack = this.#bugs.has("wait_for_all") && pending.round.missing().length > 0;
      if (verdict.kind === "done" && !isHeldBack) this.#reply(pending, verdict.acked, verdict.missing);
      else if (verdict.kind === "failed") {
        mark("writes: level out of reach");
        this.#refuseTimeout(pending);
      }
    }
    if (pending.round.isSettled()) this.#settle(number, pending);
  }

  #reply(pending: Pending, acked: readonly ReplicaId[], missing: readonly ReplicaId[]): void {
    this.#close(pending);
    const receipt = receiptOf(pending, { coordinator: this.#core.selfId, acked, missing });
    this.#core.queue.reply(pending.request.id, { kind: "written", receipt });
  }

  #refuseTimeout(pending: Pending): void {
    this.#close(pending);
    const { selfId, config, queue } = this.#core;
    const failure = this.#bugs.has("definite_timeout")
      ? definiteTimeout(pending)
      : timeoutOf(pending, { coordinator: selfId, timeoutMs: config.settings.requestTimeoutMs });
    queue.refuse(pending.request.id, failure);
  }

  #close(pending: Pending): void {
    pending.isReplied = true;
    this.#end(pending.request);
  }

  #begin({ value }: WriteRequest): void {
    this.#unansweredCount++;
    this.#unansweredBytes += value?.length ?? 0;
  }

  #end({ value }: WriteRequest): void {
    this.#unansweredCount--;
    this.#unansweredBytes -= value?.length ?? 0;
  }

  /** Nobody is waited for any more: whoever is missing gets a hint, and the owed record goes. */
  #settle(number: number, pending: Pending): void {
    this.#pending.delete(number);
    const { keyspace, key, trace } = pending.request;
    const missing = pending.round.missing().filter((id) => id !== this.#core.selfId);
    if (pending.owedAt === undefined) {
      for (const id of missing) this.#onMissed(id);
      return trace?.release();
    }
    const closing = { key: pending.owedAt, value: NOTHING };
    const targets = this.#bugs.has("hint_first_only") ? missing.slice(0, 1) : missing;
    if (targets.length === 0) {
      this.#debts.pay([closing]);
      return trace?.release();
    }
    mark("writes: missing copies are owed hints");
    trace?.step("owed", { replicas: targets });
    this.#debts.keep({
      keyspace: keyspace.name,
      key,
      record: pending.record,
      targets,
      closing: [closing],
      trace,
    });
  }
}
