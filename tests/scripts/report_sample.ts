/** A report's data, made up so that every kind of line of the page occurs. @module */
import type { ReportData } from "../../scripts/report/report_data.ts";

/** All is well in it, and nothing was left out. */
export const WELL: ReportData = {
  surroundings: {
    madeAt: "2026-11-20 10:31 UTC",
    commit: "0123abc",
    quartet: "0.1.0",
    deno: "2.8.3",
    v8: "14.9",
    typescript: "6.0",
    system: "linux 6.1 x86_64",
    cpuCount: 2,
    cpu: "Some CPU",
  },
  filter: undefined,
  tests: {
    value: [
      { file: "tests/base/hash_test.ts", name: "The same bytes hash alike", outcome: "passed", kind: "unit" },
      {
        file: "tests/cluster/disk_full_test.ts",
        name: "H5: a full disk is told (ignored: only root may mount)",
        outcome: "ignored",
        kind: "cluster",
      },
    ],
    exitCode: 0,
  },
  testSeconds: 12.4,
  soak: {
    value: {
      runCount: 2000,
      seconds: 100,
      operationCount: 1_000_000,
      okCount: 930_000,
      simulatedMs: 72_000_000,
      operations: {
        get: { ok: 500_000, fail: 40_000, info: 0 },
        put: { ok: 430_000, fail: 20_000, info: 10_000 },
        compare_and_set: { ok: 0, fail: 0, info: 0 },
      },
      faults: { kill: 1234, rot: 0 },
      judges: {
        kept_writes: { historyCount: 2500, objectionCount: 0 },
        simulator: { historyCount: 2000, objectionCount: 0 },
      },
      marks: {
        "clock: the ceiling is waited for": 1999,
        "writes: refused for a full disk": 0,
        "wal: a torn tail is cut": 12,
      },
      failed: [],
      traces: [{ seed: 0, trace: "bbbe8ef3681fd684" }],
    },
    exitCode: 0,
  },
  planted: {
    value: [
      { bug: "ack_before_sync", counts: [3, 1, 7], median: 3, judges: ["kept_writes"] },
      { bug: "forget_owed", counts: [1, 1, 2], median: 1, judges: ["kept_writes", "convergence"] },
    ],
    exitCode: 0,
  },
  hazards: [{
    number: "H5",
    goesWrong: "after a failed sync, what only the page cache holds is served",
    files: ["tests/base/hash_test.ts", "tests/cluster/disk_full_test.ts"],
    guards: [
      {
        file: "tests/base/hash_test.ts",
        results: [{ file: "tests/base/hash_test.ts", name: "The same bytes hash alike", outcome: "passed" }],
      },
      {
        file: "tests/cluster/disk_full_test.ts",
        results: [{
          file: "tests/cluster/disk_full_test.ts",
          name: "H5: a full disk is told",
          outcome: "ignored",
        }],
      },
    ],
  }],
  bugCount: 1234,
};

/** Red in every way at once, and with only a part of the tests. */
export const RED: ReportData = {
  ...WELL,
  surroundings: { ...WELL.surroundings, commit: "0123abc+" },
  filter: "storage",
  tests: {
    value: [
      ...WELL.tests.value,
      { file: "tests/storage/wal_test.ts", name: "H3: `a|b` <is> *cut*", outcome: "failed", kind: "unit" },
      { file: "tests/storage/wal_test.ts", name: "a person speaks", outcome: "ignored", kind: "unit" },
    ],
    exitCode: 1,
  },
  soak: {
    value: {
      ...WELL.soak.value,
      judges: {
        kept_writes: { historyCount: 2500, objectionCount: 22 },
        simulator: { historyCount: 2000, objectionCount: 0 },
      },
      failed: Array.from(
        { length: 22 },
        (_, seed) => ({ seed, wrong: `client 3 got 12 = nothing, for the time ${seed}` }),
      ),
    },
    exitCode: 1,
  },
  planted: {
    value: [
      { bug: "ack_before_sync", counts: [3, null, 7], median: 7, judges: ["kept_writes"] },
      { bug: "forget_owed", counts: [null, null, 2], median: null, judges: ["convergence"] },
    ],
    exitCode: 1,
  },
  hazards: [
    {
      number: "H3",
      goesWrong: "a torn tail is taken for corruption",
      files: ["tests/storage/wal_test.ts"],
      guards: [{
        file: "tests/storage/wal_test.ts",
        results: [{ file: "tests/storage/wal_test.ts", name: "H3: `a|b` <is> *cut*", outcome: "failed" }],
      }],
    },
    {
      number: "H9",
      goesWrong: "a clock far ahead",
      files: ["tests/replica/hints_test.ts"],
      guards: [{ file: "tests/replica/hints_test.ts", results: [] }],
    },
  ],
};
