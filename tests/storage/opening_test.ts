/** Tests of directories that a store must not be opened on: `src/storage/opening.ts` and `recovery.ts`. @module */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CorruptionError } from "../../src/storage/corruption.ts";
import { DirectoryError } from "../../src/storage/identity.ts";
import { StoreUnderTest, write } from "./store_under_test.ts";

/** Why an engine cannot be opened. */
async function failureOf(store: StoreUnderTest): Promise<unknown> {
  store.disk.kill();
  return await store.time.finish(store.beginOpen().then(() => "opened", (cause: unknown) => cause));
}

Deno.test("A segment or checkpoint with a number beyond all that can be written is damage, named by its file", async () => {
  for (const file of ["log-9999999999", "log-4294967295", "checkpoint-9999999999"]) {
    for (const isNew of [true, false]) {
      const store = isNew ? new StoreUnderTest() : await StoreUnderTest.opened();
      (await store.disk.open(file)).close();
      const error = await failureOf(store);
      assert(error instanceof CorruptionError && error.file === file, `${file}: ${error}`);
      assertStringIncludes(error.message, "a number below 4000000000 in its name");
    }
  }
});

Deno.test("A store that holds more for a key than segment_bytes can take is refused with both numbers, and stays as it is", async () => {
  const store = await StoreUnderTest.opened({ segmentBytes: 4096 });
  await store.put("large", "x".repeat(3000));
  const smaller = new StoreUnderTest({ segmentBytes: 2048, isRewritten: true });
  for (const name of store.disk.names()) (await smaller.disk.open(name)).write(store.disk.peek(name), 0);
  const names = smaller.disk.names();
  const error = await failureOf(smaller);
  assert(error instanceof DirectoryError, String(error));
  assertStringIncludes(error.message, "segment_bytes = 2048 is too small");
  assertEquals(smaller.disk.names(), names);
  const needed = Number(/at least (\d+)/.exec(error.message)![1]);
  const fitting = new StoreUnderTest({ segmentBytes: needed, isRewritten: true });
  for (const name of names) (await fitting.disk.open(name)).write(smaller.disk.peek(name), 0);
  await fitting.open();
  // With what stands beside it in a hint.
  assertEquals((await fitting.apply(write("large".padEnd(38), "x".repeat(3009))))?.kind, "applied");
});
