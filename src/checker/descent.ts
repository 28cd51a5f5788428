/**
 * Which versions of one key descend from which. A put that names what it had seen replaces just that, and what that had
 * replaced. Of one that does not say so nobody knows: any lesser version may be among what it replaced, unless somebody was
 * shown both side by side. Where the greatest version replaces all others, that is the order of versions.
 * @module
 */
import { compareVersions, type HistoryVersion, type Operation } from "./history.ts";
import { nameVersion } from "./operation_text.ts";

/** What is known of one version. */
interface Known {
  readonly version: HistoryVersion;
  /** Who made it, where that says what it had seen. */
  writer?: Operation;
  /** What the writer had seen; absent where nobody knows. */
  seen?: readonly Known[];
  /** Those that were read together with it, and where. */
  beside?: Map<Known, Operation>;
}

/** What is known of the versions of one key. */
export class Descent {
  readonly #byName = new Map<string, Known>();
  #hasContexts = false;
  #hasSiblings = false;

  constructor(operations: readonly Operation[]) {
    for (const operation of operations) {
      if (operation.outcome !== "ok") continue;
      if (operation.op !== "get" && operation.version) this.learn(operation.version, operation);
      if (operation.siblings) this.#learnBeside(operation.siblings, operation);
    }
  }

  /** Whether some put of this key says what it replaces: then several versions may stand side by side. */
  get hasContexts(): boolean {
    return this.#hasContexts;
  }

  /** Whether nothing is known but the order of versions: then the greater one has replaced the lesser. */
  get isPlain(): boolean {
    return !this.#hasContexts && !this.#hasSiblings;
  }

  /** Who made this version. */
  learn(version: HistoryVersion, writer: Operation): void {
    if (!writer.context) return;
    this.#hasContexts = true;
    const known = this.#of(version);
    known.writer = writer;
    known.seen = writer.context.map((seen) => this.#of(seen));
  }

  /** Tells of versions whether `held` has them in it, or has replaced them. Requires: none is lesser than `least`. */
  coverage(held: readonly HistoryVersion[], least: HistoryVersion): (version: HistoryVersion) => boolean {
    const { reached, ends } = this.#past(held, least);
    return (version) => {
      const known = this.#of(version);
      return reached.has(known) || ends.some((end) => mayReplace(end, known));
    };
  }

  /** The first of `versions` that `held` neither has in it nor has replaced. */
  uncovered<V extends HistoryVersion>(
    held: readonly HistoryVersion[],
    versions: readonly V[],
  ): V | undefined {
    const least = leastOf(versions);
    if (!least) return undefined;
    const covers = this.coverage(held, least);
    return versions.find((version) => !covers(version));
  }

  /** The first of `versions` that another of them is known to have replaced, and who did that. */
  replacedWithin(
    versions: readonly HistoryVersion[],
  ): { readonly version: HistoryVersion; readonly writer: Operation } | undefined {
    if (versions.length < 2) return undefined;
    const least = leastOf(versions)!;
    for (const one of versions) {
      const { writer } = this.#of(one);
      if (!writer) continue;
      const { reached } = this.#past([one], least);
      const version = versions.find((other) => other !== one && reached.has(this.#of(other)));
      if (version) return { version, writer };
    }
    return undefined;
  }

  /** The operations that show that `held` does not cover `version`. */
  explanation(held: readonly HistoryVersion[], version: HistoryVersion): Operation[] {
    const { reached, ends } = this.#past(held, version);
    const known = this.#of(version);
    const operations = [
      ...[...reached].map(({ writer }) => writer),
      ...ends.map((end) => end.beside?.get(known)),
    ];
    return operations.filter((operation) => operation !== undefined);
  }

  /** What `held` descends from, no lesser than `least`, and those of it whose own past nobody knows. */
  #past(
    held: readonly HistoryVersion[],
    least: HistoryVersion,
  ): { readonly reached: ReadonlySet<Known>; readonly ends: readonly Known[] } {
    const reached = new Set(held.map((version) => this.#of(version)));
    const ends: Known[] = [];
    // A set hands out what is added while it is walked through.
    for (const known of reached) {
      if (!known.seen) ends.push(known);
      else for (const seen of known.seen) if (compareVersions(seen.version, least) >= 0) reached.add(seen);
    }
    return { reached, ends };
  }

  #learnBeside(versions: readonly HistoryVersion[], reader: Operation): void {
    this.#hasSiblings = true;
    const all = versions.map((version) => this.#of(version));
    for (const known of all) {
      known.beside ??= new Map();
      for (const other of all) {
        if (other !== known && !known.beside.has(other)) known.beside.set(other, reader);
      }
    }
  }

  #of({ stamp, origin }: HistoryVersion): Known {
    const name = nameVersion({ stamp, origin });
    const known: Known = this.#byName.get(name) ?? { version: { stamp, origin } };
    this.#byName.set(name, known);
    return known;
  }
}

/** Nobody knows what the writer of `end` had seen: anything lesser, but for what stood beside it. */
function mayReplace(end: Known, known: Known): boolean {
  return compareVersions(end.version, known.version) > 0 && !end.beside?.has(known);
}

/** The least of some versions. */
export function leastOf(versions: readonly HistoryVersion[]): HistoryVersion | undefined {
  const [first, ...others] = versions;
  return first && others.reduce((a, b) => compareVersions(a, b) <= 0 ? a : b, first);
}
