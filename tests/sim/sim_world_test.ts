/** Tests of `src/sim/sim_world.ts`. @module */
import { assertEquals } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import { NO_BUGS } from "../../src/base/planted_bug.ts";
import { SimWorld } from "../../src/sim/sim_world.ts";

Deno.test("Whatever throws in a run is a violation, and the run goes on to its end", async () => {
  const world = new SimWorld({ seed: 1, bugs: NO_BUGS });
  const happened: number[] = [];
  world.queue.after(5, () => {
    throw new InvariantError("two leaders");
  });
  world.queue.after(6, () => void happened.push(world.queue.nowMs));
  await world.runUntil(10);
  assertEquals(world.complaints, [{
    kind: "throw",
    sentence: "something threw: InvariantError: two leaders",
  }]);
  assertEquals([...happened, world.queue.nowMs], [6, 10]);
});
