/** Tests of `client workload` on real replicas, and of what `client check` says of its histories. @module */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ClusterClient } from "../harness/cluster_client.ts";
import { eventually } from "../harness/eventually.ts";
import { ROOT } from "../../scripts/repository.ts";
import { quartetCommand } from "../../scripts/supervisor/replica_process.ts";
import {
  binaryUnderTest,
  clusterTest,
  type CommandResult,
  type LocalCluster,
  runQuartet,
} from "../harness/processes.ts";

type Fields = Record<string, unknown>;

async function linesOf(path: string): Promise<Fields[]> {
  const text = await Deno.readTextFile(path);
  return text.trimEnd().split("\n").map((line) => JSON.parse(line) as Fields);
}

async function untilWritten(path: string, count: number): Promise<void> {
  await eventually(async () => {
    const text = await Deno.readTextFile(path).catch(() => "");
    return text.split('"type":"ok"').length > count;
  }, { withinMs: 20_000, what: `the history has ${count} operations that are done` });
}

function workload(cluster: LocalCluster, history: string, ...flags: string[]): Promise<CommandResult> {
  return cluster.client("--json", "workload", "--history", history, ...flags);
}

/** A workload that goes on until it gets Ctrl-C: however slow the machine is, what is to happen meanwhile does. */
function beginWorkload(
  cluster: LocalCluster,
  history: string,
  ...flags: string[]
): { interrupt(): Promise<CommandResult> } {
  const [command, args] = quartetCommand(binaryUnderTest(), [
    "client",
    "--config",
    cluster.config,
    "--json",
    "workload",
    "--history",
    history,
    "--rate",
    "300",
    "--seconds",
    "300",
    ...flags,
  ]);
  const child = new Deno.Command(command, { args: [...args], cwd: ROOT, stdout: "piped", stderr: "piped" })
    .spawn();
  const ended = child.output();
  return {
    interrupt: async () => {
      child.kill("SIGINT");
      const { code, stdout, stderr } = await ended;
      const decoder = new TextDecoder();
      return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
    },
  };
}

clusterTest(
  "A workload with a kill in it is judged ok, and not so once an answer of it is changed",
  {},
  async (cluster) => {
    using client = new ClusterClient(cluster);
    // What was there before is no value that nobody wrote.
    await client.expect("r1", { op: "put", key: 1, value: "before", level: "ALL" });
    const history = join(cluster.directory, "history.ndjson");
    const levels = ["--write-level", "TWO", "--read-level", "THREE", "--keys", "8"];
    const running = beginWorkload(cluster, history, "--seed", "7", ...levels);
    await untilWritten(history, 50);
    await cluster.kill9("r3");
    await untilWritten(history, 150);
    await cluster.start("r3");
    await untilWritten(history, 300);
    const { code, stdout, stderr } = await running.interrupt();
    assertEquals([code, stderr], [0, ""], stdout);
    const summary = JSON.parse(stdout);
    assertEquals([summary.ok, summary.final, summary.seed], [true, "equal", 7]);
    assert(summary.done > 300 && summary.done * 2 > summary.operations, stdout);

    const judged = await runQuartet(["client", "check", history]);
    assertEquals(judged.code, 0, judged.stdout + judged.stderr);
    assertMatch(judged.stdout, /^ok {2}\d+ operations on 8 keys.*4 replicas were equal/);
    const lines = await linesOf(history);
    const faults = lines.filter(({ type }) => type === "fault");
    assert(faults.some(({ replicas }) => (replicas as string[]).includes("r3")), JSON.stringify(faults));
    assertEquals(lines.filter(({ type }) => type === "clocks").length, 1);
    assert(lines.some(({ type, value }) => type === "invoke" && value === "before"));

    // The last get of the clients finds what nobody wrote.
    const changed = lines.findLastIndex(({ type, value }) => type === "ok" && typeof value === "string");
    lines[changed]!["value"] = "planted";
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    const wrong = await runQuartet(["client", "check", "-"], text);
    assertEquals(wrong.code, 1, wrong.stdout + wrong.stderr);
    assertStringIncludes(wrong.stdout, "planted");
  },
);

clusterTest(
  "Faults stand in the history, and text keys of every run are new",
  { replicas: 3, keyspace: { keys: "text" }, top: { faults: true } },
  async (cluster) => {
    const history = join(cluster.directory, "history.ndjson");
    const running = beginWorkload(cluster, history, "--keys", "4", "--clients", "3");
    await untilWritten(history, 20);
    assertEquals((await cluster.client("fault", "skew", "r2", "+5s", "--for", "10m")).code, 0);
    assertEquals((await cluster.client("fault", "delay", "r3", "5ms", "--for", "10m")).code, 0);
    await untilWritten(history, 500);
    assertEquals((await cluster.client("fault", "heal")).code, 0);
    const { code, stdout, stderr } = await running.interrupt();
    assertEquals([code, stderr], [0, ""], stdout);
    const { clock_spread_ms, final } = JSON.parse(stdout);
    assert(clock_spread_ms > 5000, stdout);
    assertEquals(final, "equal");
    const texts = (await linesOf(history)).filter(({ type }) => type === "fault").map(({ text }) => text);
    assertEquals(texts.sort(), ["r2: clock 5.0 s ahead", "r3: each line 5 ms late"]);
    const judged = await runQuartet(["client", "check", history]);
    assertEquals(judged.code, 0, judged.stdout + judged.stderr);
  },
);

clusterTest(
  "Without a replica that tells what it holds, or with nobody to ask, nothing is begun",
  { replicas: 2 },
  async (cluster) => {
    const history = join(cluster.directory, "history.ndjson");
    await cluster.kill9("r2");
    const partial = await workload(cluster, history, "--seconds", "1", "--write-level", "ONE");
    assertEquals(partial.code, 5, partial.stdout);
    assertMatch(JSON.parse(partial.stdout).message, /^r2 does not tell what it holds already/);
    await cluster.kill9("r1");
    const before = await Deno.readTextFile(history);
    const none = await workload(cluster, history, "--seconds", "1");
    assertEquals(none.code, 5, none.stdout);
    // An older history is not lost to a cluster that is down.
    assertEquals(await Deno.readTextFile(history), before);
  },
);
