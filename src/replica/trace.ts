/**
 * One traced request: the steps it went through, and its answer, which waits until the last step. Knows what happened when,
 * and nothing of how it came about.
 * @module
 */
import { fail, ok, type Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import { TRACE_CHARS_MAX, TRACE_MESSAGE_CHARS_MAX } from "../protocol/limits.ts";
import type { Reply } from "../protocol/reply.ts";
import type { TraceStep, TraceWord } from "../protocol/trace.ts";
import { type Held, winner } from "../versions/resolve.ts";
import type { ReplicaId } from "./envelope.ts";
import { versionName } from "./version_name.ts";

/** What a step says beyond its word and its time. */
export type StepFields = Omit<TraceStep, "at_ms" | "what">;

/** Names a write. */
type Dot = Parameters<typeof versionName>[0];

/** The trace of one request. */
export class Trace {
  readonly deadlineMs: number;
  readonly #beginMs: number;
  readonly #nowMs: () => number;
  readonly #leave: (result: Result<Reply, Failure>) => void;
  readonly #steps: TraceStep[] = [];
  #chars = 0;
  /** Parts of the request that are still at work. */
  #openCount = 0;
  #result: Result<Reply, Failure> | undefined;
  #hasLeft = false;

  constructor(options: {
    /** From then on the answer waits for nothing more. */
    readonly deadlineMs: number;
    /** The monotonic time of the step under way. */
    readonly nowMs: () => number;
    /** Called once, with the answer that carries the trace. */
    readonly leave: (result: Result<Reply, Failure>) => void;
  }) {
    this.deadlineMs = options.deadlineMs;
    this.#nowMs = options.nowMs;
    this.#leave = options.leave;
    this.#beginMs = options.nowMs();
  }

  /** Something happened. What comes after the answer has left is lost, and so is what no longer fits. */
  step(what: TraceWord, fields: StepFields = {}): void {
    if (this.#hasLeft || this.#chars > TRACE_CHARS_MAX) return;
    const { message, ...others } = fields;
    const cut = message === undefined
      ? {}
      : { message: message.slice(0, TRACE_MESSAGE_CHARS_MAX).toWellFormed() };
    this.#push({ at_ms: this.#atMs(), what, ...others, ...cut });
  }

  #push(step: TraceStep): void {
    if (this.#chars > TRACE_CHARS_MAX) return;
    this.#chars += JSON.stringify(step).length;
    this.#steps.push(this.#chars > TRACE_CHARS_MAX ? { at_ms: step.at_ms, what: "cut" } : step);
  }

  /** Whom a message went to, of those who were to have it: the others are dead. */
  asked(replicas: readonly ReplicaId[], alive: readonly ReplicaId[]): void {
    if (alive.length > 0) this.step("asked", { replicas: alive });
    const dead = replicas.filter((id) => !alive.includes(id));
    if (dead.length > 0) this.step("not_asked", { replicas: dead });
  }

  /** A replica told what it holds. */
  answered(replica: ReplicaId, held: Held, { counts }: { counts: boolean }): void {
    this.step("answered", { replica, ...winnerOf(held), ...(counts ? {} : { recovering: true }) });
  }

  /** These replicas are sent what remains of all answers. */
  repairing(replicas: readonly ReplicaId[], held: Held): void {
    this.step("repairing", { replicas, ...winnerOf(held) });
  }

  /** A replica has a write on its disk, or what it already held instead. */
  written(
    what: "stored" | "acked",
    replica: ReplicaId,
    { by, counts }: { readonly by: Dot | undefined; readonly counts: boolean },
  ): void {
    this.step(what, {
      replica,
      ...(by ? { superseded_by: versionName(by) } : {}),
      ...(counts ? {} : { recovering: true }),
    });
  }

  /** What became of the hints for those who are owed the write; nothing more is waited for. */
  hinted(
    targets: readonly ReplicaId[],
    { isStored, dropped }: { readonly isStored: boolean; readonly dropped: readonly ReplicaId[] },
  ): void {
    const kept = targets.filter((id) => !dropped.includes(id));
    if (kept.length > 0) this.step(isStored ? "hint_kept" : "hint_waits", { replicas: kept });
    if (dropped.length > 0) this.step("hint_dropped", { replicas: dropped });
    this.release();
  }

  /** A part of the request begins that the answer shall wait for. */
  hold(): void {
    this.#openCount++;
  }

  /** A part has ended. */
  release(): void {
    this.#openCount--;
    if (this.#openCount === 0 && this.#result) this.end();
  }

  /** Without a trace the answer would leave now. */
  onResult(result: Result<Reply, Failure>): void {
    this.#result = result;
    if (result.ok) {
      const { value } = result;
      this.#last("level_met", "receipt" in value ? { replicas: value.receipt.acked } : {});
    } else {
      const { code, acked } = result.failure;
      const replicas = acked === undefined ? {} : { replicas: acked };
      if (code === "not_found") this.#last("level_met", replicas);
      else this.#last("failed", { code, ...replicas });
    }
    if (this.#openCount === 0) this.end();
  }

  /** Another replica coordinated, from `askedMs` on: its steps go on where ours end. */
  onForwarded(result: Result<Reply, Failure>, askedMs: number): void {
    const steps = traceOf(result);
    if (steps === undefined) return this.onResult(result);
    for (const step of steps) {
      const moved = { ...step, at_ms: this.#toMs(askedMs + step.at_ms) };
      if (step.what === "level_met" || step.what === "failed") this.#steps.push(moved);
      else this.#push(moved);
    }
    this.#result = result;
    this.end();
  }

  /** Whether there is an answer that waits for nothing but late steps. */
  get hasResult(): boolean {
    return this.#result !== undefined;
  }

  /** The answer leaves. Requires: there is one. */
  end(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#leave(withTrace(this.#result!, this.#steps));
  }

  /** This step is in every trace, however many came before. */
  #last(what: TraceWord, fields: StepFields): void {
    this.#steps.push({ at_ms: this.#atMs(), what, ...fields });
  }

  #atMs(): number {
    return this.#toMs(this.#nowMs());
  }

  #toMs(monotonicMs: number): number {
    return Math.round((monotonicMs - this.#beginMs) * 1000) / 1000;
  }
}

function winnerOf(held: Held): StepFields {
  const version = winner(held);
  if (!version) return {};
  return { version: versionName(version), ...(version.value === undefined ? { deleted: true } : {}) };
}

function traceOf(result: Result<Reply, Failure>): readonly TraceStep[] | undefined {
  if (!result.ok) return result.failure.trace;
  return "receipt" in result.value ? result.value.receipt.trace : undefined;
}

function withTrace(result: Result<Reply, Failure>, trace: readonly TraceStep[]): Result<Reply, Failure> {
  if (!result.ok) return fail({ ...result.failure, trace });
  const reply = result.value;
  switch (reply.kind) {
    case "written":
      return ok({ kind: "written", receipt: { ...reply.receipt, trace } });
    case "value":
      return ok({ ...reply, receipt: { ...reply.receipt, trace } });
    default:
      return result;
  }
}
