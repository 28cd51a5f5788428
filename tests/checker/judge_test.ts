/** Histories that are wrong in exactly one way, each beside its twin in which that one thing is right. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { History } from "../../src/checker/history.ts";
import { encodeHistory } from "../../src/checker/history_encoder.ts";
import { judge, judgeHistory, type Model } from "../../src/checker/judge.ts";
import type { JudgeName } from "../../src/checker/verdict.ts";
import { history } from "./history_notation.ts";

interface Case {
  readonly what: string;
  readonly model: Model;
  readonly judge: JudgeName;
  /** Operations that have nothing to do with it are among them. */
  readonly lines: readonly string[];
  readonly rest?: Partial<History> & { readonly finals?: readonly string[] };
  /** In its twin these stand for the lines of that number; or the rest is another. */
  readonly right: Readonly<Record<number, string>> | { readonly rest: NonNullable<Case["rest"]> };
  readonly sentence: RegExp;
  /** Numbers of the lines that show it. */
  readonly guilty: readonly number[];
}

const KEPT_A = { finals: ["r1 90 x r1.a@1", "r2 90 x r1.a@1"] };
const KEPT_B = { finals: ["r1 90 x r1.a@2", "r2 90 x r1.a@2"] };

const CASES: readonly Case[] = [
  {
    what: "a get returns what another put had replaced",
    model: "linearizable",
    judge: "linearizability",
    lines: ["c1 put x=a 1-2", "c2 put y=q 1-9", "c1 put x=b 3-4", "c2 get x=a 10-11", "c1 get x=b 12-13"],
    right: { 3: "c2 get x=b 10-11" },
    sentence:
      /^client 2 got x = a at 10\.0–11\.0 ms, although before that client 1 put x = b at 3\.0–4\.0 ms, after client 1 put x = a at 1\.0–2\.0 ms$/,
    guilty: [0, 2, 3],
  },
  {
    what: "a get sees the new value, and a later one the old",
    model: "linearizable",
    judge: "linearizability",
    lines: ["c1 put x=a 1-2", "c1 put x=b 3-20", "c2 get x=b 4-5", "c3 get x=a 6-7"],
    right: { 3: "c3 get x=b 6-7" },
    sentence:
      /^client 3 got x = a at 6\.0–7\.0 ms, which fits no order of what happened to key x: .*client 2 got x = b/,
    guilty: [0, 1, 2, 3],
  },
  {
    what: "a get misses a put that had ended",
    model: "linearizable",
    judge: "linearizability",
    lines: ["c1 put x=a 1-2", "c2 get x 3-4"],
    right: { 1: "c2 get x=a 3-4" },
    sentence:
      /^client 2 got x = nothing at 3\.0–4\.0 ms, although before that client 1 put x = a at 1\.0–2\.0 ms$/,
    guilty: [0, 1],
  },
  {
    what: "a get returns what nobody put",
    model: "linearizable",
    judge: "linearizability",
    lines: ["c1 put x=a 1-2", "c2 get x=b 3-4"],
    right: { 1: "c2 get x=a 3-4" },
    sentence: /^client 2 got x = b at 3\.0–4\.0 ms, but nobody had put b$/,
    guilty: [1],
  },
  {
    what: "a get returns what is put only later",
    model: "linearizable",
    judge: "linearizability",
    lines: ["c2 get x=a 1-2", "c1 put x=a 3-4"],
    right: { 0: "c2 get x=a 1-3" },
    sentence: /^client 2 got x = a at 1\.0–2\.0 ms, before this: client 1 put x = a/,
    guilty: [0, 1],
  },
  {
    what: "a deleted value comes back",
    model: "linearizable",
    judge: "linearizability",
    lines: ["c1 put x=a 1-2", "c1 delete x 3-4", "c2 get x=a 5-6"],
    right: { 2: "c2 get x 5-6" },
    sentence:
      /^client 2 got x = a .*, although before that client 1 deleted x at 3\.0–4\.0 ms, after client 1 put x = a/,
    guilty: [0, 1, 2],
  },
  {
    what: "two readers see two concurrent puts in contrary order",
    model: "linearizable",
    judge: "linearizability",
    lines: [
      "c1 put x=a 1-9",
      "c2 put x=b 1-9",
      "c3 get x=a 10-11",
      "c4 get x=b 12-13",
      "c5 get x=b 14-15",
    ],
    right: { 2: "c3 get x=b 10-11" },
    sentence: /^client \d got x = b .* fits no order/,
    guilty: [0, 1, 2, 4],
  },
  {
    what: "both of two compare-and-sets win",
    model: "linearizable",
    judge: "linearizability",
    lines: ["c1 cas x=>a 1-5", "c2 cas x=>b 2-6"],
    right: { 1: "c2 cas x=>b 2-6 fail:conflict" },
    sentence: /^client 2 set x from nothing to b at 2\.0–6\.0 ms, .*client 1 set x from nothing to a/,
    guilty: [0, 1],
  },
  {
    what: "a compare-and-set loses although it found what it expected",
    model: "linearizable",
    judge: "linearizability",
    lines: ["c1 put x=a 1-2", "c2 cas x=a>b 3-4 fail:conflict"],
    right: { 1: "c2 cas x=c>b 3-4 fail:conflict" },
    sentence:
      /^client 2 tried to set x from a to b, which failed with conflict, at 3\.0–4\.0 ms, which fits no order/,
    guilty: [0, 1],
  },
  {
    what: "a compare-and-set finds what was replaced",
    model: "linearizable",
    judge: "linearizability",
    lines: ["c1 put x=a 1-2", "c1 put x=c 3-4", "c2 cas x=a>b 5-6"],
    right: { 2: "c2 cas x=c>b 5-6" },
    sentence: /^client 2 set x from a to b .*, although before that client 1 put x = c/,
    guilty: [0, 1, 2],
  },
  {
    what: "an unknown put happens and is taken back",
    model: "linearizable",
    judge: "linearizability",
    lines: ["c1 put x=a 1-2", "c1 put x=b 3-9 info:timeout", "c2 get x=b 10-11", "c2 get x=a 12-13"],
    right: { 2: "c2 get x=a 10-11" },
    sentence:
      /^client 2 got x = a at 12.*client 1 tried to put x = b, which may have happened with timeout, from 3\.0 ms on/,
    guilty: [0, 1, 2, 3],
  },
  {
    what: "an unknown compare-and-set was seen, and another finds what it had replaced",
    model: "linearizable",
    judge: "linearizability",
    lines: ["c1 put x=a 1-2", "c1 cas x=a>b 3-9 info", "c2 get x=b 10-11", "c3 cas x=a>c 12-13"],
    right: { 3: "c3 cas x=b>c 12-13" },
    sentence: /^client 3 set x from a to c .* fits no order/,
    guilty: [0, 1, 2, 3],
  },
  {
    what: "a get returns a put that was refused for certain",
    model: "linearizable",
    judge: "linearizability",
    lines: ["c1 put x=a 1-2 fail:unavailable", "c2 get x=a 3-4", "c2 get x=a 5-6"],
    right: { 0: "c1 put x=a 1-2 info:timeout" },
    sentence: /^client 2 got x = a .*, but nobody had put a$/,
    guilty: [1],
  },
  {
    what: "an acknowledged write is gone in the end",
    model: "quorum",
    judge: "kept_writes",
    lines: ["c1 put x=a 1-2 r1.a@1 need:1 on:r1", "c1 put x=b 3-4 r1.a@2 need:1 on:r1"],
    rest: { finals: ["r1 90 x r1.a@1", "r2 90 x r1.a@1"] },
    right: { rest: KEPT_B },
    sentence: /^client 1 put x = b \(r1\.a@2\) .* with r1, but in the end r1 holds r1\.a@1 of key x$/,
    guilty: [1],
  },
  {
    what: "an acknowledged write vanishes although only one of its disks was lost",
    model: "quorum",
    judge: "kept_writes",
    lines: ["c1 put x=a 1-2 r1.a@1 need:2 on:r1,r2"],
    rest: { finals: ["r1 90", "r2 90"], diskLosses: [{ replica: "r1", atMs: 5 }] },
    right: {
      rest: {
        finals: ["r1 90", "r2 90"],
        diskLosses: [{ replica: "r1", atMs: 5 }, { replica: "r2", atMs: 6 }],
      },
    },
    sentence: /^client 1 put x = a .* but in the end r1 holds nothing of key x$/,
    guilty: [0],
  },
  {
    what: "an acknowledged compare-and-set is gone in the end",
    model: "quorum",
    judge: "kept_writes",
    lines: ["c1 put x=a 1-2 r1.a@1 on:r1", "c1 cas x=a>b 3-4 r1.a@2 on:r1"],
    rest: KEPT_A,
    right: { rest: KEPT_B },
    sentence: /^client 1 set x from a to b \(r1\.a@2\) .* but in the end r1 holds r1\.a@1/,
    guilty: [1],
  },
  {
    what: "what was read is nowhere in the end",
    model: "quorum",
    judge: "kept_writes",
    lines: ["c1 put x=a 1-2 r1.a@1", "c1 put x=b 3-4 info:timeout", "c2 get x=b 5-6 r1.a@2"],
    rest: KEPT_A,
    right: { rest: KEPT_B },
    sentence: /^client 2 got x = b \(r1\.a@2\) .* but in the end r1 holds r1\.a@1/,
    guilty: [2],
  },
  {
    what: "a later write loses to an earlier one by more than clocks explain (H21)",
    model: "quorum",
    judge: "kept_writes",
    lines: ["c1 put x=a 1-2 r2.a@9", "c2 put x=b 20-21 r1.a@3"],
    rest: { finals: ["r1 90 x r2.a@9", "r2 90 x r2.a@9"] },
    right: { 1: "c2 put x=b 6-7 r1.a@3" },
    sentence:
      /^client 2 put x = b \(r1\.a@3\) .*, yet it loses to the earlier one: client 1 put x = a \(r2\.a@9\) .*; clocks were at most 5 ms apart$/,
    guilty: [0, 1],
  },
  {
    what: "a replica's clock goes back, whatever the others' clocks",
    model: "quorum",
    judge: "kept_writes",
    lines: ["c1 put x=a 1-2 r1.a@9", "c2 put x=b 20-21 r1.a@3"],
    rest: { finals: ["r1 90 x r1.a@9", "r2 90 x r1.a@9"], clockSpreadMs: Infinity },
    right: { 1: "c2 put x=b 20-21 r2.a@3" },
    sentence: /; clocks were at most 0 ms apart$/,
    guilty: [0, 1],
  },
  {
    what: "one version names two writes (H6)",
    model: "quorum",
    judge: "kept_writes",
    lines: ["c1 put x=a 1-20 r1.a@1", "c2 put x=b 3-4 r1.a@1"],
    rest: { finals: ["r1 90 x r1.a@2", "r2 90 x r1.a@2"] },
    right: { 1: "c2 put x=b 3-4 r1.a@2" },
    sentence:
      /^one version has two values: client 1 put x = a \(r1\.a@1\) .*, and client 2 put x = b \(r1\.a@1\)/,
    guilty: [0, 1],
  },
  {
    what: "a get that overlaps an acknowledged write's copies misses it",
    model: "quorum",
    judge: "kept_writes",
    lines: ["c1 put x=a 1-2 r1.a@1 need:2", "c2 get x 3-4 need:2"],
    rest: KEPT_A,
    right: { 1: "c2 get x 3-4 need:1" },
    sentence: /^client 2 got x = nothing .*, although client 1 put x = a \(r1\.a@1\)/,
    guilty: [0, 1],
  },
  {
    what: "a get returns what nobody put, at quorum",
    model: "quorum",
    judge: "read_values",
    lines: ["c1 put x=a 1-2 r1.a@1", "c2 get x=q 3-4 r1.a@0"],
    rest: KEPT_A,
    right: { 1: "c2 get x=a 3-4 r1.a@1" },
    sentence: /^client 2 got x = q \(r1\.a@0\) .*, which nobody put$/,
    guilty: [1],
  },
  {
    what: "a get returns what was refused for certain, at quorum (H15)",
    model: "quorum",
    judge: "read_values",
    lines: ["c1 put x=a 1-2 fail:unavailable", "c2 get x=a 3-4 r1.a@1"],
    rest: KEPT_A,
    right: { 0: "c1 put x=a 1-2 info:timeout" },
    sentence: /^client 2 got x = a .*, which was refused with unavailable to client 1$/,
    guilty: [0, 1],
  },
  {
    what: "a get returns what is put only later, at quorum",
    model: "quorum",
    judge: "read_values",
    lines: ["c2 get x=a 1-2 r1.a@1", "c1 put x=a 3-4 r1.a@1"],
    rest: KEPT_A,
    right: { 0: "c2 get x=a 1-3 r1.a@1" },
    sentence: /^client 2 got x = a .*, before this: client 1 put x = a/,
    guilty: [0, 1],
  },
  {
    what: "two replicas end with different versions",
    model: "quorum",
    judge: "convergence",
    lines: ["c1 put x=a 1-2 r1.a@1"],
    rest: { finals: ["r1 90 x r1.a@1", "r2 90 x r1.a@2"] },
    right: { rest: KEPT_A },
    sentence: /^key x differs after calm: r1 holds r1\.a@1, r2 holds r1\.a@2$/,
    guilty: [],
  },
  {
    what: "two replicas end with different values under one version",
    model: "quorum",
    judge: "convergence",
    lines: ["c1 put x=a 1-2 r1.a@1"],
    rest: { finals: ["r1 90 x=a r1.a@1", "r2 90 x=b r1.a@1"] },
    right: { rest: { finals: ["r1 90 x=a r1.a@1", "r2 90 x=a r1.a@1"] } },
    sentence: /^key x differs after calm: r1 holds r1\.a@1 = a, r2 holds r1\.a@1 = b$/,
    guilty: [],
  },
  {
    what: "the replicas become equal, but too late",
    model: "quorum",
    judge: "convergence",
    lines: ["c1 put x=a 1-2 r1.a@1"],
    rest: {
      finals: ["r1 53 x r1.a@1", "r2 53", "r1 90 x r1.a@1", "r2 90 x r1.a@1"],
      faults: [{ atMs: 3, untilMs: 42, replicas: ["r2"], text: "cut off" }],
      convergenceBoundMs: 10,
    },
    right: {
      rest: {
        finals: ["r1 51 x r1.a@1", "r2 51", "r1 90 x r1.a@1", "r2 90 x r1.a@1"],
        faults: [{ atMs: 3, untilMs: 42, replicas: ["r2"], text: "cut off" }],
        convergenceBoundMs: 10,
      },
    },
    sentence:
      /^key x differs more than 10 ms after the last fault and write: r1 \(at 53 ms\) holds r1\.a@1, r2 \(at 53 ms\) holds nothing$/,
    guilty: [],
  },
  {
    what: "a session does not read its own write",
    model: "sessions",
    judge: "sessions",
    lines: [
      "c1 put x=a 1-2 r1.a@1",
      "c2 put x=b 3-4 r1.a@2",
      "c2 get x=a 5-6 r1.a@1",
      "c3 get x=a 7-8 r1.a@1",
    ],
    right: { 2: "c2 get x=b 5-6 r1.a@2" },
    sentence:
      /^client 2 got x = a .*, although its session had written newer before: client 2 put x = b .* \(read your writes\)$/,
    guilty: [1, 2],
  },
  {
    what: "a session's reads go back",
    model: "sessions",
    judge: "sessions",
    lines: [
      "c1 put x=a 1-2 r1.a@1",
      "c1 put x=b 3-4 r1.a@2",
      "c2 get x=b 5-6 r1.a@2",
      "c2 get x=a 7-8 r1.a@1",
    ],
    right: { 3: "c4 get x=a 7-8 r1.a@1" },
    sentence:
      /^client 2 got x = a .*, although its session had read newer before: client 2 got x = b .* \(monotonic reads\)$/,
    guilty: [2, 3],
  },
  {
    what: "a session's reads go back to nothing",
    model: "sessions",
    judge: "sessions",
    lines: ["c1 put x=a 1-2 r1.a@1", "c2 get x=a 5-6 r1.a@1", "c2 get x 7-8"],
    right: { 0: "c1 put x=a 1-2 r1.a@1", 2: "c2 get x 7-8 r1.a@5" },
    sentence: /^client 2 got x = nothing .* \(monotonic reads\)$/,
    guilty: [1, 2],
  },
  {
    what: "a session's second write is older than its first",
    model: "sessions",
    judge: "sessions",
    lines: ["c1 put x=a 1-2 r1.a@5", "c1 put x=b 3-4 r2.a@4"],
    right: { 1: "c1 put x=b 3-4 r2.a@6" },
    sentence:
      /^client 1 put x = b .*, which is older than what its session had written: client 1 put x = a .* \(monotonic writes\)$/,
    guilty: [0, 1],
  },
  {
    what: "a session writes below what it had read",
    model: "sessions",
    judge: "sessions",
    lines: ["c1 put x=a 1-2 r1.a@5", "c2 get x=a 3-4 r1.a@5", "c2 put x=b 5-6 r2.a@4"],
    right: { 1: "c3 get x=a 3-4 r1.a@5" },
    sentence:
      /^client 2 put x = b .*, which is older than what its session had read: client 2 got x = a .* \(writes follow reads\)$/,
    guilty: [1, 2],
  },
  {
    what: "a session that two clients share goes back",
    model: "sessions",
    judge: "sessions",
    lines: ["c1 put x=a 1-2 r1.a@5 session:s", "c2 get x 3-4 session:s"],
    right: { 1: "c2 get x 3-4 session:t" },
    sentence: /^client 2 got x = nothing .* \(read your writes\)$/,
    guilty: [0, 1],
  },
  {
    what: "a session's reads go back, known by values alone",
    model: "sessions",
    judge: "sessions",
    lines: ["c1 put x=a 1-2", "c1 put x=b 3-4", "c2 get x=b 5-6", "c2 get x=a 7-8"],
    right: { 2: "c2 get x=a 5-6" },
    sentence:
      /^client 2 got x = a .*, after client 2 got x = b .*: that goes back, because client 1 put x = a .* before client 1 put x = b/,
    guilty: [0, 1, 2, 3],
  },
  {
    what: "two sessions read two writes in contrary order, known by values alone",
    model: "sessions",
    judge: "sessions",
    lines: [
      "c1 put x=a 1-2",
      "c2 put x=b 1-2",
      "c3 get x=a 3-4",
      "c3 get x=b 5-6",
      "c4 get x=b 3-4",
      "c4 get x=a 5-6",
    ],
    right: { 4: "c5 get x=b 3-4" },
    sentence:
      /^client \d got x = \w .*: that goes back, because client \d got x = \w .* before client \d got x = \w/,
    guilty: [0, 1, 2, 3, 4, 5],
  },
  {
    what: "a session does not find its own write, known by values alone",
    model: "sessions",
    judge: "sessions",
    lines: ["c1 put x=a 1-2", "c1 get x 3-4", "c1 get x=a 5-6"],
    right: { 1: "c1 get x=a 3-4" },
    sentence: /^client 1 got x = nothing .* \(read your writes\)$/,
    guilty: [0, 1],
  },
  {
    what: "who saw an answer misses the question",
    model: "causal",
    judge: "causality",
    lines: [
      "c1 put x=q 1-2 r1.a@1",
      "c2 get x=q 3-4 r1.a@1",
      "c2 put y=w 5-6 r2.a@2",
      "c3 get y=w 7-8 r2.a@2",
      "c3 get x 9-10",
      "c4 get x=q 11-12 r1.a@1",
    ],
    right: { 4: "c3 get x=q 9-10 r1.a@1" },
    sentence:
      /^client 3 got x = nothing .*, although client 1 put x = q .* came before, by way of: client 2 got x = q .*; client 2 put y = w .*; client 3 got y = w/,
    guilty: [0, 1, 2, 3, 4],
  },
  {
    what: "who saw a session's second write misses its first, known by values alone",
    model: "causal",
    judge: "causality",
    lines: ["c1 put x=a 1-2", "c1 put y=b 3-4", "c2 get y=b 5-6", "c2 get x 7-8"],
    right: { 2: "c2 get y 5-6" },
    sentence:
      /^client 2 got x = nothing .*, although client 1 put x = a .* came before, by way of: client 1 put y = b .*; client 2 got y = b/,
    guilty: [0, 1, 2, 3],
  },
  {
    what: "who saw a later write reads an older value, known by values alone",
    model: "causal",
    judge: "causality",
    lines: ["c1 put x=a 1-2", "c1 put x=b 3-4", "c1 put y=c 5-6", "c2 get y=c 7-8", "c2 get x=a 9-10"],
    right: { 4: "c2 get x=b 9-10" },
    sentence: /^client 2 got x = a .*that goes back, because client 1 put x = a .* before client 1 put x = b/,
    guilty: [0, 1, 2, 3, 4],
  },
  {
    what: "an unknown write that was read, and answered, is missed",
    model: "causal",
    judge: "causality",
    lines: [
      "c1 put x=q 1-2 info:timeout",
      "c2 get x=q 3-4 r1.a@1",
      "c2 put y=w 5-6 r2.a@2",
      "c3 get y=w 7-8 r2.a@2",
      "c3 get x 9-10",
    ],
    right: { 1: "c4 get x=q 3-4 r1.a@1" },
    sentence:
      /^client 3 got x = nothing .*, although client 1 tried to put x = q, which may have happened .* came before/,
    guilty: [0, 1, 2, 3, 4],
  },
  {
    what: "a request times out although enough replicas were live",
    model: "linearizable",
    judge: "availability",
    lines: ["c1 put x=a 1-9 info:timeout need:2 live:2", "c2 get x=a 10-11 need:2 live:3"],
    right: { 0: "c1 put x=a 1-9 info:timeout need:2 live:1" },
    sentence:
      /^client 1 tried to put x = a, .* did not succeed, although 2 replicas were needed and 2 live all the time$/,
    guilty: [0],
  },
  {
    what: "a get is refused although enough replicas were live",
    model: "sessions",
    judge: "availability",
    lines: ["c1 get x 1-2 fail:unavailable need:2 live:3", "c2 get x 1-2"],
    right: { 0: "c1 get x 1-2 fail:overloaded need:2 live:3" },
    sentence:
      /^client 1 asked for x, which failed with unavailable, .* did not succeed, although 2 .* 3 live/,
    guilty: [0],
  },
  {
    what: "a request succeeds after its deadline",
    model: "causal",
    judge: "availability",
    lines: ["c1 put x=a 1-52 r1.a@1 need:1 live:1"],
    rest: { deadlineMs: 50 },
    right: { 0: "c1 put x=a 1-51 r1.a@1 need:1 live:1" },
    sentence:
      /^client 1 put x = a .* took 51\.0 of 50 ms, although 1 replicas were needed and 1 live all the time$/,
    guilty: [0],
  },
  {
    what: "a request is never answered",
    model: "quorum",
    judge: "availability",
    lines: ["c1 put x=a 1-2 info need:1 live:1", "c2 get x 3-4"],
    rest: { finals: ["r1 90", "r2 90"] },
    right: { 0: "c1 put x=a 1-2 info need:1" },
    sentence: /was never answered, although 1 /,
    guilty: [0],
  },
];

for (const { what, model, judge: name, lines, rest, right, sentence, guilty } of CASES) {
  Deno.test(`${model}: it is noticed when ${what}, and only then`, () => {
    const wrong = history(lines, rest);
    const verdict = judgeHistory(wrong, model);
    assert(verdict.outcome === "violated", `${verdict.outcome}: ${verdict.sentence}`);
    const [violation] = verdict.violations;
    assertMatch(verdict.sentence, sentence);
    assertEquals(violation.judge, name);
    const numbers = violation.operations.map((each) => wrong.operations.indexOf(each)).sort((a, b) => a - b);
    assertEquals(numbers, [...guilty], verdict.sentence);

    // Wrong in one way only: nobody else has anything to say.
    assertEquals(new Set(verdict.violations.map((each) => each.judge)), new Set([name]));
    // The smallest part shows the same, and the same is read from a file.
    if (guilty.length > 0) {
      const again = judgeHistory({ ...wrong, operations: violation.operations }, model);
      assert(again.outcome === "violated");
      assertEquals(again.violations.find((each) => each.judge === name), violation);
    }
    assertEquals(judge(encodeHistory(wrong), model).sentence, verdict.sentence);

    const twin = "rest" in right
      ? history(lines, right.rest as NonNullable<Case["rest"]>)
      : history(lines.map((line, index) => (right as Record<number, string>)[index] ?? line), rest);
    const twinVerdict = judgeHistory(twin, model);
    assertEquals(twinVerdict.outcome, "ok", twinVerdict.sentence);
  });
}

Deno.test("Every judge accuses somebody in these tests, and what only causality forbids the sessions allow", () => {
  assertEquals(new Set(CASES.map((each) => each.judge)).size, 7);
  for (const { judge: name, lines, rest } of CASES) {
    const wrong = history(lines, rest);
    if (name === "causality") assertEquals(judgeHistory(wrong, "sessions").outcome, "ok");
    if (name !== "sessions") continue;
    const verdict = judgeHistory(wrong, "causal");
    assert(verdict.outcome === "violated");
    assertEquals(verdict.violations.filter((each) => each.judge !== "sessions"), [], "told once");
  }
});

Deno.test("What cannot be told is unknown, and says why", () => {
  const cases: readonly [Model, readonly string[], Case["rest"], RegExp][] = [
    ["linearizable", [], {}, /^only 0 of 0 operations succeeded, which proves nothing$/],
    [
      "linearizable",
      ["c1 put x=a 1-2 info", "c1 get x 3-4", "c1 put x=b 5-6 fail:unavailable"],
      {},
      /^only 1 of 3 /,
    ],
    ["quorum", ["c1 put x=a 1-2 r1.a@1"], {}, /^fewer than two replicas were looked at in the end/],
    [
      "quorum",
      ["c1 put x=a 1-2"],
      { finals: ["r1 9 x r1.a@1", "r2 9 x r1.a@1"] },
      /^client 1 put x = a .* but no version is told/,
    ],
    ["quorum", ["c1 put x=a 1-2 r1.a@1"], {
      finals: ["r1 9 x r1.a@1", "r2 9 x r1.a@3"],
      convergenceBoundMs: 10,
    }, /^replicas differ, but were last looked at before the 10 ms were over/],
    [
      "sessions",
      ["c1 put x=a 1-2", "c1 put x=a 3-4", "c1 get x=a 5-6"],
      {},
      /^key x: value a was written more than once/,
    ],
  ];
  for (const [model, lines, rest, expected] of cases) {
    const verdict = judgeHistory(history(lines, rest), model);
    assertEquals(verdict.outcome, "unknown", verdict.sentence);
    assertMatch(verdict.sentence, expected);
  }
  assertMatch(judge("junk", "quorum").sentence, /^this is no history that can be judged: line 1: is no JSON/);
});

Deno.test("Compare-and-sets that lost count as done: they have seen something", () => {
  const lines = ["c1 put x=a 1-2", "c2 cas x=b>c 3-4 fail:conflict", "c3 cas x=b>c 3-4 fail:conflict"];
  assertEquals(judgeHistory(history(lines), "linearizable").outcome, "ok");
});

Deno.test("An ok verdict says what was looked at, and how soon the replicas were equal", () => {
  const right = history(["c1 put x=a 1-2 r1.a@1", "c2 get x=a 3-4 r1.a@1"], {
    finals: ["r1 10 x r1.a@1", "r2 10", "r2 32 x r1.a@1"],
  });
  assertEquals(
    judgeHistory(right, "quorum").sentence,
    "2 operations on 1 keys by 2 clients; 1 acknowledged writes were kept; " +
      "2 replicas were equal at most 30.0 ms after the last fault and write",
  );
  assertEquals(
    judgeHistory(right, "causal").sentence,
    "2 operations on 1 keys by 2 clients; 2 sessions only went forward; nobody missed what follows from what it saw",
  );
});
