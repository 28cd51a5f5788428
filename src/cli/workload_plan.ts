/** What a workload is to do: its flags and what they may be. Pure. @module */
import { type Level, LEVELS, parseLevel, requiredCount } from "../protocol/level.ts";
import type { ClusterConfig } from "../replica/cluster_config.ts";
import type { KeyspaceConfig } from "../replica/keyspace_config.ts";
import { type Arguments, type Flags, UsageError } from "./arguments.ts";

/** Keys of a keyspace with byte keys. */
const BYTE_KEYS_MAX = 256;

/** What the command line says. */
export interface WorkloadPlan {
  readonly history: string;
  readonly seconds: number;
  readonly clients: number;
  /** Of a thousand operations so many are gets. */
  readonly getPerMille: number;
  readonly keys: number;
  /** Operations a second of all clients together, as far as they are answered in time. */
  readonly rate: number;
  readonly writeLevel: Level;
  readonly readLevel: Level;
  /** Absent where it is drawn. */
  readonly seed?: number;
  readonly isCompared: boolean;
  /** Whether each client carries the session of its last answer. */
  readonly hasSessions: boolean;
}

/** Flags of the verb. */
export const WORKLOAD_FLAGS: Flags = {
  history: { value: "FILE", help: "where the history goes; what was there is gone" },
  seconds: { value: "N", help: "how long clients ask; 60 unless given" },
  clients: { value: "N", help: "how many, each one thing at a time; 8 unless given" },
  mix: { value: "SHARE", help: "of gets, from 0 to 1; 0.5 unless given; a tenth of the rest deletes" },
  keys: { value: "N", help: "how many; 16 unless given" },
  rate: { value: "N", help: "operations a second of all clients together; 200 unless given" },
  "write-level": { value: "LEVEL", help: "of puts and deletes; QUORUM unless given" },
  "read-level": { value: "LEVEL", help: "of gets; QUORUM unless given" },
  sessions: { help: "each client carries a session, from answer to request, whoever coordinates" },
  seed: { value: "N", help: "asks the same again; drawn unless given, and told in the end" },
  "no-final": { help: "end without waiting for calm, last reads and a look at all replicas" },
};

/** Takes the flags apart. Throws `UsageError`. */
export function parseWorkload(flags: Arguments["flags"]): WorkloadPlan {
  const history = flags.get("history");
  if (history === undefined) {
    throw new UsageError("workload needs a file for what clients see: --history FILE");
  }
  const seed = flags.get("seed");
  return {
    history,
    seconds: numberOf(flags, "seconds", { fallback: 60, min: 0.1, max: 86_400 }),
    clients: integerOf(flags, "clients", { fallback: 8, min: 1, max: 100 }),
    getPerMille: Math.round(numberOf(flags, "mix", { fallback: 0.5, min: 0, max: 1 }) * 1000),
    keys: integerOf(flags, "keys", { fallback: 16, min: 1, max: 10_000 }),
    rate: integerOf(flags, "rate", { fallback: 200, min: 1, max: 10_000 }),
    writeLevel: levelOf(flags, "write-level"),
    readLevel: levelOf(flags, "read-level"),
    ...(seed === undefined
      ? {}
      : { seed: integerOf(flags, "seed", { fallback: 0, min: 0, max: 999_999_999_999_999 }) }),
    isCompared: !flags.has("no-final"),
    hasSessions: flags.has("sessions"),
  };
}

/** The keyspace that is asked. Throws `UsageError` where it cannot do what the plan says. */
export function keyspaceOf(
  plan: WorkloadPlan,
  config: ClusterConfig,
  name: string = config.defaultKeyspace,
): KeyspaceConfig {
  const keyspace = config.keyspaces.get(name);
  if (keyspace === undefined) {
    const known = [...config.keyspaces.keys()].join(" ");
    throw new UsageError(`--keyspace ${name}: no such keyspace; known: ${known}`);
  }
  if (keyspace.keys === "byte" && plan.keys > BYTE_KEYS_MAX) {
    throw new UsageError(
      `--keys ${plan.keys}: keyspace "${name}" has byte keys; allowed: 1 to ${BYTE_KEYS_MAX}`,
    );
  }
  for (const [flag, level] of [["write-level", plan.writeLevel], ["read-level", plan.readLevel]] as const) {
    const required = requiredCount(level, keyspace.replication);
    if (required <= keyspace.replication) continue;
    throw new UsageError(
      `--${flag} ${level} needs ${required} copies; keyspace "${name}" has ${keyspace.replication}`,
    );
  }
  return keyspace;
}

interface Range {
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
}

function integerOf(flags: Arguments["flags"], flag: string, range: Range): number {
  const number = numberOf(flags, flag, range);
  if (Number.isInteger(number)) return number;
  throw new UsageError(`--${flag} ${flags.get(flag)}: not an integer; allowed: ${range.min} to ${range.max}`);
}

function numberOf(flags: Arguments["flags"], flag: string, { fallback, min, max }: Range): number {
  const text = flags.get(flag);
  if (text === undefined) return fallback;
  const number = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (number >= min && number <= max) return number;
  throw new UsageError(`--${flag} ${text}: not a number from ${min} to ${max}`);
}

function levelOf(flags: Arguments["flags"], flag: string): Level {
  const text = flags.get(flag);
  if (text === undefined) return "QUORUM";
  const level = parseLevel(text);
  if (level !== undefined) return level;
  throw new UsageError(`--${flag} ${text}: not a level; allowed: ${LEVELS.join(" ")}`);
}
