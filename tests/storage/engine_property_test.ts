import { assert, assertEquals } from "@std/assert";
import type { PlantedBug } from "../../src/base/planted_bug.ts";
import { Random } from "../../src/base/random.ts";
import type { StoreWrite } from "../../src/ports.ts";
import { appendMerge, StoreUnderTest, write } from "./store_under_test.ts";

type Outcome = { result: { readonly kind: string } | undefined };

/** What the store should hold: the dumb version. */
class Model {
  /** What was there when this life began. */
  #base = new Map<string, string>();
  /** The commands of this life in order. */
  #commands: { readonly writes: readonly StoreWrite[]; readonly outcome: Outcome }[] = [];
  acknowledgedCount = 0;
  refusedCount = 0;

  add(writes: readonly StoreWrite[], outcome: Outcome): void {
    this.#commands.push({ writes, outcome });
  }

  /** Every state that the store may come back with: all that was acknowledged, then ever more of what was not answered. */
  #states(): Map<string, string>[] {
    const taken = this.#commands.filter(({ outcome }) => outcome.result?.kind !== "disk_full");
    let acknowledged = taken.findLastIndex(({ outcome }) => outcome.result !== undefined) + 1;
    const states: Map<string, string>[] = [];
    let state = this.#base;
    for (const { writes } of taken) {
      if (acknowledged-- <= 0) states.push(state);
      state = new Map(state);
      for (const { key, value } of writes) {
        const text = new TextDecoder().decode(value);
        if (text === "") state.delete(key);
        else state.set(key, (state.get(key) ?? "") + text);
      }
    }
    states.push(state);
    return states;
  }

  /** Throws unless the store holds a state that it may hold; from then on it is the one. */
  settle(held: readonly [string, string][], message: string): void {
    const found = JSON.stringify(held);
    const states = this.#states();
    const state = states.find((each) => JSON.stringify([...each].sort(byKey)) === found);
    assert(
      state !== undefined,
      `${message}: holds ${found}, may hold ${JSON.stringify(states.map((each) => [...each]))}`,
    );
    for (const { outcome } of this.#commands) {
      if (outcome.result?.kind === "applied") this.acknowledgedCount++;
      if (outcome.result?.kind === "disk_full") this.refusedCount++;
    }
    this.#base = state;
    this.#commands = [];
  }
}

function byKey([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}

/** Any operations, crashes and faults: the store equals a map, up to what nobody was told of. */
async function check(seed: number, bugs: ReadonlySet<PlantedBug>): Promise<Model> {
  const random = new Random(seed);
  const segmentBytes = random.pick([1024, 2048, 4096, 16 * 1024]);
  const store = await StoreUnderTest.opened({ seed, merge: appendMerge, segmentBytes, bugs });
  const model = new Model();
  store.disk.shortWritesPerMille = random.pick([0, 300]);
  for (let step = 0; step < 80; step++) {
    const roll = random.below(100);
    if (roll < 60) {
      const writes: StoreWrite[] = [];
      for (let count = random.between(1, 3); count > 0; count--) {
        const value = random.chance(150) ? "" : `${step}.`.repeat(random.pick([1, 1, 5, 40]));
        writes.push(write(`k${random.below(6)}`, value));
      }
      model.add(writes, store.submit(...writes));
    } else if (roll < 75) await store.time.run(random.below(6));
    else if (roll < 85) store.engine.tick();
    else if (roll < 88) {
      store.disk.bytesMax = store.disk.usedBytes() + random.below(segmentBytes);
      if (random.chance(300)) store.disk.writableBytes = random.below(2000);
    } else if (roll < 92) heal(store);
    else if (roll < 93) store.disk.failingSyncs = 1;
    else {
      heal(store);
      await crash(store, random);
      model.settle(store.all(), `seed ${seed} step ${step}`);
      await store.powerCut();
      model.settle(store.all(), `seed ${seed} step ${step}, after a second power cut`);
    }
  }
  heal(store);
  await store.time.run();
  await crash(store, random);
  model.settle(store.all(), `seed ${seed} at the end`);
  assert(!store.said.some((line) => line.includes("corrupt")));
  return model;
}

function heal(store: StoreUnderTest): void {
  store.disk.bytesMax = Infinity;
  store.disk.writableBytes = Infinity;
  store.disk.failingSyncs = 0;
}

async function crash(store: StoreUnderTest, random: Random): Promise<void> {
  const kind = random.pick(["close", "kill", "power", "power"]);
  if (kind === "close") await store.close();
  else if (kind === "kill") store.disk.kill();
  else store.disk.powerCut();
  // Power is lost again while the store starts, now and then.
  while (random.chance(300)) {
    const opening = store.beginOpen();
    opening.catch(() => {});
    await store.time.run(random.below(12));
    store.disk.powerCut();
  }
  await store.open();
}

Deno.test("Engine equals a map under any operations, crashes and faults", async () => {
  let acknowledgedCount = 0;
  let refusedCount = 0;
  for (let seed = 0; seed < 150; seed++) {
    const model = await check(seed, new Set());
    acknowledgedCount += model.acknowledgedCount;
    refusedCount += model.refusedCount;
  }
  assert(acknowledgedCount > 10 * 150 && refusedCount > 150, `${acknowledgedCount}, ${refusedCount}`);
});

for (const bug of ["ack_before_sync", "merge_unserialised"] as const) {
  Deno.test(`Engine with the planted bug ${bug} is caught`, async () => {
    let caught = 0;
    for (let seed = 0; seed < 30; seed++) await check(seed, new Set([bug])).catch(() => caught++);
    assert(caught > 0, "not caught in 30 seeds");
  });
}

Deno.test("Engine runs the same way twice", async () => {
  const run = async (): Promise<string> => {
    const store = await StoreUnderTest.opened({ seed: 5, segmentBytes: 1024 });
    for (let i = 0; i < 60; i++) {
      store.submit(write(`k${i % 7}`, "x".repeat(i)));
      await store.time.run(i % 4);
    }
    store.disk.powerCut();
    await store.open();
    const files = store.disk.names().map((name) => [name, [...store.disk.peek(name)].join()]);
    return JSON.stringify([store.time.nowMs, files]);
  };
  assertEquals(await run(), await run());
});
