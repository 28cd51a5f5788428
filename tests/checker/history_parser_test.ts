/** Tests of `src/checker/history_parser.ts` and `history_encoder.ts`: what is written is read, what is wrong is named. @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import * as fc from "fast-check";
import { compareVersions, heldKey, type History, type Operation } from "../../src/checker/history.ts";
import { encodeHistory } from "../../src/checker/history_encoder.ts";
import { HISTORY_LINE_CHARS_MAX, parseHistory } from "../../src/checker/history_parser.ts";

const HEADER = `{"type":"history","format":1,"levels":{"TWO":2}}`;

function operationsOf(...lines: string[]): readonly Operation[] {
  const parsed = parseHistory([HEADER, ...lines].join("\n"));
  assert(parsed.ok, JSON.stringify(parsed));
  return parsed.value.operations;
}

function problemsOf(...lines: string[]): string[] {
  const parsed = parseHistory(lines.join("\n"));
  return parsed.ok ? [] : parsed.failure.map(({ line, message }) => `${line}: ${message}`);
}

const INVOKE = `{"type":"invoke","time_ms":5,"client":1,"op":"put","key":7,"value":"x","level":"TWO"}`;
const GET = `{"type":"invoke","time_ms":5,"client":1,"op":"get","key":"7","required":1}`;

Deno.test("A completion makes one operation of itself and what the client had begun", () => {
  const version = { stamp: 3, origin: "r1.a" };
  assertEquals(
    operationsOf(
      INVOKE,
      `{"type":"ok","time_ms":8,"client":1,"version":{"stamp":3,"origin":"r1.a"},"acked":["r1"]}`,
    ),
    [{
      client: 1,
      op: "put",
      key: "7",
      value: "x",
      required: 2,
      coordinator: "",
      invokedMs: 5,
      endedMs: 8,
      outcome: "ok",
      version,
      acked: ["r1"],
    }],
  );
});

Deno.test("A get that found nothing may say null or no value, and what has no completion is unknown", () => {
  for (const value of ["", `,"value":null`]) {
    const [get] = operationsOf(GET, `{"type":"ok","time_ms":8,"client":1${value}}`);
    assertEquals([get?.outcome, get?.value], ["ok", undefined]);
  }
  const [open] = operationsOf(INVOKE);
  assertEquals([open?.outcome, open?.endedMs, open?.gaveUpMs], ["info", Infinity, undefined]);
  const [unknown] = operationsOf(INVOKE, `{"type":"info","time_ms":9,"client":1,"code":"timeout"}`);
  assertEquals([unknown?.endedMs, unknown?.gaveUpMs, unknown?.code], [Infinity, 9, "timeout"]);
});

Deno.test("Lines of different clients need not stand in the order of time; spaces, CRs and empty lines do no harm", () => {
  const parsed = parseHistory(
    `\n${HEADER}\r\n  ${INVOKE}\r\n\r\n{"type":"invoke","time_ms":1,"client":2,"op":"get","key":7}\n\n`,
  );
  assert(parsed.ok);
  assertEquals(parsed.value.operations.map(({ client }) => client), [1, 2]);
});

Deno.test("A get may name several versions, in any order, and a replica hold several of one key", () => {
  const a = `{"stamp":1,"origin":"r1.a","value":"x"}`;
  const b = `{"stamp":2,"origin":"r2.b","value":null}`;
  const [get] = operationsOf(GET, `{"type":"ok","time_ms":8,"client":1,"value":"x","siblings":[${a},${b}]}`);
  const siblings = [{ stamp: 2, origin: "r2.b", value: null }, { stamp: 1, origin: "r1.a", value: "x" }];
  assertEquals([get?.value, get?.siblings], ["x", siblings]);

  const lines = [a, b].map((text) => {
    const { value, ...version } = JSON.parse(text);
    return JSON.stringify({ type: "final", replica: "r1", time_ms: 9, key: 7, version, value });
  });
  const parsed = parseHistory([HEADER, ...lines].join("\n"));
  assert(parsed.ok);
  assertEquals(parsed.value.snapshots?.[0]?.state.get("7"), { ...siblings[0]!, siblings });
  assertMatch(
    problemsOf(HEADER, ...lines, lines[0]!).join(),
    /^4: this version of key 7 of r1 .* told before$/,
  );

  for (
    const [text, expected] of [
      [a, /"siblings" names 1 versions; allowed: 2 or more/],
      [`${a},${a}`, /"siblings" names a version twice/],
      [`${a},{"stamp":2,"origin":"r2.b"}`, /"siblings" is an array of 2; allowed: .* "value", text or null/],
    ] as const
  ) {
    const line = `{"type":"ok","time_ms":8,"client":1,"value":"x","siblings":[${text}]}`;
    assertMatch(problemsOf(HEADER, GET, line).join(), expected);
  }
});

Deno.test("Each line that is wrong is named with its number and what is allowed", () => {
  const table: readonly [string, RegExp][] = [
    [`{"type":"invoke"`, /^2: is no JSON; each line is one JSON object$/],
    [`[1]`, /^2: an array of 1 is no object/],
    [
      `{"type":"invoice"}`,
      /^2: "type" is "invoice"; allowed: invoke, ok, fail, info, fault, disk_loss, clocks, final, holders$/,
    ],
    [`{"type":"invoke","client":1,"op":"get","key":7}`, /"time_ms" is missing; allowed: milliseconds/],
    [`{"type":"invoke","time_ms":-1,"client":1,"op":"get","key":7}`, /"time_ms" is -1; allowed: /],
    [`{"type":"invoke","time_ms":1,"client":"a","op":"get","key":7}`, /"client" is "a"; allowed: an integer/],
    [
      `{"type":"invoke","time_ms":1,"client":1,"op":"patch","key":7}`,
      /"op" is "patch"; allowed: get, put, delete, compare_and_set/,
    ],
    [
      `{"type":"invoke","time_ms":1,"client":1,"op":"get","key":7.5}`,
      /"key" is 7.5; allowed: text or an integer/,
    ],
    [`{"type":"invoke","time_ms":1,"client":1,"op":"get","key":"\\ud800"}`, /"key" is "\\ud800"/],
    [
      `{"type":"invoke","time_ms":1,"client":1,"op":"put","key":7}`,
      /"value" is missing; allowed: well-formed text/,
    ],
    [
      `{"type":"invoke","time_ms":1,"client":1,"op":"get","key":7,"value":"x"}`,
      /"value" has no meaning here; fields of such a line: type, client, time_ms, op/,
    ],
    [
      `{"type":"invoke","time_ms":1,"client":1,"op":"get","key":7,"lvel":"TWO"}`,
      /"lvel" has no meaning here/,
    ],
    [
      `{"type":"invoke","time_ms":1,"client":1,"op":"get","key":7,"__proto__":1}`,
      /"__proto__" has no meaning here/,
    ],
    [
      `{"type":"invoke","time_ms":1,"client":1,"op":"get","key":7,"level":"SIX"}`,
      /"level" is SIX, whose meaning the first line's "levels" does not tell/,
    ],
    [
      `{"type":"invoke","time_ms":1,"client":1,"op":"get","key":7,"required":-2}`,
      /"required" is -2; allowed: an integer from 0/,
    ],
    [`{"type":"ok","time_ms":1,"client":1}`, /^2: client 1 ends what it has not begun/],
    [`{"type":"fault","time_ms":5,"until_ms":4,"text":"x"}`, /"until_ms" is 4, before "time_ms", which is 5/],
    [`{"type":"fault","time_ms":5,"text":"x","replicas":"r1"}`, /"replicas" is "r1"; allowed: an array/],
    [`{"type":"disk_loss","time_ms":5}`, /"replica" is missing/],
    [`{"type":"clocks","spread_ms":"far"}`, /"spread_ms" is "far"; allowed: milliseconds/],
    [
      `{"type":"final","time_ms":5,"replica":"r1","key":7}`,
      /"version" is missing; allowed: an object of "stamp"/,
    ],
    [`{"type":"final","time_ms":5,"replica":"r1","value":"x"}`, /"value" has no meaning here/],
    [
      `{"type":"invoke","time_ms":1,"client":1,"op":"delete","key":7,"context":[{"stamp":1}]}`,
      /"context" is an array of 1; allowed: an array of at most 1000, each an object of "stamp"/,
    ],
    [
      `{"type":"invoke","time_ms":1,"client":1,"op":"get","key":7,"context":[]}`,
      /"context" has no meaning here/,
    ],
    [`{"type":"history","format":1}`, /"type" is "history"; allowed: invoke/],
  ];
  for (const [line, expected] of table) {
    const problems = problemsOf(HEADER, line);
    assertEquals(problems.length, 1, line);
    assertMatch(problems[0]!, expected);
  }
});

Deno.test("A client does one thing at a time, and its own lines stand in the order of time", () => {
  assertEquals(problemsOf(HEADER, INVOKE, GET), [
    "3: client 1 has not ended what it began in line 2; one client does one thing at a time",
  ]);
  assertEquals(problemsOf(HEADER, INVOKE, `{"type":"ok","time_ms":4,"client":1}`), [
    `3: "time_ms" is 4, before client 1's last line at 5`,
  ]);
  assertEquals(problemsOf(HEADER, INVOKE, `{"type":"ok","time_ms":9,"client":1}`, GET), [
    `4: "time_ms" is 5, before client 1's last line at 9`,
  ]);
  assertEquals(problemsOf(HEADER, INVOKE, `{"type":"ok","time_ms":9,"client":1,"value":"x"}`).length, 1);
});

Deno.test("A history begins with a header of a format that is known", () => {
  assertMatch(
    problemsOf("")[0]!,
    /^1: there is no line; allowed: a history begins with \{"type":"history","format":1\}$/,
  );
  assertMatch(problemsOf(INVOKE)[0]!, /^1: the first line is to be \{"type":"history"/);
  assertMatch(problemsOf(`{"type":"history","format":2}`)[0]!, /"format" is 2; allowed: 1/);
  assertMatch(
    problemsOf(`{"type":"history","format":1,"levels":{"TWO":"2"}}`)[0]!,
    /"levels" is an object; allowed: an/,
  );
});

Deno.test("Junk ends after twenty wrong lines, and a line or a nesting of any size does no harm", () => {
  assertEquals(problemsOf(HEADER, ...Array(1000).fill("junk")).length, 20);
  assertMatch(
    problemsOf(HEADER, "x".repeat(HISTORY_LINE_CHARS_MAX + 1))[0]!,
    /^2: has 6356993 characters; allowed: 6356992/,
  );
  assertEquals(problemsOf(HEADER, "[".repeat(1_000_000)).length, 1);
});

Deno.test("Whatever bytes come, the parser answers", () => {
  const field = fc.tuple(
    fc.constantFrom("type", "time_ms", "client", "op", "key", "value", "version", "replica", "text"),
    fc.oneof(
      fc.constantFrom("invoke", "ok", "final", "get", "put"),
      fc.integer(),
      fc.json(),
      fc.constant(null),
    ),
  );
  const line = fc.oneof(
    fc.string(),
    fc.array(field).map((fields) => JSON.stringify(Object.fromEntries(fields))),
  );
  fc.assert(fc.property(fc.array(line), (lines) => {
    problemsOf(HEADER, ...lines);
    problemsOf(...lines);
  }));
});

/** Any history, as a run may leave it. */
function histories(): fc.Arbitrary<History> {
  const version = fc.record({ stamp: fc.nat(99), origin: fc.constantFrom("r1.a", "r2.b") });
  const step = fc.record({
    client: fc.integer({ min: -1, max: 3 }),
    op: fc.constantFrom("get", "put", "delete", "compare_and_set"),
    outcome: fc.constantFrom("ok", "fail", "info"),
    key: fc.constantFrom("7", "λ\n"),
    value: fc.string({ unit: "binary" }),
    version: fc.option(version),
    others: fc.uniqueArray(version, { maxLength: 3, selector: ({ stamp, origin }) => `${stamp} ${origin}` }),
    waitMs: fc.nat(5),
    lastsMs: fc.nat(5),
    flag: fc.boolean(),
    acked: fc.subarray(["r1", "r2"]),
  });
  const snapshot = fc.record({
    replica: fc.constantFrom("r1", "r2", "r3"),
    held: fc.dictionary(
      fc.string(),
      fc.uniqueArray(fc.tuple(version, fc.constantFrom("x", null, undefined)), {
        minLength: 1,
        maxLength: 3,
        selector: ([{ stamp, origin }]) => `${stamp} ${origin}`,
      }),
    ),
  });
  return fc.record({
    steps: fc.array(step, { maxLength: 12 }),
    snapshots: fc.array(snapshot, { maxLength: 4 }),
    spread: fc.option(fc.nat(9)),
  })
    .map(
      ({ steps, snapshots, spread }) => {
        const clocks = new Map<number, number>();
        const operations = steps.map((draft): Operation => {
          const { client, op, outcome, key, value, flag, acked } = draft;
          const invokedMs = (clocks.get(client) ?? 0) + draft.waitMs;
          const endedMs = invokedMs + draft.lastsMs;
          clocks.set(client, endedMs);
          const hasValue = op === "get" ? outcome === "ok" && flag : op !== "delete";
          return {
            client,
            op,
            key,
            ...(hasValue ? { value } : {}),
            ...(op === "compare_and_set" && flag ? { expected: value } : {}),
            required: draft.lastsMs,
            coordinator: flag ? "r1" : "",
            invokedMs,
            ...(outcome === "info" ? { endedMs: Infinity, gaveUpMs: endedMs } : { endedMs }),
            outcome,
            ...(outcome === "ok" && draft.version ? { version: draft.version } : {}),
            ...(outcome === "ok" && op === "get" && draft.others.length > 1
              ? {
                siblings: draft.others.map((other) => ({ ...other, value: flag ? value : null }))
                  .sort((a, b) => compareVersions(b, a)),
              }
              : {}),
            ...((op === "put" || op === "delete") && flag ? { context: draft.others } : {}),
            acked,
            ...(outcome !== "ok" && flag ? { code: "timeout" } : {}),
            ...(flag ? { session: "s" } : {}),
            ...(flag ? { live: draft.waitMs } : {}),
          };
        });
        return {
          operations: operations.sort((a, b) => a.invokedMs - b.invokedMs),
          copies: 4,
          diskLosses: [{ replica: "r1", atMs: 3 }],
          clockSpreadMs: spread ?? Infinity,
          keyspace: "main",
          replicas: ["r1", "r2"],
          faults: [{ atMs: 1, untilMs: 4, replicas: ["r2"], text: "cut off" }, {
            atMs: 2,
            replicas: [],
            text: "heal",
          }],
          snapshots: snapshots.map(({ replica, held }, index) => ({
            replica,
            atMs: index,
            state: new Map(
              Object.entries(held).map(([key, versions]) => {
                const [first, ...others] = versions.map(([named, text]) => ({
                  ...named,
                  ...(text === undefined ? {} : { value: text }),
                }));
                return [key, heldKey([first!, ...others])];
              }),
            ),
          })),
        };
      },
    );
}

Deno.test("What the encoder writes the parser reads, whatever happened", () => {
  fc.assert(
    fc.property(histories(), (history) => {
      const parsed = parseHistory(encodeHistory(history));
      assert(parsed.ok, JSON.stringify(parsed));
      const byClient = ({ operations }: History): readonly Operation[] =>
        [...operations].sort((a, b) => a.client - b.client);
      assertEquals({ ...parsed.value, operations: byClient(parsed.value) }, {
        ...history,
        operations: byClient(history),
      });
    }),
    { numRuns: 50 },
  );
});
