/** Clients of a simulated run: each asks one thing at a time, and writes down what it saw. @module */
import type { Random } from "../base/random.ts";
import type { Result } from "../base/failure.ts";
import { type Failure, isDefinite } from "../protocol/error_codes.ts";
import { type Level, requiredCount } from "../protocol/level.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Request } from "../protocol/request.ts";
import { decodeReply, encodeReply } from "../transport/reply_codec.ts";
import type { Operation } from "../checker/history.ts";
import type { EventQueue } from "./event_queue.ts";
import type { SimReplica } from "./sim_replica.ts";

/** What the clients of one run do. */
export interface WorkloadProfile {
  readonly clientCount: number;
  readonly keyCount: number;
  readonly thinkMsMax: number;
  readonly getPerMille: number;
  readonly deletePerMille: number;
  readonly writeLevels: readonly Level[];
  readonly readLevels: readonly Level[];
  readonly copies: number;
  readonly valueBytes: number;
}

/** A client gives up after this; its request may still happen. */
const PATIENCE_MS = 6000;

/** After a failure a client waits this long. */
const BACK_OFF_MS = 400;

/** Chance, in thousandths, that a client asks for a trace. */
const TRACE_PER_MILLE = 100;

/** Chance, in thousandths, that a client turns to another coordinator by itself. */
const WANDER_PER_MILLE = 50;

/** The clients of one run. */
export class Workload {
  readonly operations: Operation[] = [];
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #replicas: readonly SimReplica[];
  readonly #profile: WorkloadProfile;
  readonly #trace: (line: string) => void;
  #nextId = 1;
  #isOver = false;

  constructor(options: {
    readonly queue: EventQueue;
    readonly random: Random;
    readonly replicas: readonly SimReplica[];
    readonly profile: WorkloadProfile;
    readonly trace: (line: string) => void;
  }) {
    this.#queue = options.queue;
    this.#random = options.random;
    this.#replicas = options.replicas;
    this.#profile = options.profile;
    this.#trace = options.trace;
  }

  /** Lets all clients begin. */
  start(): void {
    for (let client = 0; client < this.#profile.clientCount; client++) {
      let coordinator = this.#random.pick(this.#replicas);
      const turn = (): void => {
        if (this.#isOver) return;
        if (this.#random.chance(WANDER_PER_MILLE) || !coordinator.isUp) {
          coordinator = this.#random.pick(this.#replicas);
        }
        this.ask(client, coordinator, this.#draw(), ({ outcome }) => {
          // Why: a client that hammers a cluster that refuses it would drown the run in refusals.
          this.#queue.after(this.#think() + (outcome === "ok" ? 0 : BACK_OFF_MS), turn);
        });
      };
      this.#queue.after(this.#think(), turn);
    }
  }

  /** No client begins anything more. */
  stop(): void {
    this.#isOver = true;
  }

  /** One operation, written down when it ends. */
  ask(
    client: number,
    coordinator: SimReplica,
    request: Exclude<Request, { op: "status" | "inspect" }>,
    done: (operation: Operation) => void,
  ): void {
    const id = this.#nextId++;
    const invokedMs = this.#queue.nowMs;
    let isOpen = true;
    const end = (result: Result<Reply, Failure>): void => {
      if (!isOpen) return;
      isOpen = false;
      const operation = this.#record(client, coordinator.id, request, invokedMs, throughCodec(id, result));
      this.#trace(`client ${client} ${JSON.stringify(operation)}`);
      this.operations.push(operation);
      done(operation);
    };
    const life = coordinator.life;
    this.#queue.after(this.#random.below(2000) / 1000, () => {
      const isTaken = coordinator.life === life && coordinator.request(id, request, (result) => {
        checkTrace(request, result);
        this.#queue.after(this.#random.below(2000) / 1000, () => end(result));
      });
      if (!isTaken) end(failed("unavailable", "nobody listens"));
    });
    this.#queue.after(PATIENCE_MS, () => end(failed("connection_lost", "no answer")));
    const watch = (): void => {
      if (!isOpen) return;
      if (coordinator.life !== life) return end(failed("connection_lost", "the coordinator died"));
      this.#queue.after(50, watch);
    };
    watch();
  }

  #record(
    client: number,
    coordinator: string,
    request: Exclude<Request, { op: "status" | "inspect" }>,
    invokedMs: number,
    result: Result<Reply, Failure>,
  ): Operation {
    const common = {
      client,
      op: request.op,
      key: String(request.key),
      required: requiredCount(request.level!, this.#profile.copies),
      coordinator,
      invokedMs,
      endedMs: this.#queue.nowMs,
      ...(request.op === "put" ? { value: request.value } : {}),
    };
    if (result.ok) {
      const { value: reply } = result;
      if (reply.kind !== "value" && reply.kind !== "written") {
        throw new TypeError(`a ${reply.kind} answers no ${request.op}`);
      }
      const { acked, version } = reply.receipt;
      return {
        ...common,
        outcome: "ok",
        acked,
        ...(reply.kind === "value" ? { value: reply.value } : {}),
        ...(version ? { version: { stamp: version.stamp, origin: version.origin } } : {}),
      };
    }
    const { failure } = result;
    const acked = failure.acked ?? [];
    if (failure.code === "not_found") {
      const { version } = failure;
      return {
        ...common,
        outcome: "ok",
        acked,
        ...(version ? { version: { stamp: version.stamp, origin: version.origin } } : {}),
      };
    }
    if (isDefinite(failure) || request.op === "get") {
      return { ...common, outcome: "fail", acked, code: failure.code };
    }
    return { ...common, endedMs: Infinity, outcome: "info", acked, code: failure.code };
  }

  #draw(): Exclude<Request, { op: "status" | "inspect" }> {
    const { profile, random } = { profile: this.#profile, random: this.#random };
    const key = random.below(profile.keyCount);
    const keyspace = "main";
    const trace = random.chance(TRACE_PER_MILLE) ? { trace: true as const } : {};
    if (random.chance(profile.getPerMille)) {
      return { op: "get", keyspace, key, level: random.pick(profile.readLevels), ...trace };
    }
    const level = random.pick(profile.writeLevels);
    if (random.chance(profile.deletePerMille)) return { op: "delete", keyspace, key, level, ...trace };
    // One in three is filled with what JSON writes with six bytes for one.
    const filler = random.chance(300) ? "\u0001" : ".";
    const value = `v${this.#nextId}`.padEnd(random.below(profile.valueBytes + 1), filler);
    return { op: "put", keyspace, key, value, level, ...trace };
  }

  #think(): number {
    return this.#random.below(this.#profile.thinkMsMax * 1000) / 1000;
  }
}

/** A replica's answer must tell what became of a traced request, in order of time, and of no other. */
function checkTrace({ trace }: { readonly trace?: true }, result: Result<Reply, Failure>): void {
  const steps = !result.ok
    ? result.failure.trace
    : "receipt" in result.value
    ? result.value.receipt.trace
    : undefined;
  const ends = steps?.filter(({ what }) => what === "level_met" || what === "failed");
  const isInOrder = steps?.every(({ at_ms }, index) => index === 0 || at_ms >= steps[index - 1]!.at_ms);
  if (trace ? ends?.length !== 1 || !isInOrder : steps !== undefined) {
    throw new TypeError(`a request with trace ${trace} came back with ${JSON.stringify(steps)}`);
  }
}

function failed(code: Failure["code"], message: string): Result<Reply, Failure> {
  return { ok: false, failure: { code, message } };
}

function throughCodec(id: number, result: Result<Reply, Failure>): Result<Reply, Failure> {
  const decoded = decodeReply(JSON.parse(encodeReply(id, result)));
  if (!decoded) throw new TypeError(`an answer does not survive its codec: ${encodeReply(id, result)}`);
  return decoded.result;
}
