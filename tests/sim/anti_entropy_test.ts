import { assert, assertEquals } from "@std/assert";
import { NO_BUGS } from "../../src/base/planted_bug.ts";
import { plantedDraw } from "../../src/sim/planted.ts";
import { SimCluster } from "../../src/sim/sim_cluster.ts";
import { simulate } from "../../src/sim/simulation.ts";

/** Only comparing copies mends anything. */
const ALONE = { read_repair: "off", hinted_handoff: false };

for (const network of [{}, { loss_per_mille: 20, near_ms: 40, far_ms: 120, straggler_per_mille: 20 }]) {
  const quality = Object.keys(network).length === 0 ? "good" : "bad";
  Deno.test(`On a ${quality} network copies are equal within 10 s of a heal, with anti-entropy alone`, async () => {
    for (let seed = 0; seed < 4; seed++) {
      await using cluster = await SimCluster.start({
        seed,
        keyspace: { main: { ...ALONE, keys: "text" } },
        network,
      });
      cluster.partition(["r1", "r2"], ["r3", "r4"]);
      await cluster.advance(2000);
      for (const through of ["r1", "r3"]) {
        const keys = Array.from({ length: 120 }, (_, key) => `key ${seed} ${key}`);
        // On a bad network some of them end unknown; whatever is on a disk must be on all.
        await Promise.all(
          keys.map((key) => cluster.put(key, `from ${through}`, { level: "ONE", through }).catch(() => {})),
        );
      }
      cluster.heal();
      await cluster.assertConverged({ withinMs: 10_000 });
      assert(cluster.held("r2").size > 100);
    }
  });
}

Deno.test("Copies are equal before anybody reads, though nothing but anti-entropy mends them", async () => {
  for (let seed = 0; seed < 6; seed++) {
    const { findings } = await simulate(seed, { ...plantedDraw("skip_merkle_bucket"), bugs: NO_BUGS });
    assertEquals(findings, [], `seed ${seed}`);
  }
});
