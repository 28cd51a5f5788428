/** Tests of what replicas tell each other of their writes: `src/replication/complete_told.ts`, `complete_heard.ts` (H12). @module */
import { assert, assertEquals } from "@std/assert";
import { NO_BUGS, type PlantedBug } from "../../src/base/planted_bug.ts";
import { CompleteHeard } from "../../src/replication/complete_heard.ts";
import { type Bookkeeping, CompleteTold } from "../../src/replication/complete_told.ts";

const NONE = Infinity;

/** Nothing is under way, and nothing owed. */
function idle(latest: number): Bookkeeping {
  return { latest, oldest: NONE, isOwed: false };
}

/** r1, which has met r2 and r3 and written nothing. */
function met(bugs: ReadonlySet<PlantedBug> = NO_BUGS): CompleteTold {
  const told = new CompleteTold({ self: "r1", peers: ["r2", "r3"], bugs });
  told.begin(0);
  for (const [id, epoch] of [["r2", "e2"], ["r3", "e3"]] as const) {
    told.onEpoch(id, epoch, { latest: 0, hasWritten: false });
  }
  return told;
}

/** Up to which stamp it tells, `nothing`, or with a hold. */
function said(told: CompleteTold, id: string, books: Bookkeeping): string {
  const complete = told.tell(id, books);
  if (complete === undefined) return "nothing";
  return `${complete.until}${complete.hold > 0 ? ` but ${complete.hold}` : ""} to ${complete.epoch}`;
}

/** Both peers take no more what is held. */
function fence(told: CompleteTold): void {
  told.tick({ oldest: NONE, isOwing: false });
  for (const id of ["r2", "r3"]) told.onFenced(id, told.fenceFor(id) ?? 0);
}

Deno.test("H12: with nothing to do a peer is told the clock, and nothing before it said which directory it has", () => {
  const told = new CompleteTold({ self: "r1", peers: ["r2", "r3"], bugs: NO_BUGS });
  told.begin(0);
  assertEquals(said(told, "r2", idle(100)), "nothing");
  told.onEpoch("r2", "e2", { latest: 0, hasWritten: false });
  assertEquals([said(told, "r2", idle(100)), said(told, "r2", idle(120))], ["100 to e2", "120 to e2"]);
});

Deno.test("H12: what is told stops before the oldest write that the peer has not acknowledged, for that peer alone", () => {
  const told = met();
  assertEquals(said(told, "r2", { latest: 100, oldest: 70, isOwed: false }), "69 to e2");
  assertEquals(said(told, "r3", idle(100)), "100 to e3");
  assertEquals(said(told, "r2", { latest: 110, oldest: 90, isOwed: false }), "89 to e2");
});

Deno.test("H12: while a hint waits, what is told stands still, and never goes back", () => {
  const told = met();
  said(told, "r2", idle(100));
  assertEquals(said(told, "r2", { latest: 200, oldest: NONE, isOwed: true }), "100 to e2");
  assertEquals(said(told, "r2", { latest: 200, oldest: 60, isOwed: false }), "100 to e2");
  assertEquals(said(told, "r2", idle(200)), "200 to e2");
});

Deno.test("H12: a planted bug that tells too early would be seen here", () => {
  const told = met(new Set(["complete_too_early"]));
  assertEquals(said(told, "r2", { latest: 100, oldest: 70, isOwed: false }), "100 to e2");
});

Deno.test("H12: after a miss without a hint the peer is told nothing until nobody takes what is held; others are told as ever", () => {
  const told = met();
  told.onMissed("r2", 100);
  assertEquals([said(told, "r2", idle(120)), said(told, "r3", idle(120))], ["nothing", "120 to e3"]);
  assertEquals(told.fenceFor("r2"), undefined, "not before it was looked at what is under way");
  told.tick({ oldest: 100, isOwing: false });
  assertEquals(told.fenceFor("r2"), undefined, "a write up to the hold is under way");
  told.tick({ oldest: 101, isOwing: true });
  assertEquals(told.fenceFor("r2"), undefined, "somebody is owed something");
  told.tick({ oldest: 101, isOwing: false });
  assertEquals([told.fenceFor("r2"), told.fenceFor("r3")], [100, 100]);
  told.onFenced("r3", 100);
  assertEquals([said(told, "r2", idle(120)), told.fenceFor("r3")], ["nothing", undefined]);
  told.onFenced("r2", 99);
  assertEquals(said(told, "r2", idle(120)), "nothing", "a fence of before");
  told.onFenced("r2", 100);
  assertEquals([said(told, "r2", idle(120)), told.isHeld], ["120 but 100 to e2", false]);
});

Deno.test("H12: a later miss holds again, above the hold before", () => {
  const told = met();
  told.onMissed("r2", 100);
  fence(told);
  told.onMissed("r2", 150);
  assertEquals(said(told, "r2", idle(160)), "nothing");
  fence(told);
  assertEquals(said(told, "r2", idle(160)), "160 but 150 to e2");
});

Deno.test("H12: a life after another begins with a hold for everybody, our own copy too", () => {
  const told = new CompleteTold({ self: "r1", peers: ["r2", "r3"], bugs: NO_BUGS });
  told.begin(1000);
  told.onEpoch("r2", "e2", { latest: 1000, hasWritten: false });
  assertEquals([said(told, "r2", idle(1100)), told.ownHold], ["nothing", undefined]);
  fence(told);
  assertEquals([said(told, "r2", idle(1100)), told.ownHold], ["1100 but 1000 to e2", 1000]);
  assertEquals(met().ownHold, 0, "a new directory has nothing to hold back");
});

Deno.test("H12: what was told to a directory that is lost is void for the next one, which must compare first", () => {
  const told = met();
  said(told, "r2", idle(100));
  told.onEpoch("r2", "e9", { latest: 100, hasWritten: true });
  assertEquals([said(told, "r2", idle(120)), told.toldTo("r2")], ["nothing", 0]);
  fence(told);
  assertEquals(said(told, "r2", idle(120)), "120 but 100 to e9");
});

Deno.test("H12: who acknowledged before it said which directory it has may have lost that since", () => {
  const told = new CompleteTold({ self: "r1", peers: ["r2"], bugs: NO_BUGS });
  told.begin(0);
  told.onEpoch("r2", "e2", { latest: 50, hasWritten: true });
  assertEquals(said(told, "r2", idle(60)), "nothing");
});

/** r3, which shares keys with r1 and r2. */
function listener(): CompleteHeard {
  return new CompleteHeard({ sharers: ["r1", "r2"], canSettle: true });
}

/** r3 compares all its copies with these, and they agree. */
function agree(heard: CompleteHeard, ...peers: readonly string[]): void {
  for (const peer of peers) {
    heard.onPassBegun(peer);
    heard.onPassAgreed(peer);
  }
}

Deno.test("H12: what is told without a hold is believed at once, and what comes late takes nothing back", () => {
  const heard = listener();
  assertEquals(heard.until("r1.e1"), 0);
  for (const until of [100, 80, 90]) heard.onHeard("r1.e1", { until, hold: 0 });
  assertEquals([heard.until("r1.e1"), heard.until("r1.e9")], [100, 0]);
});

Deno.test("H12: what is told with a hold is believed once the copies agreed with everybody's, in passes begun afterwards", () => {
  const heard = listener();
  heard.onHeard("r1.e1", { until: 100, hold: 0 });
  assert(!heard.isWanted("r1"), "nothing is held");
  agree(heard, "r1");
  heard.onPassBegun("r2");
  heard.onHeard("r1.e1", { until: 300, hold: 200 });
  assertEquals([heard.isWanted("r1"), heard.isWanted("r2"), heard.isWanted("r4")], [true, true, false]);
  heard.onPassAgreed("r2");
  agree(heard, "r1");
  assertEquals([heard.until("r1.e1"), heard.isWanted("r1")], [100, false], "the pass with r2 began before");
  heard.onHeard("r1.e1", { until: 320, hold: 200 });
  agree(heard, "r2");
  assertEquals([heard.until("r1.e1"), heard.isWanted("r2")], [320, false]);
  heard.onHeard("r1.e1", { until: 340, hold: 200 });
  assertEquals(heard.until("r1.e1"), 340, "that hold is lifted for good");
});

Deno.test("H12: a greater hold wants new passes; what was told before it stays true", () => {
  const heard = listener();
  heard.onHeard("r1.e1", { until: 300, hold: 200 });
  agree(heard, "r1", "r2");
  heard.onHeard("r1.e1", { until: 500, hold: 400 });
  assertEquals([heard.until("r1.e1"), heard.isLifted("r1.e1", 200)], [300, false]);
  heard.onHeard("r1.e1", { until: 310, hold: 200 });
  assertEquals(heard.until("r1.e1"), 300, "of the hold before it nothing is believed any more");
  agree(heard, "r2", "r1");
  assertEquals([heard.until("r1.e1"), heard.isLifted("r1.e1", 400)], [500, true]);
});

Deno.test("H12: where copies are not compared by themselves, no hold is ever lifted, and no pass wanted", () => {
  const heard = new CompleteHeard({ sharers: ["r1", "r2"], canSettle: false });
  heard.onHeard("r1.e1", { until: 300, hold: 200 });
  agree(heard, "r1", "r2");
  assertEquals([heard.until("r1.e1"), heard.isWanted("r1")], [0, false]);
});

Deno.test("H12: who shares keys with nobody need compare with nobody", () => {
  const heard = new CompleteHeard({ sharers: [], canSettle: true });
  heard.onHeard("r1.e1", { until: 300, hold: 200 });
  assertEquals(heard.until("r1.e1"), 300);
});

Deno.test("H12: a vector is covered where each origin in it is, whatever it says of our own", () => {
  const heard = listener();
  heard.onHeard("r1.e1", { until: 100, hold: 0 });
  heard.onHeard("r2.e2", { until: 200, hold: 0 });
  assert(heard.covers({ "r1.e1": 100, "r2.e2": 200, "r3.e3": 999 }, "r3.e3"));
  assert(!heard.covers({ "r1.e1": 101 }, "r3.e3"));
  assert(!heard.covers({ "r1.e1": 100, "r9.e9": 1 }, "r3.e3"), "of r9 nothing is known");
});

Deno.test("H12: only so many origins are remembered, those heard of last", () => {
  const heard = listener();
  for (let i = 0; i < 40; i++) heard.onHeard(`r1.${i}`, { until: 100 + i, hold: 0 });
  assertEquals([heard.until("r1.15"), heard.until("r1.16"), heard.until("r1.39")], [0, 116, 139]);
});
