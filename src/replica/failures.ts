/** The sentences of refusals: value, limit, way out. @module */
import type { Failure } from "../protocol/error_codes.ts";
import type { Level } from "../protocol/level.ts";
import { READ_BYTES_IN_FLIGHT_MAX } from "../protocol/limits.ts";
import { type Stamp, wallMsOf } from "../versions/stamp.ts";
import type { ReplicaId } from "./envelope.ts";
import type { Keyspace } from "./keyspace.ts";

/** Too few replicas are live for the level; nobody was asked. `uncounted` are up, and their answers count for no level. */
export function unavailable(
  keyspace: Keyspace,
  level: Level,
  required: number,
  { live, uncounted }: { readonly live: readonly ReplicaId[]; readonly uncounted: readonly ReplicaId[] },
): Failure {
  const names = live.length === 0 ? "" : ` (${live.join(" ")})`;
  const where = keyspace.config.partitioner === "all"
    ? `of "${keyspace.name}"`
    : `that hold this key of "${keyspace.name}"`;
  const isOne = uncounted.length === 1;
  const others = uncounted.length === 0
    ? ""
    : `; ${uncounted.join(" ")} ${isOne ? "is" : "are"} up and ${isOne ? "does" : "do"} not count yet: ` +
      "a new replica must hear more than half of the others first, and one that lost its data is filled first";
  return {
    code: "unavailable",
    message: `${level} needs ${required} live of the ${keyspace.copies} replicas ${where}, ` +
      `${live.length} ${live.length === 1 ? "is" : "are"} live${names}${others}; start the others` +
      (live.length === 0 ? "" : " or ask for a lower level"),
    required,
    live: live.length,
  };
}

/** The replica has just started and does not know its own state yet. */
export function starting(selfId: ReplicaId): Failure {
  return { code: "unavailable", message: `${selfId} is starting; try again in a moment` };
}

/** A request names a keyspace that the configuration does not. */
export function unknownKeyspace(name: string, known: readonly string[]): Failure {
  return {
    code: "unknown_keyspace",
    message: `no keyspace ${JSON.stringify(name)}; there are: ${known.join(", ")}`,
  };
}

/** Nobody here may break anything on purpose. */
export function faultsOff(selfId: ReplicaId): Failure {
  return {
    code: "malformed_request",
    message: `faults are off on ${selfId}; set faults = true in its cluster.toml, and restart it`,
  };
}

/** The coordinator's disk took nothing; nobody was asked. */
export function diskFull(selfId: ReplicaId): Failure {
  return {
    code: "disk_full",
    message: `the disk of ${selfId} is full; reads still work, and writes will as soon as there is room`,
  };
}

/** A peer speaks of a keyspace or a key that this configuration does not have. */
export function malformed(message: string): Failure {
  return { code: "malformed_request", message };
}

/** A peer sent more than our configuration lets us store: its `value_bytes_max` is greater than ours. */
export function recordTooLarge(selfId: ReplicaId, bytes: number, limit: number): Failure {
  return {
    code: "too_large",
    message: `${selfId} stores at most ${limit} bytes for a key, ${bytes} came; ` +
      "use the same value_bytes_max on all replicas",
  };
}

/** So many versions of the key stand side by side, or are being written, that no other may; nobody was asked. */
export function tooManySiblings(count: number, limit: number): Failure {
  return {
    code: "conflict",
    message: `${count} versions of the key stand side by side, siblings_max is ${limit}; ${RESOLVE}`,
  };
}

/** The same of their bytes. */
export function siblingsTooLarge(bytes: number, limit: number): Failure {
  return {
    code: "conflict",
    message:
      `the versions of the key would have ${bytes} bytes side by side, at most ${limit} are allowed; ${RESOLVE}`,
  };
}

/** A version that is too large even alone. */
export function siblingTooLarge(bytes: number, limit: number): Failure {
  return {
    code: "too_large",
    message: `the value takes ${bytes} bytes, at most ${limit} are allowed where siblings = true: ` +
      "copies of the key must have room for one of each replica; write less, or raise value_bytes_max",
  };
}

const RESOLVE =
  "get the key at ALL, and put or delete with the context of the answer: that replaces what was read";

/** The coordinator's disk did not take a higher clock ceiling in time; nobody was asked. */
export function diskSlow(selfId: ReplicaId): Failure {
  return { code: "overloaded", message: `the disk of ${selfId} did not answer in time; nothing was written` };
}

/** A peer asks in one line for more than may be given at a time. */
export function tooMuchRead(selfId: ReplicaId): Failure {
  return {
    code: "overloaded",
    message: `${selfId} is asked for more than ${READ_BYTES_IN_FLIGHT_MAX} bytes of large values at a time`,
  };
}

/** The coordinator's clock is far ahead; nobody was asked. */
export function clockSkew(selfId: ReplicaId, leadMs: number, maxMs: number): Failure {
  return {
    code: "clock_skew",
    message: `the clock of ${selfId} is ${Math.round(leadMs)} ms ahead of the median of its live peers, ` +
      `at most ${maxMs} ms are allowed; set the clock, or use another coordinator`,
  };
}

/** Stamps beyond the greatest that peers take: they would throw the write away. */
export function noStampsLeft(selfId: ReplicaId): Failure {
  return {
    code: "clock_skew",
    message: `the clock of ${selfId} is, or has seen a stamp, beyond the year 2105, where stamps end; ` +
      "set the clock and start it again, or use another coordinator",
  };
}

/** A new directory must hear first what the others have promised (HAZARD H14). */
export function promisesUnknown(selfId: ReplicaId): Failure {
  return {
    code: "unavailable",
    message: `${selfId} has a new directory and does not know yet which writes are too old for it: ` +
      "all other replicas of the keyspace must have been heard first; start them, or use another coordinator",
  };
}

/** Writes that are so old come through anti-entropy only (HAZARD H14). */
export function promised(selfId: ReplicaId, stamp: Stamp, promise: Stamp): Failure {
  return {
    code: "clock_skew",
    message:
      `${selfId} takes writes up to ${
        wallMsOf(promise)
      } (ms of the clock) only through anti-entropy, and this one is ` +
      `of ${wallMsOf(stamp)}: it came late, or the clock of its coordinator is behind; try again`,
  };
}

/** A replica that was no member while others collected tombstones would bring back what was deleted (HAZARD H14). */
export function leftOut(id: ReplicaId): Failure {
  return {
    code: "unavailable",
    message: `${id} was no member while tombstones were collected, so what it holds may be long deleted; ` +
      `start ${id} with --rebuild`,
  };
}

/** More requests wait than the replica takes; nobody was asked. */
export function overloaded(selfId: ReplicaId, what: string, limit: number): Failure {
  return {
    code: "overloaded",
    message: `${selfId} has ${what} in flight, the limit is ${limit}; try again later`,
  };
}

/** Copies were asked, and not enough acknowledged: the write may have happened, and may still happen. */
export function writeTimeout(selfId: ReplicaId, outcome: {
  readonly level: Level;
  readonly required: number;
  readonly acked: readonly ReplicaId[];
  readonly refusal: string | undefined;
  readonly timeoutMs: number;
}): Failure {
  const { level, required, acked } = outcome;
  const names = acked.length === 0 ? "" : ` (${acked.join(" ")})`;
  const why = outcome.refusal === undefined ? `the limit is ${outcome.timeoutMs} ms` : outcome.refusal;
  return {
    code: "timeout",
    message: `${level} needs ${required} acknowledgements, ${acked.length} came${names}; ${why}; ` +
      "the write may have happened and may still happen: read the key before trying again",
    required,
    acked,
    coordinator: selfId,
  };
}

/** Copies were asked, and not enough answered. A read changes nothing, so this is definite. */
export function readTimeout(selfId: ReplicaId, outcome: {
  readonly level: Level;
  readonly required: number;
  readonly answered: readonly ReplicaId[];
  /** Enough answered, and the reply waited for stale copies to be mended. */
  readonly isMending: boolean;
  readonly refusal: string | undefined;
  readonly timeoutMs: number;
}): Failure {
  const { level, required, answered } = outcome;
  const names = answered.length === 0 ? "" : ` (${answered.join(" ")})`;
  return {
    code: "timeout",
    message:
      `${level} needs ${required} answers, ${answered.length} came${names} within ${outcome.timeoutMs} ms` +
      (outcome.isMending ? ', but stale copies were not mended in time (read_repair = "blocking"); ' : "; ") +
      (outcome.refusal === undefined ? "" : `${outcome.refusal}; `) +
      "try again, or ask for a lower level",
    required,
    acked: answered,
    coordinator: selfId,
    definite: true,
  };
}

/** Another replica was to coordinate, and nothing came of it. A write may have happened, and may still happen. */
export function forwardTimeout(
  op: "put" | "get" | "delete",
  asked: readonly ReplicaId[],
  why: string,
): Failure {
  const coordinator = asked.at(-1)!;
  const others = asked.slice(0, -1);
  const before = others.length === 0 ? "" : `, after ${others.join(" ")},`;
  return {
    code: "timeout",
    message: `${coordinator}, to which the ${op} was handed${before} to be coordinated, ${why}; ` +
      (op === "get"
        ? "try again"
        : `the ${op} may have happened and may still happen: read the key before trying again`),
    coordinator,
    ...(op === "get" ? { definite: true } : {}),
  };
}

/** Of some keys too few replicas are live for the level of a scan; nobody was asked. */
export function scanUnavailable(
  keyspace: Keyspace,
  level: Level,
  required: number,
  who: {
    readonly naturals: readonly ReplicaId[];
    readonly live: readonly ReplicaId[];
    readonly uncounted: readonly ReplicaId[];
  },
): Failure {
  const { naturals, live, uncounted } = who;
  const isOne = live.length === 1;
  const others = uncounted.length === 0
    ? ""
    : `; ${uncounted.join(" ")} ${uncounted.length === 1 ? "is" : "are"} up and counts for no level yet`;
  return {
    code: "unavailable",
    message:
      `${level} needs ${required} live replicas of each key, and of the keys of "${keyspace.name}" that ` +
      `${naturals.join(" ")} hold ${live.length} ${isOne ? "is" : "are"} live` +
      `${live.length === 0 ? "" : ` (${live.join(" ")})`}${others}; start the others` +
      (required === 1 ? "" : " or ask for a lower level"),
    required,
    live: live.length,
  };
}

/** Replicas were asked for a page, and of some keys not enough answered. A scan changes nothing, so this is definite. */
export function scanTimeout(selfId: ReplicaId, outcome: {
  readonly naturals: readonly ReplicaId[];
  readonly level: Level;
  readonly required: number;
  readonly answered: readonly ReplicaId[];
  readonly refusal: string | undefined;
  readonly timeoutMs: number;
}): Failure {
  const { naturals, level, required, answered, refusal, timeoutMs } = outcome;
  const some = answered.filter((id) => naturals.includes(id));
  const names = some.length === 0 ? "" : ` (${some.join(" ")})`;
  return {
    code: "timeout",
    message: `${level} needs ${required} answers of each key, and from ${naturals.join(" ")} ` +
      `${some.length} came${names} within ${timeoutMs} ms; ${refusal === undefined ? "" : `${refusal}; `}` +
      "try again, or ask for a lower level",
    required,
    acked: answered,
    coordinator: selfId,
    definite: true,
  };
}

/** A pass of anti-entropy is under way with another; the asker tries again by itself. */
export function repairing(selfId: ReplicaId): Failure {
  return {
    code: "overloaded",
    message: `${selfId} is being compared with another replica; try again in a moment`,
  };
}
