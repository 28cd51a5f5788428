/** Tests of `src/cli/trace_lines.ts`. @module */
import pc from "picocolors";
import { assertEquals } from "@std/assert";
import { traceLines } from "../../src/cli/trace_lines.ts";
import type { TraceStep, TraceWord } from "../../src/protocol/trace.ts";

// deno-lint-ignore no-boolean-literal-for-arguments
const PLAIN = pc.createColors(false);
const version = { stamp: 100, origin: "r1.9f3a", wall_ms: 0 };

Deno.test("A trace is a line a step, with times and names below each other", () => {
  const trace: readonly TraceStep[] = [
    { at_ms: 0, what: "received", replica: "r1", level: "TWO", required: 2 },
    { at_ms: 0, what: "stamped", version },
    { at_ms: 0, what: "asked", replicas: ["r2", "r30"] },
    { at_ms: 0, what: "not_asked", replicas: ["r4"] },
    {
      at_ms: 0.9123,
      what: "stored",
      replica: "r1",
      superseded_by: { ...version, stamp: 101, origin: "r2.1" },
    },
    { at_ms: 1.2, what: "acked", replica: "r30", recovering: true },
    { at_ms: 1.2, what: "level_met", replicas: ["r1", "r30"] },
    { at_ms: 1000.25, what: "refused", replica: "r2", message: "full\u001b[2J" },
    { at_ms: 1000.25, what: "hint_kept", replicas: ["r4"] },
  ];
  assertEquals(traceLines(trace, PLAIN), [
    "   0.000 ms  r1   received it: TWO needs 2 copies",
    "   0.000 ms  r1   stamped it 100 r1",
    "   0.000 ms  r1   asked r2 r30",
    "   0.000 ms  r1   did not ask r4: not alive",
    "   0.912 ms  r1   has its own copy on disk, and holds a later write, 101 r2",
    "   1.200 ms  r30  acknowledged; it is recovering, and does not count",
    "   1.200 ms  r1   level met by r1 r30: without a trace the answer leaves here",
    "1000.250 ms  r2   refused: full\\u001b[2J",
    "1000.250 ms  r1   has a hint for r4 on disk",
  ]);
});

Deno.test("An answer that held nothing says so, and a delete is called one", () => {
  const trace: readonly TraceStep[] = [
    { at_ms: 0, what: "received", replica: "r1", level: "ONE", required: 1 },
    { at_ms: 1, what: "answered", replica: "r2" },
    { at_ms: 1, what: "repairing", replicas: ["r2"], version, deleted: true },
    { at_ms: 2, what: "failed", code: "timeout" },
  ];
  assertEquals(traceLines(trace, PLAIN).map((line) => line.slice(14)), [
    "received it: ONE needs 1 copy",
    "answered with nothing",
    "mends r2 with 100 r1 (deleted)",
    "failed (timeout): without a trace the answer leaves here",
  ]);
});

Deno.test("After a request was handed on, what names nobody was done by the replica that got it", () => {
  const trace: readonly TraceStep[] = [
    { at_ms: 0, what: "received", replica: "r4", level: "ONE", required: 1 },
    { at_ms: 0, what: "forwarded", replicas: ["r2"] },
    { at_ms: 0, what: "received", replica: "r2", level: "ONE", required: 1 },
    { at_ms: 0, what: "asked", replicas: ["r1"] },
  ];
  assertEquals(traceLines(trace, PLAIN).map((line) => line.slice(10)), [
    "r4  received it: ONE needs 1 copy",
    "r4  handed it on to r2, to be coordinated there",
    "r2  received it: ONE needs 1 copy",
    "r2  asked r1",
  ]);
});

Deno.test("Every word has a sentence even without its fields, and a word of a later version is shown as it came", () => {
  const words: readonly TraceWord[] = [
    "forwarded",
    "parked",
    "owed_kept",
    "died",
    "deadline",
    "repaired",
    "owed",
    "hint_waits",
    "hint_dropped",
    "cut",
  ];
  for (const what of words) assertEquals(traceLines([{ at_ms: 1, what }], PLAIN).length, 1, what);
  assertEquals(traceLines([{ at_ms: 1, what: "teleported\u001b" }], PLAIN), [
    "1.000 ms    teleported\\u001b",
  ]);
  assertEquals(traceLines([], PLAIN), []);
});
