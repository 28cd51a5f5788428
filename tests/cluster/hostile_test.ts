/** Tests of hostile and merely large input to real replicas: nothing that a client sends ends a process. @module */
import { assert, assertEquals } from "@std/assert";
import { ClusterClient } from "../harness/cluster_client.ts";
import { eventually } from "../harness/eventually.ts";
import { clusterTest, type LocalCluster } from "../harness/processes.ts";

const MIB = 1024 * 1024;

/** Sends lines as they are, and gives back every answer by its id, until `count` have come. */
async function answers(cluster: LocalCluster, line: string, count: number): Promise<Map<unknown, string>> {
  const { host, port } = cluster.places[0]!;
  using socket = await Deno.connect({ hostname: host, port });
  const found = new Map<unknown, string>();
  const sent = (async () => {
    let rest = new TextEncoder().encode(`${line}\n`);
    while (rest.length > 0) rest = rest.subarray(await socket.write(rest));
  })();
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  const buffer = new Uint8Array(256 * 1024);
  while (found.size < count) {
    const read = await socket.read(buffer);
    if (read === null) break;
    const text = decoder.decode(buffer.subarray(0, read), { stream: true });
    const ends = text.split("\n");
    pieces.push(ends[0]!);
    for (const next of ends.slice(1)) {
      const reply = JSON.parse(pieces.join(""));
      pieces = [next];
      if (reply.hello === undefined) found.set(reply.id, reply.ok ? "ok" : reply.error);
    }
  }
  await sent;
  return found;
}

/** The most memory that a process ever had. Linux only. */
function peakMib(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024;
}

clusterTest("A thousand gets of a large value in one line are all answered, in bounded memory", {
  replicas: 1,
}, async (cluster) => {
  using client = new ClusterClient(cluster);
  await client.expect("r1", { op: "put", key: 7, value: "x".repeat(MIB), level: "ONE" });
  const gets = Array.from({ length: 1024 }, (_, id) => ({ id, op: "get", key: 7, level: "ONE" }));
  const found = await answers(cluster, JSON.stringify(gets), gets.length);
  assertEquals(found.size, 1024);
  const outcomes = [...new Set(found.values())].sort();
  assertEquals(outcomes, ["ok", "overloaded"]);
  if (Deno.build.os !== "linux") return;
  assert(peakMib(cluster.pid("r1")) < 900, `${peakMib(cluster.pid("r1"))} MiB`);
});

clusterTest("Thousands of gets at QUORUM of a large value leave a replica alive and small", {
  replicas: 2,
}, async (cluster) => {
  using client = new ClusterClient(cluster, 10_000);
  await client.expect("r1", { op: "put", key: 7, value: "x".repeat(MIB), level: "ALL" });
  const gets = JSON.stringify(
    Array.from({ length: 1024 }, (_, id) => ({ id, op: "get", key: 7, level: "QUORUM" })),
  );
  const found = await Promise.all(Array.from({ length: 4 }, () => answers(cluster, gets, 1024)));
  const outcomes = new Set(found.flatMap((answered) => [...answered.values()]));
  assertEquals(found.map(({ size }) => size), [1024, 1024, 1024, 1024]);
  assert(outcomes.has("ok") && outcomes.has("overloaded"), [...outcomes].join());
  if (Deno.build.os === "linux") {
    for (const id of cluster.ids) {
      assert(peakMib(cluster.pid(id)) < 1000, `${id}: ${peakMib(cluster.pid(id))} MiB`);
    }
  }
  // Once the flood is over, it is over.
  await client.expect("r1", { op: "get", key: 7, level: "QUORUM" });
});

clusterTest("A wiped replica is filled with large values of which JSON makes six bytes for one", {
  replicas: 2,
}, async (cluster) => {
  using client = new ClusterClient(cluster, 10_000);
  for (let key = 0; key < 4; key++) {
    await client.expect("r1", { op: "put", key, value: "\0".repeat(MIB), level: "ALL" });
  }
  await cluster.kill9("r2");
  await Deno.remove(cluster.dataDirectory("r2"), { recursive: true });
  await cluster.start("r2");
  await eventually(async () => !(await client.status("r2")).recovering, {
    withinMs: 20_000,
    what: "r2 is filled",
  });
  await client.status("r1");
});

clusterTest("A coordinator without a copy takes the largest value, whatever its bytes", {
  replicas: 2,
  keyspace: { replication: 1, default_level: "ONE" },
  settings: { value_bytes_max: 2 * MIB },
}, async (cluster) => {
  using client = new ClusterClient(cluster, 10_000);
  await client.expect("r2", { op: "put", key: 7, value: "\0".repeat(2 * MIB), level: "ONE" });
  await client.status("r2");
});
