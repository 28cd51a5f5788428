import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { UsageError } from "../../src/cli/arguments.ts";
import { quoteWord, readTypedLine, splitWords } from "../../src/cli/console_words.ts";

Deno.test("a line is split into words as a shell does", () => {
  const cases: [string, string[]][] = [
    ["", []],
    ["  \t ", []],
    ["put 7 hello", ["put", "7", "hello"]],
    ["  put   7\thello  ", ["put", "7", "hello"]],
    [`put 7 'two words' one`, ["put", "7", "two words", "one"]],
    [`put 7 "it's"`, ["put", "7", "it's"]],
    [`put 7 'say "hi"'`, ["put", "7", 'say "hi"']],
    [`put 7 "a \\" b \\\\ c \\d"`, ["put", "7", 'a " b \\ c \\d']],
    [`put 7 'a \\ b'`, ["put", "7", "a \\ b"]],
    ["put 7 two\\ words", ["put", "7", "two words"]],
    ["put 7 \\'", ["put", "7", "'"]],
    [`put 7 ''`, ["put", "7", ""]],
    [`put 7 a'b'"c"d`, ["put", "7", "abcd"]],
    ["put 7 '😀 ～'", ["put", "7", "😀 ～"]],
  ];
  for (const [line, words] of cases) assertEquals(splitWords(line), words, line);
});

Deno.test("a quote that is not closed is an error that says so", () => {
  assertThrows(
    () => splitWords("put 7 'two words"),
    UsageError,
    "the quote ' is never closed; close it, or write \\'",
  );
  assertThrows(() => splitWords("put 7 \"it's"), UsageError, 'the quote " is never closed');
  assertThrows(() => splitWords("put 7 x\\"), UsageError, "the line ends with a \\");
});

Deno.test("a line being typed tells its last word, where that begins, and what is open", () => {
  assertEquals(readTypedLine("get 7 on"), { words: ["get", "7"], partial: "on", begin: 6 });
  assertEquals(readTypedLine("get 7 "), { words: ["get", "7"], partial: "", begin: 6 });
  assertEquals(readTypedLine("put 7 'two w"), { words: ["put", "7"], partial: "two w", begin: 6, open: "'" });
});

Deno.test("a word that was quoted is split into itself", () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: "grapheme" })), (words) => {
    assertEquals(splitWords(words.map(quoteWord).join(" ")), words);
  }));
});
