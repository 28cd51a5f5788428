/** Tests of `src/sim/sim_clock.ts`. @module */
import { assertEquals } from "@std/assert";
import { SIM_EPOCH_MS, SimClock } from "../../src/sim/sim_clock.ts";

Deno.test("A clock is off by its skew, drifts, and jumps where it is set; only the wall clock does", () => {
  const clock = new SimClock({ skewMs: 500, driftPpm: 1000 });
  assertEquals(clock.now(0), { monotonicMs: 0, wallMs: SIM_EPOCH_MS + 500 });
  assertEquals(clock.now(10_000), { monotonicMs: 10_010, wallMs: SIM_EPOCH_MS + 10_510 });
  clock.set(10_000, -60_000);
  assertEquals(clock.now(10_000), { monotonicMs: 10_010, wallMs: SIM_EPOCH_MS - 50_000 });
});

Deno.test("A clock knows how far it was off at the least and at the most", () => {
  const clock = new SimClock({ skewMs: 500, driftPpm: 1000 });
  clock.set(10_000, -60_000);
  clock.set(20_000, 0);
  assertEquals(clock.bounds(30_000), { leastMs: -60_000, greatestMs: 510 });
});
