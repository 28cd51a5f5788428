/**
 * What no causally consistent store shows, as patterns of what was read (Bouajjani, Enea, Guerraoui and Hamza, *On verifying causal
 * consistency*, POPL 2017). The causal order comes of sessions and of what was read, so that no versions are needed: it is enough
 * that it is known which write each get returned. Three patterns break causal consistency itself (CC), and one more its
 * convergent form (CCv), in which everybody agrees on one order of all writes; where there are versions, they are to be that order.
 *
 * | here          | in the paper                       | what it is |
 * | ------------- | ---------------------------------- | ---------- |
 * | `own_cause`   | CyclicCO                           | operations that cause each other |
 * | `missing`     | WriteCOInitRead                    | nothing is found, although a write came before |
 * | `overwritten` | WriteCORead                        | a write is read that another one overwrote before |
 * | `no_order`    | CyclicCF (CCv)                     | what was read puts writes before each other |
 * | `older`       | a part of CyclicCF, by versions    | a write is read, or made, that is lesser than what came before |
 *
 * The fifth, ThinAirRead, is the judge's of values. Where versions stand side by side, a get returns all that nothing replaced:
 * `missing` is one that came before, is not returned, and is replaced by nothing that is, `overwritten` one that is returned with
 * what replaced it; and as nobody has to agree on an order, the convergent pattern says nothing there. A get that said that it may
 * be stale is never the later one of a pattern; what it returned has been read all the same.
 * @module
 */
import { CausalOrder } from "./causal_order.ts";
import type { HistoryVersion, Operation } from "./history.ts";
import { type Links, shortestCircle, sortedBy } from "./links.ts";
import { orderOf, sessionDemands } from "./sessions.ts";
import { isOlder, NOTHING_YET, Touches } from "./touches.ts";
import type { WriteOrder } from "./write_order.ts";
import { WrittenLines } from "./written_lines.ts";

/** One pattern, by the operations that make it. */
export type Pattern =
  & {
    /** All that show it, unless there is a smaller way to. */
    readonly witness: readonly Operation[];
  }
  & (
    /** Each leads to the next, and the last to the first. */
    | { readonly kind: "own_cause"; readonly circle: readonly Operation[] }
    | {
      readonly kind: "missing" | "overwritten" | "older";
      readonly later: Operation;
      readonly earlier: Operation;
    }
    | { readonly kind: "no_order"; readonly steps: readonly Step[] }
  );

/** One step of a circle of writes: the first comes before the second, as it led to it, or as the get shows. */
export interface Step {
  readonly from: Operation;
  readonly to: Operation;
  /** It returned `to`, with `from` in its past. Absent where one led to the other. */
  readonly because?: Operation;
}

/** What was found, and why not more could be looked at. */
export interface Search {
  readonly pattern?: Pattern;
  readonly unknown?: string;
}

/** The first pattern in these operations: those of causal consistency itself before the others. */
export function findPattern(operations: readonly Operation[]): Search {
  const touches = new Touches(operations);
  const order = new CausalOrder(operations, touches);
  const unknown = touches.unknown === undefined ? {} : { unknown: touches.unknown };
  const circle = order.circle();
  if (circle) return { pattern: { kind: "own_cause", circle, witness: circle }, ...unknown };
  if (order.isTooLong) {
    return { unknown: `${operations.length} operations by so many clients have too long a past to look at` };
  }
  const pattern = new PatternSearch(operations, touches, order).first();
  return { ...(pattern ? { pattern } : {}), ...unknown };
}

/** Keys on which some session goes back by what it did itself: that is for the judge of sessions to tell. */
function keysBroken(operations: readonly Operation[], touches: Touches): ReadonlySet<string> {
  const orders = new Map<string, WriteOrder>();
  for (const demand of sessionDemands(operations, touches)) orderOf(orders, demand).demand(demand);
  const broken = [...orders].filter(([, order]) => order.broken.length > 0 || order.shortestCircle());
  return new Set(broken.map(([key]) => key));
}

class PatternSearch {
  readonly #touches: Touches;
  readonly #order: CausalOrder;
  readonly #skipped: ReadonlySet<string>;
  readonly #lines: WrittenLines;
  /** Keys of which several versions may stand side by side. */
  readonly #sideBySide = new Set<string>();
  /** The last get of each line and key of these. */
  readonly #lastGets = new Map<string, Operation>();
  /** What a get shows: what stood in its past comes before what it returned. By what was returned, then by what stood there. */
  readonly #arrows = new Map<Operation, Map<Operation, Operation>>();

  constructor(operations: readonly Operation[], touches: Touches, order: CausalOrder) {
    this.#touches = touches;
    this.#order = order;
    this.#skipped = keysBroken(operations, touches);
    for (const { key, siblings } of operations) {
      if (siblings || touches.descentOf(key).hasContexts) this.#sideBySide.add(key);
    }
    this.#lines = new WrittenLines(order);
  }

  first(): Pattern | undefined {
    let older: Pattern | undefined;
    for (const operation of this.#order.sorted) {
      if (operation.outcome !== "ok" || operation.maybeStale || this.#skipped.has(operation.key)) continue;
      const found = this.#sideBySide.has(operation.key)
        ? this.#missingBeside(operation)
        : this.#patternOf(operation);
      if (found?.kind === "older") older ??= found;
      else if (found) return found;
    }
    return older ?? this.#noOrder();
  }

  #patternOf(operation: Operation): Pattern | undefined {
    const touch = this.#touches.of(operation);
    if (!touch) return this.#missingBefore(operation);
    const [source] = operation.op === "get" ? touch.sources : [];
    // What lies before the source was held against it when that was looked at; but for a write that its client knows nothing of.
    const isSourceUnknown = source?.outcome === "info";
    const lasts = this.#lines.lastBefore(operation, isSourceUnknown ? undefined : source);
    if (isSourceUnknown) lasts.push(...this.#lines.lastBefore(source));
    let older: Pattern | undefined;
    for (const write of lasts) {
      if (write === source) continue;
      if (source && this.#order.precedes(source, write)) {
        const between = this.#order.between(source, write);
        return this.#accuse("overwritten", operation, write, source, ...between);
      }
      const earlier = this.#touches.of(write);
      if (!earlier || earlier.write === touch.write) continue;
      if (isOlder(touch, earlier)) {
        if (touch.write === NOTHING_YET) return this.#accuse("missing", operation, write);
        older ??= this.#accuse("older", operation, write);
      } else if (source && !this.#order.precedes(write, source)) {
        const arrows = this.#arrows.get(source) ?? new Map<Operation, Operation>();
        this.#arrows.set(source, arrows);
        if (!arrows.has(write)) arrows.set(write, operation);
      }
    }
    return older;
  }

  /** A get of nothing may have found any deletion: one that is not overwritten in its past, and not its own effect. */
  #missingBefore(operation: Operation): Pattern | undefined {
    const lasts = this.#lines.lastBefore(operation);
    const write = lasts.find(({ op }) => op !== "delete");
    const { op, value, version } = operation;
    if (!write || op !== "get" || value !== undefined || version) return undefined;
    for (const deletion of this.#touches.maybeDeletedBy(operation)) {
      // Nobody knows whether it happened, so nothing is known to follow from it.
      if (!this.#order.before.has(deletion)) return undefined;
      const isGone = this.#order.precedes(operation, deletion) ||
        lasts.some((last) => last !== deletion && this.#order.precedes(deletion, last));
      if (!isGone) return undefined;
    }
    return this.#accuse("missing", operation, write);
  }

  /**
   * That this covers what the line's get before returned, the judge of sessions has seen; so it covers what that covered. Only
   * what came since is looked at: each write once a line.
   */
  #missingBeside(operation: Operation): Pattern | undefined {
    const touch = operation.op === "get" ? this.#touches.of(operation) : undefined;
    if (!touch || !touch.versions && touch.write !== NOTHING_YET) return undefined;
    const name = JSON.stringify([this.#order.placeOf(operation).line, operation.key]);
    const last = this.#lastGets.get(name);
    this.#lastGets.set(name, operation);
    const due = new Map<HistoryVersion, Operation>();
    for (const write of this.#lines.allBefore(operation, last)) {
      for (const version of this.#touches.of(write)?.versions ?? []) due.set(version, write);
    }
    const found = touch.versions ?? [];
    const replaced = touch.descent.replacedWithin(found);
    if (replaced) {
      const way = touch.descent.explanation(
        [...found].filter((each) => each !== replaced.version),
        replaced.version,
      );
      return this.#accuse("overwritten", operation, replaced.writer, ...way);
    }
    const missing = touch.descent.uncovered(found, [...due.keys()]);
    if (!missing) return undefined;
    return this.#accuse(
      "missing",
      operation,
      due.get(missing)!,
      ...touch.descent.explanation(found, missing),
    );
  }

  #accuse(
    kind: "missing" | "overwritten" | "older",
    later: Operation,
    earlier: Operation,
    ...others: readonly Operation[]
  ): Pattern {
    const witness = [earlier, ...this.#order.between(earlier, later), ...others, later];
    return { kind, later, earlier, witness };
  }

  /** A circle of what led to what, and of what gets show. */
  #noOrder(): Pattern | undefined {
    if (this.#arrows.size === 0) return undefined;
    const links: Links = new Map(
      [...this.#order.before].map(([operation, before]) => [
        operation,
        [...before, ...this.#arrows.get(operation)?.keys() ?? []],
      ]),
    );
    const sorted = sortedBy(links);
    if (sorted.length === links.size) return undefined;
    const circle = shortestCircle(links, sorted);
    const steps = circle.map((from, index): Step => {
      const to = circle[(index + 1) % circle.length]!;
      const because = this.#order.before.get(to)!.includes(from)
        ? undefined
        : this.#arrows.get(to)!.get(from)!;
      return { from, to, ...(because ? { because } : {}) };
    });
    const reasons = steps.flatMap(({ from, because }) =>
      because ? [because, ...this.#order.between(from, because)] : []
    );
    return { kind: "no_order", steps: withoutDetours(steps), witness: [...circle, ...reasons] };
  }
}

/** Steps of which one led to the next are one; begins with one that a get shows. */
function withoutDetours(steps: readonly Step[]): readonly Step[] {
  const begin = steps.findIndex(({ because }) => because);
  const turned = [...steps.slice(begin), ...steps.slice(0, begin)];
  const joined: Step[] = [];
  for (const step of turned) {
    const last = joined.at(-1);
    if (last && !last.because && !step.because) joined[joined.length - 1] = { from: last.from, to: step.to };
    else joined.push(step);
  }
  return joined;
}
