/** Carries out one scenario: faults, healing, calm and last reads; and tells what the judges said of what clients saw. @module */
import { collectsTombstones } from "../replica/keyspace_config.ts";
import { countMarks, type MarkCounts } from "../base/mark.ts";
import { NO_BUGS, type PlantedBug } from "../base/planted_bug.ts";
import type { History, Operation, Snapshot } from "../checker/history.ts";
import type { ClusterConfig } from "../replica/cluster_config.ts";
import { mustForward } from "../replica/forwards.ts";
import { type Keyspace, keyspacesOf } from "../replica/keyspace.ts";
import { Disturbances } from "./disturbances.ts";
import { holdersIn, holdersOf } from "./holders.ts";
import { Nemesis } from "./nemesis.ts";
import { type Finding, judgeByAntiEntropy, judgeByHintsAlone, judgeRun, judgesOf } from "./run_judges.ts";
import { configOf, type FaultKind, type Scenario } from "./scenario.ts";
import { SimClock } from "./sim_clock.ts";
import { SimNetwork } from "./sim_network.ts";
import { SimReplica } from "./sim_replica.ts";
import { settle } from "./settle.ts";
import { SimWorld } from "./sim_world.ts";
import { Workload } from "./workload.ts";

/** What one run showed. */
export interface RunResult {
  readonly scenario: Scenario;
  /** Empty if all is well. */
  readonly findings: readonly Finding[];
  /** Names the run: equal scenarios on equal code give equal hashes. */
  readonly trace: string;
  readonly operationCount: number;
  readonly okCount: number;
  readonly simulatedMs: number;
  /** What clients saw and replicas held, by keyspace. */
  readonly histories: ReadonlyMap<string, History>;
  /** Faults that struck, by kind. */
  readonly faultCounts: ReadonlyMap<FaultKind, number>;
  /** How many histories each judge looked at. */
  readonly judgedCounts: ReadonlyMap<string, number>;
}

/** How a run is done. */
export interface RunOptions {
  readonly bugs?: ReadonlySet<PlantedBug>;
  /** Gets every line of the trace. */
  readonly onTrace?: (atMs: number, line: string) => void;
  /** Gets how often each mark was reached. No other run may count at the same time. */
  readonly marks?: MarkCounts;
}

/** Clients that read in the end have numbers from here on, one for each key. */
const LAST_CLIENTS_FROM = 1000;

/** A cluster in its world, with who breaks it and who asks it. */
export class SimRun {
  readonly world: SimWorld;
  readonly replicas: readonly SimReplica[];
  readonly network: SimNetwork;
  readonly nemesis: Nemesis;
  readonly disturbances: Disturbances;
  readonly workload: Workload;
  readonly scenario: Scenario;
  readonly #marks: MarkCounts | undefined;
  #config: ClusterConfig;

  /** Throws `TypeError` where the scenario's configuration is wrong. */
  constructor(scenario: Scenario, options: RunOptions = {}) {
    const { bugs = NO_BUGS, onTrace, marks } = options;
    this.#marks = marks;
    const world = new SimWorld({ seed: scenario.seed, bugs, onTrace });
    const config = configAfter(scenario, 0);
    const network = new SimNetwork(world, scenario.network, config.settings);
    const replicas = config.members.map(({ id }) =>
      new SimReplica({
        id,
        world,
        network,
        config,
        disk: scenario.disk,
        clock: new SimClock(
          scenario.clocks.find(({ replica }) => replica === id) ?? { skewMs: 0, driftPpm: 0 },
        ),
        onAcknowledged: (coordinator) => this.nemesis.onAcknowledged(coordinator),
        onSync: (replica) => this.nemesis.onSync(replica),
        onCorrupt: (replica) => this.nemesis.onCorrupt(replica),
      })
    );
    this.scenario = scenario;
    this.world = world;
    this.replicas = replicas;
    this.network = network;
    this.#config = config;
    this.disturbances = new Disturbances({ world, network, replicas });
    this.disturbances.start();
    this.nemesis = new Nemesis({
      world,
      network,
      replicas,
      disturbances: this.disturbances,
      configAfter: (change) => this.#config = configAfter(scenario, change),
      mayStrike: () => this.workload.okPerMille >= scenario.phases.okPerMilleMin,
    });
    this.workload = new Workload({
      world,
      replicas,
      profile: scenario.clients,
      copiesOf: (keyspace) => this.copiesOf(keyspace),
      hasSiblings: (keyspace) => this.#config.keyspaces.get(keyspace)?.siblings === true,
    });
  }

  /** Copies of each key of a keyspace. */
  copiesOf(keyspace: string): number {
    return this.#config.keyspaces.get(keyspace)?.replication ?? 1;
  }

  /** Where the keys of a keyspace lie. */
  placedIn(keyspace: string): Keyspace {
    return keyspacesOf(this.#config).get(keyspace)!;
  }

  /** The configuration as the last change left it. */
  get config(): ClusterConfig {
    return this.#config;
  }

  /** What the clients of each keyspace saw, and what its replicas hold now. */
  histories(): Map<string, History> {
    const histories = new Map<string, History>();
    for (const [keyspace, operations] of this.workload.operations) {
      const copies = this.copiesOf(keyspace);
      const placed = this.placedIn(keyspace);
      const holders = holdersIn(placed, new Set(operations.map(({ key }) => key)));
      const atMs = this.world.queue.nowMs;
      const snapshots = this.replicas.filter(({ id }) => placed.isHeldBy(id)).map((replica): Snapshot => ({
        replica: replica.id,
        atMs,
        state: replica.held(keyspace),
      }));
      histories.set(keyspace, {
        keyspace,
        operations: operations.map((operation) => this.#withLive(operation, placed)),
        copies,
        replicas: this.replicas.map(({ id }) => id),
        diskLosses: this.nemesis.diskLosses,
        clockSpreadMs: this.nemesis.clockSpreadMs,
        faults: this.nemesis.struck,
        snapshots,
        ...(collectsTombstones(this.#config.keyspaces.get(keyspace)!) ? { collectsTombstones: true } : {}),
        ...(holders === undefined ? {} : { holders }),
      });
    }
    return histories;
  }

  /** The operation, and how many of the holders of its key could have served it. */
  #withLive(operation: Operation, placed: Keyspace): Operation {
    if (this.workload.traced.has(operation)) return operation;
    const { requestTimeoutMs } = this.#config.settings;
    const timeoutMs = Math.min(requestTimeoutMs, this.scenario.clients.timeoutMs);
    const holders = holdersOf(placed, operation.key);
    // Where values stand side by side a replica without a copy hands a write on.
    const isSpread = placed.config.coordination === "spread" ||
      mustForward(placed, operation.op === "get" ? "get" : "put") && !holders.includes(operation.coordinator);
    const live = this.disturbances.liveFor(operation, { holders, timeoutMs, isSpread });
    return live === undefined ? operation : { ...operation, live };
  }

  /** Reads every key that was ever asked for, at `ALL`, where reads repair; each of these must succeed. */
  readAll(): void {
    const { world, workload, replicas } = this;
    const random = world.draw("last reads");
    let client = LAST_CLIENTS_FROM;
    for (const [keyspace, operations] of workload.operations) {
      const config = this.#config.keyspaces.get(keyspace);
      if (config === undefined || config.readRepair === "off") continue;
      for (const key of new Set(operations.map((operation) => operation.key))) {
        client++;
        workload.turnTo(client, random.pick(replicas).id, { stays: true });
        const request = {
          op: "get",
          keyspace,
          key: config.keys === "byte" ? Number(key) : key,
          level: "ALL",
        } as const;
        workload.ask(client, request, ({ outcome, code }) => {
          if (outcome === "ok") return;
          world.violate("calm_read", `in calm, get ${key} of ${keyspace} at ALL fails with ${code}`);
        });
      }
    }
  }

  /** The whole run, from the start to the verdict. */
  async run(): Promise<RunResult> {
    if (this.#marks === undefined) return await this.#run();
    const stopCounting = countMarks(this.#marks);
    try {
      return await this.#run();
    } finally {
      // Why: what the last event began ends in this run, and not in the next.
      await settle();
      stopCounting();
    }
  }

  async #run(): Promise<RunResult> {
    const { scenario, world, replicas, nemesis, workload } = this;
    const { faultsMs, calmMs, readsMs } = scenario.phases;
    for (const replica of replicas) replica.start();
    nemesis.start(scenario.faults);
    workload.start(scenario.steps);
    await world.runUntil(faultsMs);
    nemesis.heal();
    this.network.calm();
    workload.stop();
    await world.runUntil(faultsMs + calmMs);
    this.#expectAllReady(calmMs);
    const findings = [...judgeByHintsAlone(this), ...judgeByAntiEntropy(this)];
    const operations = [...workload.operations.values()].flat();
    if (readsMs > 0) {
      this.readAll();
      await world.runUntil(faultsMs + calmMs + readsMs);
    }
    for (const replica of replicas) replica.verifyLeaves();
    const histories = this.histories();
    findings.push(...judgeRun(this, histories, operations));
    for (const { sentence } of findings) world.trace(`VIOLATED ${sentence}`);
    return {
      scenario,
      findings: [
        ...world.complaints.map(({ kind, sentence }) => ({
          judge: "simulator",
          kind,
          sentence,
          operations: [],
        })),
        ...findings,
      ],
      trace: world.traceHash,
      operationCount: operations.length,
      okCount: operations.filter(({ outcome }) => outcome === "ok").length,
      simulatedMs: world.queue.nowMs,
      histories,
      faultCounts: nemesis.counts,
      judgedCounts: this.#judgedCounts(histories),
    };
  }

  /** The simulator's own complaints count as those of one more judge, which looks at each run once. */
  #judgedCounts(histories: ReadonlyMap<string, History>): Map<string, number> {
    const counts = new Map([["simulator", 1]]);
    for (const judge of [...histories.keys()].flatMap((keyspace) => judgesOf(this, keyspace))) {
      counts.set(judge, (counts.get(judge) ?? 0) + 1);
    }
    return counts;
  }

  #expectAllReady(calmMs: number): void {
    for (const replica of this.replicas) {
      const what = !replica.isReady ? "not ready" : replica.isRecovering ? "still recovering" : undefined;
      if (what === undefined) continue;
      this.world.violate("not_ready", `${replica.id} is ${what} ${calmMs} ms after the last fault`);
    }
  }
}

function configAfter({ cluster, changes }: Scenario, change: number): ClusterConfig {
  const config = configOf(cluster, changes.slice(0, change));
  if (!config.ok) throw new TypeError(`the scenario's configuration is wrong: ${config.failure}`);
  return config.value;
}
