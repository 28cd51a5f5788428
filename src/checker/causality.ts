/**
 * The judge of causality over all sessions: who has seen a write sees everything that its writer had seen.
 *
 * An operation's past is what its session did and saw before, and the past of every write that it saw. Each client is a
 * line of operations, so a past is one number for each line: how far along it. A write that nobody knows to have happened is a
 * line of its own: only who reads it knows.
 * @module
 */
import type { History, Operation } from "./history.ts";
import { smallestWrong, withLeavers } from "./minimal_history.ts";
import { describeOperation, describeOperations } from "./operation_text.ts";
import { circleSentence, orderOf, sessionDemands, sessionOf } from "./sessions.ts";
import { type Touch, Touches } from "./touches.ts";
import type { Judgement, Violation } from "./verdict.ts";
import { type Demand, operationsOf, type WriteOrder } from "./write_order.ts";

/** Numbers in all pasts together. */
const NUMBERS_MAX = 20_000_000;

/** Whether nobody misses what follows from what it saw. The guarantees of single sessions are another judge's. */
export function judgeCausality({ operations }: Pick<History, "operations">): Judgement {
  const touches = new Touches(operations);
  const pasts = new Pasts(operations, touches);
  if (pasts.numberCount > NUMBERS_MAX) {
    return {
      violations: [],
      unknown: `${operations.length} operations by so many clients have too long a past to look at`,
    };
  }
  const found = firstBroken(operations, touches, pasts);
  return {
    violations: found ? [violationOf(operations, found)] : [],
    ...(touches.unknown === undefined ? {} : { unknown: touches.unknown }),
    measured: "nobody missed what follows from what it saw",
  };
}

/** A demand of causality that is broken, or several that contradict each other. */
function firstBroken(
  operations: readonly Operation[],
  touches: Touches,
  pasts: Pasts,
): readonly Demand[] | undefined {
  const [sessionOrders, orders] = [new Map<string, WriteOrder>(), new Map<string, WriteOrder>()];
  for (const demand of sessionDemands(operations, touches)) {
    orderOf(sessionOrders, demand).demand(demand);
    orderOf(orders, demand).demand(demand);
  }
  for (const demand of pasts.demands()) orderOf(orders, demand).demand(demand);
  for (const [key, order] of orders) {
    const known = sessionOrders.get(key);
    // Why: what one session's own operations show is that judge's to tell, and this one's only where it shows more.
    if (known && (known.broken.length > 0 || known.shortestCircle())) continue;
    const [broken] = order.broken;
    if (broken) return [broken];
    const circle = order.shortestCircle();
    if (circle) return circle;
  }
  return undefined;
}

function violationOf(operations: readonly Operation[], demands: readonly Demand[]): Violation {
  const isWrong = (subset: readonly Operation[]): boolean => {
    const touches = new Touches(subset);
    return firstBroken(subset, touches, new Pasts(subset, touches)) !== undefined;
  };
  const lastMs = operationsOf(demands).reduce(
    (ms, { endedMs }) => endedMs === Infinity ? ms : Math.max(ms, endedMs),
    0,
  );
  const early = withLeavers(operations.filter(({ invokedMs }) => invokedMs <= lastMs), operations);
  const smallest = [...smallestWrong(isWrong(early) ? early : operations, isWrong)]
    .sort((a, b) => a.invokedMs - b.invokedMs);
  const touches = new Touches(smallest);
  const found = firstBroken(smallest, touches, new Pasts(smallest, touches)) ?? demands;
  return { judge: "causality", sentence: sentenceOf(found, smallest), operations: smallest };
}

function sentenceOf(demands: readonly Demand[], operations: readonly Operation[]): string {
  const [first, ...others] = demands;
  if (others.length > 0) return circleSentence(demands);
  const { earlier, later } = first!;
  const links = operations.filter((each) => each !== earlier.operation && each !== later.operation);
  return `${describeOperation(later.operation)}, although ${
    describeOperation(earlier.operation)
  } came before, ` +
    `by way of: ${describeOperations(links)}`;
}

/** The past of each operation. */
class Pasts {
  readonly numberCount: number;
  readonly #operations: readonly Operation[];
  readonly #touches: Touches;
  /** The line of each operation, and its number on it, from 1 on. */
  readonly #places = new Map<Operation, { readonly line: number; readonly number: number }>();
  /** Writes of a key on each line that has some, in their order. */
  readonly #writes = new Map<string, Map<number, Operation[]>>();

  constructor(operations: readonly Operation[], touches: Touches) {
    this.#operations = [...operations].sort((a, b) => a.invokedMs - b.invokedMs);
    this.#touches = touches;
    const lines = new Map<string, number>();
    const counts: number[] = [];
    const seen = new Set(operations.map((operation) => touches.of(operation)?.source));
    for (const operation of this.#operations) {
      const { op, key, client, outcome } = operation;
      const isUnknown = outcome === "info";
      if (outcome === "fail" || isUnknown && (op === "get" || !seen.has(operation))) continue;
      const name = isUnknown ? `unknown ${lines.size}` : `${client} ${sessionOf(operation)}`;
      const line = lines.get(name) ?? lines.size;
      lines.set(name, line);
      const number = counts[line] = (counts[line] ?? 0) + 1;
      this.#places.set(operation, { line, number });
      if (op === "get") continue;
      const byLine = this.#writes.get(key) ?? new Map<number, Operation[]>();
      this.#writes.set(key, byLine);
      const writes = byLine.get(line);
      if (writes) writes.push(operation);
      else byLine.set(line, [operation]);
    }
    this.numberCount = this.#places.size * lines.size;
  }

  /** Whatever is touched is not older than the last write of that key on each line of the past. */
  *demands(): Generator<Demand> {
    const known = new Map<string, Past>();
    const under = new Map<string, Operation[]>();
    const pasts = new Map<Operation, Past>();
    for (const operation of this.#operations) {
      const session = sessionOf(operation);
      const past = known.get(session) ?? new Past();
      const waiting = under.get(session) ?? [];
      for (const ended of waiting.filter(({ endedMs }) => endedMs <= operation.invokedMs)) {
        this.#learn(past, ended, pasts);
      }
      under.set(session, [...waiting.filter(({ endedMs }) => endedMs > operation.invokedMs), operation]);
      known.set(session, past);
      if (!this.#places.has(operation)) continue;
      pasts.set(operation, past.copy());
      const later = operation.outcome === "ok" ? this.#touches.of(operation) : undefined;
      if (later) yield* this.#demandsOn(later, past);
    }
  }

  *#demandsOn(later: Touch, past: Past): Generator<Demand> {
    for (const [line, writes] of this.#writes.get(later.operation.key) ?? []) {
      const last = this.#lastWrite(writes, past.numberOn(line));
      const earlier = last && last !== later.operation ? this.#touches.of(last) : undefined;
      if (earlier) yield { earlier, later };
    }
  }

  #lastWrite(writes: readonly Operation[], number: number): Operation | undefined {
    let [first, end] = [0, writes.length];
    while (first < end) {
      const middle = (first + end) >>> 1;
      if (this.#places.get(writes[middle]!)!.number <= number) first = middle + 1;
      else end = middle;
    }
    return writes[first - 1];
  }

  /** The session knows what it has done, and what it has read. */
  #learn(past: Past, operation: Operation, pasts: ReadonlyMap<Operation, Past>): void {
    const place = this.#places.get(operation);
    if (!place || operation.outcome !== "ok") return;
    past.reach(place.line, place.number);
    const source = this.#touches.of(operation)?.source;
    const from = source && source !== operation ? pasts.get(source) : undefined;
    if (!from) return;
    past.join(from);
    const { line, number } = this.#places.get(source!)!;
    past.reach(line, number);
  }
}

/** How far along each line. */
class Past {
  readonly #numbers: number[] = [];

  numberOn(line: number): number {
    return this.#numbers[line] ?? 0;
  }

  reach(line: number, number: number): void {
    while (this.#numbers.length <= line) this.#numbers.push(0);
    if (this.#numbers[line]! < number) this.#numbers[line] = number;
  }

  join(other: Past): void {
    other.#numbers.forEach((number, line) => this.reach(line, number));
  }

  copy(): Past {
    const past = new Past();
    past.#numbers.push(...this.#numbers);
    return past;
  }
}
