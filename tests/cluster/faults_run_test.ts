/** Real replicas under cuts, delays, losses, pauses and kills beside a workload: nothing acknowledged is lost, judged by `client check`. @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { print } from "../../scripts/print.ts";
import { Random } from "../../src/base/random.ts";
import { drawBlows, FaultRun, HANDS } from "../harness/fault_run.ts";
import { type CommandResult, runQuartet } from "../harness/processes.ts";
import { RealCluster } from "../harness/real_cluster.ts";
import { historyLines, historyText, untilWritten, WorkloadProcess } from "../harness/workload_process.ts";

/** `QUARTET_FAULT_SECONDS=300` makes the long run. */
const SECONDS = Number(Deno.env.get("QUARTET_FAULT_SECONDS") ?? 20);
const SEED = Number(Deno.env.get("QUARTET_SEED") ?? Date.now() % 1_000_000);

/** All replicas are equal so long after healing and the last write, once every key was read. */
const EQUAL_WITHIN_MS = 10_000;

type Lines = Awaited<ReturnType<typeof historyLines>>;

Deno.test(`Nothing acknowledged is lost in ${SECONDS} s of faults, and replicas are equal in time`, async () => {
  await using cluster = await RealCluster.start();
  await unlessFailed(cluster, async () => {
    const history = join(cluster.directory, "history.ndjson");
    const levels = ["--write-level", "TWO", "--read-level", "THREE", "--keys", "32", "--seed", String(SEED)];
    await using workload = new WorkloadProcess(cluster.config, history, ...levels);
    await untilWritten(history, 50);
    const run = new FaultRun(cluster, SEED);
    await run.run(SECONDS);
    await cluster.heal();
    const healedMs = performance.now();
    const { code, stdout, stderr } = await workload.interrupt();
    const tookMs = performance.now() - healedMs;
    assertEquals([code, stderr], [0, ""], stdout);
    const summary = JSON.parse(stdout);
    const judged = await check(history);
    const equalMs = Number(/replicas were equal at most ([\d.]+) ms after/.exec(judged.stdout)?.[1]);
    const counts = [...run.counts].map(([kind, count]) => `${count} ${kind}`).join(", ");
    print(
      `seed ${SEED}: ${summary.operations} operations, ${summary.done} done, ${summary.refused} refused, ` +
        `${summary.unknown} unknown; faults: ${counts}; ${run.killCount} processes killed; ` +
        `equal ${equalMs} ms after the last fault and write, workload over ${
          Math.round(tookMs)
        } ms after healing\n` +
        judged.stdout.trim(),
    );
    assertEquals(judged.code, 0, judged.stdout + judged.stderr);
    assertEquals(summary.final, "equal");
    assert(equalMs <= EQUAL_WITHIN_MS, judged.stdout);
    assert(2 * summary.done >= summary.operations, "too little succeeded: the run proves nothing (H24)");
    assertEquals([...run.counts.keys()].sort(), [...new Set(Object.values(HANDS).flat())].sort());

    const lines = await historyLines(history);
    // Why looked for: judges excuse what was on a disk that was lost, and no fault here loses one.
    assertEquals(lines.filter(({ type }) => type === "disk_loss"), [], "a replica lost its directory");
    // The same history is violated once a key that was written is gone from all replicas, or a get that overlaps a put is older.
    await assertViolated(withoutFinalsOfOneKey(lines), /, but in the end r\d holds nothing of key/);
    await assertViolated(withStaleGet(lines), /, although client \d+ (put|deleted)/);
  });
});

Deno.test("Levels that do not overlap are found out under a partition, once they are told as if they did", async () => {
  await using cluster = await RealCluster.start();
  await unlessFailed(cluster, async () => {
    const history = join(cluster.directory, "history.ndjson");
    const levels = ["--write-level", "ONE", "--read-level", "ONE", "--keys", "4"];
    await using workload = new WorkloadProcess(cluster.config, history, ...levels);
    await untilWritten(history, 50);
    await cluster.partition(["r1", "r2"], ["r3", "r4"]);
    await untilWritten(history, 500);
    await cluster.heal();
    const { code, stdout, stderr } = await workload.interrupt();
    assertEquals([code, stderr], [0, ""], stdout);
    const judged = await check(history);
    assertEquals(judged.code, 0, judged.stdout + judged.stderr);
    const told = (await historyLines(history)).map((line) =>
      line["required"] === 1 ? { ...line, required: line["op"] === "get" ? 3 : 2 } : line
    );
    await assertViolated(told, /, although client \d+ (put|deleted)/);
  });
});

Deno.test("The same seed draws the same faults, and each kind comes before one comes again", () => {
  for (const kinds of Object.values(HANDS)) {
    const [first, second] = [1, 1].map((seed) => {
      const blows = drawBlows(new Random(seed), kinds, ["r1", "r2", "r3", "r4"]);
      return Array.from({ length: 4 * kinds.length }, () => blows.next().value);
    });
    assertEquals(first, second);
    for (let at = 0; at < first!.length; at += kinds.length) {
      assertEquals(first!.slice(at, at + kinds.length).map(({ kind }) => kind).sort(), [...kinds].sort());
    }
    for (const { fault: { replicas, peers = [] } } of first!) {
      assert(replicas.length >= 1 && replicas.length <= 2);
      assertEquals(new Set([...replicas, ...peers]).size, replicas.length + peers.length);
    }
  }
});

/** When the body fails, the logs are shown and the directory stays. */
async function unlessFailed(cluster: RealCluster, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (cause) {
    cluster.keepDirectory();
    throw new Error(`seed ${SEED} failed with these logs\n${cluster.logs()}`, { cause });
  }
}

function check(path: string, text = ""): Promise<CommandResult> {
  return runQuartet(["client", "check", path, "--model", "quorum"], text);
}

async function assertViolated(lines: Lines, sentence: RegExp): Promise<void> {
  const { code, stdout, stderr } = await check("-", historyText(lines));
  assertEquals(code, 1, stdout + stderr);
  assertMatch(stdout.split("\n")[0]!, sentence);
}

/** No replica holds anything of one key in the end, it was written, and no delete can have taken that away. */
function withoutFinalsOfOneKey(lines: Lines): Lines {
  const begun = new Map<unknown, Lines[number]>();
  const doubtful = new Set(lines.flatMap((line) => {
    if (line["type"] === "invoke") begun.set(line["client"], line);
    const invocation = begun.get(line["client"]);
    return line["type"] === "info" && invocation?.["op"] === "delete" ? [invocation["key"]] : [];
  }));
  const put = lines.find(({ type, key, value }) =>
    type === "final" && typeof value === "string" && !doubtful.has(key)
  );
  assert(put, "every key was deleted in the end, or may have been");
  const { key } = put;
  return lines.filter((line) => line["type"] !== "final" || line["key"] !== key);
}

/** The last get of a key that found something found what was put there first. */
function withStaleGet(lines: Lines): Lines {
  const { key, value, version } = acknowledgedPuts(lines)[0]!;
  const begun = new Map<unknown, Lines[number]>();
  let last = -1;
  for (const [index, line] of lines.entries()) {
    if (line["type"] === "invoke") begun.set(line["client"], line);
    const invocation = begun.get(line["client"]);
    const isGet = line["type"] === "ok" && invocation?.["op"] === "get" && invocation["key"] === key;
    if (isGet && "version" in line) last = index;
  }
  return lines.map((line, index) => index === last ? { ...line, value, version } : line);
}

/** In the order of their ends. */
function acknowledgedPuts(lines: Lines): { key: unknown; value: unknown; version: unknown }[] {
  const begun = new Map<unknown, Lines[number]>();
  return lines.flatMap((line) => {
    if (line["type"] === "invoke") begun.set(line["client"], line);
    const invocation = begun.get(line["client"]);
    if (line["type"] !== "ok" || invocation?.["op"] !== "put") return [];
    return [{ key: invocation["key"], value: invocation["value"], version: line["version"] }];
  });
}
