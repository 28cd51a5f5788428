/** `deno task report`: runs the tests, simulated clusters and planted bugs, and writes the page that remains of it. @module */
import { join, resolve } from "@std/path";
import { UsageError } from "../src/cli/arguments.ts";
import { EXIT_USAGE } from "../src/cli/top_command.ts";
import { print, printError } from "./print.ts";
import { InterruptedError, runPlanted, runSoak, runTests } from "./report/children.ts";
import { guardsOf, parseHazards } from "./report/hazard.ts";
import { parseReportOptions, reportHelp, type ReportOptions } from "./report/options.ts";
import { renderReport } from "./report/page.ts";
import { problemsOf, type ReportData } from "./report/report_data.ts";
import { lookAround } from "./report/surroundings.ts";
import { testKindOf } from "./report/test_kind.ts";
import { atHome } from "./report/test_results.ts";
import { ROOT } from "./repository.ts";
import { testFilesIn } from "./test.ts";

/** Runs everything, a line before each part. */
async function collect({ seeds, isPlanted, filter, output }: ReportOptions): Promise<ReportData> {
  // First, so that the page names what was there when its tests began.
  const surroundings = await lookAround(output);
  const stepCount = isPlanted ? 3 : 2;
  print(`report 1/${stepCount}  tests`);
  const beganMs = performance.now();
  const tests = await runTests(filter);
  const testSeconds = (performance.now() - beganMs) / 1000;
  print(`report 2/${stepCount}  ${seeds} simulated clusters`);
  const soak = await runSoak(seeds);
  if (isPlanted) print(`report 3/${stepCount}  planted bugs`);
  const planted = isPlanted ? await runPlanted() : undefined;
  const read = (path: string): Promise<string> => Deno.readTextFile(join(ROOT, path));
  const paths = (await Array.fromAsync(testFilesIn(join(ROOT, "tests")))).sort();
  const texts = new Map(
    await Promise.all(paths.map(async (path): Promise<[string, string]> => [path, await read(path)])),
  );
  const results = atHome(tests.value, texts);
  return {
    surroundings,
    filter,
    tests: {
      ...tests,
      value: results.map((result) => ({
        ...result,
        kind: testKindOf(result.file, texts.get(result.file) ?? ""),
      })),
    },
    testSeconds,
    soak,
    planted,
    hazards: parseHazards(await read("src/README.md")).map((hazard) => ({
      ...hazard,
      guards: guardsOf(hazard, results, texts),
    })),
    bugCount: countRows(await read("tests/README.md"), "## Bugs found so far"),
  };
}

/** Rows of the first table under a heading. */
function countRows(page: string, heading: string): number {
  const rows = page.slice(page.indexOf(heading)).split("\n\n")[1]?.split("\n") ?? [];
  return Math.max(0, rows.length - 2);
}

if (import.meta.main) {
  try {
    const options = parseReportOptions(Deno.args);
    if (options.isHelp) {
      print(reportHelp());
      Deno.exit(0);
    }
    const data = await collect(options);
    await Deno.writeTextFile(resolve(ROOT, options.output), renderReport(data));
    const problems = problemsOf(data);
    for (const problem of problems) printError(`RED: ${problem}`);
    print(`${problems.length === 0 ? "all is well" : "red"}: ${options.output}`);
    if (problems.length > 0) Deno.exitCode = 1;
  } catch (error) {
    if (error instanceof InterruptedError) {
      printError(error.message);
      Deno.exit(error.exitCode);
    }
    if (!(error instanceof UsageError)) throw error;
    printError(`${error.message}\nMore: deno task report --help`);
    Deno.exitCode = EXIT_USAGE;
  }
}
