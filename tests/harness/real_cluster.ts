/**
 * A cluster of real processes for tests, asked as `src/sim/sim_cluster.ts` is: where both have a method it is called and
 * means the same, so that one test can run on either. Time is real: what is waited for is a condition.
 *
 * ```ts
 * await using cluster = await RealCluster.start();
 * await cluster.partition(["r1", "r2"], ["r3", "r4"]);
 * await cluster.put(7, "hello", { level: "TWO", through: "r1" });
 * await cluster.heal();
 * await cluster.assertConverged();
 * ```
 * @module
 */
import { print } from "../../scripts/print.ts";
import { judgeConvergence } from "../../src/checker/convergence.ts";
import type { FinalState, History, Operation } from "../../src/checker/history.ts";
import { judgeHistory, type Model } from "../../src/checker/judge.ts";
import { renderTimeline } from "../../src/checker/timeline.ts";
import type { Verdict } from "../../src/checker/verdict.ts";
import { Caller } from "../../src/cli/caller.ts";
import { askHoldings } from "../../src/cli/cluster_view.ts";
import { readConfigFile } from "../../src/cli/config_file.ts";
import { TcpLink } from "../../src/cli/tcp_link.ts";
import { snapshotOf } from "../../src/cli/workload_ends.ts";
import { FAULT_MS_MAX } from "../../src/protocol/limits.ts";
import type { Status } from "../../src/protocol/reply.ts";
import type { FaultRequest, WireKey } from "../../src/protocol/request.ts";
import type { ClusterConfig, Member } from "../../src/replica/cluster_config.ts";
import type { KeyspaceConfig } from "../../src/replica/keyspace_config.ts";
import { type KeyRequest, recordOperation } from "../../src/sim/client_record.ts";
import {
  CONVERGENCE_FIELDS,
  requireAskOptions,
  requireFields,
  UNTIL_FIELDS,
} from "../../src/sim/given_options.ts";
import { type AskOptions, type EndedRequest, succeeded } from "../../src/sim/sim_cluster.ts";
import { StandingFaults } from "../../src/sim/standing_faults.ts";
import type { ClusterOptions } from "./cluster_toml.ts";
import { eventually } from "./eventually.ts";
import { LocalCluster } from "./processes.ts";
import { planFault, type RealFault } from "./real_fault.ts";
import { RealRecord } from "./real_record.ts";

/** How a cluster is made. Tables are as in `cluster.toml`. */
export interface RealClusterOptions extends Pick<ClusterOptions, "replicas" | "settings"> {
  /** By name; the first is the default. */
  readonly keyspace?: Required<ClusterOptions>["keyspaces"];
}

/** Longer than a replica takes to refuse. */
const CLIENT_TIMEOUT_MS = 4000;

/** Beyond every promise: a busy machine is no failure. */
const WITHIN_MS = 30_000;

/** `QUARTET_KEEP=1` leaves every directory where it is. */
const KEEPS_ALWAYS = (Deno.env.get("QUARTET_KEEP") ?? "") !== "";

/** A cluster under test: four processes unless said otherwise, with ports and a directory of their own. */
export class RealCluster implements AsyncDisposable {
  readonly #processes: LocalCluster;
  readonly #config: ClusterConfig;
  readonly #caller: Caller;
  readonly #record = new RealRecord();
  readonly #standing: StandingFaults;
  /** Who was killed, until it is ready again. */
  readonly #away = new Set<string>();
  #clientCount = 0;
  #hasFailed = false;

  private constructor(processes: LocalCluster, config: ClusterConfig) {
    this.#processes = processes;
    this.#config = config;
    this.#standing = new StandingFaults(processes.ids);
    const link = new TcpLink({ cluster: config.cluster });
    const replicas = config.members;
    this.#caller = new Caller({ link, replicas, areAllMembers: true, timeoutMs: CLIENT_TIMEOUT_MS });
  }

  /** Starts all replicas, and waits until they have met. Throws `TypeError` where the options are wrong. */
  static async start(options: RealClusterOptions = {}): Promise<RealCluster> {
    requireFields("RealCluster.start", options, {
      replicas: "number",
      keyspace: "object",
      settings: "object",
    });
    const { keyspace: keyspaces = { main: {} }, ...others } = options;
    const processes = await LocalCluster.create({ ...others, keyspaces, top: { faults: true } });
    const config = await readConfigFile(processes.config);
    if (!config.ok) {
      await processes[Symbol.asyncDispose]();
      throw new TypeError(config.failure.join("; "));
    }
    await processes.begin();
    return new RealCluster(processes, config.value);
  }

  /** Milliseconds since the start. */
  get nowMs(): number {
    return this.#record.nowMs;
  }

  get ids(): readonly string[] {
    return this.#processes.ids;
  }

  /** Where configuration, data and logs are. */
  get directory(): string {
    return this.#processes.directory;
  }

  /** The path of its `cluster.toml`, for commands of its own. */
  get config(): string {
    return this.#processes.config;
  }

  /** Has the directory stay, for a test that knows that it has failed. */
  keepDirectory(): void {
    this.#hasFailed = true;
  }

  /** The last lines of all logs, for a person. */
  logs(): string {
    return this.#processes.logs();
  }

  /** Whether it has a process. */
  isRunning(id: string): boolean {
    return this.#processes.isRunning(id);
  }

  /** Requires: the replica runs. */
  pid(id: string): number {
    return this.#processes.pid(id);
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
    if (through !== undefined) this.#requireKnown(through);
    const client = ++this.#clientCount;
    const invokedMs = this.nowMs;
    const { result, replica } = through === undefined
      ? await this.#caller.request(request)
      : await this.#caller.ask(through, request);
    const copies = this.#keyspace(request.keyspace).replication;
    const asked = { client, coordinator: replica, request, invokedMs, endedMs: this.nowMs, copies };
    const operation = recordOperation(asked, result);
    this.#record.onOperation(request.keyspace, operation);
    return { operation, result };
  }

  /** Waits until this holds; throws where it does not in time. */
  async until(
    condition: () => boolean | Promise<boolean>,
    options: { readonly withinMs?: number; readonly what?: string } = {},
  ): Promise<void> {
    requireFields("until", options, UNTIL_FIELDS);
    const { withinMs = WITHIN_MS, what = "the condition holds" } = options;
    try {
      await eventually(condition, { withinMs, what });
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    }
  }

  /** Cuts some replicas off from others, or from all others, until `heal`. */
  async partition(some: readonly string[], others: readonly string[] = []): Promise<void> {
    await this.fault({ kind: "partition", replicas: some, peers: others });
  }

  /**
   * Lets something go wrong now, for `forMs` or until `heal`. Replicas that do not run have no faults. Resolves when it is
   * so; others notice a cut or a pause by silence.
   */
  async fault(fault: RealFault): Promise<void> {
    const { kind, replicas, forMs = 0 } = fault;
    const planned = planFault(fault, this.ids);
    this.#record.onFault(fault);
    if (kind === "kill" || kind === "wipe") {
      await this.kill(...replicas);
      if (kind === "wipe") await Promise.all(replicas.map((id) => this.#wipe(id)));
      return;
    }
    this.#standing.onFault(fault, this.nowMs);
    const until = { for_ms: forMs > 0 ? forMs : FAULT_MS_MAX };
    await Promise.all(
      [...planned].map(([id, each]) =>
        this.#disturb(id, { op: "fault", action: "set", fault: each, ...until })
      ),
    );
  }

  /** SIGKILL; resolves when the processes are gone. They stay away until `restart` or `heal`. */
  async kill(...ids: string[]): Promise<void> {
    for (const id of ids) this.#away.add(id);
    this.#standing.onFault({ kind: "kill", replicas: ids }, this.nowMs);
    await Promise.all(ids.map((id) => this.#processes.kill9(id)));
  }

  /** Starts replicas that do not run; resolves when they are ready. */
  async restart(...ids: string[]): Promise<void> {
    const down = ids.filter((id) => !this.#processes.isRunning(id));
    await Promise.all(down.map(async (id) => {
      this.#record.onRestart();
      await this.#processes.start(id);
      this.#away.delete(id);
    }));
  }

  /** Ends all that goes wrong: ways open, processes run, clocks are right. */
  async heal(): Promise<void> {
    await Promise.all(this.ids.map((id) => this.#disturb(id, { op: "fault", action: "heal" })));
    await this.restart(...this.ids);
    this.#standing.onHeal();
  }

  /** What one replica says of itself; undefined where it does not. */
  async status(id: string): Promise<Status | undefined> {
    const { result } = await this.#caller.ask(this.#requireKnown(id).id, { op: "status" });
    return result.ok && result.value.kind === "status" ? result.value.status : undefined;
  }

  /** What one replica holds, by key; nothing while it is not running. Throws where it runs and does not say. */
  async held(replica: string, keyspace: string = this.#config.defaultKeyspace): Promise<FinalState> {
    const member = this.#requireKnown(replica);
    const view = await askHoldings(this.#caller, [member], keyspace, []);
    const failure = view.failures.get(replica);
    // Why: whoever does not answer would pass for one that holds nothing, and all of them together for equal copies.
    if (failure !== undefined && this.#processes.isRunning(replica)) {
      throw new Error(`${replica} does not say what it holds: ${failure.message}`);
    }
    return snapshotOf(view, replica, this.nowMs).state;
  }

  /** Waits until all replicas hold the same of all keys; throws when they do not in time, and says on which key they differ and what is still broken. */
  async assertConverged(options: { readonly withinMs?: number } = {}): Promise<void> {
    requireFields("assertConverged", options, CONVERGENCE_FIELDS);
    const { withinMs = WITHIN_MS } = options;
    let left: string | undefined;
    try {
      await this.until(async () => (left = await this.#difference()) === undefined, { withinMs });
    } catch (cause) {
      const still = this.#standing.tell(this.nowMs, (id) => this.#away.has(id));
      throw new Error(`${left ?? "copies could not be compared"}, after ${withinMs} ms${still}`, { cause });
    }
  }

  /** What clients of a keyspace saw until now, and what replicas hold. */
  async history(keyspace: string = this.#config.defaultKeyspace): Promise<History> {
    const { antiEntropy } = this.#keyspace(keyspace);
    const history = this.#record.history(keyspace, this.ids, await this.#states(this.#keyspace(keyspace)));
    return antiEntropy ? { ...history, collectsTombstones: true } : history;
  }

  /** What judges say of that. Under `quorum` all copies must be equal by now. */
  async verdict(model: Model, keyspace?: string): Promise<Verdict> {
    return judgeHistory(await this.history(keyspace), model);
  }

  /** The same as a page with a picture, for `Deno.writeTextFile("run.html", …)`. */
  async timeline(model: Model, keyspace?: string): Promise<string> {
    const history = await this.history(keyspace);
    return renderTimeline(history, judgeHistory(history, model));
  }

  /**
   * Ends the processes and removes their directory. It stays, and is named, where something was waited for in vain, or with
   * `QUARTET_KEEP=1`. Throws where a replica ended by itself, with the logs.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const { deaths } = this.#processes;
    this.#caller.close();
    const logs = deaths.length > 0 ? this.logs() : "";
    if (this.#hasFailed || deaths.length > 0 || KEEPS_ALWAYS) {
      this.#processes.keepDirectory();
      print(`kept: ${this.directory}`);
    }
    await this.#processes[Symbol.asyncDispose]();
    if (deaths.length > 0) throw new Error(`nobody had asked for that: ${deaths.join("; ")}\n${logs}`);
  }

  async #difference(): Promise<string | undefined> {
    for (const keyspace of this.#config.keyspaces.values()) {
      for (const id of this.#holders(keyspace)) {
        const status = await this.status(id);
        if (!status?.ready || status.recovering) return `${id} is not ready`;
      }
      const [first] = judgeConvergence(await this.#states(keyspace), {
        collectsTombstones: keyspace.antiEntropy,
      });
      if (first !== undefined) return `keyspace ${keyspace.name}: ${first.sentence}`;
    }
    return undefined;
  }

  async #disturb(id: string, request: FaultRequest): Promise<void> {
    if (!this.#isServing(id)) return;
    const { result } = await this.#caller.ask(id, request);
    // Who has been killed meanwhile has no faults.
    if (result.ok || !this.#isServing(id)) return;
    throw new Error(`${id} did not take the fault: ${result.failure.message}`);
  }

  #isServing(id: string): boolean {
    return !this.#away.has(id) && this.#processes.isRunning(id);
  }

  async #wipe(id: string): Promise<void> {
    await Deno.remove(this.#processes.dataDirectory(id), { recursive: true });
    this.#record.onDiskLoss(id);
  }

  #whereAndHow(call: string, options: AskOptions): {
    readonly level: NonNullable<AskOptions["level"]>;
    readonly keyspace: string;
  } {
    requireAskOptions(call, options);
    const { level, keyspace = this.#config.defaultKeyspace } = options;
    return { keyspace, level: level ?? this.#config.keyspaces.get(keyspace)?.defaultLevel ?? "QUORUM" };
  }

  #requireKnown(replica: string): Member {
    const member = this.#config.members.find(({ id }) => id === replica);
    if (member !== undefined) return member;
    throw new TypeError(`there is no replica ${replica}; there are ${this.ids.join(", ")}`);
  }

  #keyspace(name: string): KeyspaceConfig {
    const keyspace = this.#config.keyspaces.get(name);
    if (keyspace === undefined) throw new TypeError(`there is no keyspace ${name}`);
    return keyspace;
  }

  /** What each replica with copies holds. */
  async #states(keyspace: KeyspaceConfig): Promise<Map<string, FinalState>> {
    const holders = this.#holders(keyspace);
    return new Map(
      await Promise.all(holders.map(async (id) => [id, await this.held(id, keyspace.name)] as const)),
    );
  }

  #holders({ replication }: KeyspaceConfig): string[] {
    return this.#config.members.slice(0, replication).map(({ id }) => id);
  }
}
