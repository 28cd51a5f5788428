/** Tests of `src/replication/forward_window.ts`. @module */
import { assert, assertEquals } from "@std/assert";
import { ForwardWindow } from "../../src/replication/forward_window.ts";

Deno.test("A round is the first of its kind once for each peer and each of its lives", () => {
  const window = new ForwardWindow({ roundsMax: 8 });
  const firsts = [["r1", 1, 5], ["r1", 1, 5], ["r2", 1, 5], ["r1", 2, 5], ["r1", 1, 3], [
    "r1",
    1,
    3,
  ]] as const;
  assertEquals(
    firsts.map(([peer, life, round]) => window.isFirst(peer, { life, round })),
    [true, false, true, true, true, false],
  );
});

Deno.test("What is forgotten counts as seen: a round that is overtaken by too many is not done, and none is done twice", () => {
  const window = new ForwardWindow({ roundsMax: 4 });
  const isFirst = (round: number): boolean => window.isFirst("r1", { life: 1, round });
  for (const round of [10, 12, 11, 14]) assert(isFirst(round));
  assert(isFirst(9), "overtaken by four");
  assert(!isFirst(8), "overtaken by more");
  for (const round of [9, 10, 11, 12, 14]) assert(!isFirst(round), String(round));
  for (let round = 15; round < 1000; round++) assert(isFirst(round));
  for (let round = 1; round < 1000; round++) assert(!isFirst(round));
});

Deno.test("What has come late is forgotten early, and brings nothing back with it", () => {
  const window = new ForwardWindow({ roundsMax: 4 });
  const isFirst = (round: number): boolean => window.isFirst("r1", { life: 1, round });
  for (const round of [20, 5, 21, 22, 23, 24]) assert(isFirst(round));
  for (const round of [5, 6, 20]) assert(!isFirst(round), String(round));
});

Deno.test("The last lives of a peer are remembered: what was on its way when it died may come twice too", () => {
  const window = new ForwardWindow({ roundsMax: 4 });
  for (let life = 1; life <= 4; life++) assert(window.isFirst("r1", { life, round: 7 }));
  for (let life = 1; life <= 4; life++) assert(!window.isFirst("r1", { life, round: 7 }));
});
