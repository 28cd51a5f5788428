import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname, join, relative } from "@std/path";
import { ROOT } from "../../scripts/repository.ts";
import { ERRORS, isErrorCode } from "../../src/protocol/error_codes.ts";
import { parseClusterConfig } from "../../src/replica/cluster_config.ts";

const PAGES = ["README.md", "src/README.md", "src/DECISIONS.md", "tests/README.md"];

const document = (settings: Record<string, unknown>): unknown => ({
  cluster: "lab",
  replica: [{ id: "r1", address: "127.0.0.1:7411" }],
  keyspace: { main: {} },
  settings,
});

async function pageOf(path: string): Promise<string> {
  return await Deno.readTextFile(join(ROOT, path));
}

/** Cells of the table rows whose first cell matches, without back quotes. */
function rowsOf(page: string, first: RegExp): string[][] {
  return page.split("\n").filter((line) => line.startsWith("| "))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
    .filter((cells) => first.test(cells[0]!));
}

Deno.test("Every link of a page leads to a file", async () => {
  for (const path of PAGES) {
    const links = [...(await pageOf(path)).matchAll(/\]\(([^)#\s]+)\)/g)].map((match) => match[1]!);
    for (const link of links) {
      assert(!link.includes("://"), `${path} links to ${link}, which no machine behind a firewall can reach`);
      const target = join(ROOT, dirname(path), link);
      const isFile = await Deno.stat(target).then((found) => found.isFile, () => false);
      assert(isFile, `${path} links to ${link}, and there is no ${relative(ROOT, target)}`);
    }
  }
});

Deno.test("The settings in README.md have the defaults and ranges that the code has", async () => {
  const config = parseClusterConfig(document({}));
  assert(config.ok);
  const names = Object.keys(config.value.settings);
  const rows = rowsOf(await pageOf("README.md"), /^`[a-z_]+_(ms|max|bytes|second|buckets)`$/);
  const camelCase = (name: string): string =>
    name.replaceAll(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  assertEquals(rows.map(([name]) => camelCase(name!.slice(1, -1))), names);
  for (const [quoted, fallback, range] of rows) {
    const name = quoted!.slice(1, -1);
    const value = config.value.settings[camelCase(name) as keyof typeof config.value.settings];
    assertEquals(fallback, String(value), name);
    const refused = parseClusterConfig(document({ [name]: -1 }));
    assert(!refused.ok);
    const [first, last] = range!.split("–");
    assertMatch(
      refused.failure[0]!.message,
      new RegExp(`: an integer from ${first} to ${last}$`),
      `README.md says ${range} of ${name}`,
    );
  }
});

Deno.test("The exit codes in README.md are those of the error codes", async () => {
  const page = await pageOf("README.md");
  const seen: string[] = [];
  for (const [exit, codes] of rowsOf(page, /^\d+$/)) {
    for (const [, code] of codes!.matchAll(/`([a-z_]+)`/g)) {
      if (!isErrorCode(code)) continue;
      assertEquals(exit, String(ERRORS[code].exit), code);
      seen.push(code);
    }
  }
  // These no replica of this version gives to a client.
  const silent = ["no_leader", "session_expired", "corrupt"];
  assertEquals([...seen, ...silent].sort(), Object.keys(ERRORS).sort());
});

Deno.test("Each hazard in src/README.md is named in the tests beside it", async () => {
  const path = "src/README.md";
  const rows = rowsOf(await pageOf(path), /^H\d+$/);
  assert(rows.length > 0);
  for (const [hazard, , tests] of rows) {
    for (const [, link] of tests!.matchAll(/\]\(([^)]+)\)/g)) {
      const text = await Deno.readTextFile(join(ROOT, dirname(path), link!));
      assertMatch(text, new RegExp(`\\b${hazard}\\b`), `${link} does not say ${hazard}`);
    }
  }
});

Deno.test("src/README.md has a paragraph on every folder of src", async () => {
  const page = await pageOf("src/README.md");
  const folders = [...Deno.readDirSync(join(ROOT, "src"))].filter((entry) => entry.isDirectory);
  for (const { name } of folders) assertMatch(page, new RegExp(`^\\*\\*${name}/\\*\\* `, "m"), name);
});
