import { assert, assertEquals, assertMatch } from "@std/assert";
import { Connection } from "../../src/client/connection.ts";
import { ClusterClient } from "../harness/cluster_client.ts";
import { eventually } from "../harness/eventually.ts";
import { clusterTest } from "../harness/processes.ts";

const STOPPED_WITHIN_MS = 3000;

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  clusterTest(
    `${signal} ends a busy replica with exit code 0, and all that it acknowledged is there after a restart`,
    {
      replicas: 2,
    },
    async (cluster) => {
      const [place] = cluster.places;
      const connections = await Promise.all(
        [1, 2, 3, 4].map(() => Connection.open({ ...place!, timeoutMs: 3000 })),
      );
      // One client only stands there.
      const [idle, ...busy] = connections;
      const acknowledged = new Map<number, number>();
      let failedCount = 0;
      let isRunning = true;
      // Each client has many puts in flight, to keys of its own, until the replica takes no more.
      const clients = busy.map(async (connection, index) => {
        await Promise.all(Array.from({ length: 32 }, async (_, lane) => {
          const key = index * 32 + lane;
          for (let round = 1; isRunning; round++) {
            const result = await connection.request(
              { op: "put", key, value: `${round}`, level: "ONE" },
              { timeoutMs: 5000 },
            );
            if (result.ok) acknowledged.set(key, round);
            else {
              failedCount++;
              return assertEquals(result.failure.code, "connection_lost");
            }
          }
        }));
      });
      await eventually(() => acknowledged.size === 96, {
        withinMs: 10_000,
        what: "each client has put its keys",
      });
      const beginMs = performance.now();
      Deno.kill(cluster.pid("r1"), signal);
      const ending = await cluster.ended("r1");
      const elapsedMs = performance.now() - beginMs;
      isRunning = false;
      await Promise.all(clients);
      await idle!.closed;
      assertEquals(ending, "ended with exit code 0");
      assert(elapsedMs < STOPPED_WITHIN_MS, `${signal} took ${elapsedMs} ms`);
      assertEquals(failedCount, 96, "each put in flight was answered or ended with the connection");

      await cluster.start("r1");
      using client = new ClusterClient(cluster);
      const held = await client.values("r1");
      for (const [key, round] of acknowledged) {
        const value = Number(held[key]);
        assert(
          value === round || value === round + 1,
          `key ${key}: put ${round} was acknowledged, ${value} is held`,
        );
      }
    },
  );
}

clusterTest("A replica that stops answers what is in flight first", {
  replicas: 2,
  settings: { failure_timeout_ms: 10_000, staleness_bound_ms: 60_000 },
}, async (cluster) => {
  const place = cluster.places[0]!;
  const connection = await Connection.open({ ...place, timeoutMs: 3000 });
  await cluster.pause("r2");
  const put = connection.request({ op: "put", key: 1, value: "in flight", level: "ALL" }, {
    timeoutMs: 5000,
  });
  // What came behind it on the same connection was answered, so the put is under way.
  assert((await connection.request({ op: "status" }, { timeoutMs: 3000 })).ok);
  Deno.kill(cluster.pid("r1"), "SIGTERM");
  await eventually(async () => (await cluster.log("r1")).includes("info stopping signal=SIGTERM"), {
    withinMs: 3000,
    what: "r1 has heard the signal",
  });
  cluster.resume("r2");
  const result = await put;
  assert(result.ok && result.value.kind === "written", JSON.stringify(result));
  assertEquals(result.value.receipt.acked, ["r1", "r2"]);
  assertEquals(await cluster.ended("r1"), "ended with exit code 0");
  await connection.closed;
});

clusterTest("A second signal ends a replica at once, with exit code 130", {
  replicas: 2,
  settings: { failure_timeout_ms: 60_000, request_timeout_ms: 60_000, staleness_bound_ms: 600_000 },
}, async (cluster) => {
  const connection = await Connection.open({ ...cluster.places[0]!, timeoutMs: 3000 });
  await cluster.pause("r2");
  const put = connection.request({ op: "put", key: 1, value: "in flight", level: "ALL" }, {
    timeoutMs: 60_000,
  });
  assert((await connection.request({ op: "status" }, { timeoutMs: 3000 })).ok);
  const pid = cluster.pid("r1");
  Deno.kill(pid, "SIGTERM");
  // What is in flight is waited for: the second signal finds the replica still there.
  await eventually(async () => (await cluster.log("r1")).includes("info stopping signal=SIGTERM"), {
    withinMs: 3000,
    what: "r1 has heard the first signal",
  });
  Deno.kill(pid, "SIGINT");
  assertEquals(await cluster.ended("r1"), "ended with exit code 130");
  const result = await put;
  assert(!result.ok && result.failure.code === "connection_lost", JSON.stringify(result));
  cluster.resume("r2");
});

clusterTest("A replica whose disk breaks stops with exit code 70, says why, and has lost nothing", {
  replicas: 1,
  settings: { value_bytes_max: 16_384, segment_bytes: 65_536 },
}, async (cluster) => {
  const directory = cluster.dataDirectory("r1");
  // Where the next segment of the log is made there stands a directory: an error that no disk should give.
  await Deno.mkdir(`${directory}/segment.tmp`);
  const values: Record<string, string> = {};
  {
    using client = new ClusterClient(cluster);
    for (let key = 0; key < 100; key++) {
      const value = String(key).repeat(8000);
      const put = await client.ask("r1", { op: "put", key, value, level: "ONE" });
      if (!put.ok) break;
      values[key] = value;
    }
  }
  assert(Object.keys(values).length > 0 && Object.keys(values).length < 100);
  assertEquals(await cluster.ended("r1"), "ended with exit code 70");
  assertMatch(await cluster.log("r1"), /error halted: .*directory.* exit=70/i);
  await Deno.remove(`${directory}/segment.tmp`);
  await cluster.start("r1");
  using client = new ClusterClient(cluster);
  for (const [key, value] of Object.entries(values)) {
    const got = await client.expect("r1", { op: "get", key: Number(key), level: "ONE" });
    assert(got.kind === "value" && got.value === value, `key ${key}`);
  }
});

clusterTest("A replica whose peers are all gone stops as fast", { replicas: 3 }, async (cluster) => {
  await Promise.all([cluster.kill9("r1"), cluster.pause("r2")]);
  const beginMs = performance.now();
  assertEquals(await cluster.stop("r3"), "ended with exit code 0");
  assert(performance.now() - beginMs < STOPPED_WITHIN_MS);
});
