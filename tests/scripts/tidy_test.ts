import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { checkRepository, checkTree } from "../../scripts/tidy.ts";
import { checkTopLevel } from "../../scripts/tidy/file_rules.ts";
import { describeProblem } from "../../scripts/tidy/problem.ts";
import { SourceText } from "../../scripts/tidy/source_text.ts";

const HEAD = "/** A noun. @module */\n";

/** The rules broken by `code` at `path`, one described line each. */
function broken(path: string, code: string): string[] {
  return checkTree([{ path, text: HEAD + code }]).map(describeProblem);
}

Deno.test("Tidy finds every rule kept in this repository", async () => {
  const problems = await checkRepository(fromFileUrl(new URL("../..", import.meta.url)));
  assertEquals(problems.map(describeProblem), []);
});

Deno.test("Tidy refuses imports against the table, of values, of types, in calls and in types", () => {
  const forms = [
    'import { Engine } from "../storage/engine.ts";',
    'import type { Engine } from "../storage/engine.ts";',
    'import {\n  type Engine,\n  open,\n} from "../storage/engine.ts";',
    'import "../storage/engine.ts";',
    'const engine = await import("../storage/engine.ts");',
    'type E = import("../storage/engine.ts").Engine;',
    "import * as engine from '../storage/engine.ts';",
  ];
  for (const form of forms) {
    const [first = "nothing found", ...rest] = broken("src/replica/replica.ts", form);
    assertEquals(rest, [], form);
    assertStringIncludes(first, "src/replica/replica.ts:2: replica/replica.ts imports storage/engine.ts");
    assertStringIncludes(first, "replica may import: base, ports");
  }
});

Deno.test("Tidy grants a file what its own row adds", () => {
  const code = 'import { Engine } from "../storage/engine.ts";';
  assertEquals(broken("src/replica/runner.ts", code), []);
  assertEquals(broken("src/replica/replica.ts", code).length, 1);
});

Deno.test("Tidy lets transport take types from each messages.ts and nothing else of those folders", () => {
  assertEquals(broken("src/transport/codec.ts", 'import type { M } from "../membership/messages.ts";'), []);
  assertEquals(broken("src/transport/codec.ts", 'import { M } from "../membership/gossip.ts";').length, 1);
});

Deno.test("Tidy keeps the simulator off real sockets", () => {
  assertEquals(broken("src/sim/sim_network.ts", 'import { M } from "../transport/message_codec.ts";'), []);
  assertEquals(
    broken("src/sim/sim_network.ts", 'import { M } from "../transport/tcp_transport.ts";').length,
    1,
  );
  assertEquals(broken("src/sim/workload.ts", 'import { M } from "../client/connection.ts";').length, 1);
});

Deno.test("Tidy refuses imports that leave src", () => {
  assertEquals(broken("src/cli/console.ts", 'import { M } from "../../scripts/print.ts";').length, 1);
  assertEquals(broken("src/cli/console.ts", 'import { M } from "../storage/engine.ts";'), []);
});

Deno.test("Tidy allows packages at the edge only, but node:zlib's crc32", () => {
  assertEquals(broken("src/cli/output.ts", 'import colors from "picocolors";'), []);
  assertEquals(broken("src/base/crc32.ts", 'import { crc32 as zlibCrc32 } from "node:zlib";'), []);
  assertEquals(broken("src/base/crc32.ts", 'import { crc32, gzipSync } from "node:zlib";').length, 1);
  assertEquals(broken("src/storage/frame.ts", 'import { zod } from "npm:zod@4";').length, 1);
  assertEquals(broken("src/client/client.ts", 'import { join } from "@std/path";').length, 1);
  assertEquals(broken("src/client/connection.ts", 'import { join } from "@std/path";'), []);
});

Deno.test("Tidy refuses re-exports and names that cannot be read", () => {
  assertStringIncludes(broken("src/base/all.ts", 'export * from "./bytes.ts";')[0]!, "re-exports");
  assertStringIncludes(broken("src/base/all.ts", 'export { a } from "./bytes.ts";')[0]!, "re-exports");
  assertStringIncludes(broken("src/base/all.ts", "const a = await import(name);")[0]!, "plain string");
  assertEquals(
    broken("src/base/all.ts", 'export const from = ["a"];\nexport function imports(): void {}'),
    [],
  );
});

Deno.test("Tidy refuses every word that reaches the clock, chance, the network or the engine", () => {
  const words = [
    "Deno.cwd()",
    "Date.now()",
    "new Date()",
    "performance.now()",
    "Math.random()",
    "Math.log(2)",
    "const { exp } = Math;",
    "crypto.randomUUID()",
    "new Intl.NumberFormat()",
    "setTimeout(f, 1)",
    "setInterval(f, 1)",
    "clearTimeout(t)",
    "AbortSignal.timeout(5)",
    "a.localeCompare(b)",
    "n.toLocaleString()",
    "globalThis.x",
    "fetch(url)",
    "process.exit()",
    "`${Date.now()}`",
    "const all = [...Deno.args]",
  ];
  for (const code of words) {
    assert(broken("src/replica/replica.ts", code).length > 0, `"${code}" went unnoticed`);
    assertEquals(broken("src/host/deno_disk.ts", code), [], `"${code}" was refused in host/`);
  }
});

Deno.test("Tidy lets prose, members and exact functions be", () => {
  const code = [
    "// Deno.cwd() and Date.now() in a comment",
    "/* new Date() over\n two lines: crypto.x */",
    'const text = "Deno.cwd() \\" Math.random()";',
    "const more = `Deno ${text} new Date() ${`Date ${1}`} setTimeout`;",
    "const found = /Deno\\.[/]Date.now/.test(text) ? a / b : Math.floor(c) / Math.max(d, e);",
    "this.performance.x = event.fetch(process_count, myDate, dateOf);",
  ].join("\n");
  assertEquals(broken("src/replica/replica.ts", code), []);
});

Deno.test("Tidy knows where a template ends and code begins again", () => {
  const file = new SourceText("a.ts", "const a = `x ${ { b: `}` }.b } y`; Deno; // Deno");
  assertEquals(file.code.split("Deno").length, 2);
  assertEquals(file.code.length, file.text.length);
});

Deno.test("Tidy refuses a file that does not open with @module", () => {
  const text = "export const a = 1;\n/** Later. @module */\n";
  const [problem] = checkTree([{ path: "src/base/a.ts", text }]);
  assertStringIncludes(describeProblem(problem!), "src/base/a.ts:1: does not open with");
});

Deno.test("Tidy refuses empty names, barrels and the bare name node", () => {
  assertStringIncludes(broken("src/base/string_utils.ts", "")[0]!, '"utils"');
  assertStringIncludes(broken("tests/common/a_test.ts", "")[0]!, '"common"');
  assertStringIncludes(broken("src/base/mod.ts", "")[0]!, "barrel");
  assertStringIncludes(broken("src/base/Bytes.ts", "")[0]!, "snake_case");
  assertStringIncludes(broken("src/base/a.ts", "const node = 1;")[0]!, "bare name node");
  assertEquals(broken("src/base/a.ts", "const treeNode = 1;"), []);
});

Deno.test("Tidy refuses a file of more than 500 lines", () => {
  const lines = (count: number): string => HEAD + "let a;\n".repeat(count - 1);
  assertEquals(checkTree([{ path: "src/base/a.ts", text: lines(500) }]), []);
  const [problem] = checkTree([{ path: "src/base/a.ts", text: lines(501) }]);
  assertStringIncludes(describeProblem(problem!), "501 lines, at most 500");
});

Deno.test("Tidy refuses marks that a scan does not find, that say nothing, or that stand twice", () => {
  const named = (name: string): string[] => broken("src/replica/a.ts", `mark(${name});`);
  assertEquals(named('"writes: refused for a full disk"'), []);
  for (const name of ["name", "`writes: ${what}`", '"writes: " + what', "isLate ? a : b"]) {
    assertStringIncludes(named(name)[0] ?? "nothing found", "no plain string", name);
  }
  for (const name of ['"refused"', '"Writes: refused"', '"writes: refused."', '"writes:refused"']) {
    assertStringIncludes(named(name)[0] ?? "nothing found", "noun: what happened", name);
  }
  const twice = broken("src/replica/a.ts", 'mark("writes: late");\nmark("writes: late");');
  assertStringIncludes(twice[0] ?? "nothing found", "src/replica/a.ts:2 too");
  const files = ["src/replica/a.ts", "src/storage/b.ts"].map((path) => ({
    path,
    text: HEAD + 'mark("writes: late");',
  }));
  assertEquals(checkTree(files).map(({ path }) => path), ["src/storage/b.ts"]);
  assertEquals(broken("tests/replica/a_test.ts", "this.mark(name); unmark(name);"), []);
});

Deno.test("Tidy refuses folders without a row and strangers at the top level", () => {
  assertStringIncludes(broken("src/extras/a.ts", "")[0]!, "unknown folder extras");
  assertEquals(checkTopLevel(["src/a.ts", ".gitignore", "LICENSE"]), []);
  assertEquals(checkTopLevel(["docs/a.md", "docs/b.md"]).map((problem) => problem.path), ["docs"]);
});
