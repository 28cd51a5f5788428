import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { diskRoom, MachineGauge } from "../../src/host/machine_gauge.ts";

Deno.test("the gauge counts files and segments, and looks again after a second", async () => {
  const directory = await Deno.makeTempDir({ prefix: "quartet-gauge-" });
  try {
    const gauge = new MachineGauge(directory);
    const empty = gauge.status(0);
    assertEquals([empty.data_bytes, empty.segments], [0, 0]);
    assert(empty.memory_bytes > empty.heap_bytes && empty.heap_bytes > 0);
    for (const name of ["log-1", "log-2", "identity"]) {
      await Deno.writeFile(join(directory, name), new Uint8Array(1000));
    }
    assertEquals(gauge.status(999).data_bytes, 0);
    const full = gauge.status(1000);
    assertEquals([full.data_bytes, full.segments], [3000, 2]);
    if (Deno.build.os !== "linux") return;
    assert(full.disk_free_bytes! > 0 && full.disk_free_bytes! <= full.disk_bytes!);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a directory that is gone has no size and no room, and is no error", () => {
  const gauge = new MachineGauge("/nonexistent/quartet");
  assertEquals(gauge.status(0).data_bytes, 0);
  assertEquals(diskRoom("/nonexistent/quartet"), undefined);
});
