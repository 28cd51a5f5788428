/** Where text for people and programs goes: results to stdout, everything else to stderr, colours only on terminals. @module */
import pc from "picocolors";
import { wrapLine } from "./table.ts";

/** Functions that colour text, or leave it alone. */
export type Paint = ReturnType<typeof pc.createColors>;

/** Two streams of lines. */
export class Output {
  /** Whether a program reads: then stdout carries exactly one JSON object, and stderr stays silent. */
  readonly isJson: boolean;
  readonly paintOut: Paint;
  readonly paintErr: Paint;
  /** Columns of the terminal; undefined where stdout, stderr is none: then nothing is cut or wrapped. */
  readonly widthOut: number | undefined;
  readonly widthErr: number | undefined;

  #isSilenced = false;
  #isReaderGone = false;
  readonly #line: number | undefined;

  /** `line` is the line of a script that is answered; objects name it. */
  constructor({ isJson, line }: { readonly isJson: boolean; readonly line?: number }) {
    this.#line = line;
    this.isJson = isJson;
    this.paintOut = pc.createColors(hasColour(Deno.stdout));
    this.paintErr = pc.createColors(hasColour(Deno.stderr));
    this.widthOut = widthOfTerminal(Deno.stdout);
    this.widthErr = widthOfTerminal(Deno.stderr);
  }

  /** Nothing more is written: nobody waits for it any more. */
  silence(): void {
    this.#isSilenced = true;
  }

  /** Whether nobody will read further results: whoever has more of them may stop. */
  get isUnread(): boolean {
    return this.#isSilenced || this.#isReaderGone;
  }

  /** A line of the result. */
  line(text: string): void {
    if (!this.#isSilenced) this.#write(text + "\n");
  }

  /** A line about the result: receipts, warnings, errors. A terminal gets it wrapped between words. */
  note(text: string): void {
    if (this.isJson || this.#isSilenced) return;
    writeNote(text.split("\n").map((line) => wrapLine(line, this.widthErr)).join("\n"));
  }

  /** A value from outside: a pipe gets it as it is, and a terminal without what could take it over. */
  value(text: string): void {
    this.line(Deno.stdout.isTerminal() ? printableLines(text) : text);
  }

  /** The one object that a program reads. */
  json(value: Readonly<Record<string, unknown>>): void {
    if (this.#isSilenced) return;
    const object = this.#line === undefined ? value : { line: this.#line, ...value };
    // Why: `\u001b` in a JSON string means the same as the character, and does nothing to a terminal.
    this.#write(printable(JSON.stringify(object)) + "\n");
  }

  #write(text: string): void {
    if (!writeAll(Deno.stdout, text)) this.#isReaderGone = true;
  }
}

/** https://no-color.org: any non-empty `NO_COLOR` turns colours off; pipes and files never get any. */
function hasColour(stream: { isTerminal(): boolean }): boolean {
  return !Deno.env.get("NO_COLOR") && Deno.env.get("TERM") !== "dumb" && stream.isTerminal();
}

/** Columns where a terminal does not tell how many it has. */
const WIDTH_DEFAULT = 80;

/** Columns of a stream's terminal; undefined where it is a pipe or a file. */
export function widthOfTerminal(stream: { isTerminal(): boolean }): number | undefined {
  if (!stream.isTerminal()) return undefined;
  try {
    return Deno.consoleSize().columns || WIDTH_DEFAULT;
  } catch {
    // Some terminals do not tell.
    return WIDTH_DEFAULT;
  }
}

/** What was to be printed could not be: the disk behind `> file` is full, say. */
export class OutputLostError extends Error {
  override readonly name = "OutputLostError";
}

/**
 * Writes text in full. A reader that went away (`| head`) wants no more and is no error: then it is false.
 * Throws `OutputLostError`.
 */
export function writeAll(stream: Writable, text: string): boolean {
  try {
    writeWhole(stream, text);
    return true;
  } catch (error) {
    if (error instanceof OutputLostError && error.cause instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  }
}

/** Writes text in full, for somebody who needs all of it: a reader that went away is an error too. Throws `OutputLostError`. */
export function writeWhole(stream: Writable, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  } catch (cause) {
    throw new OutputLostError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

interface Writable {
  writeSync(bytes: Uint8Array): number;
}

/** A line to stderr. Where that cannot be written there is no place left to say so. */
export function writeNote(text: string): void {
  try {
    writeAll(Deno.stderr, text + "\n");
  } catch (cause) {
    if (!(cause instanceof OutputLostError)) throw cause;
  }
}

/** Text from outside made safe for a terminal, in one line: control characters are shown as `\u001b`. */
export function printable(text: string): string {
  return text.replaceAll(CONTROL, escaped);
}

/** The same, and lines and tabs stay, and what joins letters or emoji to one, as in Persian and in families. */
export function printableLines(text: string): string {
  return text.replaceAll(CONTROL, (character) => HARMLESS.has(character) ? character : escaped(character));
}

const HARMLESS: ReadonlySet<string> = new Set(["\n", "\t", "\u200c", "\u200d"]);

const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** As JSON escapes it: a character beyond the first 65536 as two units. */
function escaped(character: string): string {
  return character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
}
