/** The hazards of `src/README.md`, and what became of the tests that hold them. @module */
import { basename, dirname, join } from "@std/path";
import type { TestResult } from "./test_results.ts";

/** One row of that table. */
export interface Hazard {
  /** Such as `H7`. */
  readonly number: string;
  readonly goesWrong: string;
  /** Files from the top of the repository, with `/`: tests, or what tests read. */
  readonly files: readonly string[];
}

/** The tests of one file that hold a hazard. */
export interface Guard {
  readonly file: string;
  readonly results: readonly TestResult[];
}

/** The rows of the table of hazards in a page that lies in `src/`. */
export function parseHazards(page: string): Hazard[] {
  return [...page.matchAll(/^\| (H\d+) \| ([^|]*) \| ([^|]*) \|$/gm)].map(([, number, goesWrong, tests]) => ({
    number: number!,
    goesWrong: goesWrong!.trim(),
    files: [...tests!.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => join("src", link!).replaceAll("\\", "/")),
  }));
}

/**
 * Who holds a hazard: in each file the tests that name it, or else all. A file that is no test counts through the tests
 * beside it, or above it, that name the file. `testFiles` is path to text.
 */
export function guardsOf(
  { number, files }: Hazard,
  results: readonly TestResult[],
  testFiles: ReadonlyMap<string, string>,
): Guard[] {
  const named = new RegExp(`\\b${number}\\b`);
  return [...new Set(files.flatMap((file) => testsOver(file, testFiles)))].map((file) => {
    const inFile = results.filter((result) => result.file === file);
    const naming = inFile.filter(({ name }) => named.test(name));
    return { file, results: naming.length > 0 ? naming : inFile };
  });
}

function testsOver(file: string, testFiles: ReadonlyMap<string, string>): string[] {
  if (testFiles.has(file)) return [file];
  const folder = dirname(file).replace(/\/testdata$/, "");
  const stem = basename(file).replace(/\.[a-z]+$/, "");
  return [...testFiles].filter(([path, text]) => dirname(path) === folder && text.includes(stem))
    .map(([path]) => path);
}

/** What became of them, in a word or two. */
export function describeGuards(guards: readonly Guard[]): string {
  const results = guards.flatMap((guard) => guard.results);
  const count = (outcome: TestResult["outcome"]): number =>
    results.filter((result) => result.outcome === outcome).length;
  if (count("failed") > 0) return `**${count("failed")} FAILED**`;
  if (count("passed") === 0) return "not run";
  const parts = [count("ignored") > 0 ? `${count("ignored")} ignored` : "", unrun(guards)];
  return ["held", ...parts.filter((part) => part !== "")].join(", ");
}

/** Whether none of them ran to an end. */
export function isUnguarded(guards: readonly Guard[]): boolean {
  return guards.every(({ results }) => results.every(({ outcome }) => outcome === "ignored"));
}

function unrun(guards: readonly Guard[]): string {
  const count = guards.filter(({ results }) => results.length === 0).length;
  return count > 0 ? `${count} of ${guards.length} files not run` : "";
}
