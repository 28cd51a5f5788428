/** Tests of `src/cli/repair_verb.ts`: what a person is told of copies that were compared. @module */
import pc from "picocolors";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { fail, ok } from "../../src/base/failure.ts";
import { UsageError } from "../../src/cli/arguments.ts";
import { REPAIR, type RepairAnswer, repairLines } from "../../src/cli/repair_verb.ts";
import type { RepairedPeer } from "../../src/protocol/reply.ts";
import { clusterTest } from "../harness/processes.ts";

// deno-lint-ignore no-boolean-literal-for-arguments
const PLAIN = { paintOut: pc.createColors(false), widthOut: undefined };

function found(id: string, end: RepairedPeer["end"], more: Partial<RepairedPeer> = {}): RepairedPeer {
  return { id, end, differing: 0, keys: [], sent: 0, received: 0, bytes: 264, ...more };
}

Deno.test("Each two replicas are told of once, as the first that came to an end tells it, and keys are named", () => {
  const keys = Array.from({ length: 10 }, (_, key) => ({ keyspace: "main", key }));
  const answers: RepairAnswer[] = [
    {
      id: "r1",
      result: ok([
        found("r2", "agreed", { differing: 12, keys, sent: 10, received: 2, bytes: 4711 }),
        found("r3", "busy", { reason: "r3 is being compared" }),
        found("r4", "failed", { reason: "r4 is away" }),
      ]),
    },
    {
      id: "r2",
      result: ok([
        found("r1", "agreed"),
        found("r3", "unmended", { differing: 1, keys: [{ keyspace: "items", key: "a\u001b" }] }),
      ]),
    },
    { id: "r3", result: ok([found("r1", "compared", { differing: 2 }), found("r2", "agreed")]) },
    { id: "r4", result: fail({ code: "unavailable", message: "nobody listens" }) },
  ];
  assertEquals(repairLines(answers, PLAIN), [
    "replicas  differed  keys moved  bytes   now",
    "r1 r2     12        12          4.7 kB  equal",
    "r1 r3     2         0           264 B   different",
    "r1 r4     0         0           264 B   not compared: r4 is away",
    "r2 r3     1         0           264 B   different: one does not take what it lacks",
    "r1 r2 differed on main 0, main 1, main 2, main 3, main 4, main 5, main 6, main 7 and 4 more",
    "r1 r3 differed on 2 keys",
    'r2 r3 differed on items "a\\u001b"',
  ]);
});

Deno.test("repair takes one keyspace at most", () => {
  assertThrows(
    () => REPAIR.parse({ words: ["a", "b"], flags: new Map() }),
    UsageError,
    "repair takes at most one KEYSPACE, and 2 words were given",
  );
});

clusterTest("client repair makes copies equal now, says what differed, and with --dry-run only looks", {
  replicas: 3,
  keyspace: { hinted_handoff: false, read_repair: "off", anti_entropy: false },
}, async (cluster) => {
  await cluster.kill9("r3");
  for (const key of ["7", "9"]) {
    const put = await cluster.client("put", key, "missed", "TWO");
    assertEquals(put.code, 0, put.stderr);
  }
  const without = await cluster.client("repair");
  assertEquals(without.code, 5, without.stdout);
  assert(without.stdout.includes("not compared: r3 is away"), without.stdout);
  assert(without.stderr.includes("r3 did not do it: unavailable"), without.stderr);
  await cluster.start("r3");
  await cluster.waitUp();
  const looked = await cluster.client("repair", "--dry-run");
  assertEquals(looked.code, 0, looked.stderr);
  assert(looked.stdout.includes("r1 r3 differed on main 7, main 9"), looked.stdout);
  assert(looked.stderr.includes("only looked: nothing was changed"), looked.stderr);
  assert((await cluster.client("inspect", "--differs")).stderr.includes("2 differ"));
  const mended = await cluster.client("repair", "main");
  assertEquals(mended.code, 0, mended.stderr);
  const rows = mended.stdout.trimEnd().split("\n").slice(1, 4).map((row) => row.split(/ {2,}/));
  assertEquals(rows.map(([ids, differed, moved, , now]) => [ids, differed, moved, now]), [
    ["r1 r2", "0", "0", "equal"],
    ["r1 r3", "2", "2", "equal"],
    ["r2 r3", "0", "0", "equal"],
  ]);
  assertEquals((await cluster.client("wait", "converged", "--timeout", "1s")).code, 0);
  const unknown = await cluster.client("repair", "nothing");
  assertEquals(unknown.code, 2);
  assert(unknown.stderr.includes('no keyspace "nothing"'), unknown.stderr);
});
