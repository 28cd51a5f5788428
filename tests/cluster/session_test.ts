import { assert, assertEquals, assertMatch } from "@std/assert";
import { eventually } from "../harness/eventually.ts";
import { clusterTest } from "../harness/processes.ts";

clusterTest(
  "What was read is followed from replica to replica: whoever saw u, written after t was seen, does not miss t",
  {
    keyspace: { default_level: "ONE", read_repair: "off", hinted_handoff: false, anti_entropy: false },
    top: { faults: true },
  },
  async (cluster) => {
    const step = async (
      ...words: string[]
    ): Promise<{ session: string; value?: string; maybe_stale?: true }> =>
      JSON.parse((await cluster.client("--json", ...words)).stdout);
    // r3 hears of t from nobody: r1 coordinates it.
    const cut = await cluster.client("fault", "partition", "r1", "r3");
    assertEquals(cut.code, 0, cut.stderr);
    const t = await step("put", "1", "t", "THREE", "--session", "new", "--coordinator", "r1");
    const seen = await step("get", "1", "--session", "new", "--coordinator", "r2");
    assertEquals(seen.value, "t");
    assert(seen.session > t.session);
    const u = await step("put", "2", "u", "ALL", "--session", seen.session, "--coordinator", "r2");
    assert(u.session > seen.session);
    const read = await step("get", "2", "--session", "new", "--coordinator", "r3");
    assertEquals(read.value, "u");
    assertEquals(
      (await cluster.client("get", "1", "--coordinator", "r3")).code,
      4,
      "r3 alone does not know of t",
    );
    const followed = await step("get", "1", "--session", read.session, "--coordinator", "r3");
    assertEquals(followed.value, "t");
    const words = ["get", "1", "--session", read.session, "--coordinator", "r3"];
    // r2 and r4 hear from r1 that they have all of it, and one of them is enough.
    await eventually(async () => (await cluster.client(...words, "--require-fresh")).code === 0, {
      withinMs: 10_000,
      what: "r2 or r4 is sure of what r1 wrote",
    });
    await cluster.client("fault", "partition", "r3", "r2");
    await cluster.client("fault", "partition", "r3", "r4");
    const told = await cluster.client(...words);
    assertMatch(told.stderr, /^maybe stale: .*\nsession \d{16}-/m);
    const strict = await cluster.client(...words, "--require-fresh");
    assertEquals([strict.code, strict.stdout], [7, ""]);
    assertMatch(strict.stderr, /^maybe stale: /m);
    const json = await cluster.client("--json", ...words, "--require-fresh");
    assertEquals([json.code, JSON.parse(json.stdout).maybe_stale], [7, true]);
  },
);
