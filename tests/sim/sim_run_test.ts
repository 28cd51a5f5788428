/** Tests of `src/sim/sim_run.ts` and the nemesis: each kind of fault does what it says, and judges know who was live. @module */
import { assert, assertEquals } from "@std/assert";
import type { Operation } from "../../src/checker/history.ts";
import { DRAWN_FAULTS } from "../../src/sim/fault_draw.ts";
import type { Fault } from "../../src/sim/scenario.ts";
import { parseScenario } from "../../src/sim/scenario_document.ts";
import { drawScenario } from "../../src/sim/scenario_draw.ts";
import type { RunResult } from "../../src/sim/sim_run.ts";
import { runScenario, simulate } from "../../src/sim/simulation.ts";

/** A client that puts key 7 through r1 and reads it through r2, twice a second for ten seconds. */
const STEPS = Array.from({ length: 20 }, (_, index) => ({
  at_ms: 1000 + 500 * index,
  client: 1,
  op: index % 2 === 0 ? "put" : "get",
  key: 7,
  value: index % 2 === 0 ? `v${index}` : "",
  coordinator: index % 2 === 0 ? "r1" : "r2",
}));

async function story(
  faults: readonly Readonly<Record<string, unknown>>[],
  more: Readonly<Record<string, unknown>> = {},
): Promise<{ result: RunResult; operations: readonly Operation[]; lines: string[] }> {
  const parsed = parseScenario({
    name: "x",
    phases: { faults_ms: 12_000 },
    fault: faults,
    step: STEPS,
    ...more,
  });
  assert(parsed.ok, parsed.ok ? "" : parsed.failure);
  const lines: string[] = [];
  const result = await runScenario(parsed.value, { onTrace: (_, line) => lines.push(line) });
  const all = result.histories.get("main")!.operations;
  return { result, operations: all.filter(({ client }) => client === 1), lines };
}

Deno.test("Without faults everything succeeds, and all replicas were live all the time", async () => {
  const { result, operations } = await story([]);
  assertEquals(result.findings, []);
  assertEquals(operations.map(({ outcome }) => outcome), STEPS.map(() => "ok"));
  assertEquals(new Set(operations.slice(6).map(({ live }) => live)), new Set([4]));
});

Deno.test("A replica that is down, paused or cut off does not count as live, nor soon after", async () => {
  for (const kind of ["kill", "power", "pause", "partition"]) {
    const { operations } = await story([{ kind, at_ms: 5000, for_ms: 1500, replicas: ["r4"] }]);
    const liveAt = (ms: number): number | undefined =>
      operations.findLast(({ invokedMs }) => invokedMs <= ms)?.live;
    assertEquals([liveAt(4800), liveAt(5800), liveAt(7200), liveAt(10_500)], [4, 3, 3, 4], kind);
  }
});

Deno.test("A request that live replicas could have served, and that failed, is objected to", async () => {
  // Heartbeats come later than replicas have patience: they take each other for dead, and nothing is wrong.
  const { result } = await story([], {
    cluster: { settings: { heartbeat_interval_ms: 100, failure_timeout_ms: 200 } },
    network: { near_ms: 250 },
  });
  assert(
    result.findings.some(({ judge, sentence }) => judge === "availability" && sentence.includes("4 live")),
  );
});

Deno.test("No fault begins while fewer requests have succeeded than a scenario asks for", async () => {
  const faults = [4000, 8000].map((at_ms) => ({
    kind: "kill",
    at_ms,
    for_ms: 1000,
    replicas: ["r1", "r2", "r3"],
  }));
  const struckCount = async (ok_per_mille_min: number): Promise<number> => {
    const { lines } = await story(faults, { phases: { faults_ms: 12_000, ok_per_mille_min } });
    return lines.filter((line) => line.startsWith("fault kill")).length;
  };
  assertEquals([await struckCount(0), await struckCount(1000)], [2, 1]);
});

Deno.test("A fault that waits for an acknowledgement or a sync does not begin either while too few requests succeed", async () => {
  // Between two steps: none is under way that would have r2 sync.
  const away = { kind: "kill", at_ms: 4200, for_ms: 3000, replicas: ["r1", "r3", "r4"] };
  const waiting = [
    // It waits when the others go away, and r2 syncs nothing before r1 is back.
    { kind: "power", on_sync: true, at_ms: 4201, for_ms: 500, replicas: ["r2"], count: 1 },
    { kind: "power", on_ack: true, at_ms: 4201, for_ms: 500, replicas: ["r2"] },
  ];
  for (const fault of waiting) {
    const struckCount = async (ok_per_mille_min: number): Promise<number> => {
      const { lines } = await story([away, fault], { phases: { faults_ms: 12_000, ok_per_mille_min } });
      return lines.filter((line) => line.startsWith("fault power")).length;
    };
    assertEquals([await struckCount(0), await struckCount(1000)], [1, 0], JSON.stringify(fault));
  }
});

Deno.test("Each kind of fault strikes, and no judge objects", async () => {
  for (const kind of DRAWN_FAULTS) {
    const scenario = drawScenario(DRAWN_FAULTS.indexOf(kind), { faults: [kind] });
    const lines: string[] = [];
    const { findings } = await runScenario(scenario, { onTrace: (_, line) => lines.push(line) });
    assertEquals(findings, [], kind);
    const struck: Fault["kind"] = kind === "blackout" || kind === "tear" ? "power" : kind;
    assert(scenario.faults.every((fault) => fault.kind === struck));
    assert(scenario.faults.length === 0 || lines.some((line) => line.startsWith(`fault ${struck}`)), kind);
  }
});

Deno.test("A power cut that waits for a sync tears what the log was given, and the log is cut there", async () => {
  let cutCount = 0;
  for (let seed = 0; seed < 8; seed++) {
    const { findings } = await simulate(seed, {
      faults: ["tear"],
      onTrace: (_, line) => cutCount += line.includes("cut the log at a frame") ? 1 : 0,
    });
    assertEquals(findings, [], `seed ${seed}`);
  }
  assert(cutCount >= 4, `${cutCount} torn tails`);
});

Deno.test("A replica on whose disk a bit flipped names the file and refuses, or misses nothing", async () => {
  const lines: string[] = [];
  for (let seed = 0; seed < 8; seed++) {
    const { findings } = await simulate(seed, { faults: ["rot"], onTrace: (_, line) => lines.push(line) });
    assertEquals(findings, [], `seed ${seed}`);
  }
  const flips = lines.filter((line) => line.startsWith("a bit flips")).length;
  const refusals = lines.filter((line) => /refuses to start: byte \d+ of \S+ is damaged/.test(line)).length;
  assert(flips > 10, `${flips} flips`);
  assert(refusals > 2 && refusals < flips, `${refusals} refusals`);
});

Deno.test("A change of the configuration brings a keyspace, and nobody forgets anything", async () => {
  const { result } = await story([{ kind: "reconfigure", at_ms: 4000, for_ms: 300, change: 1 }], {
    change: [{ keyspace: { added: { keys: "text" } }, settings: { segment_bytes: 16_777_216 } }],
    step: [...STEPS, { at_ms: 9000, client: 2, op: "put", keyspace: "added", key: "a", value: "x" }],
  });
  assertEquals(result.findings, []);
  const [put] = result.histories.get("added")!.operations;
  assertEquals([put?.op, put?.key, put?.outcome], ["put", "a", "ok"]);
});

Deno.test("Two runs of a seed reach the same marks, and counting them changes nothing", async () => {
  const runs = [new Map<string, number>(), new Map<string, number>()];
  const traces = [];
  for (const marks of runs) traces.push((await simulate(11, { marks })).trace);
  traces.push((await simulate(11)).trace);
  assert(runs[0]!.size > 10, `only ${runs[0]!.size} marks`);
  assertEquals([...runs[0]!], [...runs[1]!]);
  assertEquals(new Set(traces).size, 1);
});
