import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { encodeText } from "../../src/base/bytes.ts";
import { Random } from "../../src/base/random.ts";
import { DiskFullError } from "../../src/ports.ts";
import { SimDisk } from "../../src/sim/sim_disk.ts";
import { SECTOR_BYTES } from "../../src/sim/sim_inode.ts";
import { VirtualTime } from "../harness/virtual_time.ts";

function newDisk(seed = 1): { readonly disk: SimDisk; readonly time: VirtualTime } {
  const time = new VirtualTime();
  const disk = new SimDisk({ random: new Random(seed), after: (delayMs, run) => time.after(delayMs, run) });
  return { disk, time };
}

/** A file of four sectors of "a", synced, and its name too. */
async function synced(seed: number): Promise<ReturnType<typeof newDisk>> {
  const made = newDisk(seed);
  const file = await made.disk.open("f");
  file.write(new Uint8Array(4 * SECTOR_BYTES).fill(97), 0);
  await made.time.finish(file.sync());
  await made.time.finish(made.disk.syncDirectory());
  return made;
}

/** The first letter of each sector. */
function sectors(disk: SimDisk): string {
  const bytes = disk.peek("f");
  let letters = "";
  for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
    assert(bytes.subarray(at, at + SECTOR_BYTES).every((byte) => byte === bytes[at]), "a sector is torn");
    letters += String.fromCharCode(bytes[at]!);
  }
  return letters;
}

Deno.test("a power cut keeps any subset of the unsynced sectors, and every synced one", async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const { disk } = await synced(seed);
    const file = await disk.open("f");
    file.write(new Uint8Array(3 * SECTOR_BYTES).fill(98), SECTOR_BYTES);
    disk.powerCut();
    seen.add(sectors(disk));
  }
  assertEquals([...seen].sort(), ["aaaa", "aaab", "aaba", "aabb", "abaa", "abab", "abba", "abbb"]);
});

Deno.test("a sector that was written twice survives as it was before, between or after", async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const { disk } = await synced(seed);
    const file = await disk.open("f");
    for (const letter of [98, 99]) file.write(new Uint8Array(SECTOR_BYTES).fill(letter), 0);
    disk.powerCut();
    seen.add(sectors(disk));
  }
  assertEquals([...seen].sort(), ["aaaa", "baaa", "caaa"]);
});

Deno.test("what was written before a sync survives it, what was written during it may not", async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const { disk, time } = await synced(seed);
    const file = await disk.open("f");
    file.write(new Uint8Array(2 * SECTOR_BYTES).fill(98), 0);
    const sync = file.sync();
    file.write(new Uint8Array(SECTOR_BYTES).fill(99), 0);
    await time.finish(sync);
    disk.powerCut();
    seen.add(sectors(disk));
  }
  assertEquals([...seen].sort(), ["bbaa", "cbaa"]);
});

Deno.test("a file grows by any part of what was appended and not synced", async () => {
  const seen = new Set<number>();
  for (let seed = 0; seed < 80; seed++) {
    const { disk } = await synced(seed);
    (await disk.open("f")).write(new Uint8Array(2 * SECTOR_BYTES + 7), 4 * SECTOR_BYTES);
    disk.powerCut();
    seen.add(disk.peek("f").length - 4 * SECTOR_BYTES);
  }
  assertEquals([...seen].sort((a, b) => a - b), [0, SECTOR_BYTES, 2 * SECTOR_BYTES, 2 * SECTOR_BYTES + 7]);
});

Deno.test("names are lost from the last one back, unless the directory was synced", async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const { disk } = await synced(seed);
    await disk.open("g");
    await disk.rename("f", "h");
    await disk.remove("g");
    disk.powerCut();
    seen.add(disk.names().join(" "));
  }
  assertEquals([...seen].sort(), ["f", "f g", "g h", "h"]);
  const { disk, time } = await synced(1);
  await disk.rename("f", "h");
  await time.finish(disk.syncDirectory());
  disk.powerCut();
  assertEquals(disk.names(), ["h"]);
});

Deno.test("two syncs of the directory at a time settle each change once", async () => {
  const { disk, time } = await synced(3);
  disk.syncMs = { first: 9, last: 9 };
  await disk.rename("f", "g");
  const slow = disk.syncDirectory();
  disk.syncMs = { first: 1, last: 1 };
  await disk.rename("g", "h");
  await time.finish(disk.syncDirectory());
  await disk.rename("h", "i");
  await time.finish(slow);
  disk.kill();
  assertEquals(disk.names(), ["i"]);
});

Deno.test("a killed process leaves the page cache, and nothing of it is ever answered", async () => {
  const { disk, time } = await synced(1);
  const mounted = disk.mount();
  const file = await mounted.open("f");
  file.write(new Uint8Array(SECTOR_BYTES).fill(98), 0);
  const waits = [file.sync(), mounted.syncDirectory()];
  disk.kill();
  waits.push(mounted.remove("f"), mounted.list().then(() => {}), file.size().then(() => {}));
  file.write(new Uint8Array(SECTOR_BYTES).fill(99), 0);
  let answers = 0;
  for (const wait of waits) wait.then(() => answers++);
  await time.run();
  assertEquals([answers, sectors(disk)], [0, "baaa"]);
});

Deno.test("after a failed sync the disk has any part of it, and the cache says clean what it does not have", async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 40; seed++) {
    const { disk, time } = await synced(seed);
    const file = await disk.open("f");
    file.write(new Uint8Array(2 * SECTOR_BYTES).fill(98), 0);
    disk.failingSyncs = 1;
    await assertRejects(() => time.finish(file.sync()), Error, "EIO");
    await time.finish(file.sync());
    assertEquals(sectors(disk), "bbaa");
    disk.powerCut();
    seen.add(sectors(disk));
  }
  assertEquals([...seen].sort(), ["aaaa", "abaa", "baaa", "bbaa"]);
});

Deno.test("syncs of one file pass each other, and the earlier one brings nothing back", async () => {
  const { disk, time } = await synced(1);
  const file = await disk.open("f");
  const ended: string[] = [];
  const write = (letter: number, sector: number, ms: number): Promise<void> => {
    file.write(new Uint8Array(SECTOR_BYTES).fill(letter), sector * SECTOR_BYTES);
    disk.syncMs = { first: ms, last: ms };
    return file.sync().then(() => void ended.push(String.fromCharCode(letter)));
  };
  const syncs = [write(98, 0, 9), write(99, 0, 1)];
  file.write(new Uint8Array(SECTOR_BYTES).fill(100), SECTOR_BYTES);
  await time.finish(Promise.all(syncs));
  assertEquals(ended, ["c", "b"]);
  assertEquals(sectors(disk), "cdaa");
  disk.powerCut();
  assert(["caaa", "cdaa"].includes(sectors(disk)), sectors(disk));
});

Deno.test("whoever waits for a sync hears of each that has something to bring, while it is under way", async () => {
  let begun = 0;
  const time = new VirtualTime();
  const disk = new SimDisk({
    random: new Random(1),
    after: (delayMs, run) => time.after(delayMs, run),
    onSync: () => begun++,
  });
  const file = await disk.open("f");
  await time.finish(file.sync());
  assertEquals(begun, 0);
  file.write(new Uint8Array(9), 0);
  const sync = file.sync();
  assertEquals(begun, 1);
  await time.finish(sync);
});

Deno.test("a full disk takes what fits, then says so, and overwrites what is there", async () => {
  const { disk } = await synced(1);
  const file = await disk.open("f");
  disk.bytesMax = disk.usedBytes() + 10;
  assertEquals(file.write(encodeText("x".repeat(30)), 4 * SECTOR_BYTES), 10);
  assertThrows(() => file.write(encodeText("y"), 4 * SECTOR_BYTES + 10), DiskFullError);
  assertEquals(file.write(encodeText("z".repeat(30)), 0), 30);
  disk.bytesMax = Infinity;
  assertEquals(file.write(encodeText("y"), 4 * SECTOR_BYTES + 10), 1);
});

Deno.test("a disk that copies on write can be full for writes in place", async () => {
  const { disk } = await synced(1);
  const file = await disk.open("f");
  disk.writableBytes = 5;
  assertEquals(file.write(encodeText("x".repeat(30)), 0), 5);
  assertThrows(() => file.write(encodeText("x".repeat(30)), SECTOR_BYTES), DiskFullError);
  assertEquals(file.write(encodeText("z".repeat(30)), 0), 30, "the sector has its room already");
});

Deno.test("short writes take at least a byte and never more than was given", async () => {
  const { disk } = await synced(1);
  const file = await disk.open("f");
  disk.shortWritesPerMille = 1000;
  let shorts = 0;
  for (let i = 0; i < 50; i++) {
    const taken = file.write(new Uint8Array(40), 0);
    assert(taken >= 1 && taken < 40);
    shorts++;
  }
  assertEquals(shorts, 50);
});

Deno.test("a flipped bit is there for readers and after a power cut", async () => {
  const { disk } = await synced(1);
  disk.flipBit("f", 3, 1);
  assertEquals(disk.peek("f")[3], 97 ^ 2);
  disk.powerCut();
  assertEquals(disk.peek("f")[3], 97 ^ 2);
});

Deno.test("the lock is held until the process dies", async () => {
  const { disk, time } = newDisk();
  const held = [];
  held.push(await time.finish(disk.lock("LOCK")), await time.finish(disk.lock("LOCK")));
  disk.kill();
  held.push(await time.finish(disk.lock("LOCK")));
  assertEquals(held, [true, false, true]);
});
