/**
 * The causal order of a history: what a session did before, and what was read, with what came before that. Knows the links
 * (from an operation to those just before it), and for each operation its past, as one number for each line: how far along it.
 *
 * A line is what one client of a session did. A write that nobody knows to have happened lies on none: nobody's later operations
 * follow from it, only those that read it. Such writes share lines of their own, as far as they follow from each other.
 * @module
 */
import type { Operation } from "./history.ts";
import { type Links, pathBack, shortestCircle, sortedBy } from "./links.ts";
import { sessionOf } from "./sessions.ts";
import type { Touches } from "./touches.ts";

/** Numbers in all pasts together: four bytes each. */
const NUMBERS_MAX = 100_000_000;

/** Where an operation stands: its line, and its number on it, from 1 on. */
interface Place {
  readonly line: number;
  readonly number: number;
}

/** How far along each line but the operation's own, whose number says it. Lines that are not there are 0. Shared, so never changed. */
type Past = Int32Array;

const NO_PAST: Past = new Int32Array(0);

/** The causal order of operations that did happen. */
export class CausalOrder {
  /** Those just before each: of its session, and what it read. Its keys are all that happened, by their beginnings. */
  readonly before: Links;
  /** All, each after its past; those on circles, or behind one, are left out. */
  readonly sorted: readonly Operation[];
  /** Whether there were too many to know their pasts: then `precedes` must not be asked. */
  readonly isTooLong: boolean;
  readonly #places = new Map<Operation, Place>();
  readonly #pasts = new Map<Operation, Past>();
  #lineCount = 0;

  constructor(operations: readonly Operation[], touches: Touches) {
    const before = linksOf(operations, touches);
    this.before = before;
    this.sorted = sortedBy(before);
    this.isTooLong = !this.#placeAll();
  }

  /** Operations that cause each other, as few as there are: each comes before the next, and the last before the first. */
  circle(): readonly Operation[] | undefined {
    return this.sorted.length === this.before.size ? undefined : shortestCircle(this.before, this.sorted);
  }

  /** Requires: both stand in `sorted`. */
  precedes(earlier: Operation, later: Operation): boolean {
    const { line, number } = this.#places.get(earlier)!;
    return this.reachOf(later)(line) >= number;
  }

  /** Tells of each line the number of the last operation on it that lies in the past of `later`; 0 where none does. */
  reachOf(later: Operation): (line: number) => number {
    const own = this.#places.get(later)!;
    const past = this.#pasts.get(later)!;
    return (line) => line === own.line ? own.number - 1 : past[line] ?? 0;
  }

  /** Requires: it stands in `sorted`. */
  placeOf(operation: Operation): Place {
    return this.#places.get(operation)!;
  }

  /** A shortest way from one operation to another that follows from it, without the two. */
  between(earlier: Operation, later: Operation): readonly Operation[] {
    return pathBack(this.before, later, earlier)?.slice(1, -1).reverse() ?? [];
  }

  #placeAll(): boolean {
    const lines = new Map<string, { readonly line: number; count: number }>();
    /** Of unknown writes: how many each has. */
    const unknownLines = new Map<number, number>();
    let numbersLeft = NUMBERS_MAX;
    for (const operation of this.sorted) {
      const past = this.#pastOf(operation);
      if (past.isNew) numbersLeft -= past.past.length;
      if (numbersLeft < 0) return false;
      this.#pasts.set(operation, past.past);
      if (operation.outcome === "info") {
        const free = [...unknownLines].find(([line, count]) => (past.past[line] ?? 0) >= count);
        const [line, count] = free ?? [this.#lineCount++, 0];
        unknownLines.set(line, count + 1);
        this.#places.set(operation, { line, number: count + 1 });
        continue;
      }
      const name = lineName(operation);
      const known = lines.get(name) ?? { line: this.#lineCount++, count: 0 };
      lines.set(name, known);
      this.#places.set(operation, { line: known.line, number: ++known.count });
    }
    return true;
  }

  #pastOf(operation: Operation): { readonly past: Past; readonly isNew: boolean } {
    const name = operation.outcome === "info" ? undefined : lineName(operation);
    let past = NO_PAST;
    let isOwn = false;
    for (const each of this.before.get(operation)!) {
      const other = this.#pasts.get(each)!;
      const { line, number } = this.#places.get(each)!;
      const isSameLine = each.outcome !== "info" && lineName(each) === name;
      // What the line's last one knew is mostly all that is known now: then both share it.
      if (past.length === 0 && isSameLine) past = other;
      else {
        const least = isSameLine ? undefined : { line, number };
        if (!isOwn && isWithin(other, past) && (!least || (past[line] ?? 0) >= number)) continue;
        const joined = isOwn ? past : new Int32Array(Math.max(past.length, this.#lineCount));
        if (!isOwn) joined.set(past);
        past = joined;
        isOwn = true;
        for (let index = 0; index < other.length; index++) {
          if (other[index]! > past[index]!) past[index] = other[index]!;
        }
        if (least && past[line]! < number) past[line] = number;
      }
    }
    return { past, isNew: isOwn };
  }
}

function isWithin(some: Past, past: Past): boolean {
  if (some === past) return true;
  for (let index = 0; index < some.length; index++) if (some[index]! > (past[index] ?? 0)) return false;
  return true;
}

function lineName(operation: Operation): string {
  return `${operation.client} ${sessionOf(operation)}`;
}

/** Those just before each operation that did happen. */
function linksOf(operations: readonly Operation[], touches: Touches): Map<Operation, readonly Operation[]> {
  const read = new Set<Operation>();
  for (const operation of operations) {
    if (operation.op !== "get" || operation.outcome !== "ok") continue;
    for (const source of touches.of(operation)?.sources ?? []) read.add(source);
  }
  const links = new Map<Operation, readonly Operation[]>();
  /** By session, then by client: what it has done so far, by ends. */
  const sessions = new Map<string, Map<number, Operation[]>>();
  for (const operation of [...operations].sort((a, b) => a.invokedMs - b.invokedMs)) {
    const { client, op, outcome, invokedMs } = operation;
    if (outcome === "fail" || outcome === "info" && (op === "get" || !read.has(operation))) continue;
    const session = sessionOf(operation);
    const lines = sessions.get(session) ?? new Map<number, Operation[]>();
    sessions.set(session, lines);
    const before: Operation[] = [];
    for (const [other, line] of lines) {
      const last = line.findLast(({ endedMs }) => endedMs <= invokedMs);
      // The client's own first: its past is the one to share.
      if (last) other === client ? before.unshift(last) : before.push(last);
    }
    if (op === "get") before.push(...touches.of(operation)?.sources ?? []);
    links.set(operation, before);
    if (outcome === "info") continue;
    const line = lines.get(client);
    if (line) line.push(operation);
    else lines.set(client, [operation]);
  }
  return links;
}
