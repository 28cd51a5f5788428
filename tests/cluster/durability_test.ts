import { assert, assertEquals } from "@std/assert";
import { unless, whyNoStrace } from "../harness/abilities.ts";
import { ClusterClient } from "../harness/cluster_client.ts";
import { LocalCluster } from "../harness/processes.ts";
import { type SystemCall, SystemCallTrace } from "../harness/system_calls.ts";

const CALLS = ["write", "writev", "pwrite64", "sendto", "sendmsg", "read", "recvfrom", "fdatasync", "fsync"];
const ROUNDS = 5;
const PUTS_PER_ROUND = 40;

/** What the trace of one replica shows about its acknowledgements. */
interface Judgement {
  readonly toClients: number;
  readonly toPeers: number;
  /** Values that were acknowledged before a sync of the log that holds them had returned. */
  readonly early: readonly string[];
}

/** Each put of the tests has a value of its own, by which its log record and its acknowledgement are found. */
function judge(calls: readonly SystemCall[], logPath: string): Judgement {
  const received = new Map<string, string>();
  for (const { name, text } of calls) {
    // `27<socket:[138456]>, "…", 2048, 0, NULL, NULL) = 164`; one line may come in two pieces.
    const [, socket, bytes] = /^(\d+<socket[^>]*>), "(.*)"/s.exec(text) ?? [];
    if (!name.startsWith("re") || socket === undefined) continue;
    received.set(socket, (received.get(socket) ?? "") + bytes!.replaceAll('\\"', '"'));
  }
  const valuesById = new Map<string, string>();
  const valuesByRound = new Map<string, string>();
  for (const text of received.values()) {
    for (const [, id, value] of text.matchAll(/\{"id":(\d+),"op":"put"[^{}]*"value":"(value-\d+-)"/g)) {
      valuesById.set(id!, value!);
    }
    for (
      const [, round, value] of text.matchAll(/"type":"write","round":(\d+),[^\]]*"value":"(value-\d+-)"/g)
    ) {
      valuesByRound.set(round!, value!);
    }
  }
  const logged = new Map<string, SystemCall>();
  const syncs: SystemCall[] = [];
  const acknowledged: {
    readonly value: string;
    readonly begin: number;
    readonly target: "client" | "peer";
  }[] = [];
  for (const call of calls) {
    const text = call.text.replaceAll('\\"', '"');
    const isLog = text.includes(logPath);
    if (call.name.startsWith("f") && isLog) syncs.push(call);
    else if (call.name.startsWith("re")) continue;
    else if (isLog) {
      for (const [value] of text.matchAll(/value-\d+-/g)) if (!logged.has(value)) logged.set(value, call);
    } else {
      for (const [, id] of text.matchAll(/\{"id":(\d+),"ok":true/g)) {
        const value = valuesById.get(id!);
        if (value !== undefined) acknowledged.push({ value, begin: call.begin, target: "client" });
      }
      for (const [, rounds] of text.matchAll(/"type":"written","rounds?":\[?([\d,]+)/g)) {
        for (const round of rounds!.split(",")) {
          const value = valuesByRound.get(round);
          if (value !== undefined) acknowledged.push({ value, begin: call.begin, target: "peer" });
        }
      }
    }
  }
  const early = acknowledged.filter(({ value, begin }) => {
    const record = logged.get(value);
    return !record || !syncs.some((sync) => sync.begin > record.end && sync.end < begin);
  });
  const count = (target: string): number => acknowledged.filter((ack) => ack.target === target).length;
  return { toClients: count("client"), toPeers: count("peer"), early: early.map(({ value }) => value) };
}

const reason = await whyNoStrace();

Deno.test({
  ...unless(reason, "H24: strace sees each acknowledgement leave after a sync of its record"),
  fn: async () => {
    await using cluster = await LocalCluster.start();
    using client = new ClusterClient(cluster, 10_000);
    await using trace = await SystemCallTrace.start(cluster.pid("r1"), CALLS);
    let key = 0;
    for (let round = 0; round < ROUNDS; round++) {
      // Half of them through r1, which answers the client; half through r2, to which r1 answers.
      await Promise.all(Array.from({ length: PUTS_PER_ROUND }, async (_, index) => {
        const number = key++;
        const put = { op: "put", key: number % 256, value: `value-${number}-`, level: "ALL" } as const;
        await client.expect(index % 2 === 0 ? "r1" : "r2", put);
      }));
    }
    const calls = await trace.stop();
    const logPath = `${cluster.dataDirectory("r1")}/log-`;
    const half = ROUNDS * PUTS_PER_ROUND / 2;
    assertEquals(judge(calls, logPath), { toClients: half, toPeers: half, early: [] });

    // The same eyes see a sync that is not there, and one that comes too late.
    assertEquals(judge(calls.filter(({ name }) => name !== "fdatasync"), logPath).early.length, 2 * half);
    const late = calls.map((call) => call.name === "fdatasync" ? { ...call, end: calls.length * 3 } : call);
    assert(judge(late, logPath).early.length === 2 * half);
  },
});
