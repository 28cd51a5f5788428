import pc from "picocolors";
import { assert, assertEquals } from "@std/assert";
import { holdingsLines, summaryText } from "../../src/cli/inspect_verb.ts";
import type { HoldingsView } from "../../src/cli/cluster_view.ts";
import { cut, formatTable, printable, writeAll } from "../../src/cli/output.ts";
import { failureLine, failureObject, receiptLine, replyObject } from "../../src/cli/receipt.ts";
import { statusLines } from "../../src/cli/status_verb.ts";
import { fail, ok } from "../../src/base/failure.ts";
import type { PeerStatus, Receipt, Status } from "../../src/protocol/reply.ts";
import { QUARTET_VERSION } from "../../src/base/quartet_version.ts";

// deno-lint-ignore no-boolean-literal-for-arguments
const PLAIN = pc.createColors(false);
// deno-lint-ignore no-boolean-literal-for-arguments
const COLOURED = pc.createColors(true);

const RECEIPT: Receipt = {
  coordinator: "r1",
  keyspace: "main",
  level: "TWO",
  required: 2,
  copies: 4,
  acked: ["r1", "r3"],
  owed: [],
  repaired: [],
  version: { stamp: 3611882619131904, origin: "r1.9f3a", wall_ms: 1763614560123 },
};

Deno.test("a receipt is one line", () => {
  assertEquals(
    receiptLine(RECEIPT, 1.26, PLAIN),
    "ok  acked r1 r3 (TWO of 4)  coordinator r1  1.3 ms",
  );
});

Deno.test("a receipt names copies owed and repaired, and the write that was later", () => {
  const superseded_by = { stamp: 3611882619131999, origin: "r2.01", wall_ms: 1763614560124 };
  assertEquals(
    receiptLine({ ...RECEIPT, owed: ["r2", "r4"], repaired: ["r3"], superseded_by }, 12, PLAIN),
    "ok  acked r1 r3 (TWO of 4)  owed r2 r4  repaired r3  superseded by 3611882619131999 r2  coordinator r1  12.0 ms",
  );
});

Deno.test("colours come only where they are asked for", () => {
  assert(receiptLine(RECEIPT, 1, COLOURED).includes("\u001b["));
  assert(!receiptLine(RECEIPT, 1, PLAIN).includes("\u001b["));
});

Deno.test("a failure is one line with its code, and what the replicas did all the same", () => {
  assertEquals(
    failureLine({ code: "timeout", message: "2 came\u001b[2J", acked: ["r1"], coordinator: "r1" }, PLAIN),
    "timeout: 2 came\\u001b[2J  acked r1  coordinator r1",
  );
});

Deno.test("programs read the fields of the wire", () => {
  assertEquals(replyObject({ kind: "value", value: "x", receipt: RECEIPT }), {
    ok: true,
    value: "x",
    ...RECEIPT,
  });
  assertEquals(failureObject({ code: "unavailable", message: "m", required: 3, live: 2 }), {
    ok: false,
    error: "unavailable",
    message: "m",
    definite: true,
    required: 3,
    live: 2,
  });
  assert(failureObject({ code: "timeout", message: "m", definite: true })["definite"]);
});

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
  assertEquals(
    statusLines([
      { replica: at("r1"), result: ok(status) },
      {
        replica: at("r2"),
        result: ok({ ...status, id: "r2", ready: false, recovering: true, uptime_ms: 7_200_000, peers: [] }),
      },
      {
        replica: at("r3"),
        result: fail({ code: "unavailable", message: "nobody listens; is r3 running?" }),
      },
    ], PLAIN).join("\n"),
    `replica  address         state                 epoch     up for  sees        hints waiting
r1       127.0.0.1:7411  ready                 9f3a01bc  12 s    r2, not r3  3 for r3
r2       127.0.0.1:7412  starting, recovering  9f3a01bc  2 h     nobody      none
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
  assertEquals(summaryText(HOLDINGS), "3 keys, 1 differs; r3 did not answer: connection refused");
});

Deno.test("columns line up by characters, and a last cell pushes nothing aside", () => {
  assertEquals(formatTable([["a", "b"], ["größe", "c"], ["x"], ["", "long tail"]]), [
    "a      b",
    "größe  c",
    "x",
    "       long tail",
  ]);
});

Deno.test("text from outside is made safe for a terminal, and cut by characters", () => {
  assertEquals(printable("a\u001b[2J\u202eb"), "a\\u001b[2J\\u202eb");
  assertEquals(cut("ab😀cd", 4), "ab😀…");
  assertEquals(cut("ab😀c", 4), "ab😀c");
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
});

Deno.test("the version is the one in deno.json", async () => {
  const text = await Deno.readTextFile(new URL("../../deno.json", import.meta.url));
  assertEquals((JSON.parse(text) as { version: string }).version, QUARTET_VERSION);
});
