/** Tests of `src/sim/settle.ts`. @module */
import { assertEquals } from "@std/assert";
import { settle } from "../../src/sim/settle.ts";

async function chainOf(length: number, done: () => void): Promise<void> {
  for (let i = 0; i < length; i++) await undefined;
  done();
}

Deno.test("Whatever can go on by itself has done so, whichever turn of a batch comes", async () => {
  for (let turn = 0; turn < 100; turn++) {
    let doneCount = 0;
    void chainOf(1, () => doneCount++);
    void chainOf(1000, () => doneCount++);
    await settle();
    assertEquals(doneCount, 2, `turn ${turn}`);
  }
});

Deno.test("Each of several who wait goes on, in their order, and after what the one before it began", async () => {
  const happened: string[] = [];
  const wait = async (name: string): Promise<void> => {
    await settle();
    happened.push(name);
    void chainOf(100, () => happened.push(`${name} is done`));
  };
  await Promise.all([wait("a"), wait("b"), wait("c")]);
  await settle();
  assertEquals(happened, ["a", "a is done", "b", "b is done", "c", "c is done"]);
});
