/** `deno task tidy`: the structure of the code base as rules that run. The tests run them too. @module */
import { fromFileUrl } from "@std/path";
import { print, printError } from "./print.ts";
import { checkFile, checkTopLevel } from "./tidy/file_rules.ts";
import { checkImports, type ImportTable, matches } from "./tidy/import_rules.ts";
import { answerWords } from "./task_help.ts";
import { checkMarks } from "./tidy/mark_rules.ts";
import { describeProblem, type Problem } from "./tidy/problem.ts";
import { readSources } from "./tidy/source_files.ts";
import { SourceText } from "./tidy/source_text.ts";
import { checkNames, checkWordsBelowTheEdge } from "./tidy/word_rules.ts";

/** What each folder of `src/` may import besides itself. A row for one file adds to its folder's row. */
const IMPORTS: ImportTable = {
  base: [],
  ports: ["base"],
  versions: ["base"],
  membership: ["base"],
  consensus: ["base"],
  checker: ["base"],
  protocol: ["base", "versions"],
  storage: ["base", "ports"],
  replication: ["base", "versions", "protocol", "membership"],
  replica: ["base", "ports", "versions", "protocol", "membership", "consensus", "replication"],
  "replica/runner.ts": ["storage"],
  transport: ["base", "versions", "protocol", "replica", "*/messages.ts"],
  client: ["base", "protocol"],
  "client/connection.ts": ["transport"],
  // Why storage, versions and messages: the simulator runs the real engine and looks at what it holds.
  sim: [
    "base",
    "ports",
    "versions",
    "membership/partitioner.ts",
    "protocol",
    "replica",
    "storage",
    "transport/ndjson.ts",
    "transport/codec.ts",
    "transport/*_codec.ts",
    "client/client.ts",
    "checker",
    "*/messages.ts",
  ],
  // Why http: whoever owns the replica's event loop starts what asks it from within.
  host: ["base", "ports", "versions", "protocol", "replica", "transport", "storage", "http"],
  http: ["base", "ports", "protocol", "replica", "transport"],
  cli: ["*"],
  main: ["cli"],
};

/** Who may touch the real machine and use packages. `sim/settle.ts` needs one turn of the event loop, and no time. */
const EDGES = ["host", "http", "cli", "client/connection.ts", "transport/tcp_transport.ts", "sim/settle.ts"];

/** Every broken rule in these files (paths from the top of the repository, with `/`). */
export function checkTree(files: readonly { readonly path: string; readonly text: string }[]): Problem[] {
  const problems: Problem[] = [];
  const sources = files.map(({ path, text }) => new SourceText(path, text));
  problems.push(...checkMarks(sources.filter(({ path }) => path.startsWith("src/"))));
  for (const file of sources) {
    const { path } = file;
    problems.push(...checkFile(file), ...checkNames(file));
    if (path !== "main.ts" && !path.startsWith("src/")) continue;
    problems.push(...checkImports(file, IMPORTS, EDGES));
    const inside = path.slice("src/".length);
    if (path !== "main.ts" && !EDGES.some((edge) => matches(inside, edge))) {
      problems.push(...checkWordsBelowTheEdge(file));
    }
    const folder = inside.split("/")[0]!;
    if (path !== "main.ts" && inside.includes("/") && !Object.hasOwn(IMPORTS, folder)) {
      problems.push({
        path,
        line: 1,
        rule: `unknown folder ${folder}`,
        wayOut: "give it a row in scripts/tidy.ts",
      });
    }
  }
  return problems;
}

/** Checks the repository at `root`: its source files, and the names at its top that are under version control. */
export async function checkRepository(root: string): Promise<Problem[]> {
  const files = await readSources(root, ["main.ts", "src", "scripts", "tests"]);
  return [...checkTree(files), ...checkTopLevel(await versionedPaths(root))];
}

/** Empty without git: a copy of the sources may lie beside anything. */
async function versionedPaths(root: string): Promise<string[]> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["-C", root, "ls-files"],
      stderr: "null",
    })
      .output();
    return success ? new TextDecoder().decode(stdout).split("\n").filter((path) => path !== "") : [];
  } catch {
    // No git on this machine.
    return [];
  }
}

const HELP = `deno task tidy: checks the structure of the code base

Who may import whom, the words that only the edges may say, the length of files and lines, names, and what lies at
the top. Each broken rule is one line: file, line, rule, way out.`;

if (import.meta.main) {
  const answered = answerWords(Deno.args, HELP);
  if (answered !== undefined) Deno.exit(answered);
  const problems = await checkRepository(fromFileUrl(new URL("..", import.meta.url)));
  for (const problem of problems) printError(describeProblem(problem));
  print(problems.length === 0 ? "tidy: every rule holds" : `tidy: ${problems.length} broken rules`);
  if (problems.length > 0) Deno.exitCode = 1;
}
