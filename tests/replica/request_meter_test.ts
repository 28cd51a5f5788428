/** Tests of `src/replica/request_meter.ts`. @module */
import { assertEquals } from "@std/assert";
import { fail, ok } from "../../src/base/failure.ts";
import { REQUEST_TIME_BOUNDS_MS, RequestMeter } from "../../src/replica/request_meter.ts";

Deno.test("Requests are counted by op, level and outcome when they end, and classed by how long they took", () => {
  const meter = new RequestMeter();
  meter.begin(1, "put", "TWO", 100);
  meter.begin(-1, "put", "TWO", 100);
  meter.begin(2, "get", undefined, 100);
  assertEquals(meter.inFlight, 3);
  meter.end(1, ok(undefined), 100.5);
  meter.end(-1, fail({ code: "timeout" }), 2100);
  meter.end(2, fail({ code: "not_found" }), 99);
  meter.end(2, ok(undefined), 200);
  assertEquals(meter.inFlight, 0);
  const { counts, times } = meter.read();
  assertEquals(counts, [
    { op: "put", level: "TWO", outcome: "ok", count: 1 },
    { op: "put", level: "TWO", outcome: "timeout", count: 1 },
    { op: "get", level: "", outcome: "not_found", count: 1 },
  ]);
  const classes = (op: string): number[] =>
    times.find((each) => each.op === op)!.counts.flatMap((count, i) =>
      count > 0 ? [REQUEST_TIME_BOUNDS_MS[i]!] : []
    );
  assertEquals(classes("put"), [0.5, 2500]);
  assertEquals(classes("get"), [0.5], "a clock that seems to go back took no time");
  assertEquals(times[0]!.sumMs, 2000.5);
});

Deno.test("What took longer than every bound is in the last class", () => {
  const meter = new RequestMeter();
  meter.begin(1, "get", "ALL", 0);
  meter.end(1, ok(undefined), 1e9);
  assertEquals(meter.read().times[0]!.counts.at(-1), 1);
});
