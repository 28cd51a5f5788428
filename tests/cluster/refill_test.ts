/**
 * What it takes to bring copies up to date: bytes between two that differ, and the time until a wiped one is filled.
 * `QUARTET_DIFFERING=100000` and `QUARTET_FILL=100000` make the long runs.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { print } from "../../scripts/print.ts";
import { unless } from "../harness/abilities.ts";
import { ClusterClient } from "../harness/cluster_client.ts";
import { eventually } from "../harness/eventually.ts";
import { NamespaceCluster, whyNoNamespaces } from "../harness/namespaces.ts";
import { clusterTest } from "../harness/processes.ts";

const VALUE = "v".repeat(128);
/** Puts in flight while keys are written. */
const LANES = 64;
const DIFFERING = Number(Deno.env.get("QUARTET_DIFFERING") ?? 1000);
const FILL = Number(Deno.env.get("QUARTET_FILL") ?? 2000);

/** Writes `count` keys through one replica. */
async function putMany(
  client: ClusterClient,
  { through, count, level, prefix = "key" }: {
    readonly through: string;
    readonly count: number;
    readonly level: "ONE" | "ALL";
    readonly prefix?: string;
  },
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      await client.expect(through, { op: "put", key: `${prefix} ${next++}`, value: VALUE, level });
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

for (const differing of [1, DIFFERING]) {
  Deno.test({
    ...unless(
      await whyNoNamespaces(),
      `Two replicas of which one lacks ${differing} keys become equal for 128 KiB, 400 bytes for each, and the values`,
    ),
    fn: async () => {
      await using cluster = await NamespaceCluster.start({
        replicas: 2,
        keyspace: { keys: "text", default_level: "ONE", hinted_handoff: false, read_repair: "off" },
      });
      using client = new ClusterClient({ places: cluster.places.slice(0, 1) });
      await putMany(client, { through: "r1", count: 100, level: "ALL", prefix: "both" });
      await cluster.cut();
      await eventually(async () => (await client.status("r1")).peers.every(({ alive }) => !alive), {
        withinMs: 10_000,
        what: "r1 is alone",
      });
      await putMany(client, { through: "r1", count: differing, level: "ONE" });
      const before = await cluster.cableBytes();
      await cluster.heal();
      const beginMs = performance.now();
      // Why r1 alone is asked: what a client asks of r2 goes through the cable too.
      await eventually(async () => {
        const agreedMs = (await client.status("r1")).peers[0]?.agreed_ms_ago ?? Infinity;
        return agreedMs < performance.now() - beginMs;
      }, { withinMs: 10_000 + differing, what: "r1 and r2 have agreed since" });
      const tookMs = performance.now() - beginMs;
      const bytes = await cluster.cableBytes() - before;
      const budget = 128 * 1024 + differing * (400 + VALUE.length);
      print(
        `${differing} keys that differ: ${bytes} bytes on the cable, headers and heartbeats too, of ${budget} allowed; ` +
          `equal after ${Math.round(tookMs)} ms`,
      );
      assert(bytes <= budget, `${bytes} bytes, allowed ${budget}`);
      const waited = await cluster.client("r1", ["wait", "converged", "--timeout", "60s"]);
      assertEquals(waited.code, 0, waited.stderr);
    },
  });
}

clusterTest(
  `A wiped replica is filled with ${FILL} keys while clients go on`,
  { keyspace: { keys: "text", hinted_handoff: false, read_repair: "off" } },
  async (cluster) => {
    using client = new ClusterClient(cluster);
    await putMany(client, { through: "r1", count: FILL, level: "ALL" });
    await cluster.kill9("r3");
    await Deno.remove(cluster.dataDirectory("r3"), { recursive: true });
    let isOver = false;
    let asked = 0;
    const goOn = async (lane: number): Promise<void> => {
      while (!isOver) {
        const key = `key ${asked++ * 17 % FILL}`;
        const through = lane % 2 === 0 ? "r1" : "r2";
        await client.expect(through, { op: "put", key, value: `${VALUE} again`, level: "QUORUM" });
        await client.expect(through, { op: "get", key, level: "QUORUM" });
      }
    };
    const clients = [0, 1, 2, 3].map(goOn);
    const beginMs = performance.now();
    await cluster.start("r3");
    const readyMs = performance.now() - beginMs;
    await eventually(async () => !(await client.status("r3")).recovering, {
      withinMs: 20_000 + FILL,
      what: "r3 is filled",
    });
    const filledMs = performance.now() - beginMs;
    isOver = true;
    await Promise.all(clients);
    assert(asked > 0);
    print(
      `${FILL} keys of 128 bytes: ready after ${Math.round(readyMs)} ms, counts again after ${
        Math.round(filledMs)
      } ms; ` +
        `meanwhile clients were answered ${2 * asked} times`,
    );
    const { code, stderr } = await cluster.client("wait", "converged", "--timeout", "10s");
    assertEquals(code, 0, stderr);
  },
);
