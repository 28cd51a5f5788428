import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { lastLines, LogFollower, type LogLine, mergedLines } from "../../scripts/supervisor/log_file.ts";

function withDirectory(body: (directory: string) => void): void {
  const directory = Deno.makeTempDirSync({ prefix: "quartet-logs-" });
  try {
    body(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

const append = (path: string, text: string): void => Deno.writeTextFileSync(path, text, { append: true });

Deno.test("The last lines of a log are its last lines, however long it is", () => {
  withDirectory((directory) => {
    const path = join(directory, "r1.log");
    assertEquals(lastLines(path, 3), []);
    append(path, Array.from({ length: 50_000 }, (_, index) => `line ${index}\n`).join(""));
    assertEquals(lastLines(path, 2), ["line 49998", "line 49999"]);
    const { size } = Deno.statSync(path);
    append(path, "new\n");
    assertEquals(lastLines(path, 2, size), ["new"]);
  });
});

Deno.test("Logs are merged by time, and lines without one stay where they are", () => {
  withDirectory((directory) => {
    const logs = ["r1", "r2"].map((id) => ({ id, path: join(directory, `${id}.log`) }));
    append(logs[0]!.path, "2026-01-01T00:00:01.000Z info a\n  more of a\n2026-01-01T00:00:03.000Z info c\n");
    append(logs[1]!.path, "2026-01-01T00:00:02.000Z info b\n");
    const texts = (count: number): string[] =>
      mergedLines(logs, count).map(({ id, text }) => `${id} ${text.slice(-1)}`);
    assertEquals(texts(10), ["r1 a", "r1 a", "r2 b", "r1 c"]);
    assertEquals(texts(2), ["r2 b", "r1 c"]);
  });
});

Deno.test("A followed log gives whole lines that are added, also when it begins anew", () => {
  withDirectory((directory) => {
    const path = join(directory, "r1.log");
    append(path, "old\n");
    const lines: string[] = [];
    const follower = new LogFollower([{ id: "r1", path }], ({ text }: LogLine) => lines.push(text));
    append(path, "first\nhalf ");
    follower.poll();
    append(path, "a line\n");
    follower.poll();
    assertEquals(lines, ["first", "half a line"]);
    Deno.writeTextFileSync(path, "anew\n");
    follower.close();
    assertEquals(lines.at(-1), "anew");
  });
});
