/**
 * Coordinated scans: which keys there are, a page at a time, at a level. Asks those that hold the keys for their pages,
 * answers what remains of them, and gives other coordinators pages of the own copies.
 * @module
 */
import { textOfByteString } from "../base/bytes.ts";
import { mark } from "../base/mark.ts";
import { type Level, requiredCount } from "../protocol/level.ts";
import { READ_BYTES_IN_FLIGHT_MAX, SCANS_MAX, SCANS_WAITING_MAX } from "../protocol/limits.ts";
import type { PageEntry } from "../protocol/reply.ts";
import type { Request } from "../protocol/request.ts";
import type { RefusedMessage, ScanMessage, ScannedMessage } from "../replication/messages.ts";
import { type HeldEntry, type HeldPage, ScanRound } from "../replication/scan_round.ts";
import type { Clock } from "./clock.ts";
import type { Core } from "./core.ts";
import type { ReplicaId } from "./envelope.ts";
import type { RequestId } from "./event.ts";
import * as failures from "./failures.ts";
import type { Keyspace } from "./keyspace.ts";
import { pageBounds, parsePage, parseScanRange, readPage, type ScanRange } from "./scan_pages.ts";
import { versionName } from "./version_name.ts";

/** A scan as a client asked for it. */
interface Scan {
  readonly id: RequestId;
  readonly keyspace: Keyspace;
  readonly level: Level;
  readonly required: number;
  readonly range: ScanRange;
  readonly deadlineMs: number;
}

/** One scan under way. */
interface Running {
  readonly scan: Scan;
  readonly round: ScanRound;
  refusal: string | undefined;
}

/** All coordinated scans of one replica. */
export class Scans {
  readonly #core: Core;
  readonly #clock: Clock;
  readonly #keyspaces: ReadonlyMap<string, Keyspace>;
  /** How many may be under way. Why so few: each may have a page of every replica in hand, and a page may be one large value. */
  readonly #runningMax: number;
  /** By round. Invariant: at most `#runningMax`. */
  readonly #running = new Map<number, Running>();
  /** Invariant: in order of deadline; empty unless as many as may be are under way. */
  readonly #waiting: Scan[] = [];

  constructor(options: {
    readonly core: Core;
    readonly clock: Clock;
    readonly keyspaces: ReadonlyMap<string, Keyspace>;
  }) {
    this.#core = options.core;
    this.#clock = options.clock;
    this.#keyspaces = options.keyspaces;
    const { valueBytesMax } = options.core.config.settings;
    this.#runningMax = Math.max(1, Math.min(SCANS_MAX, Math.floor(READ_BYTES_IN_FLIGHT_MAX / valueBytesMax)));
  }

  /** Begins a scan. Requires: the keyspace has as many copies as the level needs. */
  start(id: RequestId, keyspace: Keyspace, level: Level, request: Extract<Request, { op: "scan" }>): void {
    const { queue, selfId, config } = this.#core;
    const range = parseScanRange(keyspace, request);
    if (!range.ok) return queue.refuse(id, range.failure);
    if (this.#waiting.length >= SCANS_WAITING_MAX) {
      const what = `${this.#running.size + this.#waiting.length} scans`;
      return queue.refuse(id, failures.overloaded(selfId, what, this.#runningMax + SCANS_WAITING_MAX));
    }
    this.#waiting.push({
      id,
      keyspace,
      level,
      required: requiredCount(level, keyspace.copies),
      range: range.value,
      deadlineMs: queue.now.monotonicMs + config.settings.requestTimeoutMs,
    });
    this.#beginNext();
  }

  /** Gives another coordinator a page of what this replica holds. */
  onScan(from: ReplicaId, message: ScanMessage): void {
    const { queue, config } = this.#core;
    const { round } = message;
    const keyspace = this.#keyspaces.get(message.keyspace);
    if (!keyspace) return this.#refuse(from, round, `no keyspace "${message.keyspace}" here`);
    const range = parseScanRange(keyspace, message);
    if (!range.ok) return this.#refuse(from, round, range.failure.message);
    const bounds = pageBounds(range.value, config.settings.valueBytesMax);
    readPage(queue, keyspace, range.value, bounds, ({ entries, more }) => {
      const isRecovering = this.#core.isRecovering();
      queue.send([from], {
        type: "scanned",
        round,
        entries: entries.map(({ key, held }) => ({ key: keyspace.wireKey(key), versions: held })),
        more,
        ...(isRecovering ? { recovering: true as const } : {}),
      });
    });
  }

  /** A replica told what it holds. */
  onScanned(from: ReplicaId, message: ScannedMessage): void {
    const running = this.#running.get(message.round);
    if (!running) return mark("scans: page for a scan that has ended ignored");
    const { scan, round } = running;
    const page = parsePage(scan.keyspace, scan.range, message);
    if (message.recovering === true) {
      mark("scans: page of a recovering replica does not count");
      running.refusal = `${from} is recovering`;
      round.onFailure(from);
    } else if (page === undefined) {
      mark("scans: strange page refused");
      running.refusal = `${from} sent keys that were not asked for`;
      round.onFailure(from);
    } else this.#onPage(running, from, page);
    this.#advance(message.round, running);
  }

  /** A replica refused. True if the round was a scan's. */
  onRefused(from: ReplicaId, { round, message }: RefusedMessage): boolean {
    const running = this.#running.get(round);
    if (!running) return false;
    mark("scans: a replica refused");
    running.refusal = `${from} refused: ${message}`;
    running.round.onFailure(from);
    this.#advance(round, running);
    return true;
  }

  /** A peer can no longer be reached. */
  onDied(id: ReplicaId): void {
    for (const [number, running] of [...this.#running]) {
      running.round.onFailure(id);
      this.#advance(number, running);
    }
  }

  /** Ends what is past its deadline. */
  tick(): void {
    const nowMs = this.#core.queue.now.monotonicMs;
    // Why these first: the end of one that is under way begins the next.
    while (this.#waiting.length > 0 && this.#waiting[0]!.deadlineMs <= nowMs) {
      mark("scans: never had its turn");
      const { id } = this.#waiting.shift()!;
      this.#core.queue.refuse(
        id,
        failures.overloaded(this.#core.selfId, `${this.#runningMax} scans`, this.#runningMax),
      );
    }
    for (const [number, running] of [...this.#running]) {
      if (running.scan.deadlineMs > nowMs) continue;
      mark("scans: timed out");
      const { naturals, answered } = running.round.missing();
      this.#fail(number, running, naturals, answered);
    }
  }

  #beginNext(): void {
    while (this.#running.size < this.#runningMax && this.#waiting.length > 0) {
      this.#begin(this.#waiting.shift()!);
    }
  }

  #begin(scan: Scan): void {
    const { queue, selfId, config, counted, uncounted, nextRound } = this.#core;
    const { keyspace, required, range } = scan;
    const naturals = keyspace.naturalsBehind(range.after);
    const short = naturals.find((list) => counted(list).length < required);
    if (short !== undefined) {
      mark("scans: refused because too few are live");
      const who = { naturals: short, live: counted(short), uncounted: uncounted(short) };
      return queue.refuse(scan.id, failures.scanUnavailable(keyspace, scan.level, required, who));
    }
    const holders = new Set(naturals.flat());
    const isOwnEnough = required === 1 && counted([selfId]).length > 0 &&
      naturals.every((list) => list.includes(selfId));
    const asked = isOwnEnough
      ? [selfId]
      : counted(config.members.map(({ id }) => id).filter((id) => holders.has(id)));
    const isSelf = asked.includes(selfId);
    const running: Running = {
      scan,
      round: new ScanRound({
        asked,
        naturals,
        required,
        ...(isSelf ? { self: selfId } : {}),
        naturalsOf: (key) => keyspace.naturalsOf(key),
        resolution: keyspace.config,
      }),
      refusal: undefined,
    };
    const number = nextRound();
    this.#running.set(number, running);
    queue.send(asked.filter((id) => id !== selfId), {
      type: "scan",
      round: number,
      keyspace: keyspace.name,
      ...(range.prefix === "" ? {} : { prefix: textOfByteString(range.prefix) }),
      ...(range.after === undefined ? {} : { after: keyspace.wireKey(range.after) }),
      limit: range.limit,
      ...(range.isKeysOnly ? { keys_only: true as const } : {}),
    });
    if (!isSelf) return this.#advance(number, running);
    const bounds = pageBounds(range, config.settings.valueBytesMax);
    readPage(queue, keyspace, range, bounds, (page) => {
      if (!this.#running.has(number)) return;
      if (this.#core.isRecovering()) running.round.onFailure(selfId);
      else this.#onPage(running, selfId, page);
      this.#advance(number, running);
    });
  }

  #onPage({ round }: Running, from: ReplicaId, page: HeldPage): void {
    // Why: a client that writes after it has seen a value here means to replace it, so its stamp must be greater.
    for (const { held } of page.entries) for (const { stamp } of held) this.#clock.observe(stamp);
    round.onPage(from, page);
  }

  #advance(number: number, running: Running): void {
    const verdict = running.round.verdict();
    if (verdict.kind === "failed") {
      mark("scans: level out of reach");
      return this.#fail(number, running, verdict.naturals, verdict.answered);
    }
    if (verdict.kind === "answered") this.#answer(number, running);
  }

  #answer(number: number, { scan, round }: Running): void {
    this.#running.delete(number);
    const { queue, selfId, config } = this.#core;
    const { id, keyspace, level, required, range } = scan;
    const { entries, more, last } = round.page(pageBounds(range, config.settings.valueBytesMax));
    if (more && entries.length < range.limit) mark("scans: short page, and more behind it");
    queue.reply(id, {
      kind: "page",
      page: {
        coordinator: selfId,
        keyspace: keyspace.name,
        level,
        required,
        copies: keyspace.copies,
        entries: entries.map((entry) => shown(keyspace, entry, range)),
        more,
        ...(last === undefined ? {} : { last: keyspace.wireKey(last) }),
      },
    });
    this.#beginNext();
  }

  #fail(
    number: number,
    { scan, refusal }: Running,
    naturals: readonly ReplicaId[],
    answered: readonly ReplicaId[],
  ): void {
    this.#running.delete(number);
    const { queue, selfId, config } = this.#core;
    const { level, required } = scan;
    const timeoutMs = config.settings.requestTimeoutMs;
    const outcome = { naturals, level, required, answered, refusal, timeoutMs };
    queue.refuse(scan.id, failures.scanTimeout(selfId, outcome));
    this.#beginNext();
  }

  #refuse(from: ReplicaId, round: number, reason: string): void {
    const { code, message } = failures.malformed(reason);
    this.#core.queue.send([from], { type: "refused", round, code, message });
  }
}

function shown(keyspace: Keyspace, { key, held }: HeldEntry, { isKeysOnly }: ScanRange): PageEntry {
  // Deletes alone are not in a page.
  const version = held.find(({ value }) => value !== undefined)!;
  const wireKey = keyspace.wireKey(key);
  const name = versionName(version);
  if (isKeysOnly) return { key: wireKey, version: name };
  return {
    key: wireKey,
    value: version.value!,
    ...(held.length === 1 ? {} : {
      siblings: held.map((one) => ({
        ...versionName(one),
        ...(one.value === undefined ? {} : { value: one.value }),
      })),
    }),
    version: name,
  };
}
