/** The clients of a workload on a real cluster: they do what the simulator's generator draws, and write down what they see. @module */
import { Random } from "../base/random.ts";
import { encodeCompletion, encodeInvocation } from "../checker/history_encoder.ts";
import type { Operation } from "../checker/history.ts";
import type { KeyspaceConfig } from "../replica/keyspace_config.ts";
import { beginOperation, type KeyRequest, recordOperation, requestOf } from "../sim/client_record.ts";
import { ClientContexts } from "../sim/client_contexts.ts";
import { ClientSession } from "../sim/client_session.ts";
import { drawClientSteps, type StepKeyspace } from "../sim/client_steps.ts";
import type { Caller } from "./caller.ts";
import type { HistoryWriter } from "./history_writer.ts";
import { pauseFor } from "./stop_signal.ts";
import type { WorkloadPlan } from "./workload_plan.ts";

/** A client that failed rests: one that hammers would drown a history in refusals. */
const BACK_OFF_MS = 100;

/** What should have begun so long ago is left out. */
const LATE_MS_MAX = 1000;

/** Values are filled up to so many characters. */
const VALUE_CHARS = 40;

/** What clients are made of. */
export interface WorkloadClientsOptions {
  readonly plan: WorkloadPlan;
  readonly seed: number;
  /** Differs from run to run: what was put in another one is told from what was put in this. */
  readonly run: string;
  readonly keyspace: KeyspaceConfig;
  readonly keys: StepKeyspace["keys"];
  readonly replicas: readonly string[];
  readonly caller: Caller;
  readonly history: HistoryWriter;
}

/** What a client tells of itself with what it asks. */
export interface Telling {
  readonly session?: ClientSession | undefined;
  /** What it knows of keys whose values stand side by side; absent: nothing. */
  readonly contexts?: ClientContexts;
  readonly isBlind?: boolean;
}

/** All clients, and how many of their operations ended how. */
export class WorkloadClients {
  readonly counts: Record<Operation["outcome"], number> = { ok: 0, fail: 0, info: 0 };
  readonly #options: WorkloadClientsOptions;
  /** All operations that were written down, those that belong to no client's life too. */
  writtenCount = 0;
  #valueCount = 0;

  constructor(options: WorkloadClientsOptions) {
    this.#options = options;
  }

  /** Operations that have ended. */
  get total(): number {
    return this.counts.ok + this.counts.fail + this.counts.info;
  }

  /** Has all clients ask until the time is over or the signal comes; resolves when the last has its answer. */
  async run(signal: AbortSignal): Promise<void> {
    const numbers = Array.from({ length: this.#options.plan.clients }, (_, index) => index + 1);
    await Promise.all(numbers.map((number) => this.#live(number, signal)));
  }

  /** One operation of a client that is doing nothing else, written down when it begins and when it ends. */
  async ask(
    client: number,
    caller: Caller,
    plainRequest: KeyRequest,
    { session, contexts, isBlind = false }: Telling = {},
  ): Promise<Operation> {
    const { history, keyspace: { replication: copies, siblings } } = this.#options;
    const first = caller.coordinator;
    const invokedMs = history.nowMs();
    const carried = session?.carried(plainRequest) ?? plainRequest;
    // Nobody replaces anything here without naming it, so what a write replaces is told of each.
    const named = siblings
      ? contexts?.name(carried, { isBlind }) ?? { request: carried, context: [] }
      : undefined;
    const request = named?.request ?? carried;
    const begun = {
      client,
      coordinator: first,
      request,
      invokedMs,
      copies,
      ...(named ? { context: named.context } : {}),
      ...(session ? { session: session.name } : {}),
    };
    history.write(encodeInvocation(beginOperation(begun)));
    const { result, replica } = await caller.request(request);
    session?.onAnswer(result);
    const asked = { ...begun, coordinator: replica, endedMs: history.nowMs() };
    const operation = recordOperation(asked, result);
    if (named) contexts?.onAnswer(named, operation, result);
    history.write(encodeCompletion(operation, replica === first ? {} : { coordinator: replica }));
    this.writtenCount++;
    return operation;
  }

  async #live(number: number, signal: AbortSignal): Promise<void> {
    const { plan, seed, run, keyspace, keys, replicas, history, caller } = this.#options;
    const own = caller.another();
    const contexts = new ClientContexts();
    const session = plan.hasSessions ? new ClientSession(number) : undefined;
    const steps = drawClientSteps(Random.of(seed, `workload of client ${number}`), {
      client: number,
      replicas,
      getPerMille: plan.getPerMille,
      deletePerMille: 100,
      valueChars: VALUE_CHARS,
      wanderPerMille: 50,
      // Who asks for a trace waits for the last copy: too long where one is down.
      tracePerMille: 0,
      levelsOf: (op) => [op === "get" ? plan.readLevel : plan.writeLevel],
      keyspacesAt: () => [{ name: keyspace.name, keys, siblings: keyspace.siblings }],
      nextValue: () => `${run}.${++this.#valueCount}`,
      firstMs: 0,
      meanMs: plan.clients * 1000 / plan.rate,
    });
    const startMs = history.nowMs();
    for (const step of steps) {
      if (step.atMs >= plan.seconds * 1000 || signal.aborted) break;
      const dueMs = startMs + step.atMs;
      if (history.nowMs() - dueMs > LATE_MS_MAX) continue;
      await pauseFor(dueMs - history.nowMs(), signal);
      if (signal.aborted) break;
      if (step.coordinator !== "") own.turnTo(step.coordinator, { stays: false });
      const { outcome } = await this.ask(number, own, requestOf(step), {
        session,
        contexts,
        isBlind: step.isBlind,
      });
      this.counts[outcome]++;
      if (outcome !== "ok") await pauseFor(BACK_OFF_MS, signal);
    }
    own.close();
  }
}
