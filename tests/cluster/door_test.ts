/** Tests of what anybody can send to a real replica's port: it is refused with a reason, and everybody else is served. @module */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CONNECTIONS_MAX, FILES_RESERVED } from "../../src/protocol/limits.ts";
import { unless, whyNoProgram } from "../harness/abilities.ts";
import { ClusterClient } from "../harness/cluster_client.ts";
import { eventually } from "../harness/eventually.ts";
import { clusterTest, LocalCluster } from "../harness/processes.ts";
import { RawClient } from "../transport/fake_replica.ts";

const MIB = 1024 * 1024;

function open(cluster: LocalCluster): Promise<RawClient> {
  const { host, port } = cluster.places[0]!;
  return RawClient.open(port, host);
}

/** The most memory that a process ever had. Linux only. */
function peakMib(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024;
}

clusterTest("What is no request is refused and closed, and the replica goes on", {
  replicas: 1,
}, async (cluster) => {
  const brackets = "[".repeat(100_000);
  const first: readonly [string, string][] = [
    ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "malformed_request"],
    ["\x16\x03\x01\x02\n", "malformed_request"],
    [`${brackets}\n`, "malformed_request"],
    [`${brackets}${"]".repeat(100_000)}\n`, "malformed_request"],
    ['{"hello":{"protocol":1,"role":"peer","nonce":7}}\n', "malformed_request"],
    [`{"hello":${brackets}}\n`, "malformed_request"],
    ['{"hello":{"protocol":2,"role":"client"}}\n', "unsupported_version"],
    ['{"hello":{"protocol":0,"role":"client"}}\n', "unsupported_version"],
  ];
  for (const [text, code] of first) {
    using client = await open(cluster);
    await client.line();
    // What is cut while it sends is cut in time.
    await client.send(text).catch(() => {});
    assertEquals((await client.line())?.error, code, text.slice(0, 60));
    assertEquals(await client.line(), undefined);
  }
  using deep = await open(cluster);
  await deep.line();
  // An object is a request, if a wrong one: the connection goes on.
  for (const field of ['"id":', '"id":1,"op":"put","key":1,"value":']) {
    await deep.send(`{${field}${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}\n`);
    assertEquals((await deep.line()).error, "malformed_request");
  }
  using client = new ClusterClient(cluster, 10_000);
  await client.status("r1");
});

clusterTest("A line of a hundred megabytes is refused at the limit, in bounded memory", {
  replicas: 1,
}, async (cluster) => {
  using client = await open(cluster);
  await client.line();
  await client.send('{"id":1,"op":"status"}\n');
  await client.line();
  const piece = "x".repeat(MIB);
  const sending = (async () => {
    for (let sent = 0; sent < 100; sent++) await client.send(piece);
  })().catch(() => {
    // Cut in the middle, which is the point.
  });
  const answer = await client.line();
  assertEquals(answer.error, "too_large");
  assertStringIncludes(answer.message, "line_bytes_max");
  await sending;
  if (Deno.build.os === "linux") {
    assert(peakMib(cluster.pid("r1")) < 300, `${peakMib(cluster.pid("r1"))} MiB`);
  }
  using other = new ClusterClient(cluster, 10_000);
  await other.status("r1");
});

clusterTest("Keyspaces and keys with names that mean something to JavaScript are ordinary ones", {
  replicas: 1,
  keyspace: { keys: "text" },
}, async (cluster) => {
  using client = new ClusterClient(cluster, 10_000);
  const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", ""];
  for (const name of names.slice(0, 5)) {
    await client.expect("r1", { op: "put", key: name, value: `value of ${name}` });
    const refused = await client.ask("r1", { op: "get", keyspace: name, key: name });
    assert(!refused.ok && refused.failure.code === "unknown_keyspace", JSON.stringify(refused));
  }
  for (const name of names.slice(0, 5)) {
    const got = await client.expect("r1", { op: "get", key: name });
    assertEquals(got.kind === "value" && got.value, `value of ${name}`);
  }
  const missing = await client.ask("r1", { op: "get", key: "valueOf" });
  assert(!missing.ok && missing.failure.code === "not_found");
  assertEquals([...(await client.held("r1")).keys()].sort(), names.slice(0, 5).sort());
});

clusterTest("A thousand idle connections, half of them in a line, disturb nobody", {
  replicas: 2,
}, async (cluster) => {
  const idle: RawClient[] = [];
  try {
    for (let i = 0; i < 1000; i++) {
      const client = await open(cluster);
      idle.push(client);
      if (i % 2 === 0) await client.send('{"id":1,"op":"put","key":1,"value":"');
    }
    using client = new ClusterClient(cluster, 10_000);
    for (let key = 0; key < 20; key++) {
      await client.expect("r1", { op: "put", key, value: "x", level: "ALL" });
    }
  } finally {
    for (const client of idle) client[Symbol.dispose]();
  }
});

clusterTest("Connections that come and go in storms leave nothing behind", {
  replicas: 1,
}, async (cluster) => {
  const files = (): number => [...Deno.readDirSync(`/proc/${cluster.pid("r1")}/fd`)].length;
  using client = new ClusterClient(cluster, 10_000);
  await client.status("r1");
  const before = Deno.build.os === "linux" ? files() : 0;
  for (let round = 0; round < 10; round++) {
    const storm = await Promise.all(Array.from({ length: 100 }, () => open(cluster)));
    await Promise.all(storm.map((one, index) => index % 2 === 0 ? one.send("x") : undefined));
    for (const one of storm) one[Symbol.dispose]();
  }
  await client.status("r1");
  if (Deno.build.os !== "linux") return;
  await eventually(() => files() <= before + 4, {
    what: `about ${before} files are open again`,
    withinMs: 20_000,
  });
});

Deno.test({
  ...unless(
    await whyNoProgram("prlimit"),
    "A replica that runs out of files takes connections again when there are some",
  ),
}, async () => {
  await using cluster = await LocalCluster.start({ replicas: 1 });
  const pid = cluster.pid("r1");
  const openCount = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
  const room = 20;
  const { success } = await new Deno.Command("prlimit", {
    args: [`--pid=${pid}`, `--nofile=${openCount + room}:${openCount + room}`],
  }).output();
  assert(success);
  assert(openCount + room < CONNECTIONS_MAX + FILES_RESERVED, "there is no shortage");
  const flood: RawClient[] = [];
  for (let i = 0; i < 3 * room; i++) flood.push(await open(cluster));
  await eventually(async () => (await cluster.log("r1")).includes("accept failed"), {
    what: "the log tells of the shortage",
    withinMs: 10_000,
  });
  for (const client of flood) client[Symbol.dispose]();
  using client = new ClusterClient(cluster, 20_000);
  await eventually(async () => (await client.ask("r1", { op: "put", key: 7, value: "x" })).ok, {
    what: "a put is taken",
    withinMs: 20_000,
  });
  // Said once, however often it happened.
  assertEquals((await cluster.log("r1")).split("accept failed").length, 2);
});
