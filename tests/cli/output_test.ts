import pc from "picocolors";
import { assertEquals, assertThrows } from "@std/assert";
import { holdingsLines, summaryText } from "../../src/cli/inspect_verb.ts";
import { KeyHolders, placementIn } from "../../src/cli/holders.ts";
import type { HoldingsView, StatusView } from "../../src/cli/cluster_view.ts";
import { OutputLostError, printable, printableLines, writeAll } from "../../src/cli/output.ts";
import { statusLines } from "../../src/cli/status_verb.ts";
import { fail, ok } from "../../src/base/failure.ts";
import type { PeerStatus, Status } from "../../src/protocol/reply.ts";
import { QUARTET_VERSION } from "../../src/base/quartet_version.ts";

// deno-lint-ignore no-boolean-literal-for-arguments
const PLAIN = pc.createColors(false);
function peer(id: string, { alive, hints }: { alive: boolean; hints: number }): PeerStatus {
  return { id, address: `127.0.0.1:741${id[1]}`, alive, recovering: false, hints, hint_bytes: hints * 40 };
}

Deno.test("status is a table of who sees whom", () => {
  const status: Status = {
    id: "r1",
    cluster: "lab",
    epoch: "9f3a01bc",
    version: QUARTET_VERSION,
    ready: true,
    recovering: false,
    disk_full: false,
    uptime_ms: 12_345,
    peers: [peer("r2", { alive: true, hints: 0 }), peer("r3", { alive: false, hints: 3 })],
    counters: {},
  };
  const at = (id: string): { id: string; host: string; port: number } => ({
    id,
    host: "127.0.0.1",
    port: 7410 + Number(id[1]),
  });
  const views: StatusView[] = [
    { replica: at("r1"), result: ok(status) },
    {
      replica: at("r2"),
      result: ok({ ...status, id: "r2", ready: false, recovering: true, uptime_ms: 7_200_000, peers: [] }),
    },
    {
      replica: at("r3"),
      result: fail({ code: "unavailable", message: "nobody listens; is r3 running?" }),
    },
  ];
  assertEquals(
    statusLines(views, PLAIN).join("\n"),
    `replica  address         state                 epoch     up for  sees        hints waiting
r1       127.0.0.1:7411  ready                 9f3a01bc  12 s    r2, not r3  3 for r3
r2       127.0.0.1:7412  starting, recovering  9f3a01bc  2 h     nobody      none
r3       127.0.0.1:7413  down: nobody listens; is r3 running?`,
  );
  assertEquals(
    statusLines(views, PLAIN, 80).join("\n"),
    `replica  address         state                 up for  sees        hints waiting
r1       127.0.0.1:7411  ready                 12 s    r2, not r3  3 for r3
r2       127.0.0.1:7412  starting, recovering  2 h     nobody      none
r3       127.0.0.1:7413  down: nobody listens; is r3 running?`,
  );
  assertEquals(
    statusLines(views, PLAIN, 79).join("\n"),
    `replica  address         state                 up for  hints waiting
r1       127.0.0.1:7411  ready                 12 s    3 for r3
r2       127.0.0.1:7412  starting, recovering  2 h     none
r3       127.0.0.1:7413  down: nobody listens; is r3 running?`,
  );
});

const version = (stamp: number, value?: string): {
  stamp: number;
  origin: string;
  wall_ms: number;
  value?: string;
} => ({ stamp, origin: "r1.9f3a", wall_ms: 0, ...(value === undefined ? {} : { value }) });

const HOLDINGS: HoldingsView = {
  replicas: ["r1", "r2", "r3"],
  failures: new Map([["r3", { code: "unavailable", message: "connection refused" }]]),
  keys: [
    { key: 7, isEqual: true, held: new Map([["r1", [version(100, "x")]], ["r2", [version(100, "x")]]]) },
    { key: 12, isEqual: false, held: new Map([["r1", [version(200)]], ["r2", []]]) },
    {
      key: 13,
      isEqual: true,
      held: new Map([["r1", [version(300, "a\n\u001b" + "long ".repeat(9))]], ["r2", []]]),
    },
  ],
};

Deno.test("inspect shows side by side what each replica holds", () => {
  assertEquals(
    holdingsLines(HOLDINGS, HOLDINGS.keys, PLAIN).join("\n"),
    `key  r1                               r2          r3
7    "x" 100 r1                       "x" 100 r1  ?
12   (deleted) 200 r1                 -           ?
13   "a\\n\\u001blong long lon… 300 r1  -           ?`,
  );
  assertEquals(holdingsLines(HOLDINGS, [], PLAIN), []);
  assertEquals(summaryText({ replicas: ["r1"], failures: new Map(), keys: [] }), "no keys");
  assertEquals(summaryText(HOLDINGS), "3 keys, 1 differs; r3 did not answer: connection refused");
});

const KEPT_BY_THREE = new KeyHolders(
  { name: "main", keys: "byte", partitioner: "all", replication: 3 },
  ["r1", "r2", "r3", "r4"].map((id) => ({ id, host: "127.0.0.1", port: 7411 })),
);

Deno.test("a replica that is to hold no copy says so, and is coloured as none that differs", () => {
  const view: HoldingsView = {
    replicas: ["r1", "r2", "r3", "r4"],
    holders: KEPT_BY_THREE,
    failures: new Map([["r3", { code: "unavailable", message: "connection refused" }]]),
    keys: [{
      key: 7,
      holders: KEPT_BY_THREE.any,
      isEqual: false,
      held: new Map([["r1", [version(100, "x")]], ["r2", []]]),
    }],
  };
  const marking = { ...PLAIN, yellow: (text: unknown) => `!${text}` };
  assertEquals(
    holdingsLines(view, view.keys, marking).join("\n"),
    `key  r1          r2  r3  r4
7    !"x" 100 r1  !-   !?   no copy`,
  );
  assertEquals(
    holdingsLines(view, view.keys, PLAIN, 30).join("\n"),
    `key  on  value    version
7    r1  "x"      100 r1
     r2  -
     r3  ?
     r4  no copy`,
  );
  const none: HoldingsView = { ...view, replicas: ["r4"], failures: new Map(), keys: [] };
  assertEquals(summaryText(none), "no keys; r4 is to hold no copies of this keyspace");
});

Deno.test("a replica's digest tells where a keyspace's keys lie, where no file does", () => {
  const digest = {
    members: "r1,r2,r3",
    "keyspace.main": "keys=byte partitioner=all replication=2",
    "keyspace.ring": "keys=text partitioner=consistent-hash replication=3",
  };
  assertEquals(placementIn(digest, "main"), {
    name: "main",
    keys: "byte",
    partitioner: "all",
    replication: 2,
  });
  assertEquals(placementIn(digest, "ring"), {
    name: "ring",
    keys: "text",
    partitioner: "consistent-hash",
    replication: 3,
  });
  for (const [of, name] of [[digest, undefined], [digest, "none"], [undefined, "main"]] as const) {
    assertEquals(placementIn(of, name), undefined);
  }
  assertEquals(placementIn({ "keyspace.main": digest["keyspace.main"] }, undefined)?.replication, 2);
});

Deno.test("on a narrow terminal a cell of inspect keeps the end of the stamp, and on a very narrow one the value", () => {
  const cells = (stamp: number): ReturnType<typeof version>[] => [version(stamp, "hello world")];
  const view: HoldingsView = {
    replicas: ["r1", "r2", "r3", "r4"],
    failures: new Map(),
    keys: [{
      key: 7,
      isEqual: false,
      held: new Map([
        ["r1", cells(3611882619131904)],
        ["r2", cells(3611882619131904)],
        ["r3", cells(3611882619136000)],
        ["r4", []],
      ]),
    }],
  };
  const lines = (widthMax: number): string => holdingsLines(view, view.keys, PLAIN, widthMax).join("\n");
  assertEquals(
    lines(80),
    `key  r1                 r2                 r3                 r4
7    "hello… …31904 r1  "hello… …31904 r1  "hello… …36000 r1  -`,
  );
  assertEquals(
    lines(50),
    `key  on     value          version
7    r1 r2  "hello world"  3611882619131904 r1
     r3     "hello world"  3611882619136000 r1
     r4     -`,
  );
  assertEquals(
    lines(34),
    `key  on     value        version
7    r1 r2  "hello wor…  …31904 r1
     r3     "hello wor…  …36000 r1
     r4     -`,
  );
  assertEquals(lines(200), holdingsLines(view, view.keys, PLAIN).join("\n"));
});

Deno.test("text from outside is made safe for a terminal, as JSON would write it", () => {
  const text = "a\u001b[2J\u202eb\u{e0001}\u0085\n\t";
  assertEquals(printable(text), "a\\u001b[2J\\u202eb\\udb40\\udc01\\u0085\\u000a\\u0009");
  assertEquals(JSON.parse(`"${printable(text)}"`), text);
  assertEquals(
    printableLines("👩\u200d👧 \u0645\u06cc\u200c\u062e \u202e"),
    "👩\u200d👧 \u0645\u06cc\u200c\u062e \\u202e",
  );
  assertEquals(printableLines("one\u0007\n\ttwo\r"), "one\\u0007\n\ttwo\\u000d");
});

Deno.test("a reader that went away is no error, any other broken stream is", () => {
  let written = "";
  writeAll({
    writeSync(bytes): number {
      written += new TextDecoder().decode(bytes.subarray(0, 2));
      return Math.min(2, bytes.length);
    },
  }, "hello");
  assertEquals(written, "hello");
  writeAll({
    writeSync(): number {
      throw new Deno.errors.BrokenPipe("gone");
    },
  }, "hello");
  const full = {
    writeSync(): number {
      throw new Error("No space left on device");
    },
  };
  assertThrows(() => writeAll(full, "hello"), OutputLostError, "No space left on device");
});

Deno.test("the version is the one in deno.json", async () => {
  const text = await Deno.readTextFile(new URL("../../deno.json", import.meta.url));
  assertEquals((JSON.parse(text) as { version: string }).version, QUARTET_VERSION);
});
