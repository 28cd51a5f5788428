/** The traced requests of one replica that are not answered yet, and the repairs whose end their traces wait for. @module */
import type { Result } from "../base/failure.ts";
import { mark } from "../base/mark.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Reply } from "../protocol/reply.ts";
import type { RefusedMessage, WrittenMessage } from "../replication/messages.ts";
import type { ReplicaId } from "./envelope.ts";
import type { RequestId } from "./event.ts";
import { Trace } from "./trace.ts";

/** Repairs that were sent when their read had ended. */
interface Repairs {
  readonly trace: Trace;
  readonly waiting: Set<ReplicaId>;
}

/** All traces of one replica. */
export class Traces {
  readonly #nowMs: () => number;
  readonly #send: (id: RequestId, result: Result<Reply, Failure>) => void;
  readonly #traces = new Map<RequestId, Trace>();
  /** Invariant: each belongs to a trace of `#traces`; by the round under which the repairs were sent. */
  readonly #repairs = new Map<number, Repairs>();

  constructor(options: {
    readonly nowMs: () => number;
    /** Answers a client. */
    readonly send: (id: RequestId, result: Result<Reply, Failure>) => void;
  }) {
    this.#nowMs = options.nowMs;
    this.#send = options.send;
  }

  /** Traced requests that are not answered yet. */
  get count(): number {
    return this.#traces.size;
  }

  /** Begins the trace of a request; from now on its answer goes through the trace. */
  begin(id: RequestId, timeoutMs: number): Trace {
    const trace = new Trace({
      deadlineMs: this.#nowMs() + timeoutMs,
      nowMs: this.#nowMs,
      leave: (result) => {
        this.#traces.delete(id);
        for (const [round, repairs] of this.#repairs) {
          if (repairs.trace === trace) this.#repairs.delete(round);
        }
        this.#send(id, result);
      },
    });
    this.#traces.set(id, trace);
    return trace;
  }

  /** Takes the answer of a traced request; false if the request is not traced. */
  onResult(id: RequestId, result: Result<Reply, Failure>): boolean {
    const trace = this.#traces.size === 0 ? undefined : this.#traces.get(id);
    if (!trace) return false;
    trace.onResult(result);
    return true;
  }

  /** Has a trace wait until these replicas have stored what was sent to them under `round`. */
  awaitRepairs(round: number, trace: Trace, targets: readonly ReplicaId[]): void {
    if (targets.length === 0) return;
    trace.hold();
    this.#repairs.set(round, { trace, waiting: new Set(targets) });
  }

  /** A replica stored a repair. True if a trace waits for that round. */
  onWritten(from: ReplicaId, message: WrittenMessage): boolean {
    const repairs = this.#repairs.get(message.round);
    if (!repairs) return false;
    repairs.trace.step("repaired", { replica: from, ...(message.recovering ? { recovering: true } : {}) });
    this.#close(message.round, repairs, from);
    return true;
  }

  /** A replica refused a repair. True if a trace waits for that round. */
  onRefused(from: ReplicaId, { round, code, message }: RefusedMessage): boolean {
    const repairs = this.#repairs.get(round);
    if (!repairs) return false;
    mark("traces: a replica refused to be mended");
    repairs.trace.step("refused", { replica: from, code, message });
    this.#close(round, repairs, from);
    return true;
  }

  /** A peer can no longer be reached. */
  onDied(id: ReplicaId): void {
    for (const [round, repairs] of this.#repairs) {
      if (!repairs.waiting.has(id)) continue;
      mark("traces: a replica died before it was mended");
      repairs.trace.step("died", { replica: id });
      this.#close(round, repairs, id);
    }
  }

  /** Lets go of the answers that have waited long enough for late steps. */
  tick(): void {
    const nowMs = this.#nowMs();
    for (const trace of this.#traces.values()) {
      if (!trace.hasResult || trace.deadlineMs > nowMs) continue;
      mark("traces: an answer does not wait longer for late steps");
      trace.end();
    }
  }

  #close(round: number, { trace, waiting }: Repairs, id: ReplicaId): void {
    if (!waiting.delete(id) || waiting.size > 0) return;
    this.#repairs.delete(round);
    trace.release();
  }
}
