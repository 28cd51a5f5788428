import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { InvariantError } from "../../src/base/assert.ts";
import { DenoDisk } from "../../src/host/deno_disk.ts";
import { DiskFullError } from "../../src/ports.ts";
import { unless, whyNoMount } from "../harness/abilities.ts";
import { SmallDisk } from "../harness/small_disk.ts";

const isWindows = Deno.build.os === "windows";

async function withDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir();
  try {
    await use(join(parent, "deep", "r1"));
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("what was written at an offset is read back from there, in any order", async () => {
  await withDirectory(async (directory) => {
    const disk = await DenoDisk.open(directory);
    const file = await disk.open("log-1");
    assertEquals(await file.size(), 0);
    assertEquals(file.write(bytes("hello"), 0), 5);
    assertEquals(file.write(bytes(" world"), 5), 6);
    assertEquals(file.write(bytes("J"), 0), 1);
    const buffer = new Uint8Array(5);
    assertEquals(await file.read(buffer, 6), 5);
    assertEquals(new TextDecoder().decode(buffer), "world");
    assertEquals(await file.read(buffer, 0), 5);
    assertEquals(new TextDecoder().decode(buffer), "Jello");
    assertEquals(await file.read(buffer, 9), 2);
    assertEquals(await file.read(buffer, 11), 0);
    assertEquals(await file.size(), 11);
    await file.sync();
    file.close();
  });
});

Deno.test("a file opened again still holds its bytes", async () => {
  await withDirectory(async (directory) => {
    const disk = await DenoDisk.open(directory);
    const first = await disk.open("a");
    first.write(bytes("x"), 0);
    first.close();
    const second = await (await DenoDisk.open(directory)).open("a");
    assertEquals(await second.size(), 1);
    second.close();
  });
});

Deno.test("files are listed, renamed over others, and removed", async () => {
  await withDirectory(async (directory) => {
    const disk = await DenoDisk.open(directory);
    for (const name of ["a", "b", "c"]) (await disk.open(name)).close();
    await disk.rename("a", "b");
    await disk.remove("c");
    await disk.syncDirectory();
    await Deno.mkdir(join(directory, "not-a-file"));
    assertEquals(await disk.list(), ["b"]);
  });
});

Deno.test({
  ...unless(
    isWindows ? "Windows has no such modes" : undefined,
    "directory and files are for their owner alone",
  ),
  fn: async () => {
    await withDirectory(async (directory) => {
      const disk = await DenoDisk.open(directory);
      (await disk.open("a")).close();
      assertEquals((await Deno.stat(directory)).mode! & 0o777, 0o700);
      assertEquals((await Deno.stat(join(directory, "a"))).mode! & 0o777, 0o600);
    });
  },
});

Deno.test("a directory is locked by one at a time, and free when the holder lets go", async () => {
  await withDirectory(async (directory) => {
    const first = await DenoDisk.open(directory);
    const second = await DenoDisk.open(directory);
    assert(await first.lock("LOCK"));
    assert(!(await second.lock("LOCK")));
    first.close();
    assert(await second.lock("LOCK"));
    second.close();
  });
});

Deno.test("no name leaves the directory", async () => {
  await withDirectory(async (directory) => {
    const disk = await DenoDisk.open(directory);
    for (const name of ["../a", "a/b", "..", ".", "", "/etc/passwd", "a\\b", "a\0"]) {
      await assertRejects(() => disk.open(name), InvariantError);
    }
  });
});

Deno.test("a directory that cannot be made is reported with its name", async () => {
  await withDirectory(async (directory) => {
    const file = join(directory, "..", "..", "file");
    await Deno.writeTextFile(file, "");
    await assertRejects(() => DenoDisk.open(join(file, "r1")), Error, "r1");
  });
});

Deno.test({
  ...unless(
    await whyNoMount(),
    "a full disk is a DiskFullError, after a short write, and ends when there is room",
  ),
  fn: async () => {
    await using small = await SmallDisk.mount(64 * 1024);
    const disk = await DenoDisk.open(join(small.directory, "r1"));
    const file = await disk.open("log-1");
    const chunk = new Uint8Array(48 * 1024);
    assertEquals(file.write(chunk, 0), chunk.length);
    const count = file.write(chunk, chunk.length);
    assert(count > 0 && count < chunk.length, `${count} bytes were taken`);
    assertThrows(() => file.write(chunk, chunk.length + count), DiskFullError);
    file.close();
    await disk.remove("log-1");
    const again = await disk.open("log-1");
    assertEquals(again.write(chunk, 0), chunk.length);
    again.close();
  },
});
