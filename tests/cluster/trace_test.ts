/** Tests of traces on real replicas: what a person sees of a dead replica and of a read repair. @module */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { TraceStep } from "../../src/protocol/trace.ts";
import { clusterTest, type LocalCluster } from "../harness/processes.ts";

/** The steps of a request made with `--json --trace`, in order of time: word, and whom it is about. */
async function trace(cluster: LocalCluster, ...words: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await cluster.client("--json", ...words, "--trace");
  assertEquals([code, stderr], [0, ""], stdout);
  const answer = JSON.parse(stdout) as { readonly trace: readonly TraceStep[]; readonly elapsed_ms: number };
  const times = answer.trace.map(({ at_ms }) => at_ms);
  assertEquals(times, times.toSorted((a, b) => a - b));
  assert(times.at(-1)! <= answer.elapsed_ms, stdout);
  return answer.trace.map(({ what, replica, replicas }) =>
    `${what} ${(replicas ?? [replica]).join(" ")}`.trim()
  );
}

clusterTest("A trace shows the dead replica, the hint kept for it, and later its read repair", {
  replicas: 3,
  keyspace: { anti_entropy: false },
}, async (cluster) => {
  await cluster.kill9("r3");
  const put = await trace(cluster, "put", "7", "hello", "TWO");
  const settled = ["level_met r1 r2", "owed r3", "hint_kept r3"];
  assertEquals(
    put.filter((step) => step !== "parked").toSorted(),
    [
      "received r1",
      "stamped",
      "asked r2",
      "not_asked r3",
      "stored r1",
      "owed_kept r2 r3",
      "acked r2",
      ...settled,
    ].toSorted(),
  );
  assertEquals(put.slice(-3), settled);

  // Its hint dies with r1, so nobody but a read can bring the value to r3.
  await cluster.kill9("r1");
  await cluster.start("r3");
  await cluster.waitUp("r2", "r3");
  const { code, stdout, stderr } = await cluster.client("--coordinator", "r3", "get", "7", "TWO", "--trace");
  assertEquals([code, stdout], [0, "hello\n"], stderr);
  const lines = stderr.trimEnd().split("\n");
  assertMatch(lines[0]!, /^ok {2}answered r2 r3 \(TWO of 3\)/);
  for (const line of lines.slice(1)) assertMatch(line, /^ *\d+\.\d{3} ms {2}r\d {2}\S/);
  for (
    const told of [
      "r3  asked r2\n",
      "r3  did not ask r1: not alive\n",
      "r3  answered with nothing\n",
      "r3  level met by r2 r3: without a trace",
      "r3  mends r3 with ",
      "r3  holds it now\n",
    ]
  ) assertStringIncludes(stderr, told);
  assertMatch(stderr, /r2 {2}answered with \d+ r1\n/);

  const again = await trace(cluster, "--coordinator", "r3", "get", "7", "TWO");
  assertEquals(again.filter((step) => step.startsWith("repair")), [], "all is equal now");
});
