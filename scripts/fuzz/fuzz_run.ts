/** One cluster under attack, from its start to its aftermath. @module */
import { join } from "@std/path";
import { Random } from "../../src/base/random.ts";
import { lookAtAftermath } from "./aftermath.ts";
import { AttackerProcess } from "./attacker_process.ts";
import { DiskProbeProcess } from "./disk_probe_process.ts";
import { FuzzCluster, type FuzzClusterOptions } from "./fuzz_cluster.ts";
import type { Observations } from "./judge.ts";
import { Latencies } from "./latencies.ts";
import { PoliteClient } from "./polite_client.ts";
import { DRAWN_VALUE_BYTES_MAX, LARGE_KEY_FIRST, VALUE_BYTES_MAX } from "./target.ts";
import { Vitals } from "./vitals.ts";

/** One run. */
export interface FuzzRun extends FuzzClusterOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly politeCount: number;
  readonly rate: number;
  onProgress(line: string): void;
  /** The judge; the directory of a run with violations stays. */
  judge(seen: Observations): readonly string[];
}

/** What came of it. */
export interface FuzzOutcome {
  readonly seen: Observations;
  readonly violations: readonly string[];
  readonly directory: string;
}

/** Share of a run that warms up: attacked like the rest, and not judged by size or latency. */
const WARM_UP_SHARE = 0.4;
const WARM_UP_MAX_S = 180;
/** Quiet and attacked phases take turns, so that what else the machine does hits both. */
const QUIET_S = 2;
const ATTACKED_S = 6;
const PROGRESS_EVERY_S = 10;
/** For one put before the attacks. */
const FILL_PATIENCE_MS = 20_000;

/** Attacks one cluster. */
export async function fuzz(run: FuzzRun): Promise<FuzzOutcome> {
  const random = new Random(run.seed);
  await using cluster = await FuzzCluster.start(run);
  await fill(cluster);
  const polite = Array.from(
    { length: run.politeCount },
    (_, index) => new PoliteClient({ cluster, index, random: random.fork() }),
  );
  const order = {
    target: cluster.target,
    seed: random.uint32(),
    rate: run.rate,
    logFile: join(cluster.directory, "attacks.log"),
  };
  await using vitals = new Vitals(cluster);
  await using probe = new DiskProbeProcess(join(cluster.directory, "probe"));
  const [quiet, attacked] = [new Latencies(), new Latencies()];
  const attacker = new AttackerProcess(order);
  try {
    for (const client of polite) client.begin();
    await phases({ run, cluster, attacker, vitals, polite, quiet, attacked });
  } finally {
    await attacker[Symbol.asyncDispose]();
    await Promise.all(polite.map((client) => client.end()));
  }
  const disk = await probe.end();
  const stalls = disk?.stalls ?? [];
  const rssBytes = Object.fromEntries(cluster.ids.map((id) => [id, vitals.rssBytes(id)]));
  const aftermath = cluster.deaths.length === 0 ? await lookAtAftermath(cluster, polite) : [];
  const seen: Observations = {
    deaths: cluster.deaths,
    undoneCount: polite.reduce((sum, client) => sum + client.undoneCount, 0),
    undone: polite.flatMap(({ undone }) => undone),
    requestCount: polite.reduce((sum, client) => sum + client.requestCount, 0),
    complaints: [...vitals.complaints, ...polite.flatMap(({ complaints }) => complaints), ...aftermath],
    spent: attacker.spent,
    hasAttackerEnded: attacker.hasEnded,
    standstill: vitals.standstill,
    load: { max: vitals.loadMax, processors: navigator.hardwareConcurrency },
    disk,
    quiet: quiet.times(stalls),
    attacked: attacked.times(stalls),
    rssBytes,
  };
  const violations = run.judge(seen);
  if (violations.length > 0) cluster.keepDirectory();
  return { seen, violations, directory: cluster.directory };
}

async function phases({ run, cluster, attacker, vitals, polite, quiet, attacked }: {
  readonly run: FuzzRun;
  readonly cluster: FuzzCluster;
  readonly attacker: AttackerProcess;
  readonly vitals: Vitals;
  readonly polite: readonly PoliteClient[];
  readonly quiet: Latencies;
  readonly attacked: Latencies;
}): Promise<void> {
  const beganMs = performance.now();
  const passedS = (): number => (performance.now() - beganMs) / 1000;
  let shownS = 0;
  const isOver = (): boolean => passedS() >= run.seconds || cluster.deaths.length > 0 || attacker.hasEnded;
  const last = async (seconds: number, latencies: Latencies | undefined): Promise<void> => {
    for (const client of polite) {
      client.latencies = latencies;
      client.isQuiet = latencies === quiet;
    }
    const endS = passedS() + seconds;
    while (passedS() < endS && !isOver()) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (passedS() - shownS < PROGRESS_EVERY_S) continue;
      shownS = passedS();
      run.onProgress(progressLine(passedS(), attacker, polite));
    }
  };
  await last(Math.min(WARM_UP_MAX_S, WARM_UP_SHARE * run.seconds), undefined);
  vitals.forgetSizes();
  while (!isOver()) {
    await attacker.rest();
    await last(QUIET_S, quiet);
    await attacker.goOn();
    await last(ATTACKED_S, attacked);
  }
}

function progressLine(passedS: number, attacker: AttackerProcess, polite: readonly PoliteClient[]): string {
  const { attacks, bytes, opened } = attacker.spent;
  const attackCount = Object.values(attacks).reduce((sum, count) => sum + count, 0);
  const requestCount = polite.reduce((sum, client) => sum + client.requestCount, 0);
  const undoneCount = polite.reduce((sum, client) => sum + client.undoneCount, 0);
  return `${Math.round(passedS)} s: ${attackCount} attacks, ${opened} connections, ${
    (bytes / 1e6).toFixed(1)
  } MB; ` +
    `${requestCount} polite requests, ${undoneCount} not done`;
}

/** Stores the largest that attackers may store, so that a replica's size does not grow by what it has to keep. */
async function fill(cluster: FuzzCluster): Promise<void> {
  for (let key = 0; key <= 255; key++) {
    const value = "f".repeat(key < LARGE_KEY_FIRST ? DRAWN_VALUE_BYTES_MAX : VALUE_BYTES_MAX);
    await insist(() =>
      cluster.ask(cluster.ids[key % cluster.ids.length]!, { op: "put", key, value, level: "ALL" })
    );
  }
}

/** Tries again for a while: nobody is attacked yet, so a failure is the machine's. Rejects with the last one. */
async function insist<T>(action: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + FILL_PATIENCE_MS;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
    }
  }
}
