/** Where text for people and programs goes: results to stdout, everything else to stderr, colours only on terminals. @module */
import pc from "picocolors";

/** Functions that colour text, or leave it alone. */
export type Paint = ReturnType<typeof pc.createColors>;

/** Two streams of lines. */
export class Output {
  /** Whether a program reads: then stdout carries exactly one JSON object, and stderr stays silent. */
  readonly isJson: boolean;
  readonly paintOut: Paint;
  readonly paintErr: Paint;

  constructor({ isJson }: { isJson: boolean }) {
    this.isJson = isJson;
    this.paintOut = pc.createColors(hasColour(Deno.stdout));
    this.paintErr = pc.createColors(hasColour(Deno.stderr));
  }

  /** A line of the result. */
  line(text: string): void {
    writeAll(Deno.stdout, text + "\n");
  }

  /** A line about the result: receipts, warnings, errors. */
  note(text: string): void {
    if (!this.isJson) writeAll(Deno.stderr, text + "\n");
  }

  /** The one object that a program reads. */
  json(value: Readonly<Record<string, unknown>>): void {
    writeAll(Deno.stdout, JSON.stringify(value) + "\n");
  }
}

/** https://no-color.org: any non-empty `NO_COLOR` turns colours off; pipes and files never get any. */
function hasColour(stream: { isTerminal(): boolean }): boolean {
  return !Deno.env.get("NO_COLOR") && Deno.env.get("TERM") !== "dumb" && stream.isTerminal();
}

/** Writes text in full. A reader that went away (`| head`) wants no more and is no error. */
export function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  } catch (cause) {
    if (!(cause instanceof Deno.errors.BrokenPipe)) throw cause;
  }
}

/** Text from outside made safe for a terminal: control characters are shown as `\u001b`. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, "0")}`,
  );
}

/** `text` in at most `lengthMax` characters. */
export function cut(text: string, lengthMax: number): string {
  const characters = [...text];
  return characters.length <= lengthMax ? text : characters.slice(0, lengthMax - 1).join("") + "…";
}

/** Rows in columns of equal width, two spaces apart. The first row is the head. Cells must not be coloured yet. */
export function formatTable(
  rows: readonly (readonly string[])[],
  paintCell: (text: string, row: number, column: number) => string = (text) => text,
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      // A last cell may run over: it pushes nothing aside.
      if (column < row.length - 1) widths[column] = Math.max(widths[column] ?? 0, [...cell].length);
    }
  }
  return rows.map((row, rowIndex) =>
    row.map((cell, column) => {
      const padding = column < row.length - 1 ? " ".repeat(widths[column]! - [...cell].length) : "";
      return paintCell(cell, rowIndex, column) + padding;
    }).join("  ").trimEnd()
  );
}
