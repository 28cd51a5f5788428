import { assert, assertEquals } from "@std/assert";
import type { Merge, StoreResult } from "../../src/ports.ts";
import { CorruptionError } from "../../src/storage/corruption.ts";
import { writeManifest } from "../../src/storage/manifest.ts";
import { appendMerge, SEGMENT_BYTES, StoreUnderTest, write } from "./store_under_test.ts";

/** The greater text wins, as later stamps do. */
const greatestMerge: Merge = (_key, held, incoming) =>
  held && new TextDecoder().decode(held) >= new TextDecoder().decode(incoming) ? held : incoming;

Deno.test("H1: two merges of one key in flight lose neither", async () => {
  for (const bugs of [new Set<never>(), new Set(["merge_unserialised"] as const)]) {
    const store = await StoreUnderTest.opened({ merge: greatestMerge, bugs });
    const first = store.submit(write("k", "20"));
    const second = store.submit(write("k", "10"));
    await store.time.run();
    assertEquals([first.result?.kind, second.result?.kind], ["applied", "applied"]);
    const isCaught = store.get("k") !== "20";
    assertEquals(isCaught, bugs.size > 0, "caught with the planted bug, and only then");
  }
});

Deno.test("H1: replay merges in the order of the log", async () => {
  const store = await StoreUnderTest.opened({ merge: appendMerge });
  for (const letter of "abcdef") store.submit(write("k", letter));
  await store.time.run();
  await store.powerCut();
  assertEquals(store.get("k"), "abcdef");
});

Deno.test("H2: a read shows only what is on the disk", async () => {
  for (const bugs of [new Set<never>(), new Set(["read_before_sync"] as const)]) {
    const store = await StoreUnderTest.opened({ bugs });
    await store.put("k", "old");
    store.submit(write("k", "new"));
    const isCaught = store.get("k") !== "old";
    assertEquals(isCaught, bugs.size > 0, "caught with the planted bug, and only then");
    await store.time.run();
    assertEquals(store.get("k"), "new");
  }
});

Deno.test("H2: an acknowledgement comes after the sync", async () => {
  for (const bugs of [new Set<never>(), new Set(["ack_before_sync"] as const)]) {
    const store = await StoreUnderTest.opened({ bugs });
    const outcome = store.submit(write("k", "new"));
    assertEquals(outcome.result !== undefined, bugs.size > 0, "caught with the planted bug, and only then");
  }
});

/** Five acknowledged commits; the last one is in place but not closed by another frame. */
async function withUnclosedLog(): Promise<StoreUnderTest> {
  const store = await StoreUnderTest.opened();
  for (let i = 1; i <= 5; i++) await store.put(`k${i}`, `value ${i}`);
  return store;
}

/** The last frame of a log that holds equal frames: where it begins, and where it ends. */
function lastFrame(store: StoreUnderTest): { readonly begin: number; readonly end: number } {
  const bytes = store.disk.peek(store.lastLog());
  const view = new DataView(bytes.buffer);
  let begin = 0;
  let end = 8;
  while (end + 32 <= bytes.length && view.getUint32(end + 4) > 0) {
    begin = end;
    end += view.getUint32(begin + 4);
  }
  return { begin, end };
}

Deno.test("H3: a log cut anywhere in its last frame loses that frame and nothing else", async () => {
  const { begin, end } = lastFrame(await withUnclosedLog());
  for (let cut = begin; cut < end; cut++) {
    const store = await withUnclosedLog();
    store.disk.kill();
    store.disk.truncate(store.lastLog(), cut);
    await store.open();
    assertEquals(store.all().length, 4, `cut at ${cut}`);
    assertEquals(store.get("k4"), "value 4");
    if (cut >= begin + 24) {
      assert(store.said[0]?.includes(`offset=${begin}`), `cut at ${cut}: ${store.said[0]}`);
    }
    await store.put("k6", "six");
    await store.powerCut();
    assertEquals(store.get("k6"), "six");
  }
});

Deno.test("H3: a flipped bit in the last frame of a log that nothing closed is cut and reported", async () => {
  const { begin, end } = lastFrame(await withUnclosedLog());
  for (let offset = begin; offset < end; offset++) {
    const store = await withUnclosedLog();
    store.disk.kill();
    const log = store.lastLog();
    store.disk.flipBit(log, offset, offset % 8);
    await store.open();
    assertEquals(store.get("k5"), undefined);
    assertEquals(store.all().length, 4);
    assertEquals(store.said.length, 1, `flip at ${offset}`);
    assert(store.said[0]!.startsWith("warn:") && store.said[0]!.includes(`file=${log} offset=${begin}`));
  }
});

Deno.test("H3: once the idle log is closed, the same flip is corruption", async () => {
  const { begin, end } = lastFrame(await withUnclosedLog());
  for (const closing of ["idle", "close"] as const) {
    for (let offset = begin; offset < end; offset += 7) {
      const store = await withUnclosedLog();
      const log = store.lastLog();
      if (closing === "idle") {
        await store.idle();
        store.disk.kill();
      } else await store.close();
      store.disk.flipBit(log, offset, offset % 8);
      const error = await store.time.finish(store.beginOpen()).catch((cause) => cause);
      assert(error instanceof CorruptionError, `flip at ${offset} after ${closing}: ${error}`);
      assertEquals([error.file, error.offset], [log, begin]);
    }
  }
});

Deno.test("H3: damage at the start of a later segment is found there", async () => {
  const store = await StoreUnderTest.opened();
  // A checkpoint that cannot end keeps every segment.
  store.disk.bytesMax = 6 * SEGMENT_BYTES;
  const filler = "x".repeat(900);
  for (let i = 0; i < 6; i++) await store.put(`k${i}`, filler);
  store.disk.powerCut();
  const logs = store.logs().filter((number) => store.disk.peek(`log-${number}`)[12 + 7] !== 0);
  assert(logs.length >= 2, `frames in ${logs}`);
  store.disk.flipBit(`log-${logs.at(-1)}`, 8 + 50, 3);
  const error = await store.time.finish(store.beginOpen()).catch((cause) => cause);
  assert(error instanceof CorruptionError, String(error));
  assertEquals([error.file, error.offset], [`log-${logs.at(-1)}`, 8]);
});

Deno.test("H3: damage to a frame that the manifest calls applied is corruption, though the checkpoint has it", async () => {
  const store = await withUnclosedLog();
  store.disk.kill();
  const { begin } = lastFrame(store);
  const manifest = { checkpoint: 1, segment: 1, sequence: 1, applied: 5, started: true };
  await store.time.finish(writeManifest(store.disk, manifest));
  store.disk.flipBit("log-1", begin + 40, 1);
  const error = await store.time.finish(store.beginOpen()).catch((cause) => cause);
  assert(error instanceof CorruptionError, String(error));
  assertEquals([error.file, error.offset], ["log-1", begin]);
});

Deno.test("H3: however full a segment is, there is room to close it", async () => {
  for (let bytes = 300; bytes < 520; bytes += 8) {
    const store = await StoreUnderTest.opened({ segmentBytes: 1024 });
    await store.put("a", "x".repeat(512 - 39));
    await store.put("b", "x".repeat(bytes));
    const { frames } = store.engine.counters;
    await store.idle();
    assertEquals([store.engine.counters.frames, store.halts], [frames + 1, []], `${bytes} bytes`);
  }
});

Deno.test("H3: 500 flipped bits anywhere never serve a wrong value, and never stop without file and offset", async () => {
  let refusals = 0;
  for (let seed = 0; seed < 500; seed++) {
    const store = await StoreUnderTest.opened({ seed, merge: appendMerge });
    const { random } = store;
    const expected = new Map<string, string>();
    let last = "";
    for (let i = 0; i < 12; i++) {
      last = `k${i % 5}`;
      expected.set(last, (expected.get(last) ?? "") + i);
      await store.put(last, String(i));
    }
    const beforeLast = new Map(expected);
    beforeLast.set(last, expected.get(last)!.slice(0, -2));
    if (random.chance(500)) await store.close();
    else store.disk.kill();
    const names = store.disk.names().filter((name) => store.disk.peek(name).length > 0);
    const name = random.pick(names);
    const { length } = store.disk.peek(name);
    // Half of the flips go where the bytes are, and not where zeros are.
    const offset = random.below(random.chance(500) ? Math.min(length, 600) : length);
    store.disk.flipBit(name, offset, random.below(8));
    try {
      await store.open();
    } catch (error) {
      assert(error instanceof CorruptionError, `seed ${seed}: ${error}`);
      assertEquals(error.file, name, `seed ${seed}`);
      assert(error.offset <= offset, `seed ${seed}: ${error.message}`);
      assert(error.message.includes(`${error.file} is damaged at byte ${error.offset}`));
      refusals++;
      continue;
    }
    const held = JSON.stringify(store.all());
    const all = JSON.stringify([...expected].sort());
    const cut = JSON.stringify([...beforeLast].sort());
    assert(held === all || (held === cut && store.said.length === 1), `seed ${seed}: ${held} ${store.said}`);
  }
  assert(refusals > 50, `${refusals} refusals`);
});

Deno.test("H4: leftovers of a recycled segment are never replayed", async () => {
  const store = await StoreUnderTest.opened({ merge: appendMerge });
  // The same frame sizes all over, so that old frames stand exactly where new ones end.
  for (let i = 0; i < 300; i++) {
    const name = `k${i % 3}`;
    if (i % 3 === i % 2) await store.apply(write(name, ""));
    await store.put(name, String.fromCharCode(97 + i % 26).repeat(80));
    if (i % 20 !== 0) continue;
    const held = store.all();
    await store.powerCut();
    assertEquals(store.all(), held, `after ${i}`);
  }
  assert(Math.max(...store.logs()) > 20);
  await store.powerCut();
  const content = store.disk.peek(store.lastLog()).subarray(8);
  assert(content.some((byte) => byte !== 0), "a segment without a frame yet is an old one");
});

Deno.test("H4: a zeroed header is not an empty record", async () => {
  const store = await withUnclosedLog();
  await store.idle();
  store.disk.kill();
  const log = store.lastLog();
  const { begin } = lastFrame(store);
  const file = await store.disk.open(log);
  file.write(new Uint8Array(32), begin - (begin - 8) / 5);
  const error = await store.time.finish(store.beginOpen()).catch((cause) => cause);
  assert(error instanceof CorruptionError, String(error));
  assertEquals(error.file, log);
});

Deno.test("H5: a failed sync halts, and nothing is answered from then on", async () => {
  const store = await StoreUnderTest.opened();
  await store.put("a", "1");
  store.disk.failingSyncs = 1;
  const first = store.submit(write("a", "2"));
  const second = store.submit(write("b", "2"));
  await store.time.run();
  assertEquals(store.halts.length, 1);
  const third = store.submit(write("c", "3"));
  let read: StoreResult | undefined;
  store.engine.submit({ kind: "get", key: write("a", "").key }, (result) => read = result);
  store.engine.tick();
  await store.time.run();
  assertEquals([first.result, second.result, third.result, read], [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  await store.time.finish(store.engine.close());
  assertEquals(store.halts.length, 1);
});

Deno.test("H5: when a checkpoint's sync fails, a commit that is on its way is not answered either", async () => {
  let unanswered = 0;
  for (let moment = 0; moment < 60; moment++) {
    const store = await StoreUnderTest.opened({ segmentBytes: 1024, seed: moment });
    let answersAfterHalt = 0;
    for (let i = 0; i < 60; i++) {
      store.engine.submit({ kind: "apply", writes: [write(`k${i}`, "x".repeat(300))] }, () => {
        if (store.halts.length > 0) answersAfterHalt++;
      });
    }
    store.engine.flush();
    await store.time.run(moment);
    store.disk.failingSyncs = 1;
    await store.time.run();
    if (store.halts.length > 0) unanswered++;
    assertEquals(answersAfterHalt, 0, `moment ${moment}`);
  }
  assert(unanswered > 20);
});

Deno.test("H5: what a start serves after a failed sync survives a power cut", async () => {
  for (let seed = 0; seed < 40; seed++) {
    const store = await StoreUnderTest.opened({ seed });
    await store.put("a", "1");
    store.disk.failingSyncs = 1;
    store.submit(write("a", "2"));
    await store.time.run();
    store.disk.kill();
    await store.open();
    const served = store.all();
    await store.powerCut();
    assertEquals(store.all(), served, `seed ${seed}`);
  }
});

Deno.test("H5: what a start serves after a kill -9 before a sync survives a power cut", async () => {
  let servedNew = 0;
  for (let seed = 0; seed < 40; seed++) {
    const store = await StoreUnderTest.opened({ seed });
    await store.put("a", "1");
    const outcome = store.submit(write("a", "2"));
    store.disk.kill();
    assertEquals(outcome.result, undefined);
    await store.open();
    if (store.get("a") === "2") servedNew++;
    const served = store.all();
    await store.powerCut();
    assertEquals(store.all(), served, `seed ${seed}`);
  }
  assertEquals(servedNew, 40, "the page cache survives a kill");
});

Deno.test("H5: a sync that fails at a start lets nobody in", async () => {
  for (let failing = 0; failing < 8; failing++) {
    const store = await StoreUnderTest.opened();
    await store.put("a", "1");
    store.disk.kill();
    const opening = store.beginOpen();
    await store.time.run(failing);
    store.disk.failingSyncs = 1;
    const outcome = await store.time.finish(opening.then(() => "open", (error) => String(error)));
    if (outcome === "open") {
      assert(failing > 4, `${failing}`);
      continue;
    }
    assert(outcome.includes("EIO"), outcome);
    store.disk.failingSyncs = 0;
    await store.powerCut();
    assertEquals(store.all(), [["a", "1"]], `sync ${failing} failed`);
  }
});
