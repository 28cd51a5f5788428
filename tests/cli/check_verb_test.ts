/** Tests of `quartet client check`, as a person and as a program runs it. @module */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runQuartet } from "../harness/processes.ts";

const HEADER = {
  type: "history",
  format: 1,
  keyspace: "main",
  copies: 3,
  replicas: ["r1", "r2", "r3"],
  levels: { TWO: 2 },
  clock_spread_ms: 5,
};
const A = { stamp: 2048, origin: "r1.1f" };
const B = { stamp: 4096, origin: "r1.1f" };

/** One client puts a and then b at TWO; another then reads this value at TWO. */
function historyOf(value: string, version: typeof A): string {
  const lines = [
    HEADER,
    {
      type: "invoke",
      time_ms: 10,
      client: 1,
      op: "put",
      key: "7",
      value: "a",
      level: "TWO",
      coordinator: "r1",
    },
    { type: "ok", time_ms: 12, client: 1, version: A, acked: ["r1", "r2"] },
    {
      type: "invoke",
      time_ms: 14,
      client: 1,
      op: "put",
      key: "7",
      value: "b",
      level: "TWO",
      coordinator: "r1",
    },
    { type: "ok", time_ms: 15, client: 1, version: B, acked: ["r1", "r2"] },
    { type: "invoke", time_ms: 20, client: 2, op: "get", key: "7", level: "TWO", coordinator: "r2" },
    { type: "ok", time_ms: 22, client: 2, value, version, acked: ["r2", "r3"] },
    ...HEADER.replicas.map((replica) => ({
      type: "final",
      replica,
      time_ms: 90,
      key: "7",
      version: B,
      value: "b",
    })),
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

async function withFile(
  text: string,
  use: (path: string, directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "quartet-check-" });
  try {
    const path = join(directory, "history.ndjson");
    await Deno.writeTextFile(path, text);
    await use(path, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("A right history is ok, without a cluster, from a file and from stdin", async () => {
  await withFile(historyOf("b", B), async (path) => {
    const fromFile = await runQuartet(["client", "check", path]);
    assertEquals([fromFile.code, fromFile.stderr], [0, ""]);
    assertMatch(fromFile.stdout, /^ok {2}3 operations on 1 keys? by 2 clients/);
    const linearizable = await runQuartet(["client", "check", path, "--model", "LINEARIZABLE"]);
    assertEquals(linearizable.code, 0, linearizable.stdout + linearizable.stderr);
  });
  assertEquals((await runQuartet(["client", "check", "-"], historyOf("b", B))).code, 0);
});

Deno.test("A stale read is told with the operations that show it, and drawn on a page", async () => {
  await withFile(historyOf("a", A), async (path, directory) => {
    const page = join(directory, "page.html");
    const plain = await runQuartet(["client", "check", path, "--timeline", page]);
    assertEquals(plain.code, 1, plain.stderr);
    assertMatch(plain.stdout, /^violated {2}client 2 got 7 = a .*although client 1 put 7 = b/);
    assertStringIncludes(
      plain.stdout,
      "\n  client 1 put 7 = b (r1.1f@4096) through r1 at 14.0–15.0 ms with r1 r2\n",
    );
    assert((await Deno.readTextFile(page)).toLowerCase().startsWith("<!doctype html>"));
    const json = await runQuartet(["client", "--json", "check", path]);
    assertEquals([json.code, json.stderr], [1, ""]);
    const { ok, outcome, model, violations } = JSON.parse(json.stdout);
    assertEquals([ok, outcome, model, violations[0].judge], [false, "violated", "quorum", "kept_writes"]);
  });
});

Deno.test("What cannot be judged exits with 2 and says why", async () => {
  await withFile(`${historyOf("b", B)}{"type":"sing"}\n`, async (path) => {
    const wrong = await runQuartet(["client", "check", path]);
    assertEquals([wrong.code, wrong.stdout], [2, ""]);
    assertMatch(wrong.stderr, /^error: this is no history:\n.*history\.ndjson:11: /);
  });
  await withFile("junk\n".repeat(1000), async (path) => {
    const wrong = await runQuartet(["client", "check", path]);
    const lines = [1, 2].map((line) => `${path}:${line}: is no JSON; each line is one JSON object\n`);
    assertEquals(
      wrong.stderr,
      `error: this is no history:\n${lines.join("")}and at least 18 more like them\n`,
    );
  });
  const failed = [
    HEADER,
    {
      type: "invoke",
      time_ms: 1,
      client: 1,
      op: "put",
      key: "7",
      value: "a",
      level: "TWO",
      coordinator: "r1",
    },
    { type: "fail", time_ms: 2, client: 1, code: "unavailable" },
  ].map((line) => `${JSON.stringify(line)}\n`).join("");
  const proofless = await runQuartet(["client", "check", "-"], failed);
  assertEquals(proofless.code, 2);
  assertMatch(proofless.stdout, /^unknown {2}.*only 0 of 1 operations succeeded, which proves nothing/);
  const cases: [string[], RegExp][] = [
    [["check"], /check takes one FILE, and 0 words were given/],
    [["check", "/nowhere/h.ndjson"], /\/nowhere\/h\.ndjson cannot be read/],
    [["check", "x", "--model", "quorun"], /--model quorun: no such model; did you mean quorum\?/],
    [["check", "x", "--config", "c.toml"], /check takes no --config: it asks no cluster/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await runQuartet(["client", ...args]);
    assertEquals(code, 2, stderr);
    assertMatch(stderr, message);
  }
});
