/** What can go wrong with a cluster of real processes, in the words of the simulator as far as it has them. @module */
import { type FaultPlan, parseFaultPlan } from "../../src/cli/fault_words.ts";
import type { Fault } from "../../src/protocol/fault.ts";
import { type Fields, requireFields } from "../../src/sim/given_options.ts";

/** All that can go wrong. README.md names them. */
export const REAL_FAULT_KINDS = [
  /** SIGKILL, and away until `heal` or `restart`. */
  "kill",
  /** The same, and the directory is lost. */
  "wipe",
  "pause",
  /** `replicas` and `peers` (or all others) hear nothing of each other. */
  "partition",
  /** `peers` (or all others) hear nothing of `replicas`. */
  "one_way",
  /** The wall clocks of `replicas` are `skewMs` ahead. */
  "clock",
  /** Each line to and from `replicas` takes `delayMs` longer. */
  "delay",
  /** Of a thousand lines to and from `replicas` so many are lost: `perMille`. */
  "drop",
] as const;

/** One fault. What its kind does not use is left out. */
export interface RealFault {
  readonly kind: typeof REAL_FAULT_KINDS[number];
  readonly replicas: readonly string[];
  readonly peers?: readonly string[];
  /** How long it lasts; until `heal` where it is left out or 0. Not for a kill. */
  readonly forMs?: number;
  readonly delayMs?: number;
  readonly skewMs?: number;
  readonly perMille?: number;
}

const FIELDS: Fields = {
  kind: "string",
  replicas: "object",
  peers: "object",
  forMs: "number",
  delayMs: "number",
  skewMs: "number",
  perMille: "number",
};

/** What each replica has to break in itself; nothing for a kill. Throws `TypeError` where the fault has no meaning. */
export function planFault(planned: RealFault, memberIds: readonly string[]): FaultPlan {
  const { kind, replicas = [], peers = [], forMs = 0, delayMs = 0, skewMs = 0, perMille = 0 } = planned;
  // Why: tests run without a look at their types.
  if (!REAL_FAULT_KINDS.includes(kind)) {
    throw new TypeError(`a real cluster has no fault "${kind}"; it has: ${REAL_FAULT_KINDS.join(", ")}`);
  }
  requireFields(`fault "${kind}"`, planned, FIELDS);
  if (replicas.length === 0) throw new TypeError(`fault "${kind}" befalls nobody: name its replicas`);
  const stranger = [...replicas, ...peers].find((id) => !memberIds.includes(id));
  if (stranger !== undefined) {
    throw new TypeError(`there is no replica ${stranger}; there are ${memberIds.join(", ")}`);
  }
  const others = peers.length > 0 ? peers : memberIds.filter((id) => !replicas.includes(id));
  const sides = [replicas.join(","), others.join(",")];
  const each = (fault: Fault): FaultPlan => new Map(replicas.map((id) => [id, fault]));
  switch (kind) {
    case "kill":
    case "wipe":
      if (forMs > 0) throw new TypeError(`a ${kind} lasts until heal or restart, not for ${forMs} ms`);
      return new Map();
    case "pause":
      return each({ kind: "pause" });
    case "partition":
      return parseFaultPlan("partition", sides)(memberIds);
    case "one_way":
      return parseFaultPlan("one-way", sides)(memberIds);
    case "clock":
      return each({ kind: "skew", skew_ms: skewMs });
    case "delay":
      return each({ kind: "delay", delay_ms: delayMs });
    case "drop":
      return each({ kind: "drop", percent: perMille / 10 });
  }
}

/** For the picture of a history. */
export function describeFault(
  { kind, peers = [], delayMs = 0, skewMs = 0, perMille = 0 }: RealFault,
): string {
  const others = peers.length > 0 ? peers.join(", ") : "all others";
  switch (kind) {
    case "kill":
      return "killed";
    case "wipe":
      return "loses its directory";
    case "pause":
      return "paused";
    case "partition":
      return `cut off from ${others}`;
    case "one_way":
      return `nothing of it reaches ${others}`;
    case "clock":
      return `clock ${skewMs} ms off`;
    case "delay":
      return `each line ${delayMs} ms late`;
    case "drop":
      return `${perMille / 10} % of lines lost`;
  }
}
