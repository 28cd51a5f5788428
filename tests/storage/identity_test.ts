import { assert, assertEquals } from "@std/assert";
import { CorruptionError } from "../../src/storage/corruption.ts";
import { DirectoryError, openIdentity } from "../../src/storage/identity.ts";
import { deriveOfNothing, StoreUnderTest } from "./store_under_test.ts";

let drawn = 0;
const R1 = { cluster: "lab", id: "r1", entropy: { uint32: (): number => ++drawn } };

/** Opens the identity as a new process would. */
async function restart(
  store: StoreUnderTest,
  who: typeof R1 = R1,
): Promise<{ readonly epoch: string; readonly isNew: boolean; readonly said: string[] }> {
  store.disk.kill();
  const said: string[] = [];
  const log = { write: (_level: string, text: string): void => void said.push(text) };
  return { ...await store.time.finish(openIdentity(store.disk.mount(), { ...who, log })), said };
}

async function failure(opening: Promise<unknown>): Promise<unknown> {
  return await opening.then(() => undefined, (cause) => cause);
}

Deno.test("a directory keeps its epoch, and a new one draws another", async () => {
  const store = new StoreUnderTest();
  const first = await restart(store);
  assert(first.isNew && /^[0-9a-f]{8}$/.test(first.epoch));
  await store.open();
  const second = await restart(store);
  assertEquals([second.epoch, second.isNew], [first.epoch, false as boolean]);
  store.disk.powerCut();
  assertEquals((await restart(store)).epoch, first.epoch);
  const other = await restart(new StoreUnderTest());
  assert(other.epoch !== first.epoch);
});

Deno.test("a directory says whose it is when somebody else opens it", async () => {
  const store = new StoreUnderTest();
  await restart(store);
  for (
    const [who, other] of [[{ ...R1, id: "r2" }, "r2 of lab"], [
      { ...R1, cluster: "prod" },
      "r1 of prod",
    ]] as const
  ) {
    const error = await failure(restart(store, who));
    assert(error instanceof DirectoryError);
    assert(error.message.includes(`belongs to replica r1 of cluster lab, not to ${other}`), error.message);
  }
});

Deno.test("a directory that another process has open is left alone", async () => {
  const store = new StoreUnderTest();
  await restart(store);
  const error = await failure(store.time.finish(openIdentity(store.disk, R1)));
  assert(error instanceof DirectoryError && error.message.includes("in use by another process"));
});

Deno.test("one damaged or missing copy is repaired from the other, and told", async () => {
  for (const file of ["identity", "identity.copy"]) {
    for (const damage of ["flip", "cut", "remove"] as const) {
      const store = new StoreUnderTest();
      const { epoch } = await restart(store);
      await store.open();
      const whole = store.disk.peek(file);
      if (damage === "flip") store.disk.flipBit(file, 40, 2);
      else if (damage === "cut") store.disk.truncate(file, 17);
      else await store.disk.remove(file);
      const again = await restart(store);
      assertEquals([again.epoch, again.said.length], [epoch, 1]);
      assertEquals(store.disk.peek(file), whole);
      assertEquals((await restart(store)).said, []);
    }
  }
});

Deno.test("two damaged copies, and copies that differ, are corruption", async () => {
  const store = new StoreUnderTest();
  await restart(store);
  const { length } = store.disk.peek("identity");
  for (let offset = 0; offset < length; offset++) {
    const flipped = new StoreUnderTest();
    await restart(flipped);
    flipped.disk.flipBit("identity", offset, offset % 8);
    flipped.disk.flipBit("identity.copy", length - 1 - offset, 3);
    const error = await failure(restart(flipped));
    assert(error instanceof CorruptionError && error.file === "identity", `flip at ${offset}: ${error}`);
  }
  const other = new StoreUnderTest();
  await restart(other);
  const file = await store.disk.open("identity.copy");
  file.write(other.disk.peek("identity"), 0);
  const error = await failure(restart(store));
  assert(error instanceof CorruptionError && error.file === "identity.copy", String(error));
});

Deno.test("a store without an identity is corruption, not a new directory", async () => {
  const store = new StoreUnderTest();
  await restart(store);
  await store.open();
  await store.disk.remove("identity");
  await store.disk.remove("identity.copy");
  const error = await failure(restart(store));
  assert(error instanceof CorruptionError && /because \S+ is beside it/.test(error.message));
});

/** A directory whose store is gone, and whose identity is not. */
async function emptied(seed: number): Promise<{ store: StoreUnderTest; epoch: string }> {
  const store = new StoreUnderTest({ seed });
  const { epoch } = await restart(store);
  await store.open();
  await store.put("k", "v");
  await store.close();
  for (const name of store.disk.names()) {
    if (!name.startsWith("identity")) await store.disk.remove(name);
  }
  await store.time.finish(store.disk.syncDirectory());
  return { store, epoch };
}

Deno.test("H7: an identity without a store beside it is not spoken under again", async () => {
  const { store, epoch } = await emptied(1);
  const error = await failure(restart(store, { ...R1, id: "r2" }));
  assert(error instanceof DirectoryError, "it still says whose it is");
  const again = await restart(store);
  assert(again.epoch !== epoch && again.isNew);
  assertEquals(again.said, [
    "the directory has an identity and no store: it begins anew, under another epoch",
  ]);
  await store.open();
  const later = await restart(store);
  assertEquals([later.epoch, later.isNew, later.said], [again.epoch, false, []]);
});

Deno.test("H7: a first start that ended before the manifest was there begins anew, whatever is derived of nothing", async () => {
  let orphans = 0;
  for (let moment = 0; moment < 60; moment++) {
    const derive = deriveOfNothing();
    const store = new StoreUnderTest({ seed: moment, derive: () => derive });
    const { epoch } = await restart(store);
    const opening = failure(store.beginOpen());
    await store.time.run(moment % 20);
    store.disk.kill();
    const names = store.disk.names();
    if (names.includes("manifest") || !names.includes("checkpoint-1")) continue;
    orphans++;
    const again = await store.time.finish(openIdentity(store.disk.mount(), { ...R1, derive }));
    assert(again.isNew && again.epoch !== epoch);
    await store.open();
    await store.put("k", "v");
    void opening;
  }
  assert(orphans > 0, "no moment had a checkpoint and no manifest");
});

Deno.test("H7: nor is one beside frames without a manifest, and then the directory is damaged and left as it is", async () => {
  const store = new StoreUnderTest();
  const { epoch } = await restart(store);
  await store.open();
  await store.put("k", "v");
  await store.close();
  const manifest = store.disk.peek("manifest");
  await store.disk.remove("manifest");
  const error = await failure(restart(store));
  assert(error instanceof CorruptionError && error.file === "manifest", String(error));
  (await store.disk.open("manifest")).write(manifest, 0);
  assertEquals((await restart(store)).epoch, epoch);
});

Deno.test("H7: power cuts while a new epoch is given to an emptied directory leave one, and never the old one in use", async () => {
  for (let seed = 0; seed < 60; seed++) {
    const { store, epoch } = await emptied(seed);
    store.disk.kill();
    const opening = failure(openIdentity(store.disk.mount(), R1));
    await store.time.run(seed % 16);
    store.disk.powerCut();
    const first = await restart(store);
    assert(first.epoch !== epoch, `seed ${seed}`);
    await store.open();
    store.disk.powerCut();
    assertEquals((await restart(store)).epoch, first.epoch);
    void opening;
  }
});

Deno.test("power cuts while an identity is made leave none or the one", async () => {
  for (let seed = 0; seed < 60; seed++) {
    const store = new StoreUnderTest({ seed });
    const opening = failure(openIdentity(store.disk.mount(), R1));
    await store.time.run(seed % 8);
    store.disk.powerCut();
    const first = await restart(store);
    await store.open();
    store.disk.powerCut();
    assertEquals((await restart(store)).epoch, first.epoch);
    void opening;
  }
});
