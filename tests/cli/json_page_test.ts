/** Checks every example of `src/cli/JSON.md`, and that what the client prints has no field that the page does not name. @module */
import { assert, assertEquals } from "@std/assert";
import { fail, ok } from "../../src/base/failure.ts";
import type { HoldingsView, StatusView } from "../../src/cli/cluster_view.ts";
import { CLIENT_EXITS } from "../../src/cli/exit_codes.ts";
import { type FaultAnswer, faultsObject } from "../../src/cli/fault_verb.ts";
import { type Finding, findingsObject } from "../../src/cli/finding.ts";
import { holdingsObject } from "../../src/cli/inspect_verb.ts";
import { printable } from "../../src/cli/output.ts";
import { failureObject, replyObject } from "../../src/cli/receipt.ts";
import { verdictObject } from "../../src/cli/check_verb.ts";
import { parseModel } from "../../src/checker/judge.ts";
import type { JudgeName, Verdict } from "../../src/checker/verdict.ts";
import { type RepairAnswer, repairObject } from "../../src/cli/repair_verb.ts";
import { runObject } from "../../src/cli/sim_verb.ts";
import { drawScenario } from "../../src/sim/scenario_draw.ts";
import type { Finding as RunFinding } from "../../src/sim/run_judges.ts";
import { workloadObject } from "../../src/cli/workload_verb.ts";
import { parseWorkload } from "../../src/cli/workload_plan.ts";
import type { Comparison } from "../../src/cli/workload_ends.ts";
import { KeyHolders, keyspaceOf, type PlacementConfig } from "../../src/cli/holders.ts";
import { keyPlaceOf } from "../../src/cli/key_place.ts";
import { type HolderState, locationObject } from "../../src/cli/locate_verb.ts";
import { statusObject } from "../../src/cli/status_verb.ts";
import { ERRORS, type Failure } from "../../src/protocol/error_codes.ts";
import type { Held, Status } from "../../src/protocol/reply.ts";
import { decodeReply } from "../../src/transport/reply_codec.ts";
import { clusterTest } from "../harness/processes.ts";

type Fields = Record<string, unknown>;

const page = await Deno.readTextFile(new URL("../../src/cli/JSON.md", import.meta.url));

/** The objects of all fenced blocks that are marked so. */
function examples(mark: string): Fields[] {
  const blocks = [...page.matchAll(/^```json (.*)\n([^]*?)^```$/gm)].filter(([, found]) => found === mark);
  assert(blocks.length > 0, `no block is marked ${mark}`);
  return blocks.flatMap(([, , text]) => text!.trim().split("\n").map((line) => JSON.parse(line) as Fields));
}

Deno.test("every block of the page is of a kind that is checked", () => {
  const marks = [...page.matchAll(/^```(json.*)$/gm)].map(([, mark]) => mark!.replace("json ", ""));
  assertEquals(marks, [
    "written",
    "value",
    "trace",
    "failure",
    "page",
    "status",
    "fault",
    "inspect",
    "locate",
    "repair",
    "wait",
    "script",
    "workload",
    "history",
    "sim",
    "check",
    "help",
  ]);
});

Deno.test("the receipts of the page are what the client makes of an answer", () => {
  for (const example of examples("page")) {
    const reply = decodeReply({ id: 1, ...example });
    assert(reply?.result.ok, JSON.stringify(reply));
    assertEquals(replyObject(reply.result.value), example);
  }
  for (const example of [...examples("written"), ...examples("value"), ...examples("trace")]) {
    const { elapsed_ms, ...fields } = example;
    const reply = decodeReply({ id: 1, ...fields });
    assert(reply?.result.ok, JSON.stringify(reply));
    assertEquals({ ...replyObject(reply.result.value), elapsed_ms }, example);
  }
});

Deno.test("the workload of the page is what the client makes of it", () => {
  for (const example of examples("workload")) {
    const { history, clients, seed, seconds, done, refused, unknown, clock_spread_ms } = example;
    const plan = parseWorkload(new Map([["history", String(history)], ["clients", String(clients)]]));
    const counts = { ok: Number(done), fail: Number(refused), info: Number(unknown) };
    const shown = workloadObject({
      plan,
      seed: Number(seed),
      seconds: Number(seconds),
      counts,
      clockSpreadMs: Number(clock_spread_ms),
      comparison: example["final"] as Comparison,
    }, String(example["keyspace"]));
    assertEquals<unknown>(shown, example);
  }
});

Deno.test("the run of the page is what the client makes of one", () => {
  for (const example of examples("sim")) {
    const findings = (example["findings"] as Fields[]).map(({ judge, sentence }): RunFinding => ({
      judge: String(judge),
      kind: "",
      sentence: String(sentence),
      operations: [],
    }));
    const shown = runObject({
      scenario: drawScenario(Number(example["seed"])),
      findings,
      okCount: Number(example["done"]),
      operationCount: Number(example["operations"]),
      simulatedMs: Number(example["simulated_ms"]),
      trace: String(example["trace_hash"]),
    }, String(example["timeline"]));
    assertEquals<unknown>(shown, example);
  }
});

Deno.test("the verdict of the page is what the client makes of it", () => {
  for (const example of examples("history")) {
    const { model, timeline, ...rest } = example;
    const violations = (rest["violations"] as Fields[]).map(({ judge, sentence }) => ({
      judge: judge as JudgeName,
      sentence: String(sentence),
      operations: [],
    }));
    const verdict = {
      outcome: "violated",
      sentence: String(rest["sentence"]),
      violations,
    } as unknown as Verdict;
    const shown = verdictObject(verdict, { model: parseModel(String(model))!, timeline: timeline as string });
    const told = {
      ...example,
      violations: (rest["violations"] as Fields[]).map((one) => ({ ...one, operations: [] })),
    };
    assertEquals<unknown>(shown, told);
  }
});

Deno.test("the failures of the page are what the client makes of a failure", () => {
  for (const example of examples("failure")) assertEquals(failureObject(failureOf(example)), example);
});

Deno.test("the status of the page is what the client makes of the replicas' answers", () => {
  for (const example of examples("status")) {
    const views = (example["replicas"] as Fields[]).map((entry): StatusView => {
      const [host = "", port] = String(entry["address"]).split(":");
      const replica = { id: String(entry["id"]), host, port: Number(port) };
      const { status } = entry as { status?: Status };
      return { replica, result: status === undefined ? fail(failureOf(entry)) : ok(status) };
    });
    const reply = decodeReply({ id: 1, ok: true, status: (example["replicas"] as Fields[])[0]!["status"] });
    assert(reply?.result.ok, "the status is not one that a replica sends");
    assertEquals(statusObject(views, example["ok"] as boolean), example);
  }
});

Deno.test("the faults of the page are what the client makes of the replicas' answers", () => {
  for (const example of examples("fault")) {
    const answers = (example["replicas"] as Fields[]).map((entry): FaultAnswer => {
      const id = String(entry["id"]);
      if (entry["faults"] === undefined) return { id, result: fail(failureOf(entry)) };
      const reply = decodeReply({ id: 1, ok: true, replica: id, faults: entry["faults"] });
      assert(reply?.result.ok && reply.result.value.kind === "faults", JSON.stringify(reply));
      return { id, result: ok(reply.result.value.faults) };
    });
    assertEquals(faultsObject(answers, { isOk: example["ok"] as boolean }), example);
  }
});

Deno.test("the repairs of the page are what the client makes of the replicas' answers", () => {
  for (const example of examples("repair")) {
    const answers = (example["replicas"] as Fields[]).map((entry): RepairAnswer => {
      const id = String(entry["id"]);
      if (entry["peers"] === undefined) return { id, result: fail(failureOf(entry)) };
      const { dry_run } = example;
      const reply = decodeReply({ id: 1, ok: true, replica: id, dry_run, peers: entry["peers"] });
      assert(reply?.result.ok && reply.result.value.kind === "repaired", JSON.stringify(reply));
      return { id, result: ok(reply.result.value.peers) };
    });
    const isDryRun = example["dry_run"] as boolean;
    assertEquals(repairObject(answers, { isDryRun, isOk: example["ok"] as boolean }), example);
  }
});

Deno.test("the places of the page are what the client makes of a key and its replicas", () => {
  const members = ["r1", "r2", "r3", "r4"].map((id) => ({ id, host: "127.0.0.1", port: 7411 }));
  for (const example of examples("locate")) {
    const { keyspace: name, key, partitioner, copies } = example;
    const placement = {
      name,
      keys: typeof key === "number" ? "byte" : "text",
      partitioner,
      replication: copies,
    };
    const keyspace = keyspaceOf(placement as PlacementConfig, members);
    const place = keyPlaceOf(keyspace, key as string | number);
    assert(place.ok);
    const holders = (example["replicas"] as Fields[]).map((entry) => ({
      id: String(entry["id"]),
      state: entry["state"] as HolderState,
      ...(entry["held"] === undefined
        ? { failure: failureOf(entry) }
        : { held: entry["held"] as Held["versions"] }),
    }));
    assertEquals(locationObject({ keyspace, place: place.value, holders }), example);
  }
});

Deno.test("the holdings of the page are what the client makes of the replicas' answers", () => {
  for (const example of examples("inspect")) {
    const keys = (example["keys"] as { key: number; equal: boolean; held: Fields }[])
      .map(({ key, equal, held }) => ({ key, isEqual: equal, held: new Map(Object.entries(held)) }));
    const view = {
      replicas: example["replicas"],
      holders: new KeyHolders(
        {
          name: "main",
          keys: "byte",
          partitioner: "all",
          replication: (example["holders"] as string[]).length,
        },
        (example["replicas"] as string[]).map((id) => ({ id, host: "127.0.0.1", port: 7411 })),
      ),
      failures: new Map(
        Object.entries(example["unreachable"] as Record<string, Fields>)
          .map(([id, failure]) => [id, failureOf(failure)]),
      ),
      keys,
    } as HoldingsView;
    assertEquals(holdingsObject(view, view.keys), example);
  }
});

Deno.test("the findings of the page are what a check makes of what it found", () => {
  for (const example of examples("check")) {
    const findings = (example["findings"] as Finding[]).map((finding) => ({
      ...finding,
      ...(finding.level === "fail" ? { exit: example["exit"] as number } : {}),
    }));
    assertEquals(findingsObject(findings, String(example["replica"])), example);
  }
});

Deno.test("the page names every code that the client ends with, and its exit code", () => {
  const rows = [...page.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, code, exit]) => [code, Number(exit)]);
  const codes = CLIENT_EXITS.flatMap(({ codes }) => codes);
  assertEquals(rows, codes.map((code) => [code, ERRORS[code].exit]));
});

clusterTest(
  "what --json prints has no field that the page does not name",
  { replicas: 2, top: { faults: true } },
  async (cluster) => {
    const named = new Set([...page.matchAll(/`(\w+)`/g)].map(([, word]) => word));
    const runs: [string[], number][] = [
      [["put", "7", "x\u001b\u0085", "ALL"], 0],
      [["get", "7", "--trace"], 0],
      [["get", "8"], 4],
      [["get", "300"], 2],
      [["delete", "7"], 0],
      [["get", "7"], 4],
      [["inspect"], 0],
      [["locate", "7"], 0],
      [["keys", "--limit", "1"], 0],
      [["scan"], 0],
      [["wait", "converged"], 0],
      [["repair"], 0],
      [["repair", "--dry-run", "main"], 0],
      [["help", "get"], 0],
      [["fault", "skew", "r2", "+1s"], 0],
      [["fault", "delay", "r1", "1ms"], 0],
      [["status"], 0],
      [["fault", "heal"], 0],
    ];
    for (const [words, code] of runs) {
      const result = await cluster.client("--json", ...words);
      assertEquals(
        [result.code, result.stderr, result.stdout.split("\n").length],
        [code, "", 2],
        words.join(" "),
      );
      assertEquals(printable(result.stdout.trimEnd()), result.stdout.trimEnd());
      const unknown = fieldsOf(JSON.parse(result.stdout)).filter((name) => !named.has(name));
      assertEquals(unknown, [], words.join(" "));
    }
  },
);

clusterTest(
  "a script prints one object for each command, as the page says",
  { replicas: 4 },
  async (cluster) => {
    const script = "level two\nput 7 x\ngte 7\n# a comment\ntrace on\nuse main\ncoordinator r2\nhelp get\n";
    const { stdout, stderr, code } = await cluster.clientWithInput(script, "--json", "--keep-going");
    assertEquals([stderr, code], ["", 2]);
    const objects = stdout.trim().split("\n").map((line) => JSON.parse(line) as Fields);
    assertEquals(objects.map(({ line }) => line), [1, 2, 3, 5, 6, 7, 8]);
    const shapes = objects.map((object) => Object.keys(object));
    for (const [index, example] of examples("script").entries()) {
      assertEquals(shapes[index], Object.keys(example), JSON.stringify(objects[index]));
    }
    assertEquals(
      objects.slice(3, 6).map(({ trace, keyspace, coordinator }) => [trace, keyspace, coordinator]),
      [
        [true, undefined, undefined],
        [undefined, "main", undefined],
        [undefined, undefined, "r2"],
      ],
    );
  },
);

/** Names of all fields within; not those of maps, whose keys are data. */
function fieldsOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(fieldsOf);
  return Object.entries(value).flatMap(([name, inner]) => {
    if (["counters", "digest", "held", "unreachable"].includes(name)) {
      return [name, ...Object.values(inner).flatMap(fieldsOf)];
    }
    return [name, ...fieldsOf(inner)];
  });
}

function failureOf(example: Fields): Failure {
  const { ok: _ok, id: _id, address: _address, error, ...fields } = example;
  return { code: error, ...fields } as Failure;
}
