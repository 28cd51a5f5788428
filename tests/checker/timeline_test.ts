/** Tests of `src/checker/timeline.ts` and its parts: what the page of a judged history holds, and what it must not do. @module */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as fc from "fast-check";
import type { History } from "../../src/checker/history.ts";
import { judgeHistory } from "../../src/checker/judge.ts";
import { renderTimeline } from "../../src/checker/timeline.ts";
import { TimeAxis } from "../../src/checker/timeline_axis.ts";
import { cutText, escapeText } from "../../src/checker/timeline_markup.ts";
import { faultKind } from "../../src/checker/timeline_story.ts";
import { TIMELINE_SCRIPT, TIMELINE_SCRIPT_HASH } from "../../src/checker/timeline_style.ts";
import type { Verdict } from "../../src/checker/verdict.ts";
import { history } from "./history_notation.ts";
import { longHistory, operation, staleRead } from "./timeline_stories.ts";

const WIDTHS = { first: 5, median: 20, last: 60 };

/** The part of a page that starts with this and ends before that. */
function part(page: string, start: string, end: string): string {
  const from = page.indexOf(start);
  assert(from >= 0, `the page lacks ${start}`);
  const until = page.indexOf(end, from);
  return page.slice(from, until < 0 ? undefined : until);
}

/** Start tags of operations. */
function operationTags(markup: string): string[] {
  return markup.match(/<g class="op [^>]*data-k[^>]*>|<g class="op [^>]*tabindex[^>]*>/g) ?? [];
}

function wideLanes(page: string): string {
  return part(page, '<g id="wide-lanes"', '<div class="strips"');
}

Deno.test("The whole history shows every operation once, in the picture and in the table", () => {
  for (const { history, verdict } of [staleRead(), longHistory()]) {
    const page = renderTimeline(history, verdict);
    assertEquals(operationTags(wideLanes(page)).length, history.operations.length);
    const rows = part(page, "<summary>All operations", "</table>").match(/<tr class=/g) ?? [];
    assertEquals(rows.length, history.operations.length);
  }
});

Deno.test("The guilty operations are marked, numbered by time and shown by themselves", () => {
  const { history, verdict } = longHistory();
  const page = renderTimeline(history, verdict);
  assertEquals(operationTags(wideLanes(page)).filter((tag) => tag.includes(" guilty")).length, 2);
  assertEquals(operationTags(part(page, '<g id="close-lanes"', '<div class="strips"')).length, 2);
  const table = part(page, "The smallest history that still shows it</caption>", "</table>");
  const rows = [
    ...table.matchAll(/<tr class="ok guilty"><th scope="row">(\d)<\/th><td>\d<\/td><td>(\w+)<\/td>/g),
  ];
  assertEquals(rows.map(([, number, op]) => [number, op]), [["1", "put"], ["2", "get"]]);
});

Deno.test("The sentence of the verdict is the heading, and the title", () => {
  const { history, verdict } = staleRead();
  const page = renderTimeline(history, verdict);
  assertStringIncludes(page, `<h1>${escapeText(verdict.sentence)}</h1>`);
  assertStringIncludes(page, "<title>quartet: violated. client 4 got 7 = pear");
  assertStringIncludes(page, '<div class="stamp">✗ VIOLATED</div>');
});

Deno.test("A good history and an unknown one have a picture and nobody guilty", () => {
  for (const outcome of ["ok", "unknown"] as const) {
    const verdict: Verdict = { outcome, sentence: "a sentence" };
    const page = renderTimeline(staleRead().history, verdict);
    assert(!/<g [^>]*class="op [^"]*guilty"[^>]*data-k/.test(page));
    assert(!page.includes("The operations that show it"));
    assertStringIncludes(page, `<body class="${outcome}">`);
    assertStringIncludes(page, 'aria-label="Legend"');
  }
});

Deno.test("An empty history, and one in which only the copies differ, have a page too", () => {
  const empty: History = { operations: [], copies: 4, diskLosses: [], clockSpreadMs: Infinity };
  assertStringIncludes(
    renderTimeline(empty, { outcome: "ok", sentence: "nothing was done" }),
    "0 operations",
  );
  const { history } = staleRead();
  const violation = { judge: "convergence", sentence: "key 7 differs", operations: [] } as const;
  const verdict: Verdict = { outcome: "violated", sentence: "key 7 differs", violations: [violation] };
  const page = renderTimeline(history, verdict);
  const held = part(page, "What each replica holds in the end", "</table>");
  for (const text of ["apple (#2)", "pear (#1)"]) assertStringIncludes(held, text);
});

Deno.test("Unknown outcomes stay open, and all that is known of an operation can be read", () => {
  const { history, verdict } = staleRead();
  const page = renderTimeline(history, verdict);
  const lanes = wideLanes(page);
  assertEquals((lanes.match(/class="maybe"/g) ?? []).length, 1);
  assertStringIncludes(
    lanes,
    "<title>At 105 ms client 3 asks r4 to put key 7 = “plum”; 2 copies must answer. No answer (timeout): it may take " +
      "effect at any later time, or never.</title>",
  );
  assertStringIncludes(
    lanes,
    "At 30 ms client 1 asks r1 to set key 8 to “new” if it holds “old”; 2 copies must answer. At 41 ms it is done as " +
      "version #1 (r1.a@61440). Acknowledged by r1, r3.",
  );
  assertStringIncludes(lanes, "<title>r4: cut off from r1, r2, from 60 ms to 350 ms</title>");
});

Deno.test("Whatever a history says is shown and never obeyed", () => {
  const attacks = [
    `</script><script>alert(1)</script>`,
    `</style><img src=x onerror=alert(1)>`,
    `"'><svg onload=alert(1)>`,
    "--><!--",
    "\u202egnp.exe\u0000\u200b",
    "\ud800",
    "javascript:alert(1)",
    "http://example.org/x.js",
  ];
  const plain = renderTimeline(...pair(staleRead()));
  const tagsOf = (page: string): string[] => (page.match(/<\/?[a-zA-Z!][^\s>]*/g) ?? []).sort();
  for (const attack of attacks) {
    const { history, verdict } = staleRead(attack);
    const hostile: History = {
      ...history,
      keyspace: attack,
      replicas: [...history.replicas!, attack],
      faults: [...history.faults!, { atMs: 110, untilMs: 155, replicas: [attack], text: attack }],
      operations: [
        ...history.operations,
        operation({
          key: attack,
          value: attack,
          expected: attack,
          op: "compare_and_set",
          code: attack,
          acked: [attack],
        }),
        operation({
          invokedMs: 101,
          coordinator: attack,
          outcome: "info",
          version: { stamp: 1, origin: attack },
        }),
      ],
      diskLosses: [{ replica: attack, atMs: 3 }],
    };
    const page = renderTimeline(hostile, verdict);
    const known = new Set(tagsOf(plain));
    assertEquals(tagsOf(page).filter((tag) => !known.has(tag)), []);
    assertEquals((page.match(/<script/g) ?? []).length, 1);
    assert(page.isWellFormed(), "half a character is on the page");
    for (const unit of "\u0000\u202e\u200b") {
      assert(!page.includes(unit), "a hidden character is on the page");
    }
    // Outside of quoted attribute values there is no room for handlers.
    assert(!/<[^>"]*(?:"[^"]*"[^>"]*)*\son\w+=/.test(page), "an event handler stands in a tag");
  }
});

Deno.test("The page reaches for nothing outside, and lets only its own script run", async () => {
  const page = renderTimeline(...pair(longHistory()));
  assert(
    !/https?:|\/\/[a-z]|@import|url\((?!#)|<link|<img|<iframe|\ssrc=/.test(page),
    "something is fetched",
  );
  for (const [, target] of page.matchAll(/href="([^"]*)"/g)) assert(target!.startsWith("#"), target);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(TIMELINE_SCRIPT));
  const hash = `sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}`;
  assertEquals(TIMELINE_SCRIPT_HASH, hash, "TIMELINE_SCRIPT has changed: so must TIMELINE_SCRIPT_HASH");
  assertStringIncludes(page, `script-src '${hash}'`);
});

Deno.test("The same history gives the same page, and a small one the page that was reviewed", async () => {
  const page = renderTimeline(...pair(staleRead("a <b> & \u202e“c”")));
  assertEquals(renderTimeline(...pair(staleRead("a <b> & \u202e“c”"))), page);
  const file = new URL("testdata/timeline_small.htm", import.meta.url);
  if (Deno.env.get("UPDATE") === "1") await Deno.writeTextFile(file, page);
  const reviewed = await Deno.readTextFile(file);
  assert(page === reviewed, `${file.pathname} is another page; UPDATE=1 rewrites it, a browser shows it`);
});

Deno.test("Of a huge history the page shows the guilty operations and what is near", () => {
  const { history, verdict } = longHistory(7, 4000);
  const page = renderTimeline(history, verdict);
  const tags = operationTags(wideLanes(page));
  assertEquals(tags.length, 1000);
  assertEquals(tags.filter((tag) => tag.includes(" guilty")).length, 2);
  assertStringIncludes(page, "Of 4000 operations these are the 1000 nearest to the guilty ones.");
});

Deno.test("Of a huge history in which nobody is guilty the page shows the beginning", () => {
  const { history } = longHistory(7, 4000);
  const page = renderTimeline(history, { outcome: "ok", sentence: "all is well" });
  assertEquals(operationTags(wideLanes(page)).length, 1000);
  assertStringIncludes(page, "Of 4000 operations these are the first 1000.");
});

Deno.test("Faults of real and of simulated clusters are drawn as the legend shows them", () => {
  const kinds: readonly (readonly [string, string])[] = [
    ["cut from r1 r2", "cut"],
    ["nothing goes to r1", "cut"],
    ["nothing comes from r1", "cut"],
    ["cut off from r1, r2", "cut"],
    ["nothing of it reaches r1", "cut"],
    ["did not answer: nobody listens at 127.0.0.1:7411, and started again", "down"],
    ["did not answer: paused on purpose", "paused"],
    ["paused", "paused"],
    ["killed", "down"],
    ["clock 5.0 s ahead", "other"],
    ["each line 5 ms late", "other"],
  ];
  for (const [text, kind] of kinds) assertEquals(faultKind({ atMs: 0, replicas: ["r1"], text }), kind, text);
  const legend = part(renderTimeline(...pair(staleRead())), 'aria-label="Legend"', "</ul>");
  for (const kind of new Set(kinds.map(([, name]) => name))) assertStringIncludes(legend, `span ${kind}`);
});

Deno.test("Bars of one client never lie over each other", () => {
  const { history, verdict } = longHistory(3);
  // As if one client had done it all: most operations overlap.
  const operations = history.operations.map((each) => ({ ...each, client: 1 }));
  const page = renderTimeline({ ...history, operations }, verdict);
  const bars = [...wideLanes(page).matchAll(/<rect class="bar" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"/g)]
    .map(([, x, y, width]) => ({ x: Number(x), y: Number(y), end: Number(x) + Number(width) }));
  assertEquals(bars.length, 200);
  for (const y of new Set(bars.map((bar) => bar.y))) {
    const row = bars.filter((bar) => bar.y === y).sort((a, b) => a.x - b.x);
    for (const [index, bar] of row.entries()) assert(index === 0 || row[index - 1]!.end <= bar.x + 0.01);
  }
});

Deno.test("The axis keeps the order of all times and never goes back", () => {
  fc.assert(fc.property(
    fc.array(fc.double({ min: 0, max: 1e7, noNaN: true }), { minLength: 1, maxLength: 60 }),
    fc.double({ min: -10, max: 1.1e7, noNaN: true }),
    (instants, anyMs) => {
      const axis = new TimeAxis(instants, WIDTHS);
      const sorted = [...new Set(instants)].sort((a, b) => a - b);
      for (const [index, ms] of sorted.entries()) {
        if (index > 0) assert(axis.x(ms) - axis.x(sorted[index - 1]!) >= WIDTHS.first - 1e-6);
      }
      for (const ms of sorted) {
        assert(ms <= anyMs ? axis.x(ms) <= axis.x(anyMs) : axis.x(ms) >= axis.x(anyMs));
      }
      assert(axis.x(anyMs) >= 0 && axis.x(anyMs) <= axis.width);
      const ticks = axis.ticks();
      for (const [index, { ms, x }] of ticks.entries()) {
        assertEquals(axis.x(ms), x);
        assert(index === 0 || x - ticks[index - 1]!.x >= 76 - 1e-6, "ticks overlap");
      }
    },
  ));
});

Deno.test("Ticks are round, also where time counts from a wall clock's reading", () => {
  const originMs = 1_732_093_800_123;
  const instants = Array.from({ length: 60 }, (_, index) => originMs + 7.5 * index);
  const ticks = new TimeAxis(instants, WIDTHS).ticks(originMs).map(({ ms }) => ms - originMs);
  assert(ticks.length > 5);
  for (const ms of ticks) assertEquals(ms % 10, 0);
});

Deno.test("A history in wall-clock time counts from its first request, and its ticks are round", () => {
  const originMs = 1_732_093_800_123;
  const operations = Array.from({ length: 40 }, (_, index) => {
    const invokedMs = originMs + 20 * index;
    return operation({ invokedMs, endedMs: invokedMs + 10 });
  });
  const history: History = { operations, copies: 4, diskLosses: [], clockSpreadMs: 0 };
  const page = renderTimeline(history, { outcome: "ok", sentence: "all is well" });
  assertStringIncludes(page, `times count from ${originMs} ms`);
  const ticks = [...wideLanes(page).matchAll(/text-anchor="middle">\+(\d+) ms</g)].map(([, ms]) =>
    Number(ms)
  );
  assert(ticks.length > 3);
  for (const ms of ticks) assertEquals(ms % 10, 0);
});

Deno.test("Texts are cut at whole characters, and say that they are", () => {
  assertEquals(cutText("abc", 3), "abc");
  assertEquals(cutText("abcd", 3), "ab…");
  assertEquals(cutText("😀😀😀", 3), "😀😀😀");
  assertEquals(cutText("😀😀😀😀", 3), "😀😀…");
});

function pair({ history, verdict }: { history: History; verdict: Verdict }): [History, Verdict] {
  return [history, verdict];
}

Deno.test("Versions that stand side by side are all told: in bars, tables, and what replicas hold", () => {
  const both = "x=a|b r1.a@1|r2.a@2";
  const told = history([
    "c1 put x=a 1-2 r1.a@1 seen:",
    "c2 put x=b 1-2 r2.a@2 seen:",
    "c3 get x=a|b 3-4 r1.a@1|r2.a@2",
    "c3 get x=b 5-6 r2.a@2",
  ], { finals: [`r1 90 ${both}`, `r2 90 ${both}`] });
  const page = renderTimeline(told, judgeHistory(told, "sessions"));
  for (
    const text of [
      "get x → b | a",
      "It saw version #2 (r2.a@2) and version #1 (r1.a@1).",
      "#2 r2.a@2, #1 r1.a@1",
      "b (#2), a (#1)",
    ]
  ) {
    assert(page.includes(text), text);
  }
});
