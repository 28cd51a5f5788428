import { assertEquals, assertMatch } from "@std/assert";
import { clusterTest, runQuartet } from "../harness/processes.ts";

clusterTest(
  "locate names the replicas of a key, who of them is up and what they hold, also when some or all are down",
  {
    keyspaces: {
      items: { keys: "text", partitioner: "consistent-hash", replication: 3, default_level: "QUORUM" },
      ranges: { keys: "byte", partitioner: "byte-ordered", replication: 3, default_level: "ALL" },
    },
  },
  async (cluster) => {
    const put = await cluster.client("--json", "put", "user:1", "v", "ALL");
    const { acked } = JSON.parse(put.stdout);
    const whole = await cluster.client("locate", "user:1");
    assertEquals(whole.code, 0, whole.stderr);
    assertMatch(
      whole.stdout,
      /^keyspace items: consistent-hash, 3 copies\nkey user:1: token [0-9a-f]{16}, in cell \d+ of 65536\n/,
    );
    assertEquals(whole.stdout.match(/^r\d +(primary|copy \d) +up +"v" \d{16} r1$/gm)?.length, 3);
    assertEquals(whole.stderr, "3 of 3 count: enough for ONE TWO THREE QUORUM ALL\n");
    const { preference, holders, replicas } = JSON.parse(
      (await cluster.client("--json", "locate", "user:1")).stdout,
    );
    assertEquals([holders, [...preference].sort()], [acked, acked]);
    assertEquals(
      replicas.map(({ id, state, held }: { id: string; state: string; held: { value: string }[] }) =>
        `${id} ${state} ${held[0]!.value}`
      ),
      preference.map((id: string) => `${id} up v`),
    );

    const byte = JSON.parse((await cluster.client("--json", "where", "64", "--keyspace", "ranges")).stdout);
    assertEquals([byte.token, byte.range, byte.preference], [64, { first: 64, last: 127 }, [
      "r2",
      "r3",
      "r4",
    ]]);
    const [{ host, port } = { host: "", port: 0 }] = cluster.places;
    const address = `${host}:${port}`;
    const bare = await runQuartet([
      "client",
      "--connect",
      address,
      "locate",
      "64",
      "--keyspace",
      "ranges",
      "--json",
    ]);
    assertEquals(JSON.parse(bare.stdout), byte);
    const unnamed = await runQuartet(["client", "--connect", address, "locate", "64"]);
    assertEquals([unnamed.code, unnamed.stdout], [2, ""]);
    assertMatch(unnamed.stderr, /which keyspace\? say it with --keyspace; there are: items, ranges/);
    const strange = await runQuartet(["client", "--connect", address, "locate", "64", "--keyspace", "no"]);
    assertMatch(strange.stderr, /unknown_keyspace: .*keyspace "no" is placed; it has: items, ranges/);
    const unknown = await cluster.client("locate", "64", "--keyspace", "no");
    assertMatch(unknown.stderr, /unknown_keyspace: no keyspace "no"; there are: items, ranges/);
    const outside = await cluster.client("locate", "256", "--keyspace", "ranges");
    assertEquals(outside.code, 2);

    await cluster.kill9("r2");
    const less = await cluster.client("locate", "user:1");
    assertEquals(less.code, 0);
    assertMatch(less.stdout, /^r2 +\S+( \d)? +down +\?$/m);
    assertEquals(less.stdout.match(/ up +"v" /g)?.length, 2);
    assertEquals(less.stderr, "2 of 3 count: enough for ONE TWO QUORUM\n");
    await Promise.all(["r1", "r3", "r4"].map((id) => cluster.kill9(id)));
    const none = await cluster.client("--json", "locate", "user:1");
    const told = JSON.parse(none.stdout);
    assertEquals([none.code, told.preference], [0, preference]);
    assertEquals(
      told.replicas.map(({ state, error }: Record<string, string>) => `${state} ${error}`),
      Array(3).fill("down unavailable"),
    );
  },
);
