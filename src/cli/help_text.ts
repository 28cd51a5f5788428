/**
 * Pages of help. They are written as plain text: the first line is the title, a line in capitals is a heading, lines that begin at the margin are a
 * paragraph and are wrapped, indented lines stay as they are. An indented line with a gap of two spaces is a term and
 * what it means; only the meaning is wrapped.
 * @module
 */
import type { Flags } from "./arguments.ts";
import type { Output, Paint } from "./output.ts";
import { formatTable, widthOf, wrapLine } from "./table.ts";

/** Longer lines are hard to read, however wide the terminal is. */
const WIDTH_MAX = 100;

/** Columns where the terminal does not tell how many it has. */
const WIDTH_DEFAULT = 80;

/** Before everything that is no heading. */
const INDENT = "  ";

/** Where and how a page is shown. */
export interface HelpStyle {
  readonly paint: Paint;
  /** Columns of the terminal. */
  readonly widthMax?: number | undefined;
}

/** Prints a page where it belongs: to stdout when it was asked for, to stderr when a command line was wrong. */
export function showHelp(page: string, output: Output, { isAsked }: { isAsked: boolean }): void {
  const { paintOut, paintErr, widthOut, widthErr } = output;
  if (output.isJson) output.json({ ok: true, help: page.trim() });
  else if (isAsked) output.line(helpText(page, { paint: paintOut, widthMax: widthOut }));
  else output.note(helpText(page, { paint: paintErr, widthMax: widthErr }));
}

/** The page as a person sees it. */
export function helpText(page: string, { paint, widthMax = WIDTH_DEFAULT }: HelpStyle): string {
  const width = Math.min(widthMax, WIDTH_MAX);
  const lines: string[] = [];
  let paragraph: string[] = [];
  const endParagraph = (): void => {
    if (paragraph.length > 0) lines.push(...wrap(paragraph.join(" "), INDENT, width));
    paragraph = [];
  };
  const [title = "", ...body] = page.trim().split("\n");
  for (const line of body) {
    if (/^[^ ]/.test(line) && !isHeading(line)) {
      paragraph.push(line);
      continue;
    }
    endParagraph();
    if (isHeading(line)) lines.push(paint.bold(line));
    else if (line.startsWith(" ")) lines.push(...hang(line, width));
    else lines.push("");
  }
  endParagraph();
  return [...wrapLine(title, width).split("\n").map(paint.bold), ...lines].join("\n");
}

function isHeading(line: string): boolean {
  return /^[A-Z][A-Z ]+$/.test(line);
}

/** A line such as `  --json  one JSON object on stdout`: what is too long goes on below the meaning. */
function hang(line: string, width: number): string[] {
  const term = /^ +.*?\S {2,}(?=\S)/.exec(line)?.[0];
  if (term === undefined || widthOf(line) <= width) return [line];
  const [first = "", ...rest] = wrap(line.slice(term.length), " ".repeat(widthOf(term)), width);
  return [term + first.trimStart(), ...rest];
}

function wrap(text: string, indent: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/ +/)) {
    const longer = line === "" ? indent + word : `${line} ${word}`;
    if (line !== "" && widthOf(longer) > width) {
      lines.push(line);
      line = indent + word;
    } else line = longer;
  }
  return [...lines, line];
}

/** Terms and their meanings as lines of a page. */
export function rowLines(rows: readonly (readonly [term: string, meaning: string])[]): string[] {
  return formatTable(rows).map((line) => INDENT + line);
}

/** One line for each flag. */
export function flagLines(flags: Flags): string[] {
  return rowLines(
    Object.entries(flags).map(([name, { value, short, help }]) => [
      `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`,
      help,
    ]),
  );
}
