import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { changeText, comparisonLines, isBeyondNoise } from "../../scripts/bench/comparison.ts";
import type { Machine } from "../../scripts/bench/machine.ts";
import type { Measured, Row } from "../../scripts/bench/measurement.ts";
import { parseBenchOptions } from "../../scripts/bench/options.ts";
import { markdownLines, rowLines } from "../../scripts/bench/report.ts";
import { loadResults, type Results, resultsOf, saveResults } from "../../scripts/bench/results.ts";
import { UsageError } from "../../src/cli/arguments.ts";

const MACHINE: Machine = {
  kernel: "linux 6.1 x86_64",
  deno: "2.8.3",
  peer: "Redis 7.0.15",
  commit: "abc1234",
  cpu: "one of many",
  cpuCount: 2,
  fdatasyncUs: 100,
  loadAverage: 0,
};

function measuredAt(perSecond: number): Measured {
  return {
    perSecond: { median: perSecond, min: perSecond - 10, max: perSecond + 10 },
    p50Us: 500,
    p99Us: 1500,
    p999Us: 12_000,
    maxUs: 20_000,
    errorCount: 0,
    cpuUs: { median: 100, min: 90, max: 110 },
    serverCpuUs: [40, 60],
    generatorCpuUs: 5.25,
    generatorBusy: 0.4,
    syncsPerOperation: 0.5,
    rssBytes: [100e6, 120e6],
  };
}

function resultsAt(perSecond: number, peerPerSecond: number, takenAt = "2026-11-20T00:00:00.000Z"): Results {
  const ratio = perSecond / peerPerSecond;
  const row: Row = {
    run: { op: "put", level: "TWO", clientCount: 16, valueBytes: 128 },
    ours: measuredAt(perSecond),
    peer: measuredAt(peerPerSecond),
    ratio: { median: ratio, min: ratio - 0.1, max: ratio + 0.1 },
  };
  return { ...resultsOf(MACHINE, parseBenchOptions([]), [row]), takenAt };
}

Deno.test("A change is beyond the noise when no round of one reaches the rounds of the other", () => {
  const then = { median: 100, min: 90, max: 110 };
  assert(!isBeyondNoise(then, { median: 115, min: 110, max: 130 }));
  assert(isBeyondNoise(then, { median: 115, min: 111, max: 130 }));
  assert(isBeyondNoise(then, { median: 80, min: 70, max: 89 }));
  assertEquals(changeText(then, { median: 115, min: 105, max: 130 }), "+15 %");
  assertEquals(changeText(then, { median: 50, min: 40, max: 60 }), "-50 % *");
  assertEquals(changeText(then, then), "0 %");
});

Deno.test("A comparison shows each row then and now, and says what else differs", () => {
  const then = resultsAt(1000, 2000);
  const faster = { ...resultsAt(1500, 2000), machine: { ...MACHINE, deno: "9.9.9" } };
  const text = comparisonLines({ name: "first", then, now: faster }).join("\n");
  assertStringIncludes(text, "compared with first: 2026-11-20, commit abc1234, 5 rounds of 3 s");
  assertStringIncludes(text, "deno: 2.8.3 then, 9.9.9 now");
  assertStringIncludes(text, "put-TWO  16       128    1000        1500  +50 % *  0.50        0.75  +50 % *");
  const [row] = then.rows as [Row];
  const unknown: Results = { ...then, rows: [{ ...row, run: { ...row.run, clientCount: 64 } }] };
  assertStringIncludes(
    comparisonLines({ name: "first", then, now: unknown }).join("\n"),
    "put-TWO  64       128    –           1000  –",
  );
});

Deno.test("Figures show ours and the peer's, and what spoiled them", () => {
  const results = resultsAt(1000, 2000);
  const [row] = results.rows as [Row];
  const lines = rowLines(results.rows, results.load);
  assertEquals(lines.length, 3);
  assertStringIncludes(
    lines[1]!,
    "quartet  1000 (990–1010)   0.50 (0.40–0.60)  0.50    1.50  12.0   20.0  0",
  );
  assertStringIncludes(lines[2]!, "peer     2000 (1990–2010)");
  const spoiled = { ...row, ours: { ...row.ours, errorCount: 3, firstError: "timeout", generatorBusy: 0.9 } };
  const remarks = rowLines([spoiled], results.load).slice(3);
  assertEquals(remarks[0], "put-TWO at 16, ours: 3 errors, the first: timeout");
  assertStringIncludes(remarks[1]!, "90 % of a processor");
});

Deno.test("Results are kept by name, and the latest is the one that was measured last", async () => {
  const directory = await Deno.makeTempDir({ prefix: "quartet-results-" });
  try {
    await assertRejects(() => loadResults("latest", directory), UsageError, "--save NAME");
    const [first, second] = [
      resultsAt(1, 1, "2026-11-21T00:00:00.000Z"),
      resultsAt(2, 2, "2026-11-20T00:00:00.000Z"),
    ];
    await saveResults("a", first, directory);
    await saveResults("b", second, directory);
    assertEquals(await loadResults("latest", directory), { name: "a", results: first });
    assertEquals((await loadResults("b", directory)).results, second);
    await assertRejects(() => loadResults("c", directory), UsageError, "there are: a b");
    await Deno.writeTextFile(join(directory, "old.json"), '{"format":0}');
    await assertRejects(() => loadResults("old", directory), UsageError, "measure them again");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("The page about speed shows its results as they were kept", async () => {
  const page = await Deno.readTextFile(new URL("../../scripts/bench/README.md", import.meta.url));
  const tables = [...page.matchAll(/^<!-- deno task bench --table (\S+) -->\n\n(.*?)\n\n<!-- end -->$/gms)];
  assert(tables.length > 0, "the page shows no table");
  for (const [, name, text] of tables) {
    assertEquals(text, markdownLines((await loadResults(name!)).results).join("\n"));
  }
});
