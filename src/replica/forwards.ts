/**
 * Requests that another replica is to coordinate: whom they are handed to, and what their clients hear of it.
 *
 * What a replica that coordinates says is passed on as it is, its refusals too. Once a write was handed on and no answer
 * comes of it, nobody here knows whether it happened (HAZARD H15). A get can be handed to another replica.
 * @module
 */
import type { ByteString } from "../base/bytes.ts";
import { mark } from "../base/mark.ts";
import type { PlantedBug } from "../base/planted_bug.ts";
import { FORWARD_ROOM_MS, FORWARDS_REMEMBERED } from "../protocol/limits.ts";
import type { KeyRequest } from "../protocol/request.ts";
import { ForwardWindow } from "../replication/forward_window.ts";
import type { ForwardedMessage, ForwardMessage } from "../replication/messages.ts";
import type { Core } from "./core.ts";
import type { ReplicaId } from "./envelope.ts";
import type { RequestId } from "./event.ts";
import * as failures from "./failures.ts";
import type { Keyspace } from "./keyspace.ts";
import type { KeyspaceConfig } from "./keyspace_config.ts";
import type { Trace } from "./trace.ts";

/** A client's request that is handed on. Its keyspace and level are named. */
export interface Forward {
  readonly id: RequestId;
  readonly request: KeyRequest;
  /** The replicas of its key. */
  readonly naturals: readonly ReplicaId[];
  readonly trace: Trace | undefined;
}

/** One that is not answered yet. */
interface Pending {
  readonly forward: Forward;
  readonly deadlineMs: number;
  /** Who was asked, the present coordinator last. */
  readonly asked: ReplicaId[];
  /** When the present coordinator was asked. */
  askedMs: number;
}

/** Whether only a replica that holds the key may coordinate: where siblings live side by side, it gives the dots of writes (HAZARD H10). */
export function mustForward(
  { config }: { readonly config: KeyspaceConfig },
  op: KeyRequest["op"],
): boolean {
  return config.siblings && op !== "get";
}

/** What forwarding needs of its replica: it stores nothing. */
type ForwardCore = Omit<Core, "promises" | "collecting">;

/** All that one replica hands on, and what others hand to it. */
export class Forwards {
  readonly #core: ForwardCore;
  readonly #bugs: ReadonlySet<PlantedBug>;
  readonly #coordinate: (id: RequestId, request: KeyRequest) => void;
  readonly #window = new ForwardWindow({ roundsMax: FORWARDS_REMEMBERED });
  /** Invariant: in order of deadline. */
  readonly #pending = new Map<number, Pending>();
  /** How often somebody was picked for the keys of a list of replicas. */
  readonly #turns = new Map<readonly ReplicaId[], number>();
  readonly #life: number;
  #lastRound: number;
  #bytes = 0;

  constructor(options: {
    readonly core: ForwardCore;
    /** Coordinates a request here, and hands it on to nobody. */
    readonly coordinate: (id: RequestId, request: KeyRequest) => void;
    readonly bugs: ReadonlySet<PlantedBug>;
  }) {
    this.#core = options.core;
    this.#coordinate = options.coordinate;
    this.#bugs = options.bugs;
    // Rounds of its own, so that those which one peer gets lie close together.
    this.#life = this.#lastRound = options.core.nextRound();
  }

  /** Requests that wait for another coordinator, and the value bytes they hold. */
  get load(): { readonly count: number; readonly bytes: number } {
    return { count: this.#pending.size, bytes: this.#bytes };
  }

  /**
   * Who is to coordinate: this replica, or one that holds the key and counts. Undefined where only such a one may, and none
   * is live.
   */
  pick(keyspace: Keyspace, key: ByteString, op: KeyRequest["op"]): ReplicaId | undefined {
    const { selfId, counted } = this.#core;
    const isBound = mustForward(keyspace, op);
    const isSpread = keyspace.config.coordination === "spread";
    if (!isSpread && !isBound) return selfId;
    const naturals = keyspace.naturalsOf(key);
    const isNatural = naturals.includes(selfId);
    if (!isSpread && isNatural) return selfId;
    const live = counted(naturals);
    if (live.length > 0) return this.#nextOf(naturals, live);
    mark("forwards: no replica of the key is live");
    return isBound && !isNatural ? undefined : selfId;
  }

  /** Hands a request to another replica. */
  start(forward: Forward, target: ReplicaId): void {
    const { queue, config } = this.#core;
    const { monotonicMs } = queue.now;
    const deadlineMs = monotonicMs + config.settings.requestTimeoutMs + FORWARD_ROOM_MS;
    const round = ++this.#lastRound;
    const pending: Pending = { forward, deadlineMs, asked: [], askedMs: monotonicMs };
    this.#pending.set(round, pending);
    this.#bytes += valueChars(forward.request);
    this.#ask(round, pending, target);
  }

  /** A peer hands on what its client asks. */
  onForward(from: ReplicaId, { round, life, request }: ForwardMessage): void {
    const { queue } = this.#core;
    if (!this.#window.isFirst(from, { life, round }) && !this.#bugs.has("forward_twice")) {
      return mark("forwards: one that came before ignored");
    }
    const id = queue.inside((result) => {
      queue.send([from], { type: "forwarded", round, reply: result as ForwardedMessage["reply"] });
    });
    this.#coordinate(id, request);
  }

  /** Somebody who coordinated says what came of it. */
  onForwarded(from: ReplicaId, { round, reply }: ForwardedMessage): void {
    const pending = this.#pending.get(round);
    if (!pending?.asked.includes(from)) return mark("forwards: answer that nobody waits for ignored");
    const { id, request, trace } = pending.forward;
    if (reply.ok && (reply.value.kind === "value") !== (request.op === "get")) {
      return mark("forwards: answer of another kind ignored");
    }
    this.#close(round, pending);
    if (trace) return trace.onForwarded(reply, pending.askedMs);
    if (reply.ok) this.#core.queue.reply(id, reply.value);
    else this.#core.queue.refuse(id, reply.failure);
  }

  /** A peer can no longer be reached, and neither can what it would answer. */
  onDied(id: ReplicaId): void {
    for (const [round, pending] of this.#pending) {
      if (pending.asked.at(-1) !== id) continue;
      pending.forward.trace?.step("died", { replica: id });
      if (pending.forward.request.op === "get") this.#askNext(round, pending);
      else {
        mark("forwards: the coordinator of a write died");
        this.#refuse(round, pending, "cannot be reached any more");
      }
    }
  }

  /** Ends what is past its deadline. */
  tick(): void {
    const { queue, config } = this.#core;
    for (const [round, pending] of this.#pending) {
      if (pending.deadlineMs > queue.now.monotonicMs) break;
      mark("forwards: a coordinator did not answer in time");
      pending.forward.trace?.step("deadline", { replicas: pending.asked.slice(-1) });
      const timeoutMs = config.settings.requestTimeoutMs + FORWARD_ROOM_MS;
      this.#refuse(round, pending, `did not answer within ${timeoutMs} ms`);
    }
  }

  /** Each in its turn, of those that are live. Why by list: where two keys are asked for in turns, each still gets around. */
  #nextOf(naturals: readonly ReplicaId[], live: readonly ReplicaId[]): ReplicaId {
    const turn = this.#turns.get(naturals) ?? 0;
    this.#turns.set(naturals, turn + 1);
    return live[turn % live.length]!;
  }

  #ask(round: number, pending: Pending, target: ReplicaId): void {
    const { queue, counters, selfId } = this.#core;
    const { request, trace } = pending.forward;
    pending.asked.push(target);
    pending.askedMs = queue.now.monotonicMs;
    if (target !== selfId) {
      counters.add("forwarded", 1);
      trace?.step("forwarded", { replicas: [target] });
      return queue.send([target], { type: "forward", round, life: this.#life, request });
    }
    mark("forwards: a get comes back to the replica that was asked");
    const id = queue.inside((reply) =>
      this.onForwarded(selfId, { type: "forwarded", round, reply: reply as ForwardedMessage["reply"] })
    );
    this.#coordinate(id, request);
  }

  /** A get changes nothing: whoever holds the key and was not asked yet may coordinate it too. */
  #askNext(round: number, pending: Pending): void {
    const { asked, forward } = pending;
    const next = this.#core.counted(forward.naturals).find((id) => !asked.includes(id));
    if (next === undefined) {
      mark("forwards: nobody is left to coordinate a get");
      return this.#refuse(round, pending, "cannot be reached any more");
    }
    mark("forwards: a get is handed to another coordinator");
    this.#ask(round, pending, next);
  }

  #refuse(round: number, pending: Pending, why: string): void {
    const { id, request } = pending.forward;
    this.#close(round, pending);
    const failure = failures.forwardTimeout(request.op, pending.asked, why);
    const isWrong = this.#bugs.has("forward_definite") && request.op !== "get";
    this.#core.queue.refuse(id, isWrong ? { ...failure, code: "unavailable", definite: true } : failure);
  }

  #close(round: number, pending: Pending): void {
    this.#pending.delete(round);
    this.#bytes -= valueChars(pending.forward.request);
  }
}

function valueChars(request: KeyRequest): number {
  return request.op === "put" ? request.value.length : 0;
}
