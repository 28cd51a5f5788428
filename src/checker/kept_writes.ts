/**
 * The judge of acknowledged writes: none is lost, none beaten unrightfully, and no read that must see one misses it.
 *
 * It knows true time (HAZARD H21). A write may vanish only if every disk that acknowledged it was lost; it may be beaten
 * only by a greater version; and a version may be greater than a later write's only as far as clocks were apart.
 * @module
 */
import { compareVersions, type FinalState, finalStates, type History, type Operation } from "./history.ts";
import { counted, describeOperation, nameVersion } from "./operation_text.ts";
import type { Judgement, Violation } from "./verdict.ts";

/**
 * Everything wrong with what happened to acknowledged writes. `finals` are the replicas after calm and convergence.
 * With `onlyWrites` what was merely read need not be everywhere: a write that nobody acknowledged is owed to nobody.
 */
export function judgeKeptWrites(
  history: History,
  finals: ReadonlyMap<string, FinalState>,
  { onlyWrites }: { readonly onlyWrites: boolean } = { onlyWrites: false },
): Violation[] {
  const violations: Violation[] = [];
  const byKey = new Map<string, Operation[]>();
  for (const operation of history.operations) {
    if (operation.outcome !== "ok" || !operation.version && operation.op !== "get") continue;
    const list = byKey.get(operation.key) ?? [];
    list.push(operation);
    byKey.set(operation.key, list);
  }
  for (const [key, operations] of byKey) {
    const writes = operations.filter(({ op }) => op !== "get");
    const reads = operations.filter(({ op }) => op === "get");
    violations.push(
      ...lostWrites(key, onlyWrites ? writes : operations, history, finals),
      ...unjustOrder(writes, history),
      ...sharedDots(operations),
      ...staleReads(reads, writes, history),
    );
  }
  return violations;
}

/** The same of a whole history, its last snapshots being the end. */
export function judgeKeptWritesOf(history: History): Judgement {
  const acknowledged = history.operations.filter(({ op, outcome }) => op !== "get" && outcome === "ok");
  const unnamed = acknowledged.find(({ version }) => !version);
  return {
    violations: judgeKeptWrites(history, finalStates(history)),
    ...(unnamed
      ? {
        unknown: `${describeOperation(unnamed)}, but no version is told, so nobody knows whether it was kept`,
      }
      : {}),
    measured: `kept: ${counted(acknowledged.length, "acknowledged write")}`,
  };
}

/** What was acknowledged or seen is still there, or something greater is. */
function lostWrites(
  key: string,
  operations: readonly Operation[],
  history: History,
  finals: ReadonlyMap<string, FinalState>,
): Violation[] {
  const violations: Violation[] = [];
  for (const operation of operations) {
    if (!operation.version || isLostWithDisks(operation, history)) continue;
    for (const [replica, state] of finals) {
      const held = state.get(key);
      if (held && compareVersions(held, operation.version) >= 0) continue;
      const sentence = `${describeOperation(operation)}, but in the end ${replica} holds ${
        nameVersion(held)
      } of key ${key}`;
      violations.push(accuse(sentence, operation));
      break;
    }
  }
  return violations;
}

/** A write acknowledged before another was asked for is smaller, but for what clocks were apart. */
function unjustOrder(writes: readonly Operation[], history: History): Violation[] {
  const violations: Violation[] = [];
  const byAll = new Greatest(writes);
  const byOrigin = new Map<string, Greatest>();
  for (const origin of new Set(writes.map(({ version }) => version!.origin))) {
    byOrigin.set(origin, new Greatest(writes.filter(({ version }) => version!.origin === origin)));
  }
  for (const later of [...writes].sort((a, b) => a.invokedMs - b.invokedMs)) {
    const { invokedMs, version } = later;
    const spreadMs = history.clockSpreadMs;
    // One origin has one clock, which never goes back, not even over a restart.
    const own = byOrigin.get(version!.origin)!.endedBefore(invokedMs);
    const any = byAll.endedBefore(invokedMs - spreadMs);
    const [earlier, allowedMs] = own && compareVersions(own.version!, version!) >= 0
      ? [own, 0]
      : [any, spreadMs];
    if (!earlier || compareVersions(earlier.version!, version!) < 0) continue;
    const sentence = `${describeOperation(later)}, yet it loses to the earlier one: ${
      describeOperation(earlier)
    }; clocks were at most ${allowedMs} ms apart`;
    violations.push(accuse(sentence, earlier, later));
  }
  return violations;
}

/** The greatest version among operations that had ended by a time; times asked for must not go back. */
class Greatest {
  readonly #operations: readonly Operation[];
  #index = 0;
  #greatest: Operation | undefined;

  constructor(operations: readonly Operation[]) {
    this.#operations = [...operations].sort((a, b) => a.endedMs - b.endedMs);
  }

  endedBefore(ms: number): Operation | undefined {
    for (; this.#index < this.#operations.length; this.#index++) {
      const operation = this.#operations[this.#index]!;
      if (operation.endedMs >= ms) break;
      if (!this.#greatest || compareVersions(operation.version!, this.#greatest.version!) > 0) {
        this.#greatest = operation;
      }
    }
    return this.#greatest;
  }
}

/** One dot names one write: all who wrote or read it saw the same value. */
function sharedDots(operations: readonly Operation[]): Violation[] {
  const violations: Violation[] = [];
  const byDot = new Map<string, Operation>();
  for (const operation of operations) {
    if (!operation.version) continue;
    const dot = nameVersion(operation.version);
    const other = byDot.get(dot);
    if (other && other.value !== operation.value) {
      const sentence = `one version has two values: ${describeOperation(other)}, and ${
        describeOperation(operation)
      }`;
      violations.push(accuse(sentence, other, operation));
    }
    byDot.set(dot, operation);
  }
  return violations;
}

/** A read whose copies overlap those of a write acknowledged before it began returns that write or a greater one. */
function staleReads(
  reads: readonly Operation[],
  writes: readonly Operation[],
  history: History,
): Violation[] {
  const violations: Violation[] = [];
  const kept = writes.filter((write) => !isLostWithDisks(write, history));
  for (const required of new Set(reads.map((read) => read.required))) {
    const overlapping = new Greatest(kept.filter((write) => write.required + required > history.copies));
    const sorted = reads.filter((read) => read.required === required).sort((a, b) =>
      a.invokedMs - b.invokedMs
    );
    for (const read of sorted) {
      const write = overlapping.endedBefore(read.invokedMs);
      if (!write || (read.version && compareVersions(read.version, write.version!) >= 0)) continue;
      // What was read has a version that nobody told: it may be any.
      if (!read.version && read.value !== undefined) continue;
      const sentence = `${describeOperation(read)}, although ${describeOperation(write)}`;
      violations.push(accuse(sentence, write, read));
    }
  }
  return violations;
}

function isLostWithDisks(operation: Operation, history: History): boolean {
  const isLost = (replica: string): boolean =>
    history.diskLosses.some((loss) => loss.replica === replica && loss.atMs >= operation.invokedMs);
  // Where nobody knows who acknowledged, it may have been whoever lost all.
  if (operation.acked.length === 0) return history.diskLosses.some(({ replica }) => isLost(replica));
  // A read may have seen what only one of those who answered held.
  return operation.op === "get" ? operation.acked.some(isLost) : operation.acked.every(isLost);
}

function accuse(sentence: string, ...operations: readonly Operation[]): Violation {
  return { judge: "kept_writes", sentence, operations };
}
