/** Tests of a full disk under a real `Replica`: refused, said so, healed by itself. @module */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ReplicaStage } from "../harness/replica_stage.ts";

const BIG = "x".repeat(500);

/** A whole replica whose disk has just refused a write. */
function full(): ReplicaStage {
  const stage = ReplicaStage.whole();
  stage.put(1, "before");
  stage.disk.roomBytes = 200;
  stage.put(7, BIG);
  assert(stage.status().disk_full);
  return stage;
}

Deno.test("Disk full: writes are refused with a way out, reads go on", () => {
  const stage = full();
  const put = stage.put(2, "x");
  assertEquals(stage.outcome(put), "disk_full definite");
  assertStringIncludes(stage.failure(put).message, "the disk of r1 is full; reads still work");
  assertEquals(stage.outcome(stage.delete(1)), "disk_full definite");
  assertEquals(stage.outcome(stage.get(1)), "value before answered=r1");
});

Deno.test("Disk full: what a peer sends is refused as such, and told", () => {
  const stage = full();
  const versions = [{ stamp: 5, origin: "r2.e2", value: BIG }];
  stage.takeAll();
  stage.deliver("r2", { type: "write", round: 1, cause: "put", keyspace: "main", key: 3, versions });
  assertEquals(stage.takeSent("refused").map(({ to, message }) => [to, message.code]), [["r2", "disk_full"]]);
  assertEquals(stage.values(3), []);
});

Deno.test("Disk full: a small write that still fits does not make it pass for one with room", () => {
  const stage = full();
  stage.deliver("r2", {
    type: "write",
    round: 1,
    cause: "put",
    keyspace: "main",
    key: 3,
    versions: [{ stamp: 5, origin: "r2.e2", value: "small" }],
  });
  assertEquals(stage.values(3), ["small"]);
  assert(stage.status().disk_full);
  stage.tick(1000);
  assert(stage.status().disk_full, "the probe is as large as what was refused");
});

Deno.test("Disk full: as soon as there is room a probe heals it, and leaves nothing behind", () => {
  const stage = full();
  stage.tick(1000);
  stage.disk.roomBytes = Infinity;
  stage.tick(200);
  assert(!stage.status().disk_full);
  assertEquals(stage.disk.keys("p"), []);
  assertMatch(stage.outcome(stage.put(7, BIG)), /^written acked=r1/);
  assertEquals(stage.values(7), [BIG]);
});

Deno.test("Disk full: what was sent before it showed reaches every copy as soon as there is room", () => {
  // Found by four full disks: the others held a key whose coordinator had no room, and nobody owed it the copy.
  const stage = ReplicaStage.whole();
  stage.lose("r4");
  stage.disk.roomBytes = 200;
  const put = stage.put(7, BIG, "TWO");
  const [sent] = stage.takeSent("write");
  for (const peer of ["r2", "r3"]) stage.ack(peer, sent!.message.round);
  assertMatch(stage.outcome(put), /^timeout /);
  assertEquals([stage.values(7), stage.status().peers.map(({ hints }) => hints)], [[], [0, 0, 0]]);
  stage.disk.roomBytes = Infinity;
  stage.tick(200);
  stage.tick(20);
  assertEquals([stage.values(7), stage.status().peers.map(({ hints }) => hints)], [[BIG], [0, 0, 1]]);
});
