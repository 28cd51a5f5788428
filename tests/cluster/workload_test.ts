/** Tests of `client workload` on real replicas, and of what `client check` says of its histories. @module */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ClusterClient } from "../harness/cluster_client.ts";
import {
  clusterTest,
  type CommandResult,
  type LocalCluster,
  runCommand,
  runQuartet,
} from "../harness/processes.ts";
import {
  historyLines,
  historyText,
  spawnWorkload,
  untilWritten,
  WorkloadProcess,
} from "../harness/workload_process.ts";

const RATE = ["--rate", "300"];

function workload(cluster: LocalCluster, history: string, ...flags: string[]): Promise<CommandResult> {
  return cluster.client("--json", "workload", "--history", history, ...flags);
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
    await using running = new WorkloadProcess(cluster.config, history, ...RATE, "--seed", "7", ...levels);
    await untilWritten(history, 50);
    await cluster.kill9("r3");
    await untilWritten(history, 150);
    await cluster.start("r3");
    await untilWritten(history, 300);
    const { code, stdout, stderr } = await running.interrupt();
    assertEquals([code, stderr], [0, ""], stdout);
    const summary = JSON.parse(stdout);
    assertEquals([summary.ok, summary.final, summary.seed], [true, "equal", 7]);
    // One of the 300 that are written is what was there before.
    assert(summary.done >= 299 && summary.done * 2 > summary.operations, stdout);

    const judged = await runQuartet(["client", "check", history]);
    assertEquals(judged.code, 0, judged.stdout + judged.stderr);
    assertMatch(judged.stdout, /^ok {2}\d+ operations on 8 keys.*4 replicas were equal/);
    const lines = await historyLines(history);
    const faults = lines.filter(({ type }) => type === "fault");
    assert(faults.some(({ replicas }) => (replicas as string[]).includes("r3")), JSON.stringify(faults));
    assertEquals(lines.filter(({ type }) => type === "clocks").length, 1);
    assert(lines.some(({ type, value }) => type === "invoke" && value === "before"));

    // The last get of the clients finds what nobody wrote.
    const changed = lines.findLastIndex(({ type, value }) => type === "ok" && typeof value === "string");
    lines[changed]!["value"] = "planted";
    const text = historyText(lines);
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
    await using running = new WorkloadProcess(
      cluster.config,
      history,
      ...RATE,
      "--keys",
      "4",
      "--clients",
      "3",
    );
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
    const texts = (await historyLines(history)).filter(({ type }) => type === "fault").map(({ text }) =>
      text
    );
    assertEquals(texts.sort(), ["clock 5.0 s ahead", "each line 5 ms late"]);
    const judged = await runQuartet(["client", "check", history]);
    assertEquals(judged.code, 0, judged.stdout + judged.stderr);
  },
);

clusterTest(
  "A workload tells of all operations that the judges then count",
  { replicas: 3 },
  async (cluster) => {
    assertEquals((await cluster.client("put", "0", "before", "all")).code, 0);
    const history = join(cluster.directory, "history.ndjson");
    const words = ["--seconds", "1", "--keys", "4", "--clients", "2", "--history", history];
    const { code, stdout, stderr } = await cluster.client("workload", ...words);
    assertEquals(code, 0, stderr);
    const [, own] =
      /^ok {2}(\d+) operations by 2 clients, and 4 last reads and 1 earlier write, on 4 keys in 1\./
        .exec(stdout) ?? [];
    assert(own !== undefined, stdout);
    assertEquals(stderr, `to judge all ${Number(own) + 5}: quartet client check ${history} --model quorum\n`);
    const judged = await runQuartet(["client", "check", history]);
    assertMatch(judged.stdout, new RegExp(`^ok {2}${Number(own) + 5} operations on 4 keys by 4 clients`));
  },
);

clusterTest(
  "Clients that carry sessions are owed causality at ONE on replicas that hear late of everything, others are not",
  {
    replicas: 3,
    keyspace: { keys: "text", read_repair: "off", hinted_handoff: false, anti_entropy: false },
    top: { faults: true },
  },
  async (cluster) => {
    const delay = await cluster.client("fault", "delay", "r1,r2,r3", "100ms", "--for", "10m");
    assertEquals(delay.code, 0, delay.stderr);
    const levels = ["--write-level", "ONE", "--read-level", "ONE", "--no-final"];
    const size = [...RATE, "--seconds", "3", "--keys", "4", "--clients", "24"];
    const judged = async (...flags: string[]): Promise<CommandResult & { readonly sessions: unknown }> => {
      const history = join(cluster.directory, "history.ndjson");
      const { code, stdout, stderr } = await workload(cluster, history, ...size, ...levels, ...flags);
      assertEquals(code, 0, stderr);
      const { sessions } = JSON.parse(stdout);
      return { ...await runQuartet(["client", "check", history, "--model", "causal"]), sessions };
    };
    const carried = await judged("--sessions");
    assertEquals([carried.code, carried.sessions], [0, true], carried.stdout + carried.stderr);
    assertMatch(carried.stdout, /24 sessions only went forward; nobody missed what follows from what it saw/);
    const plain = await judged();
    assertEquals([plain.code, plain.sessions], [1, false], plain.stdout + plain.stderr);
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

clusterTest(
  "Ctrl-C ends the clients, the second one the wait for calm, and what was written until then can be read",
  { replicas: 2 },
  async (cluster) => {
    const history = join(cluster.directory, "history.ndjson");
    const levels = ["--write-level", "ONE", "--read-level", "ONE"];
    const child = spawnWorkload(cluster.config, history, ...levels);
    const stdout = new Response(child.stdout).text();
    await untilWritten(history, 20);
    // Nobody is calm without r2, so that the end would take half a minute.
    await cluster.kill9("r2");
    child.kill("SIGINT");
    let notes = "";
    let leftMs: number | undefined;
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      notes += text;
      if (leftMs !== undefined || !notes.includes("Ctrl-C again leaves at once")) continue;
      leftMs = performance.now();
      child.kill("SIGINT");
    }
    assertEquals((await child.status).code, 130, notes);
    assert(performance.now() - leftMs! < 20_000, notes);
    assertMatch(await stdout, /^ok .*; replicas were not compared; seed \d+\n$/);
    assert(!notes.includes("did not stand as they should"), notes);
    const judged = await runQuartet(["client", "check", history]);
    assertEquals(judged.code, 2, judged.stdout + judged.stderr);
    assertMatch(judged.stdout, /^unknown {2}fewer than two replicas were looked at in the end/);
  },
);

clusterTest(
  "Where the history cannot be written any more the clients end, and it says so",
  { replicas: 2, keyspace: { keys: "text" } },
  async (cluster) => {
    // The first lines get through; then whoever read them is gone.
    const pipe = join(cluster.directory, "pipe");
    assertEquals((await runCommand("mkfifo", [pipe])).code, 0);
    const reader = runCommand("sh", ["-c", 'head -c 2000 "$1"', "sh", pipe]);
    const cases: readonly [string, RegExp][] = [[pipe, /Broken pipe/]];
    const hasFullDevice = Deno.build.os === "linux";
    for (const [path, reason] of hasFullDevice ? [...cases, ["/dev/full", /No space/] as const] : cases) {
      const child = spawnWorkload(cluster.config, path);
      const { code, stderr } = await child.output();
      const text = new TextDecoder().decode(stderr);
      assertEquals(code, 74, text);
      assertStringIncludes(text, `error: ${path} cannot be written: `);
      assertMatch(text, reason);
    }
    assertMatch((await reader).stdout, /^\{/);
  },
);
