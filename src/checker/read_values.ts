/**
 * The judge of values: what a read returns was written, and not by a write that was refused for certain (HAZARD H15); and
 * what was put once has one version, or else it was done twice.
 * Requires of a history: every write names its value, also one that failed.
 * @module
 */
import { heldVersions, type History, type Operation, touchedValues, touchedVersions } from "./history.ts";
import { describeOperation, nameVersion, showValue } from "./operation_text.ts";
import type { Violation } from "./verdict.ts";

/** The writes of each key, by the value that they write. */
type Writes = ReadonlyMap<string, ReadonlyMap<string, readonly Operation[]>>;

/** One violation for each read of a value that should not be there, and for each put that was done twice. */
export function judgeReadValues(
  { operations, snapshots = [] }: Pick<History, "operations" | "snapshots">,
): Violation[] {
  const writes = writesIn(operations);
  return [...strangeReads(operations, writes), ...putsDoneTwice({ operations, snapshots }, writes)];
}

function writesIn(operations: readonly Operation[]): Writes {
  const writes = new Map<string, Map<string, Operation[]>>();
  for (const operation of operations) {
    const { op, key, value } = operation;
    if (op === "get" || value === undefined) continue;
    const byValue = writes.get(key) ?? new Map<string, Operation[]>();
    writes.set(key, byValue);
    const list = byValue.get(value);
    if (list) list.push(operation);
    else byValue.set(value, [operation]);
  }
  return writes;
}

function strangeReads(operations: readonly Operation[], writes: Writes): Violation[] {
  const violations: Violation[] = [];
  const accuse = (sentence: string, ...guilty: Operation[]): void =>
    void violations.push({ judge: "read_values", sentence, operations: guilty });
  for (const read of operations) {
    if (read.op !== "get" || read.outcome !== "ok") continue;
    for (const value of new Set(touchedValues(read))) {
      // Of several values the sentence has to say which.
      const told = `${describeOperation(read)}${read.siblings ? `, with ${showValue(value)}` : ""}`;
      const list = writes.get(read.key)?.get(value) ?? [];
      const done = list.filter(({ outcome }) => outcome !== "fail");
      const [write] = done.length > 0 ? done : list;
      if (!write) accuse(`${told}, which nobody put`, read);
      else if (done.length === 0) {
        const reason = write.code ?? "no reason";
        accuse(`${told}, which was refused with ${reason} to client ${write.client}`, ...list, read);
      } else if (done.every(({ invokedMs }) => invokedMs > read.endedMs)) {
        accuse(`${told}, before this: ${describeOperation(write)}`, read, ...done);
      }
    }
  }
  return violations;
}

/** Where a version of a put was seen first. */
interface Sighting {
  readonly version: string;
  /** Absent where a replica holds it in the end. */
  readonly operation?: Operation;
}

/** Of values that were put once: those that were seen under two versions. */
function putsDoneTwice(
  { operations, snapshots }: Required<Pick<History, "operations" | "snapshots">>,
  writes: Writes,
): Violation[] {
  const violations: Violation[] = [];
  const first = new Map<Operation, Sighting>();
  const makers = new Map<string, Operation>();
  for (const operation of operations) {
    const { op, key, version } = operation;
    if (op !== "get" && version) makers.set(`${nameVersion(version)} ${key}`, operation);
  }
  const accused = new Set<Operation>();
  const see = (key: string, value: string | null | undefined, sighting: Sighting, where: string): void => {
    const [put, ...others] = (typeof value === "string" ? writes.get(key)?.get(value) : undefined) ?? [];
    if (!put || others.length > 0 || put.op !== "put" || accused.has(put)) return;
    // One version with two values is for the judge of kept writes to tell.
    if ((makers.get(`${sighting.version} ${key}`) ?? put) !== put) return;
    const before = first.get(put);
    if (!before) first.set(put, sighting);
    if (!before || before.version === sighting.version) return;
    accused.add(put);
    const guilty = [put, before.operation, sighting.operation].filter((each) => each !== undefined);
    violations.push({
      judge: "read_values",
      sentence: `${describeOperation(put)} was one put, yet it has two versions, ${before.version} and ` +
        `${sighting.version}: ${where}`,
      operations: [...new Set(guilty)].sort((a, b) => a.invokedMs - b.invokedMs),
    });
  };
  for (const operation of operations) {
    if (operation.outcome !== "ok") continue;
    for (const { value, ...version } of touchedVersions(operation)) {
      see(operation.key, value, { version: nameVersion(version), operation }, describeOperation(operation));
    }
  }
  for (const { replica, state } of snapshots) {
    for (const [key, held] of state) {
      for (const { value, ...version } of heldVersions(held)) {
        see(key, value, { version: nameVersion(version) }, `${replica} holds it in the end`);
      }
    }
  }
  return violations;
}
