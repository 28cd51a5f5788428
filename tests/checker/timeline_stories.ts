/** Histories for the tests of the timeline page: a small one, a hostile one, and one of 200 operations. @module */
import { Random } from "../../src/base/random.ts";
import type { FinalState, History, HistoryFault, Operation } from "../../src/checker/history.ts";
import type { Verdict } from "../../src/checker/verdict.ts";

/** A history with the verdict on it. */
export interface JudgedHistory {
  readonly history: History;
  readonly verdict: Verdict;
}

const REPLICAS = ["r1", "r2", "r3", "r4"];

/** A put of key 7 by client 1 through r1, changed. */
export function operation(changes: Partial<Operation>): Operation {
  return {
    client: 1,
    op: "put",
    key: "7",
    required: 2,
    coordinator: "r1",
    invokedMs: 10,
    endedMs: 20,
    outcome: "ok",
    acked: [],
    ...changes,
  };
}

/** A get at THREE that misses a put acknowledged at TWO. Whatever stands in a history may be `value`. */
export function staleRead(value = "apple"): JudgedHistory {
  const old = { stamp: 2048, origin: "r1.a" };
  const version = { stamp: 204_800, origin: "r2.a" };
  const first = operation({ value: "pear", version: old, acked: REPLICAS, invokedMs: 2, endedMs: 9.5 });
  const put = operation({
    client: 2,
    value,
    version,
    coordinator: "r2",
    acked: ["r1", "r2"],
    invokedMs: 100,
    endedMs: 112,
  });
  const unknown = operation({
    client: 3,
    value: "plum",
    coordinator: "r4",
    invokedMs: 105,
    endedMs: Infinity,
    gaveUpMs: 305,
    outcome: "info",
    code: "timeout",
  });
  const refused = operation({
    client: 3,
    op: "delete",
    coordinator: "r4",
    invokedMs: 400,
    endedMs: 401,
    outcome: "fail",
    code: "unavailable",
  });
  const swap = operation({
    op: "compare_and_set",
    key: "8",
    expected: "old",
    value: "new",
    invokedMs: 30,
    endedMs: 41,
    version: { stamp: 61_440, origin: "r1.a" },
    acked: ["r1", "r3"],
  });
  const get = operation({
    op: "get",
    client: 4,
    value: "pear",
    version: old,
    coordinator: "r3",
    required: 3,
    acked: ["r3", "r4", "r1"],
    invokedMs: 150,
    endedMs: 161,
  });
  const held: FinalState = new Map([["7", { ...version, value }]]);
  const stale: FinalState = new Map([["7", { ...old, value: "pear" }]]);
  const sentence =
    `client 4 got 7 = pear from 150 to 161 ms at THREE, although client 2 put 7 = ${value} from 100 to ` +
    "112 ms at TWO, and two and three copies out of four overlap";
  return {
    history: {
      operations: [first, swap, put, unknown, get, refused],
      copies: 4,
      diskLosses: [],
      clockSpreadMs: 5,
      replicas: REPLICAS,
      faults: [
        { atMs: 60, untilMs: 350, replicas: ["r4"], text: "cut off from r1, r2" },
        { atMs: 120, replicas: ["r1"], text: "killed" },
        { atMs: 120, untilMs: 140, replicas: ["r1"], text: "down" },
      ],
      snapshots: REPLICAS.map((replica) => ({ replica, atMs: 500, state: replica === "r2" ? held : stale })),
    },
    verdict: {
      outcome: "violated",
      sentence,
      violations: [{ judge: "kept_writes", sentence, operations: [put, get] }],
    },
  };
}

/** 200 operations of five clients over half a minute with faults, one read among them stale. */
export function longHistory(seed = 1, operationCount = 200): JudgedHistory {
  const random = new Random(seed);
  const operations: Operation[] = [];
  const newest = new Map<string, Operation>();
  const clocks = [400, 450, 500, 560, 640];
  while (operations.length < operationCount) {
    const client = clocks.indexOf(clocks.reduce((least, ms) => Math.min(least, ms)));
    const invokedMs = clocks[client]!;
    const endedMs = invokedMs + random.between(1500, 24_000) / 1000;
    const key = String(random.pick([3, 7, 7, 12, 40, 41, 77, 200]));
    const coordinator = random.pick(REPLICAS);
    const acked = random.shuffle(REPLICAS).slice(0, random.between(2, 4));
    const luck = random.below(100);
    clocks[client] = endedMs + random.below(random.chance(40) ? 9000 : 300);
    const asked = { client: client + 1, key, coordinator, invokedMs, acked };
    if (luck < 5) {
      const gaveUpMs = invokedMs + 500;
      clocks[client] = gaveUpMs + random.below(300);
      const value = `v${operations.length}`;
      operations.push(
        operation({
          ...asked,
          value,
          endedMs: Infinity,
          gaveUpMs,
          outcome: "info",
          code: "timeout",
          acked: [],
        }),
      );
    } else if (luck < 10) {
      operations.push(
        operation({ ...asked, value: "x", endedMs, outcome: "fail", code: "unavailable", acked: [] }),
      );
    } else if (luck < 55) {
      const seen = newest.get(key);
      operations.push(operation({
        ...asked,
        op: "get",
        endedMs,
        ...(seen?.value === undefined ? {} : { value: seen.value }),
        ...(seen?.version ? { version: seen.version } : {}),
      }));
    } else {
      const version = { stamp: Math.round(endedMs * 2048), origin: `${coordinator}.3f` };
      const put = luck < 62
        ? operation({ ...asked, op: "delete", endedMs, version })
        : operation({ ...asked, value: `v${operations.length}`, endedMs, version });
      newest.set(key, put);
      operations.push(put);
    }
  }
  const middle = Math.floor(operationCount * 0.6);
  const put = operations.find(({ op, outcome }, index) =>
    index > middle && op === "put" && outcome === "ok"
  )!;
  const position = operations.findIndex((each) =>
    each.invokedMs > put.endedMs && each.op === "get" && each.outcome === "ok"
  );
  const { value: _value, version: _version, ...seen } = operations[position]!;
  const get = { ...seen, key: put.key };
  operations[position] = get;
  const lastMs = clocks.reduce((most, ms) => Math.max(most, ms));
  const faults: HistoryFault[] = [
    { atMs: lastMs * 0.2, untilMs: lastMs * 0.26, replicas: ["r2"], text: "down (killed, restarted)" },
    { atMs: lastMs * 0.4, untilMs: lastMs * 0.5, replicas: ["r3", "r4"], text: "cut off from r1, r2" },
    { atMs: lastMs * 0.55, untilMs: lastMs * 0.64, replicas: ["r1"], text: "paused" },
    { atMs: lastMs * 0.7, replicas: ["r4"], text: "clock +60 s" },
    { atMs: lastMs * 0.8, replicas: [], text: "healed" },
  ];
  const sentence =
    `client ${get.client} got ${get.key} = nothing at ${Math.round(get.invokedMs)} ms, although client ` +
    `${put.client} put ${put.key} = ${put.value} and that was acknowledged at ${Math.round(put.endedMs)} ms`;
  return {
    history: {
      operations,
      copies: 4,
      diskLosses: [{ replica: "r3", atMs: lastMs * 0.3 }],
      clockSpreadMs: 60_000,
      replicas: REPLICAS,
      faults,
    },
    verdict: {
      outcome: "violated",
      sentence,
      violations: [{ judge: "linearizability", sentence, operations: [put, get] }],
    },
  };
}
