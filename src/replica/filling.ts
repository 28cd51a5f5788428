/**
 * Whether this replica's answers count, and how a wiped one becomes whole again (HAZARD H7).
 *
 * A new directory is `recovering`: it takes writes, but what it does not hold proves nothing. Its peers tell under which
 * epochs they have known it. If more than half of the others never knew it under another one, it is simply new, and
 * counts. Why not itself included: it has forgotten. Two halves of the others may have nobody in common, and then the half
 * that is asked in this life need not know what the one asked in the life before learned.
 * If any peer knew an older epoch, the directory was lost: then every key is fetched from every other natural replica,
 * and only then do its answers count. Either way it is written down for which keyspaces this holds, and not asked again; a
 * keyspace that the configuration adds, or of which it makes this replica a natural one, is fetched in the same way.
 * @module
 */
import { decodeText, encodeText } from "../base/bytes.ts";
import { mark } from "../base/mark.ts";
import type { Log } from "../ports.ts";
import { encodeRecord } from "../versions/record.ts";
import type { FilledMessage } from "../replication/messages.ts";
import type { WireKey } from "../protocol/request.ts";
import type { Clock } from "./clock.ts";
import type { EffectQueue } from "./effect_queue.ts";
import type { ReplicaId } from "./envelope.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Begun } from "./promises.ts";
import { dataKey, FILLED_KEY } from "./store_keys.ts";

/** A page that was asked for and did not come is asked for again after this. */
const PATIENCE_MS = 2000;

/** Questions for one page whose answers are still awaited. */
const ROUNDS_MAX = 16;

/** Has on the disk what must be there before the directory counts: one that was filled, or one that never held anything. */
type Settle = (directory: { readonly isFilled: boolean }, done: (begun: Begun) => void) => void;

interface Source {
  readonly keyspace: Keyspace;
  readonly peer: ReplicaId;
  after: WireKey | undefined;
  /**
   * The questions for the page after `after`; an answer to any of them will do. Why more than one: on a slow line or disk
   * a page may take longer than our patience, each time.
   */
  readonly rounds: Set<number>;
  askedMs: number;
  isDone: boolean;
}

/** The way from a new directory to a replica that counts. */
export class Filling {
  readonly #queue: EffectQueue;
  readonly #epoch: string;
  readonly #selfId: ReplicaId;
  readonly #memberCount: number;
  readonly #nextRound: () => number;
  readonly #isAlive: (id: ReplicaId) => boolean;
  readonly #settle: Settle;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #recordBytesMax: number;
  #isTooLargeNoted = false;
  /** What this replica holds of each keyspace, by name. */
  readonly #held: readonly string[];
  #sources: readonly Source[];
  readonly #strangers = new Set<ReplicaId>();
  #state: "unknown" | "undecided" | "filling" | "storing" | "filled" = "unknown";
  #keysFilled = 0;

  constructor(options: {
    readonly queue: EffectQueue;
    readonly selfId: ReplicaId;
    readonly epoch: string;
    readonly memberIds: readonly ReplicaId[];
    readonly keyspaces: readonly Keyspace[];
    readonly nextRound: () => number;
    /** Whether a peer can be asked for what it holds. */
    readonly isAlive: (id: ReplicaId) => boolean;
    /** What must be on the disk before this directory counts. */
    readonly settle: Settle;
    readonly clock: Clock;
    readonly log: Log;
    readonly recordBytesMax: number;
  }) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#recordBytesMax = options.recordBytesMax;
    this.#queue = options.queue;
    this.#epoch = options.epoch;
    this.#memberCount = options.memberIds.length;
    this.#nextRound = options.nextRound;
    this.#isAlive = options.isAlive;
    this.#settle = options.settle;
    const { selfId } = options;
    this.#selfId = selfId;
    const held = options.keyspaces.filter((keyspace) => keyspace.isHeldBy(selfId));
    this.#held = held.map((keyspace) => keyspace.holdingOf(selfId));
    this.#sources = held.flatMap((keyspace) =>
      // Why not only who shares a cell with us now: where members came, what became ours lies with whoever had it before.
      options.memberIds.filter((peer) => peer !== selfId && keyspace.isHeldBy(peer)).map((peer) => (
        { keyspace, peer, after: undefined, rounds: new Set<number>(), askedMs: 0, isDone: false }
      ))
    );
  }

  /** Reads whether this directory was whole in an earlier life. */
  recover(done: () => void): void {
    this.#queue.get(FILLED_KEY, (value) => {
      if (value === undefined) this.#state = "undecided";
      else this.#goOn(JSON.parse(decodeText(value)) as string[]);
      this.#decide();
      done();
    });
  }

  /** Whether answers of this replica count for no level. */
  get isRecovering(): boolean {
    return this.#state !== "filled";
  }

  /** Keys taken over from peers in this life. */
  get keysFilled(): number {
    return this.#keysFilled;
  }

  /** A peer told under which epochs it has known us. */
  onKnownEpochs(peer: ReplicaId, epochs: readonly string[]): void {
    if (this.#state !== "undecided") return;
    if (epochs.some((epoch) => epoch !== this.#epoch)) {
      mark("filling: a peer has known another directory");
      this.#state = "filling";
    } else this.#strangers.add(peer);
    this.#decide();
  }

  /** Asks for pages that are due. */
  tick(): void {
    this.#decide();
    if (this.#state !== "filling") return;
    if (this.#sources.every(({ isDone }) => isDone)) return this.#finish();
    const nowMs = this.#queue.now.monotonicMs;
    for (const source of this.#sources) {
      const isWaiting = source.rounds.size > 0 && nowMs - source.askedMs < PATIENCE_MS;
      if (source.isDone || isWaiting) continue;
      if (!this.#isAlive(source.peer)) mark("filling: a peer that is needed is away");
      else {
        if (source.rounds.size > 0) mark("filling: page asked for again");
        this.#ask(source);
      }
    }
  }

  /** A page came: it is stored before the next one is asked for. */
  onFilled(peer: ReplicaId, message: FilledMessage): void {
    const source = this.#sources.find((candidate) =>
      candidate.peer === peer && candidate.rounds.has(message.round)
    );
    if (!source || this.#state !== "filling") return mark("filling: page that nobody waits for ignored");
    const { keyspace } = source;
    const last = message.entries.at(-1)?.key;
    let openCount = 1;
    const advance = (): void => {
      // A page that finds no room is not advanced over; nor is one twice, that came twice.
      if (--openCount > 0) return;
      if (!source.rounds.has(message.round)) return mark("filling: page stored a second time");
      source.rounds.clear();
      source.after = last ?? source.after;
      source.isDone = !message.more || last === undefined;
      if (!source.isDone && this.#isAlive(peer)) this.#ask(source);
    };
    for (const { key: wireKey, versions } of message.entries) {
      const key = keyspace.parseKey(wireKey);
      if (!key.ok || versions.length === 0) continue;
      if (!keyspace.naturalsOf(key.value).includes(this.#selfId)) {
        mark("filling: key that is not held here left out");
        continue;
      }
      openCount++;
      for (const { stamp } of versions) this.#clock.observe(stamp);
      const value = encodeRecord(versions);
      if (value.length > this.#recordBytesMax) {
        this.#noteTooLarge(peer, wireKey, value.length);
        continue;
      }
      this.#queue.apply([{ key: dataKey(keyspace.name, key.value), value }], (result) => {
        if (result.kind !== "applied") return mark("filling: key of a page finds no room");
        this.#keysFilled++;
        advance();
      });
    }
    advance();
  }

  /** Fetches what these keyspaces leave out. */
  #goOn(filled: readonly string[]): void {
    this.#sources = this.#sources.filter(({ keyspace }) =>
      !filled.includes(keyspace.holdingOf(this.#selfId))
    );
    this.#state = this.#held.every((name) => filled.includes(name)) ? "filled" : "filling";
    if (this.#state === "filling") mark("filling: a keyspace is held that was not held before");
  }

  #decide(): void {
    if (this.#state !== "undecided") return;
    const others = this.#memberCount - 1;
    if (others === 0 || 2 * this.#strangers.size > others) this.#finish();
  }

  #ask(source: Source): void {
    const round = this.#nextRound();
    source.rounds.add(round);
    if (source.rounds.size > ROUNDS_MAX) source.rounds.delete(source.rounds.keys().next().value!);
    source.askedMs = this.#queue.now.monotonicMs;
    this.#queue.send([source.peer], {
      type: "fill",
      round,
      keyspace: source.keyspace.name,
      ...(source.after === undefined ? {} : { after: source.after }),
    });
  }

  /** A key that does not fit here is not advanced over: without it we would count, and miss it. */
  #noteTooLarge(peer: ReplicaId, key: WireKey, bytes: number): void {
    if (this.#isTooLargeNoted) return;
    this.#isTooLargeNoted = true;
    this.#log.write(
      "error",
      "cannot be filled: a value is too large here; raise value_bytes_max as on the peer",
      {
        peer,
        key,
        bytes,
        limit: this.#recordBytesMax,
      },
    );
  }

  #finish(): void {
    const before = this.#state;
    if (before === "filling") mark("filling: whole again");
    this.#state = "storing";
    this.#settle({ isFilled: before === "filling" }, (begun) => {
      if (begun === "open") {
        this.#state = before;
        return;
      }
      // Why not those of earlier lives too: a keyspace that is not held now may be held again, and lack what came between.
      this.#queue.apply([{ key: FILLED_KEY, value: encodeText(JSON.stringify(this.#held)) }], (result) => {
        this.#state = result.kind === "applied" ? "filled" : before;
        if (result.kind !== "applied") mark("filling: end could not be written down");
      });
    });
  }
}
