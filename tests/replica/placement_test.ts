/** Tests of who is asked for a key, and what a coordinator without a copy owes: `src/replica/keyspace.ts` at work. @module */
import { assertEquals } from "@std/assert";
import { ReplicaStage } from "../harness/replica_stage.ts";

/** r1 of four, with ranges of 64 bytes and two copies: 0–63 on r1 and r2, 64–127 on r2 and r3, and so on. */
function stage(): ReplicaStage {
  return ReplicaStage.whole({ memberCount: 4, main: { partitioner: "byte-ordered", replication: 2 } });
}

Deno.test("A put is sent to the replicas of its key and to nobody else, and stored here only if this is one of them", () => {
  const r1 = stage();
  r1.put(10, "own", "ALL");
  assertEquals(r1.takeSent("write").map(({ to }) => to), ["r2"]);
  r1.put(100, "other", "ALL");
  assertEquals(r1.takeSent("write").map(({ to }) => to), ["r2", "r3"]);
  r1.put(200, "wrapped", "ALL");
  assertEquals(r1.takeSent("write").map(({ to }) => to), ["r4"]);
  assertEquals([r1.values(10), r1.values(100), r1.values(200)], [["own"], [], ["wrapped"]]);
});

Deno.test("A coordinator without a copy counts only those who have one", () => {
  const r1 = stage();
  const put = r1.put(100, "x", "ALL");
  const [{ message } = { message: undefined }] = r1.takeSent("write");
  r1.deliver("r2", { type: "written", round: message!.round });
  assertEquals(r1.outcome(put), "waiting");
  r1.deliver("r3", { type: "written", round: message!.round });
  assertEquals(r1.outcome(put), "written acked=r2,r3 owed=");
});

Deno.test("A get asks the replicas of its key, and a level that they cannot meet is refused though others are up", () => {
  const r1 = stage();
  r1.get(100, "TWO");
  assertEquals(r1.takeSent("read").map(({ to }) => to), ["r2", "r3"]);
  r1.get(10, "TWO");
  assertEquals(r1.takeSent("read").map(({ to }) => to), ["r2"]);
  r1.lose("r3");
  assertEquals(r1.outcome(r1.put(100, "x", "TWO")), "unavailable definite");
  assertEquals(r1.outcome(r1.put(10, "x", "TWO")), "waiting");
});
