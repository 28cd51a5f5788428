/**
 * The judge of acknowledged writes: none is lost, none beaten unrightfully, and no read that must see one misses it.
 *
 * It knows true time (HAZARD H21). A write may vanish only if every disk that acknowledged it was lost; it may be beaten
 * only by a greater version; and a version may be greater than a later write's only as far as clocks were apart. Where puts
 * name what they had seen, a write may be replaced only by one that descends from it: none is lost without being seen.
 * @module
 */
import { Deletions } from "./deletions.ts";
import { type Descent, leastOf } from "./descent.ts";
import {
  compareVersions,
  type FinalState,
  finalStates,
  type HeldVersion,
  heldVersions,
  type History,
  type Operation,
  statesOf,
  touchedVersions,
} from "./history.ts";
import { counted, describeOperation, nameVersion, nameVersions } from "./operation_text.ts";
import { byKey as byKeyOf } from "./register.ts";
import { Touches } from "./touches.ts";
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
  const touches = new Touches(history.operations);
  const collects = history.collectsTombstones === true;
  const allByKey = collects ? byKeyOf(history.operations) : new Map<string, Operation[]>();
  for (const operation of history.operations) {
    if (operation.outcome !== "ok" || !operation.version && operation.op !== "get") continue;
    const list = byKey.get(operation.key) ?? [];
    list.push(operation);
    byKey.set(operation.key, list);
  }
  for (const [key, operations] of byKey) {
    const writes = operations.filter(({ op }) => op !== "get");
    const reads = operations.filter(({ op }) => op === "get");
    const descent = touches.descentOf(key);
    const deletions = new Deletions(allByKey.get(key) ?? [], descent, { collects });
    violations.push(
      ...lostWrites(
        onlyWrites ? writes : operations,
        history,
        deletions,
        new Ends(key, descent, statesOf(key, finals, history.holders)),
      ),
      // Where versions stand side by side, none loses.
      ...(descent.hasContexts ? [] : unjustOrder(writes, history)),
      ...sharedDots(operations),
      ...staleReads(reads, writes, { history, descent, deletions }),
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

/** What was acknowledged or seen is still there, or something that replaced it is. */
function lostWrites(
  operations: readonly Operation[],
  history: History,
  deletions: Deletions,
  ends: Ends,
): Violation[] {
  const violations: Violation[] = [];
  const least = leastOf(operations.flatMap(touchedVersions));
  if (!least) return violations;
  const finals = ends.coverages(least);
  for (const operation of operations) {
    const versions = touchedVersions(operation);
    if (versions.length === 0 || isLostWithDisks(operation, history)) continue;
    for (const { replica, held, covers } of finals) {
      const lost = versions.find((version) =>
        !covers(version) && !(held.length === 0 && deletions.explain(version, Infinity))
      );
      if (!lost) continue;
      const { key } = operation;
      // Of several versions, or of one that is not greater, it would not be seen which one is missing.
      const isPlain = held.length === 0 || !ends.descent.hasContexts && !operation.siblings;
      const sentence = `${describeOperation(operation)}, but in the end ${replica} holds ${
        nameVersions(held)
      } of key ${key}${isPlain ? "" : `, written by nobody who had seen ${nameVersion(lost)}`}`;
      const writers = ends.descent.explanation(held, lost).filter((each) => each !== operation);
      violations.push(accuse(sentence, ...[operation, ...writers].sort((a, b) => a.invokedMs - b.invokedMs)));
      break;
    }
  }
  return violations;
}

/** What replicas hold of one key in the end. */
class Ends {
  readonly descent: Descent;
  readonly #held: readonly { readonly replica: string; readonly held: readonly HeldVersion[] }[];

  constructor(key: string, descent: Descent, finals: readonly (readonly [string, FinalState])[]) {
    this.descent = descent;
    this.#held = finals.map(([replica, state]) => ({ replica, held: heldVersions(state.get(key)) }));
  }

  /** And what that covers. `least`: no lesser version will be asked about. */
  coverages(least: HeldVersion): readonly {
    readonly replica: string;
    readonly held: readonly HeldVersion[];
    covers(version: HeldVersion): boolean;
  }[] {
    return this.#held.map((each) => ({ ...each, covers: this.descent.coverage(each.held, least) }));
  }
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

  allBefore(ms: number): readonly Operation[] {
    const greatest = this.endedBefore(ms);
    return greatest ? [greatest] : [];
  }
}

/** One dot names one write: all who wrote or read it saw the same value. */
function sharedDots(operations: readonly Operation[]): Violation[] {
  const violations: Violation[] = [];
  const byDot = new Map<string, { readonly operation: Operation; readonly value: string | null }>();
  for (const operation of operations) {
    for (const { value = null, ...version } of touchedVersions(operation)) {
      const dot = nameVersion(version);
      const other = byDot.get(dot);
      if (other && other.value !== value) {
        const sentence = `one version has two values: ${describeOperation(other.operation)}, and ${
          describeOperation(operation)
        }`;
        violations.push(accuse(sentence, other.operation, operation));
      }
      byDot.set(dot, { operation, value });
    }
  }
  return violations;
}

/** A read whose copies overlap those of a write acknowledged before it began returns that write or what replaced it. */
function staleReads(
  reads: readonly Operation[],
  writes: readonly Operation[],
  { history, descent, deletions }: {
    readonly history: History;
    readonly descent: Descent;
    readonly deletions: Deletions;
  },
): Violation[] {
  const violations: Violation[] = [];
  const kept = writes.filter((write) => !isLostWithDisks(write, history));
  for (const required of new Set(reads.map((read) => read.required))) {
    const overlapping = kept.filter((write) => write.required + required > history.copies);
    const ended = descent.hasContexts ? new SideBySide(overlapping) : new Greatest(overlapping);
    const sorted = reads.filter((read) => read.required === required).sort((a, b) =>
      a.invokedMs - b.invokedMs
    );
    for (const read of sorted) {
      const due = ended.allBefore(read.invokedMs);
      const found = touchedVersions(read);
      // What was read has a version that nobody told: it may be any.
      if (found.length === 0 && read.value !== undefined) continue;
      const owed = due.map((write) => write.version!);
      const missed = found.length > 0
        ? descent.uncovered(found, owed)
        : owed.find((version) => !deletions.explain(version, read.endedMs));
      const write = missed && due.find(({ version }) => version === missed);
      if (!write) continue;
      const sentence = `${describeOperation(read)}, although ${describeOperation(write)}`;
      const others = descent.explanation(found, missed!).filter((each) => each !== write && each !== read);
      violations.push(accuse(sentence, write, ...others, read));
    }
  }
  return violations;
}

/** Writes that had ended by a time, but for those that others of them replaced; times asked for must not go back. */
class SideBySide {
  readonly #operations: readonly Operation[];
  readonly #kept = new Map<string, Operation>();
  #index = 0;

  constructor(operations: readonly Operation[]) {
    this.#operations = [...operations].sort((a, b) => a.endedMs - b.endedMs);
  }

  allBefore(ms: number): readonly Operation[] {
    for (; this.#index < this.#operations.length; this.#index++) {
      const operation = this.#operations[this.#index]!;
      if (operation.endedMs >= ms) break;
      this.#kept.set(nameVersion(operation.version), operation);
      for (const seen of operation.context ?? []) this.#kept.delete(nameVersion(seen));
    }
    return [...this.#kept.values()];
  }
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
