/**
 * Which write an operation touched: made it, or read it. Writes are known by their versions; where a key's operations do
 * not all name versions, by their values, as far as no value was put twice.
 * @module
 */
import { Descent } from "./descent.ts";
import { compareVersions, type HistoryVersion, type Operation, touchedVersions } from "./history.ts";
import { nameVersion, nameVersions } from "./operation_text.ts";
import { byKey } from "./register.ts";

/** One operation and the write that it touched, or the writes: a get may return several versions. */
export interface Touch {
  readonly operation: Operation;
  /** Names the write among those of its key; `NOTHING_YET` where a get found that nobody had written. */
  readonly write: string;
  /** Where writes are known by versions: the greatest first. */
  readonly versions?: readonly HistoryVersion[];
  /** The operations that made it, as far as they stand in the history. */
  readonly sources: readonly Operation[];
  /** What is known of the versions of this key. */
  readonly descent: Descent;
}

/** The write before all writes. */
export const NOTHING_YET = "nothing yet";

/** The touches of one history. */
export class Touches {
  readonly #byOperation = new Map<Operation, Touch>();
  readonly #descents = new Map<string, Descent>();
  /** Deletions of each key that did happen or may have, in the order of their beginnings. */
  readonly #deletions = new Map<string, readonly Operation[]>();
  /** Gets of a value that was put more than once, without versions. */
  #ambiguous: Operation | undefined;

  constructor(operations: readonly Operation[]) {
    for (const [key, list] of byKey(operations)) this.#addKey(key, list);
  }

  /** Undefined where nobody can tell which write it was, or whether it happened. */
  of(operation: Operation): Touch | undefined {
    return this.#byOperation.get(operation);
  }

  /** What is known of the versions of a key. */
  descentOf(key: string): Descent {
    return this.#descents.get(key) ?? new Descent([]);
  }

  /** Any of these a get of nothing may have found that has no touch: those that began before it ended. */
  *maybeDeletedBy({ key, endedMs }: Operation): Generator<Operation> {
    for (const deletion of this.#deletions.get(key) ?? []) {
      if (deletion.invokedMs > endedMs) return;
      yield deletion;
    }
  }

  /** Why some gets say nothing, if some do. */
  get unknown(): string | undefined {
    if (!this.#ambiguous) return undefined;
    const { key, value } = this.#ambiguous;
    return `key ${key}: value ${value} was written more than once, and without versions nobody can tell which was read`;
  }

  #addKey(key: string, operations: readonly Operation[]): void {
    const done = operations.filter(({ outcome }) => outcome === "ok");
    const hasVersions = done.every((operation) =>
      touchedVersions(operation).length > 0 || operation.op === "get" && operation.value === undefined
    );
    const sources = new Sources(operations);
    const descent = new Descent(operations);
    this.#descents.set(key, descent);
    const deletions = operations.filter(({ op, outcome }) => op === "delete" && outcome !== "fail")
      .sort((a, b) => a.invokedMs - b.invokedMs);
    if (deletions.length > 0) this.#deletions.set(key, deletions);
    for (const operation of done) {
      const { op, value } = operation;
      const versions = touchedVersions(operation);
      if (hasVersions && versions.length > 0) {
        const made = op === "get" ? versions.map((version) => sources.of(version)) : [operation];
        this.#add({ operation, write: nameVersions(versions), versions, sources: known(made), descent });
        made.forEach((source, index) => {
          if (source?.outcome !== "info") return;
          const version = versions[index]!;
          descent.learn(version, source);
          this.#add({
            operation: source,
            write: nameVersion(version),
            versions: [version],
            sources: [source],
            descent,
          });
        });
      } else if (op !== "get") {
        this.#add({ operation, write: sources.nameOf(operation), sources: [operation], descent });
      } else if (versions.length === 0 && value === undefined) {
        // A get of nothing may have found a deletion, and nobody can tell which one.
        const isDeleted = deletions.some(({ invokedMs }) => invokedMs <= operation.endedMs);
        if (!isDeleted) this.#add({ operation, write: NOTHING_YET, sources: [], descent });
      } else {
        const found: readonly Content[] = versions.length > 0 ? versions : [{ value: value! }];
        const made = known(found.map((each) => sources.of(each)));
        if (found.some((each) => sources.isAmbiguous(each))) this.#ambiguous ??= operation;
        else if (made.length === found.length) {
          const write = made.map((source) => sources.nameOf(source)).sort().join(", ");
          this.#add({ operation, write, sources: made, descent });
          for (const source of made) {
            if (source.outcome !== "info") continue;
            this.#add({ operation: source, write: sources.nameOf(source), sources: [source], descent });
          }
        }
      }
    }
  }

  /** What was unknown to its writer did happen, if somebody read it: so it is added too. */
  #add(touch: Touch): void {
    this.#byOperation.set(touch.operation, touch);
  }
}

/** What a get found: a version, a value, or both. */
interface Content {
  readonly stamp?: number;
  readonly origin?: string;
  readonly value?: string | null;
}

function known(sources: readonly (Operation | undefined)[]): readonly Operation[] {
  return sources.filter((source) => source !== undefined);
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
      if (value === undefined) continue;
      const list = this.#byValue.get(value);
      if (list) list.push(operation);
      else this.#byValue.set(value, [operation]);
    }
  }

  /** Whether several writes may have left this, and nothing tells which. */
  isAmbiguous(content: Content): boolean {
    return !this.#named(content) && this.#withValue(content).length > 1;
  }

  /** The write that left this. */
  of(content: Content): Operation | undefined {
    const named = this.#named(content);
    if (named) return named;
    const [only, ...others] = this.#withValue(content);
    return others.length === 0 ? only : undefined;
  }

  /** Each write has one name, whoever asks first. */
  nameOf(write: Operation): string {
    const name = this.#names.get(write) ?? `write ${this.#names.size}`;
    this.#names.set(write, name);
    return name;
  }

  #named({ stamp, origin }: Content): Operation | undefined {
    if (stamp === undefined || origin === undefined) return undefined;
    return this.#byVersion.get(nameVersion({ stamp, origin }));
  }

  #withValue({ value }: Content): readonly Operation[] {
    return typeof value === "string" ? this.#byValue.get(value) ?? [] : [];
  }
}

/**
 * Whether what `later` touched is older than what `earlier` touched, by their versions; undefined without versions. A get
 * is older where it neither returned nor knows to be replaced what `earlier` touched.
 */
export function isOlder(later: Touch, earlier: Touch): boolean | undefined {
  // A deletion leaves nothing too.
  if (later.write === NOTHING_YET) return earlier.operation.value !== undefined;
  if (!later.versions || !earlier.versions) return undefined;
  const [greatest, ...others] = later.versions;
  if (others.length === 0 && earlier.versions.length === 1 && later.descent.isPlain) {
    return compareVersions(greatest!, earlier.versions[0]!) < 0;
  }
  if (later.operation.op === "get") {
    return later.descent.uncovered(later.versions, earlier.versions) !== undefined;
  }
  // A put that replaces only what it names is kept beside all others, and so is older than none.
  return !later.descent.hasContexts && compareVersions(greatest!, earlier.versions[0]!) < 0;
}
