/** What a console remembers between its lines: where requests go, and which words people used. Pure. @module */
import type { Level } from "../protocol/level.ts";

/** Keys that Tab offers. */
const RECENT_KEYS_MAX = 50;

/** The cluster as a console knows it. */
export interface KnownCluster {
  /** Ids in id order. */
  readonly replicas: readonly string[];
  /** Keyspaces and their default levels; empty where no configuration tells them. */
  readonly keyspaces: ReadonlyMap<string, Level>;
  readonly defaultKeyspace?: string;
}

/** The state of one console. */
export class SessionState {
  readonly cluster: KnownCluster;
  /** As chosen; undefined for the default one. */
  keyspace: string | undefined;
  /** As chosen; undefined for the default one of the keyspace. */
  level: Level | undefined;
  coordinator: string;
  isTracing = false;
  #recentKeys: string[] = [];

  constructor(cluster: KnownCluster, coordinator: string) {
    this.cluster = cluster;
    this.coordinator = coordinator;
  }

  /** Keys that were named, the latest first. */
  get recentKeys(): readonly string[] {
    return this.#recentKeys;
  }

  /** Remembers that a key was named. */
  onKey(key: string): void {
    this.#recentKeys = [key, ...this.#recentKeys.filter((other) => other !== key)].slice(0, RECENT_KEYS_MAX);
  }

  /** The keyspace in use; undefined where it is the default one and no configuration names that. */
  get keyspaceName(): string | undefined {
    return this.keyspace ?? this.cluster.defaultKeyspace;
  }

  /** The level of a request that names none; undefined where no configuration tells it. */
  get levelName(): Level | undefined {
    const { keyspaceName } = this;
    return this.level ?? (keyspaceName === undefined ? undefined : this.cluster.keyspaces.get(keyspaceName));
  }

  /** `main QUORUM r1> ` */
  get prompt(): string {
    const parts = [this.keyspaceName ?? "(default)", this.levelName ?? "(default)", this.coordinator];
    if (this.isTracing) parts.push("trace");
    return `${parts.join(" ")}> `;
  }
}
