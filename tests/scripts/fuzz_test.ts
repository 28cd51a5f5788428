/** Tests of what `deno task fuzz` is made of: drawn lines, what goes wrong with them, and the judge. @module */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Histogram } from "../../scripts/bench/histogram.ts";
import { Budget } from "../../scripts/fuzz/budget.ts";
import {
  drawRightFault,
  drawWrongFault,
  type Expected,
  objectionTo,
} from "../../scripts/fuzz/fault_grammar.ts";
import { drawMessage, drawRequest, type Json } from "../../scripts/fuzz/grammar.ts";
import {
  growthOf,
  LENIENT,
  type Observations,
  STRICT,
  strictnessOf,
  unprovedOf,
  violationsOf,
} from "../../scripts/fuzz/judge.ts";
import { drawCostly, drawHttp, drawSmuggled } from "../../scripts/fuzz/http_grammar.ts";
import { KnownKey } from "../../scripts/fuzz/known_key.ts";
import { drawHostileText, mutateBytes, mutateJson } from "../../scripts/fuzz/mutation.ts";
import { Latencies, type Times } from "../../scripts/fuzz/latencies.ts";
import { parseFuzzOptions } from "../../scripts/fuzz/options.ts";
import { excusedOf, stalledMs, type Undone } from "../../scripts/fuzz/stalls.ts";
import type { Target } from "../../scripts/fuzz/target.ts";
import { fail, ok, type Result } from "../../src/base/failure.ts";
import { Random } from "../../src/base/random.ts";
import { Faults } from "../../src/host/faults.ts";
import { ChunkedBody } from "../../src/http/chunked_body.ts";
import { parseRequestHead } from "../../src/http/request_head.ts";
import type { Failure } from "../../src/protocol/error_codes.ts";
import { parseMessageLine } from "../../src/transport/message_codec.ts";
import { encodeReply } from "../../src/transport/reply_codec.ts";
import { parseRequestLine } from "../../src/transport/request_codec.ts";

const NOW_MS = Date.UTC(2026, 0, 1);

Deno.test("What the fuzzer draws as valid is valid", () => {
  const random = new Random(1);
  for (let count = 0; count < 500; count++) {
    const requests = parseRequestLine(JSON.stringify(drawRequest(random)));
    assert(requests.ok && requests.value[0]!.isRequest, JSON.stringify(requests));
    const message = JSON.stringify([drawMessage(random, NOW_MS)]);
    assertEquals(parseMessageLine(message)!.skippedCount, 0, message);
  }
});

Deno.test("Faults that the fuzzer draws as right are, are short, and those drawn as wrong are refused", () => {
  const random = new Random(2);
  const place = { selfId: "r1", absentId: "r5" };
  const replica = new Faults({
    selfId: "r1",
    memberIds: ["r1", "r2", "r5"],
    nowMs: () => 0,
    after: () => () => {},
    draw: () => 0.5,
    onChange: () => {},
  });
  const answerTo = (request: Json): Json => {
    const requests = parseRequestLine(JSON.stringify(request));
    assert(requests.ok);
    const parsed = requests.value[0]!;
    if (!parsed.isRequest) return JSON.parse(encodeReply(1, fail(parsed.failure)));
    assert(parsed.request.op === "fault");
    return JSON.parse(encodeReply(1, replica.answer(parsed.request)));
  };
  for (let count = 0; count < 2000; count++) {
    const right = { id: 1, ...drawRightFault(random, place) };
    assertEquals(objectionTo(answerTo(right), "done"), undefined, JSON.stringify(right));
    const wrong = { id: 1, ...drawWrongFault(random, place) };
    assertEquals(objectionTo(answerTo(wrong), "refused"), undefined, JSON.stringify(wrong));
  }
});

Deno.test("An answer to a fault that is not as it must be is objected to", () => {
  const done = { ok: true, faults: [{ kind: "pause", left_ms: 10 }] };
  const refused = { ok: false, error: "malformed_request", definite: true };
  const cases: readonly [Json, Expected, string][] = [
    [done, "refused", "a fault that had to be refused was done"],
    [{ ...refused, error: "internal" }, "refused", "in another way"],
    [{ ...refused, definite: false }, "refused", "in another way"],
    [refused, "done", "a right fault was not done"],
    [{ ok: true }, "done", "a right fault was not done"],
    [{ ok: true, faults: [{ kind: "pause", left_ms: 60_000 }] }, "done", "lasts longer"],
    [null, "done", "no answer"],
  ];
  for (const [answer, expected, objection] of cases) {
    assertStringIncludes(objectionTo(answer, expected) ?? "", objection);
  }
  assertEquals(objectionTo({ ok: false, error: "overloaded" }, "done"), undefined);
});

Deno.test("What the fuzzer mutates follows from the seed, mostly differs, and makes no parser throw", () => {
  const lines = (seed: number): string[] => {
    const random = new Random(seed);
    return Array.from({ length: 500 }, () => {
      const request = drawRequest(random);
      const bytes = mutateBytes(random, new TextEncoder().encode(JSON.stringify(request)));
      return [JSON.stringify(mutateJson(random, request)), new TextDecoder().decode(bytes)];
    }).flat();
  };
  const drawn = lines(7);
  assertEquals(drawn, lines(7));
  assert(drawn.join() !== lines(8).join());
  let refusedCount = 0;
  for (const line of drawn) {
    const requests = parseRequestLine(line);
    if (!requests.ok || requests.value.some(({ isRequest }) => !isRequest)) refusedCount++;
    parseMessageLine(line);
  }
  assert(
    refusedCount > drawn.length / 3 && refusedCount < drawn.length,
    `${refusedCount} of ${drawn.length}`,
  );
});

Deno.test("What the fuzzer draws as valid over HTTP is read as one request, and what smuggles is refused", () => {
  const random = new Random(9);
  const target: Target = {
    cluster: "fuzz",
    replicas: [],
    absentId: "r5",
    digest: {},
    hasFaults: false,
    secret: "a secret of sixteen characters",
  };
  let refusedCount = 0;
  for (let count = 0; count < 1000; count++) {
    const { text, mustBeRefused } = drawHttp(random, target);
    const end = text.indexOf("\r\n\r\n");
    const head = parseRequestHead(text.slice(0, end));
    assert(head.ok, text.slice(0, 300));
    const body = new TextEncoder().encode(text.slice(end + 4));
    if (head.value.length === "chunked") {
      assertEquals(new ChunkedBody(1e6).feed(body), { state: "ended", used: body.length }, text);
    } else assertEquals(head.value.length, body.length, text);
    const isProved = text.includes(`Authorization: Bearer ${target.secret}\r\n`);
    if (mustBeRefused) assert(!isProved, text);
    refusedCount += Number(mustBeRefused);
  }
  assert(refusedCount > 50 && refusedCount < 500, String(refusedCount));
  for (let count = 0; count < 500; count++) {
    const text = drawSmuggled(random);
    const head = parseRequestHead(text.slice(0, text.indexOf("\r\n\r\n")));
    assert(!head.ok, text);
    const costly = drawCostly(random, target);
    parseRequestHead(costly.slice(0, costly.indexOf("\r\n\r\n")));
  }
});

Deno.test("Names that mean something to JavaScript reach the wire as fields", () => {
  const random = new Random(3);
  const texts = Array.from(
    { length: 2000 },
    () => JSON.stringify(mutateJson(random, { id: 1, op: "get", key: 7 })),
  );
  for (const name of ["__proto__", "constructor", "toString"]) {
    assert(texts.some((text) => text.includes(`"${name}":`)), name);
  }
});

Deno.test("Hostile texts make no parser throw", () => {
  const random = new Random(5);
  for (let count = 0; count < 200; count++) {
    const line = drawHostileText(random);
    parseRequestLine(line);
    parseMessageLine(line);
  }
});

function times(...us: number[]): Times {
  const histogram = new Histogram();
  for (const one of us) histogram.add(one);
  return { all: histogram, unstalled: histogram };
}

/** A polite request that a replica says it did not do in time. */
function late(beganMs: number, endedMs: number): Undone {
  return { beganMs, endedMs, isLate: true, text: "put: timeout" };
}

function goodRun(): Observations {
  return {
    deaths: [],
    complaints: [],
    undoneCount: 0,
    undone: [],
    requestCount: 1000,
    spent: new Budget().spent,
    hasAttackerEnded: false,
    standstill: { count: 0, worstMs: 0 },
    load: { max: 1, processors: 2 },
    disk: { stalls: [], watchedMs: 60_000, worstMs: 20 },
    quiet: times(2000),
    attacked: times(5000),
    rssBytes: { r1: [100, 110] },
  };
}

Deno.test("Only what was late, while the disk stood still for half of its time, is excused", () => {
  const stalls = [{ beganMs: 1000, endedMs: 2100 }, { beganMs: 5000, endedMs: 5300 }];
  assertEquals(stalledMs({ beganMs: 0, endedMs: 5100 }, stalls), 1200);
  const [hit, before, halfway, short] = [late(900, 2900), late(0, 1000), late(1600, 3600), late(4000, 6000)];
  const refused = { ...hit, isLate: false, text: "put: unavailable" };
  const undone = [hit, before, halfway, short, refused];
  assertEquals(excusedOf(undone, stalls), [hit]);
  assertEquals(excusedOf(undone, []), []);

  const disk = { stalls, watchedMs: 600_000, worstMs: 1100 };
  const run = { ...goodRun(), disk };
  assertEquals(violationsOf({ ...run, undoneCount: 1, undone: [hit] }, STRICT), []);
  assertEquals(violationsOf({ ...run, undoneCount: 2, undone: [hit, refused] }, STRICT), [
    "1 of 1000 polite requests were not done",
    "put: unavailable",
  ]);
  // What nobody kept is nobody's excuse.
  assertEquals(violationsOf({ ...run, undoneCount: 2, undone: [hit] }, STRICT).length, 1);
  for (const change of [{ deaths: ["r1"] }, { complaints: ["wrong value"] }]) {
    assertEquals(violationsOf({ ...run, undoneCount: 1, undone: [hit], ...change }, STRICT).length, 1);
  }
});

Deno.test("A run in which the disk stood still for more than 1 % of the time says that it proves nothing about lateness", () => {
  const stalls = [{ beganMs: 1000, endedMs: 2000 }];
  assertEquals(unprovedOf(goodRun()), []);
  assertEquals(unprovedOf({ ...goodRun(), disk: { stalls, watchedMs: 100_000, worstMs: 1000 } }), []);
  const [text] = unprovedOf({ ...goodRun(), disk: { stalls, watchedMs: 50_000, worstMs: 1000 } });
  assertStringIncludes(text ?? "", "lateness: the disk stood still for 2.0 % of the time");
});

Deno.test("Times are told with the moments in which the disk stood still, and without", () => {
  const latencies = new Latencies();
  latencies.add(1000, 5);
  latencies.add(1200, 50);
  latencies.add(1500, 900);
  latencies.add(4000, 300);
  const { all, unstalled } = latencies.times([{ beganMs: 1400, endedMs: 2300 }]);
  assertEquals([all.count, all.maxUs], [4, 900_000]);
  assertEquals([unstalled.count, unstalled.maxUs], [3, 300_000]);
  const short = latencies.times([{ beganMs: 1400, endedMs: 1700 }]);
  assertEquals([short.unstalled.count, short.unstalled.maxUs], [4, 900_000], "0.2 s explain no 0.9 s");
});

Deno.test("The judge objects to deaths, complaints, growth, slowness, whoever was let in, and runs that prove nothing", () => {
  const good = goodRun();
  assertEquals(violationsOf(good, STRICT), []);
  const bad: readonly [Partial<Observations>, string][] = [
    [{ deaths: ["r1 was ended by SIGSEGV"] }, "a replica died: r1 was ended by SIGSEGV"],
    [{ complaints: ["get: timeout"] }, "get: timeout"],
    [{ spent: { ...good.spent, breaches: { replayed_proof: 2 } } }, "2 of replayed_proof were let in"],
    [
      { spent: { ...good.spent, objections: { "a right fault was not done": { count: 3, example: "{}" } } } },
      "a right fault was not done (3 of them), first {}",
    ],
    [{ undoneCount: 10 }, "10 of 1000 polite requests were not done"],
    [{ hasAttackerEnded: true }, "nothing was proved"],
    [{ disk: undefined }, "the probe of the disk ended by itself"],
    [{ quiet: times() }, "nothing was proved"],
    [{ attacked: times(7000) }, "p99 of polite requests is 7000 µs under attack, 3.5 times"],
    [{ rssBytes: { r1: [100, 130] } }, "r1 grew from 100 to 130 bytes, 1.30 times; allowed: 1.2"],
  ];
  for (const [change, expected] of bad) {
    const violations = violationsOf({ ...good, ...change }, STRICT);
    assertEquals(violations.length, 1, expected);
    assertStringIncludes(violations[0]!, expected);
  }
  const slow = {
    ...good,
    undoneCount: 10,
    undone: [late(0, 2000)],
    attacked: times(70_000),
    rssBytes: { r1: [100, 130] },
  };
  assertEquals(violationsOf(slow, LENIENT), []);
  assertEquals(violationsOf({ ...slow, undoneCount: 100 }, LENIENT).length, 2);
  const still = { count: 3, worstMs: 900 };
  assertEquals(violationsOf({ ...slow, undoneCount: 100, standstill: still }, LENIENT), []);
  assertStringIncludes(
    violationsOf({ ...slow, undoneCount: 900, standstill: still }, LENIENT)[0] ?? "",
    "900 of 1000 polite requests were not done",
  );
});

Deno.test("The longer a cluster is attacked, the more is asked of it", () => {
  const slow = { quiet: times(2000), attacked: times(70_000) };
  const grown = { rssBytes: { r1: [100, 130] } };
  assertEquals(violationsOf({ ...goodRun(), ...slow, ...grown }, strictnessOf(10)), []);
  assertEquals(violationsOf({ ...goodRun(), ...slow }, strictnessOf(30)).length, 1);
  assertEquals(violationsOf({ ...goodRun(), ...grown }, strictnessOf(30)).length, 1);
});

Deno.test("A size is told by many looks at both ends, and by its peak", () => {
  const looks = [...Array(10).fill(100), 900, ...Array(79).fill(150), ...Array(10).fill(110)];
  looks[3] = 1000;
  assertEquals(growthOf(looks), { startBytes: 100, endBytes: 110, peakBytes: 1000 });
});

Deno.test("A wrong flag of the fuzzer is refused with what is allowed", () => {
  assertEquals(parseFuzzOptions([], 9).seed, 9);
  assertEquals(parseFuzzOptions(["--secret", "yes", "--faults", "no", "--seconds", "20"], 9).clusters, [
    { hasSecret: true, hasFaults: false },
  ]);
  assertEquals(parseFuzzOptions([], 9).clusters, [
    { hasSecret: true, hasFaults: false },
    { hasSecret: false, hasFaults: true },
  ]);
  assertEquals(parseFuzzOptions(["--secret", "yes"], 9).clusters.map(({ hasFaults }) => hasFaults), [
    false,
    true,
  ]);
  assertThrows(() => parseFuzzOptions(["--faults", "perhaps"], 9), TypeError, "allowed: yes, no, both");
  assertThrows(
    () => parseFuzzOptions(["--seconds", "1"], 9),
    TypeError,
    "--seconds 1: not a number allowed here; allowed: 10 to",
  );
  assertThrows(() => parseFuzzOptions(["--secret", "perhaps"], 9), TypeError, "allowed: yes, no, both");
  assertThrows(() => parseFuzzOptions(["twice"], 9), TypeError, "fuzz takes flags only");
});

Deno.test("A key may hold what was acknowledged last, or what nobody knows of since, and never what was refused (H15)", () => {
  const key = new KnownKey();
  const failed = (code: Failure["code"], more: Partial<Failure> = {}): Result<never, Failure> =>
    fail({ code, message: "no", ...more });
  key.onPut("a", failed("timeout"));
  assert(!key.isPut);
  key.onPut("b", ok({}));
  assertEquals(key.allowed, ["b"]);
  key.onPut("c", failed("timeout"));
  key.onPut("d", failed("unavailable"));
  key.onPut("e", failed("overloaded"));
  key.onPut("f", failed("disk_full", { definite: false }));
  assertEquals(key.allowed, ["b", "c", "f"]);
});
