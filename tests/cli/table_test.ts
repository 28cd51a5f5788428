import { assert, assertEquals } from "@std/assert";
import { cut, formatTable, joinParts, widthOf, wrapLine } from "../../src/cli/table.ts";

Deno.test("a line breaks between words, keeps its gaps, and goes on indented", () => {
  assertEquals(wrapLine("error: one  two three", 14), "error: one\n    two three");
  assertEquals(wrapLine("error: one  two three", 16), "error: one  two\n    three");
  assertEquals(wrapLine("error: one", 10), "error: one");
  assertEquals(wrapLine("one abcdefghijklmnop two", 8), "one\n    abcdefghijklmnop\n    two");
  assertEquals(wrapLine("no terminal, no end"), "no terminal, no end");
});

Deno.test("columns line up by what a terminal shows, and a last cell pushes nothing aside", () => {
  assertEquals(formatTable([["a", "b"], ["größe", "c"], ["x"], ["", "long tail"]]), [
    "a      b",
    "größe  c",
    "x",
    "       long tail",
  ]);
});

Deno.test("wide characters and emoji count two columns, combining marks none", () => {
  assertEquals(["日本", "😀", "e\u0301", "Ａ", "👍🏽"].map(widthOf), [4, 2, 1, 2, 2]);
  assertEquals(formatTable([["日本", "x"], ["ab", "y"]]), ["日本  x", "ab    y"]);
});

Deno.test("text is cut by columns, never within a character", () => {
  assertEquals(cut("ab😀cd", 5), "ab😀…");
  assertEquals(cut("ab😀cd", 4), "ab…");
  assertEquals(cut("ab😀c", 5), "ab😀c");
  assertEquals(cut("e\u0301e\u0301e\u0301", 2), "e\u0301…");
  assertEquals(cut("日本語", 1), "…");
});

Deno.test("a table fits the terminal: the widest columns are narrowed alike, and what is lost shows as …", () => {
  const rows = [["id", "state", "sees"], ["r1", "ready", "r2 r3 r4 r5 r6"], [
    "r2",
    "down: nobody listens there",
  ]];
  assertEquals(formatTable(rows, { widthMax: 20 }), [
    "id  state  sees",
    "r1  ready  r2 r3 r4…",
    "r2  down: nobody li…",
  ]);
  assertEquals(formatTable(rows, { widthMax: 100 }), formatTable(rows));
  const wide = [["k", "one", "two"], ["1", "日本日本日本", "abcdefghijkl"]];
  assertEquals(formatTable(wide, { widthMax: 19 }), ["k  one      two", "1  日本日…  abcdef…"]);
  for (let widthMax = 8; widthMax < 40; widthMax++) {
    for (const line of formatTable(wide, { widthMax })) assert(widthOf(line) <= widthMax, line);
  }
});

Deno.test("parts of a line go on in the next one, indented", () => {
  assertEquals(joinParts(["ok", "one", "two", "three"], 10), "ok  one\n    two\n    three");
  assertEquals(joinParts(["ok", "one", "two"]), "ok  one  two");
});
