/**
 * Which write an operation touched: made it, or read it. Writes are known by their versions; where a key's operations do
 * not all name versions, by their values, as far as no value was put twice.
 * @module
 */
import { compareVersions, type HistoryVersion, type Operation } from "./history.ts";
import { nameVersion } from "./operation_text.ts";
import { byKey } from "./register.ts";

/** One operation and the write that it touched. */
export interface Touch {
  readonly operation: Operation;
  /** Names the write among those of its key; `NOTHING_YET` where a get found that nobody had written. */
  readonly write: string;
  /** Where writes are known by versions. */
  readonly version?: HistoryVersion;
  /** The operation that made it, if it stands in the history. */
  readonly source?: Operation;
}

/** The write before all writes. */
export const NOTHING_YET = "nothing yet";

/** The touches of one history. */
export class Touches {
  readonly #byOperation = new Map<Operation, Touch>();
  /** Gets of a value that was put more than once, without versions. */
  #ambiguous: Operation | undefined;

  constructor(operations: readonly Operation[]) {
    for (const list of byKey(operations).values()) this.#addKey(list);
  }

  /** Undefined where nobody can tell which write it was, or whether it happened. */
  of(operation: Operation): Touch | undefined {
    return this.#byOperation.get(operation);
  }

  /** Why some gets say nothing, if some do. */
  get unknown(): string | undefined {
    if (!this.#ambiguous) return undefined;
    const { key, value } = this.#ambiguous;
    return `key ${key}: value ${value} was written more than once, and without versions nobody can tell which was read`;
  }

  #addKey(operations: readonly Operation[]): void {
    const done = operations.filter(({ outcome }) => outcome === "ok");
    const hasVersions = done.every(({ op, value, version }) =>
      version || op === "get" && value === undefined
    );
    const sources = new Sources(operations);
    const deletions = operations.filter(({ op, outcome }) => op === "delete" && outcome !== "fail");
    let number = 0;
    for (const operation of done) {
      const { op, value, version } = operation;
      if (hasVersions && version) {
        const source = op === "get" ? sources.of(operation) : operation;
        this.#add({ operation, write: nameVersion(version), version, ...(source ? { source } : {}) });
      } else if (op !== "get") {
        this.#add({ operation, write: sources.nameOf(operation, number++), source: operation });
      } else if (value === undefined) {
        // A get of nothing may have found a deletion, and nobody can tell which one.
        const isDeleted = deletions.some(({ invokedMs }) => invokedMs <= operation.endedMs);
        if (!isDeleted) this.#add({ operation, write: NOTHING_YET });
      } else if (sources.isAmbiguous(value)) this.#ambiguous ??= operation;
      else {
        const source = sources.of(operation);
        if (source) this.#add({ operation, write: sources.nameOf(source, number++), source });
      }
    }
  }

  #add(touch: Touch): void {
    this.#byOperation.set(touch.operation, touch);
    // What was unknown to its writer did happen, if somebody read it.
    const { source } = touch;
    if (source?.outcome === "info") this.#byOperation.set(source, { ...touch, operation: source });
  }
}

/** The writes of one key that did happen or may have. */
class Sources {
  readonly #byValue = new Map<string, Operation[]>();
  readonly #byVersion = new Map<string, Operation>();
  readonly #names = new Map<Operation, string>();

  constructor(operations: readonly Operation[]) {
    for (const operation of operations) {
      const { op, value, version, outcome } = operation;
      if (op === "get" || outcome === "fail") continue;
      if (version) this.#byVersion.set(nameVersion(version), operation);
      if (value !== undefined) this.#byValue.set(value, [...this.#byValue.get(value) ?? [], operation]);
    }
  }

  isAmbiguous(value: string): boolean {
    return (this.#byValue.get(value)?.length ?? 0) > 1;
  }

  /** The write that a get returned. */
  of({ value, version }: Operation): Operation | undefined {
    const named = version && this.#byVersion.get(nameVersion(version));
    if (named || value === undefined) return named;
    const [only, ...others] = this.#byValue.get(value) ?? [];
    return others.length === 0 ? only : undefined;
  }

  /** Each write has one name, whoever asks first. */
  nameOf(write: Operation, number: number): string {
    const name = this.#names.get(write) ?? `write ${number}`;
    this.#names.set(write, name);
    return name;
  }
}

/** Whether what `later` touched is older than what `earlier` touched, by their versions; undefined without versions. */
export function isOlder(later: Touch, earlier: Touch): boolean | undefined {
  // A deletion leaves nothing too.
  if (later.write === NOTHING_YET) return earlier.operation.value !== undefined;
  if (!later.version || !earlier.version) return undefined;
  return compareVersions(later.version, earlier.version) < 0;
}
