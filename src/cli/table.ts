/**
 * Text in columns. Widths are those of a terminal: wide East Asian characters and emoji take two columns, combining
 * marks none.
 * @module
 */
import stringWidth from "string-width";

/** Columns between two cells or parts. */
const GAP = 2;

/** Before a line that goes on. */
const INDENT = "    ";

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Columns that `text` takes on a terminal; colours take none. Requires: no other control characters. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

/** `text` in at most `widthMax` columns; what was cut off is shown as `…`. */
export function cut(text: string, widthMax: number): string {
  if (widthOf(text) <= widthMax) return text;
  let kept = "";
  let width = 1;
  for (const { segment } of graphemes.segment(text)) {
    width += widthOf(segment);
    if (width > widthMax) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Parts of a line, two spaces apart; where they do not fit into the columns given, in several lines, indented. */
export function joinParts(parts: readonly string[], widthMax = Infinity): string {
  const lines: string[] = [];
  for (const part of parts) {
    const line = lines.at(-1);
    const longer = line === undefined ? part : `${line}${" ".repeat(GAP)}${part}`;
    if (line === undefined || widthOf(longer) > widthMax) {
      lines.push(line === undefined ? part : `${INDENT}${part}`);
    } else lines[lines.length - 1] = longer;
  }
  return lines.join("\n");
}

/** A line broken between words where it is longer than the columns given; what goes on is indented. */
export function wrapLine(line: string, widthMax = Infinity): string {
  if (widthOf(line) <= widthMax) return line;
  const lines: string[] = [];
  // Why not split at every run of spaces: two of them divide parts, and stay.
  for (const word of line.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined) lines.push(word);
    else if (widthOf(`${last} ${word}`) <= widthMax) lines[lines.length - 1] = `${last} ${word}`;
    else if (word !== "") lines.push(`${INDENT}${word}`);
  }
  return lines.map((part) => part.trimEnd()).join("\n");
}

/** How a table is drawn. */
export interface TableOptions {
  /** Columns that a line may have: those of the terminal. Without it nothing is cut. */
  readonly widthMax?: number | undefined;
  /** Colours a cell; its width must stay. The first row is row 0. */
  readonly paint?: (text: string, row: number, column: number) => string;
}

/** Rows in columns of equal width, two spaces apart. Cells must not be coloured yet. */
export function formatTable(
  rows: readonly (readonly string[])[],
  { widthMax = Infinity, paint = (text): string => text }: TableOptions = {},
): string[] {
  const widths = columnWidths(rows, widthMax);
  return rows.map((row, rowIndex) => {
    let left = widthMax;
    return row.map((cell, column) => {
      const isLast = column === row.length - 1;
      // A last cell may run over: it pushes nothing aside.
      const text = cut(cell, isLast ? Math.max(1, left) : widths[column]!);
      left -= widths[column]! + GAP;
      const padding = isLast ? "" : " ".repeat(widths[column]! - widthOf(text));
      return paint(text, rowIndex, column) + padding;
    }).join(" ".repeat(GAP)).trimEnd();
  });
}

/** Each column as wide as its widest cell, and where that is too much for a line, the widest ones narrowed alike. */
function columnWidths(rows: readonly (readonly string[])[], widthMax: number): number[] {
  const columnCount = Math.max(0, ...rows.map((row) => row.length));
  const widths = new Array<number>(columnCount).fill(0);
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      const runsOver = column === row.length - 1 && column < columnCount - 1;
      if (!runsOver) widths[column] = Math.max(widths[column]!, widthOf(cell));
    }
  }
  const available = widthMax - GAP * (columnCount - 1);
  let cap = Math.max(0, ...widths);
  const total = (): number => widths.reduce((sum, width) => sum + Math.min(width, cap), 0);
  while (cap > 1 && total() > available) cap--;
  return widths.map((width) => Math.min(width, cap));
}
