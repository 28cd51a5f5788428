/** Tests of `src/sim/carried_sessions.ts`: what clients that carry sessions are owed, over all keyspaces, until a disk is lost. @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { History } from "../../src/checker/history.ts";
import { judgeCarriedSessions } from "../../src/sim/carried_sessions.ts";
import { simulate } from "../../src/sim/simulation.ts";
import { history } from "../checker/history_notation.ts";

function sentences(...histories: History[]): string[] {
  const named = new Map(histories.map((each) => [each.keyspace!, each]));
  return judgeCarriedSessions(named).violations.map(({ judge, sentence }) => `${judge}: ${sentence}`);
}

/** Client 2 saw what followed from x, and misses x. */
const MISSED = ["c1 put x=a 1-2 r1.a@1", "c1 put y=b 3-4 r1.a@2", "c2 get y=b 5-6 r1.a@2", "c2 get x 7-8"];

Deno.test("What leads from one keyspace to another is followed, and equal keys of two are two keys", () => {
  const [first, second, third, fourth] = MISSED as [string, string, string, string];
  const main = history([first, fourth], { keyspace: "main" });
  const items = history([second, third], { keyspace: "items" });
  const [found, ...others] = sentences(main, items);
  assertMatch(found!, /^causality: client 2 got main\/x = nothing .* by way of: client 1 put items\/y = b/);
  assertEquals(others, []);
  assertEquals(sentences(main), [], "alone it shows nothing");
  const same = history([second.replace("y", "x"), third.replace("y", "x")], { keyspace: "items" });
  assertEquals(sentences(main, same).length, 1);
});

Deno.test("What a lost disk may have taken along is owed to nobody from then on, and everything before is", () => {
  const lostAt = (atMs: number): History =>
    history(MISSED, { keyspace: "main", diskLosses: [{ replica: "r1", atMs }] });
  assertEquals(sentences(lostAt(7.5)), []);
  assertEquals(sentences(lostAt(9)).length, 1);
});

Deno.test("H12: clients that carry sessions do so in every step, change coordinators, and are judged causally", async () => {
  const run = await simulate(0, { sessions: true, faults: [] });
  assertEquals(run.findings, []);
  assertEquals(run.judgedCounts.get("causality"), run.histories.size);
  const steps = [...run.histories.values()].flatMap(({ operations }) => operations)
    .filter(({ client }) => client < 1000);
  assert(steps.length > 200 && steps.every(({ session, client }) => session === `s${client}`));
  assert(new Set(steps.filter(({ client }) => client === 1).map(({ coordinator }) => coordinator)).size > 1);
  // On a network that loses nothing, without faults, all copies can answer, and nothing may be stale.
  assert(steps.filter(({ live }) => live !== undefined).length * 2 > steps.length);
  assertEquals(steps.filter(({ maybeStale }) => maybeStale), []);
  const without = await simulate(0, { sessions: false, faults: [] });
  assertEquals(without.judgedCounts.get("causality"), undefined);
});
