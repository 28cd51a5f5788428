/** Has the judges look at a simulated run, with what only a simulator knows: every replica's copies, and true time. @module */
import { judgeAvailability } from "../checker/availability.ts";
import { judgeConvergence } from "../checker/convergence.ts";
import { finalStates, type History, type Operation } from "../checker/history.ts";
import { judgeKeptWrites } from "../checker/kept_writes.ts";
import { judgeReadValues } from "../checker/read_values.ts";
import { judgeSessions } from "../checker/sessions.ts";
import type { JudgeName, Violation } from "../checker/verdict.ts";
import { judgeCarriedSessions } from "./carried_sessions.ts";
import type { SimRun } from "./sim_run.ts";

/** One thing that a judge objects to, or the simulator itself. */
export interface Finding {
  readonly judge: string;
  /** The same for every violation of this kind, whatever values, names and times are in it. */
  readonly kind: string;
  readonly sentence: string;
  readonly operations: readonly Operation[];
  readonly keyspace?: string;
  /** What shows it, where the history of the whole run does not: copies as they were before the last reads. */
  readonly history?: History;
}

/** A run with fewer requests proves nothing (HAZARD H24). */
const OPERATIONS_MIN = 200;

/** The kind of a finding that says nothing about the cluster. */
export const PROVES_NOTHING = "proves_nothing";

/** What must be so before anybody reads: hints alone bring every acknowledged write to every replica. */
export function judgeByHintsAlone(run: SimRun): Finding[] {
  if (run.nemesis.diskLosses.length > 0) return [];
  if (run.replicas.some((replica) => replica.hintsDropped > 0)) return [];
  return [...run.histories()].flatMap(([keyspace, history]) => {
    const config = run.config.keyspaces.get(keyspace);
    if (!config?.hintedHandoff || config.antiEntropy) return [];
    const violations = judgeKeptWrites(history, finalStates(history), { onlyWrites: true });
    return violations.map((violation) => {
      const finding = findingOf(keyspace, violation);
      return {
        ...finding,
        kind: `hints: ${finding.kind}`,
        sentence: `before the last reads, when hints alone must have done it: ${violation.sentence}`,
        history,
      };
    });
  });
}

/** What must be so before anybody reads: where replicas compare their copies, these are equal. */
export function judgeByAntiEntropy(run: SimRun): Finding[] {
  return [...run.histories()].flatMap(([keyspace, history]) => {
    if (!run.config.keyspaces.get(keyspace)?.antiEntropy) return [];
    const finals = finalStates(history);
    return [...judgeKeptWrites(history, finals), ...judgeConvergence(finals, history)]
      .map((violation) => {
        const finding = findingOf(keyspace, violation);
        return {
          ...finding,
          kind: `anti-entropy: ${finding.kind}`,
          sentence: `before the last reads, when anti-entropy must have done it: ${violation.sentence}`,
          history,
        };
      });
  });
}

/**
 * Who looks at a keyspace in the end: where nobody reads, or reads mend nothing, copies may rightly differ; what was read
 * stays read only where reads wait for their repairs, and no disk was lost; and causality is owed to clients that carry sessions.
 */
export function judgesOf(run: SimRun, keyspace: string): readonly JudgeName[] {
  const { scenario, config } = run;
  const { readRepair, antiEntropy } = config.keyspaces.get(keyspace) ?? {};
  const isMended = antiEntropy === true || scenario.phases.readsMs > 0 && readRepair !== "off";
  const { sessions } = scenario.clients;
  return [
    ...(isMended ? ["kept_writes", "convergence"] as const : []),
    ...(sessions || isMonotonic(run, keyspace) ? ["sessions"] as const : []),
    ...(sessions ? ["causality"] as const : []),
    "read_values",
    "availability",
  ];
}

/** What must be so in the end. `operations` are those of the clients' own steps. */
export function judgeRun(
  run: SimRun,
  histories: ReadonlyMap<string, History>,
  operations: readonly Operation[],
): Finding[] {
  const findings: Finding[] = [];
  for (const [keyspace, history] of histories) {
    const violations: Violation[] = [];
    const judges = judgesOf(run, keyspace);
    if (judges.includes("kept_writes")) {
      const finals = finalStates(history);
      violations.push(
        ...judgeKeptWrites(history, finals),
        ...judgeConvergence(finals, history),
      );
    }
    if (isMonotonic(run, keyspace)) violations.push(...judgeMonotonicReads(history));
    violations.push(...judgeReadValues(history), ...judgeAvailability(history).violations);
    findings.push(...violations.map((violation) => findingOf(keyspace, violation)));
  }
  if (run.scenario.clients.sessions && histories.size > 0) {
    const { history, violations } = judgeCarriedSessions(histories);
    findings.push(...violations.map((violation) => findingOf(history.keyspace, violation, history)));
  }
  const okCount = operations.filter(({ outcome }) => outcome === "ok").length;
  if (run.scenario.steps.length >= OPERATIONS_MIN || operations.length === 0) {
    if (operations.length < OPERATIONS_MIN || okCount * 2 < operations.length) {
      const sentence = `only ${okCount} of ${operations.length} requests succeeded: the run proves nothing`;
      findings.push({ judge: "simulator", kind: PROVES_NOTHING, sentence, operations: [] });
    }
  }
  return findings;
}

function isMonotonic({ config, nemesis }: SimRun, keyspace: string): boolean {
  return config.keyspaces.get(keyspace)?.readRepair === "blocking" && nemesis.diskLosses.length === 0;
}

/**
 * What was read stays read, where a read waits until as many copies hold what it says as its level asks for, and the copies
 * of any two such reads overlap. Not so of writes: the later one loses where its coordinator's clock is behind.
 */
function judgeMonotonicReads(history: History): readonly Violation[] {
  const deletions = history.operations.filter(({ op, outcome }) => op === "delete" && outcome !== "fail");
  // Of a get of nothing the judge cannot tell what it saw where a tombstone that was there may be gone.
  const isUntold = ({ key, value, version, endedMs }: Operation): boolean =>
    history.collectsTombstones === true && value === undefined && version === undefined &&
    deletions.some((deletion) => deletion.key === key && deletion.invokedMs <= endedMs);
  const gets = history.operations.filter((operation) =>
    operation.op === "get" && 2 * operation.required > history.copies && !isUntold(operation)
  );
  // Whoever reads, it is as if one session did.
  const originals = new Map<Operation, Operation>();
  for (const get of gets) originals.set({ ...get, session: "everybody" }, get);
  // What a read value may give way to is known from what writes replaced. Each of them is a session of its own: nothing is owed to it.
  const writes = history.operations.filter(({ op, context }) => op !== "get" && context !== undefined);
  for (const [index, write] of writes.entries()) {
    originals.set({ ...write, session: `write ${index}` }, write);
  }
  return judgeSessions({ operations: [...originals.keys()] }).violations.map((violation) => ({
    ...violation,
    sentence: violation.sentence.replace("its session", "somebody"),
    operations: violation.operations.map((operation) => originals.get(operation) ?? operation),
  }));
}

/** Words that tell the kinds of one judge's violations apart. */
const KIND_WORDS = [
  "but in the end",
  "yet it loses",
  "monotonic reads",
  "one version has two values",
  "it has two versions",
  "read your writes",
  "writes follow reads",
  "monotonic writes",
  "a missed write",
  "an overwritten value",
  "its own cause",
  "no order of all writes",
  "older than what came before",
  "with a copy could answer",
  "although",
  "which nobody put",
  "which was refused",
  "differs after calm",
];

function findingOf(
  keyspace: string | undefined,
  { judge, sentence, operations }: Violation,
  history?: History,
): Finding {
  const kind = KIND_WORDS.find((words) => sentence.includes(words)) ?? judge;
  return {
    judge,
    kind,
    sentence,
    operations,
    ...(keyspace === undefined ? {} : { keyspace }),
    ...(history === undefined ? {} : { history }),
  };
}
