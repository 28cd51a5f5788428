/** `workload`: clients that use a real cluster as the simulator's do, and write down what they see for the judges. @module */
import { collectsTombstones } from "../replica/keyspace_config.ts";
import { encodeClocks, encodeHeader, encodeHolders } from "../checker/history_encoder.ts";
import { ok } from "../base/failure.ts";
import { ERRORS } from "../protocol/error_codes.ts";
import { type Arguments, UsageError } from "./arguments.ts";
import { ClusterWatch } from "./cluster_watch.ts";
import { EXIT_OUTPUT_LOST } from "./exit_codes.ts";
import { KeyHolders } from "./holders.ts";
import { HistoryWriter } from "./history_writer.ts";
import { reportFailure } from "./status_verb.ts";
import { EXIT_STOPPED, StopSignal } from "./stop_signal.ts";
import type { Action, Call, Verb } from "./verb.ts";
import { WorkloadClients } from "./workload_clients.ts";
import { compareAfter, type Comparison, recordBefore, type WorkloadEnds } from "./workload_ends.ts";
import { keyspaceOf, parseWorkload, WORKLOAD_FLAGS, type WorkloadPlan } from "./workload_plan.ts";

const PROGRESS_MS = 5000;

/** `workload --history FILE` */
export const WORKLOAD: Verb = {
  name: "workload",
  words: "--history FILE",
  summary: "use the cluster for a while, and write down what clients see",
  details:
    `Each client puts, gets and deletes one thing after the other, as in the simulator, through one replica and
now and then another. No value is put twice. Every operation is written to FILE when it begins and
when it ends, with the time of one clock: quartet client check FILE judges it. Break the cluster
meanwhile: kill replicas, or use fault. What replicas tell of that is written down too: each is asked
every 0.3 seconds, and is taken for down after a second of silence. A fault that ends sooner, and a pause
below a second, may be missed. Then the timeline lacks it, and the time until all are equal counts from
what was seen last; all else is judged by what clients saw.

With --sessions the clients carry sessions, so that they are owed what they have seen on whichever replica they
ask: quartet client check FILE --model causal demands it, at any level, of all answers that do not say
that they may be stale.

In the end it waits up to 30 seconds until all replicas are up and whole, reads every key at ALL, and
looks at all replicas until they hold the same. Without that nobody can judge what was kept. Ctrl-C
ends the clients and goes on with the end; Ctrl-C again leaves at once. FILE can be read however it ends.

The keys of a keyspace with byte keys are 0 and up: what they held before is written down as well. A
keyspace with text keys gets new keys. It needs the cluster's file. Exits with 0 whatever the
clients saw, with 5 when nothing could be done, with 74 when FILE could not be written, and with 130
after a second Ctrl-C. When a replica does not tell what byte keys held before, the code is that of its answer.

EXAMPLES
  quartet client workload --seconds 60 --history out.ndjson
  quartet client workload --write-level TWO --read-level THREE --history out.ndjson
  quartet client check out.ndjson --model quorum --timeline out.html
  quartet client workload --sessions --write-level ONE --read-level ONE --history out.ndjson
  quartet client check out.ndjson --model causal`,
  flags: WORKLOAD_FLAGS,
  isWrite: true,
  isOfShell: true,
  parse({ words, flags }: Arguments): Action {
    if (words.length > 0) throw new UsageError(`workload takes no words, and "${words[0]}" was given`);
    if (flags.has("coordinator")) {
      throw new UsageError("workload takes no --coordinator: its clients ask all replicas");
    }
    const plan = parseWorkload(flags);
    return (call) => runWorkload(call, plan);
  },
};

/** What came of it. */
export interface WorkloadSummary {
  readonly plan: WorkloadPlan;
  readonly seed: number;
  readonly seconds: number;
  readonly counts: WorkloadClients["counts"];
  /** Writes that were there before, and reads in the end: the history has them as well. */
  readonly others: { readonly before: number; readonly after: number };
  readonly clockSpreadMs: number | undefined;
  readonly comparison: Comparison;
}

async function runWorkload(call: Call, plan: WorkloadPlan): Promise<number> {
  const { caller, output, config } = call;
  if (config === undefined) {
    throw new UsageError(
      "workload needs the cluster's file: quartet client workload --config FILE …",
    );
  }
  const keyspace = keyspaceOf(plan, config, call.keyspace);
  // Nobody to ask, or the wrong one: then no client need try, and an older history stays.
  const { result } = await caller.request({ op: "status" });
  if (!result.ok) return reportFailure(result.failure, output);
  const seed = plan.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
  const run = crypto.getRandomValues(new Uint32Array(1))[0]!.toString(16).padStart(8, "0");
  using signal = new StopSignal(() => output.note("no more requests; Ctrl-C again leaves at once"));
  using history = new HistoryWriter(plan.history, () => signal.stop.abort());
  const holders = new KeyHolders(keyspace, config.members);
  const keys = Array.from(
    { length: plan.keys },
    (_, index) => keyspace.keys === "byte" ? index : `${run}-${index}`,
  );
  history.write(encodeHeader({
    keyspace: keyspace.name,
    copies: keyspace.replication,
    replicas: config.members.map(({ id }) => id),
    clockSpreadMs: Infinity,
    collectsTombstones: collectsTombstones(keyspace),
  }));
  const watch = new ClusterWatch(caller, config.members, history);
  const ends: WorkloadEnds = {
    caller,
    history,
    watch,
    keyspace: keyspace.name,
    keys,
    members: config.members,
    holders,
  };
  // Before anything is asked: the judges must know whom a key is looked for at.
  if (!holders.isUniform) {
    for (const key of keys) history.write(encodeHolders(String(key), holders.of(key)));
  }
  const replicas = config.members.map(({ id }) => id);
  const clients = new WorkloadClients({ plan, seed, run, keyspace, keys, replicas, caller, history });
  await watch.start();
  const startMs = history.nowMs();
  const progress = setInterval(
    () => output.note(progressText(clients, watch, history.nowMs() - startMs)),
    PROGRESS_MS,
  );
  try {
    const before = keyspace.keys === "byte" ? await recordBefore(ends) : ok(0);
    if (!before.ok) return reportFailure(before.failure, output);
    const beginMs = history.nowMs();
    const end = await unlessLeft(clients.run(signal.stop.signal), signal.leave.signal);
    const seconds = (history.nowMs() - beginMs) / 1000;
    const isEndless = keyspace.readRepair === "off" && !keyspace.hintedHandoff;
    let comparison: Comparison = "skipped";
    if (isEndless && plan.isCompared) {
      output.note(`replicas are not compared: keyspace "${keyspace.name}" has neither read repair nor hints`);
    } else if (plan.isCompared && end === "done" && clients.counts.ok > 0 && history.lost === undefined) {
      const tell = (text: string): void => output.note(text);
      comparison = await compareAfter({ ...ends, clients, tell }, signal.leave.signal);
    }
    await unlessLeft(watch.end(), signal.leave.signal);
    const { clockSpreadMs } = watch;
    if (clockSpreadMs !== undefined) history.write(encodeClocks(clockSpreadMs));
    const { counts, total, writtenCount } = clients;
    const others = { before: before.value, after: writtenCount - total };
    tell({ plan, seed, seconds, counts, others, clockSpreadMs, comparison }, call, keyspace.name);
    if (history.lost !== undefined) {
      output.note(`${output.paintErr.red("error")}: ${plan.history} cannot be written: ${history.lost}`);
      return EXIT_OUTPUT_LOST;
    }
    if (signal.leave.signal.aborted) return EXIT_STOPPED;
    return clients.counts.ok > 0 ? 0 : ERRORS.unavailable.exit;
  } finally {
    clearInterval(progress);
    await watch.end();
  }
}

/** Whether the work was done before the signal came. */
function unlessLeft(work: Promise<void>, leave: AbortSignal): Promise<"done" | "left"> {
  if (leave.aborted) return Promise.resolve("left");
  return new Promise((resolve, reject) => {
    leave.addEventListener("abort", () => resolve("left"), { once: true });
    work.then(() => resolve("done"), reject);
  });
}

function progressText({ counts, total }: WorkloadClients, { down }: ClusterWatch, elapsedMs: number): string {
  const silent = down.length === 0
    ? ""
    : `; ${down.join(" ")} ${down.length === 1 ? "does" : "do"} not answer`;
  return `${String(Math.round(elapsedMs / 1000)).padStart(4)} s  ${total} operations: ${
    countsText(counts)
  }${silent}`;
}

function countsText({ ok, fail, info }: WorkloadClients["counts"]): string {
  return `${ok} done, ${fail} refused, ${info} unknown`;
}

/** The object that a program reads. */
export function workloadObject(
  { plan, seed, seconds, counts: { ok, fail, info }, clockSpreadMs, comparison }: Omit<
    WorkloadSummary,
    "others"
  >,
  keyspace: string,
): Record<string, unknown> {
  return {
    ok: ok > 0,
    history: plan.history,
    keyspace,
    seed,
    seconds: Math.round(seconds * 1000) / 1000,
    clients: plan.clients,
    sessions: plan.hasSessions,
    operations: ok + fail + info,
    done: ok,
    refused: fail,
    unknown: info,
    final: comparison,
    ...(clockSpreadMs === undefined ? {} : { clock_spread_ms: clockSpreadMs }),
  };
}

function tell(summary: WorkloadSummary, { output }: Call, keyspace: string): void {
  if (output.isJson) return output.json(workloadObject(summary, keyspace));
  const { plan, seed, seconds, counts, others, comparison } = summary;
  const { paintOut, paintErr } = output;
  const total = counts.ok + counts.fail + counts.info;
  const end = {
    equal: "in the end all replicas hold the same",
    different: paintOut.red("in the end replicas hold different versions"),
    skipped: paintOut.yellow("replicas were not compared"),
  }[comparison];
  const word = counts.ok > 0 ? paintOut.green("ok") : paintOut.red("nothing was done");
  const rest = [
    ...(others.after === 0 ? [] : [`${others.after} last ${others.after === 1 ? "read" : "reads"}`]),
    ...(others.before === 0 ? [] : [`${others.before} earlier ${others.before === 1 ? "write" : "writes"}`]),
  ].join(" and ");
  output.line(
    `${word}  ${total} operations by ${plan.clients} clients${
      rest === "" ? "" : `, and ${rest},`
    } on ${plan.keys} keys in ${seconds.toFixed(1)} s: ` +
      `${countsText(counts)}; ${end}; seed ${seed}`,
  );
  output.note(
    paintErr.dim(
      `to judge all ${total + others.after + others.before}: quartet client check ${plan.history} --model ${
        plan.hasSessions ? "causal" : "quorum"
      }`,
    ),
  );
}
