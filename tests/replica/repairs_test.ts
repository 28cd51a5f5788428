/** Tests of `src/replica/repairs.ts` and its parts: replicas that compare their copies, and exchange what differs. @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Message } from "../../src/replica/envelope.ts";
import type { RepairedPeer } from "../../src/protocol/reply.ts";
import type { Version } from "../../src/versions/version.ts";
import { stampOf } from "../../src/versions/stamp.ts";
import { STAGE_WALL_MS } from "../harness/replica_stage.ts";
import { StagedCluster } from "../harness/staged_cluster.ts";

/** Only comparing copies mends anything. */
const ALONE = { read_repair: "off", hinted_handoff: false };
const TEXT = { ...ALONE, keys: "text" };

const TYPES: readonly Message["type"][] = [
  "compare",
  "compared",
  "list",
  "listed",
  "give",
  "given",
  "passed",
];

function version(at: number, value: string | undefined, origin = "r1.e1"): Version {
  return { stamp: stampOf(STAGE_WALL_MS) + at, origin, ...(value === undefined ? {} : { value }) };
}

/** Counts what anti-entropy sends, and may lose some of it. */
class Wire {
  bytes = 0;
  readonly sent: string[] = [];

  constructor(cluster: StagedCluster, isLost: (message: Message, count: number) => boolean = () => false) {
    cluster.isCarried = ({ from, to, message }) => {
      if (!TYPES.includes(message.type)) return true;
      this.bytes += JSON.stringify(message).length;
      this.sent.push(`${from}>${to} ${message.type}`);
      return !isLost(message, this.sent.length);
    };
  }
}

function plantAll(
  cluster: StagedCluster,
  ids: readonly string[],
  keys: readonly (string | number)[],
  at = 1,
): void {
  for (const id of ids) {
    for (const key of keys) cluster.stage(id).plant(key, [version(at, `${key} at ${at}`)]);
  }
}

function names(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `key ${from + index}`);
}

function repaired(cluster: StagedCluster, id: string, request: { keyspace?: string; dry_run?: true } = {}): {
  readonly peers: readonly RepairedPeer[];
} {
  const stage = cluster.stage(id);
  const asked = stage.request({ op: "repair", ...request });
  for (let i = 0; i < 200 && stage.reply(asked) === undefined; i++) cluster.tick(50);
  const result = stage.reply(asked);
  assert(result?.ok && result.value.kind === "repaired", JSON.stringify(result));
  return result.value;
}

function total(cluster: StagedCluster, counter: string): number {
  return [...cluster.stages.values()].reduce((sum, stage) => sum + stage.counter(counter), 0);
}

Deno.test("What one replica lacks, holds older, and holds alone becomes equal everywhere, deletes too", () => {
  const cluster = new StagedCluster({ main: ALONE });
  plantAll(cluster, ["r1", "r2", "r3"], [1]);
  plantAll(cluster, ["r1", "r2", "r3"], [2], 5);
  plantAll(cluster, ["r4"], [2], 3);
  plantAll(cluster, ["r4"], [3]);
  plantAll(cluster, ["r1", "r3", "r4"], [4]);
  cluster.stage("r2").plant(4, [version(9, undefined)]);
  cluster.tick(3000);
  assertEquals(cluster.values(1), ["r1=1 at 1", "r2=1 at 1", "r3=1 at 1", "r4=1 at 1"]);
  assertEquals(cluster.values(2), ["r1=2 at 5", "r2=2 at 5", "r3=2 at 5", "r4=2 at 5"]);
  assertEquals(cluster.values(3), ["r1=3 at 1", "r2=3 at 1", "r3=3 at 1", "r4=3 at 1"]);
  assertEquals(cluster.values(4), ["r1=deleted", "r2=deleted", "r3=deleted", "r4=deleted"]);
});

for (const [differing, buckets] of [[1, 65_536], [1000, 65_536], [20_000, 65_536], [1000, 64]] as const) {
  Deno.test(`${differing} of 20000 keys that differ cost what they may, with ${buckets} buckets, and go over the wire once`, () => {
    const cluster = new StagedCluster({ memberCount: 3, main: TEXT, settings: { merkle_buckets: buckets } });
    plantAll(cluster, ["r1", "r2", "r3"], names(0, 20_000 - differing));
    plantAll(cluster, ["r1", "r2"], names(20_000 - differing, 20_000));
    const wire = new Wire(cluster);
    cluster.tick(6000);
    const values = names(20_000 - differing, 20_000).reduce((sum, key) => sum + `${key} at 1`.length, 0);
    // With few buckets many equal keys are listed beside those that differ.
    const budget = 128 * 1024 + 400 * differing + values + (buckets < 1000 ? 20_000 * 50 : 0);
    assert(wire.bytes <= budget, `${wire.bytes} bytes, allowed ${budget}`);
    assertEquals(total(cluster, "anti_entropy_keys_sent"), differing);
    assertEquals(total(cluster, "anti_entropy_keys_received"), differing);
    assertEquals(cluster.stage("r3").values("key 19999"), ["key 19999 at 1"]);
    assertEquals(repaired(cluster, "r3").peers.map(({ differing }) => differing), [0, 0]);
  });
}

Deno.test("Copies that are equal are compared with one hash each, a few hundred bytes", () => {
  const cluster = new StagedCluster({ memberCount: 2, main: TEXT });
  plantAll(cluster, ["r1", "r2"], names(0, 500));
  cluster.tick(3000);
  const wire = new Wire(cluster);
  cluster.tick(4000);
  assertEquals([...new Set(wire.sent)], ["r1>r2 compare", "r2>r1 compared", "r1>r2 passed"]);
  assert(wire.bytes / (wire.sent.length / 3) < 300, `${wire.bytes} bytes`);
});

Deno.test("Whoever has been away is compared with at once, not at the next turn", () => {
  const settings = { anti_entropy_interval_ms: 60_000, staleness_bound_ms: 100_000 };
  const cluster = new StagedCluster({ memberCount: 2, main: ALONE, settings });
  cluster.tick(1000);
  cluster.crash("r2");
  plantAll(cluster, ["r1"], [7]);
  cluster.tick(3000);
  cluster.start("r2");
  cluster.tick(500);
  assertEquals(cluster.values(7), ["r1=7 at 1", "r2=7 at 1"]);
});

Deno.test("Lost messages are asked for again, and a pass that breaks off is done again", () => {
  for (let seed = 0; seed < 8; seed++) {
    const cluster = new StagedCluster({ memberCount: 2, main: TEXT });
    plantAll(cluster, ["r1"], names(0, 1500));
    plantAll(cluster, ["r2"], names(1000, 2500), 2);
    // Each third message is lost, whichever it is.
    new Wire(cluster, (_message, count) => (count + seed) % 3 === 0);
    cluster.tick(30_000);
    cluster.isCarried = () => true;
    assertEquals(repaired(cluster, "r1").peers.map(({ differing }) => differing), [0], `seed ${seed}`);
  }
});

Deno.test("Keys move no faster than anti_entropy_keys_per_second, and status tells how far it is", () => {
  const settings = { anti_entropy_keys_per_second: 1000, staleness_bound_ms: 100_000 };
  const cluster = new StagedCluster({ memberCount: 2, main: TEXT, settings });
  plantAll(cluster, ["r1", "r2"], names(0, 10));
  plantAll(cluster, ["r1"], names(10, 5010));
  cluster.tick(2500);
  const moved = cluster.stage("r2").counter("anti_entropy_keys_received");
  assert(moved > 1000 && moved < 4300, `${moved} keys in 2.5 s`);
  const [peer] = cluster.stage("r1").status().peers;
  assertEquals(peer!.repair?.moved, moved);
  assert(peer!.repair!.left > 0);
  assertEquals(peer!.repair!.keyspace, "main");
  cluster.tick(5000);
  assertEquals(cluster.stage("r2").counter("anti_entropy_keys_received"), 5000);
  assertEquals(cluster.stage("r1").status().peers[0]!.repair, undefined);
});

Deno.test("Status tells since when two agree, and how many keys differed, on both sides", () => {
  const cluster = new StagedCluster({ memberCount: 2, main: ALONE });
  cluster.tick(3000);
  plantAll(cluster, ["r2"], [1, 2, 3]);
  cluster.isCarried = ({ message }) => message.type !== "compare";
  cluster.tick(10_000);
  for (const id of ["r1", "r2"]) {
    const [peer] = cluster.stage(id).status().peers;
    assert(peer!.agreed_ms_ago! > 9000, `${id}: ${peer!.agreed_ms_ago}`);
    assertEquals(peer!.differed, 0);
  }
  const agreedCount = total(cluster, "anti_entropy_ended_agreed");
  cluster.isCarried = () => true;
  for (let i = 0; i < 100 && cluster.stage("r1").held(1).length === 0; i++) cluster.tick(50);
  cluster.tick(50);
  for (const id of ["r1", "r2"]) {
    const [peer] = cluster.stage(id).status().peers;
    // It counts from the begin of the pass, and that had waited for its first answer.
    assert(peer!.agreed_ms_ago! < 5500, `${id}: ${peer!.agreed_ms_ago}`);
    assertEquals(peer!.differed, 3);
  }
  assert(total(cluster, "anti_entropy_ended_agreed") > agreedCount, "whoever began it counts it");
  assertEquals(total(cluster, "anti_entropy_differing"), 3);
});

Deno.test("Three that hold what a fourth lacks do not send it three times, whoever asks", () => {
  const cluster = new StagedCluster({ main: TEXT });
  plantAll(cluster, ["r1", "r2", "r3"], names(0, 3000));
  const asked = ["r1", "r2", "r3", "r4"].map((id) => cluster.stage(id).request({ op: "repair" }));
  cluster.tick(10_000);
  assertEquals(cluster.stage("r4").counter("anti_entropy_keys_received"), 3000);
  assertEquals(total(cluster, "anti_entropy_keys_sent"), 3000);
  for (const [index, id] of ["r1", "r2", "r3", "r4"].entries()) {
    const result = cluster.stage(id).reply(asked[index]!);
    assert(result?.ok && result.value.kind === "repaired", `${id}: ${JSON.stringify(result)}`);
    assertEquals(result.value.peers.map(({ end }) => end), ["agreed", "agreed", "agreed"], id);
  }
});

Deno.test("A keyspace with anti_entropy = false is left alone, but for who asks", () => {
  const cluster = new StagedCluster({ memberCount: 2, main: { ...ALONE, anti_entropy: false } });
  plantAll(cluster, ["r1"], [7]);
  const wire = new Wire(cluster);
  cluster.tick(10_000);
  assertEquals(wire.sent, []);
  assertEquals(cluster.values(7), ["r1=7 at 1", "r2="]);
  assertEquals(repaired(cluster, "r2").peers.map(({ received }) => received), [1]);
  assertEquals(cluster.values(7), ["r1=7 at 1", "r2=7 at 1"]);
});

Deno.test("A dry run names what differs and changes nothing", () => {
  const main = { ...ALONE, anti_entropy: false };
  const cluster = new StagedCluster({
    memberCount: 3,
    main,
    others: { items: { ...TEXT, anti_entropy: false } },
  });
  plantAll(cluster, ["r1", "r2"], [7]);
  plantAll(cluster, ["r3"], [8]);
  cluster.stage("r2").plant("a", [version(1, "x")], "items");
  const found = (id: string, request: { keyspace?: string }): unknown =>
    repaired(cluster, id, { ...request, dry_run: true }).peers.map((peer) => [
      peer.id,
      peer.end,
      peer.differing,
      peer.keys.map(({ keyspace, key }) => `${keyspace} ${key}`).sort(),
      peer.sent + peer.received,
    ]);
  assertEquals(found("r1", {}), [
    ["r2", "compared", 1, ["items a"], 0],
    ["r3", "compared", 2, ["main 7", "main 8"], 0],
  ]);
  assertEquals(found("r1", { keyspace: "items" }), [
    ["r2", "compared", 1, ["items a"], 0],
    ["r3", "compared", 0, [], 0],
  ]);
  assertEquals(cluster.values(7), ["r1=7 at 1", "r2=7 at 1", "r3="]);
  const r1 = cluster.stage("r1");
  assertEquals(r1.status().peers[0]!.agreed_ms_ago, undefined);
  assertEquals([r1.counter("anti_entropy_ended_compared"), r1.counter("anti_entropy_differing")], [4, 4]);
});

Deno.test("A repair names peers that are away, and a keyspace that is none is refused", () => {
  const cluster = new StagedCluster({ memberCount: 3, main: ALONE });
  cluster.crash("r3");
  cluster.tick(2000);
  const { peers } = repaired(cluster, "r1");
  assertEquals(peers.map(({ id, end, reason }) => [id, end, reason]), [
    ["r2", "agreed", undefined],
    ["r3", "failed", "r3 is away"],
  ]);
  const stage = cluster.stage("r1");
  assertMatch(stage.failure(stage.request({ op: "repair", keyspace: "x" })).message, /no keyspace "x"/);
});

Deno.test("A peer without room keeps what it lacks, gives what it has, and gets the rest when there is room", () => {
  const cluster = new StagedCluster({ memberCount: 2, main: ALONE });
  cluster.tick(100);
  cluster.stage("r2").disk.roomBytes = 0;
  plantAll(cluster, ["r1"], [1]);
  plantAll(cluster, ["r2"], [2]);
  const { peers: [found] } = repaired(cluster, "r1");
  assertEquals([found!.end, found!.received], ["unmended", 1]);
  assertEquals(cluster.values(2), ["r1=2 at 1", "r2=2 at 1"]);
  assertEquals(cluster.values(1), ["r1=1 at 1", "r2="]);
  cluster.stage("r2").disk.roomBytes = Infinity;
  cluster.tick(20_000);
  assertEquals(cluster.values(1), ["r1=1 at 1", "r2=1 at 1"]);
});

Deno.test("A replica without room begins no pass, and goes on when there is room", () => {
  const cluster = new StagedCluster({ memberCount: 2, main: ALONE });
  cluster.tick(100);
  cluster.stage("r1").disk.roomBytes = 0;
  plantAll(cluster, ["r2"], [1]);
  cluster.tick(5000);
  assertEquals(cluster.values(1), ["r1=", "r2=1 at 1"]);
  const wire = new Wire(cluster);
  cluster.tick(5000);
  assertEquals(wire.sent, []);
  cluster.stage("r1").disk.roomBytes = Infinity;
  cluster.tick(5000);
  assertEquals(cluster.values(1), ["r1=1 at 1", "r2=1 at 1"]);
});

Deno.test("A record that is too large for one side is said once, and not sent for ever; the others get through", () => {
  const cluster = new StagedCluster({ memberCount: 2, main: ALONE, settings: { value_bytes_max: 100 } });
  for (const id of ["r1", "r2"]) {
    const other = id === "r1" ? 10 : 20;
    cluster.stage(id).plant(other, [version(1, "x".repeat(20_000))]);
    cluster.stage(id).plant(other + 1, [version(1, "small")]);
  }
  cluster.tick(3000);
  assertEquals(cluster.values(11), ["r1=small", "r2=small"]);
  assertEquals(cluster.values(21), ["r1=small", "r2=small"]);
  for (const id of ["r1", "r2"]) {
    const said = cluster.stage(id).said.filter((line) => line.includes("a value is too large here"));
    assertEquals(said.length, 1, id);
  }
  const wire = new Wire(cluster);
  cluster.tick(120_000);
  const passes = wire.sent.filter((text) => text.endsWith(" passed")).length;
  assert(passes < 12, `${passes} passes in two minutes`);
  assertEquals(cluster.values(10).join(), `r1=${"x".repeat(20_000)},r2=`);
});

Deno.test("Values too large for one message go in several, and long keys do not break a line", () => {
  const cluster = new StagedCluster({ memberCount: 2, main: TEXT, settings: { value_bytes_max: 65_536 } });
  const keys = Array.from({ length: 60 }, (_, index) => `${"\u0001".repeat(1000)}${index}`);
  for (const key of keys) cluster.stage("r1").plant(key, [version(1, "\u0001".repeat(30_000))]);
  for (const key of keys) cluster.stage("r2").plant(key, [version(2, "\u0002".repeat(30_000), "r2.e2")]);
  const lineMax = 6 * 65_536 + 64 * 1024;
  let longest = 0;
  cluster.isCarried = ({ message }) => {
    longest = Math.max(longest, JSON.stringify([message]).length);
    return true;
  };
  cluster.tick(5000);
  for (const key of keys) assertEquals(cluster.stage("r1").values(key), ["\u0002".repeat(30_000)]);
  assert(longest > 100_000 && longest < lineMax, `${longest}`);
});

Deno.test("Stamps that come by comparison move the clock: what is written next is later", () => {
  const cluster = new StagedCluster({ memberCount: 2, main: ALONE });
  cluster.stage("r2").plant(7, [version(stampOf(5000), "ahead", "r2.e2")]);
  cluster.tick(3000);
  const stage = cluster.stage("r1");
  const id = stage.put(7, "later", "TWO");
  cluster.tick(500);
  assertEquals(stage.outcome(id), "written acked=r1,r2 owed=");
  assertEquals(cluster.values(7), ["r1=later", "r2=later"]);
});

Deno.test("A wiped replica is filled, and whatever came besides is equal in the end", () => {
  const cluster = new StagedCluster({ memberCount: 3, main: TEXT });
  plantAll(cluster, ["r1", "r2", "r3"], names(0, 600));
  cluster.tick(1000);
  cluster.crash("r3");
  cluster.tick(1000);
  cluster.start("r3", { epoch: "e9" });
  cluster.tick(6000);
  assert(!cluster.stage("r3").status().recovering);
  assertEquals(repaired(cluster, "r1").peers.map(({ differing }) => differing), [0, 0]);
});

Deno.test("A link that breaks and stands again before the next tick does not end the passes of its pair", () => {
  const cluster = new StagedCluster({ memberCount: 2, main: { ...ALONE, replication: 2 } });
  cluster.tick(3000);
  cluster.stage("r1").lose("r2");
  cluster.stage("r1").linkUp("r2");
  const wire = new Wire(cluster);
  cluster.tick(3000);
  assert(wire.sent.includes("r1>r2 compare"), String(wire.sent));
});
