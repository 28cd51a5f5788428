/** Every example of `src/http/HTTP.md`, asked in the order of the page. @module */
import { assert, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "../../scripts/repository.ts";
import { StagedApi } from "./staged_api.ts";

/** `…` stands for anything. */
function patternOf(expected: string): RegExp {
  const parts = expected.split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s");
}

Deno.test("Every example of HTTP.md is answered as the page says", async () => {
  const page = await Deno.readTextFile(join(ROOT, "src/http/HTTP.md"));
  const examples = [...page.matchAll(/^```http\n(.*?)^```$/gms)].flatMap(([, text]) =>
    text!.trim().split("\n")
  );
  assert(examples.length > 30);
  const http = new StagedApi();
  let asked: { readonly line: string; body?: unknown } | undefined;
  for (const line of examples) {
    if (/^[A-Z]+ \//.test(line)) asked = { line };
    else if (line.startsWith("{")) asked!.body = JSON.parse(line);
    else {
      const [method = "", target = ""] = asked!.line.split(" ");
      const { status, body } = await http.answer(method, target, { body: asked!.body });
      assertMatch(`${status} ${body}`, patternOf(line), `${asked!.line} is answered ${status} ${body}`);
    }
  }
});
