/** Tests of the second and third table of `status`. @module */
import { assert, assertEquals } from "@std/assert";
import pc from "picocolors";
import { fail, ok } from "../../src/base/failure.ts";
import type { StatusView } from "../../src/cli/cluster_view.ts";
import { bytesText, clockLeadMs, clockText } from "../../src/cli/machine_table.ts";
import { pageLines } from "../../src/cli/status_verb.ts";
import type { PeerStatus, Status } from "../../src/protocol/reply.ts";

// deno-lint-ignore no-boolean-literal-for-arguments
const PLAIN = pc.createColors(false);

function peer(id: string, fields: Partial<PeerStatus>): PeerStatus {
  return { id, address: "127.0.0.1:1", alive: true, recovering: false, hints: 0, hint_bytes: 0, ...fields };
}

function statusOf(id: string, peers: readonly PeerStatus[]): Status {
  return {
    id,
    cluster: "lab",
    epoch: "9f3a01bc",
    version: "0.1.0",
    ready: true,
    recovering: false,
    disk_full: false,
    uptime_ms: 200_000,
    machine: {
      memory_bytes: 81_788_928,
      heap_bytes: 1,
      data_bytes: 16_779_012,
      segments: 2,
      disk_bytes: 1e12,
      disk_free_bytes: 84_824_559_616,
    },
    peers,
    counters: {},
  };
}

function viewOf(id: string, status: Status | undefined): StatusView {
  const replica = { id, host: "127.0.0.1", port: 7411 };
  if (status !== undefined) return { replica, result: ok(status) };
  return { replica, result: fail({ code: "unavailable", message: "nobody listens" }) };
}

Deno.test("status shows who reaches whom since when, and on what each replica runs", () => {
  const views = [
    viewOf(
      "r1",
      statusOf("r1", [
        peer("r2", { changed_ms_ago: 185_000, clock_offset_ms: -120_000 }),
        peer("r3", { alive: false, changed_ms_ago: 12_300, clock_offset_ms: 0 }),
      ]),
    ),
    viewOf("r2", statusOf("r2", [peer("r1", { changed_ms_ago: 7_300_000, clock_offset_ms: 3 })])),
    viewOf("r3", undefined),
  ];
  assertEquals(
    pageLines(views, PLAIN).slice(4).join("\n"),
    `
sees  r1     r2     r3
r1    -      up 3m  DOWN 12s
r2    up 2h  -      ?

on  version  clock            memory   data                 disk free
r1  0.1.0    2 min 0 s ahead  81.8 MB  16.8 MB, 2 segments  84.8 GB
r2  0.1.0    ok               81.8 MB  16.8 MB, 2 segments  84.8 GB`,
  );
});

Deno.test("what is broken on purpose stands in a fourth table, and nowhere when nothing is", () => {
  const [plain, broken] = [statusOf("r1", []), statusOf("r2", [])];
  const faults = [
    { kind: "cut", peers: ["r3", "r4"], way: "both", left_ms: 18_000 },
    { kind: "skew", skew_ms: -90_000, left_ms: 61_000 },
  ] as const;
  const lines = (views: readonly StatusView[]): string[] => pageLines(views, PLAIN).slice(-4);
  assertEquals(lines([viewOf("r1", { ...plain, faults: [] }), viewOf("r2", { ...broken, faults })]), [
    "",
    "on  fault                    ends in",
    "r2  cut from r3 r4           18.0 s",
    "r2  clock 1 min 30 s behind  1 min 1 s",
  ]);
  assert(!pageLines([viewOf("r1", { ...plain, faults: [] })], PLAIN).join("\n").includes("fault"));
});

Deno.test("replicas that were started with files that disagree are named, and nobody is where none are", () => {
  const withDigest = (id: string, digest: Record<string, string>): StatusView =>
    viewOf(id, { ...statusOf(id, []), digest });
  const four = { members: "r1,r2,r3", "keyspace.main": "replication=3" };
  const views = [
    withDigest("r1", four),
    withDigest("r2", { ...four, "keyspace.main": "replication=2", "keyspace.new": "keys=text" }),
    withDigest("r3", four),
    viewOf("r4", statusOf("r4", [])),
  ];
  assertEquals(pageLines(views, PLAIN).slice(5, 8), [
    "",
    'keyspace.main is "replication=3" on r1 r3, "replication=2" on r2: they refuse each other; use one ' +
    "cluster.toml, and restart who had another",
    'keyspace.new is absent on r1 r3, "keys=text" on r2: they refuse each other; use one cluster.toml, and ' +
    "restart who had another",
  ]);
  assert(!pageLines([views[0]!, views[2]!, views[3]!], PLAIN).join("\n").includes("refuse"));
});

Deno.test("the links of seven replicas, all of them down, fit a terminal of 80 columns", () => {
  const ids = ["r1", "r2", "r3", "r4", "r5", "r6", "r7"];
  const views = ids.map((id) =>
    viewOf(
      id,
      statusOf(
        id,
        ids.filter((other) => other !== id).map((other) =>
          peer(other, { alive: false, changed_ms_ago: 59 * 60_000 })
        ),
      ),
    )
  );
  const lines = pageLines(views, PLAIN);
  const links = lines.slice(lines.findIndex((line) => line.startsWith("sees")));
  assert(links[1]!.startsWith("r1    -         DOWN 59m"), links[1]);
  assert(links.every((line) => line.length <= 80), links.join("\n"));
});

Deno.test("a replica of an earlier version has less to tell, and nothing is made up", () => {
  const { machine: _, ...old } = statusOf("r1", [peer("r2", {})]);
  assertEquals(pageLines([viewOf("r1", old), viewOf("r2", undefined)], PLAIN).slice(4), [
    "sees  r1  r2",
    "r1    -   up",
    "",
    "on  version  clock  memory  data  disk free",
    "r1  0.1.0    ?      ?       ?     ?",
  ]);
});

Deno.test("a single replica has no links, and where nobody answers there is one table", () => {
  assertEquals(pageLines([viewOf("r1", undefined), viewOf("r2", undefined)], PLAIN).length, 3);
  assert(pageLines([viewOf("r1", statusOf("r1", []))], PLAIN)[3]!.startsWith("on  version"));
});

Deno.test("a clock is judged by the median of it and of those that are seen", () => {
  const lead = (...offsets: number[]): number | undefined =>
    clockLeadMs(
      statusOf("r1", offsets.map((offset, index) => peer(`r${index + 2}`, { clock_offset_ms: offset }))),
    );
  assertEquals(lead(50, 60, 70_000), -50);
  // One of three is a minute ahead: the other two agree that it is not them.
  assertEquals([lead(-60_000, -60_000), lead(60_000, 3), lead(3, 60_000)], [60_000, -3, -3]);
  assertEquals([lead(60_000, 60_000), lead(-60_000, 3)], [-60_000, 0]);
  assertEquals(lead(60_000), -60_000, "of two nobody knows");
  assertEquals(clockLeadMs(statusOf("r1", [peer("r2", { alive: false, clock_offset_ms: 9 })])), undefined);
  assertEquals([0, 999, -999, 1000, -7_325_000].map(clockText), [
    "ok",
    "ok",
    "ok",
    "1.0 s ahead",
    "2 h 2 min behind",
  ]);
});

Deno.test("bytes have three digits and a unit", () => {
  assertEquals([0, 999, 1000, 99_949, 999_499, 999_500, 84_824_559_616].map(bytesText), [
    "0 B",
    "999 B",
    "1.0 kB",
    "99.9 kB",
    "999 kB",
    "1.0 MB",
    "84.8 GB",
  ]);
});

Deno.test("status shows when copies were last equal, and where they are being made so", () => {
  const repair = { keyspace: "main", moved: 4711, left: 12 };
  const views = [
    viewOf("r1", statusOf("r1", [peer("r2", { agreed_ms_ago: 2100, differed: 0 }), peer("r3", { repair })])),
    viewOf("r2", statusOf("r2", [peer("r1", { agreed_ms_ago: 125_000 }), peer("r3", {})])),
    viewOf("r3", undefined),
  ];
  assertEquals(
    pageLines(views, PLAIN).slice(9, 12).join("\n"),
    `equal to  r1      r2      r3
r1        -       2s ago  4711 moved
r2        2m ago  -       ?`,
  );
});

Deno.test("status shows deletes that wait to be forgotten, and for whom", () => {
  const tombstones = [
    { keyspace: "items", held: 0, collected: 40, held_back_by: ["r2"] },
    { keyspace: "main", held: 3, collected: 12, proven_wall_ms: 1, held_back_by: ["r2", "r3"] },
  ];
  const views = [
    viewOf("r1", { ...statusOf("r1", [peer("r2", {})]), tombstones }),
    viewOf("r2", {
      ...statusOf("r2", [peer("r1", {})]),
      tombstones: [{ keyspace: "main", held: 1, collected: 0, held_back_by: [] }],
    }),
  ];
  const text = pageLines(views, PLAIN).join("\n");
  const table = `deletes  keyspace  kept  forgotten  waits for
r1       main      3     12         r2 r3
r2       main      1     0          time`;
  assert(text.includes(table), text);
});
