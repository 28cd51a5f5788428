/** Tests of the file that a history is written to while it happens. @module */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { encodeCompletion, encodeHeader, encodeInvocation } from "../../src/checker/history_encoder.ts";
import { parseHistory } from "../../src/checker/history_parser.ts";
import { UsageError } from "../../src/cli/arguments.ts";
import { HistoryWriter } from "../../src/cli/history_writer.ts";
import { unless, WHY_NOT_LINUX } from "../harness/abilities.ts";

const HEADER = encodeHeader({ copies: 3, clockSpreadMs: Infinity });
const BEGUN = {
  client: 1,
  op: "put" as const,
  key: "7",
  value: "a",
  required: 2,
  coordinator: "r1",
  invokedMs: 1,
};

Deno.test("Each line can be read as soon as it is written, and what has no completion is unknown", async () => {
  const directory = await Deno.makeTempDir({ prefix: "quartet-history-" });
  try {
    const path = join(directory, "history.ndjson");
    await Deno.writeTextFile(path, "what was there before\n".repeat(100));
    using history = new HistoryWriter(path, () => {});
    history.write(HEADER);
    history.write(encodeInvocation(BEGUN));
    const begun = parseHistory(await Deno.readTextFile(path));
    assert(begun.ok, JSON.stringify(begun));
    assertEquals(begun.value.operations.map(({ outcome }) => outcome), ["info"]);
    const done = { ...BEGUN, endedMs: 2, outcome: "ok" as const, acked: ["r1", "r2"] };
    history.write(encodeCompletion(done, { coordinator: "r2" }));
    const ended = parseHistory(await Deno.readTextFile(path));
    assert(ended.ok, JSON.stringify(ended));
    // Who was asked last counts.
    assertEquals(ended.value.operations, [{ ...done, coordinator: "r2" }]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("A file that cannot be opened is a wrong command line", () => {
  assertThrows(
    () => new HistoryWriter("/nowhere/h.ndjson", () => {}),
    UsageError,
    "--history /nowhere/h.ndjson",
  );
});

Deno.test({
  ...unless(WHY_NOT_LINUX, "A disk that is full is told once, and ends nothing else"),
  fn(): void {
    let count = 0;
    using history = new HistoryWriter("/dev/full", () => count++);
    history.write(HEADER);
    history.write(HEADER);
    assertEquals(count, 1);
    assertMatch(history.lost ?? "", /No space left/);
  },
});
