/**
 * What clients are owed that carry sessions: the guarantees of each session, and causality over all of them, of every answer that
 * did not say that it may be stale. A session goes over all keyspaces, so they are looked at together.
 * @module
 */
import { judgeCausality } from "../checker/causality.ts";
import type { DiskLoss, History } from "../checker/history.ts";
import { judgeSessions } from "../checker/sessions.ts";
import type { Violation } from "../checker/verdict.ts";

/** What was judged, and what was found in it. */
export interface CarriedJudgement {
  /** Of one keyspace; of several there is no name, and the name of each stands before its keys. */
  readonly history: History;
  readonly violations: readonly Violation[];
}

/** The judgement on all histories of a run. Requires: there is one. */
export function judgeCarriedSessions(histories: ReadonlyMap<string, History>): CarriedJudgement {
  const history = untilLoss(joined(histories));
  return {
    history,
    violations: [...judgeSessions(history).violations, ...judgeCausality(history).violations],
  };
}

function joined(histories: ReadonlyMap<string, History>): History {
  const [first, ...others] = [...histories.values()];
  if (others.length === 0) return first!;
  const { keyspace: _keyspace, holders: _holders, snapshots: _snapshots, ...rest } = first!;
  const operations = [...histories].flatMap(([keyspace, history]) =>
    history.operations.map((operation) => ({ ...operation, key: `${keyspace}/${operation.key}` }))
  );
  return {
    ...rest,
    copies: Math.max(...[...histories.values()].map(({ copies }) => copies)),
    operations: operations.sort((a, b) => a.invokedMs - b.invokedMs),
  };
}

/** Up to the first lost disk: what was on it alone is gone, and nobody is owed it any more. */
function untilLoss(history: History): History {
  const lossMs = Math.min(...history.diskLosses.map(({ atMs }: DiskLoss) => atMs));
  if (lossMs === Infinity) return history;
  const operations = history.operations.filter(({ op, invokedMs, endedMs }) =>
    (op === "get" ? endedMs : invokedMs) < lossMs
  );
  return { ...history, operations };
}
