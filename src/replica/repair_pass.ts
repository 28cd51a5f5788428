/**
 * One pass of anti-entropy with one peer, as the side that asks: for one keyspace after the other it walks down to what differs,
 * lists the keys there, takes what it lacks and gives what the peer does. One question at a time; one that is not answered is
 * asked again. Nothing is lost when a pass breaks off: the next one finds what is left.
 * @module
 */
import type { ByteString } from "../base/bytes.ts";
import { mark } from "../base/mark.ts";
import type { PlantedBug } from "../base/planted_bug.ts";
import { REPAIR_KEYS_MAX } from "../protocol/limits.ts";
import type { WireKey } from "../protocol/request.ts";
import type { PassEnd } from "../replication/anti_entropy.ts";
import type { Agreement } from "../replication/collection_proof.ts";
import { type DifferingSpan, hashText, MerkleWalk } from "../replication/merkle_tree.ts";
import type {
  ComparedMessage,
  CompareMessage,
  Entry,
  GiveMessage,
  GivenMessage,
  ListedMessage,
  ListMessage,
  RefusedMessage,
} from "../replication/messages.ts";
import { firstDot } from "../versions/record.ts";
import type { Stamp } from "../versions/stamp.ts";
import type { ReplicaId } from "./envelope.ts";
import type { Keyspace } from "./keyspace.ts";
import { digestOf } from "./leaves.ts";
import type { RepairCore } from "./repair_core.ts";
import { comparePlaces, type KeyPage, KeyPages, placeOf } from "./repair_page.ts";
import { PATIENCE_MS } from "./staleness.ts";

/** How often a question is asked before the pass is given up. */
const ATTEMPTS_MAX = 5;

type Question = CompareMessage | ListMessage | GiveMessage;
type Answer = ComparedMessage | ListedMessage | GivenMessage | RefusedMessage;

/** What a pass did. */
export interface PassResult {
  readonly end: PassEnd;
  /** Keys that differed, and keys that went there and came here. */
  readonly differing: number;
  readonly sent: number;
  readonly received: number;
  /** Bytes of messages in both directions. */
  readonly bytes: number;
  readonly beganMs: number;
  /** Why it broke off; empty where it did not. */
  readonly reason: string;
  /** With which directory it was, and what both sides had promised when it began; undefined where the peer did not say. */
  readonly agreement: Agreement | undefined;
}

/** What whoever begins a pass says of it. */
export interface BegunPass {
  readonly peer: ReplicaId;
  /** Those of which both hold cells. */
  readonly keyspaces: readonly Keyspace[];
  /** Only looks, and mends nothing. */
  readonly isDryRun: boolean;
  /** Whether these are all that both hold and compare by themselves: then at its end the two agree. */
  readonly isWhole: boolean;
  /** Hears of each key that differs. */
  readonly onDiffers: (keyspace: Keyspace, key: WireKey) => void;
  readonly onEnded: (result: PassResult) => void;
}

/** What a pass is made of. */
export interface PassOptions extends BegunPass {
  readonly repair: RepairCore;
  readonly bucketCount: number;
  readonly bugs: ReadonlySet<PlantedBug>;
  /** Whether keys may move now; asked again with each tick. */
  readonly mayMove: () => boolean;
  readonly onMoved: (count: number) => void;
}

/** Where a pass is, in one keyspace. */
interface Stage {
  readonly keyspace: Keyspace;
  readonly walk: MerkleWalk;
  /** Those that are listed, and those of which the peer lacks all. Undefined while walking. */
  listed: KeyPages | undefined;
  lacked: KeyPages | undefined;
  /** What was listed and not answered to its end. */
  page: KeyPage | undefined;
  /** Keys that the peer is to be given. */
  readonly gifts: ByteString[];
}

/** A pass under way. */
export class RepairPass {
  readonly peer: ReplicaId;
  readonly #options: PassOptions;
  readonly #repair: RepairCore;
  readonly #keyspaces: Keyspace[];
  readonly #beganMs: number;
  /** What we had promised when it began. */
  readonly #promise: Stamp;
  /** With whom it is, and what both have promised, once the peer has answered. */
  #agreement: Agreement | undefined;
  #stage: Stage | undefined;
  #question: Question | undefined;
  /** Under which the question was asked; an answer to any of them will do. */
  readonly #rounds = new Set<number>();
  #askedMs = 0;
  /** Whether something was to be asked when no keys might move. */
  #isHeldBack = false;
  /** Whether records are being read or stored. */
  #isBusy = false;
  #hasSplit = false;
  #hasEnded = false;
  #isMended = true;
  #isPeerFull = false;
  #differing = 0;
  #sent = 0;
  #received = 0;
  #bytes = 0;

  constructor(options: PassOptions) {
    this.#options = options;
    this.#repair = options.repair;
    this.peer = options.peer;
    this.#keyspaces = [...options.keyspaces];
    this.#beganMs = this.#nowMs;
    this.#promise = options.repair.core.collecting.promise;
  }

  /** Where it is, for `status`. */
  get progress(): { readonly keyspace: string; readonly moved: number; readonly left: number } | undefined {
    // Nothing is to be told of a first comparison: as a rule it ends the pass.
    if (this.#stage === undefined || !this.#hasSplit) return undefined;
    const { keyspace, listed, lacked, gifts } = this.#stage;
    const left = (listed?.leftCount ?? 0) + (lacked?.leftCount ?? 0) + gifts.length;
    return { keyspace: keyspace.name, moved: this.#sent + this.#received, left };
  }

  /** Whether it is beyond the first comparison, so that the peer serves nobody else. */
  get isWalking(): boolean {
    return this.#hasSplit;
  }

  /** Asks the first question. */
  begin(): void {
    this.#goOn();
  }

  /** Asks again what was not answered, and goes on where it was held back. */
  tick(): void {
    if (this.#isHeldBack) return this.#goOn();
    if (this.#question === undefined || this.#nowMs - this.#askedMs < PATIENCE_MS) return;
    if (this.#rounds.size >= ATTEMPTS_MAX) {
      mark("repairs: a pass given up for want of answers");
      return this.end("failed", `${this.peer} did not answer ${ATTEMPTS_MAX} times`);
    }
    mark("repairs: a question asked again");
    this.#send(this.#question);
  }

  /** An answer, or a refusal. False where it answers none of this pass's questions. */
  onAnswer(from: ReplicaId, message: Answer): boolean {
    if (this.#hasEnded || from !== this.peer || !this.#rounds.has(message.round)) return false;
    const question = this.#question!;
    this.#question = undefined;
    this.#rounds.clear();
    this.#bytes += JSON.stringify(message).length;
    if (message.type === "refused") this.#onRefused(question, message);
    else if (!this.#isSameDirectory(message)) this.end("failed", `${this.peer} has begun a new directory`);
    else if (message.type === "compared" && question.type === "compare") {
      this.#stage!.walk.onCompared(message);
      this.#goOn();
    } else if (message.type === "listed" && question.type === "list") this.#onListed(message);
    else if (message.type === "given" && question.type === "give") this.#onGiven(message);
    else this.end("failed", `${this.peer} answered "${question.type}" with "${message.type}"`);
    return true;
  }

  /** Ends it before its end, or at it. */
  end(end: PassEnd, reason = ""): void {
    if (this.#hasEnded) return;
    const { isDryRun, isWhole } = this.#options;
    this.#hasEnded = true;
    this.#question = undefined;
    this.#rounds.clear();
    if (end === "agreed" || end === "unmended" || this.#hasSplit) {
      this.#bytes += this.#repair.send(this.peer, {
        type: "passed",
        round: this.#repair.core.nextRound(),
        differing: this.#differing,
        agreed: end === "agreed" && !isDryRun && isWhole,
        took_ms: Math.round(this.#nowMs - this.#beganMs),
      });
    }
    this.#options.onEnded({
      end,
      reason,
      differing: this.#differing,
      sent: this.#sent,
      received: this.#received,
      bytes: this.#bytes,
      beganMs: this.#beganMs,
      agreement: this.#agreement,
    });
  }

  /** Why: what the lost directory held, and we did not, would count as given. */
  #isSameDirectory(message: ComparedMessage | ListedMessage | GivenMessage): boolean {
    if (message.type === "given" || message.epoch === undefined) return true;
    const stamp = message.type === "compared" ? message.promise ?? 0 : 0;
    this.#agreement ??= { epoch: message.epoch, stamp: Math.min(this.#promise, stamp) };
    return message.epoch === this.#agreement.epoch;
  }

  get #nowMs(): number {
    return this.#repair.core.queue.now.monotonicMs;
  }

  /** Does what comes next. */
  #goOn(): void {
    if (this.#hasEnded || this.#isBusy || this.#question !== undefined) return;
    const stage = this.#stage ??= this.#nextStage();
    if (stage === undefined) return this.end(this.#isMended ? "agreed" : "unmended");
    const split = stage.walk.question();
    if (split !== undefined) {
      if (split.parts > 1) this.#hasSplit = true;
      const hashes = this.#repair.treeWith(this.peer, stage.keyspace).hashesOf(split);
      return this.#ask({ type: "compare", round: 0, keyspace: stage.keyspace.name, ...split, hashes });
    }
    if (stage.listed === undefined) this.#sortFound(stage, stage.walk.found());
    // Why here: comparing is not held back, only what follows from it.
    this.#isHeldBack = !this.#isOver(stage) && !this.#options.mayMove();
    if (this.#isHeldBack) return;
    if (stage.gifts.length > 0) return this.#give(stage);
    stage.page ??= stage.listed!.next();
    if (stage.page !== undefined) return this.#list(stage, stage.page);
    const lacked = stage.lacked!.next();
    if (lacked !== undefined) {
      this.#noteDiffering(stage.keyspace, lacked.keys.map((key) => stage.keyspace.wireKey(key)));
      if (!this.#options.isDryRun) stage.gifts.push(...lacked.keys);
    } else this.#stage = undefined;
    this.#goOn();
  }

  #isOver({ gifts, page, listed, lacked }: Stage): boolean {
    return gifts.length === 0 && page === undefined && listed!.leftCount === 0 && lacked!.leftCount === 0;
  }

  #nextStage(): Stage | undefined {
    const keyspace = this.#keyspaces.shift();
    if (keyspace === undefined) return undefined;
    const { bucketCount, bugs } = this.#options;
    const walk = new MerkleWalk(this.#repair.treeWith(this.peer, keyspace), bucketCount, bugs);
    return { keyspace, walk, listed: undefined, lacked: undefined, page: undefined, gifts: [] };
  }

  #sortFound(stage: Stage, found: readonly DifferingSpan[]): void {
    const { keyspace } = stage;
    const tree = this.#repair.treeWith(this.peer, keyspace);
    const source = { keyspace, tree, cellKeys: this.#repair.leaves.of(keyspace.name).keys };
    stage.listed = new KeyPages(source, found.filter(({ isLacking }) => !isLacking));
    stage.lacked = new KeyPages(source, found.filter(({ isLacking }) => isLacking));
  }

  #list(stage: Stage, page: KeyPage): void {
    const { keyspace } = stage;
    this.#hasSplit = true;
    this.#isBusy = true;
    this.#repair.read(keyspace, page.keys, (records) => {
      this.#isBusy = false;
      const digests: (readonly [WireKey, number, string])[] = [];
      for (const [i, key] of page.keys.entries()) {
        const record = records[i];
        if (record === undefined) continue;
        const { high, low } = digestOf(key, record);
        digests.push([keyspace.wireKey(key), firstDot(record).stamp, hashText(high, low)]);
      }
      this.#ask({
        type: "list",
        round: 0,
        keyspace: keyspace.name,
        spans: page.spans.flatMap(({ begin, end }) => [begin, end]),
        ...(page.after === undefined ? {} : { after: keyspace.wireKey(page.after) }),
        ...(page.until === undefined ? {} : { until: keyspace.wireKey(page.until) }),
        digests,
        ...(this.#options.isDryRun ? { dry_run: true as const } : {}),
      });
    });
  }

  #onListed({ entries, wants, last }: ListedMessage): void {
    const stage = this.#stage!;
    const { keyspace } = stage;
    stage.page = last === undefined ? undefined : this.#restOf(stage.page!, keyspace, last);
    this.#noteDiffering(keyspace, [...entries.map(({ key }) => key), ...wants]);
    if (!this.#options.isDryRun) {
      for (const wireKey of wants) {
        const key = keyspace.parseKey(wireKey);
        if (key.ok) stage.gifts.push(key.value);
      }
    }
    this.#take(stage, entries);
  }

  /** What of a page stands behind a key. A peer that does not get on is not asked again in this pass. */
  #restOf(page: KeyPage, keyspace: Keyspace, last: WireKey): KeyPage | undefined {
    const key = keyspace.parseKey(last);
    const place = key.ok ? placeOf(keyspace, key.value) : undefined;
    const before = page.after === undefined ? undefined : placeOf(keyspace, page.after);
    if (place === undefined || before !== undefined && comparePlaces(place, before) <= 0) {
      mark("repairs: a peer answers a list and gets no further in it");
      this.#isMended = false;
      return undefined;
    }
    const isBehind = (other: ByteString): boolean => comparePlaces(placeOf(keyspace, other), place) > 0;
    return {
      ...page,
      // Why cut: what lies before it need not be walked through again.
      spans: page.spans.filter(({ end }) => end > place.cell)
        .map(({ begin, end }) => ({ begin: Math.max(begin, place.cell), end })),
      keys: page.keys.filter(isBehind),
      after: place.key,
    };
  }

  /** Stores what the peer sent, and goes on when it is on the disk. */
  #take(stage: Stage, entries: readonly Entry[]): void {
    const { core } = this.#repair;
    this.#isBusy = true;
    this.#repair.store(
      stage.keyspace,
      this.peer,
      entries,
      ({ isWhole, richer, refusedCount, changedCount }) => {
        this.#isBusy = false;
        this.#received += changedCount;
        this.#options.onMoved(entries.length);
        core.counters.add("anti_entropy_keys_received", changedCount);
        if (!isWhole) return this.end("failed", `the disk of ${core.selfId} is full`);
        if (refusedCount > 0) this.#isMended = false;
        if (richer.length > 0) mark("repairs: what came was less than what is held, and that is given back");
        stage.gifts.push(...richer);
        this.#goOn();
      },
    );
  }

  #give(stage: Stage): void {
    if (this.#isPeerFull) {
      stage.gifts.length = 0;
      return this.#goOn();
    }
    const { keyspace } = stage;
    const keys = stage.gifts.slice(0, REPAIR_KEYS_MAX);
    this.#isBusy = true;
    this.#repair.read(keyspace, keys, (records) => {
      this.#isBusy = false;
      const count = this.#repair.pageCount(keys, records);
      stage.gifts.splice(0, count);
      const entries: Entry[] = [];
      for (let i = 0; i < count; i++) {
        if (records[i] !== undefined) entries.push(this.#repair.entryOf(keyspace, keys[i]!, records[i]!));
      }
      this.#sent += entries.length;
      this.#options.onMoved(entries.length);
      this.#repair.core.counters.add("anti_entropy_keys_sent", entries.length);
      if (entries.length === 0) return this.#goOn();
      const epoch = this.#agreement?.epoch;
      this.#ask({
        type: "give",
        round: 0,
        keyspace: keyspace.name,
        entries,
        ...(epoch === undefined ? {} : { epoch }),
      });
    });
  }

  #onGiven({ entries, more }: GivenMessage): void {
    if (more === true) this.#isMended = false;
    this.#take(this.#stage!, entries);
  }

  #onRefused(question: Question, { code, message }: RefusedMessage): void {
    // A value that is too large there, or no room: what the peer has for us may come nevertheless.
    if (question.type === "give" && (code === "disk_full" || code === "malformed_request")) {
      mark("repairs: a peer does not take what it lacks");
      this.#isMended = false;
      if (code === "disk_full") this.#isPeerFull = true;
      return this.#goOn();
    }
    this.end(code === "overloaded" ? "busy" : "failed", message);
  }

  #noteDiffering(keyspace: Keyspace, keys: readonly WireKey[]): void {
    this.#differing += keys.length;
    for (const key of keys) this.#options.onDiffers(keyspace, key);
  }

  #ask(question: Question): void {
    if (this.#hasEnded) return;
    this.#question = question;
    this.#send(question);
  }

  #send(question: Question): void {
    const round = this.#repair.core.nextRound();
    this.#rounds.add(round);
    this.#askedMs = this.#nowMs;
    this.#bytes += this.#repair.send(this.peer, { ...question, round });
  }
}
