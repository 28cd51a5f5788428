/** Tests of what a client may look at without touching it: `inspect`, `status`, and which keys there are. @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Request } from "../../src/protocol/request.ts";
import { ReplicaStage, STAGE_WALL_MS, type StageOptions } from "../harness/replica_stage.ts";

const TEXT: StageOptions = { main: { keys: "text" } };

/** `key=value,…` of what an inspect shows, and `…` where more follows. */
function shown(stage: ReplicaStage, request: Omit<Extract<Request, { op: "inspect" }>, "op">): string {
  const id = stage.request({ op: "inspect", ...request });
  const result = stage.reply(id);
  if (!result?.ok) return `${stage.failure(id).code}: ${stage.failure(id).message}`;
  assert(result.value.kind === "held" && result.value.replica === stage.id);
  const entries = result.value.entries.map(({ key, versions }) =>
    `${key}=${versions.map(({ value }) => value ?? "deleted").join("|") || "none"}`
  );
  return [...entries, ...(result.value.more ? ["…"] : [])].join(" ");
}

Deno.test("Inspect shows the given keys in the order asked, held or not, tombstones as such, and asks nobody", () => {
  const stage = ReplicaStage.whole();
  stage.put(7, "x");
  stage.delete(9);
  stage.takeAll();
  assertEquals(shown(stage, { keys: [9, 8, 7, "7"] }), "9=deleted 8=none 7=x 7=x");
  assertEquals(shown(stage, { keys: [] }), "");
  assertEquals(stage.takeAll(), []);
});

Deno.test("Inspect pages through all keys in key order", () => {
  const stage = ReplicaStage.whole();
  for (const key of [200, 3, 255, 0, 100]) stage.put(key, "x");
  assertEquals(shown(stage, { limit: 2 }), "0=x 3=x …");
  assertEquals(shown(stage, { limit: 2, after: 3 }), "100=x 200=x …");
  assertEquals(shown(stage, { limit: 2, after: 200 }), "255=x");
  assertEquals(shown(stage, { after: 255 }), "");
  assertEquals(shown(stage, {}), "0=x 3=x 100=x 200=x 255=x");
});

Deno.test("Inspect shows no more than fits a line, but one entry at least, and says that more follows", () => {
  const stage = ReplicaStage.whole({ settings: { value_bytes_max: 3000 } });
  const value = "x".repeat(3000);
  for (const key of [1, 2, 3]) stage.put(key, value);
  const two = `1=${value} 2=${value} …`;
  assertEquals(shown(stage, {}), two);
  assertEquals(shown(stage, { keys: [1, 2, 3] }), two);
});

Deno.test("Inspect orders text keys by their bytes, and pages past one that starts another", () => {
  const stage = ReplicaStage.whole(TEXT);
  for (const key of ["b", "～", "😀", "a", "a\u0000", "ab"]) stage.put(key, "x");
  assertEquals(shown(stage, {}), "a=x a\u0000=x ab=x b=x ～=x 😀=x");
  assertEquals(shown(stage, { after: "a", limit: 1 }), "a\u0000=x …");
});

Deno.test("Inspect refuses what it cannot show, with the limit", () => {
  const stage = ReplicaStage.whole();
  assertMatch(shown(stage, { keys: Array(257).fill(1) }), /^too_large: 257 keys in one inspect; at most 256/);
  assertMatch(
    shown(stage, { keys: [1, 256] }),
    /^key_out_of_range: key 256 is out of range; allowed: 0 to 255/,
  );
  assertMatch(shown(stage, { keyspace: "no" }), /^unknown_keyspace: no keyspace "no"; there are: main/);
});

Deno.test("Byte keys are integers from 0 to 255, also as decimal text", () => {
  const stage = ReplicaStage.whole();
  stage.put(7, "seven");
  for (const key of [7, "7", "007"]) assertEquals(stage.outcome(stage.get(key)), "value seven answered=r1");
  for (const key of [0, 255]) {
    assertEquals(stage.outcome(stage.put(key, "x")), "written acked=r1 owed=r2,r3,r4");
  }
  for (const key of [256, -1, "256", "9999999999999999"]) {
    assertEquals(stage.outcome(stage.get(key)), "key_out_of_range definite", String(key));
  }
  for (const key of [1.5, NaN, Infinity, "", " 7", "7.0", "1e1", "-1", "0x7", "seven", "12345678901234567"]) {
    assertEquals(stage.outcome(stage.get(key)), "malformed_request definite", String(key));
  }
  assertEquals(
    stage.failure(stage.get("seven")).message,
    'key "seven" is not a byte key; allowed: integers 0 to 255 in decimal',
  );
});

Deno.test("Text keys have 1 to 1024 bytes of UTF-8", () => {
  const stage = ReplicaStage.whole(TEXT);
  for (const key of ["a", "é".repeat(512), "x".repeat(1024), "__proto__"]) {
    assertEquals(stage.outcome(stage.put(key, "x")), "written acked=r1 owed=r2,r3,r4");
    assertEquals(stage.values(key), ["x"]);
  }
  assertEquals(stage.outcome(stage.put("", "x")), "malformed_request definite");
  assertEquals(stage.outcome(stage.put(7, "x")), "malformed_request definite");
  assertEquals(
    stage.failure(stage.put("é".repeat(513), "x")).message,
    "the key has 1026 bytes; at most 1024 are allowed",
  );
});

Deno.test("H25: a lone surrogate is refused in keys and in values, so no two keys become one", () => {
  const stage = ReplicaStage.whole(TEXT);
  for (const key of ["\ud800", "a\udc00b"]) {
    assertEquals(stage.outcome(stage.put(key, "x")), "malformed_request definite");
    assertEquals(stage.outcome(stage.get(key)), "malformed_request definite");
    assertMatch(stage.failure(stage.put(key, "x")).message, /holds a lone surrogate/);
  }
  assertEquals(stage.outcome(stage.put("k", "\udfff")), "malformed_request definite");
  assertEquals(stage.outcome(stage.put("😀", "😀")), "written acked=r1 owed=r2,r3,r4");
  assertEquals(stage.values("😀"), ["😀"]);
});

Deno.test("Status tells who this is, how it stands, and how it sees the others", () => {
  const stage = ReplicaStage.whole({ memberCount: 3 });
  stage.meet("r2", { aheadMs: 40 });
  stage.silence("r3");
  stage.tick(1000);
  stage.put(7, "x");
  const id = stage.request({ op: "status" });
  const result = stage.reply(id);
  assert(result?.ok && result.value.kind === "status");
  const { peers, counters, ...rest } = result.value.status;
  assertEquals(rest, {
    id: "r1",
    cluster: "stage",
    epoch: "e1",
    version: "stage",
    ready: true,
    recovering: false,
    disk_full: false,
    uptime_ms: 1000,
    wall_ms: STAGE_WALL_MS + 1000,
    tombstones: [{ keyspace: "main", held: 0, collected: 0, held_back_by: ["r2", "r3"] }],
  });
  assertEquals(peers, [
    {
      id: "r2",
      address: "stage:2",
      alive: true,
      changed_ms_ago: 1000,
      heard_ms_ago: 0,
      clock_offset_ms: 40,
      recovering: false,
      hints: 0,
      hint_bytes: 0,
      complete_told: (STAGE_WALL_MS + 1000) * 2048 - 1,
    },
    {
      id: "r3",
      address: "stage:3",
      alive: false,
      changed_ms_ago: 0,
      heard_ms_ago: 1000,
      clock_offset_ms: 0,
      recovering: false,
      hints: 0,
      hint_bytes: 0,
      complete_told: (STAGE_WALL_MS + 800) * 2048 - 1,
    },
  ]);
  assertEquals([counters.puts, counters.gets], [1, undefined]);
});

Deno.test("Status tells since when each peer is alive, or is not", () => {
  const stage = new ReplicaStage({ memberCount: 3 });
  const since = (id: string): [boolean, number | undefined] => {
    const { alive, changed_ms_ago } = stage.status().peers.find((peer) => peer.id === id)!;
    return [alive, changed_ms_ago];
  };
  stage.tick();
  stage.tick(300);
  assertEquals(since("r2"), [false, 300]);
  stage.meet("r2");
  assertEquals(since("r2"), [true, 0]);
  stage.tick();
  stage.tick(500);
  assertEquals([since("r2"), since("r3")], [[true, 500], [false, 800]]);
  stage.lose("r2");
  assertEquals(since("r2"), [false, 0]);
  stage.tick();
  stage.tick(100);
  assertEquals(since("r2"), [false, 100]);
});

Deno.test("Before it is ready a replica answers status, and refuses the rest as unavailable", () => {
  const stage = new ReplicaStage();
  assert(!stage.isReady);
  const result = stage.reply(stage.request({ op: "status" }));
  assert(result?.ok && result.value.kind === "status" && !result.value.status.ready);
  for (const id of [stage.put(7, "x"), stage.get(7), stage.delete(7)]) {
    assertEquals(stage.outcome(id), "unavailable definite");
  }
  assertEquals(stage.takeAll(), []);
});
