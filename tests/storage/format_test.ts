import { assert, assertEquals } from "@std/assert";
import { openIdentity } from "../../src/storage/identity.ts";
import { StoreUnderTest, write } from "./store_under_test.ts";

/** The worked examples of the page, by kind and file. */
async function examples(): Promise<Map<string, string>> {
  const page = await Deno.readTextFile(new URL("../../src/storage/FORMAT.md", import.meta.url));
  const found = new Map<string, string>();
  for (const [, kind, file, text] of page.matchAll(/^```(hex|text) (\S+)\n([^`]*)^```$/gm)) {
    found.set(`${kind} ${file}`, text!);
  }
  return found;
}

function bytesOfDump(dump: string): number[] {
  return dump.trim().split("\n").flatMap((line) =>
    line.slice(6).trim().split(/ +/).map((byte) => parseInt(byte, 16))
  );
}

Deno.test("every worked example of FORMAT.md is what the engine writes", async () => {
  const page = await examples();
  assertEquals([...page.keys()].sort(), ["hex checkpoint-2", "hex log-1", "text identity", "text manifest"]);
  const store = await StoreUnderTest.opened();
  await store.apply(write("k", "v"), write("key", "value"));
  await store.idle();
  const log = bytesOfDump(page.get("hex log-1")!);
  const written = [...store.disk.peek("log-1")];
  assertEquals(written.slice(0, log.length), log);
  assert(written.slice(log.length).every((byte) => byte === 0));
  await store.close();
  await store.open();
  assertEquals([...store.disk.peek("checkpoint-2")], bytesOfDump(page.get("hex checkpoint-2")!));
  assertEquals(new TextDecoder().decode(store.disk.peek("manifest")), page.get("text manifest"));
});

Deno.test("the example of an identity is what a new directory gets, twice", async () => {
  const { disk, time } = new StoreUnderTest();
  const entropy = { uint32: () => 0x0badcafe };
  await time.finish(openIdentity(disk, { cluster: "lab", id: "r1", entropy }));
  const expected = (await examples()).get("text identity");
  for (const file of ["identity", "identity.copy"]) {
    assertEquals(new TextDecoder().decode(disk.peek(file)), expected);
  }
});

Deno.test("every file of a directory is named by FORMAT.md", async () => {
  const page = await Deno.readTextFile(new URL("../../src/storage/FORMAT.md", import.meta.url));
  const store = await StoreUnderTest.opened({ segmentBytes: 1024 });
  for (let i = 0; i < 200; i++) {
    store.submit(write(`k${i % 4}`, "x".repeat(100)));
    await store.time.run(1);
    for (const name of store.disk.names()) {
      const pattern = name.replace(/\d+$/, "N").replace(/^.*\.tmp$/, "*.tmp");
      assert(page.includes(`| \`${pattern}\``) || page.includes(`, \`${pattern}\``), name);
    }
  }
});
