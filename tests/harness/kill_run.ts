/**
 * A run on real processes under kills: clients put and get, replicas are killed and started again, and everything that
 * the clients saw is kept for the judges.
 * @module
 */
import { Random } from "../../src/base/random.ts";
import type { FinalState, History, HistoryVersion, Operation } from "../../src/checker/history.ts";
import { isDefinite } from "../../src/protocol/error_codes.ts";
import type { Request } from "../../src/protocol/request.ts";
import { ClusterClient } from "./cluster_client.ts";
import { eventually } from "./eventually.ts";
import type { LocalCluster } from "./processes.ts";

/** How a run is done. */
export interface KillRunOptions {
  readonly cluster: LocalCluster;
  readonly seed: number;
  readonly killCount: number;
  readonly clientCount: number;
  readonly keyCount: number;
}

const COPIES = 4;
const REQUEST_TIMEOUT_MS = 3000;
/** Pause of a client between two requests: the replicas shall be busy, not drowned. */
const THINK_MS = 4;
/** How often a client moves on to the next coordinator though the one it has is well. */
const MOVES_PER_MILLE = 100;
/** Gets that succeed between a start and the next kill by the same hand: at least three replicas are back then. */
const CALM_COUNT_MIN = 30;
const CALM_COUNT_MAX = 150;
/** Requests that end while a replica is down. */
const DOWN_COUNT_MAX = 60;
const PROGRESS_WITHIN_MS = 30_000;

/** Clients, two hands that kill, and what was seen. */
export class KillRun {
  readonly #options: KillRunOptions;
  readonly #random: Random;
  readonly #operations: Operation[] = [];
  readonly #stale: string[] = [];
  /** For each key, the greatest version that any client has an acknowledgement of. */
  readonly #greatest = new Map<string, HistoryVersion>();
  /** Invariant: at most two; they are down, or on their way there or back. */
  readonly #held = new Set<string>();
  #killsLeft: number;
  #okGetCount = 0;
  #isRunning = true;
  #leadMs = 0;

  constructor(options: KillRunOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#killsLeft = options.killCount;
  }

  /** Runs until all kills are done and all replicas are up again. */
  async run(): Promise<void> {
    const { clientCount } = this.#options;
    const clients = Array.from(
      { length: clientCount },
      (_, index) => this.#runClient(index, this.#random.fork()),
    );
    // A client that ends early has met a bug, and the hands would wait for ever for progress.
    await Promise.race([Promise.all([this.#runHand(), this.#runHand()]), Promise.all(clients)]);
    this.#isRunning = false;
    await Promise.all(clients);
    await this.#options.cluster.waitUp();
  }

  /** What the clients saw. */
  get history(): History {
    return { operations: this.#operations, copies: COPIES, diskLosses: [], clockSpreadMs: this.#leadMs };
  }

  /** Gets that returned less than what had been acknowledged before they began. */
  get staleGets(): readonly string[] {
    return this.#stale;
  }

  /** For each key, the greatest version that was acknowledged. */
  get greatest(): ReadonlyMap<string, HistoryVersion> {
    return this.#greatest;
  }

  /** How many requests of a kind ended how. */
  counts(op: Operation["op"]): Record<Operation["outcome"], number> {
    const counts = { ok: 0, fail: 0, info: 0 };
    for (const operation of this.#operations) if (operation.op === op) counts[operation.outcome]++;
    return counts;
  }

  async #runClient(index: number, random: Random): Promise<void> {
    const { cluster, keyCount } = this.#options;
    using client = new ClusterClient(cluster, REQUEST_TIMEOUT_MS);
    const { ids } = cluster;
    let turn = index;
    for (let round = 0; this.#isRunning; round++) {
      const coordinator = ids[turn % ids.length]!;
      const key = String(random.below(keyCount));
      const value = `client ${index} round ${round}`;
      const request: Request = random.chance(500)
        ? { op: "put", key, value, level: "TWO" }
        : { op: "get", key, level: "THREE" };
      const isOk = await this.#perform(client, { index, coordinator, request, key });
      // Why also without need: a replica that has just come back is where something would be missing.
      if (!isOk || random.chance(MOVES_PER_MILLE)) turn++;
      await new Promise((resolve) => setTimeout(resolve, THINK_MS));
    }
  }

  async #perform(
    client: ClusterClient,
    { index, coordinator, request, key }: {
      index: number;
      coordinator: string;
      request: Request;
      key: string;
    },
  ): Promise<boolean> {
    const isPut = request.op === "put";
    const expected = this.#greatest.get(key);
    const invokedMs = performance.now();
    const result = await client.ask(coordinator, request);
    const endedMs = performance.now();
    const common = {
      client: index,
      op: isPut ? "put" as const : "get" as const,
      key,
      required: isPut ? 2 : 3,
      coordinator,
      invokedMs,
    };
    if (!result.ok && result.failure.code !== "not_found") {
      const { code } = result.failure;
      if (code === "internal" || code === "malformed_request") {
        throw new Error(JSON.stringify(result.failure));
      }
      const outcome = isDefinite(result.failure) ? "fail" : "info";
      const end = outcome === "fail" ? endedMs : Infinity;
      this.#operations.push({
        ...common,
        ...(request.op === "put" ? { value: request.value } : {}),
        endedMs: end,
        outcome,
        acked: result.failure.acked ?? [],
        code,
      });
      return false;
    }
    const receipt = result.ok && "receipt" in result.value ? result.value.receipt : undefined;
    const named = result.ok ? receipt?.version : result.failure.version;
    const version = named && { stamp: named.stamp, origin: named.origin };
    const value = request.op === "put"
      ? request.value
      : result.ok && "value" in result.value
      ? result.value.value
      : undefined;
    const acked = receipt?.acked ?? (result.ok ? [] : result.failure.acked ?? []);
    this.#operations.push({
      ...common,
      endedMs,
      outcome: "ok",
      acked,
      ...(value === undefined ? {} : { value }),
      ...(version === undefined ? {} : { version }),
    });
    if (!isPut) this.#okGetCount++;
    if (named) this.#leadMs = Math.max(this.#leadMs, named.wall_ms - Date.now());
    if (!isPut && expected && (!version || compare(version, expected) < 0)) {
      this.#stale.push(`key ${key}: ${name(version)} after ${name(expected)} was acknowledged`);
    }
    const greatest = this.#greatest.get(key);
    if (isPut && version && (!greatest || compare(version, greatest) > 0)) this.#greatest.set(key, version);
    return true;
  }

  /** Kills one replica after the other, each time one that the other hand does not hold. */
  async #runHand(): Promise<void> {
    const { cluster } = this.#options;
    while (this.#killsLeft-- > 0) {
      const id = this.#random.pick(cluster.ids.filter((candidate) => !this.#held.has(candidate)));
      this.#held.add(id);
      await cluster.kill9(id);
      await this.#progress(() => this.#operations.length, this.#random.below(DOWN_COUNT_MAX));
      await cluster.start(id);
      this.#held.delete(id);
      await this.#progress(() => this.#okGetCount, this.#random.between(CALM_COUNT_MIN, CALM_COUNT_MAX));
    }
  }

  async #progress(counter: () => number, count: number): Promise<void> {
    const goal = counter() + count;
    await eventually(() => counter() >= goal, {
      withinMs: PROGRESS_WITHIN_MS,
      what: `${count} requests more`,
    });
  }
}

/** What each replica itself holds, for the judges. */
export async function finalStates(cluster: LocalCluster): Promise<Map<string, FinalState>> {
  using client = new ClusterClient(cluster);
  const states = new Map<string, FinalState>();
  for (const id of cluster.ids) {
    const state = new Map<string, HistoryVersion>();
    for (const [key, [version]] of await client.held(id)) {
      if (version) state.set(String(key), { stamp: version.stamp, origin: version.origin });
    }
    states.set(id, state);
  }
  return states;
}

/** The order of versions: stamp, then origin. */
export function compare(a: HistoryVersion, b: HistoryVersion): number {
  if (a.stamp !== b.stamp) return a.stamp - b.stamp;
  return a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : 0;
}

function name(version: HistoryVersion | undefined): string {
  return version ? `${version.origin}@${version.stamp}` : "nothing";
}
