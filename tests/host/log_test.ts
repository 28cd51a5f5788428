import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { formatLogLine, HostLog } from "../../src/host/log.ts";

Deno.test("an entry is one line with time, level, text and fields", () => {
  const at = new Date("2026-01-31T12:00:00Z");
  assertEquals(
    formatLogLine(at, "warn", "torn tail cut", { file: "log-3", offset: 4096 }),
    "2026-01-31T12:00:00.000Z warn torn tail cut file=log-3 offset=4096",
  );
});

Deno.test("text and values from outside cannot forge a line or a field", () => {
  const at = new Date("2026-01-31T12:00:00Z");
  assertEquals(
    formatLogLine(at, "error", "a\nb", { reason: "x y=z", name: "\u001b[2J", empty: "" }),
    '2026-01-31T12:00:00.000Z error a | b reason="x y=z" name="\\u001b[2J" empty=""',
  );
});

Deno.test("a log file is appended to", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = join(directory, "r1.log");
    for (const text of ["first", "second"]) {
      const log = new HostLog(path);
      assert(log.isFile);
      log.write("info", text);
      log.close();
    }
    const lines = (await Deno.readTextFile(path)).trimEnd().split("\n");
    assertEquals(lines.map((line) => line.split(" ").slice(1).join(" ")), ["info first", "info second"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
