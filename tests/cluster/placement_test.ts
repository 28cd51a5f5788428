import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { clusterTest } from "../harness/processes.ts";

clusterTest(
  "byte-ordered: any replica coordinates, three of four hold a key, and inspect says which",
  {
    keyspaces: {
      ranges: { keys: "byte", partitioner: "byte-ordered", replication: 3, default_level: "ALL" },
    },
  },
  async (cluster) => {
    for (const [key, holders] of [["63", ["r1", "r2", "r3"]], ["64", ["r2", "r3", "r4"]]] as const) {
      for (const coordinator of cluster.ids) {
        const put = await cluster.client(
          "--json",
          "--coordinator",
          coordinator,
          "put",
          key,
          `by ${coordinator}`,
        );
        assertEquals(put.code, 0, put.stderr);
        const { acked, copies } = JSON.parse(put.stdout);
        assertEquals([acked, copies], [holders, 3]);
        const get = await cluster.client("get", key, "one", "--coordinator", coordinator);
        assertEquals(get.stdout, `by ${coordinator}\n`);
      }
    }
    const table = await cluster.client("inspect");
    assertMatch(table.stdout, /^63 +"by r4" \S+ \S+ +"by r4" \S+ \S+ +"by r4" \S+ \S+ +no copy$/m);
    assertMatch(table.stdout, /^64 +no copy +"by r4"/m);
    assertStringIncludes(table.stderr, "2 keys, all equal");
    const { keys } = JSON.parse((await cluster.client("--json", "inspect", "64")).stdout);
    assertEquals(keys[0].holders, ["r2", "r3", "r4"]);
  },
);

clusterTest(
  "consistent-hash: keys spread over the replicas, and two of three holders are enough for QUORUM",
  {
    keyspaces: {
      items: { keys: "text", partitioner: "consistent-hash", replication: 3, default_level: "QUORUM" },
    },
  },
  async (cluster) => {
    // Where these lie is fixed for ever: see tests/membership.
    const places = { "user:1": ["r1", "r2", "r4"], "a": ["r2", "r3", "r4"], "user:2": ["r1", "r3", "r4"] };
    for (const [key, holders] of Object.entries(places)) {
      const put = await cluster.client("--json", "put", key, "v", "ALL");
      assertEquals(JSON.parse(put.stdout).acked, holders);
    }
    await cluster.stop("r3");
    const put = await cluster.client("--json", "put", "a", "w");
    assertEquals([put.code, JSON.parse(put.stdout).acked], [0, ["r2", "r4"]], put.stdout);
    await cluster.stop("r2");
    const refused = await cluster.client("put", "a", "x");
    assertEquals(refused.code, 5);
    assertMatch(
      refused.stderr,
      /QUORUM needs 2 live of the 3 replicas that hold this key of "items", 1 is live \(r4\)/,
    );
    const other = await cluster.client("put", "user:1", "x");
    assertEquals(other.code, 0, "r1 and r4 hold this one");
  },
);
