/** Checks every example of `src/checker/HISTORY.md`. @module */
import { assert, assertEquals } from "@std/assert";
import { encodeHistory } from "../../src/checker/history_encoder.ts";
import { parseHistory } from "../../src/checker/history_parser.ts";
import { judge, MODELS, parseModel } from "../../src/checker/judge.ts";

const page = await Deno.readTextFile(new URL("../../src/checker/HISTORY.md", import.meta.url));
const blocks = [...page.matchAll(/^```ndjson (\w+) (\w+)\n([^]*?)^```$/gm)].map((
  [, verdict, model, text],
) => ({
  verdict: verdict!,
  model: model!,
  text: text!,
}));

Deno.test("Every history of the page is read, and says the same when it is written again", () => {
  for (const { text } of blocks) {
    const parsed = parseHistory(text);
    assert(parsed.ok, JSON.stringify(parsed));
    assertEquals(parseHistory(encodeHistory(parsed.value)), parsed);
  }
});

Deno.test("The verdict on every history of the page is the one that the page gives", () => {
  for (const { verdict, model, text } of blocks) {
    const known = parseModel(model);
    assert(known, model);
    const found = judge(text, known);
    assertEquals(found.outcome, verdict, `${found.sentence}\n${text}`);
  }
});

Deno.test("The page names every model", () => {
  for (const model of MODELS) assert(page.includes(`| \`${model}\` |`), model);
});

Deno.test("The page shows every type of line and every field that it names, and no block of another kind", () => {
  assertEquals(blocks.length, page.match(/^```./gm)?.length);
  const shown = blocks.map(({ text }) => text).join("\n");
  const table = page.match(/^\| type \|[^]*?\n\n/m)![0];
  const named = [...table.matchAll(/`(\w+)`/g)].map(([, name]) => name!);
  assert(named.length > 30);
  for (const name of new Set(named)) {
    assert(shown.includes(`"${name}"`), `no example has ${name}`);
  }
});
