/**
 * Which versions of one key descend from which. A put that names what it had seen replaces just that, and what that had
 * replaced. Of one that does not say so nobody knows: any lesser version may be among what it replaced, unless somebody was
 * shown both side by side. Where the greatest version replaces all others, that is the order of versions.
 * @module
 */
import { compareVersions, type HistoryVersion, type Operation } from "./history.ts";
import { nameVersion } from "./operation_text.ts";

/** What is known of the versions of one key. */
export class Descent {
  /** Writes that say what they had seen, by what they made. */
  readonly #writers = new Map<string, Operation>();
  /** For each version those that were read together with it, and where. */
  readonly #beside = new Map<string, Map<string, Operation>>();

  constructor(operations: readonly Operation[]) {
    for (const operation of operations) {
      if (operation.outcome !== "ok") continue;
      if (operation.op !== "get" && operation.version) this.learn(operation.version, operation);
      if (operation.siblings) this.#learnBeside(operation.siblings.map(nameVersion), operation);
    }
  }

  /** Whether some put of this key says what it replaces: then several versions may stand side by side. */
  get hasContexts(): boolean {
    return this.#writers.size > 0;
  }

  /** Who made this version. */
  learn(version: HistoryVersion, writer: Operation): void {
    if (writer.context) this.#writers.set(nameVersion(version), writer);
  }

  /** Tells of versions whether `held` has them in it, or has replaced them. Requires: none is lesser than `least`. */
  coverage(held: readonly HistoryVersion[], least: HistoryVersion): (version: HistoryVersion) => boolean {
    const { reached, ends } = this.#past(held, least);
    return (version) =>
      reached.has(nameVersion(version)) || ends.some((end) => this.#mayReplace(end, version));
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
      const writer = this.#writers.get(nameVersion(one));
      if (!writer) continue;
      const { reached } = this.#past([one], least);
      const version = versions.find((other) => other !== one && reached.has(nameVersion(other)));
      if (version) return { version, writer };
    }
    return undefined;
  }

  /** The operations that show that `held` does not cover `version`. */
  explanation(held: readonly HistoryVersion[], version: HistoryVersion): Operation[] {
    const { reached, ends } = this.#past(held, version);
    const name = nameVersion(version);
    const writers = [...reached].map((each) => this.#writers.get(each));
    const readers = ends.map((end) => this.#beside.get(nameVersion(end))?.get(name));
    return [...writers, ...readers].filter((operation) => operation !== undefined);
  }

  /** What `held` descends from, no lesser than `least`, and those of it whose own past nobody knows. */
  #past(
    held: readonly HistoryVersion[],
    least: HistoryVersion,
  ): { readonly reached: ReadonlySet<string>; readonly ends: readonly HistoryVersion[] } {
    const reached = new Set<string>();
    const ends: HistoryVersion[] = [];
    const open = [...held];
    for (let version = open.pop(); version !== undefined; version = open.pop()) {
      const name = nameVersion(version);
      if (reached.has(name)) continue;
      reached.add(name);
      const context = this.#writers.get(name)?.context;
      if (!context) ends.push(version);
      else for (const seen of context) if (compareVersions(seen, least) >= 0) open.push(seen);
    }
    return { reached, ends };
  }

  #mayReplace(end: HistoryVersion, version: HistoryVersion): boolean {
    return compareVersions(end, version) > 0 &&
      !this.#beside.get(nameVersion(end))?.has(nameVersion(version));
  }

  #learnBeside(names: readonly string[], reader: Operation): void {
    for (const name of names) {
      const known = this.#beside.get(name) ?? new Map<string, Operation>();
      this.#beside.set(name, known);
      for (const other of names) if (other !== name && !known.has(other)) known.set(other, reader);
    }
  }
}

/** The least of some versions. */
export function leastOf(versions: readonly HistoryVersion[]): HistoryVersion | undefined {
  const [first, ...others] = versions;
  return first && others.reduce((a, b) => compareVersions(a, b) <= 0 ? a : b, first);
}
