/** Tests of `quartet client sim`, as a person and as a program runs it. @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { simulate } from "../../src/sim/simulation.ts";
import { runQuartet } from "../harness/processes.ts";

const SCENARIO = fromFileUrl(new URL("../sim/scenarios/missed_write.toml", import.meta.url));

Deno.test("A seed gives the trace that it gives here, with all that happens where that is asked for", async () => {
  const { trace, operationCount } = await simulate(4711);
  const plain = await runQuartet(["client", "sim", "4711"]);
  assertEquals([plain.code, plain.stderr], [0, ""], plain.stdout);
  assertMatch(
    plain.stdout,
    /^ok {2}\d+ of \d+ requests succeeded in [\d.]+ simulated seconds; no judge objects\ntrace [0-9a-f]{16}\n$/,
  );
  const traced = await runQuartet(["client", "sim", "4711", "--trace"]);
  const lines = traced.stdout.trimEnd().split("\n");
  assertEquals([lines.at(-1), lines.length > operationCount], [`trace ${trace}`, true]);
  const json = JSON.parse((await runQuartet(["client", "--json", "sim", "4711"])).stdout);
  assertEquals([json.ok, json.findings, json.trace_hash], [true, [], trace]);
});

Deno.test("A range of seeds gives a line with the trace of each, and two runs give the same lines", async () => {
  const expected = [];
  for (let seed = 8; seed <= 10; seed++) expected.push(`${seed} ${(await simulate(seed)).trace}\n`);
  const ranged = await runQuartet(["client", "sim", "8..10"]);
  assertEquals([ranged.code, ranged.stderr, ranged.stdout], [0, "", expected.join("")]);
});

Deno.test("A scenario runs from its file and is drawn on a page, and what fails the judges exits with 1", async () => {
  const directory = await Deno.makeTempDir({ prefix: "quartet-sim-" });
  try {
    const page = join(directory, "run.html");
    const { code, stdout, stderr } = await runQuartet(["client", "sim", SCENARIO, "--timeline", page]);
    assertEquals([code, stderr], [0, `the picture is in ${page}\n`], stdout);
    assert((await Deno.readTextFile(page)).toLowerCase().startsWith("<!doctype html>"));
    // Too little calm for r4, which is still on its way back.
    const hasty = join(directory, "hasty.toml");
    const phases = "faults_ms = 3900\ncalm_ms = 10\nreads_ms = 0";
    await Deno.writeTextFile(hasty, (await Deno.readTextFile(SCENARIO)).replace("faults_ms = 8000", phases));
    const wrong = await runQuartet(["client", "sim", hasty]);
    assertEquals(wrong.code, 1, wrong.stdout);
    assertMatch(wrong.stdout, /^violated \(\w+\): [^]*\n\d+ of \d+ requests succeeded [^;]*\ntrace \w+\n$/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("What names no run is refused, and says what would", async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["sim"], /sim takes one seed or one FILE\.toml, and 0 words were given/],
    [["sim", "x"], /a run is named by a seed, one number from 0 to 999999999999999, .* not by "x"/],
    [["sim", "9..8"], /a range of seeds begins with the smaller one: 8\.\.9, not 9\.\.8/],
    [["sim", "1..2", "--trace"], /sim 1\.\.2 takes no --trace: it runs many seeds/],
    [["sim", "1..2", "--json"], /sim 1\.\.2 takes no --json: it runs many seeds/],
    [["sim", "/nowhere/s.toml"], /\/nowhere\/s\.toml cannot be read as a scenario/],
    [["sim", "1", "--config", "c.toml"], /sim takes no --config: it asks no cluster/],
    [["sim", "1", "--trace", "--json"], /--trace or --json, not both/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await runQuartet(["client", ...args]);
    assertEquals(code, 2);
    assertMatch(stdout + stderr, message);
  }
});
