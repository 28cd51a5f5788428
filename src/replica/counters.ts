/** Named counts since start, for `status`. @module */

/** Counts by name; a name appears when first counted. */
export class Counters {
  readonly #counts = new Map<string, number>();

  /** Adds to a count. */
  add(name: string, count: number): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  /** All counts, in name order. */
  all(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => a < b ? -1 : 1));
  }
}
