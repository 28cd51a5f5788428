/**
 * The search for one order of a key's operations that fits their times and what they returned. `linearizability.ts` says
 * what it is for, and why it is exact.
 * @module
 */
import type { Operation } from "./history.ts";
import { type Content, NOTHING, type RegisterStep, registerSteps } from "./register.ts";

/** Counts down what a search may still cost, so that no history eats the machine. */
export interface Budget {
  steps: number;
}

/** Whether there is such an order. */
export type Linearization =
  | { readonly outcome: "found" | "exhausted" }
  /** From this time on there is none. */
  | { readonly outcome: "none"; readonly atMs: number };

/** Searches. Requires: operations of one key. */
export function linearize(operations: readonly Operation[], budget: Budget): Linearization {
  const search = new Search(registerSteps(operations), budget);
  for (const { step, isEnd, ms } of eventsOf(search.steps)) {
    if (isEnd) search.onEnd(step);
    else search.onBegin(step);
    if (budget.steps < 0) return { outcome: "exhausted" };
    if (search.isStuck) return { outcome: "none", atMs: ms };
  }
  return { outcome: "found" };
}

/** Beginnings and ends by time. What ends when another begins is not before it. */
function eventsOf(
  steps: readonly RegisterStep[],
): readonly { readonly step: RegisterStep; readonly isEnd: boolean; readonly ms: number }[] {
  const begins = steps.map((step) => ({ step, isEnd: false, ms: step.operation.invokedMs }));
  const ends = steps.filter(({ isOptional }) => !isOptional)
    .map((step) => ({ step, isEnd: true, ms: step.operation.endedMs }));
  return [...begins, ...ends].sort((a, b) => a.ms - b.ms || Number(a.isEnd) - Number(b.isEnd));
}

/** A way to have ordered what had to be ordered so far. */
interface Configuration {
  readonly content: Content;
  /** The bits of open steps that have their place already. */
  readonly placed: bigint;
  /** The last step placed is one that only makes sense if somebody finds what it left. */
  readonly owesFinder: boolean;
}

/** How often a content is found and left in all, by whom, and by whom among the open. */
interface Uses {
  /** Steps that must still find it: neither optional nor ended. */
  findersLeft: number;
  finders: bigint;
  /** Steps that may still leave it. */
  writersLeft: number;
  writers: bigint;
  /** Optional steps that would like to find it. */
  optionalFinders: number;
}

class Search {
  readonly steps: readonly RegisterStep[];
  readonly #budget: Budget;
  /** Invariant: every way to order what has ended, and nothing that a later end may still decide. */
  #configurations = new Map<string, Configuration>();
  /** Steps that have begun and not ended, by the number of their bit; optional ones stay. */
  readonly #open: (RegisterStep | undefined)[] = [];
  readonly #bits = new Map<RegisterStep, bigint>();
  readonly #uses = new Map<Content, Uses>();
  /** Open steps that need another content than some: what nobody finds may still help these. */
  #losers = 0n;
  /** When such steps begin that have not begun yet; the next one last. */
  readonly #loserBeginsMs: number[];
  readonly #overwritten: Overwritten;

  constructor(steps: readonly RegisterStep[], budget: Budget) {
    this.steps = steps;
    this.#budget = budget;
    for (const { finds, leaves, isOptional } of steps) {
      if (finds !== undefined) {
        if (isOptional) this.#usesOf(finds).optionalFinders++;
        else this.#usesOf(finds).findersLeft++;
      }
      if (leaves !== undefined) this.#usesOf(leaves).writersLeft++;
    }
    this.#overwritten = new Overwritten(steps);
    this.#loserBeginsMs = steps.filter(({ findsOtherThan }) => findsOtherThan !== undefined)
      .map(({ operation }) => operation.invokedMs).sort((a, b) => b - a);
    this.#keep(this.#configurations, { content: NOTHING, placed: 0n, owesFinder: false });
  }

  /** Nothing fits any more. */
  get isStuck(): boolean {
    return this.#configurations.size === 0;
  }

  onBegin(step: RegisterStep): void {
    let index = this.#open.indexOf(undefined);
    if (index < 0) index = this.#open.length;
    this.#open[index] = step;
    const bit = 1n << BigInt(index);
    this.#bits.set(step, bit);
    if (step.finds !== undefined && !step.isOptional) this.#usesOf(step.finds).finders |= bit;
    if (step.leaves !== undefined) return void (this.#usesOf(step.leaves).writers |= bit);
    if (step.findsOtherThan !== undefined) {
      this.#losers |= bit;
      this.#loserBeginsMs.pop();
    }
    const next = new Map<string, Configuration>();
    for (const configuration of this.#configurations.values()) {
      const { content, placed } = configuration;
      const fits = mayFollow(step, content);
      this.#keep(next, fits ? { ...configuration, placed: placed | bit } : configuration);
    }
    this.#configurations = next;
  }

  /** Everything that ends has its place by now. */
  onEnd(step: RegisterStep): void {
    const bit = this.#bits.get(step)!;
    const next = new Map<string, Configuration>();
    const seen = new Set<string>();
    for (const configuration of this.#configurations.values()) {
      if ((configuration.placed & bit) !== 0n) this.#keep(next, without(configuration, bit));
      else this.#place(configuration, step, { bit, next, seen });
      if (this.#budget.steps < 0) return;
    }
    this.#configurations = next;
    this.#close(step, bit);
  }

  /** Finds every way to place open steps after `from` such that `step` has its place at last. */
  #place(
    from: Configuration,
    step: RegisterStep,
    { bit, next, seen }: { bit: bigint; next: Map<string, Configuration>; seen: Set<string> },
  ): void {
    const stack = [from];
    for (let current = stack.pop(); current; current = stack.pop()) {
      for (const candidate of this.#open) {
        if (!candidate || candidate.leaves === undefined) continue;
        if (--this.#budget.steps < 0) return;
        const after = this.#after(current, candidate, candidate === step);
        if (!after) continue;
        if ((after.placed & bit) !== 0n) this.#keep(next, without(after, bit));
        else if (this.#keep(seen, after)) stack.push(after);
      }
    }
  }

  /** What comes of placing a write next; undefined where it cannot be, or cannot help. */
  #after(current: Configuration, step: RegisterStep, isDue: boolean): Configuration | undefined {
    const bit = this.#bits.get(step)!;
    const { content, placed, owesFinder } = current;
    if ((placed & bit) !== 0n || !mayFollow(step, content)) return undefined;
    if (owesFinder && step.finds === undefined) return undefined;
    const leaves = step.leaves!;
    // Why: what nobody will find can wait for its own end, or slip in before another write. A compare-and-set cannot:
    // what it finds may be gone by then.
    const canWait = step.finds === undefined || step.isOptional;
    if (!isDue && canWait && this.#isUseless(step, placed)) return undefined;
    let now = placed | bit;
    if (step.finds === undefined) now |= this.#useless(placed);
    if (leaves !== content && this.#isMissed(content, now)) return undefined;
    const found = this.#finders(leaves, now);
    return { content: leaves, placed: now | found, owesFinder: step.isOptional && found === 0n };
  }

  /** Open steps that change nothing, and fit now: to place them at once is never wrong. */
  #finders(content: Content, placed: bigint): bigint {
    let bits = 0n;
    for (const step of this.#open) {
      if (!step || step.leaves !== undefined || !mayFollow(step, content)) continue;
      bits |= this.#bits.get(step)!;
    }
    return bits & ~placed;
  }

  /** Open writes, not optional, of what nobody will find: before an unconditional write they do not show. */
  #useless(placed: bigint): bigint {
    let bits = 0n;
    for (const step of this.#open) {
      if (!step || step.isOptional || step.leaves === undefined || step.finds !== undefined) continue;
      if (this.#isUseless(step, placed)) bits |= this.#bits.get(step)!;
    }
    return bits;
  }

  /** Whether nobody will find what this write leaves, nor need it to find anything else. */
  #isUseless({ leaves, isOptional, operation }: RegisterStep, placed: bigint): boolean {
    const uses = this.#usesOf(leaves!);
    if (uses.optionalFinders > 0 || uses.findersLeft > countBits(placed & uses.finders)) return false;
    if ((this.#losers & ~placed) !== 0n) return false;
    // A loser that begins later may still meet what this write leaves; an optional write can wait for it.
    const nextLoserMs = this.#loserBeginsMs.at(-1) ?? Infinity;
    return isOptional || nextLoserMs > this.#overwritten.afterMs(operation.endedMs);
  }

  /** Whether somebody must still find this content, and nobody is left to write it. */
  #isMissed(content: Content, placed: bigint): boolean {
    const uses = this.#usesOf(content);
    return uses.findersLeft > countBits(placed & uses.finders) &&
      uses.writersLeft === countBits(placed & uses.writers);
  }

  #close(step: RegisterStep, bit: bigint): void {
    const { finds, findsOtherThan, leaves } = step;
    this.#open[this.#open.indexOf(step)] = undefined;
    if (findsOtherThan !== undefined) this.#losers &= ~bit;
    if (finds !== undefined) {
      const uses = this.#usesOf(finds);
      uses.findersLeft--;
      uses.finders &= ~bit;
    }
    if (leaves !== undefined) {
      const uses = this.#usesOf(leaves);
      uses.writersLeft--;
      uses.writers &= ~bit;
    }
  }

  #usesOf(content: Content): Uses {
    const known = this.#uses.get(content);
    if (known) return known;
    const uses = { findersLeft: 0, finders: 0n, writersLeft: 0, writers: 0n, optionalFinders: 0 };
    this.#uses.set(content, uses);
    return uses;
  }

  /** Adds what is not there yet; whether it was not. */
  #keep(known: Map<string, Configuration> | Set<string>, configuration: Configuration): boolean {
    const { content, placed, owesFinder } = configuration;
    const name = `${content} ${placed.toString(36)} ${owesFinder}`;
    if (known.has(name)) return false;
    if (known instanceof Set) known.add(name);
    else known.set(name, configuration);
    return true;
  }
}

/** By when at the latest what was there at some time has been written over. */
class Overwritten {
  /** Writes that did happen, by their beginning. */
  readonly #writes: readonly RegisterStep[];
  /** For each of them the earliest end among it and those after it. */
  readonly #endsMs: readonly number[];

  constructor(steps: readonly RegisterStep[]) {
    this.#writes = steps.filter(({ leaves, isOptional }) => leaves !== undefined && !isOptional)
      .sort((a, b) => a.operation.invokedMs - b.operation.invokedMs);
    const endsMs = this.#writes.map(({ operation }) => operation.endedMs);
    for (let index = endsMs.length - 2; index >= 0; index--) {
      endsMs[index] = Math.min(endsMs[index]!, endsMs[index + 1]!);
    }
    this.#endsMs = endsMs;
  }

  /** When the first write has ended that began after `ms`; Infinity if there is none. */
  afterMs(ms: number): number {
    let [first, end] = [0, this.#writes.length];
    while (first < end) {
      const middle = (first + end) >>> 1;
      if (this.#writes[middle]!.operation.invokedMs > ms) end = middle;
      else first = middle + 1;
    }
    return this.#endsMs[first] ?? Infinity;
  }
}

function mayFollow({ finds, findsOtherThan }: RegisterStep, content: Content): boolean {
  return (finds === undefined || finds === content) &&
    (findsOtherThan === undefined || findsOtherThan !== content);
}

function without(configuration: Configuration, bit: bigint): Configuration {
  return { ...configuration, placed: configuration.placed & ~bit };
}

function countBits(bits: bigint): number {
  let count = 0;
  for (let rest = bits; rest !== 0n; rest &= rest - 1n) count++;
  return count;
}
