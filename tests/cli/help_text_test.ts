import pc from "picocolors";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { LOCAL_VERBS } from "../../src/cli/completion_verb.ts";
import { CLIENT_FLAGS, clientPage, verbPage } from "../../src/cli/client_help.ts";
import { CLIENT_EXITS } from "../../src/cli/exit_codes.ts";
import { helpText } from "../../src/cli/help_text.ts";
import { REPLICA_FLAGS, replicaPage } from "../../src/cli/replica_help.ts";
import { widthOf } from "../../src/cli/table.ts";
import { VERBS } from "../../src/cli/verbs.ts";
import { ERRORS } from "../../src/protocol/error_codes.ts";
import { quartetCommand } from "../../scripts/supervisor/replica_process.ts";
import { unless, WHY_NOT_LINUX } from "../harness/abilities.ts";
import { binaryUnderTest, runCommand, runQuartet } from "../harness/processes.ts";

// deno-lint-ignore no-boolean-literal-for-arguments
const PLAIN = pc.createColors(false);
// deno-lint-ignore no-boolean-literal-for-arguments
const COLOURED = pc.createColors(true);

const PAGE = `a – title that is wrapped as well where it is long

DESCRIPTION
One paragraph that
goes on.

FLAGS
  --flag FILE  what it is, in more words than fit
  verbatim that is not wrapped, however narrow
`;

Deno.test("a page is wrapped to the terminal, and what a term means goes on below itself", () => {
  assertEquals(
    helpText(PAGE, { paint: PLAIN, widthMax: 30 }),
    `a – title that is wrapped as
    well where it is long

DESCRIPTION
  One paragraph that goes on.

FLAGS
  --flag FILE  what it is, in
               more words than
               fit
  verbatim that is not wrapped, however narrow`,
  );
});

Deno.test("headings are bold on a terminal, and nowhere else", () => {
  assert(helpText(PAGE, { paint: COLOURED }).includes("\u001b[1mFLAGS"));
  assert(!helpText(PAGE, { paint: PLAIN }).includes("\u001b"));
});

const PAGES = [clientPage(LOCAL_VERBS), replicaPage(), ...[...VERBS, ...LOCAL_VERBS].map(verbPage)];

Deno.test("every page has usage, description and examples, and fits 80 columns", () => {
  for (const page of PAGES) {
    const text = helpText(page, { paint: PLAIN });
    for (const heading of ["USAGE", "DESCRIPTION", "EXAMPLES"]) assertStringIncludes(text, `\n${heading}\n`);
    const long = text.split("\n").filter((line) => widthOf(line) > 80 && !line.startsWith("  quartet "));
    assertEquals(long, []);
  }
});

Deno.test("no page breaks a line within what a term means, where it would be wrapped anyway", () => {
  for (const page of PAGES) {
    const broken = page.split("\n").filter((line) => /^ {10,}\S/.test(line));
    assertEquals(broken, []);
  }
});

Deno.test("the first page names every verb, and knows where those are that ask no cluster", async () => {
  const { stdout } = await runQuartet(["help"]);
  for (const { name } of [...VERBS, ...LOCAL_VERBS]) {
    assertStringIncludes(stdout.replaceAll(/\s+/g, " "), ` ${name}`);
  }
  const { stderr } = await runQuartet(["help", "check"]);
  assertStringIncludes(stderr, "check is a verb of the client: quartet client help check");
});

Deno.test("the pages name every flag, every verb and every exit code", () => {
  for (const name of Object.keys(CLIENT_FLAGS)) assertStringIncludes(clientPage(LOCAL_VERBS), `--${name}`);
  for (const name of Object.keys(REPLICA_FLAGS)) assertStringIncludes(replicaPage(), `--${name}`);
  for (const verb of VERBS) {
    assertStringIncludes(clientPage(LOCAL_VERBS), `\n  ${verb.name} `);
    for (const name of Object.keys(verb.flags)) assertStringIncludes(verbPage(verb), `--${name}`);
  }
});

Deno.test("exit codes are those of the failures, and README says the same", async () => {
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  assertEquals(CLIENT_EXITS.map(({ exit }) => exit).slice(0, 3), [0, 1, 2]);
  for (const { exit, codes } of CLIENT_EXITS) {
    const row = readme.split("\n").find((line) => line.startsWith(`| ${exit} |`));
    assert(row !== undefined, `README has no row for exit code ${exit}`);
    for (const code of codes) {
      assertEquals(ERRORS[code].exit, exit);
      assertStringIncludes(row, `\`${code}\``);
    }
  }
});

Deno.test({
  ...unless(WHY_NOT_LINUX, "an answer that cannot be written ends with 74 and says so, on stderr"),
  async fn(): Promise<void> {
    const [command, words] = quartetCommand(binaryUnderTest(), ["client", "--help"]);
    const { code, stderr } = await runCommand("sh", ["-c", 'exec "$0" "$@" >/dev/full', command, ...words]);
    assertEquals(code, 74);
    assertStringIncludes(stderr, "its answer cannot be written to stdout: No space left on device");
    assertEquals(stderr.trim().split("\n").length, 1);
  },
});

Deno.test("help is one object where a program reads", async () => {
  const { code, stdout } = await runQuartet(["client", "--json", "help", "put"]);
  assertEquals(code, 0);
  assertStringIncludes((JSON.parse(stdout) as { help: string }).help, "EXAMPLES");
});
