/** The writes of each key, line by line of a causal order: which of them lie in the past of an operation. @module */
import type { CausalOrder } from "./causal_order.ts";
import type { Operation } from "./history.ts";

/** The writes of one key on one line, in their order. */
interface WrittenLine {
  readonly line: number;
  readonly writes: Operation[];
  /** Their numbers on the line. */
  readonly numbers: number[];
}

/** All of them. Requires: what is asked about stands in the order's `sorted`. */
export class WrittenLines {
  readonly #order: CausalOrder;
  readonly #byKey = new Map<string, Map<number, WrittenLine>>();

  constructor(order: CausalOrder) {
    this.#order = order;
    for (const operation of order.sorted) {
      if (operation.op === "get") continue;
      const lines = this.#byKey.get(operation.key) ?? new Map<number, WrittenLine>();
      this.#byKey.set(operation.key, lines);
      const { line, number } = order.placeOf(operation);
      const known = lines.get(line) ?? { line, writes: [], numbers: [] };
      lines.set(line, known);
      known.writes.push(operation);
      known.numbers.push(number);
    }
  }

  /** Of each line the last write of the operation's key in its past, but for those also in the past of `other`, where it is given. */
  lastBefore(operation: Operation, other?: Operation): Operation[] {
    const reach = this.#order.reachOf(operation);
    const otherReach = other && this.#order.reachOf(other);
    const lasts: Operation[] = [];
    for (const { line, writes, numbers } of this.#linesOf(operation)) {
      const number = reach(line);
      const known = otherReach ? otherReach(line) : 0;
      if (number <= known || number < numbers[0]!) continue;
      const index = countUpTo(numbers, number) - 1;
      if (numbers[index]! > known) lasts.push(writes[index]!);
    }
    return lasts;
  }

  /** All writes of the operation's key in its past, but for those also in the past of `other`, where it is given. */
  *allBefore(operation: Operation, other?: Operation): Generator<Operation> {
    const reach = this.#order.reachOf(operation);
    const otherReach = other && this.#order.reachOf(other);
    for (const { line, writes, numbers } of this.#linesOf(operation)) {
      const end = countUpTo(numbers, reach(line));
      for (let index = otherReach ? countUpTo(numbers, otherReach(line)) : 0; index < end; index++) {
        yield writes[index]!;
      }
    }
  }

  #linesOf({ key }: Operation): Iterable<WrittenLine> {
    return this.#byKey.get(key)?.values() ?? [];
  }
}

/** How many of these numbers, which grow, are not above one. */
function countUpTo(numbers: readonly number[], number: number): number {
  let [first, end] = [0, numbers.length];
  while (first < end) {
    const middle = (first + end) >>> 1;
    if (numbers[middle]! <= number) first = middle + 1;
    else end = middle;
  }
  return first;
}
