import { assertEquals } from "@std/assert";
import type { ByteString } from "../../src/base/bytes.ts";
import { Random } from "../../src/base/random.ts";
import { SimDisk } from "../../src/sim/sim_disk.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/storage/checkpoint.ts";

Deno.test("A checkpoint whose last entry just fills a frame is read back whole", async () => {
  // Found by the simulator: the frame after the last full one was empty, and read as the trailer.
  for (const count of [1, 2, 3, 64]) {
    const disk = new SimDisk({ random: new Random(1), after: (_delayMs, run) => queueMicrotask(run) });
    const keys = Array.from({ length: count }, (_, index) => String.fromCharCode(index) as ByteString);
    const values = keys.map(() => new Uint8Array(64 * 1024 / Math.min(count, 4)));
    await writeCheckpoint(disk, { checkpoint: 1, snapshot: { keys, values }, isStopped: () => false });
    const found: ByteString[] = [];
    await readCheckpoint(disk, 1, (key) => found.push(key));
    assertEquals(found, keys);
  }
});
