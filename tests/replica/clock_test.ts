/** Tests of stamps and their ceiling: `src/replica/clock.ts`, alone and inside a `Replica` (H6, H10). @module */
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { Clock } from "../../src/replica/clock.ts";
import { stampOf } from "../../src/versions/stamp.ts";
import { STAMP_MAX } from "../../src/versions/stamp.ts";
import { ReplicaStage, STAGE_WALL_MS } from "../harness/replica_stage.ts";
import { StagedCluster } from "../harness/staged_cluster.ts";

/** A stamp a minute ahead of the stage's clock. */
const AHEAD = stampOf(STAGE_WALL_MS + 60_000);

function writeFromPeer(stage: ReplicaStage, stamp: number, value = "x"): void {
  const versions = [{ stamp, origin: "r2.e2", value }];
  stage.deliver("r2", { type: "write", round: 1, cause: "put", keyspace: "main", key: 9, versions });
}

function stampsSent(stage: ReplicaStage): number[] {
  return stage.takeSent("write").filter(({ to, message }) => to === "r2" && message.cause === "put").map((
    { message },
  ) => message.versions[0]!.stamp);
}

function meetAll(stage: ReplicaStage): void {
  stage.tick();
  for (const peer of stage.peers()) stage.meet(peer);
  stage.takeAll();
}

Deno.test("Clock gives rising stamps below its ceiling, and asks for a higher one in good time", () => {
  const clock = new Clock();
  clock.recover(undefined);
  assertEquals(clock.next(5000), undefined, "no ceiling, no stamp");
  const ceiling = clock.dueCeiling(5000);
  assertEquals(ceiling, stampOf(6000));
  assertEquals(clock.dueCeiling(5000), undefined, "one at a time");
  clock.onCeilingStored(ceiling);
  assertEquals(
    [clock.next(5000), clock.next(5000), clock.next(4000)],
    [1, 2, 3].map((step) => stampOf(5000) + step - 1),
  );
  assertEquals(clock.dueCeiling(5499), undefined);
  assertEquals(clock.dueCeiling(5500), stampOf(6500));
  clock.onCeilingStored(undefined);
  assertEquals(clock.next(6000), undefined, "the write failed: the old ceiling holds");
  assertEquals(clock.dueCeiling(6000), stampOf(7000), "and is asked for again");
});

Deno.test("A hundred restarts within a second carry stamps only seconds ahead of the wall clock", () => {
  let ceiling: number | undefined;
  let last = 0;
  for (let life = 0; life < 100; life++) {
    const clock = new Clock();
    clock.recover(ceiling);
    ceiling = clock.dueCeiling(5000 + 10 * life);
    clock.onCeilingStored(ceiling);
    const stamp = clock.next(5000 + 10 * life)!;
    assert(stamp > last, "and never go back");
    last = stamp;
  }
  assert(last < stampOf(6000 + 15_000), `${last}`);
});

Deno.test("H6: after a restart stamps begin above everything that an earlier life can have given", () => {
  const stage = ReplicaStage.whole();
  stage.put(7, "first");
  const [first] = stampsSent(stage);
  stage.skewMs = -50_000;
  stage.restart();
  meetAll(stage);
  stage.put(7, "second");
  assert(stampsSent(stage)[0]! > first!, "although the wall clock went back");
  assertEquals(stage.values(7), ["second"]);
});

Deno.test("H6: a peer's stamp far ahead makes puts wait for a higher ceiling on disk, and then they go on", () => {
  const stage = ReplicaStage.whole();
  stage.disk.isHeld = true;
  writeFromPeer(stage, AHEAD);
  const put = stage.put(7, "x", "TWO");
  assertEquals([stage.outcome(put), stampsSent(stage)], ["waiting", []]);
  stage.disk.sync();
  const [sent] = stage.takeSent("write");
  assert(sent!.message.versions[0]!.stamp > AHEAD);
  stage.disk.sync();
  stage.ack("r2", sent!.message.round);
  assertEquals(stage.outcome(put), "written acked=r1,r2 owed=r3,r4");
});

Deno.test("H15: a put whose ceiling does not reach the disk in time is refused, and was never sent", () => {
  const stage = ReplicaStage.whole({ settings: { request_timeout_ms: 500 } });
  stage.disk.isHeld = true;
  writeFromPeer(stage, AHEAD);
  const put = stage.put(7, "x");
  stage.tick(500);
  assertEquals([stage.outcome(put), stampsSent(stage)], ["overloaded definite", []]);
  stage.disk.isHeld = false;
  stage.disk.sync();
  assertEquals(stage.values(7), []);
});

Deno.test("H15: a put whose ceiling is too low again each time that it reaches the disk is refused at its deadline", () => {
  const stage = ReplicaStage.whole({ settings: { request_timeout_ms: 5000 } });
  stage.disk.isHeld = true;
  stage.tick(3000);
  const put = stage.put(7, "x");
  for (let round = 0; round < 4; round++) {
    stage.tick(1500);
    stage.disk.sync();
  }
  assertEquals([stage.outcome(put), stampsSent(stage)], ["overloaded definite", []]);
});

Deno.test("H6: a dot shipped just before a crash is never given to another value", () => {
  const stage = ReplicaStage.whole();
  writeFromPeer(stage, AHEAD);
  stage.put(7, "shipped");
  stage.disk.isHeld = true;
  stage.put(7, "shipped, not synced");
  const shipped = stampsSent(stage);
  assertEquals(shipped.length, 2);
  stage.restart();
  meetAll(stage);
  stage.put(7, "next life");
  assert(stampsSent(stage)[0]! > Math.max(...shipped));
});

Deno.test("H6: no stamp is given twice, whatever clocks, disks, peers and power do", () => {
  const act = fc.oneof(
    { weight: 6, arbitrary: fc.constant({ kind: "put" as const }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("peer" as const),
        aheadMs: fc.integer({ min: -9, max: 90_000 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("skew" as const),
        ms: fc.integer({ min: -90_000, max: 90_000 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 800 }) }),
    },
    { weight: 2, arbitrary: fc.constant({ kind: "hold" as const }) },
    { weight: 3, arbitrary: fc.constant({ kind: "sync" as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: "crash" as const }) },
  );
  const play = fc.array(act, { minLength: 10, maxLength: 60 });
  fc.assert(
    fc.property(play, (acts) => {
      const stage = ReplicaStage.whole({ settings: { clock_skew_max_ms: 86_400_000 } });
      const given: number[] = [];
      for (const each of acts) {
        if (each.kind === "put") stage.put(7, "x");
        else if (each.kind === "peer") {
          writeFromPeer(stage, stampOf(STAGE_WALL_MS + stage.nowMs + each.aheadMs));
        } else if (each.kind === "skew") stage.skewMs = each.ms;
        else if (each.kind === "pass") stage.tick(each.ms);
        else if (each.kind === "hold") stage.disk.isHeld = true;
        else if (each.kind === "sync") {
          stage.disk.isHeld = false;
          stage.disk.sync();
        }
        given.push(...stampsSent(stage));
        if (each.kind !== "crash") continue;
        stage.restart();
        meetAll(stage);
      }
      for (let i = 1; i < given.length; i++) {
        assert(given[i]! > given[i - 1]!, `${given[i]} after ${given[i - 1]}`);
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("H6: of one dot with two values the greater stays on every replica, and an alarm is counted", () => {
  const orders = [["a", "b"], ["b", "a"], ["b", "a", "b", "a"]];
  for (const order of orders) {
    const stage = ReplicaStage.whole();
    for (const value of order) writeFromPeer(stage, 20, value);
    assertEquals(stage.values(9), ["b"], order.join());
    assert(stage.counter("dot_conflicts") > 0, order.join());
    assert(stage.said.some((line) => line.startsWith("error: one write has two values")));
  }
  const stage = ReplicaStage.whole();
  for (const value of ["a", "a"]) writeFromPeer(stage, 20, value);
  assertEquals(stage.counter("dot_conflicts"), 0, "a repetition is no conflict");
});

Deno.test("H10: what others stored and the writer lost in a crash is not overwritten unseen", () => {
  const cluster = new StagedCluster();
  const r1 = cluster.stage("r1");
  r1.disk.isHeld = true;
  const lost = r1.put(7, "shipped", "ONE");
  cluster.carry();
  assertEquals(r1.outcome(lost), "waiting", "its own copy is not on disk");
  cluster.crash("r1");
  assertEquals(cluster.values(7), ["r1=", "r2=shipped", "r3=shipped", "r4=shipped"]);
  const { stamp } = cluster.stage("r2").held(7)[0]!;
  cluster.start("r1");
  const put = r1.put(7, "later", "QUORUM");
  cluster.carry();
  assertEquals(r1.outcome(put), "written acked=r1,r2,r3 owed=r4");
  assertEquals(cluster.values(7), ["r1=later", "r2=later", "r3=later", "r4=later"]);
  assert(r1.held(7)[0]!.stamp > stamp);
});

Deno.test("A put after a restart replaces what the replica holds, also where a peer's clock was ahead", () => {
  const stage = ReplicaStage.whole();
  writeFromPeer(stage, AHEAD);
  assertEquals(stage.held(9).map(({ stamp }) => stamp), [AHEAD]);
  stage.restart();
  meetAll(stage);
  assertEquals(stage.outcome(stage.put(9, "mine")), "written acked=r1 owed=r2,r3,r4");
  assertEquals(stage.values(9), ["mine"]);
});

Deno.test("H15: where stamps end a put is refused, and nobody is sent what he could not take", () => {
  const byPeer = ReplicaStage.whole();
  writeFromPeer(byPeer, STAMP_MAX - 1);
  assertEquals([byPeer.outcome(byPeer.put(8, "x")), stampsSent(byPeer)], ["clock_skew definite", []]);
  const byClock = ReplicaStage.whole();
  byClock.skewMs = 200 * 365 * 86_400_000;
  assertEquals([byClock.outcome(byClock.put(8, "x")), stampsSent(byClock)], ["clock_skew definite", []]);
  byClock.skewMs = 0;
  byClock.tick(1000);
  assertEquals(byClock.outcome(byClock.put(8, "x")), "written acked=r1 owed=r2,r3,r4");
});
