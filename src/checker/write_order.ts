/**
 * What has been said of the order of one key's writes: this one is not older than that one. Versions answer at once. Without
 * them the demands are arrows between writes, and what is wrong is a circle.
 * @module
 */
import type { Operation } from "./history.ts";
import { isOlder, type Touch } from "./touches.ts";

/** `later` touched a write that must not be older than what `earlier` touched. */
export interface Demand {
  readonly earlier: Touch;
  readonly later: Touch;
}

/** Writes from which the shortest circle is looked for. */
const STARTS_MAX = 200;

/** The writes of one key. */
export class WriteOrder {
  /** Demands that versions, or the get of nothing, contradict at once. */
  readonly broken: Demand[] = [];
  /** Arrows by the write that they leave, then by the write that they reach. */
  readonly #arrows = new Map<string, Map<string, Demand>>();

  /** Adds a demand. */
  demand(demand: Demand): void {
    const { earlier, later } = demand;
    if (earlier.write === later.write) return;
    const answer = isOlder(later, earlier);
    if (answer === true) this.broken.push(demand);
    if (answer !== undefined) return;
    const arrows = this.#arrows.get(earlier.write) ?? new Map<string, Demand>();
    this.#arrows.set(earlier.write, arrows);
    if (!arrows.has(later.write)) arrows.set(later.write, demand);
  }

  /** Demands that contradict each other, as few as there are: each begins where the one before ends. */
  shortestCircle(): readonly Demand[] | undefined {
    let shortest: readonly Demand[] | undefined;
    for (const start of this.#core().slice(0, STARTS_MAX)) {
      const circle = this.#circleFrom(start, shortest?.length ?? Infinity);
      if (circle) shortest = circle;
      if (shortest?.length === 2) break;
    }
    return shortest;
  }

  /** Writes that may lie on a circle: what nothing leads to cannot, nor what only such writes lead to. */
  #core(): string[] {
    const incoming = new Map<string, number>();
    for (const [from, arrows] of this.#arrows) {
      if (!incoming.has(from)) incoming.set(from, 0);
      for (const to of arrows.keys()) incoming.set(to, (incoming.get(to) ?? 0) + 1);
    }
    const free = [...incoming].filter(([, count]) => count === 0).map(([write]) => write);
    for (let write = free.pop(); write !== undefined; write = free.pop()) {
      incoming.delete(write);
      for (const to of this.#arrows.get(write)?.keys() ?? []) {
        const count = incoming.get(to)! - 1;
        incoming.set(to, count);
        if (count === 0) free.push(to);
      }
    }
    return [...incoming.keys()];
  }

  #circleFrom(start: string, lengthMax: number): readonly Demand[] | undefined {
    const via = new Map<string, Demand & { readonly from: string }>();
    let edge = [start];
    for (let length = 1; edge.length > 0 && length < lengthMax; length++) {
      const next: string[] = [];
      for (const from of edge) {
        for (const [to, demand] of this.#arrows.get(from) ?? []) {
          if (via.has(to)) continue;
          via.set(to, { ...demand, from });
          if (to === start) return pathTo(start, via);
          next.push(to);
        }
      }
      edge = next;
    }
    return undefined;
  }
}

function pathTo(start: string, via: ReadonlyMap<string, Demand & { readonly from: string }>): Demand[] {
  const path: Demand[] = [];
  let at = start;
  do {
    const { from, earlier, later } = via.get(at)!;
    path.unshift({ earlier, later });
    at = from;
  } while (at !== start);
  return path;
}

/** All that stands in these demands, with the writes that were read, by time. */
export function operationsOf(demands: readonly Demand[]): Operation[] {
  const operations = new Set<Operation>();
  for (const { earlier, later } of demands) {
    for (const each of replacements(earlier, later)) operations.add(each);
    for (const { operation, sources, versions } of [earlier, later]) {
      operations.add(operation);
      if (!versions) { for (const source of sources) operations.add(source); }
    }
  }
  return [...operations].sort((a, b) => a.invokedMs - b.invokedMs);
}

/** Where puts name what they replace: those that show that what was read has not replaced what was touched before. */
function replacements(earlier: Touch, later: Touch): readonly Operation[] {
  if (later.operation.op !== "get" || !later.versions || !earlier.versions) return [];
  const missing = later.descent.uncovered(later.versions, earlier.versions);
  return missing ? later.descent.explanation(later.versions, missing) : [];
}
