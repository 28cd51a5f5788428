import { assert, assertEquals, assertMatch } from "@std/assert";
import { StartError } from "../../scripts/supervisor/replica_process.ts";
import { unless, whyNoMount } from "../harness/abilities.ts";
import { ClusterClient } from "../harness/cluster_client.ts";
import { eventually } from "../harness/eventually.ts";
import { type CommandResult, LocalCluster } from "../harness/processes.ts";
import { SmallDisks } from "../harness/small_disks.ts";

const MIB = 1024 * 1024;
const VALUE_BYTES = 32 * 1024;
const HEALED_WITHIN_MS = 10_000;

/** What may be held of a key: the value acknowledged last, or one whose outcome is unknown. */
type Allowed = Map<number, Set<string>>;

/** Puts until every replica says that its disk is full. */
async function fill(
  cluster: LocalCluster,
  client: ClusterClient,
  allowed: Allowed,
  mark: string,
): Promise<void> {
  let unknownCount = 0;
  const full = new Set<string>();
  for (let number = 0; full.size < cluster.ids.length; number++) {
    assert(number < 2000, `2000 puts of ${VALUE_BYTES} bytes did not fill the disks, only of ${[...full]}`);
    const coordinator = cluster.ids[number % cluster.ids.length]!;
    const key = number % 256;
    const value = `${mark} ${number} `.padEnd(VALUE_BYTES, "x");
    const result = await client.ask(coordinator, { op: "put", key, value, level: "QUORUM" });
    if (result.ok) allowed.set(key, new Set([value]));
    else if (result.failure.code === "disk_full") full.add(coordinator);
    else {
      // Who still had room was asked, and others had none.
      assertEquals(result.failure.code, "timeout", JSON.stringify(result.failure));
      unknownCount++;
      allowed.set(key, (allowed.get(key) ?? new Set()).add(value));
    }
  }
  assert(unknownCount < 100, `${unknownCount} puts timed out before the disks were known to be full`);
}

/**
 * Fills the disks until all replicas show that they are full and a put by hand is refused; resolves to that put.
 *
 * Why again and again: a checkpoint that ends late makes room, and a replica that finds room takes puts.
 */
async function fillAndPut(
  cluster: LocalCluster,
  client: ClusterClient,
  allowed: Allowed,
): Promise<CommandResult> {
  for (let attempt = 1; attempt <= 20; attempt++) {
    await fill(cluster, client, allowed, `first ${attempt}`);
    const statuses = await Promise.all(cluster.ids.map((id) => client.status(id)));
    const put = await cluster.client("put", "1", "more");
    if (put.code === 5 && statuses.every((status) => status.disk_full)) return put;
    if (put.code === 0) allowed.set(1, new Set(["more"]));
    else if (put.code === 6) allowed.set(1, (allowed.get(1) ?? new Set()).add("more"));
    else assertEquals(put.code, 5, put.stderr);
  }
  throw new Error("the disks did not stay full in 20 attempts");
}

/** Every key reads as one of the values that it may have. */
async function expectReadable(cluster: LocalCluster, client: ClusterClient, allowed: Allowed): Promise<void> {
  for (const [key, values] of allowed) {
    const coordinator = cluster.ids[key % cluster.ids.length]!;
    const result = await client.ask(coordinator, { op: "get", key, level: "QUORUM" });
    if (!result.ok) {
      assert(
        values.size > 0 && result.failure.code === "not_found",
        `key ${key}: ${JSON.stringify(result.failure)}`,
      );
    } else if (result.value.kind === "value") {
      assert(values.has(result.value.value), `key ${key} has a strange value`);
    }
  }
}

const reason = await whyNoMount();

Deno.test({
  ...unless(reason, "Full disks refuse puts, answer gets, and heal without a restart"),
  fn: async () => {
    await using disks = await SmallDisks.mount(4, 8 * MIB);
    await using cluster = await LocalCluster.create({
      settings: { segment_bytes: 256 * 1024, value_bytes_max: 64 * 1024, request_timeout_ms: 1000 },
    });
    await disks.carry(cluster);
    await disks.load("ballast-1", MIB);
    await disks.load("ballast-2", 4 * MIB);
    await cluster.startAll();
    using client = new ClusterClient(cluster);
    const allowed: Allowed = new Map();

    const put = await fillAndPut(cluster, client, allowed);
    assertMatch(
      put.stderr,
      /^disk_full: the disk of r1 is full; reads still work, and writes will as soon as there is room/,
    );
    await expectReadable(cluster, client, allowed);

    await disks.unload("ballast-1");
    for (const id of cluster.ids) {
      await eventually(
        async () => (await client.ask(id, { op: "put", key: 1, value: `healed ${id}`, level: "ALL" })).ok,
        {
          withinMs: HEALED_WITHIN_MS,
          what: `a put through ${id} reaches all replicas`,
        },
      );
    }
    allowed.set(1, new Set(["healed r4"]));
    const converged = await cluster.client("wait", "converged", "--timeout", "10s");
    assertEquals(converged.code, 0, converged.stderr);
    await expectReadable(cluster, client, allowed);

    // A start needs room for a checkpoint: with none it says so, and nothing is lost.
    await fill(cluster, client, allowed, "second");
    await cluster.kill9("r2");
    try {
      await cluster.start("r2");
      await client.expect("r2", { op: "get", key: 1, level: "ONE" });
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      assertMatch(
        error.message,
        /r2 ended with exit code 5 before .*the disk is full: .* make room and start again/s,
      );
    }
    await disks.unload("ballast-2");
    await cluster.startAll();
    const again = await cluster.client("wait", "converged", "--timeout", "10s");
    assertEquals(again.code, 0, again.stderr);
    await expectReadable(cluster, client, allowed);
    assertEquals((await cluster.client("put", "1", "all is well", "ALL")).code, 0);
  },
});
