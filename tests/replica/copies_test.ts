/** Tests of what a real `Replica` makes of one line of a peer's messages: `src/replica/copies.ts`. @module */
import { assert, assertEquals } from "@std/assert";
import { READ_BYTES_IN_FLIGHT_MAX } from "../../src/protocol/limits.ts";
import type { WireKey } from "../../src/protocol/request.ts";
import type { ReadMessage, WriteMessage } from "../../src/replication/messages.ts";
import type { Version } from "../../src/versions/version.ts";
import { ReplicaStage } from "../harness/replica_stage.ts";

const MIB = 1024 * 1024;

function version(stamp: number, value: string): Version {
  return { stamp, origin: "r2.e2", value };
}

function writing(round: number, key: WireKey, value: string, keyspace = "main"): WriteMessage {
  return { type: "write", round, cause: "put", keyspace, key, versions: [version(100 + round, value)] };
}

function reading(round: number, key: number): ReadMessage {
  return { type: "read", round, keyspace: "main", key };
}

Deno.test("Writes of one line are stored together, and each is answered for itself", () => {
  const stage = ReplicaStage.whole();
  stage.plant(7, [version(10_000, "later")]);
  stage.takeAll();
  stage.disk.batchSizes.length = 0;
  const writes = Array.from({ length: 100 }, (_, round) => writing(round, round, `of ${round}`));
  stage.deliver("r2", ...writes.slice(0, 50), writing(200, 1, "x", "nowhere"), ...writes.slice(50));
  assertEquals(stage.disk.batchSizes.filter((count) => count > 1), [100]);
  const answers = stage.takeAll().map(({ message }) => message);
  assertEquals(answers.flatMap((sent) => sent.type === "refused" ? [[sent.round, sent.code]] : []), [
    [200, "malformed_request"],
  ]);
  const written = answers.flatMap((sent) => sent.type === "written" ? [sent] : []);
  assertEquals(written.map(({ round }) => round), writes.map(({ round }) => round));
  assertEquals(written.filter((sent) => sent.superseded_by).map(({ round }) => round), [7]);
  assertEquals([6, 7, 99].flatMap((key) => stage.values(key)), ["of 6", "later", "of 99"]);
});

Deno.test("Writes of one line to one key are stored in their order, and a batch ends where it is large", () => {
  const stage = ReplicaStage.whole();
  stage.takeAll();
  stage.disk.batchSizes.length = 0;
  stage.deliver("r2", writing(2, 7, "later"), writing(1, 7, "earlier"));
  assertEquals(stage.values(7), ["later"]);
  const written = stage.takeSent("written").map(({ message }) => message);
  assertEquals(written.map(({ round, superseded_by }) => [round, superseded_by?.stamp]), [
    [2, undefined],
    [1, 102],
  ]);
  stage.disk.batchSizes.length = 0;
  const value = "x".repeat(20_000);
  stage.deliver("r2", ...Array.from({ length: 9 }, (_, round) => writing(round, round, value)));
  assertEquals(stage.disk.batchSizes.filter((count) => count > 1), [3, 3, 3]);
});

Deno.test("A line that asks for more large values than a replica gives at a time is refused the rest, and small ones are given", () => {
  const stage = ReplicaStage.whole();
  stage.plant(7, [version(10, "x".repeat(MIB))]);
  stage.plant(8, [version(10, "small")]);
  stage.takeAll();
  // A record is a little larger than its value.
  const given = READ_BYTES_IN_FLIGHT_MAX / MIB - 1;
  const large = Array.from({ length: given + 5 }, (_, round) => reading(round, 7));
  stage.deliver("r2", ...large, reading(100, 8), reading(101, 9));
  const answers = stage.takeAll().map(({ message }) => message);
  assertEquals(answers.flatMap((sent) => sent.type === "answer" ? [sent.round] : []), [
    ...large.slice(0, given).map(({ round }) => round),
    100,
    101,
  ]);
  const refused = answers.flatMap((sent) => sent.type === "refused" ? [sent] : []);
  assertEquals(refused.map(({ round, code }) => [round, code]), [
    ...large.slice(given).map(({ round }) => [round, "overloaded"]),
  ]);
  stage.deliver("r2", reading(102, 7));
  assert(stage.takeSent("answer").length === 1, "the next line has an allowance of its own");
});
