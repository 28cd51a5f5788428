/** Histories that break what sessions promise, or availability, each in one way. @module */
import type { WrongCase } from "./wrong_case.ts";

/** All of them. */
export const WRONG_SESSIONS: readonly WrongCase[] = [
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
    sentence:
      /^client 2 got x = a .*, although client 1 put x = b .* had overwritten that and came before, by way of: .*\(an overwritten value\)$/,
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
      /^client 1 tried to put x = a, .* did not succeed, although it needed 2 replicas, and 2 live could serve all the time$/,
    guilty: [0],
  },
  {
    what: "a get is refused although enough replicas were live",
    model: "sessions",
    judge: "availability",
    lines: ["c1 get x 1-2 fail:unavailable need:2 live:3", "c2 get x 1-2"],
    right: { 0: "c1 get x 1-2 fail:overloaded need:2 live:3" },
    sentence:
      /^client 1 asked for x, which failed with unavailable, .* did not succeed, although it needed 2 replicas, and 3 live could/,
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
      /^client 1 put x = a .* took 51\.0 of 50 ms, although it needed 1 replica, and 1 live could serve all the time$/,
    guilty: [0],
  },
  {
    what: "a request is never answered",
    model: "quorum",
    judge: "availability",
    lines: ["c1 put x=a 1-2 info need:1 live:1", "c2 get x 3-4"],
    rest: { finals: ["r1 90", "r2 90"] },
    right: { 0: "c1 put x=a 1-2 info need:1" },
    sentence: /was never answered, although it needed 1 replica/,
    guilty: [0],
  },
  {
    what: "a session goes back again after an answer that said it may be stale, which excuses only itself",
    model: "sessions",
    judge: "sessions",
    lines: [
      "c1 put x=a 1-2 r1.a@1",
      "c1 put x=b 3-4 r1.a@2",
      "c1 get x=a 5-6 r1.a@1 stale",
      "c1 get x=a 7-8 r1.a@1",
    ],
    right: { 3: "c1 get x=a 7-8 r1.a@1 stale" },
    sentence:
      /^client 1 got x = a \(r1\.a@1\) at 7\.0.*, although its session had written newer before: .* \(read your writes\)$/,
    guilty: [1, 3],
  },
  {
    what: "a session goes back behind an answer that said it may be stale",
    model: "sessions",
    judge: "sessions",
    lines: [
      "c2 put x=a 1-2 r1.a@1",
      "c2 put x=b 3-4 r1.a@2",
      "c1 get x=b 5-6 r1.a@2 stale",
      "c1 get x=a 7-8 r1.a@1",
    ],
    right: { 3: "c1 get x=a 7-8 r1.a@1 stale" },
    sentence: /^client 1 got x = a .*, although .*: client 1 got x = b, maybe stale .* \(monotonic reads\)$/,
    guilty: [2, 3],
  },
  {
    what: "a get may be stale although all copies could answer",
    model: "causal",
    judge: "availability",
    lines: ["c1 get x 1-2 stale need:1 live:3", "c2 get x 1-2 stale need:1 live:2"],
    right: { 0: "c1 get x 1-2 stale need:1 live:2" },
    sentence:
      /^client 1 got x = nothing, maybe stale .*, although all 3 replicas with a copy could answer all the time$/,
    guilty: [0],
  },
];
