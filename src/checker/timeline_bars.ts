/** The operations on a picture of the timeline page: bars, their words, and their ways to replicas and back. @module */
import { type Bar, isOpen, type Layout, type PictureSize, solidEndMs } from "./timeline_lanes.ts";
import { element, escapeText, joinMarkup, type Markup, pathText } from "./timeline_markup.ts";
import type { TimelineStory } from "./timeline_story.ts";

/** How the bars of one picture are drawn. */
export interface BarOptions {
  /** Tells the parts of this picture from those of others on the page. */
  readonly id: string;
  readonly size: PictureSize;
  /** The place of each key in the filter. */
  readonly keyIndexes: ReadonlyMap<string, number>;
}

/** The guilty last, so that nothing lies over them. */
export function drawBars(story: TimelineStory, layout: Layout, options: BarOptions): Markup[] {
  const isGuilty = ({ operation }: Bar): boolean => story.numbers.has(operation);
  const ordered = [...layout.bars.filter((bar) => !isGuilty(bar)), ...layout.bars.filter(isGuilty)];
  return ordered.map((bar) => drawBar(story, layout, bar, options));
}

function drawBar(
  story: TimelineStory,
  layout: Layout,
  bar: Bar,
  { id, keyIndexes, size }: BarOptions,
): Markup {
  const { operation, width, x } = bar;
  const number = story.numbers.get(operation);
  const top = bar.y + (size.hasLines ? 18 : 1);
  const solidEnd = layout.left + layout.axis.x(solidEndMs(operation));
  const solid = isOpen(operation) ? Math.max(2, solidEnd - x) : width;
  const title = `${number === undefined ? "" : `Guilty operation ${number}. `}${story.sentences(operation)}`;
  return element(
    "g",
    {
      class: `op ${operation.op} ${operation.outcome}${number === undefined ? "" : " guilty"}`,
      "data-k": keyIndexes.get(operation.key),
      id: number !== undefined && id === "wide" ? `g${number}` : undefined,
      tabindex: 0,
      role: "img",
      "aria-label": title,
    },
    element("title", {}, escapeText(title)),
    links(layout, bar, { top, bottom: top + size.barHeight, solidEnd: x + solid }),
    element("rect", { class: "bar", x, y: top, width: solid, height: size.barHeight, rx: 3 }),
    ...(isOpen(operation) ? [openEnd(x + solid, x + width, top, size.barHeight)] : []),
    ...(bar.label === "" ? [] : [
      element(
        "text",
        { class: "label halo", x: bar.labelX, y: size.hasLines ? top - 5 : top + 12 },
        escapeText(bar.label),
      ),
    ]),
    ...(size.hasLines
      ? [
        element(
          "text",
          { class: "small halo", x, y: top + size.barHeight + 12 },
          escapeText(story.receipt(operation)),
        ),
      ]
      : []),
    ...(number === undefined
      ? []
      : [numberBadge(number, x + (size.hasLines ? 9 : 0), top - (size.hasLines ? 10 : 2))]),
  );
}

/** From the bar down to its coordinator where it begins, and to all who answered where it ends. */
function links(
  layout: Layout,
  { operation, x }: Bar,
  { bottom, solidEnd }: { readonly top: number; readonly bottom: number; readonly solidEnd: number },
): Markup {
  const middleOf = (name: string): number | undefined => {
    const lane = layout.replicas.find((replica) => replica.name === name);
    return lane && lane.y + lane.height / 2;
  };
  const asked = middleOf(operation.coordinator);
  const answered = operation.acked.map(middleOf).filter((y) => y !== undefined);
  const lowest = answered.reduce((most, y) => Math.max(most, y), 0);
  return joinMarkup([
    ...(asked === undefined ? [] : [
      element("line", { class: "link", x1: x, x2: x, y1: bottom, y2: asked }),
      element("path", { class: "link asked", d: pathText`M${x - 4} ${asked - 7}h8l-4 7z` }),
    ]),
    ...(answered.length === 0
      ? []
      : [element("line", { class: "link", x1: solidEnd, x2: solidEnd, y1: bottom, y2: lowest })]),
    ...answered.map((y) => element("circle", { class: "dot", cx: solidEnd, cy: y, r: 3.5 })),
  ]);
}

/** Open to the right: it may take effect at any later time. */
function openEnd(x: number, end: number, top: number, height: number): Markup {
  const bottom = top + height;
  return joinMarkup([
    element("rect", { class: "maybe", x, y: top, width: Math.max(0, end - x), height }),
    element("path", {
      class: "open",
      d: pathText`M${x} ${top}H${end}M${x} ${bottom}H${end}`,
    }),
    element("path", {
      class: "arrow",
      d: pathText`M${end - 5} ${top + 3}l5 ${height / 2 - 3}l-5 ${height / 2 - 3}`,
    }),
  ]);
}

function numberBadge(number: number, x: number, y: number): Markup {
  return element(
    "g",
    { class: "number" },
    element("circle", { cx: x, cy: y, r: 9 }),
    element("text", { x, y: y + 4, "text-anchor": "middle" }, escapeText(String(number))),
  );
}
