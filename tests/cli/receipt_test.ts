import pc from "picocolors";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { failureObject, failureText, receiptText, replyObject, type Telling } from "../../src/cli/receipt.ts";
import { siblingLines } from "../../src/cli/sibling_text.ts";
import type { Receipt } from "../../src/protocol/reply.ts";

// deno-lint-ignore no-boolean-literal-for-arguments
const PLAIN = pc.createColors(false);
// deno-lint-ignore no-boolean-literal-for-arguments
const COLOURED = pc.createColors(true);

/** Five past noon, wherever this runs. */
const WRITTEN_MS = new Date(2026, 0, 31, 12, 5, 4, 123).getTime();

const RECEIPT: Receipt = {
  coordinator: "r1",
  keyspace: "main",
  level: "TWO",
  required: 2,
  copies: 4,
  acked: ["r1", "r3"],
  owed: [],
  repaired: [],
  version: { stamp: 3611882619131904, origin: "r1.9f3a", wall_ms: WRITTEN_MS },
};

const PUT: Telling = { isRead: false, elapsedMs: 1.26, nowMs: WRITTEN_MS + 3000, paint: PLAIN };
const GET: Telling = { ...PUT, isRead: true };

Deno.test("a receipt is one line that names time, version and replicas", () => {
  assertEquals(
    receiptText(RECEIPT, PUT),
    "ok  acked r1 r3 (TWO of 4)  written 12:05:04.123 by r1  version 3611882619131904  coordinator r1  1.3 ms",
  );
});

Deno.test("the receipt of a get says how long ago and by whom the value was written", () => {
  assertEquals(
    receiptText({ ...RECEIPT, coordinator: "r3" }, GET),
    "ok  answered r1 r3 (TWO of 4)  written 12:05:04.123 (3 s ago) by r1  version 3611882619131904  " +
      "coordinator r3  1.3 ms",
  );
});

Deno.test("a receipt names copies owed and repaired, and the write that was later", () => {
  const superseded_by = { stamp: 3611882619131999, origin: "r2.01", wall_ms: WRITTEN_MS + 1 };
  assertEquals(
    receiptText({ ...RECEIPT, owed: ["r2", "r4"], repaired: ["r3"], superseded_by }, PUT),
    "ok  acked r1 r3 (TWO of 4)  owed r2 r4  repaired r3  written 12:05:04.123 by r1  version 3611882619131904  " +
      "superseded by 3611882619131999 r2  coordinator r1  1.3 ms",
  );
});

Deno.test("on a terminal a receipt breaks between its parts", () => {
  assertEquals(
    receiptText(RECEIPT, { ...PUT, widthMax: 80 }),
    "ok  acked r1 r3 (TWO of 4)  written 12:05:04.123 by r1  version 3611882619131904\n" +
      "    coordinator r1  1.3 ms",
  );
});

Deno.test("colours come only where they are asked for, and take no columns", () => {
  const coloured = receiptText(RECEIPT, { ...PUT, paint: COLOURED, widthMax: 80 });
  assert(coloured.includes("\u001b["));
  assertEquals(coloured.split("\n").length, 2);
  assert(!receiptText(RECEIPT, PUT).includes("\u001b["));
});

Deno.test("names from outside cannot take over a terminal", () => {
  const evil = "r1\u001b[2J";
  const receipt = { ...RECEIPT, coordinator: evil, acked: [evil], owed: [evil], repaired: [evil] };
  const version = { ...RECEIPT.version!, origin: `${evil}.1` };
  assert(!receiptText({ ...receipt, version, superseded_by: version }, GET).includes("\u001b"));
});

Deno.test("a failure is one line with its code, and what the replicas did all the same", () => {
  assertEquals(
    failureText({ code: "timeout", message: "2 came\u001b[2J", acked: ["r1"], coordinator: "r1" }, PUT),
    "timeout: 2 came\\u001b[2J  acked r1  coordinator r1",
  );
});

Deno.test("a key that was deleted says when and by whom", () => {
  const { version } = RECEIPT;
  assertEquals(
    failureText({ code: "not_found", message: "key 7 was deleted", acked: ["r1"], version: version! }, GET),
    "not_found: key 7 was deleted  answered r1  deleted 12:05:04.123 (3 s ago) by r1  version 3611882619131904",
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

Deno.test("what stands side by side is counted in the line: of a get all, of a put the others", () => {
  assertStringIncludes(
    receiptText(RECEIPT, { ...GET, siblingCount: 3 }),
    "  3 versions side by side (get --siblings)  written",
  );
  assertStringIncludes(receiptText({ ...RECEIPT, beside: 1 }, PUT), "  beside 1 other version  written");
  assertStringIncludes(receiptText({ ...RECEIPT, beside: 2 }, PUT), "  beside 2 other versions  written");
  const reply = {
    kind: "value",
    value: "x",
    siblings: [{ ...RECEIPT.version!, value: "x" }],
    receipt: RECEIPT,
  } as const;
  assertEquals(replyObject(reply)["siblings"], reply.siblings);
});

Deno.test("versions side by side are numbered lines, deletes among them, the picked one marked, and no value takes over a terminal", () => {
  const version = RECEIPT.version!;
  const versions = [{ ...version, value: "milk\u001b[2J\n" }, { ...version, origin: "r2.51bd" }];
  assertEquals(siblingLines(versions, WRITTEN_MS + 3000, 2), [
    '  1  "milk\\u001b[2J\\n"  written 12:05:04.123 (3 s ago)  by r1',
    "> 2  (deleted)          deleted 12:05:04.123 (3 s ago)  by r2",
  ]);
});
