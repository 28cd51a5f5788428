/** Histories that no causally consistent store shows, each by one pattern (`src/checker/causal_patterns.ts`). @module */
import type { WrongCase } from "./wrong_case.ts";

/** All of them. */
export const WRONG_CAUSALITY: readonly WrongCase[] = [
  {
    what: "two clients read what only followed from their own reads",
    model: "causal",
    judge: "causality",
    lines: ["c1 get x=a 1-5", "c1 put y=b 5-6", "c2 get y=b 2-5", "c2 put x=a 5-6", "c3 get x=a 7-8"],
    right: { 2: "c2 get y 2-5" },
    sentence:
      /^client \d got \w = \w .*, which led to what was read there: client \d put .*; client \d got .*; client \d put .* \(its own cause\)$/,
    guilty: [0, 1, 2, 3],
  },
  {
    what: "a version is read that follows from its own read, among equal values",
    model: "causal",
    judge: "causality",
    lines: [
      "c4 put x=a 0-1 r1.a@1",
      "c1 get x=a 2-3 r1.a@9",
      "c1 put y=b 4-5 r1.a@8",
      "c2 get y=b 6-7 r1.a@8",
      "c2 put x=a 8-9 r1.a@9",
    ],
    right: { 1: "c1 get x=a 2-3 r1.a@1" },
    sentence: /^client \d got .* \(its own cause\)$/,
    guilty: [0, 1, 2, 3, 4],
  },
  {
    what: "nothing is found, although the only deletion was overwritten before",
    model: "causal",
    judge: "causality",
    lines: [
      "c1 delete x 1-2",
      "c1 put x=a 3-4",
      "c1 put y=b 5-6",
      "c2 get y=b 7-8",
      "c2 get x 9-10",
      "c3 get x 1-2",
    ],
    right: { 0: "c3 delete x 0-1" },
    sentence:
      /^client 2 got x = nothing .*, although client 1 put x = a .* came before, by way of: .* \(a missed write\)$/,
    guilty: [0, 1, 2, 3, 4],
  },
  {
    what: "a write is read that another session had overwritten before",
    model: "causal",
    judge: "causality",
    lines: [
      "c1 put x=a 1-2",
      "c2 get x=a 3-4",
      "c2 put x=b 5-6",
      "c2 put y=c 7-8",
      "c3 get y=c 9-10",
      "c3 get x=a 11-12",
    ],
    right: { 1: "c4 get x=a 3-4" },
    sentence:
      /^client 3 got x = a .*, although client 2 put x = b .* had overwritten that and came before, by way of: .* \(an overwritten value\)$/,
    guilty: [0, 1, 2, 3, 4, 5],
  },
  {
    what: "two clients hold two writes for the later one, each knowing the other",
    model: "causal",
    judge: "causality",
    lines: [
      "c1 put x=a 1-2",
      "c1 put y=c 3-4",
      "c2 put x=b 1-2",
      "c2 put z=d 3-4",
      "c3 get y=c 5-6",
      "c3 get x=b 7-8",
      "c4 get z=d 5-6",
      "c4 get x=a 7-8",
    ],
    right: { 6: "c4 get z 5-6" },
    sentence:
      /^what was read fits no one order of all writes: client \d put x = \w .* comes before client \d put x = \w .*, as client \d got x = .*; client .* \(no order of all writes\)$/,
    guilty: [0, 1, 2, 3, 4, 5, 6, 7],
  },
  {
    what: "what two clients hold for the later write of two keys goes round",
    model: "causal",
    judge: "causality",
    lines: [
      "c1 put y=d 1-2",
      "c1 put x=a 3-4",
      "c1 put z=e 5-6",
      "c2 put x=b 1-2",
      "c2 put y=c 3-4",
      "c2 put w=f 5-6",
      "c3 get z=e 7-8",
      "c3 get x=b 9-10",
      "c4 get w=f 7-8",
      "c4 get y=d 9-10",
    ],
    right: { 9: "c4 get y=c 9-10" },
    sentence:
      /^what was read fits no one order of all writes: .* as client 3 got x = b .*; client 2 put x = b .* led to client 2 put y = c .*; .* as client 4 got y = d .*; client 1 put y = d .* led to client 1 put x = a/,
    guilty: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  },
  {
    what: "an unknown write that was read is older than what its session had written",
    model: "causal",
    judge: "causality",
    lines: ["c1 put x=a 1-2 r1.a@9", "c1 put x=b 3-4 info:timeout", "c2 get x=b 5-6 r2.a@4"],
    right: { 2: "c2 get x=b 5-6 r2.a@12" },
    sentence:
      /^client 2 got x = b .*, although client 1 put x = a .* came before, by way of: client 1 tried to put x = b.* \(older than what came before\)$/,
    guilty: [0, 1, 2],
  },
  {
    what: "one of two versions side by side is missed by who saw what followed from it",
    model: "causal",
    judge: "causality",
    lines: [
      "c1 put x=a 1-2 r1.a@1 seen:",
      "c2 put x=b 1-2 r2.a@2 seen:",
      "c1 put y=c 3-4 r1.a@3 seen:",
      "c3 get y=c 5-6 r1.a@3",
      "c3 get x=b 7-8 r2.a@2",
    ],
    right: { 4: "c3 get x=a|b 7-8 r1.a@1|r2.a@2" },
    sentence:
      /^client 3 got x = b \(r2\.a@2\) .*, although client 1 put x = a .* came before, by way of: .* \(a missed write\)$/,
    guilty: [0, 1, 2, 3, 4],
  },
  {
    what: "a version is returned beside the one that replaced it",
    model: "causal",
    judge: "causality",
    lines: [
      "c1 put x=a 1-2 r1.a@1 seen:",
      "c2 put x=b 3-4 r2.a@2 seen:r1.a@1",
      "c4 put x=c 3-9 r2.a@3 seen:",
      "c3 get x=a|b 7-8 r1.a@1|r2.a@2",
    ],
    right: { 1: "c2 put x=b 3-4 r2.a@2 seen:" },
    sentence:
      /^client 3 got x = b \| a \(r2\.a@2, r1\.a@1\) .*, although client 2 put x = b in place of r1\.a@1 .* had overwritten that/,
    guilty: [0, 1, 3],
  },
  {
    what: "somebody misses what came before, and does not say that the answer may be stale",
    model: "causal",
    judge: "causality",
    lines: [
      "c1 put x=a 1-2 r1.a@1",
      "c1 put y=b 3-4 r1.a@2",
      "c2 get y=b 5-6 r1.a@2 stale",
      "c2 get x 7-8 stale",
      "c2 get x 9-10",
    ],
    right: { 4: "c2 get x 9-10 stale" },
    sentence:
      /^client 2 got x = nothing at 9\.0.*, although client 1 put x = a .* came before, .* \(a missed write\)$/,
    guilty: [0, 1, 2, 4],
  },
  {
    what: "of versions side by side one is missed, after an answer that said it may be stale",
    model: "causal",
    judge: "causality",
    lines: [
      "c1 put x=a 1-2 r1.a@1 seen:",
      "c1 put y=b 3-4 r1.a@2 seen:",
      "c2 get y=b 5-6 r1.a@2",
      "c2 get x 7-8 stale",
      "c2 get x 9-10",
    ],
    right: { 4: "c2 get x=a 9-10 r1.a@1" },
    sentence:
      /^client 2 got x = nothing at 9\.0.*, although client 1 put x = a .* came before, .* \(a missed write\)$/,
    guilty: [0, 1, 2, 4],
  },
];
