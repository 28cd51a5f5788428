/** Rules about files as such: their names, their first words, their length, their place. @module */
import type { Problem } from "./problem.ts";
import type { SourceText } from "./source_text.ts";

const LINES_MAX = 500;

/** Names that say nothing. */
const EMPTY_NAMES = new Set(["util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"]);
const BARRELS = new Set(["index.ts", "mod.ts"]);

/** What may stand at the top of the repository, besides dot files. */
export const TOP_LEVEL = [
  "deno.json",
  "deno.lock",
  "main.ts",
  "src",
  "tests",
  "scripts",
  "cluster.toml",
  "README.md",
  "LICENSE",
];

/** What is wrong with a file's name, head or length. */
export function checkFile(file: SourceText): Problem[] {
  const problems: Problem[] = [];
  const report = (line: number, rule: string, wayOut: string): void =>
    void problems.push({ path: file.path, line, rule, wayOut });
  const segments = file.path.split("/");
  const name = segments.at(-1)!;
  if (BARRELS.has(name)) report(1, `${name} is a barrel`, "import the file that owns the noun");
  for (const segment of segments) {
    const empty = segment.replace(/(\.d)?\.ts$/, "").split("_").find((part) => EMPTY_NAMES.has(part));
    if (empty) report(1, `"${empty}" in a name says nothing`, "name the noun that the file owns");
  }
  if (!/^[a-z0-9_.]+$/.test(name)) report(1, `${name} is not snake_case`, "lower case, digits and _");
  const isTest = file.path.startsWith("tests/");
  if (!isTest && !name.endsWith(".d.ts") && !/^\/\*\*(?:[^*]|\*(?!\/))*@module/.test(file.text)) {
    report(1, "does not open with a /** … @module */ comment", "say in a sentence what this noun is");
  }
  const lineCount = file.lineCount();
  if (lineCount > LINES_MAX) {
    report(LINES_MAX + 1, `${lineCount} lines, at most ${LINES_MAX}`, "two nouns are two files");
  }
  return problems;
}

/** Entries at the top of the repository that do not belong there. `paths` are all files under version control. */
export function checkTopLevel(paths: readonly string[]): Problem[] {
  const entries = new Set(paths.map((path) => path.split("/")[0]!));
  return [...entries].filter((entry) => !entry.startsWith(".") && !TOP_LEVEL.includes(entry)).map((
    entry,
  ) => ({
    path: entry,
    line: 1,
    rule: "does not belong at the top level",
    wayOut: `only ${TOP_LEVEL.join(", ")} and dot files stand there`,
  }));
}
