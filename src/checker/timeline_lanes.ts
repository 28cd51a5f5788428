/** Where everything on the picture lies: bars packed into rows, rows into lanes of clients and of replicas. @module */
import type { HistoryFault, Operation } from "./history.ts";
import { TimeAxis } from "./timeline_axis.ts";
import { columnCount, visibleText } from "./timeline_markup.ts";
import { byTime, type TimelineStory } from "./timeline_story.ts";

/** How large a picture is drawn. */
export interface PictureSize {
  readonly stretches: { readonly first: number; readonly median: number; readonly last: number };
  readonly barHeight: number;
  readonly rowHeight: number;
  /** One character of the face that bars are labelled in. */
  readonly characterWidth: number;
  /** Whether every bar has its words above it and its receipt below; else only as many as fit inside. */
  readonly hasLines: boolean;
  /** How far a bar without an end reaches at least; Infinity: to the right edge. */
  readonly openWidth: number;
}

/** One operation on the picture. */
export interface Bar extends Place {
  readonly y: number;
  /** Empty where there is no room. */
  readonly label: string;
  readonly labelX: number;
}

/** A bar before it has a row. */
interface Place {
  readonly operation: Operation;
  readonly x: number;
  readonly width: number;
  /** Where the next one in the same row may begin. */
  readonly end: number;
}

/** One client or one replica on the picture. */
export interface Lane {
  readonly name: string;
  readonly y: number;
  readonly height: number;
}

/** A fault on the lane of one replica. */
export interface Span {
  readonly fault: HistoryFault;
  readonly lane: Lane;
  readonly x: number;
  readonly width: number;
}

/** The smallest bar that can still be seen and pointed at. */
const BAR_PX_MIN = 5;

/** Space for ticks, and for the lane of faults below them. */
export const HEAD_PX = 44;

const MARGIN_PX = 24;
const REPLICA_LANE_PX = 30;
const LANE_SPACE_PX = 8;

/** Room for the label of the last bar of a row. */
const LAST_LABEL_PX = 130;

/** Everything in its place. */
export interface Layout {
  readonly axis: TimeAxis;
  /** Where time begins, from the left edge. */
  readonly left: number;
  readonly width: number;
  readonly height: number;
  readonly clients: readonly Lane[];
  readonly replicas: readonly Lane[];
  readonly bars: readonly Bar[];
  readonly spans: readonly Span[];
  /** The faults within this picture's time. */
  readonly faults: readonly HistoryFault[];
}

/** Lays out these operations and the faults among them. */
export function layOut(
  story: TimelineStory,
  operations: readonly Operation[],
  size: PictureSize,
): Layout {
  const times = operations.flatMap((operation) => [operation.invokedMs, solidEndMs(operation)]).filter(
    Number.isFinite,
  );
  const firstMs = times.reduce((least, ms) => Math.min(least, ms), Infinity);
  const lastMs = times.reduce((most, ms) => Math.max(most, ms), -Infinity);
  const isWhole = operations.length === story.history.operations.length;
  const faults = story.faults.filter(({ atMs, untilMs = atMs }) =>
    isWhole || (atMs <= lastMs && untilMs >= firstMs)
  );
  const faultTimes = faults.flatMap(({ atMs, untilMs = atMs }) => [atMs, untilMs])
    .filter((ms) => isWhole || (ms >= firstMs && ms <= lastMs));
  const axis = new TimeAxis([...times, ...faultTimes], size.stretches);
  const left = MARGIN_PX;
  const openEnd = left + axis.width + (size.openWidth === Infinity ? 60 : size.openWidth);

  const clients: Lane[] = [];
  const bars: Bar[] = [];
  let y = HEAD_PX;
  const sorted = [...operations].sort(byTime);
  for (const client of [...new Set(operations.map((operation) => operation.client))].sort((a, b) => a - b)) {
    const placed = sorted.filter((operation) => operation.client === client).map((operation): Place => {
      const x = left + axis.x(operation.invokedMs);
      const width = barWidth(operation, x, left, axis, size, openEnd);
      return { operation, x, width, end: x + Math.max(width, linesWidth(operation, story, size)) };
    });
    const rows = packRows(placed);
    for (const [index, row] of rows.entries()) {
      const rowY = y + LANE_SPACE_PX / 2 + index * size.rowHeight;
      bars.push(...row.map((place, position) => {
        const roomEnd = row[position + 1]?.x ?? openEnd + LAST_LABEL_PX;
        return { ...place, y: rowY, ...pickLabel(place, roomEnd, story, size) };
      }));
    }
    const height = rows.length * size.rowHeight + LANE_SPACE_PX;
    clients.push({ name: `client ${client}`, y, height });
    y += height;
  }
  const right = bars.reduce(
    (most, { end, label, labelX }) => Math.max(most, end, labelX + columnCount(label) * size.characterWidth),
    openEnd,
  );

  const replicas: Lane[] = [];
  for (const name of story.replicas) {
    replicas.push({ name, y, height: REPLICA_LANE_PX });
    y += REPLICA_LANE_PX;
  }
  const spans = faults.flatMap((fault) =>
    replicas.filter(({ name }) => fault.replicas.length === 0 || fault.replicas.includes(name)).map(
      (lane): Span => {
        const x = left + axis.x(fault.atMs);
        const untilMs = fault.untilMs ?? fault.atMs;
        const end = untilMs === Infinity ? right : left + axis.x(untilMs);
        return { fault, lane, x, width: Math.max(0, end - x) };
      },
    )
  );
  return { axis, left, width: right + MARGIN_PX, height: y + 8, clients, replicas, bars, spans, faults };
}

/** Whether an operation has no end on the picture. */
export function isOpen({ endedMs, outcome }: Operation): boolean {
  return outcome === "info" || endedMs === Infinity;
}

/** Until when the client was waiting, as far as anybody knows. */
export function solidEndMs({ endedMs, gaveUpMs, invokedMs }: Operation): number {
  return Number.isFinite(endedMs) ? endedMs : gaveUpMs ?? invokedMs;
}

function barWidth(
  operation: Operation,
  x: number,
  left: number,
  axis: TimeAxis,
  size: PictureSize,
  openEnd: number,
): number {
  const solid = left + axis.x(solidEndMs(operation)) - x;
  if (!isOpen(operation)) return Math.max(BAR_PX_MIN, solid);
  return size.openWidth === Infinity ? openEnd - x : solid + size.openWidth;
}

/** What the lines above and below a bar take. */
function linesWidth(operation: Operation, story: TimelineStory, size: PictureSize): number {
  if (!size.hasLines) return 0;
  const label = columnCount(story.label(operation)) * size.characterWidth;
  const receipt = columnCount(story.receipt(operation)) * size.characterWidth;
  return Math.max(label + badgeWidth(operation, story, size), receipt) + 8;
}

/** What the number of a guilty operation takes from its label. */
function badgeWidth(operation: Operation, story: TimelineStory, { hasLines }: PictureSize): number {
  return story.numbers.has(operation) ? hasLines ? 22 : 8 : 0;
}

/** First fit: each bar lies in the first row that is free where it begins. Requires: in order of `x`. */
function packRows(places: readonly Place[]): Place[][] {
  const rows: Place[][] = [];
  for (const place of places) {
    const free = rows.find((row) => row.at(-1)!.end <= place.x);
    if (free) free.push(place);
    else rows.push([place]);
  }
  return rows;
}

/** The words of a bar: above it, or inside where they fit, or behind it as far as there is room. */
function pickLabel(
  { end, operation, width, x }: Place,
  roomEnd: number,
  story: TimelineStory,
  size: PictureSize,
): { readonly label: string; readonly labelX: number } {
  const badge = badgeWidth(operation, story, size);
  if (size.hasLines) return { label: story.label(operation), labelX: x + badge };
  const insideColumns = Math.floor((width - 6 - badge) / size.characterWidth);
  const behindColumns = Math.floor((roomEnd - end - 6) / size.characterWidth);
  const labels = [18, 10, 6].map((length) => story.label(operation, length));
  const op = operation.op === "compare_and_set" ? "cas" : operation.op;
  for (const label of [...labels, `${op} ${visibleText(operation.key)}`, op]) {
    if (columnCount(label) <= insideColumns) return { label, labelX: x + 4 + badge };
    if (columnCount(label) <= behindColumns) return { label, labelX: end + 3 };
  }
  return { label: "", labelX: x };
}
