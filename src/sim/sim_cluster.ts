/**
 * A simulated cluster for tests: the real code in virtual time, from one seed. Time passes only while something is waited
 * for, so a test of ten minutes takes a second, and goes the same way each time.
 *
 * ```ts
 * await using cluster = await SimCluster.start({ seed: 1 });
 * cluster.partition(["r1", "r2"], ["r3", "r4"]);
 * await cluster.put(7, "hello", { level: "TWO", through: "r1" });
 * cluster.heal();
 * await cluster.assertConverged();
 * ```
 * @module
 */
import { collectsTombstones } from "../replica/keyspace_config.ts";
import type { Result } from "../base/failure.ts";
import { judgeConvergence } from "../checker/convergence.ts";
import type { FinalState, History, Operation } from "../checker/history.ts";
import { judgeHistory, type Model } from "../checker/judge.ts";
import { describeOperation } from "../checker/operation_text.ts";
import { renderTimeline } from "../checker/timeline.ts";
import type { Verdict } from "../checker/verdict.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Level } from "../protocol/level.ts";
import type { Reply } from "../protocol/reply.ts";
import type { WireKey } from "../protocol/request.ts";
import type { KeyRequest } from "./client_record.ts";
import {
  CONVERGENCE_FIELDS,
  type Fields,
  fieldsOf,
  requireAskOptions,
  requireFields,
  UNTIL_FIELDS,
} from "./given_options.ts";
import { type Fault, FAULT_KINDS, NO_FAULT } from "./scenario.ts";
import { parseScenario } from "./scenario_document.ts";
import { holdersIn } from "./holders.ts";
import { settle } from "./settle.ts";
import type { SimReplica } from "./sim_replica.ts";
import { type RunOptions, SimRun } from "./sim_run.ts";
import { StandingFaults } from "./standing_faults.ts";

/** How a cluster is made. Tables are as in `cluster.toml`. */
export interface SimClusterOptions extends RunOptions {
  readonly seed?: number;
  readonly replicas?: number;
  readonly keyspace?: Readonly<Record<string, unknown>>;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** As in the `[network]` of a scenario, in snake case. */
  readonly network?: Readonly<Record<string, unknown>>;
}

const START_FIELDS: Fields = {
  seed: "number",
  replicas: "number",
  keyspace: "object",
  settings: "object",
  network: "object",
  bugs: "object",
  onTrace: "function",
  marks: "object",
};

/** How something is asked. */
export interface AskOptions {
  readonly level?: Level;
  readonly keyspace?: string;
  /** The replica that is to coordinate, and no other; any one where it is left out. */
  readonly through?: string;
}

/** A request that was not done, or of which nobody knows. */
export class RequestFailedError extends Error {
  override readonly name = "RequestFailedError";
  readonly operation: Operation;

  /** `reason` is what the replica, or the client, said of it. */
  constructor(operation: Operation, reason: string) {
    super(`${describeOperation(operation)}: ${reason}`);
    this.operation = operation;
  }
}

/** A request that has ended. */
export interface EndedRequest {
  readonly operation: Operation;
  readonly result: Result<Reply, Failure>;
}

interface Waiter {
  readonly isOver: () => boolean;
  readonly endMs: number;
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

/** A cluster of four that just started has met after far less. */
const START_MS_MAX = 10_000;

/** How often copies are compared. */
const LOOK_MS = 50;

/** A cluster under test. */
export class SimCluster implements AsyncDisposable {
  readonly #run: SimRun;
  readonly #standing: StandingFaults;
  /** Who waits for something to happen. Invariant: while there are any, one pump lets things happen. */
  readonly #waiters = new Set<Waiter>();
  #isPumping = false;
  #clientCount = 0;

  private constructor(run: SimRun) {
    this.#run = run;
    this.#standing = new StandingFaults(run.replicas.map(({ id }) => id));
  }

  /** Starts all replicas, and waits until they have met. Throws `TypeError` where the options are wrong. */
  static async start(options: SimClusterOptions = {}): Promise<SimCluster> {
    requireFields("SimCluster.start", options, START_FIELDS);
    const { seed = 1, replicas = 4, keyspace = { main: {} }, settings = {}, network = {} } = options;
    const scenario = parseScenario({
      name: "test",
      seed,
      cluster: { replicas, keyspace, settings },
      network,
    });
    if (!scenario.ok) throw new TypeError(scenario.failure);
    const run = new SimRun(scenario.value, options);
    const cluster = new SimCluster(run);
    for (const replica of run.replicas) replica.start();
    await cluster.#until(
      () => run.replicas.every((replica) => replica.isReady && !replica.isRecovering && replica.seesAll),
      START_MS_MAX,
    );
    return cluster;
  }

  /** Virtual milliseconds since the start. */
  get nowMs(): number {
    return this.#run.world.queue.nowMs;
  }

  /** Writes a value. Throws `RequestFailedError`. */
  async put(key: WireKey, value: string, options: AskOptions = {}): Promise<Operation> {
    return succeeded(
      await this.#ask({ op: "put", key, value, ...this.#whereAndHow("put", options) }, options),
    );
  }

  /** Deletes a value. Throws `RequestFailedError`. */
  async delete(key: WireKey, options: AskOptions = {}): Promise<Operation> {
    return succeeded(
      await this.#ask({ op: "delete", key, ...this.#whereAndHow("delete", options) }, options),
    );
  }

  /** Reads a value; undefined where there is none. Throws `RequestFailedError`. */
  async get(key: WireKey, options: AskOptions = {}): Promise<string | undefined> {
    return succeeded(await this.#ask({ op: "get", key, ...this.#whereAndHow("get", options) }, options))
      .value;
  }

  /** Asks as a client of its own does, and waits for whatever becomes of it. */
  async ask(request: KeyRequest, options: Pick<AskOptions, "through"> = {}): Promise<Operation> {
    return (await this.#ask(request, options)).operation;
  }

  async #ask(request: KeyRequest, { through }: Pick<AskOptions, "through">): Promise<EndedRequest> {
    const client = ++this.#clientCount;
    const { workload } = this.#run;
    if (through !== undefined) workload.turnTo(client, this.#replicaNamed(through).id, { stays: true });
    let ended: EndedRequest | undefined;
    workload.ask(client, request, (operation, result) => {
      ended = { operation, result };
    });
    await this.#until(() => ended !== undefined, Infinity);
    return ended!;
  }

  /** Lets time pass until this holds; throws where it does not in time. It is asked every 50 milliseconds. */
  async until(
    condition: () => boolean | Promise<boolean>,
    options: { readonly withinMs?: number; readonly what?: string } = {},
  ): Promise<void> {
    requireFields("until", options, UNTIL_FIELDS);
    const { withinMs = 10_000, what = "the condition holds" } = options;
    const endMs = this.nowMs + withinMs;
    while (!await condition()) {
      if (this.nowMs >= endMs) throw new Error(`not within ${withinMs} ms: ${what}`);
      await this.advance(LOOK_MS);
    }
  }

  /** Lets time pass. Throws `TypeError` where that would never end. */
  async advance(ms: number): Promise<void> {
    if (!Number.isFinite(ms)) throw new TypeError(`advance takes milliseconds, and ${ms} was given`);
    await this.#until(() => false, ms);
  }

  /** Cuts some replicas off from others, or from all others, until `heal`. */
  partition(some: readonly string[], others: readonly string[] = []): void {
    this.fault({ kind: "partition", replicas: some, peers: others });
  }

  /** Lets something go wrong now, for `forMs` or until `heal`. Throws `TypeError` where there is no such fault, or replica. */
  fault(fault: Partial<Fault> & Pick<Fault, "kind">): void {
    // Why: tests run without a look at their types.
    if (!FAULT_KINDS.includes(fault.kind)) {
      throw new TypeError(`no fault "${fault.kind}"; there are: ${FAULT_KINDS.join(", ")}`);
    }
    requireFields(`fault "${fault.kind}"`, fault, fieldsOf({ kind: "", ...NO_FAULT }));
    if ((fault.replicas ?? []).length === 0 && fault.kind !== "reconfigure") {
      throw new TypeError(`fault "${fault.kind}" befalls nobody: name its replicas`);
    }
    for (const id of [...fault.replicas ?? [], ...fault.peers ?? []]) this.#replicaNamed(id);
    const whole = { ...NO_FAULT, ...fault };
    this.#standing.onFault(whole, this.nowMs);
    this.#run.nemesis.strike(whole);
  }

  /** Ends all that goes wrong: ways open, processes run, disks have room. Clocks stay as they are. */
  heal(): void {
    this.#standing.onHeal();
    this.#run.nemesis.heal();
  }

  /** What one replica holds, by key; nothing while it is not running. */
  held(replica: string, keyspace: string = this.#run.config.defaultKeyspace): FinalState {
    return this.#replicaNamed(replica).held(keyspace);
  }

  /** Waits until all replicas hold the same of all keys; throws when they do not in time, and says on which key they differ and what is still broken. */
  async assertConverged(options: { readonly withinMs?: number } = {}): Promise<void> {
    requireFields("assertConverged", options, CONVERGENCE_FIELDS);
    const { withinMs = 10_000 } = options;
    const difference = (): string | undefined => {
      for (const keyspace of this.#run.config.keyspaces.keys()) {
        const placed = this.#run.placedIn(keyspace);
        const holders = this.#run.replicas.filter(({ id }) => placed.isHeldBy(id));
        const down = holders.find(({ isReady }) => !isReady);
        if (down !== undefined) return `${down.id} is not ready`;
        const states = new Map(holders.map((each) => [each.id, each.held(keyspace)]));
        const [first] = judgeConvergence(states, {
          collectsTombstones: collectsTombstones(placed.config),
          holders: holdersIn(placed, new Set([...states.values()].flatMap((state) => [...state.keys()]))),
        });
        if (first !== undefined) return `keyspace ${keyspace}: ${first.sentence}`;
      }
      return undefined;
    };
    const lookedMs = this.nowMs;
    let nextLookMs = lookedMs;
    await this.#until(() => {
      // Why not each time: to look at all copies costs far more than to let one thing happen.
      if (this.nowMs < nextLookMs) return false;
      nextLookMs = this.nowMs + LOOK_MS;
      return difference() === undefined;
    }, withinMs);
    const left = difference();
    const waitedMs = Math.round(this.nowMs - lookedMs);
    if (left === undefined) return;
    const still = this.#standing.tell(this.nowMs, (id) => this.#replicaNamed(id).isDown);
    throw new Error(`${left}, ${waitedMs} ms after the first look${still}`);
  }

  /** What clients of a keyspace saw until now, and what replicas hold. */
  history(keyspace: string = this.#run.config.defaultKeyspace): History {
    const history = this.#run.histories().get(keyspace);
    if (history === undefined) throw new TypeError(`nobody has asked for a key of ${keyspace}`);
    return history;
  }

  /** What judges say of that. Under `quorum` all copies must be equal by now. */
  verdict(model: Model, keyspace?: string): Verdict {
    return judgeHistory(this.history(keyspace), model);
  }

  /** The same as a page with a picture, for `Deno.writeTextFile("run.html", …)`. */
  timeline(model: Model, keyspace?: string): string {
    return renderTimeline(this.history(keyspace), this.verdict(model, keyspace));
  }

  /** Ends the cluster. Throws where something happened that must never happen, such as a copy that went back. */
  [Symbol.asyncDispose](): Promise<void> {
    const [first] = this.#run.world.complaints;
    return first === undefined ? Promise.resolve() : Promise.reject(new Error(first.sentence));
  }

  /** Throws `TypeError` where there is none of this name: a fault of nobody would let a test pass that shows nothing. */
  #replicaNamed(name: string): SimReplica {
    const found = this.#run.replicas.find(({ id }) => id === name);
    if (found !== undefined) return found;
    throw new TypeError(
      `there is no replica ${name}; there are ${this.#run.replicas.map(({ id }) => id).join(" ")}`,
    );
  }

  #whereAndHow(call: string, options: AskOptions): { readonly level: Level; readonly keyspace: string } {
    requireAskOptions(call, options);
    const { level, keyspace = this.#run.config.defaultKeyspace } = options;
    return { keyspace, level: level ?? this.#run.config.keyspaces.get(keyspace)?.defaultLevel ?? "QUORUM" };
  }

  /** Lets things happen until this is so, or so much time has passed. */
  #until(isOver: () => boolean, withinMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.add({ isOver, endMs: this.nowMs + withinMs, resolve, reject });
      if (!this.#isPumping) this.#pump();
    });
  }

  /** Why one for all who wait: two that let things happen at the same time would not let promises settle in between. */
  async #pump(): Promise<void> {
    this.#isPumping = true;
    try {
      while (this.#waiters.size > 0) {
        const over = [...this.#waiters].filter(({ isOver, endMs }) => this.nowMs >= endMs || isOver());
        for (const waiter of over) {
          this.#waiters.delete(waiter);
          waiter.resolve();
        }
        // Who has waited may ask for more at this very time.
        if (over.length > 0) await settle();
        else await this.#run.world.runNext(Math.min(...[...this.#waiters].map(({ endMs }) => endMs)));
      }
    } catch (cause) {
      for (const { reject } of this.#waiters) reject(cause);
      this.#waiters.clear();
    }
    this.#isPumping = false;
  }
}

/** What was done. Throws `RequestFailedError` where it was not, or nobody knows. */
export function succeeded({ operation, result }: EndedRequest): Operation {
  if (operation.outcome === "ok") return operation;
  throw new RequestFailedError(operation, result.ok ? "" : result.failure.message);
}
