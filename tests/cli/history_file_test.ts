import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { HistoryFile, historyPath } from "../../src/cli/history_file.ts";
import { unless, WHY_NOT_LINUX } from "../harness/abilities.ts";

function pathIn(variables: Record<string, string>): string | undefined {
  return historyPath({ get: (name) => variables[name] });
}

Deno.test("the history lies in the state directory, else at home, else where it was asked for", () => {
  assertEquals(pathIn({ HOME: "/home/x" }), "/home/x/.quartet_history");
  assertEquals(pathIn({ HOME: "/home/x", XDG_STATE_HOME: "/state" }), "/state/quartet/history");
  assertEquals(pathIn({ HOME: "/home/x", QUARTET_HISTORY: "/else" }), "/else");
  assertEquals(pathIn({ HOME: "/home/x", QUARTET_HISTORY: "" }), undefined);
  assertEquals(pathIn({}), undefined);
});

Deno.test("lines are kept for the next console, bounded, and only for their owner", async () => {
  const directory = await Deno.makeTempDir({ prefix: "quartet-history-" });
  try {
    const path = join(directory, "new", "history");
    const open = (): HistoryFile =>
      new HistoryFile(path, (message) => {
        throw new Error(message);
      });
    const first = open();
    for (const line of ["get 7", "get 7", "  ", "put 7 x"]) first.add(line);
    assertEquals(open().lines, ["get 7", "put 7 x"]);
    if (Deno.build.os !== "windows") assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);

    // Two consoles at once.
    const second = open();
    first.add("from the first");
    second.add("from the second");
    assertEquals(open().lines.slice(-2), ["from the first", "from the second"]);

    // As an editor may have left it.
    if (Deno.build.os !== "windows") Deno.chmodSync(path, 0o644);
    assertEquals(open().lines.length, 4);
    if (Deno.build.os !== "windows") assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);

    for (let index = 0; index < 2500; index++) first.add(`get ${index}`);
    first.add("x".repeat(5000));
    assertEquals([first.lines.length, first.lines.at(-1)!.length], [1000, 5000]);
    assertEquals([open().lines.length, open().lines.at(-1)], [1000, "get 2499"]);
    assertEquals(Deno.readTextFileSync(path).split("\n").length, 1001);
    if (Deno.build.os !== "windows") assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a history that cannot be kept is told of once, and fails nothing", async () => {
  const directory = await Deno.makeTempDir({ prefix: "quartet-history-" });
  try {
    const told: string[] = [];
    // A directory is no file.
    const history = new HistoryFile(directory, (message) => told.push(message));
    history.add("get 7");
    history.add("get 8");
    assertEquals(history.lines, ["get 7", "get 8"]);
    assertEquals(told.length, 1);
    assertMatch(told[0]!, /^the history is not kept: .*QUARTET_HISTORY/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test({
  ...unless(
    WHY_NOT_LINUX,
    "a history that is a device is left as it is: no root that keeps none closes /dev/null to all others",
  ),
  fn(): void {
    const { mode } = Deno.statSync("/dev/null");
    const told: string[] = [];
    try {
      const history = new HistoryFile("/dev/null", (message) => told.push(message));
      history.add("get 7");
      assertEquals([history.lines, told], [["get 7"], []]);
      assertEquals(Deno.statSync("/dev/null").mode, mode);
    } finally {
      // Why: where this fails as root, the machine is not to suffer from it.
      if (Deno.statSync("/dev/null").mode !== mode) Deno.chmodSync("/dev/null", mode! & 0o777);
    }
  },
});
