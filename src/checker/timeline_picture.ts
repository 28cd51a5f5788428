/** The space-time picture of the timeline page: clients above, replicas below, time to the right, as inline SVG. @module */
import { type BarOptions, drawBars } from "./timeline_bars.ts";
import type { Operation } from "./history.ts";
import { type Lane, type Layout, layOut, type PictureSize, type Span } from "./timeline_lanes.ts";
import {
  columnCount,
  cutText,
  element,
  escapeText,
  joinMarkup,
  type Markup,
  pathText,
  visibleText,
} from "./timeline_markup.ts";
import { faultKind, type TimelineStory } from "./timeline_story.ts";

/** Few operations, each with all its words. */
export const CLOSE_SIZE: PictureSize = {
  stretches: { first: 44, median: 110, last: 200 },
  barHeight: 16,
  rowHeight: 56,
  characterWidth: 7.3,
  hasLines: true,
  openWidth: Infinity,
};

/** Many operations, of which one sees the shape. */
export const WIDE_SIZE: PictureSize = {
  stretches: { first: 6, median: 18, last: 48 },
  barHeight: 16,
  rowHeight: 20,
  characterWidth: 6.7,
  hasLines: false,
  openWidth: 34,
};

/** What a picture shows. */
export interface PictureOptions extends BarOptions {
  readonly name: string;
  readonly operations: readonly Operation[];
  /** What each replica holds in the end, at the end of its lane. */
  readonly endNotes: ReadonlyMap<string, string>;
}

const LABELS_PX = 96;

/** One character of what is written small. */
const SMALL_CHARACTER_PX = 6.7;
const LABEL_COLUMNS = 12;

/** How much of a picture fits across a page. */
const STRIP_PX = 1000;

/** One picture: the names of the lanes, which stay, and the lanes, which scroll. */
export function drawPicture(story: TimelineStory, options: PictureOptions): Markup {
  const layout = layOut(story, options.operations, options.size);
  const noteColumns = [...options.endNotes.values()].reduce(
    (most, note) => Math.max(most, columnCount(note)),
    0,
  );
  const width = layout.width + noteColumns * options.size.characterWidth;
  const names = [...layout.clients, ...layout.replicas];
  const labels = element(
    "svg",
    { class: "names", width: LABELS_PX, height: layout.height, "aria-hidden": "true" },
    element(
      "g",
      { id: `${options.id}-names`, class: options.size.hasLines ? "large" : undefined },
      laneGrounds(layout, LABELS_PX),
      element("text", { class: "small", x: 8, y: 14 }, escapeText("time")),
      ...(layout.faults.length > 0
        ? [element("text", { class: "small", x: 8, y: 34 }, escapeText("faults"))]
        : []),
      ...names.map((lane) => laneName(lane)),
    ),
  );
  const lanes = element(
    "svg",
    { class: "lanes", width, height: layout.height, role: "group", "aria-label": options.name },
    element(
      "g",
      { id: `${options.id}-lanes`, class: options.size.hasLines ? "large" : undefined },
      laneGrounds(layout, width),
      ...layout.replicas.map(({ height, y }) =>
        element("line", { class: "life", x1: 0, x2: width, y1: y + height / 2, y2: y + height / 2 })
      ),
      ...gaps(story, layout),
      ...ticks(story, layout),
      ...layout.spans.map((span) => drawSpan(story, span)),
      ...faultMarks(story, layout),
      ...layout.replicas.flatMap((lane) => endNote(lane, layout.width, options.endNotes)),
      ...drawBars(story, layout, options),
    ),
  );
  const region = { class: "scroll", tabindex: 0, role: "region", "aria-label": `${options.name}, scrolls` };
  return joinMarkup([
    element("div", { class: "picture" }, labels, element("div", region, lanes)),
    strips(options.id, width, layout.height),
  ]);
}

/** The same picture cut into pieces that fit on paper; the screen does not show them. */
function strips(id: string, width: number, height: number): Markup {
  const count = Math.max(1, Math.ceil(width / STRIP_PX));
  const strip = (index: number): Markup => {
    const viewBox = `${index * STRIP_PX} 0 ${STRIP_PX} ${height}`;
    return element(
      "svg",
      { class: "strip", viewBox: `0 0 ${LABELS_PX + STRIP_PX} ${height}` },
      element("use", { href: `#${id}-names` }),
      element(
        "svg",
        { x: LABELS_PX, width: STRIP_PX, height, viewBox },
        element("use", { href: `#${id}-lanes` }),
      ),
    );
  };
  return element(
    "div",
    { class: "strips", "aria-hidden": "true" },
    ...Array.from({ length: count }, (_, index) => strip(index)),
  );
}

function laneGrounds(layout: Layout, width: number): Markup {
  const ground = (lane: Lane, name: string): Markup =>
    element("rect", { class: name, x: 0, y: lane.y, width, height: lane.height });
  return joinMarkup([
    ...layout.clients.map((lane, index) => ground(lane, index % 2 === 0 ? "ground" : "ground odd")),
    ...layout.replicas.map((lane) => ground(lane, "ground replica")),
  ]);
}

function laneName({ height, name, y }: Lane): Markup {
  return element(
    "text",
    { class: "lane", x: 8, y: y + height / 2 + 4 },
    element("title", {}, escapeText(name)),
    escapeText(cutText(visibleText(name), LABEL_COLUMNS)),
  );
}

function ticks(story: TimelineStory, { axis, height, left }: Layout): Markup[] {
  return axis.ticks(story.originMs).map(({ ms, x }) =>
    element(
      "g",
      { class: "tick" },
      element("line", { x1: left + x, x2: left + x, y1: 18, y2: height }),
      element(
        "text",
        { class: "small", x: left + x, y: 14, "text-anchor": "middle" },
        escapeText(story.time(ms)),
      ),
    )
  );
}

function gaps(story: TimelineStory, { axis, height, left }: Layout): Markup[] {
  return axis.gaps.map(({ lengthMs, width, x }) =>
    element(
      "g",
      { class: "gap" },
      element("title", {}, escapeText(`shortened: nothing begins or ends for ${story.length(lengthMs)}`)),
      element("rect", { x: left + x + width / 2 - 5, y: 18, width: 10, height: height - 18 }),
    )
  );
}

/** All faults at the top, with as many words as there is room for. */
function faultMarks(story: TimelineStory, layout: Layout): Markup[] {
  const shown = layout.faults;
  return shown.map((fault, index) => {
    const x = layout.left + layout.axis.x(fault.atMs);
    const next = shown[index + 1];
    const end = next ? layout.left + layout.axis.x(next.atMs) : layout.width;
    const text = `${fault.replicas.join(" ")} ${fault.text}`.trim();
    const columns = Math.floor((end - x - 12) / SMALL_CHARACTER_PX);
    return element(
      "g",
      { class: `fault ${faultKind(fault)}` },
      element("title", {}, escapeText(story.faultSentence(fault))),
      element("path", { d: pathText`M${x - 4} 25h8l-4 9z` }),
      ...(columns >= 4
        ? [
          element(
            "text",
            { class: "small", x: x + 7, y: 34 },
            escapeText(cutText(visibleText(text), columns)),
          ),
        ]
        : []),
    );
  });
}

function drawSpan(story: TimelineStory, { fault, lane, width, x }: Span): Markup {
  const kind = faultKind(fault);
  const y = lane.y + 4;
  const height = lane.height - 8;
  const title = element("title", {}, escapeText(story.faultSentence(fault)));
  if (width < 3) {
    const cross = pathText`M${x - 5} ${y + 4}l10 14m0 -14l-10 14`;
    return element("g", { class: `moment ${kind}` }, title, element("path", { d: cross }));
  }
  const text = cutText(visibleText(fault.text), Math.floor((width - 8) / SMALL_CHARACTER_PX));
  return element(
    "g",
    { class: `span ${kind}` },
    title,
    element("rect", { x, y, width, height, rx: 3 }),
    ...(width > 40 ? [element("text", { class: "small", x: x + 5, y: y + 15 }, escapeText(text))] : []),
  );
}

function endNote(lane: Lane, x: number, notes: ReadonlyMap<string, string>): Markup[] {
  const note = notes.get(lane.name);
  if (note === undefined) return [];
  return [
    element("text", { class: "note halo", x: x - 12, y: lane.y + 11 }, escapeText(note)),
  ];
}
