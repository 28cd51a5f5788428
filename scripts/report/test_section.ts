/** The part of a report on the tests that ran. @module */
import { plainText, table } from "./markdown_table.ts";
import { grouped, plural } from "./plural.ts";
import type { KindResult, ReportData } from "./report_data.ts";
import { TEST_KINDS } from "./test_kind.ts";
import { plainName, type TestResult, whyIgnored } from "./test_results.ts";

/** Its lines. */
export function testLines({ tests: { value: results }, testSeconds }: ReportData): string[] {
  const failed = results.filter(({ outcome }) => outcome === "failed");
  const ignored = results.filter(({ outcome }) => outcome === "ignored");
  return [
    "",
    "## Tests",
    "",
    `${plural(results.length, "test")} in ${
      testSeconds.toFixed(0)
    } s. What the kinds are: [README.md](README.md).`,
    "",
    ...table(["kind", "files", "passed", "failed", "ignored"], [
      ...TEST_KINDS.map((kind) => row(kind, results.filter((result) => result.kind === kind))),
      row("all", results),
    ]),
    ...(failed.length === 0
      ? []
      : ["", "Failed:", "", ...failed.map((result) => `- **FAILED** ${line(result)}`)]),
    "",
    ...(ignored.length === 0 ? ["None was ignored."] : [
      "Ignored:",
      "",
      ...ignored.map((result) =>
        `- ${line(result)}: ${plainText(whyIgnored(result) ?? "it does not say why")}`
      ),
    ]),
  ];
}

function line(result: TestResult): string {
  return `${plainText(plainName(result))} (\`${result.file}\`)`;
}

function row(kind: string, results: readonly KindResult[]): string[] {
  const count = (wanted: TestResult["outcome"]): string =>
    grouped(results.filter(({ outcome }) => outcome === wanted).length);
  const files = new Set(results.map(({ file }) => file));
  return [kind, grouped(files.size), count("passed"), count("failed"), count("ignored")];
}
