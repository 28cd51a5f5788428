/** Tests of `scripts/report.ts` and `scripts/report/`: the page says what was found, and red where anything is. @module */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { guardsOf, parseHazards } from "../../scripts/report/hazard.ts";
import { parseReportOptions } from "../../scripts/report/options.ts";
import { renderReport } from "../../scripts/report/page.ts";
import { omissionsOf, problemsOf } from "../../scripts/report/report_data.ts";
import { TEST_KINDS, testKindOf } from "../../scripts/report/test_kind.ts";
import {
  atHome,
  parseTestResults,
  plainName,
  type TestResult,
  whyIgnored,
} from "../../scripts/report/test_results.ts";
import { ROOT } from "../../scripts/repository.ts";
import { testFilesIn } from "../../scripts/test.ts";
import { UsageError } from "../../src/cli/arguments.ts";
import { unless } from "../harness/abilities.ts";
import { runCommand } from "../harness/processes.ts";
import { RED, WELL } from "./report_sample.ts";

function golden(name: string): URL {
  return new URL(`testdata/${name}`, import.meta.url);
}

for (const [name, data] of [["report_well.md", WELL], ["report_red.md", RED]] as const) {
  Deno.test(`A report is the page ${name}, and UPDATE=1 writes a new one`, async () => {
    const page = renderReport(data);
    if (Deno.env.get("UPDATE") === "1") await Deno.writeTextFile(golden(name), page);
    assertEquals(page, await Deno.readTextFile(golden(name)));
  });
}

/** What does not depend on what was found: headings, and the first column of the table on the report itself. */
function shapeOf(page: string): string[] {
  return page.split("\n").filter((line) =>
    line.startsWith("#") || /^\| (commit|made|Deno|system|unit|all) \|/.test(line)
  )
    .map((line) => line.startsWith("#") ? line : line.split("|")[1]!.trim());
}

const NEW_SHAPE =
  "the page has a new shape: `deno task report --tests tests/base --seeds 20 --no-planted` makes a small one at " +
  "once, which the whole one replaces";

Deno.test("tests/REPORT.md has the shape that deno task report makes, and names its commit", async () => {
  const page = await Deno.readTextFile(join(ROOT, "tests/REPORT.md"));
  assertEquals(shapeOf(page), shapeOf(renderReport(WELL)), NEW_SHAPE);
  assertMatch(page, /^\| commit \| `[0-9a-f]{7,40}\+?` \|$/m);
  assertMatch(page, /^\| made \| \d{4}-\d{2}-\d{2} \d{2}:\d{2} UTC \|$/m);
  assertMatch(page, /^\*\*(All is well|RED)\.\*\* /m);
});

Deno.test("A report is red where a test failed, a judge objects, a planted bug escaped, or a part ended badly", () => {
  assertEquals(problemsOf(WELL), []);
  assertEquals(problemsOf(RED), [
    "1 of 4 tests failed",
    "a judge objects to 22 of 2000 simulated runs",
    "planted bugs escaped: ack_before_sync, forget_owed",
  ]);
  const broken = (part: "tests" | "soak" | "planted"): string[] =>
    problemsOf({ ...WELL, [part]: { ...WELL[part]!, exitCode: 3 } });
  for (const part of ["tests", "soak", "planted"] as const) {
    assertEquals(broken(part).length, 1, part);
    assertMatch(broken(part)[0]!, /exit code 3/);
  }
  assertEquals(problemsOf({ ...WELL, tests: { value: [], exitCode: 0 } }), ["no test ran"]);
});

Deno.test("A report says what was left out", () => {
  assertEquals(omissionsOf(WELL), []);
  assertEquals(omissionsOf({ ...WELL, filter: "storage", planted: undefined }), [
    "only tests that match `storage` ran",
    "no bugs were planted",
  ]);
  const [hazard] = WELL.hazards;
  const guards = hazard!.guards.slice(1);
  assertEquals(omissionsOf({ ...WELL, hazards: [{ ...hazard!, guards }] }), ["no test of H5 ran"]);
  assertEquals(omissionsOf({ ...WELL, hazards: [{ ...hazard!, guards: [] }] }), ["no test of H5 ran"]);
  assert(renderReport({ ...WELL, planted: undefined }).includes("Not looked for in this report."));
});

const JUNIT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="5" failures="1" errors="0" time="0.117">
    <testsuite name="./tests/b_test.ts" tests="4" disabled="2" errors="0" failures="1">
        <testcase name="ign &lt;a&gt; &amp; &quot;b&quot; (ignored: no (real) nc)" classname="./tests/b_test.ts" time="0.000" line="1" col="6">
            <skipped/>
        </testcase>
        <testcase name="a &gt; b" classname="./tests/b_test.ts" time="0.000" line="2" col="6">
            <failure message="Uncaught Error: boom">Error: boom &lt;skipped</failure>
        </testcase>
        <testcase name="steps" classname="./tests/b_test.ts" time="0.028" line="3" col="6">
        </testcase>
        <testcase name="steps &gt; two &gt; three" classname="./tests/b_test.ts" time="0.000" line="3" col="65">
            <skipped/>
        </testcase>
    </testsuite>
    <testsuite name="./tests/a_test.ts" tests="1" disabled="0" errors="0" failures="0">
        <testcase name="it&apos;s &#38; well" classname="./tests/a_test.ts" time="0.000" line="1" col="6"/>
    </testsuite>
</testsuites>`;

Deno.test("Results of tests are read with their names, by file, and steps belong to their test", () => {
  const results = parseTestResults(JUNIT);
  assertEquals(results, [
    { file: "tests/a_test.ts", name: "it's & well", outcome: "passed" },
    { file: "tests/b_test.ts", name: 'ign <a> & "b" (ignored: no (real) nc)', outcome: "ignored" },
    { file: "tests/b_test.ts", name: "a > b", outcome: "failed" },
    { file: "tests/b_test.ts", name: "steps", outcome: "passed" },
  ]);
  assertEquals(whyIgnored(results[1]!), "no (real) nc");
  assertEquals(plainName(results[1]!), 'ign <a> & "b"');
  assertEquals(whyIgnored(results[0]!), undefined);
});

Deno.test("A test that a harness defines belongs to the file that names it, also where its name is made of parts", () => {
  const result = (file: string, name: string): TestResult => ({ file, name, outcome: "passed" });
  const results = [
    result("tests/a_test.ts", "SIGTERM ends it"),
    result("tests/harness/processes.ts", "SIGTERM ends a busy replica"),
    result("tests/harness/processes.ts", "H7: it is filled"),
    result("tests/harness/processes.ts", "nobody says so"),
  ];
  const texts = new Map([
    ["tests/a_test.ts", 'Deno.test("SIGTERM ends it"'],
    ["tests/b_test.ts", 'clusterTest("H7: it is filled"'],
    ["tests/c_test.ts", "clusterTest(`${signal} ends a busy replica`"],
  ]);
  assertEquals(atHome(results, texts).map(({ file, name }) => [file, name]), [
    ["tests/a_test.ts", "SIGTERM ends it"],
    ["tests/b_test.ts", "H7: it is filled"],
    ["tests/c_test.ts", "SIGTERM ends a busy replica"],
    ["tests/harness/processes.ts", "nobody says so"],
  ]);
});

Deno.test("A hazard is held by the tests that name it, or by all of a file, also of one that reads another", () => {
  const page =
    "| H6 | two values | [clock](../tests/r/clock_test.ts), [rounds](../tests/r/testdata/read_round.txt) |";
  const hazards = parseHazards(page);
  assertEquals(hazards, [
    {
      number: "H6",
      goesWrong: "two values",
      files: ["tests/r/clock_test.ts", "tests/r/testdata/read_round.txt"],
    },
  ]);
  const result = (file: string, name: string): TestResult => ({ file, name, outcome: "passed" });
  const results = [
    result("tests/r/clock_test.ts", "H6: a stamp is new"),
    result("tests/r/clock_test.ts", "H60 is another"),
    result("tests/r/rounds_test.ts", "A round tells its story"),
  ];
  const texts = new Map([
    ["tests/r/clock_test.ts", ""],
    ["tests/r/rounds_test.ts", 'story("read_round")'],
    ["tests/s/other_test.ts", "read_round"],
  ]);
  assertEquals(guardsOf(hazards[0]!, results, texts), [
    { file: "tests/r/clock_test.ts", results: [results[0]!] },
    { file: "tests/r/rounds_test.ts", results: [results[2]!] },
  ]);
});

/** The text of each test file, by its path from the top of the repository. */
async function readTestFiles(): Promise<Map<string, string>> {
  const paths = await Array.fromAsync(testFilesIn(join(ROOT, "tests")));
  return new Map(
    await Promise.all(
      paths.map(async (path): Promise<[string, string]> => [path, await Deno.readTextFile(join(ROOT, path))]),
    ),
  );
}

Deno.test("Every hazard of src/README.md has tests in this repository", async () => {
  const texts = await readTestFiles();
  const hazards = parseHazards(await Deno.readTextFile(join(ROOT, "src/README.md")));
  assert(hazards.length > 10);
  for (const hazard of hazards) {
    for (const file of hazard.files) {
      const guards = guardsOf({ ...hazard, files: [file] }, [], texts);
      assert(guards.length > 0, `${hazard.number}: no test reads ${file}`);
    }
  }
});

Deno.test("Whatever test may be ignored says why in its name, where the report finds it", async () => {
  for (const [path, text] of await readTestFiles()) {
    assertEquals(
      /^ *ignore: .*|Deno\.test\.ignore.*/m.exec(text)?.[0],
      undefined,
      `${path}: write ...unless(why, name)`,
    );
  }
  assertEquals(unless(undefined, "a test"), { name: "a test", ignore: false });
  const { name, ignore } = unless("there is no nc here", "a test");
  assert(ignore);
  const result = { file: "", name, outcome: "ignored" } as const;
  assertEquals([plainName(result), whyIgnored(result)], ["a test", "there is no nc here"]);
});

Deno.test("Test files have the kinds that tests/README.md tells of", async () => {
  assertEquals(testKindOf("tests/cluster/kills_test.ts", ""), "cluster");
  assertEquals(testKindOf("tests/storage/engine_property_test.ts", ""), "property");
  assertEquals(
    testKindOf("tests/replication/rounds_test.ts", 'from "../harness/transcript.ts"'),
    "transcript",
  );
  assertEquals(testKindOf("tests/base/hash_test.ts", ""), "unit");
  const page = await Deno.readTextFile(join(ROOT, "tests/README.md"));
  for (const kind of TEST_KINDS) assertMatch(page, new RegExp(`^\\| ${kind} \\|`, "m"));
});

Deno.test("The flags of the report task say what is allowed", () => {
  assertEquals(parseReportOptions([]), {
    isHelp: false,
    seeds: 2000,
    isPlanted: true,
    filter: undefined,
    output: "tests/REPORT.md",
  });
  assertThrows(
    () => parseReportOptions(["--seeds", "0"]),
    UsageError,
    "--seeds 0: not a number allowed here; allowed: 1 to ",
  );
  assertThrows(() => parseReportOptions(["--planted", "--no-planted"]), UsageError, "give one of them");
  assertThrows(() => parseReportOptions(["all"]), UsageError, "flags only");
});

Deno.test("The report task writes a page about a small run, and says where", async () => {
  const directory = await Deno.makeTempDir({ prefix: "quartet-test-" });
  try {
    const output = join(directory, "report.md");
    const flags = ["--tests", "tests/base/bytes_test", "--seeds", "1", "--no-planted", "--output", output];
    const { code, stdout } = await runCommand(Deno.execPath(), [
      "run",
      "-A",
      "--no-check",
      "scripts/report.ts",
      ...flags,
    ]);
    assertEquals(code, 0, stdout);
    assert(stdout.trimEnd().endsWith(`all is well: ${output}`), stdout);
    const page = await Deno.readTextFile(output);
    assertEquals(shapeOf(page), shapeOf(renderReport(WELL)));
    assertMatch(
      page,
      /^\*\*All is well\.\*\* [1-9]\d* tests passed, no judge objects to 1 simulated run\.$/m,
    );
    assertMatch(
      page,
      /^\*\*Not a whole report:\*\* only tests that match `tests\/base\/bytes_test` ran; no bugs were planted\.$/m,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("A report that is interrupted ends with its first part, and leaves no page", async () => {
  const directory = await Deno.makeTempDir({ prefix: "quartet-test-" });
  try {
    const output = join(directory, "report.md");
    const flags = ["--tests", "tests/storage", "--seeds", "1", "--no-planted", "--output", output];
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "scripts/report.ts", ...flags],
      cwd: ROOT,
      stdout: "piped",
      stderr: "null",
      env: { NO_COLOR: "1" },
    }).spawn();
    let shown = "";
    let isKilled = false;
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      shown += text;
      // A dot is a test that has ended: many more are to come.
      if (!isKilled && /^\.+$/m.test(shown)) {
        isKilled = true;
        child.kill("SIGTERM");
      }
    }
    assertMatch(shown, /^report 1\/2 {2}tests/);
    assertEquals((await child.status).code, 143);
    assert(!shown.includes("report 2/2"), shown);
    assertEquals([...Deno.readDirSync(directory)], []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
