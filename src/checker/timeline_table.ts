/** The tables of the timeline page: everything that the picture shows, as text. @module */
import { type HeldKey, heldVersions, type Operation, touchedVersions } from "./history.ts";
import { nameVersion } from "./operation_text.ts";
import { cutText, element, escapeText, type Markup } from "./timeline_markup.ts";
import { contentText, quoted, type TimelineStory } from "./timeline_story.ts";

/** Keys in the table of what replicas hold. */
const HELD_KEYS_MAX = 40;

const OUTCOMES = { ok: "ok", fail: "failed", info: "unknown" } as const;

/** Operations, one a row. Where `keyIndexes` is given, the filter by key reaches the rows. */
export function operationTable(
  story: TimelineStory,
  caption: string,
  operations: readonly Operation[],
  keyIndexes?: ReadonlyMap<string, number>,
): Markup {
  const isOfKeys = keyIndexes !== undefined;
  const heads = [
    isOfKeys ? "guilty" : "number",
    "client",
    "operation",
    "key",
    "value",
    "asked at",
    "ended at",
    "outcome",
    "version",
    "copies needed",
    "through",
    "answered by",
  ];
  return table(
    caption,
    heads,
    operations.map((operation) => {
      const {
        acked,
        client,
        code,
        coordinator,
        endedMs,
        gaveUpMs,
        invokedMs,
        key,
        op,
        outcome,
        required,
      } = operation;
      const number = story.numbers.get(operation);
      const end = Number.isFinite(endedMs) ? endedMs : gaveUpMs;
      const cells = [
        String(number ?? ""),
        String(client),
        op === "compare_and_set" ? "compare and set" : op,
        cutText(key, 60),
        valueText(operation),
        story.time(invokedMs),
        outcome === "info"
          ? (end === undefined ? "never" : `never (gave up at ${story.time(end)})`)
          : story.time(endedMs),
        `${OUTCOMES[outcome]}${code ? ` (${code})` : ""}`,
        touchedVersions(operation).map((each) => `${story.ordinal(key, each)} ${nameVersion(each)}`).join(
          ", ",
        ),
        required === 0 ? "" : String(required),
        coordinator,
        acked.join(", "),
      ];
      return element(
        "tr",
        { class: number === undefined ? outcome : `${outcome} guilty`, "data-k": keyIndexes?.get(key) },
        ...cells.map((cell, index) =>
          index === 0
            ? element("th", { scope: "row" }, escapeText(cell))
            : element("td", {}, escapeText(cell))
        ),
      );
    }),
  );
}

/** What was done to the cluster. */
export function faultTable(story: TimelineStory): Markup {
  return table(
    "Faults, in order of time",
    ["from", "to", "replicas", "what"],
    story.faults.map(({ atMs, replicas, text, untilMs }) =>
      row([
        story.time(atMs),
        untilMs === undefined ? "" : story.time(untilMs),
        replicas.length === 0 ? "all" : replicas.join(", "),
        text,
      ])
    ),
  );
}

/** What each replica holds in the end, of keys that matter: those of guilty operations, and those that differ. */
export function heldTable(story: TimelineStory, keys: readonly string[]): Markup {
  const shown = keys.slice(0, HELD_KEYS_MAX);
  const replicas = story.replicas.filter((replica) => story.finals.has(replica));
  const more = keys.length > shown.length ? ` (${shown.length} of ${keys.length} keys)` : "";
  return table(
    `What each replica holds in the end${more}`,
    ["key", ...replicas],
    shown.map((key) =>
      row([
        cutText(key, 60),
        ...replicas.map((replica) => heldText(story, key, story.finals.get(replica)!.get(key))),
      ])
    ),
  );
}

/** What a replica holds of a key, in a few words. */
export function heldText(
  story: TimelineStory,
  key: string,
  held: HeldKey | undefined,
  lengthMax = 60,
): string {
  if (!held) return "nothing";
  return heldVersions(held).map(({ value, ...version }) => {
    const ordinal = story.ordinal(key, version);
    if (value === undefined) return ordinal;
    return `${value === null ? "deleted" : cutText(value, lengthMax)} (${ordinal})`;
  }).join(", ");
}

function valueText(operation: Operation): string {
  const { expected, op, outcome } = operation;
  if (op === "delete") return "";
  if (op === "get" && outcome !== "ok") return "";
  const written = contentText(operation);
  if (op !== "compare_and_set") return written;
  return `${written} in place of ${expected === undefined ? "nothing" : quoted(expected)}`;
}

function row(cells: readonly string[]): Markup {
  const [first = "", ...others] = cells;
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, escapeText(first)),
    ...others.map((cell) => element("td", {}, escapeText(cell))),
  );
}

function table(caption: string, heads: readonly string[], rows: readonly Markup[]): Markup {
  return element(
    "div",
    { class: "sheet", tabindex: 0, role: "region", "aria-label": caption },
    element(
      "table",
      {},
      element("caption", {}, escapeText(caption)),
      element(
        "thead",
        {},
        element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, escapeText(head)))),
      ),
      element("tbody", {}, ...rows),
    ),
  );
}
