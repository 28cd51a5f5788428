import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import type { StoreResult } from "../../src/ports.ts";
import { appendMerge, key, SEGMENT_BYTES, StoreUnderTest, write } from "./store_under_test.ts";

Deno.test("what was stored is held after an orderly end and a new start", async () => {
  const store = await StoreUnderTest.opened();
  await store.put("a", "1");
  await store.put("b", "2");
  await store.put("a", "3");
  await store.put("b", "");
  await store.close();
  await store.open();
  assertEquals(store.all(), [["a", "3"]]);
  assertEquals(store.said, []);
});

Deno.test("an answer holds what was held before each write and after it", async () => {
  const store = await StoreUnderTest.opened({ merge: appendMerge });
  await store.put("a", "1");
  const result = await store.apply(write("a", "2"), write("b", "3"), write("a", "4"));
  const text = (bytes: Uint8Array | undefined): string | undefined =>
    bytes && new TextDecoder().decode(bytes);
  assert(result?.kind === "applied");
  assertEquals(result.changes.map((change) => [text(change.old), text(change.new)]), [
    ["1", "12"],
    [undefined, "3"],
    ["12", "124"],
  ]);
});

Deno.test("commands that come during a sync share the next one", async () => {
  const store = await StoreUnderTest.opened();
  const before = store.engine.counters;
  const results: StoreResult[] = [];
  for (let i = 0; i < 50; i++) {
    store.engine.submit({ kind: "apply", writes: [write(`k${i}`, "x")] }, (result) => results.push(result));
    store.engine.flush();
  }
  await store.time.run();
  assertEquals(results.length, 50);
  assertEquals(store.engine.counters.syncs - before.syncs, 2);
});

Deno.test("a command that is submitted while answers are given is committed without a flush", async () => {
  const store = await StoreUnderTest.opened();
  let second: StoreResult | undefined;
  store.engine.submit({ kind: "apply", writes: [write("a", "1")] }, () => {
    store.engine.submit({ kind: "apply", writes: [write("b", "2")] }, (result) => second = result);
  });
  store.engine.flush();
  await store.time.run();
  assertEquals(second?.kind, "applied");
});

Deno.test("a flush right after the last answer is not lost", async () => {
  const store = await StoreUnderTest.opened();
  for (let hops = 0; hops < 12; hops++) {
    const outcome: { result: StoreResult | undefined } = { result: undefined };
    store.engine.submit({ kind: "apply", writes: [write("a", "1")] }, () => {
      let chain = Promise.resolve();
      for (let i = 0; i < hops; i++) chain = chain.then(() => {});
      chain.then(() => {
        store.engine.submit(
          { kind: "apply", writes: [write("b", "2")] },
          (result) => outcome.result = result,
        );
        store.engine.flush();
      });
    });
    store.engine.flush();
    await store.time.run();
    assertEquals(outcome.result?.kind, "applied", `${hops} microtasks later`);
  }
});

Deno.test("a queue larger than a segment is spread over segments, in order", async () => {
  const store = await StoreUnderTest.opened({ merge: appendMerge });
  const results: StoreResult[] = [];
  const letters = "abcdefghijklmnopqrst";
  for (const letter of letters) {
    const writes = [write("order", letter), write(letter, "x".repeat(1000))];
    store.engine.submit({ kind: "apply", writes }, (result) => results.push(result));
  }
  store.engine.flush();
  await store.time.run();
  assertEquals(results.filter(({ kind }) => kind === "applied").length, letters.length);
  assertEquals(store.get("order"), letters);
  await store.powerCut();
  assertEquals(store.get("order"), letters);
});

Deno.test("a batch that cannot fit any segment is a bug, not an answer", async () => {
  const store = await StoreUnderTest.opened();
  assertThrows(() => store.submit(write("a", "x".repeat(SEGMENT_BYTES))), InvariantError, "do not fit");
});

Deno.test("a batch without writes is answered after a sync like any other", async () => {
  const store = await StoreUnderTest.opened();
  assertEquals(await store.apply(), { kind: "applied", changes: [] });
});

Deno.test("a scan keeps to its range and its limits and tells whether more follows", async () => {
  const store = await StoreUnderTest.opened();
  for (const name of ["d", "a", "c", "b", "e"]) await store.put(name, name.repeat(10));
  const scan = (begin: string, end: string, countMax: number, bytesMax: number): unknown => {
    let found: unknown;
    const range = { begin: key(begin), end: key(end), countMax, bytesMax };
    store.engine.submit({ kind: "scan", ...range }, (result) => {
      if (result.kind === "scanned") {
        found = [result.entries.map((entry) => String(entry.key)).join(""), result.more];
      }
    });
    return found;
  };
  assertEquals(scan("b", "e", 10, 1000), ["bcd", false]);
  assertEquals(scan("a", "z", 2, 1000), ["ab", true]);
  assertEquals(scan("a", "z", 5, 1000), ["abcde", false]);
  assertEquals(scan("a", "z", 10, 32), ["ab", true], "keys and values of two take 22 bytes, of three 33");
  assertEquals(scan("a", "z", 10, 33), ["abc", true]);
  assertEquals(scan("a", "z", 10, 21), ["a", true]);
  assertEquals(scan("a", "z", 10, 0), ["a", true]);
});

Deno.test("an idle log is closed by one frame, once", async () => {
  const store = await StoreUnderTest.opened();
  await store.put("a", "1");
  const { frames } = store.engine.counters;
  store.engine.tick();
  await store.time.run();
  assertEquals(store.engine.counters.frames, frames, "the first tick has seen a commit");
  await store.idle();
  await store.idle();
  assertEquals(store.engine.counters.frames, frames + 1);
});

Deno.test("close commits what is queued and answers it", async () => {
  const store = await StoreUnderTest.opened();
  let result: StoreResult | undefined;
  store.engine.submit({ kind: "apply", writes: [write("a", "1")] }, (answer) => result = answer);
  await store.close();
  assertEquals(result?.kind, "applied");
  await store.open();
  assertEquals(store.get("a"), "1");
});

Deno.test("disk use stays bounded whatever is written", async () => {
  const store = await StoreUnderTest.opened();
  let usedBytesMax = 0;
  for (let i = 0; i < 1500; i++) {
    await store.put(`k${i % 8}`, "x".repeat(100 + i % 50));
    usedBytesMax = Math.max(usedBytesMax, store.disk.usedBytes());
  }
  assert(store.engine.counters.checkpoints > 20, `${store.engine.counters.checkpoints} checkpoints`);
  const bound = 4 * SEGMENT_BYTES + 2 * 2048 + 1024;
  assert(usedBytesMax <= bound, `${usedBytesMax} bytes, bound ${bound}`);
  await store.powerCut();
  assertEquals(store.all().length, 8);
});

Deno.test("writes go on while a checkpoint is written, and none is in it twice", async () => {
  const store = await StoreUnderTest.opened({ merge: appendMerge, segmentBytes: 16 * 1024 });
  for (let i = 0; i < 150; i++) store.submit(write(`filler${i}`, "x".repeat(900)));
  const outcomes = [];
  for (let i = 0; i < 400; i++) {
    outcomes.push(store.submit(write("order", String(i % 10)), write(`k${i}`, "y".repeat(100))));
    await store.time.run(1);
  }
  await store.time.run();
  assert(outcomes.every(({ result }) => result?.kind === "applied"));
  const expected = outcomes.map((_, i) => String(i % 10)).join("");
  assertEquals(store.get("order"), expected);
  assert(store.engine.counters.checkpoints >= 2);
  for (let i = 0; i < 3; i++) {
    await store.powerCut();
    assertEquals(store.get("order"), expected);
  }
});

Deno.test("segments of another size than configured are replayed and not recycled", async () => {
  const store = await StoreUnderTest.opened({ segmentBytes: 8192 });
  for (let i = 0; i < 100; i++) await store.put(`k${i % 5}`, String(i).repeat(50));
  const held = store.all();
  await store.close();
  const smaller = new StoreUnderTest({ segmentBytes: 4096 });
  for (const name of store.disk.names()) {
    const file = await smaller.disk.open(name);
    file.write(store.disk.peek(name), 0);
  }
  await smaller.open();
  assertEquals(smaller.all(), held);
  for (let i = 0; i < 100; i++) await smaller.put(`k${i % 5}`, String(i).repeat(50));
  for (const name of smaller.disk.names()) {
    if (name.startsWith("log-") || name === "spare") assertEquals(smaller.disk.peek(name).length, 4096, name);
  }
});

Deno.test("an engine whose power was cut answers nothing any more", async () => {
  const store = await StoreUnderTest.opened();
  const outcome = store.submit(write("a", "1"));
  store.disk.powerCut();
  await store.time.run();
  assertEquals(outcome.result, undefined);
  await assertRejects(() => store.time.finish(store.engine.close()), Error, "nothing is left to happen");
});
