/** Tests of what a context may name, and of fences, where versions stand side by side (H11, H12). @module */
import { assert, assertEquals } from "@std/assert";
import { parseContext } from "../../src/protocol/tokens.ts";
import { stampOf } from "../../src/versions/stamp.ts";
import type { Version } from "../../src/versions/version.ts";
import { ReplicaStage, STAGE_WALL_MS } from "../harness/replica_stage.ts";

const MAIN = { siblings: true, read_repair: "off", anti_entropy: false };
const BEGIN = stampOf(STAGE_WALL_MS);

Deno.test("H11: the answer to a put does not name what only the writer of a version beside it has seen", () => {
  const context = (seen: Version["seen"]): Readonly<Record<string, number>> | undefined => {
    const stage = ReplicaStage.whole({ memberCount: 1, main: MAIN });
    // What r1 wrote at 50 was replaced by r2, and whoever puts now has never seen either.
    stage.plant(7, [{ stamp: BEGIN - 10, origin: "r2.e2", value: "heir", seen: seen! }]);
    const result = stage.reply(stage.put(7, "blind"));
    assert(result?.ok && result.value.kind === "written");
    return parseContext(result.value.receipt.context!, "main", 7);
  };
  assertEquals(
    context({ "r1.e1": BEGIN - 50, "r3.e3": BEGIN - 60 }),
    {},
    "it would name r1 up to 50, and not r3 at 60",
  );
  assertEquals(Object.keys(context({ "r3.e3": BEGIN - 60 })!), ["r1.e1"], "nothing of r1 came before");
});

Deno.test("H12: a fence holds off a late put by the version that it puts, whatever stands beside it", () => {
  const stage = ReplicaStage.whole({ main: MAIN });
  stage.deliver("r2", {
    type: "heartbeat",
    epoch: "e2",
    known_epochs: ["e1"],
    wall_ms: STAGE_WALL_MS + stage.nowMs,
    recovering: false,
    fence: 5000,
  });
  const send = (...versions: Version[]): void =>
    stage.deliver("r2", { type: "write", round: 1, cause: "put", keyspace: "main", key: 7, versions });
  send({ stamp: 9000, origin: "r3.e3", value: "newer" }, { stamp: 4000, origin: "r2.e2", value: "late" });
  assertEquals([stage.values(7), stage.takeSent("written")], [[], []]);
  send({ stamp: 6000, origin: "r2.e2", value: "in time" }, { stamp: 4000, origin: "r2.e2", value: "before" });
  assertEquals([stage.values(7), stage.takeSent("written").length], [["in time", "before"], 1]);
});
