/** Operations and those just before them: sorted, ways back, and circles. Knows nothing of why one comes before another. @module */
import type { Operation } from "./history.ts";

/** Operations from which the shortest circle is looked for. */
const STARTS_MAX = 200;

/** For each operation those just before it. */
export type Links = ReadonlyMap<Operation, readonly Operation[]>;

/** All that does not lie on a circle, nor behind one, each after those before it. */
export function sortedBy(before: Links): readonly Operation[] {
  const after = new Map<Operation, Operation[]>();
  const waiting = new Map<Operation, number>();
  const sorted: Operation[] = [];
  for (const [operation, list] of before) {
    waiting.set(operation, list.length);
    if (list.length === 0) sorted.push(operation);
    for (const each of list) {
      const next = after.get(each);
      if (next) next.push(operation);
      else after.set(each, [operation]);
    }
  }
  // A list hands out what is added while it is walked through.
  for (const operation of sorted) {
    for (const next of after.get(operation) ?? []) {
      const count = waiting.get(next)! - 1;
      waiting.set(next, count);
      if (count === 0) sorted.push(next);
    }
  }
  return sorted;
}

/** A circle of those that `sorted` leaves out, as short as there is one. Requires: it leaves out some. */
export function shortestCircle(before: Links, sorted: readonly Operation[]): readonly Operation[] {
  const rest = new Set(before.keys());
  for (const operation of sorted) rest.delete(operation);
  const within = new Map([...rest].map((operation) =>
    [
      operation,
      before.get(operation)!.filter((each) => rest.has(each)),
    ] as const
  ));
  let shortest = someCircle(within);
  for (const start of onCircles(within).slice(0, STARTS_MAX)) {
    if (shortest.length <= 2) break;
    const path = pathBack(within, start, start, shortest.length - 1);
    if (path) shortest = path.slice(1).reverse();
  }
  return shortest;
}

/** Whoever goes back and back comes round. Requires: each has one before it. */
function someCircle(before: Links): readonly Operation[] {
  const numbers = new Map<Operation, number>();
  let at = before.keys().next().value!;
  for (; !numbers.has(at); at = before.get(at)![0]!) numbers.set(at, numbers.size);
  return [...numbers.keys()].slice(numbers.get(at)).reverse();
}

/** Those that something leads back from: on a circle, or between two. */
function onCircles(before: Links): readonly Operation[] {
  const after = new Map([...before.keys()].map((operation) => [operation, [] as Operation[]]));
  for (const [operation, list] of before) for (const each of list) after.get(each)!.push(operation);
  const forward = new Set(sortedBy(after));
  return [...before.keys()].filter((operation) => !forward.has(operation));
}

/** The shortest way back from one operation to another, with both; undefined where there is none of so few steps. */
export function pathBack(
  before: Links,
  from: Operation,
  to: Operation,
  stepsMax: number = Infinity,
): readonly Operation[] | undefined {
  const via = new Map<Operation, Operation>();
  let edge = [from];
  for (let steps = 1; edge.length > 0 && steps <= stepsMax; steps++) {
    const next: Operation[] = [];
    for (const operation of edge) {
      for (const each of before.get(operation) ?? []) {
        if (via.has(each)) continue;
        via.set(each, operation);
        if (each === to) return wayTo(from, to, via);
        next.push(each);
      }
    }
    edge = next;
  }
  return undefined;
}

/** From `from` on; where both are one the way goes round. */
function wayTo(from: Operation, to: Operation, via: ReadonlyMap<Operation, Operation>): readonly Operation[] {
  const way = [to];
  do way.push(via.get(way.at(-1)!)!); while (way.at(-1) !== from);
  return way.reverse();
}
