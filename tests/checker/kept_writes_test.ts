/** Tests of `src/checker/kept_writes.ts` and `convergence.ts`: histories that are wrong in exactly one way, and right ones. @module */
import { assertEquals, assertMatch } from "@std/assert";
import * as fc from "fast-check";
import { judgeConvergence } from "../../src/checker/convergence.ts";
import type { DiskLoss, FinalState, HistoryVersion, Operation } from "../../src/checker/history.ts";
import { judgeKeptWrites } from "../../src/checker/kept_writes.ts";

const COPIES = 4;

/** A put of key 7 at TWO through r1, acknowledged by r1 and r2 from 10 to 20 ms, changed. */
function put(stamp: number, changes: Partial<Operation> = {}): Operation {
  return {
    client: 1,
    op: "put",
    key: "7",
    value: `v${stamp}`,
    required: 2,
    coordinator: "r1",
    invokedMs: 10,
    endedMs: 20,
    outcome: "ok",
    version: { stamp, origin: "r1.a" },
    acked: ["r1", "r2"],
    ...changes,
  };
}

/** A get of key 7 at THREE from 30 to 40 ms that saw this version, changed. */
function get(version: HistoryVersion | undefined, changes: Partial<Operation> = {}): Operation {
  const { version: _version, value: _value, ...rest } = put(0);
  return {
    ...rest,
    client: 2,
    op: "get",
    required: 3,
    invokedMs: 30,
    endedMs: 40,
    acked: ["r2", "r3", "r4"],
    ...(version ? { version, value: `v${version.stamp}` } : {}),
    ...changes,
  };
}

function finalsOf(versions: Readonly<Record<string, HistoryVersion | undefined>>): Map<string, FinalState> {
  return new Map(
    Object.entries(versions).map(([id, version]) => [id, new Map(version ? [["7", version]] : [])]),
  );
}

/** All four replicas hold this in the end. */
function all(version: HistoryVersion): Map<string, FinalState> {
  return finalsOf({ r1: version, r2: version, r3: version, r4: version });
}

function judge(
  operations: readonly Operation[],
  finals: ReadonlyMap<string, FinalState>,
  { clockSpreadMs = 0, diskLosses = [], collectsTombstones = false }: {
    clockSpreadMs?: number;
    diskLosses?: readonly DiskLoss[];
    collectsTombstones?: boolean;
  } = {},
): string[] {
  return judgeKeptWrites(
    { operations, copies: COPIES, diskLosses, clockSpreadMs, collectsTombstones },
    finals,
  )
    .map(({ sentence }) => sentence);
}

const FIVE: HistoryVersion = { stamp: 5, origin: "r1.a" };
const NINE: HistoryVersion = { stamp: 9, origin: "r2.a" };

Deno.test("A right history gives nothing: kept, beaten by a later write, read, deleted", () => {
  assertEquals(judge([put(5), get(FIVE)], all(FIVE)), []);
  const later = put(9, { version: NINE, coordinator: "r2", invokedMs: 30, endedMs: 40 });
  assertEquals(judge([put(5), later], all(NINE)), []);
  assertEquals(judge([put(5), get(NINE), put(9, { version: NINE })], all(NINE)), []);
  assertEquals(judge([], all(FIVE)), []);
  const { value: _value, ...deletion } = put(5, { op: "delete" });
  const { value: _read, ...notFound } = get(FIVE);
  assertEquals(judge([deletion, notFound], all(FIVE)), []);
});

Deno.test("What failed or is unknown may be there or not", () => {
  for (const outcome of ["fail", "info"] as const) {
    assertEquals(judge([put(9, { outcome, endedMs: Infinity })], finalsOf({ r1: undefined, r2: NINE })), []);
  }
});

Deno.test("A write that one replica lacks in the end is lost", () => {
  const [sentence, ...others] = judge([put(5)], finalsOf({ r1: FIVE, r2: undefined, r3: undefined }));
  assertEquals(others, []);
  assertEquals(
    sentence,
    "client 1 put 7 = v5 (r1.a@5) through r1 at 10.0–20.0 ms with r1 r2, but in the end r2 holds nothing of key 7",
  );
});

Deno.test("A write that an older one replaced is lost", () => {
  const older = { stamp: 4, origin: "r9.a" };
  assertMatch(
    judge([put(5)], finalsOf({ r1: FIVE, r2: older }))[0]!,
    /but in the end r2 holds r9\.a@4 of key 7$/,
  );
  const equal = { stamp: 5, origin: "r0.a" };
  assertMatch(judge([put(5)], finalsOf({ r1: equal }))[0]!, /holds r0\.a@5/);
});

Deno.test("A value that was read and is nowhere in the end was lost", () => {
  assertMatch(
    judge([get(NINE)], all(FIVE))[0]!,
    /^client 2 got 7 = v9 \(r2\.a@9\) through r1 at 30\.0–40\.0 ms with r2 r3 r4, but in the end r1 holds r1\.a@5/,
  );
});

Deno.test("A write may vanish only if every disk that acknowledged it was lost after it began", () => {
  const finals = finalsOf({ r1: undefined });
  const lost = (...losses: readonly [string, number][]): number =>
    judge([put(5)], finals, { diskLosses: losses.map(([replica, atMs]) => ({ replica, atMs })) }).length;
  assertEquals(lost(["r1", 50], ["r2", 60]), 0);
  assertEquals(lost(["r1", 50]), 1, "r2 still had it");
  assertEquals(lost(["r1", 5], ["r2", 60]), 1, "r1's disk was lost before");
  assertEquals(lost(["r1", 50], ["r3", 60]), 1);
});

Deno.test("A value that was read may vanish if any disk that answered was lost", () => {
  const finals = finalsOf({ r1: undefined });
  assertEquals(judge([get(NINE)], finals, { diskLosses: [{ replica: "r3", atMs: 50 }] }), []);
  assertEquals(judge([get(NINE)], finals, { diskLosses: [{ replica: "r1", atMs: 50 }] }).length, 1);
});

Deno.test("A read that overlaps an acknowledged write and misses it is stale", () => {
  assertEquals(judge([put(5), get(undefined)], all(FIVE)), [
    "client 2 got 7 = nothing through r1 at 30.0–40.0 ms with r2 r3 r4, " +
    "although client 1 put 7 = v5 (r1.a@5) through r1 at 10.0–20.0 ms with r1 r2",
  ]);
  const older = { stamp: 4, origin: "r1.a" };
  assertEquals(judge([put(4, { version: older }), put(5), get(older)], all(FIVE)).length, 1);
});

Deno.test("A read of a value whose version nobody told may have seen any", () => {
  assertEquals(judge([put(5), get(undefined, { value: "v5" })], all(FIVE)), []);
});

Deno.test("A read may miss a write whose copies it need not meet, or that had not ended when it began", () => {
  assertEquals(judge([put(5), get(undefined, { required: 2 })], all(FIVE)), [], "2 + 2 of 4");
  assertEquals(judge([put(5, { required: 1 }), get(undefined)], all(FIVE)), [], "1 + 3 of 4");
  assertEquals(judge([put(5, { endedMs: 31 }), get(undefined)], all(FIVE)), [], "still under way");
  assertEquals(judge([put(5), get(undefined, { key: "8" })], all(FIVE)), [], "another key");
  const diskLosses = [{ replica: "r1", atMs: 25 }, { replica: "r2", atMs: 25 }];
  assertEquals(judge([put(5), get(undefined)], finalsOf({}), { diskLosses }), [], "its disks were lost");
});

Deno.test("A later write may lose to an earlier one only as far as clocks were apart (H21)", () => {
  const earlier = put(9, { version: NINE, coordinator: "r2" });
  const later = put(5, { client: 3, invokedMs: 100, endedMs: 110 });
  const [sentence, ...others] = judge([earlier, later], all(NINE), { clockSpreadMs: 79 });
  assertEquals(others, []);
  assertMatch(
    sentence!,
    /^client 3 put 7 = v5 .* yet it loses to the earlier one: client 1 put 7 = v9 .*; clocks were at most 79 ms apart$/,
  );
  assertEquals(judge([earlier, later], all(NINE), { clockSpreadMs: 81 }), []);
});

Deno.test("Two writes of one origin are ordered as they were made, whatever the clocks", () => {
  const earlier = put(9, { version: { stamp: 9, origin: "r1.a" } });
  const later = put(5, { invokedMs: 30, endedMs: 40 });
  const finals = all({ stamp: 9, origin: "r1.a" });
  assertEquals(judge([earlier, later], finals, { clockSpreadMs: 1000 }).length, 1);
  assertEquals(
    judge([earlier, { ...later, invokedMs: 15 }], finals, { clockSpreadMs: 1000 }),
    [],
    "concurrent",
  );
});

Deno.test("One version must not name two writes (H6)", () => {
  const sentences = judge([put(5, { value: "a" }), put(5, { value: "b" })], all(FIVE));
  assertEquals(sentences.length, 1);
  assertMatch(sentences[0]!, /^one version has two values: client 1 put 7 = a .*, and client 1 put 7 = b /);
  assertEquals(judge([put(5), put(5)], all(FIVE)), [], "one write, seen twice");
  assertEquals(
    judge([put(5, { value: "a" }), put(5, { value: "b", key: "8" })], new Map()).length,
    0,
    "versions belong to keys",
  );
});

Deno.test("A read that returns another value than its version was written with is noticed", () => {
  assertMatch(
    judge([put(5), get(FIVE, { value: "other" })], all(FIVE))[0]!,
    /^one version has two values: client 1 put 7 = v5 .*, and client 2 got 7 = other /,
  );
  const { value: _value, ...notFound } = get(FIVE);
  assertEquals(judge([put(5), notFound], all(FIVE)).length, 1, "a tombstone is no value");
});

Deno.test("By hints alone only acknowledged writes are owed, not what was merely read", () => {
  const history = { operations: [get(NINE)], copies: COPIES, diskLosses: [], clockSpreadMs: 0 };
  assertEquals(judgeKeptWrites(history, all(FIVE)).length, 1);
  assertEquals(judgeKeptWrites(history, all(FIVE), { onlyWrites: true }), []);
  const withPut = { ...history, operations: [put(9, { version: NINE })] };
  assertEquals(judgeKeptWrites(withPut, all(FIVE), { onlyWrites: true }).length, 1);
});

Deno.test("The judge accuses exactly those that comparing every pair accuses", () => {
  const time = fc.record({ invokedMs: fc.nat(30), lastsMs: fc.nat(10) });
  const any = fc.record({
    time,
    isGet: fc.boolean(),
    stamp: fc.integer({ min: 1, max: 9 }),
    writer: fc.nat(2),
    required: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(fc.property(fc.array(any, { maxLength: 12 }), fc.nat(10), (drafts, clockSpreadMs) => {
    const operations = drafts.map(
      ({ time: { invokedMs, lastsMs }, isGet, stamp, writer, required }, client) => {
        const version = { stamp, origin: `r${writer}.a` };
        const common = { client, required, invokedMs, endedMs: invokedMs + lastsMs, value: "same" };
        return isGet ? get(version, common) : put(stamp, { ...common, version });
      },
    );
    const beats = (a: Operation, b: Operation): boolean => {
      const [x, y] = [a.version!, b.version!];
      return x.stamp > y.stamp || (x.stamp === y.stamp && x.origin >= y.origin);
    };
    const isAccused = (operation: Operation): boolean =>
      operations.some((write) => {
        if (write.op === "get") return false;
        if (operation.op === "get") {
          const isOverlapping = write.required + operation.required > COPIES;
          return isOverlapping && write.endedMs < operation.invokedMs && !beats(operation, write);
        }
        const isOneClock = write.version!.origin === operation.version!.origin;
        const beforeMs = operation.invokedMs - (isOneClock ? 0 : clockSpreadMs);
        return write.endedMs < beforeMs && beats(write, operation);
      });
    const accused = judge(operations, new Map(), { clockSpreadMs }).map((sentence) =>
      Number(/^client (\d+)/.exec(sentence)![1])
    );
    const expected = operations.filter(isAccused).map(({ client }) => client);
    assertEquals(accused.sort((a, b) => a - b), expected);
  }));
});

function differences(finals: ReadonlyMap<string, FinalState>): string[] {
  return judgeConvergence(finals).map(({ sentence }) => sentence);
}

Deno.test("Replicas that hold the same have converged, and each key on which they differ is named", () => {
  assertEquals(differences(all(FIVE)), []);
  assertEquals(differences(finalsOf({})), []);
  assertEquals(differences(finalsOf({ r1: undefined, r2: undefined })), []);
  assertEquals(differences(finalsOf({ r1: FIVE, r2: FIVE, r3: undefined })), [
    "key 7 differs after calm: r1 holds r1.a@5, r3 holds nothing",
  ]);
  assertEquals(differences(finalsOf({ r1: undefined, r2: NINE })), [
    "key 7 differs after calm: r1 holds nothing, r2 holds r2.a@9",
  ]);
});

/** A delete of key 7 at TWO, changed. */
function deletion(stamp: number, changes: Partial<Operation> = {}): Operation {
  const { value: _value, ...rest } = put(stamp, { op: "delete", client: 3, ...changes });
  return rest;
}

Deno.test("H14: where tombstones are collected nothing is what a delete leaves, in the end and to a read", () => {
  const nothing = finalsOf({ r1: undefined, r2: undefined });
  const found = get(undefined, { required: 4 });
  const run = [put(5), deletion(9), found];
  assertEquals(judge(run, nothing, { collectsTombstones: true }), []);
  assertEquals(judge(run, finalsOf({ r1: NINE, r2: undefined }), { collectsTombstones: true }), []);
  assertEquals(judge(run, nothing).length, 3, "both writes are lost, and the read misses the delete");
  const unknown = [put(5), deletion(0, { outcome: "info", endedMs: Infinity, invokedMs: 1 }), found];
  assertEquals(judge(unknown.map(withoutVersionOfDelete), nothing, { collectsTombstones: true }), []);
});

Deno.test("H14: a delete explains nothing that came after it, nor what it certainly did not do", () => {
  const nothing = finalsOf({ r1: undefined });
  const tells = (operations: readonly Operation[]): number =>
    judge(operations, nothing, { collectsTombstones: true }).length;
  assertEquals(tells([put(5)]), 1);
  assertEquals(tells([put(5), deletion(4)]), 1);
  assertEquals(tells([put(5), deletion(9, { outcome: "fail" })]), 1);
  assertEquals(tells([put(5), deletion(9, { key: "8" })]), 1);
  const late = deletion(9, { invokedMs: 50, endedMs: 60 });
  assertEquals(
    tells([put(5), get(undefined), late]),
    1,
    "what was read before the delete must have been the put",
  );
});

function withoutVersionOfDelete(operation: Operation): Operation {
  if (operation.op !== "delete") return operation;
  const { version: _version, ...rest } = operation;
  return rest;
}

Deno.test("H14: where tombstones are collected one is as good as nothing, and a value is not", () => {
  const states = (value: string | null): Map<string, FinalState> =>
    new Map([["r1", new Map([["7", { ...FIVE, value }]])], ["r2", new Map()]]);
  assertEquals(judgeConvergence(states(null), { collectsTombstones: true }), []);
  assertEquals(judgeConvergence(states(null)).length, 1);
  assertEquals(judgeConvergence(states("x"), { collectsTombstones: true }).length, 1);
});
