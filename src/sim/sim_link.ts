/**
 * The way of one imagined client to the replicas: a connection to each, made when first needed, and made again when it
 * broke. Requests and answers pass through the real codec. It loses nothing and keeps no order among requests.
 * @module
 */
import { fail, type Result } from "../base/failure.ts";
import type { Random } from "../base/random.ts";
import type { Attempt, AttemptEnd, Link } from "../client/client.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Request } from "../protocol/request.ts";
import { decodeReply, encodeReply } from "../transport/reply_codec.ts";
import { encodeRequest, parseRequestLine } from "../transport/request_codec.ts";
import { sessionToken } from "./client_session.ts";
import type { SimReplica } from "./sim_replica.ts";
import type { SimWorld } from "./sim_world.ts";

/** Longest way between a client and a replica. */
const DELAY_MS_MAX = 2;

/** Numbers of requests, which no two clients share. */
export class RequestNumbers {
  #last = 0;

  next(): number {
    return ++this.#last;
  }
}

/** Carries requests of one client. */
export class SimLink implements Link {
  readonly #world: SimWorld;
  readonly #random: Random;
  readonly #replicas: ReadonlyMap<string, SimReplica>;
  readonly #numbers: RequestNumbers;
  /** The life of each replica to which a connection stands. */
  readonly #connected = new Map<string, number>();

  constructor(options: {
    readonly world: SimWorld;
    readonly random: Random;
    readonly replicas: readonly SimReplica[];
    readonly numbers: RequestNumbers;
  }) {
    this.#world = options.world;
    this.#random = options.random;
    this.#replicas = new Map(options.replicas.map((replica) => [replica.id, replica]));
    this.#numbers = options.numbers;
  }

  /** See `Link`. */
  attempt(attempt: Attempt, done: (nowMs: number, end: AttemptEnd) => void): void {
    const replica = this.#replicas.get(attempt.replica)!;
    let isOpen = true;
    const end = (result: AttemptEnd): void => {
      if (!isOpen) return;
      isOpen = false;
      done(this.#world.queue.nowMs, result);
    };
    if (this.#connected.get(replica.id) === replica.life) return this.#ask(replica, attempt, end);
    const unreachable = (reason: string): void => end({ kind: "unreachable", reason });
    const { queue } = this.#world;
    let isConnected = false;
    queue.after(Math.max(0, attempt.connectByMs - queue.nowMs), () => {
      if (!isConnected) unreachable("nobody answered");
    });
    this.#later(() => {
      if (!replica.isUp) return this.#later(() => unreachable("nobody listens"));
      // A process that stands still takes the connection and says nothing.
      if (replica.isPaused) return;
      const { life } = replica;
      this.#later(() => {
        if (!isOpen) return;
        isConnected = true;
        this.#connected.set(replica.id, life);
        this.#ask(replica, attempt, end);
      });
    });
  }

  #ask(replica: SimReplica, { request }: Attempt, end: (result: AttemptEnd) => void): void {
    const { life } = replica;
    const lose = (): void =>
      this.#later(() =>
        end({
          kind: "answered",
          result: fail({
            code: "connection_lost",
            message: `the connection to ${replica.id} was lost`,
            ...(request.op === "get" ? { definite: true } : {}),
          }),
        })
      );
    this.#later(() => {
      if (replica.life !== life) return lose();
      const id = this.#numbers.next();
      replica.request(id, carriedRequest(id, request), {
        onReply: (result) => {
          checkTrace(request, result);
          checkSession(request, result);
          const carried = carriedReply(id, result);
          this.#later(() => end({ kind: "answered", result: carried }));
        },
        onLost: lose,
      });
    });
  }

  #later(run: () => void): void {
    this.#world.queue.after(this.#random.below(1000) / 1000 * DELAY_MS_MAX, run);
  }
}

/** A request as a replica gets it. */
function carriedRequest(id: number, request: Request): Request {
  const parsed = parseRequestLine(encodeRequest(id, request));
  const [first] = parsed.ok ? parsed.value : [];
  if (!first?.isRequest) {
    throw new TypeError(`a request does not survive its codec: ${encodeRequest(id, request)}`);
  }
  return first.request;
}

/** An answer as a client gets it. */
function carriedReply(id: number, result: Result<Reply, Failure>): Result<Reply, Failure> {
  const line = encodeReply(id, result);
  const decoded = decodeReply(JSON.parse(line));
  if (!decoded) throw new TypeError(`an answer does not survive its codec: ${line}`);
  return decoded.result;
}

/** A replica's answer must tell what became of a traced request, in order of time, and of no other. */
function checkTrace(request: Request, result: Result<Reply, Failure>): void {
  const isTraced = "trace" in request && request.trace === true;
  const steps = !result.ok
    ? result.failure.trace
    : "receipt" in result.value
    ? result.value.receipt.trace
    : undefined;
  const ends = steps?.filter(({ what }) => what === "level_met" || what === "failed");
  const isInOrder = steps?.every(({ at_ms }, index) => index === 0 || at_ms >= steps[index - 1]!.at_ms);
  if (isTraced ? ends?.length !== 1 || !isInOrder : steps !== undefined) {
    throw new TypeError(`a request with trace ${isTraced} came back with ${JSON.stringify(steps)}`);
  }
}

/** What was done in a session, or found not to be there, carries its next token, which is greater; and no other answer carries one. */
function checkSession(request: Request, result: Result<Reply, Failure>): void {
  const before = "session" in request ? request.session : undefined;
  const after = sessionToken(result);
  const isOwed = before !== undefined && (result.ok || result.failure.code === "not_found");
  if (isOwed ? after === undefined || after <= before : after !== undefined) {
    throw new TypeError(`a ${request.op} with session ${before} came back with ${after}`);
  }
}
