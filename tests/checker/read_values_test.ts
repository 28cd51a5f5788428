/** Tests of `src/checker/read_values.ts`. @module */
import { assertEquals, assertMatch } from "@std/assert";
import type { Operation } from "../../src/checker/history.ts";
import { judgeReadValues } from "../../src/checker/read_values.ts";

function operation(op: "put" | "get", value: string, changes: Partial<Operation> = {}): Operation {
  return {
    client: 1,
    op,
    key: "7",
    value,
    required: 1,
    coordinator: "r1",
    invokedMs: 10,
    endedMs: 20,
    outcome: "ok",
    acked: [],
    ...changes,
  };
}

function judge(...operations: Operation[]): string[] {
  return judgeReadValues({ operations }).map(({ sentence }) => sentence);
}

Deno.test("H15: a value that was refused for certain is noticed when somebody reads it", () => {
  const refused = operation("put", "x", { client: 3, outcome: "fail", code: "unavailable" });
  const [sentence, ...others] = judge(operation("get", "x"), refused);
  assertMatch(sentence!, /^client 1 got 7 = x through r1 .* refused with unavailable to client 3$/);
  assertEquals(others, []);
});

Deno.test("A value that nobody put, or put to another key, is noticed", () => {
  assertMatch(judge(operation("get", "x"))[0]!, /which nobody put$/);
  assertMatch(judge(operation("put", "x", { key: "8" }), operation("get", "x"))[0]!, /which nobody put$/);
});

Deno.test("What was written, or may have been, may be read; so may nothing", () => {
  assertEquals(judge(operation("put", "x"), operation("get", "x")), []);
  assertEquals(
    judge(operation("put", "x", { outcome: "info", endedMs: Infinity }), operation("get", "x")),
    [],
  );
  const { value: _value, ...nothing } = operation("get", "");
  assertEquals(judge(nothing), []);
});
