/**
 * `deno task test [FILTER…] [-- DENO_TEST_FLAG…]`: runs the tests. A filter is a path, a part of a test file's path, or
 * else a part of a test's name. Types are the business of `deno task ok`.
 * @module
 */
import { join, relative } from "@std/path";
import { print, printError } from "./print.ts";
import { ROOT, runDeno } from "./repository.ts";

/** What `deno test` is asked for a list of filters. */
export interface Selection {
  readonly paths: readonly string[];
  /** Part of a test's name. */
  readonly name?: string;
}

/** Splits filters into test files and a name; `testFiles` are paths from the top of the repository. */
export function pickTests(filters: readonly string[], testFiles: readonly string[]): Selection {
  const paths: string[] = [];
  const names: string[] = [];
  for (const filter of filters) {
    const wanted = filter.replace(/^\.\//, "");
    const found = testFiles.filter((file) => file.includes(wanted));
    if (found.length > 0) paths.push(...found);
    else names.push(filter);
  }
  if (names.length > 1) {
    throw new TypeError(`"${names.join('", "')}" match no test file; a test's name is one filter: quote it`);
  }
  return {
    paths: paths.length > 0 ? [...new Set(paths)] : ["tests"],
    ...(names.length > 0 ? { name: names[0]! } : {}),
  };
}

/** The test files below a directory, from the top of the repository, with `/`. */
export async function* testFilesIn(directory: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory) yield* testFilesIn(path);
    else if (entry.name.endsWith("_test.ts")) yield relative(ROOT, path).replaceAll("\\", "/");
  }
}

const HELP = `deno task test [FILTER…] [-- DENO_TEST_FLAG…]: runs the tests, all or those that match

A filter is a path, a part of a test file's path, or else a part of a test's name.

  deno task test
  deno task test tests/cli outage
  deno task test "a receipt is one line"
  deno task test hints -- --fail-fast`;

if (import.meta.main) {
  if (["--help", "-h"].includes(Deno.args[0] ?? "")) {
    print(HELP);
    Deno.exit(0);
  }
  const end = Deno.args.indexOf("--");
  const words = end < 0 ? Deno.args : Deno.args.slice(0, end);
  const flags = [
    ...words.filter((word) => word.startsWith("-")),
    ...(end < 0 ? [] : Deno.args.slice(end + 1)),
  ];
  try {
    const filters = words.filter((word) => !word.startsWith("-"));
    const { paths, name } = pickTests(filters, await Array.fromAsync(testFilesIn(join(ROOT, "tests"))));
    Deno.exitCode = await runDeno([
      "test",
      "-A",
      "--parallel",
      "--no-check",
      "--sanitize-ops",
      "--sanitize-resources",
      ...flags,
      ...(name === undefined ? [] : ["--filter", name]),
      ...paths,
    ]);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    printError(error.message);
    Deno.exitCode = 2;
  }
}
