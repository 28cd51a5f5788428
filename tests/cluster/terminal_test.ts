import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { quartetCommand } from "../../scripts/supervisor/replica_process.ts";
import { widthOf } from "../../src/cli/table.ts";
import { unless, whyNoProgram } from "../harness/abilities.ts";
import { binaryUnderTest, LocalCluster, runQuartet } from "../harness/processes.ts";
import { Terminal, type TerminalOptions } from "../harness/terminal.ts";

const whyNot = await whyNoProgram("script");

const COLUMNS = 60;

/** It clears the screen, and rings. */
const EVIL = "\x1b[2J\x07日本語日本語日本語日本語\nsecond line";

const NAME = "a terminal gets what fits and harms nothing, in colours; a pipe gets everything, in none";

/** Deno itself moves the cursor before the command begins; it colours nothing then. */
function isColoured(text: string): boolean {
  return text.split("\x1b[").slice(1).some((rest) => /^\d+m/.test(rest));
}

Deno.test({
  ...unless(whyNot, NAME),
  async fn(): Promise<void> {
    await using cluster = await LocalCluster.start({ replicas: 3 });
    const at = ["client", "--config", cluster.config];
    const shown = async (words: string[], env: TerminalOptions["env"] = {}): Promise<Terminal> => {
      const [command, args] = quartetCommand(binaryUnderTest(), [...at, ...words]);
      const terminal = Terminal.open(command, args, { columns: COLUMNS, env: { NO_COLOR: "", ...env } });
      await terminal.ended();
      return terminal;
    };
    assertEquals((await cluster.client("put", "7", EVIL, "all")).code, 0);

    await using get = await shown(["get", "7"]);
    assert(!get.raw.includes("\x1b[2J") && !get.raw.includes("\x07"), JSON.stringify(get.raw));
    assertStringIncludes(get.text, "\\u001b[2J\\u0007日本語日本語日本語日本語\nsecond line\nok  answered");
    assert(isColoured(get.raw), JSON.stringify(get.raw));
    for (const line of get.text.split("\n").slice(2)) assert(widthOf(line) <= COLUMNS, line);

    await using inspect = await shown(["inspect"], { NO_COLOR: "1" });
    assert(!isColoured(inspect.raw), JSON.stringify(inspect.raw));
    for (const line of inspect.text.split("\n")) assert(widthOf(line) <= COLUMNS, line);
    assertStringIncludes(inspect.text, "…");

    await using refused = await shown(["get", "7", "x".repeat(30)]);
    assertStringIncludes(refused.text, "is no level;\n    allowed: ONE, TWO, THREE, QUORUM, ALL");

    const piped = await runQuartet([...at, "get", "7"], "", { NO_COLOR: "" });
    assertEquals(piped.stdout, `${EVIL}\n`);
    assert(!piped.stderr.includes("\x1b"), piped.stderr);
    const table = await runQuartet([...at, "inspect"], "", { NO_COLOR: "" });
    assert(!table.stdout.includes("\x1b"), table.stdout);
    assertEquals(table.stdout.match(/\d{16} r1/g)?.length, 3, table.stdout);
  },
});
