/**
 * A history and its verdict as one HTML page: a space-time picture of clients and replicas, the guilty operations marked.
 *
 * The page needs no network, opens from a file, and is the same text for the same history.
 * @module
 */
import type { History, Operation } from "./history.ts";
import { legend, patterns } from "./timeline_legend.ts";
import {
  cutText,
  element,
  escapeText,
  joinMarkup,
  type Markup,
  numberText,
  trustedMarkup,
  visibleText,
} from "./timeline_markup.ts";
import { solidEndMs } from "./timeline_lanes.ts";
import { CLOSE_SIZE, drawPicture, WIDE_SIZE } from "./timeline_picture.ts";
import { byName, byTime, TimelineStory } from "./timeline_story.ts";
import { TIMELINE_SCRIPT, TIMELINE_SCRIPT_HASH, TIMELINE_STYLE } from "./timeline_style.ts";
import { faultTable, heldTable, heldText, operationTable } from "./timeline_table.ts";
import type { Verdict } from "./verdict.ts";

/** Operations on one page: a browser draws no more at a decent speed, and a person sees no more. */
const DRAWN_MAX = 1000;

/** Guilty operations that are shown by themselves. */
const CLOSE_MAX = 40;

/** Violations told besides the first. */
const OTHERS_MAX = 20;

/** Keys whose final versions stand on the lanes of the close picture. */
const NOTED_KEYS_MAX = 2;

const STAMPS = { ok: "✓ OK", violated: "✗ VIOLATED", unknown: "? UNKNOWN" } as const;

/** The page of a judged history. */
export function renderTimeline(history: History, verdict: Verdict): string {
  const story = new TimelineStory(history, verdict);
  const policy =
    `default-src 'none'; style-src 'unsafe-inline'; script-src '${TIMELINE_SCRIPT_HASH}'; base-uri 'none'; ` +
    "form-action 'none'";
  const head = joinMarkup([
    trustedMarkup('<meta charset="utf-8">'),
    trustedMarkup(`<meta http-equiv="Content-Security-Policy" content="${policy}">`),
    trustedMarkup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
    element("title", {}, escapeText(`quartet: ${verdict.outcome}. ${cutText(verdict.sentence, 120)}`)),
    trustedMarkup(`<style>${TIMELINE_STYLE}</style>`),
  ], "\n");
  const body = element(
    "body",
    { class: verdict.outcome },
    joinMarkup([
      patterns(),
      header(story),
      ...closeSection(story),
      ...heldSection(story),
      wideSection(story),
      ...(story.faults.length > 0 ? [element("section", {}, faultTable(story))] : []),
      trustedMarkup(`<script>${TIMELINE_SCRIPT}</script>`),
    ], "\n"),
  );
  return `<!DOCTYPE html>\n<html lang="en">\n<head>\n${head}\n</head>\n${body}\n</html>\n`;
}

function header(story: TimelineStory): Markup {
  const { history, verdict, violation } = story;
  const { operations } = history;
  const clientCount = new Set(operations.map(({ client }) => client)).size;
  const keyCount = new Set(operations.map(({ key }) => key)).size;
  const unknownCount = operations.filter(({ outcome }) => outcome === "info").length;
  const failCount = operations.filter(({ outcome }) => outcome === "fail").length;
  const facts = [
    `${count(operations.length, "operation")} (${failCount} failed, ${unknownCount} of unknown outcome)`,
    `${count(clientCount, "client")}, ${count(story.replicas.length, "replica")}, ${
      count(keyCount, "key")
    } in ${count(history.copies, "copy", "copies")}`,
    ...(operations.length > 0 ? [`over ${spanText(operations)}`] : []),
    ...(violation ? [`found by the judge of ${violation.judge.replaceAll("_", " ")}`] : []),
    ...(Number.isFinite(history.clockSpreadMs)
      ? [`clocks at most ${numberText(history.clockSpreadMs)} ms apart`]
      : []),
    ...(story.originMs > 0 ? [`times count from ${numberText(story.originMs)} ms`] : []),
  ];
  const others = verdict.outcome === "violated" ? verdict.violations.slice(1) : [];
  return element(
    "header",
    {},
    element("div", { class: "stamp" }, escapeText(STAMPS[verdict.outcome])),
    element("h1", {}, escapeText(verdict.sentence)),
    element("p", { class: "facts" }, escapeText(`${facts.join("; ")}.`)),
    ...(others.length === 0 ? [] : [element(
      "details",
      {},
      element("summary", {}, escapeText(`${count(others.length, "more violation")} in this history`)),
      element(
        "ul",
        {},
        ...others.slice(0, OTHERS_MAX).map(({ sentence }) => element("li", {}, escapeText(sentence))),
      ),
      ...(others.length > OTHERS_MAX
        ? [element("p", {}, escapeText(`And ${others.length - OTHERS_MAX} more.`))]
        : []),
    )]),
  );
}

/** The guilty operations by themselves: as picture, as story, as table. */
function closeSection(story: TimelineStory): Markup[] {
  if (story.guilty.length === 0) return [];
  const shown = story.guilty.slice(0, CLOSE_MAX);
  const keys = [...new Set(shown.map(({ key }) => key))];
  const notes = new Map<string, string>();
  if (keys.length <= NOTED_KEYS_MAX) {
    for (const [replica, state] of story.finals) {
      const held = keys.map((key) =>
        `${visibleText(cutText(key, 14))} = ${visibleText(heldText(story, key, state.get(key), 14))}`
      );
      notes.set(replica, `in the end ${held.join(", ")}`);
    }
  }
  const name = "The operations that show it";
  return [element(
    "section",
    {},
    element(
      "h2",
      {},
      escapeText(`${name}${shown.length < story.guilty.length ? `: the first ${shown.length}` : ""}`),
    ),
    element(
      "p",
      { class: "hint" },
      escapeText(
        "Nothing else is needed to see that this is wrong. Each bar runs from the request to its answer; a dotted line leads " +
          "down to the replica that was asked, and to those that answered.",
      ),
    ),
    element(
      "figure",
      {},
      drawPicture(story, {
        id: "close",
        name,
        operations: shown,
        size: CLOSE_SIZE,
        keyIndexes: new Map(),
        endNotes: notes,
      }),
      legend(),
    ),
    element("ol", {}, ...shown.map((operation) => element("li", {}, escapeText(story.sentences(operation))))),
    operationTable(story, "The smallest history that still shows it", story.guilty),
  )];
}

function heldSection(story: TimelineStory): Markup[] {
  if (story.finals.size === 0) return [];
  const guilty = new Set(story.guilty.map(({ key }) => key));
  const names = (key: string): string[] =>
    [...story.finals.values()].map((state) => heldText(story, key, state.get(key)));
  const all = new Set([...story.finals.values()].flatMap((state) => [...state.keys()]));
  const differing = [...all].filter((key) => !guilty.has(key) && new Set(names(key)).size > 1);
  const keys = [...guilty, ...differing].sort(byName);
  if (keys.length === 0) {
    return [element("p", {}, escapeText("In the end all replicas hold the same of every key."))];
  }
  return [element("section", {}, heldTable(story, keys))];
}

/** Everything, with the guilty operations among it. */
function wideSection(story: TimelineStory): Markup {
  const { operations } = story.history;
  const drawn = nearest(story, operations);
  const keys = [...new Set(drawn.map(({ key }) => key))].sort(byName);
  const keyIndexes = new Map(keys.map((key, index) => [key, index]));
  const name = "The whole history";
  const whose = story.guilty.length > 0
    ? `${drawn.length} nearest to the guilty ones`
    : `first ${drawn.length}`;
  const part = drawn.length < operations.length
    ? ` Of ${operations.length} operations these are the ${whose}.`
    : "";
  const keyOptions = keys.map((key, index) =>
    element("option", { value: index }, escapeText(cutText(key, 40)))
  );
  const buttons = story.guilty.slice(0, CLOSE_MAX).map((_, index) =>
    element("button", { type: "button", "data-go": index + 1 }, escapeText(`${index + 1}`))
  );
  return element(
    "section",
    { id: "all" },
    element("h2", {}, escapeText(name)),
    element(
      "p",
      { class: "hint" },
      escapeText(
        "Time runs to the right; the order is exact, lengths are not: what is long is shortened, and what is dense is " +
          `stretched.${part}`,
      ),
    ),
    element(
      "div",
      { class: "tools", hidden: "" },
      element(
        "label",
        {},
        escapeText("Key "),
        element(
          "select",
          { id: "filter" },
          element("option", { value: "" }, escapeText("all keys")),
          ...keyOptions,
        ),
      ),
      ...(buttons.length === 0
        ? []
        : [element("span", {}, escapeText("Go to guilty operation "), joinMarkup(buttons, " "))]),
    ),
    element(
      "figure",
      {},
      element(
        "p",
        { class: "words", "aria-hidden": "true" },
        escapeText("Point at a bar, or step to it with Tab: here stands all about it."),
      ),
      drawPicture(story, {
        id: "wide",
        name,
        operations: drawn,
        size: WIDE_SIZE,
        keyIndexes,
        endNotes: new Map(),
      }),
      ...(story.guilty.length === 0 ? [legend()] : []),
    ),
    element(
      "details",
      {},
      element("summary", {}, escapeText("All operations as a table")),
      operationTable(story, "All operations, in order of time", drawn, keyIndexes),
    ),
  );
}

/** All where there is room; else the guilty ones, those of their keys, and what is nearest in time. */
function nearest(story: TimelineStory, operations: readonly Operation[]): readonly Operation[] {
  if (operations.length <= DRAWN_MAX) return [...operations].sort(byTime);
  const keys = new Set(story.guilty.map(({ key }) => key));
  const firstMs = story.guilty[0]?.invokedMs ?? 0;
  const lastMs = story.guilty.at(-1)?.invokedMs ?? firstMs;
  const rank = (operation: Operation): number =>
    story.numbers.has(operation) ? 0 : keys.has(operation.key) ? 1 : 2;
  const distance = ({ invokedMs }: Operation): number => Math.max(0, firstMs - invokedMs, invokedMs - lastMs);
  return [...operations].sort((a, b) => rank(a) - rank(b) || distance(a) - distance(b) || byTime(a, b))
    .slice(0, DRAWN_MAX).sort(byTime);
}

/** How long it took from the first request to the last answer. */
function spanText(operations: readonly Operation[]): string {
  const firstMs = operations.reduce((least, { invokedMs }) => Math.min(least, invokedMs), Infinity);
  const lastMs = operations.reduce((most, operation) => Math.max(most, solidEndMs(operation)), -Infinity);
  const lengthMs = lastMs - firstMs;
  return lengthMs < 10_000
    ? `${numberText(lengthMs)} ms`
    : `${numberText(Math.round(lengthMs / 100) / 10)} s`;
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
