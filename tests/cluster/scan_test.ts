import { assert, assertEquals, assertMatch } from "@std/assert";
import { quartetCommand } from "../../scripts/supervisor/replica_process.ts";
import type { Page } from "../../src/protocol/reply.ts";
import type { Request, WireKey } from "../../src/protocol/request.ts";
import { ClusterClient } from "../harness/cluster_client.ts";
import { eventually } from "../harness/eventually.ts";
import { binaryUnderTest, clusterTest } from "../harness/processes.ts";

const ITEMS = { keys: "text", partitioner: "consistent-hash", replication: 3, default_level: "QUORUM" };
const MAIN = { keys: "text", partitioner: "all", replication: 4, default_level: "QUORUM" };

type Asked = Omit<Extract<Request, { op: "scan" }>, "op">;

/** All pages of a scan, each of a few keys. */
async function pagesOf(client: ClusterClient, replica: string, asked: Asked): Promise<Page[]> {
  const pages: Page[] = [];
  let after: WireKey | undefined;
  for (let more = true; more;) {
    const reply = await client.expect(replica, {
      op: "scan",
      ...asked,
      ...(after === undefined ? {} : { after }),
    });
    assert(reply.kind === "page");
    pages.push(reply.page);
    more = reply.page.more;
    after = reply.page.last;
  }
  return pages;
}

function keysOf(pages: readonly Page[]): WireKey[] {
  return pages.flatMap(({ entries }) => entries.map(({ key }) => key));
}

clusterTest(
  "scan: a ring and full copies list the same keys through any replica, in short pages, also with one replica down",
  { keyspaces: { items: ITEMS, main: MAIN } },
  async (cluster) => {
    using client = new ClusterClient(cluster);
    const keys = Array.from({ length: 40 }, (_, index) => `k${String(index).padStart(2, "0")}`);
    const live = keys.filter((_, index) => index % 4 !== 0);
    for (const keyspace of ["items", "main"]) {
      await Promise.all(
        keys.map((key) =>
          client.expect("r1", { op: "put", keyspace, key, value: `of ${key}`, level: "ALL" })
        ),
      );
      await Promise.all(
        keys.filter((key) => !live.includes(key)).map((key) =>
          client.expect("r2", { op: "delete", keyspace, key, level: "ALL" })
        ),
      );
      for (const replica of cluster.ids) {
        const pages = await pagesOf(client, replica, { keyspace, limit: 3 });
        assertEquals(keysOf(pages), live, `${keyspace} through ${replica}`);
        assert(pages.length >= 10 && pages.every(({ entries }) => entries.length <= 3));
        assertEquals(keysOf(await pagesOf(client, replica, { keyspace, limit: 7, level: "ALL" })), live);
        assertEquals(keysOf(await pagesOf(client, replica, { keyspace, limit: 7, level: "ONE" })), live);
      }
    }
    await cluster.kill9("r3");
    await eventually(async () => !(await client.status("r1")).peers.find(({ id }) => id === "r3")!.alive, {
      withinMs: 5000,
      what: "r1 sees that r3 is gone",
    });
    for (const keyspace of ["items", "main"]) {
      // Written while r3 is away: two, or three, of the others know of it.
      await client.expect("r1", { op: "put", keyspace, key: "k99", value: "late", level: "QUORUM" });
      for (const replica of ["r1", "r2", "r4"]) {
        const pages = await pagesOf(client, replica, { keyspace, limit: 3, keys_only: true });
        assertEquals(keysOf(pages), [...live, "k99"], `${keyspace} through ${replica}, without r3`);
      }
      const refused = await client.ask("r1", { op: "scan", keyspace, level: "ALL" });
      assert(!refused.ok && refused.failure.code === "unavailable", JSON.stringify(refused));
    }
  },
);

clusterTest(
  "client keys and scan page on by themselves until the end, a limit, or a failure, and say how to go on",
  {
    replicas: 3,
    keyspaces: { items: { ...ITEMS, replication: 2 }, bytes: { keys: "byte", replication: 3 } },
  },
  async (cluster) => {
    using client = new ClusterClient(cluster);
    const keys = Array.from({ length: 600 }, (_, index) => `user:${String(index).padStart(3, "0")}`);
    for (const key of [...keys, "odd\nkey", "other"]) {
      await client.expect("r1", { op: "put", key, value: "a\tb\n", level: "TWO" });
    }
    const all = await cluster.client("keys", "user:");
    assertEquals([all.code, all.stdout, all.stderr], [
      0,
      keys.map((key) => `${key}\n`).join(""),
      "600 keys\n",
    ]);
    const some = await cluster.client("ls", "--limit", "300", "--level", "one");
    assertEquals(
      some.stdout,
      ["odd\\u000akey", "other", ...keys.slice(0, 298)].map((key) => `${key}\n`).join(""),
    );
    assertEquals(some.stderr, "300 keys, and maybe more; --after user:297 goes on\n");
    const rest = await cluster.client("scan", "--after", "user:597", "--coordinator", "r3");
    assertEquals(rest.stdout, "user:598\ta\\u0009b\\u000a\nuser:599\ta\\u0009b\\u000a\n");
    const none = await cluster.client("keys", "nothing");
    assertEquals([none.code, none.stdout, none.stderr], [0, "", "no keys\n"]);
    const json = await cluster.client("--json", "scan", "user:");
    const pages = json.stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as Page);
    assertEquals([keysOf(pages), pages.at(-1)!.more, json.stderr], [keys, false, ""]);
    assert(pages.length >= 3 && pages[0]!.entries[0]!.value === "a\tb\n");
    const bytes = await cluster.client("keys", "1", "--keyspace", "bytes");
    assertEquals(bytes.code, 2);
    assertMatch(bytes.stderr, /malformed_request: the keys of "bytes" are numbers, which have no prefix/);
    const script = await cluster.clientWithInput("level two\nkeys user:59\nuse bytes\nput 7 x\nkeys\n");
    assertEquals(script.code, 0, script.stderr);
    assertMatch(script.stdout, /^(user:59\d\n){10}7\n$/);

    // A reader that goes away after the first line ends the listing, without an error.
    const [command, args] = quartetCommand(binaryUnderTest(), ["client", "--config", cluster.config, "keys"]);
    const child = new Deno.Command(command, { args, stdout: "piped", stderr: "piped" }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    const { code } = await child.status;
    await child.stderr.cancel();
    assertEquals(code, 0);
  },
);

clusterTest(
  "Ctrl-C ends a listing that waits for a replica which stands still, with 130 and the way to go on",
  {
    replicas: 2,
    keyspaces: { items: { ...ITEMS, replication: 2 } },
    settings: { request_timeout_ms: 20_000, failure_timeout_ms: 60_000, staleness_bound_ms: 90_000 },
  },
  async (cluster) => {
    await cluster.pause("r2");
    const [command, args] = quartetCommand(binaryUnderTest(), [
      "client",
      "--config",
      cluster.config,
      "keys",
      "--after",
      "b",
    ]);
    const child = new Deno.Command(command, { args, stdout: "piped", stderr: "piped" }).spawn();
    using client = new ClusterClient(cluster);
    await eventually(async () => ((await client.status("r1")).counters["scans"] ?? 0) === 1, {
      withinMs: 10_000,
      what: "the listing has begun",
    });
    child.kill("SIGINT");
    const { code, stdout, stderr } = await child.output();
    cluster.resume("r2");
    const decoder = new TextDecoder();
    assertEquals([code, decoder.decode(stdout)], [130, ""]);
    assertMatch(decoder.decode(stderr), /stopped after no keys; --after b goes on\n$/);
  },
);
