/** All marks that the sources name, and which of them a soak has not reached. @module */
import { ROOT } from "../repository.ts";
import { markNames } from "../tidy/mark_rules.ts";
import { readSources } from "../tidy/source_files.ts";
import { SourceText } from "../tidy/source_text.ts";

/** The names of all marks in `src/`, sorted. */
export async function listMarks(): Promise<string[]> {
  const files = await readSources(ROOT, ["src"]);
  return markNames(files.map(({ path, text }) => new SourceText(path, text)));
}

/** Lines for a person: how many marks were reached, then each that never was. `runCounts`: runs that reached it, by name. */
export function describeMarks(runCounts: Readonly<Record<string, number>>): string[] {
  const names = Object.keys(runCounts);
  const missed = names.filter((name) => runCounts[name] === 0);
  return [
    `marks: ${names.length - missed.length} of ${names.length} reached`,
    ...missed.map((name) => `  never: ${name}`),
  ];
}
