/**
 * One run as plain data: the cluster, its network, disks and clocks, what clients ask and what goes wrong, each at its time.
 *
 * A seed draws one (`scenario_draw.ts`), a person writes one in TOML (`scenario_document.ts`), and the shrinker takes away
 * from one whatever the violation does not need. What a scenario does not say, such as the delay of one message, is drawn
 * from its seed by the name of what it befalls, so that taking a fault away moves no other draw.
 * @module
 */
import { fail, ok, type Result } from "../base/failure.ts";
import type { Level } from "../protocol/level.ts";
import type { WireKey } from "../protocol/request.ts";
import { type ClusterConfig, parseClusterConfig } from "../replica/cluster_config.ts";

/** All that a run needs. */
export interface Scenario {
  readonly name: string;
  readonly seed: number;
  readonly phases: Phases;
  readonly cluster: ClusterPlan;
  /** What the configuration becomes when a fault `reconfigure` comes. */
  readonly changes: readonly Readonly<Record<string, unknown>>[];
  readonly network: NetworkProfile;
  readonly disk: DiskProfile;
  readonly clients: ClientProfile;
  /** In the order of members; a replica without one is right. */
  readonly clocks: readonly ClockProfile[];
  readonly faults: readonly Fault[];
  /** Those of one client in the order of their times. */
  readonly steps: readonly Step[];
}

/** Faults strike, then all is healed and left alone, then each key is read once at `ALL` (`readsMs` 0: it is not). */
export interface Phases {
  readonly faultsMs: number;
  readonly calmMs: number;
  readonly readsMs: number;
  /** No fault begins while fewer of 1000 requests have succeeded so far: else a run may prove nothing (HAZARD H24). */
  readonly okPerMilleMin: number;
}

/** The cluster at the beginning: replicas r1, r2, …, and tables as in `cluster.toml`. */
export interface ClusterPlan {
  readonly replicas: number;
  readonly keyspace: Readonly<Record<string, unknown>>;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** How good the network is at its best. Times in milliseconds, chances in thousandths. */
export interface NetworkProfile {
  /** Where each member stands, in their order; fewer than members: the others stand with the last. */
  readonly sites: readonly string[];
  /** Longest way between two of one site, and between two of different sites. */
  readonly nearMs: number;
  readonly farMs: number;
  readonly lossPerMille: number;
  readonly duplicatePerMille: number;
  /** Chance of a message that comes up to a second late, long after its successors. */
  readonly stragglerPerMille: number;
}

/** How good every disk is at its best. */
export interface DiskProfile {
  readonly syncFirstMs: number;
  readonly syncLastMs: number;
  readonly shortWritesPerMille: number;
}

/** What all clients have in common. */
export interface ClientProfile {
  readonly timeoutMs: number;
  /** A client waits so long after a failure: one that hammers would drown a run in refusals. */
  readonly backOffMs: number;
  /** Whether each request of a client's steps carries the session of the client's last answer. */
  readonly sessions: boolean;
}

/** How wrong one replica's clock is from the beginning. */
export interface ClockProfile {
  readonly replica: string;
  /** Its wall clock minus true time. */
  readonly skewMs: number;
  /** How much faster than true time it runs, in millionths. */
  readonly driftPpm: number;
}

/** All that can go wrong. */
export const FAULT_KINDS = [
  /** The process dies, its machine goes on. */
  "kill",
  /** The machine dies: any part of what was not synced is lost. */
  "power",
  /** The process dies, and its directory is lost. Only while all others are up and count. */
  "wipe",
  /** One bit of what was synced long ago flips, and the process dies. Only while all others are up and count. */
  "rot",
  "pause",
  /** `replicas` and `peers` (or all others) hear nothing of each other. */
  "partition",
  /** `peers` hear nothing of `replicas`. */
  "one_way",
  /** Messages from `replicas` to `peers` take `delayMs` longer. */
  "slow_link",
  /** The connections break that `replicas` have dialled to `peers`. */
  "reset",
  /** The wall clocks of `replicas` jump: they are `skewMs` ahead of true time then. */
  "clock",
  /** Syncs take `firstMs` to `lastMs`: with 0 to many, they pass each other. */
  "slow_disk",
  "short_writes",
  "full_disk",
  "failed_sync",
  /** All replicas end, and start again with the configuration changed as `changes[change - 1]` says. */
  "reconfigure",
] as const;

/** One of these. */
export type FaultKind = typeof FAULT_KINDS[number];

/** One thing that goes wrong. What its kind does not use is 0, false or empty. */
export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  /** How long it lasts, or a process is down; 0: until all is healed. */
  readonly forMs: number;
  /** Whom it befalls. Empty with `onAck`: the coordinator that acknowledged. */
  readonly replicas: readonly string[];
  readonly peers: readonly string[];
  /** It waits for the next acknowledgement of a write, and then `delayMs` more: the worst moment to die. */
  readonly onAck: boolean;
  /**
   * It waits until the disk of the first of `replicas` begins its `count`th sync from then on, and then `delayMs` more:
   * what that sync brings is torn where the power fails before its end.
   */
  readonly onSync: boolean;
  readonly delayMs: number;
  readonly skewMs: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly perMille: number;
  /** Bytes that a full disk still takes. */
  readonly bytes: number;
  /** Of these, bytes by which files may grow; the others only replace what is there. */
  readonly growthBytes: number;
  /** Syncs that fail, or that begin. */
  readonly count: number;
  readonly change: number;
  /** Decides what can only be chosen when it happens, such as which bit flips. */
  readonly seed: number;
}

/** A fault with what its kind does not use. */
export const NO_FAULT: Omit<Fault, "kind"> = {
  atMs: 0,
  forMs: 0,
  replicas: [],
  peers: [],
  onAck: false,
  onSync: false,
  delayMs: 0,
  skewMs: 0,
  firstMs: 0,
  lastMs: 0,
  perMille: 0,
  bytes: 0,
  growthBytes: 0,
  count: 1,
  change: 0,
  seed: 0,
};

/** One thing that a client asks, at its time, or as soon as its last one has ended. */
export interface Step {
  readonly atMs: number;
  readonly client: number;
  readonly op: "put" | "get" | "delete";
  readonly keyspace: string;
  readonly key: WireKey;
  readonly level: Level;
  /** For a put. No two puts of a scenario write the same. */
  readonly value: string;
  /** The value is filled up to so many characters; with `escaped` such that JSON writes with six bytes for one. */
  readonly valueChars: number;
  readonly escaped: boolean;
  /** Where values stand side by side: a put or delete that names nothing of what its client knows. */
  readonly isBlind: boolean;
  readonly trace: boolean;
  /** Whom the client turns to first, from then on; empty: whom it asked last. */
  readonly coordinator: string;
}

/** The configuration that a cluster starts with, or after one of its changes; or what is wrong with it. */
export function configOf(
  { replicas, keyspace, settings }: ClusterPlan,
  changes: readonly Readonly<Record<string, unknown>>[] = [],
): Result<ClusterConfig, string> {
  const tables: { keyspace: Record<string, unknown>; settings: Record<string, unknown> } = {
    keyspace: { ...keyspace },
    settings: { ...settings },
  };
  for (const change of changes) {
    for (const [name, table] of Object.entries(tablesIn(change["keyspace"]))) {
      tables.keyspace[name] = { ...tablesIn(tables.keyspace[name]), ...tablesIn(table) };
    }
    tables.settings = { ...tables.settings, ...tablesIn(change["settings"]) };
  }
  const parsed = parseClusterConfig({
    cluster: "sim",
    default_keyspace: Object.keys(tables.keyspace)[0] ?? "",
    replica: Array.from({ length: replicas }, (_, index) => ({
      id: replicaName(index),
      address: `sim:${index + 1}`,
    })),
    ...tables,
  });
  if (parsed.ok) return ok(parsed.value);
  return fail(parsed.failure.map(({ path, message }) => `${path}: ${message}`).join("; "));
}

/** The name of the replica at an index. */
export function replicaName(index: number): string {
  return `r${index + 1}`;
}

function tablesIn(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}
