import { assert, assertEquals } from "@std/assert";
import { DiskFullError } from "../../src/ports.ts";
import { appendMerge, SEGMENT_BYTES, StoreUnderTest, write } from "./store_under_test.ts";

/** Fills segments until a write is refused; returns how many were taken. */
async function fill(store: StoreUnderTest): Promise<number> {
  for (let i = 0; i < 1000; i++) {
    const result = await store.apply(write(`k${i}`, "x".repeat(500)));
    if (result?.kind === "disk_full") return i;
    assertEquals(result?.kind, "applied");
  }
  throw new Error("the disk never got full");
}

Deno.test("a full disk refuses writes, goes on reading, and heals at a tick", async () => {
  const store = await StoreUnderTest.opened();
  store.disk.bytesMax = 6 * SEGMENT_BYTES;
  const count = await fill(store);
  assert(count > 5);
  assert(store.engine.isDiskFull);
  assertEquals(store.get("k0"), "x".repeat(500));
  assertEquals(store.all().length, count);
  for (let i = 0; i < 5; i++) {
    store.engine.tick();
    assertEquals((await store.apply(write("big", "y".repeat(500))))?.kind, "disk_full");
  }
  store.disk.bytesMax = Infinity;
  store.engine.tick();
  await store.time.run();
  assert(!store.engine.isDiskFull);
  await store.put("big", "y".repeat(500));
  assert(store.said.some((line) => line.startsWith("warn: the disk is full")));
  assert(store.said.some((line) => line.startsWith("info: the disk has room again")));
  await store.powerCut();
  assertEquals(store.all().length, count + 1);
  assertEquals(store.halts, []);
});

Deno.test("what was refused is not there after a restart, and what was taken is", async () => {
  const store = await StoreUnderTest.opened({ merge: appendMerge });
  store.disk.bytesMax = 5 * SEGMENT_BYTES;
  const count = await fill(store);
  assertEquals((await store.apply(write("refused", "z".repeat(500))))?.kind, "disk_full");
  const held = store.all();
  store.disk.bytesMax = 12 * SEGMENT_BYTES;
  await store.powerCut();
  assertEquals(store.all(), held);
  assertEquals(held.length, count);
});

Deno.test("a small write is taken in a segment that has no room for a large one", async () => {
  const store = await StoreUnderTest.opened();
  store.disk.bytesMax = store.disk.usedBytes();
  while ((await store.apply(write("k", "x".repeat(600))))?.kind === "applied");
  assertEquals((await store.apply(write("small", "y")))?.kind, "applied");
  assertEquals((await store.apply(write("k", "x".repeat(600))))?.kind, "disk_full");
});

Deno.test("a frame that the disk takes in part is refused, and the next one stands in its place", async () => {
  for (let taken = 0; taken < 80; taken++) {
    const store = await StoreUnderTest.opened({ seed: taken });
    await store.put("a", "1");
    store.disk.writableBytes = taken;
    const refused = store.submit(write("b", "2".repeat(500)));
    await store.time.run();
    assertEquals(refused.result?.kind, "disk_full", `${taken} bytes taken`);
    assert(store.engine.isDiskFull);
    if (taken % 2 === 0) {
      store.disk.writableBytes = Infinity;
      store.engine.tick();
      await store.time.run();
      assert(!store.engine.isDiskFull);
      await store.put("c", "3");
    }
    store.disk.writableBytes = Infinity;
    await store.powerCut();
    assertEquals(store.all(), taken % 2 === 0 ? [["a", "1"], ["c", "3"]] : [["a", "1"]]);
  }
});

Deno.test("a refused frame whose end stood there by chance is not brought back", async () => {
  for (let seed = 0; seed < 40; seed++) {
    const store = await StoreUnderTest.opened({ seed });
    await store.put("a", "1");
    // The disk takes the rest of the first sector. What follows are zeros, as they stand in a fresh segment anyway.
    const toSectorEnd = 512 - 8 - 40;
    store.disk.writableBytes = toSectorEnd;
    const value = "x".repeat(toSectorEnd - 32 - 6 - 1) + "\0".repeat(50);
    let isRefused = false;
    store.engine.submit({ kind: "apply", writes: [write("b", value)] }, (result) => {
      isRefused = result.kind === "disk_full";
      // The power fails right after the answer.
      store.disk.powerCut();
    });
    store.engine.flush();
    await store.time.run();
    assert(isRefused);
    store.disk.writableBytes = Infinity;
    await store.open();
    assertEquals(store.all(), [["a", "1"]], `seed ${seed}`);
  }
});

Deno.test("a checkpoint without room is tried again later, and the log is kept", async () => {
  const store = await StoreUnderTest.opened({ segmentBytes: 2048 });
  for (let i = 0; i < 30; i++) await store.put(`k${i}`, "x".repeat(900));
  const { checkpoints } = store.engine.counters;
  store.disk.bytesMax = store.disk.usedBytes() + 5 * 2048;
  for (let i = 0; i < 300 && !store.said.some((line) => line.includes("no room for a checkpoint")); i++) {
    await store.apply(write(`k${i % 30}`, "y".repeat(900)));
  }
  assert(store.said.some((line) => line.startsWith("warn: no room for a checkpoint")), store.said.join("\n"));
  const held = store.all();
  store.disk.bytesMax = Infinity;
  for (let tick = 0; tick < 51; tick++) store.engine.tick();
  await store.time.run();
  assert(store.engine.counters.checkpoints > checkpoints);
  await store.powerCut();
  assertEquals(store.all(), held);
});

Deno.test("a start without room for a segment reads, refuses writes, and heals", async () => {
  const store = await StoreUnderTest.opened();
  for (let i = 0; i < 4; i++) await store.put(`k${i}`, "x");
  await store.close();
  // Another size of segment: the old ones cannot be recycled, and there is no room for a new one.
  const larger = new StoreUnderTest({ segmentBytes: 8 * SEGMENT_BYTES });
  for (const name of store.disk.names()) {
    const file = await larger.disk.open(name);
    file.write(store.disk.peek(name), 0);
  }
  larger.disk.bytesMax = larger.disk.usedBytes() + 1000;
  await larger.open();
  assert(larger.engine.isDiskFull);
  assertEquals(larger.all().length, 4);
  assertEquals((await larger.apply(write("k9", "x")))?.kind, "disk_full");
  larger.engine.tick();
  assertEquals((await larger.apply(write("k9", "x")))?.kind, "disk_full");
  const { bytesMax } = larger.disk;
  await larger.powerCut();
  assertEquals(larger.all().length, 4, "nothing is lost when such a start ends");
  larger.disk.bytesMax = 100 * bytesMax;
  larger.engine.tick();
  await larger.time.run();
  await larger.put("k9", "x");
  await larger.powerCut();
  assertEquals(larger.all().length, 5);
});

Deno.test("a start without room for a checkpoint says how much it needs, and harms nothing", async () => {
  const store = await StoreUnderTest.opened();
  for (let i = 0; i < 20; i++) await store.put(`k${i}`, "x".repeat(300));
  const held = store.all();
  store.disk.powerCut();
  const roomBefore = store.disk.usedBytes();
  store.disk.bytesMax = roomBefore - 2 * SEGMENT_BYTES;
  const error = await store.time.finish(store.beginOpen()).catch((cause) => cause);
  assert(error instanceof DiskFullError, String(error));
  assert(/checkpoint of 20 keys, about \d+ bytes; make room/.test(error.message), error.message);
  store.disk.bytesMax = Infinity;
  await store.powerCut();
  assertEquals(store.all(), held);
});
