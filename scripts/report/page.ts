/** A report as a page in Markdown. The same data give the same page. @module */
import { plural } from "./plural.ts";
import { markLines } from "./mark_section.ts";
import { describeGuards } from "./hazard.ts";
import { omissionsOf, problemsOf, type ReportData } from "./report_data.ts";
import { simulationLines } from "./simulation_section.ts";
import { table } from "./markdown_table.ts";
import { testLines } from "./test_section.ts";

/** The whole page. */
export function renderReport(data: ReportData): string {
  const lines = [
    "# What the tests said",
    "",
    ...verdictLines(data),
    "",
    ...surroundingLines(data),
    ...testLines(data),
    ...simulationLines(data.soak.value),
    ...markLines(data.soak.value),
    ...plantedLines(data),
    ...hazardLines(data),
    ...restLines(data),
  ];
  return lines.join("\n") + "\n";
}

/** The first thing that a reader sees: green or red, and whether it is whole. */
function verdictLines(data: ReportData): string[] {
  const problems = problemsOf(data);
  const omissions = omissionsOf(data);
  const tests = data.tests.value.filter(({ outcome }) => outcome === "passed").length;
  const caught = data.planted === undefined
    ? ""
    : `, and all ${plural(data.planted.value.length, "planted bug")} were caught`;
  return [
    ...(problems.length > 0 ? [`**RED.** ${problems.join("; ")}.`] : [
      `**All is well.** ${plural(tests, "test")} passed, no judge objects to ` +
      `${plural(data.soak.value.runCount, "simulated run")}${caught}.`,
    ]),
    ...(omissions.length > 0 ? ["", `**Not a whole report:** ${omissions.join("; ")}.`] : []),
  ];
}

function surroundingLines({ surroundings }: ReportData): string[] {
  const { madeAt, commit, quartet, deno, v8, typescript, system, cpuCount, cpu } = surroundings;
  return [
    "`deno task report` wrote this page. It tells of the commit below, and of no later one; `+` after it: files differed from it.",
    "",
    ...table(["", ""], [
      ["commit", `\`${commit}\``],
      ["made", madeAt],
      ["quartet", quartet],
      ["Deno", `${deno}, V8 ${v8}, TypeScript ${typescript}`],
      ["system", system],
      ["processors", `${cpuCount} × ${cpu}`],
    ]),
  ];
}

function plantedLines({ planted }: ReportData): string[] {
  return [
    "",
    "## Planted bugs",
    "",
    "Mistakes that somebody could make, made on purpose, one at a time. Each must be noticed within 200 seeds, from each of three starts.",
    "",
    ...(planted === undefined ? ["Not looked for in this report."] : table(
      ["bug", "judges", "seeds until caught, median", "from each start"],
      planted.value.map(({ bug, judges, median, counts }) => [
        `\`${bug}\``,
        judges.join(", "),
        median === null ? "**ESCAPED**" : String(median),
        counts.map((count) => count ?? "**ESCAPED**").join(", "),
      ]),
    )),
  ];
}

function hazardLines({ hazards }: ReportData): string[] {
  return [
    "",
    "## Hazards",
    "",
    "Executions that break a naive build, and the tests that hold them (the table in `src/README.md`). Numbers that are " +
    "missing belong to what is not built yet.",
    "",
    ...table(
      ["hazard", "what goes wrong", "tests", "result"],
      hazards.map(({ number, goesWrong, guards }) => [
        number,
        goesWrong,
        guards.map(({ file, results }) => `${results.length} in \`${file.replace(/^tests\//, "")}\``).join(
          ", ",
        ),
        describeGuards(guards),
      ]),
    ),
  ];
}

function restLines({ bugCount }: ReportData): string[] {
  return [
    "",
    "## Bugs found so far",
    "",
    `${
      plural(bugCount, "bug")
    }: the table in [README.md](README.md) has the symptom, the cause, who found it and the test that guards it.`,
    "",
    "## What this page does not tell",
    "",
    "What runs apart, longer or elsewhere: `deno task fuzz` (attacks on a local cluster), `deno task bench` (speed), the long " +
    "runs on real processes that README.md names, and the cluster tests on the compiled binary.",
  ];
}
