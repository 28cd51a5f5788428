import { assert, assertEquals, assertThrows } from "@std/assert";
import { BenchCluster } from "../../scripts/bench/bench_cluster.ts";
import { Histogram } from "../../scripts/bench/histogram.ts";
import { findHttpPrograms, httpLines, measureHttp, readCount } from "../../scripts/bench/http_load.ts";
import type { LoadCommand } from "../../scripts/bench/load_run.ts";
import { LoadProcesses, shareOut } from "../../scripts/bench/load_process.ts";
import { measure, type Row } from "../../scripts/bench/measurement.ts";
import { medianOf, spreadOf } from "../../scripts/bench/median.ts";
import { parseBenchOptions } from "../../scripts/bench/options.ts";
import { usageOf } from "../../scripts/bench/process_usage.ts";
import { RedisCluster } from "../../scripts/bench/redis_cluster.ts";
import { operationName } from "../../scripts/bench/system.ts";
import { UsageError } from "../../src/cli/arguments.ts";
import { hasProgram, unless, WHY_NOT_LINUX } from "../harness/abilities.ts";

const COMMAND: LoadCommand = {
  requests: { kind: "quartet", keyspace: "bench", putLevel: "TWO", getLevel: "ONE" },
  getShare: 0,
  keyCount: 10,
  keys: "uniform",
  clientCount: 10,
  connectionCount: 10,
  places: [{ host: "127.0.0.1", port: 1 }],
  valueBytes: 128,
  warmUpMs: 0,
  until: { operationCount: 100 },
};

Deno.test("What wrk and ab say is read, with whatever went wrong", () => {
  const wrk = "  12345 requests in 3.00s, 4.10MB read\nRequests/sec:   4115.50\nTransfer/sec:      1.37MB\n";
  assertEquals(readCount("wrk", wrk), { perSecond: 4115.5, errorCount: 0 });
  const trouble = "  Socket errors: connect 1, read 2, write 0, timeout 3\n  Non-2xx or 3xx responses: 10\n";
  assertEquals(readCount("wrk", trouble + wrk).errorCount, 16);
  const ab = "Complete requests:      20000\nFailed requests:        7\n" +
    "Non-2xx responses:      2\nRequests per second:    12852.12 [#/sec] (mean)\n";
  assertEquals(readCount("ab", ab), { perSecond: 12852.12, errorCount: 9 });
  assertThrows(() => readCount("ab", "apr_socket_recv: Connection refused"), Error, "ab tells no rate");
  const spread = { median: 10, min: 9, max: 11 };
  const ratio = { median: 0.5, min: 0.4, max: 0.6 };
  const programs = [{ program: "ab" as const, perSecond: spread, ratio, errorCount: 0 }];
  assertEquals(httpLines([{ clientCount: 64, wire: spread, programs }]), [
    "put-ONE at 64 clients: wire 10 (9–11)/s",
    "  HTTP by ab: 10 (9–11)/s, of the wire's 0.50 (0.40–0.60), errors 0",
  ]);
});

const programs = await findHttpPrograms();

Deno.test({
  ...unless(
    WHY_NOT_LINUX ?? (programs.found.length > 0 ? undefined : "neither wrk nor ab is here"),
    "Puts over HTTP are measured beside the wire, with those programs that are there",
  ),
  fn: async () => {
    await using cluster = await BenchCluster.start(undefined);
    await using load = new LoadProcesses(1);
    const directory = await Deno.makeTempDir();
    try {
      const options = parseBenchOptions(["--http", "--clients", "4", "--rounds", "1", "--seconds", "1"]);
      const lines: string[] = [];
      const rows = await measureHttp(cluster, load, {
        options,
        programs: programs.found,
        directory,
        onProgress: (line) => void lines.push(line),
      });
      assertEquals([rows.length, lines.length], [1, 2]);
      assertEquals(rows[0]!.programs.map(({ program, errorCount }) => [program, errorCount]), [
        ...programs.found.map((program) => [program, 0]),
      ]);
      for (const { ratio } of rows[0]!.programs) assert(ratio.median > 0);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test("Histogram gives each quantile right to one part in 32", () => {
  // Powers of 1.01 cover every bucket up to an hour; the list itself knows the exact answer.
  const durationsUs: number[] = [];
  for (let us = 1; us < 2 ** 31; us = Math.ceil(us * 1.01)) durationsUs.push(us);
  const histogram = new Histogram();
  for (const us of durationsUs.toReversed()) histogram.add(us);
  for (const share of [0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = durationsUs[Math.ceil(share * durationsUs.length) - 1]!;
    const found = histogram.quantileUs(share);
    assert(found >= exact && found <= exact * (1 + 1 / 32), `${share}: ${found} in place of ${exact}`);
  }
  assertEquals(histogram.maxUs, durationsUs.at(-1)!);
  assertEquals(new Histogram().quantileUs(0.5), 0);
});

Deno.test("Histogram takes times out of range for the nearest in range", () => {
  const histogram = new Histogram();
  histogram.add(-1);
  histogram.add(2 ** 40);
  assertEquals([histogram.quantileUs(0.5), histogram.quantileUs(1)], [0, 2 ** 31 - 1]);
});

Deno.test("Histogram travels and merges without loss", () => {
  const [left, right, both] = [new Histogram(), new Histogram(), new Histogram()];
  for (let us = 1; us < 100_000; us += 37) {
    (us % 2 === 0 ? left : right).add(us);
    both.add(us);
  }
  left.merge(Histogram.from(JSON.parse(JSON.stringify(right.counts()))));
  assertEquals(left.counts(), both.counts());
  assertEquals(left.count, both.count);
});

Deno.test("The median of an even number of values is the mean of the middle two", () => {
  assertEquals(medianOf([9, 1, 5]), 5);
  assertEquals(medianOf([9, 1, 5, 100]), 7);
  assertEquals(spreadOf([9, 1, 5]), { median: 5, min: 1, max: 9 });
});

Deno.test("Bench measures what the flags say, and by default what the page of speed asks for", () => {
  const options = parseBenchOptions([]);
  assertEquals(options.mode, "load");
  assertEquals(options.clientCounts, [1, 16, 64, 256]);
  assertEquals(options.operations.map(operationName), ["put-TWO", "get-ONE", "mix"]);
  assertEquals([options.seconds, options.rounds, options.valueSizes, options.peer], [3, 5, [128], undefined]);
  const given = parseBenchOptions(
    ["--ops", "get-all", "--clients", "2,3", "--seconds", "1", "--coordinator", "r2", "--json"],
  );
  assertEquals(parseBenchOptions(["--value-bytes", "128,1024"]).valueSizes, [128, 1024]);
  assertEquals(parseBenchOptions(["--peer", "redis"]).peer, "redis");
  assertEquals(given.operations, [{ op: "get", level: "ALL" }]);
  assertEquals([given.clientCounts, given.seconds, given.coordinator, given.isJson], [[2, 3], 1, "r2", true]);
  assertEquals(parseBenchOptions(["--fill", "10"]).mode, "fill");
  assertEquals(parseBenchOptions(["--start"]).mode, "start");
});

Deno.test("Bench refuses a flag that it cannot follow, and says what is allowed", () => {
  const refusals: [string[], string][] = [
    [["--ops", "put-FOUR"], "put or get"],
    [["--ops", "delete-ONE"], "put or get"],
    [["--clients", "0"], "1 to 4000"],
    [["--clients", "1,,2"], "1 to 4000"],
    [["--seconds", "0.5"], "1 to 3600"],
    [["--coordinator", "r9"], "r1 r2 r3 r4"],
    [["--fill", "10", "--start"], "two measurements"],
    [["--peer", "memcached"], "allowed: redis"],
    [["--peer", "redis", "--connections", "4"], "leave out one of the two"],
    [["--save", "../x"], "not a name"],
    [["put-TWO"], "flags only"],
  ];
  for (const [args, words] of refusals) assertThrows(() => parseBenchOptions(args), UsageError, words);
});

Deno.test("Clients, connections and operations are shared among processes, and none is lost", () => {
  const shares = shareOut(COMMAND, 3);
  assertEquals(shares.map(({ clientCount }) => clientCount), [3, 3, 4]);
  assertEquals(shares.map(({ until }) => until), [33, 33, 34].map((operationCount) => ({ operationCount })));
  assertEquals(shares.map(({ keys }) => keys), ["uniform", "uniform", "uniform"]);
  assertEquals(shareOut({ ...COMMAND, keys: { begin: 0, step: 1 } }, 2).map(({ keys }) => keys), [
    { begin: 0, step: 2 },
    { begin: 1, step: 2 },
  ]);
  assertEquals(shareOut({ ...COMMAND, connectionCount: 2 }, 3).map(({ clientCount }) => clientCount), [5, 5]);
});

Deno.test({
  ...unless(WHY_NOT_LINUX, "The usage of a process grows when it works"),
  fn(): void {
    const before = usageOf(Deno.pid);
    assert(before.rssBytes > 1e6, `${before.rssBytes} bytes`);
    const deadline = performance.now() + 10_000;
    while (usageOf(Deno.pid).cpuUs === before.cpuUs) assert(performance.now() < deadline, "no tick in 10 s");
  },
});

/** Whether the store is one that takes turns with ours; without it ours is measured alone. */
const hasRedis = await hasProgram("redis-server");

Deno.test({
  ...unless(WHY_NOT_LINUX, `Bench measures a real cluster${hasRedis ? ", in turns with a real Redis" : ""}`),
  async fn(): Promise<void> {
    await using cluster = await BenchCluster.start(undefined);
    await using load = new LoadProcesses(2);
    await using peer = hasRedis ? await RedisCluster.start() : undefined;
    // Why a mix: puts and gets in the time of one run.
    const flags = ["--ops", "mix", "--clients", "4", "--keys", "100", "--seconds", "1", "--rounds", "1"];
    const progress: string[] = [];
    const rows = await measure({ ours: cluster, peer }, load, {
      options: parseBenchOptions(flags),
      onProgress: (line) => void progress.push(line),
    });
    assertEquals([progress.length, rows.length], [1, 1]);
    const [row] = rows as [Row];
    for (const measured of [row.ours, ...(row.peer ? [row.peer] : [])]) {
      assertEquals([measured.errorCount, measured.firstError], [0, undefined]);
      assert(measured.perSecond.median > 0, `${measured.perSecond.median}/s`);
      assert(measured.p50Us > 0 && measured.p50Us <= measured.p99Us && measured.p99Us <= measured.maxUs);
    }
    assertEquals([row.ours.serverCpuUs.length, row.ours.rssBytes.length], [4, 4]);
    assertEquals(
      [row.peer?.serverCpuUs.length, row.ratio !== undefined],
      hasRedis ? [3, true] : [undefined, false],
    );
    assert(row.ours.syncsPerOperation! > 0, "puts were not synced");
  },
});
