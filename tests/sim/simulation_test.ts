/** Tests of whole simulated runs: the same again from the same seed, right code passes, planted bugs do not. @module */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { PLANTED_BUGS } from "../../src/base/planted_bug.ts";
import { firstNoticed, PLANTED_SEEDS_MAX } from "../../src/sim/planted.ts";
import { simulate } from "../../src/sim/simulation.ts";

Deno.test("Two runs of a seed are one run: same trace, same operations", async () => {
  for (const seed of [3, 2 ** 40 + 7]) {
    const first = await simulate(seed);
    let lineCount = 0;
    const second = await simulate(seed, { onTrace: () => void lineCount++ });
    assertEquals(second.trace, first.trace, `seed ${seed}`);
    assertEquals(second.histories, first.histories, `seed ${seed}`);
    assert(lineCount > 1000, "watching changes nothing, and there is something to watch");
  }
  assertNotEquals((await simulate(3)).trace, (await simulate(4)).trace);
});

Deno.test("Twenty clusters under faults break no promise, and most of their requests succeed (H24)", async () => {
  for (let seed = 1000; seed < 1020; seed++) {
    const { findings, operationCount, okCount, simulatedMs } = await simulate(seed);
    assertEquals(findings, [], `Rerun: deno task sim ${seed}`);
    assert(
      okCount * 2 >= operationCount && operationCount >= 200,
      `seed ${seed}: ${okCount} of ${operationCount}`,
    );
    assertEquals(simulatedMs, 60_000);
  }
});

for (const bug of PLANTED_BUGS) {
  Deno.test(`A judge notices the planted bug ${bug}`, async () => {
    assert(await firstNoticed(bug, 0), `${bug} escaped ${PLANTED_SEEDS_MAX} seeds`);
  });
}
