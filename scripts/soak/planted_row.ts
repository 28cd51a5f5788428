/** What a soak tells of one planted bug. @module */
import type { PlantedBug } from "../../src/base/planted_bug.ts";
import { firstNoticed } from "../../src/sim/planted.ts";

/** How soon a planted bug was noticed, and by whom. */
export interface PlantedRow {
  readonly bug: PlantedBug;
  /** Seeds until it was noticed, for each start; null: not within `PLANTED_SEEDS_MAX`. */
  readonly counts: readonly (number | null)[];
  /** Of these; null where it escaped from most starts. */
  readonly median: number | null;
  readonly judges: readonly string[];
}

/** Plants a bug, and runs seeds from each start until a judge notices. */
export async function lookForPlanted(bug: PlantedBug, starts: readonly number[]): Promise<PlantedRow> {
  const counts: number[] = [];
  const judges = new Set<string>();
  for (const start of starts) {
    const found = await firstNoticed(bug, start);
    counts.push(found ? found.scenario.seed - start + 1 : Infinity);
    for (const { judge } of found?.findings ?? []) judges.add(judge);
  }
  const median = counts.toSorted((a, b) => a - b)[Math.floor(counts.length / 2)]!;
  const finite = (count: number): number | null => count === Infinity ? null : count;
  return { bug, counts: counts.map(finite), median: finite(median), judges: [...judges] };
}

/** Whether a bug was missed from one of its starts. */
export function hasEscaped({ counts }: PlantedRow): boolean {
  return counts.includes(null);
}
