/** What `cluster.toml` says of one keyspace: how its keys are placed and copied. @module */
import { type Partitioner, PARTITIONERS } from "../membership/partitioner.ts";
import { type Level, LEVELS, parseLevel, requiredCount } from "../protocol/level.ts";
import { SIBLINGS_CEILING } from "../protocol/limits.ts";
import type { Table } from "./config_table.ts";

/** Names of clusters, replicas and keyspaces. */
export const NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;

/** Ways to choose who coordinates a request. */
export const COORDINATIONS = ["asked", "spread"] as const;

/** One of these. */
export type Coordination = typeof COORDINATIONS[number];

/** How many versions may stand side by side. */
const SIBLINGS = { fallback: 64, min: 1, max: SIBLINGS_CEILING };

/** How the keys of one keyspace are copied. */
export interface KeyspaceConfig {
  readonly name: string;
  /** `byte`: integers 0–255. `text`: UTF-8, 1 to 1024 bytes. */
  readonly keys: "byte" | "text";
  readonly partitioner: Partitioner;
  /** N: how many replicas hold a copy of each key; which ones, `partitioner` says. */
  readonly replication: number;
  readonly defaultLevel: Level;
  readonly readRepair: "background" | "blocking" | "off";
  readonly hintedHandoff: boolean;
  /** Whether replicas compare their copies from time to time, and exchange what differs. */
  readonly antiEntropy: boolean;
  /** Whether values written without knowledge of each other stay side by side until somebody who read them writes. */
  readonly siblings: boolean;
  /** Versions of one key beside which no coordinator puts another. */
  readonly siblingsMax: number;
  /** Who coordinates: the replica that is asked, or those that hold the key, in turns. */
  readonly coordination: Coordination;
}

/** The keyspace that a table declares; what is wrong with it stands among the table's problems. */
export function parseKeyspace(name: string, table: Table, memberCount: number): KeyspaceConfig {
  if (!NAME.test(name)) {
    table.problem(
      "",
      `"${name}" is not a keyspace name; allowed: 1 to 32 of a–z, 0–9, - and _, not starting with - or _`,
    );
  }
  const keys = table.choice("keys", ["byte", "text"], "byte");
  const partitioner = table.choice("partitioner", PARTITIONERS, "all");
  if (partitioner === "byte-ordered" && keys !== "byte") {
    table.problem(
      "partitioner",
      'byte-ordered places byte keys; set keys = "byte", or take consistent-hash or all',
    );
  }
  const replication = table.integer("replication", { fallback: memberCount, min: 1, max: memberCount });
  const levelText = table.has("default_level")
    ? table.text("default_level", /./, LEVELS.join(", "))
    : "QUORUM";
  const level = parseLevel(levelText);
  if (level === undefined && levelText !== "") {
    table.problem("default_level", `"${levelText}" is no level; allowed: ${LEVELS.join(", ")}`);
  }
  const defaultLevel = level ?? "QUORUM";
  if (requiredCount(defaultLevel, replication) > replication) {
    table.problem(
      "default_level",
      `${defaultLevel} needs more copies than replication = ${replication} makes`,
    );
  }
  const readRepair = table.choice("read_repair", ["background", "blocking", "off"], "background");
  const hintedHandoff = table.boolean("hinted_handoff", { fallback: true });
  const antiEntropy = table.boolean("anti_entropy", { fallback: true });
  const coordination = table.choice("coordination", COORDINATIONS, "asked");
  const siblings = table.boolean("siblings", { fallback: false });
  if (table.has("siblings_max") && !siblings) {
    table.problem("siblings_max", "there is one version of each key; set siblings = true, or leave it out");
  }
  const siblingsMax = table.integer("siblings_max", SIBLINGS);
  table.refuseUnknown([
    "keys",
    "partitioner",
    "replication",
    "default_level",
    "read_repair",
    "hinted_handoff",
    "anti_entropy",
    "siblings",
    "siblings_max",
    "coordination",
  ]);
  return {
    name,
    keys,
    partitioner,
    replication,
    defaultLevel,
    readRepair,
    hintedHandoff,
    antiEntropy,
    siblings,
    siblingsMax,
    coordination,
  };
}

/**
 * Whether its tombstones go once it is proved that all copies know them (HAZARD H14).
 *
 * Why not where values stand side by side: what is shipped is all of them, and a promise leaves the old ones to passes. The new
 * write would wait with them, or be taken without them, and a context would cover what its reader has not seen (HAZARD H10).
 */
export function collectsTombstones({ antiEntropy, siblings }: KeyspaceConfig): boolean {
  return antiEntropy && !siblings;
}
