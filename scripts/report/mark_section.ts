/** The part of a report on marks: the rare branches that simulated runs came to. @module */
import type { SoakSummary } from "../soak/soak_tally.ts";
import { plainText, table } from "./markdown_table.ts";
import { grouped } from "./plural.ts";

/** Its lines. */
export function markLines({ marks, runCount }: Pick<SoakSummary, "marks" | "runCount">): string[] {
  const counts = Object.entries(marks).sort(([a], [b]) => a < b ? -1 : 1);
  const missed = counts.filter(([, count]) => count === 0);
  return [
    "",
    "## Marks",
    "",
    "Names of branches that only faults lead to (`mark(…)` in the sources), and how many of the simulated runs came there. " +
    `${grouped(counts.length - missed.length)} of ${grouped(counts.length)} were reached.`,
    "",
    ...(missed.length === 0
      ? ["None was missed."]
      : ["Never reached:", "", ...missed.map(([name]) => `- ${plainText(name)}`)]),
    "",
    "<details><summary>All marks</summary>",
    "",
    ...table(
      ["mark", `runs, of ${grouped(runCount)}`],
      counts.map(([name, count]) => [plainText(name), grouped(count)]),
    ),
    "",
    "</details>",
  ];
}
