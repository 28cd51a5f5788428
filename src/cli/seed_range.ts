/** `FIRST..LAST` in place of one seed: many simulated runs, a line each, so that two machines or versions can be compared. @module */
import { simulate } from "../sim/simulation.ts";
import { UsageError } from "./arguments.ts";
import { printable } from "./output.ts";

/** Seeds from `first` to `last`, both among them. */
export interface SeedRange {
  readonly first: number;
  readonly last: number;
}

/** The range that a word names; undefined where it has not that form. Throws `UsageError` where there is no seed in it. */
export function parseSeedRange(word: string): SeedRange | undefined {
  const [, first, last] = /^(\d{1,15})\.\.(\d{1,15})$/.exec(word) ?? [];
  if (first === undefined || last === undefined) return undefined;
  const range = { first: Number(first), last: Number(last) };
  if (range.first <= range.last) return range;
  throw new UsageError(`a range of seeds begins with the smaller one: ${last}..${first}, not ${word}`);
}

/**
 * Runs each seed and prints `SEED HEX`, where HEX names its trace; what a judge objects to is a note. Returns the exit code:
 * 1 when a judge objected.
 */
export async function runSeeds(
  { first, last }: SeedRange,
  output: { line(text: string): void; note(text: string): void },
): Promise<number> {
  let exitCode = 0;
  for (let seed = first; seed <= last; seed++) {
    const { trace, findings } = await simulate(seed);
    output.line(`${seed} ${trace}`);
    for (const { judge, sentence } of findings) {
      output.note(`seed ${seed}: violated (${judge}): ${printable(sentence)}`);
      exitCode = 1;
    }
  }
  return exitCode;
}
