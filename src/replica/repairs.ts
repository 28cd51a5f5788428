/**
 * Anti-entropy in one replica: begins passes with peers when they are due, answers those of others, and tells how far copies
 * agree. The pace is `replication/anti_entropy.ts`, one pass is `RepairPass`, the other side of it `RepairAnswers`.
 * @module
 */
import { mark } from "../base/mark.ts";
import type { PlantedBug } from "../base/planted_bug.ts";
import type { Entropy, Log } from "../ports.ts";
import { REPAIR_REQUESTS_MAX } from "../protocol/limits.ts";
import type { PeerStatus } from "../protocol/reply.ts";
import { AntiEntropy } from "../replication/anti_entropy.ts";
import type { AntiEntropyMessage, RefusedMessage } from "../replication/messages.ts";
import type { Clock } from "./clock.ts";
import type { CompleteUntil } from "./complete_until.ts";
import type { Core } from "./core.ts";
import type { ReplicaId } from "./envelope.ts";
import type { RequestId } from "./event.ts";
import * as failures from "./failures.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Leaves } from "./leaves.ts";
import { RepairAnswers } from "./repair_answers.ts";
import { RepairCore } from "./repair_core.ts";
import { type BegunPass, type PassResult, RepairPass } from "./repair_pass.ts";
import { RepairRun } from "./repair_run.ts";

/** Names of counts. */
const ENDED: Readonly<Record<PassResult["end"], string>> = {
  agreed: "anti_entropy_ended_agreed",
  unmended: "anti_entropy_ended_unmended",
  failed: "anti_entropy_ended_failed",
  busy: "anti_entropy_ended_busy",
};

/** All passes of one replica. */
export class Repairs {
  readonly #core: Core;
  readonly #repair: RepairCore;
  readonly #answers: RepairAnswers;
  readonly #pace: AntiEntropy;
  readonly #keyspaces: readonly Keyspace[];
  readonly #bugs: ReadonlySet<PlantedBug>;
  /** Invariant: at most one pass of our own, scheduled or asked for. */
  #pass: RepairPass | undefined;
  readonly #complete: CompleteUntil;
  /** What clients asked for; the first is at work. */
  readonly #runs: RepairRun[] = [];

  constructor(options: {
    readonly core: Core;
    readonly clock: Clock;
    readonly leaves: Leaves;
    readonly log: Log;
    readonly entropy: Entropy;
    readonly keyspaces: ReadonlyMap<string, Keyspace>;
    readonly bugs: ReadonlySet<PlantedBug>;
    /** Hears of passes, and may want some. */
    readonly complete: CompleteUntil;
    /** Stamps came that the clock has moved past. */
    readonly onObserved: () => void;
  }) {
    this.#complete = options.complete;
    const { core, clock, leaves, log, keyspaces, bugs, onObserved } = options;
    const { antiEntropyIntervalMs, antiEntropyKeysPerSecond } = core.config.settings;
    this.#core = core;
    this.#bugs = bugs;
    this.#keyspaces = [...keyspaces.values()];
    this.#repair = new RepairCore({ core, clock, leaves, log, onObserved });
    this.#answers = new RepairAnswers({ repair: this.#repair, keyspaces, bugs });
    this.#pace = new AntiEntropy({
      intervalMs: antiEntropyIntervalMs,
      keysPerSecond: antiEntropyKeysPerSecond,
      draw: () => options.entropy.uint32(),
    });
  }

  /** A peer came alive. */
  onBorn(peer: ReplicaId): void {
    this.#pace.onMet(peer, this.#nowMs);
  }

  /** A peer died. */
  onDied(peer: ReplicaId): void {
    this.#pace.onLost(peer);
    if (this.#pass?.peer === peer) this.#pass.end("failed", `${peer} is away`);
  }

  /** Begins what is due, and goes on with what is under way. */
  tick(): void {
    const nowMs = this.#nowMs;
    if (this.#pass !== undefined && !this.#isComparable(this.#pass.peer)) {
      const { peer } = this.#pass;
      this.#pass.end("failed", `${peer} and ${this.#core.selfId} cannot be compared`);
    }
    this.#pass?.tick();
    if (this.#runs[0]?.isOver(nowMs)) this.#runs.shift();
    if (this.#pass !== undefined) return;
    const [run] = this.#runs;
    if (run !== undefined) {
      if (this.#pace.isFree(nowMs)) run.tick(nowMs);
      return;
    }
    if (this.#core.queue.isDiskFull || !this.#pace.isFree(nowMs)) return;
    const peer = this.#pace.duePeer(this.#peersBegunWith(), nowMs);
    if (peer === undefined) return;
    const keyspaces = this.#sharedWith(peer).filter(({ config }) => config.antiEntropy);
    this.#begin({
      peer,
      keyspaces,
      isDryRun: false,
      isWhole: true,
      onDiffers: () => {},
      onEnded: () => {},
    });
  }

  /** A message of a pass, ours or another's. */
  onMessage(from: ReplicaId, message: AntiEntropyMessage): void {
    switch (message.type) {
      case "compared":
      case "listed":
      case "given":
        if (this.#pass?.onAnswer(from, message) !== true) {
          mark("repairs: answer that nobody waits for ignored");
        }
        return;
      case "passed":
        this.#pace.release(from);
        if (message.agreed) this.#core.collecting.onPassed();
        return this.#pace.onPassed(from, {
          differing: message.differing,
          isAgreed: message.agreed,
          beganMs: this.#nowMs - message.took_ms,
        });
      case "compare":
        if (message.parts === 1 || this.#admits(from, message.round)) this.#answers.onCompare(from, message);
        return;
      case "list":
        if (this.#admits(from, message.round)) this.#answers.onList(from, message);
        return;
      case "give":
        if (this.#admits(from, message.round)) this.#answers.onGive(from, message);
        return;
    }
  }

  /** A refusal. True if it answers a question of ours. */
  onRefused(from: ReplicaId, message: RefusedMessage): boolean {
    return this.#pass?.onAnswer(from, message) ?? false;
  }

  /** A client wants passes with all peers that are alive, now: of one keyspace, or of all. */
  request(id: RequestId, keyspace: Keyspace | undefined, { isDryRun }: { readonly isDryRun: boolean }): void {
    const { queue, selfId, peers } = this.#core;
    if (this.#runs.length >= REPAIR_REQUESTS_MAX) {
      return queue.refuse(
        id,
        failures.overloaded(selfId, `${this.#runs.length} repairs`, REPAIR_REQUESTS_MAX),
      );
    }
    const keyspaces = keyspace === undefined ? this.#keyspaces : [keyspace];
    this.#runs.push(
      new RepairRun({
        selfId,
        isDryRun,
        isWhole: keyspace === undefined,
        nowMs: this.#nowMs,
        peers: peers.ids().map((peer) => ({
          peer,
          keyspaces: this.#sharedWith(peer).filter((shared) => keyspaces.includes(shared)),
        })).filter((target) => target.keyspaces.length > 0),
        isAlive: (peer) => this.#isComparable(peer),
        begin: (options) => this.#begin(options),
        onOver: (reply) => queue.reply(id, reply),
      }),
    );
    mark("repairs: a client asked for passes");
  }

  /** What `status` says of a peer beyond what is known without comparing. */
  status(peer: ReplicaId): Pick<PeerStatus, "agreed_ms_ago" | "differed" | "repair"> {
    const { agreedMsAgo, differed } = this.#pace.status(peer, this.#nowMs);
    const progress = this.#pass?.peer === peer ? this.#pass.progress : undefined;
    return {
      ...(agreedMsAgo === undefined ? {} : { agreed_ms_ago: Math.round(agreedMsAgo) }),
      ...(differed === undefined ? {} : { differed }),
      ...(progress === undefined ? {} : { repair: progress }),
    };
  }

  get #nowMs(): number {
    return this.#core.queue.now.monotonicMs;
  }

  /** Peers with which passes are ours to begin: of each pair the lower id does, and whoever needs one of its own. */
  #peersBegunWith(): ReplicaId[] {
    const { peers, selfId } = this.#core;
    return peers.ids().filter((peer) =>
      (selfId < peer || this.#complete.isPassWanted(peer)) && this.#isComparable(peer) &&
      this.#sharedWith(peer).some(({ config }) => config.antiEntropy)
    );
  }

  #isComparable(peer: ReplicaId): boolean {
    const { peers, collecting } = this.#core;
    return peers.isAlive(peer) && !collecting.isLeftOut && !collecting.isPeerLeftOut(peer);
  }

  #sharedWith(peer: ReplicaId): Keyspace[] {
    return this.#keyspaces.filter((keyspace) =>
      keyspace.cellsSharedBy(this.#repair.core.selfId, peer).length > 0
    );
  }

  #begin(options: BegunPass): void {
    if (tellsAll(options)) this.#complete.onPassBegun(options.peer);
    this.#pass = new RepairPass({
      ...options,
      repair: this.#repair,
      bucketCount: this.#core.config.settings.merkleBuckets,
      bugs: this.#bugs,
      mayMove: () => this.#pace.mayMove(this.#nowMs),
      onMoved: (count) => this.#pace.onMoved(count),
      onEnded: (result) => {
        this.#onEnded(options, result);
        options.onEnded(result);
      },
    });
    this.#pass.begin();
  }

  #onEnded(options: BegunPass, result: PassResult): void {
    const { peer } = options;
    this.#pass = undefined;
    const { counters } = this.#core;
    counters.add(
      options.isDryRun && result.end === "agreed" ? "anti_entropy_ended_compared" : ENDED[result.end],
      1,
    );
    counters.add("anti_entropy_differing", result.differing);
    if (result.end === "agreed" || result.end === "unmended") {
      counters.add("anti_entropy_passes", 1);
    }
    // One that only looked, or only at some keyspaces, says nothing of when the next is due.
    if (!tellsAll(options)) return;
    if (result.end === "agreed" && result.agreement !== undefined) {
      this.#core.collecting.onAgreed(peer, result.agreement);
    }
    this.#pace.onEnded(peer, result, this.#nowMs);
    if (result.end === "agreed") this.#complete.onPassAgreed(peer);
  }

  /** Whether a peer may walk us down; it is told where it may not. */
  #admits(from: ReplicaId, round: number): boolean {
    const own = this.#pass;
    // Two that walk each other down would refuse each other for ever: the lower id goes on.
    const goesOn = own?.isWalking === true && (own.peer !== from || this.#core.selfId < from);
    if (goesOn || !this.#pace.admit(from, this.#nowMs)) {
      mark("repairs: a peer refused while another pass is under way");
      this.#answers.refuse(from, round, failures.repairing(this.#core.selfId));
      return false;
    }
    own?.end("busy", `${from} has begun a pass with ${this.#core.selfId}`);
    return true;
  }
}

/** One that only looked, or only at some keyspaces, says nothing of when the next is due, or of what is complete. */
function tellsAll({ isDryRun, isWhole }: BegunPass): boolean {
  return !isDryRun && isWhole;
}
