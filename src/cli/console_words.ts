/** One typed line as words, quoted as in a shell: 'single', "double" and \ before one character. Expands nothing. @module */
import { UsageError } from "./arguments.ts";

/** A line as far as it was typed. */
export interface TypedLine {
  /** The words that are over, without their quotes. */
  readonly words: readonly string[];
  /** The word that the line ends in, without its quotes; empty after a space. */
  readonly partial: string;
  /** Where that word begins in the line. */
  readonly begin: number;
  /** The quote that was opened and not closed, or a backslash at the very end. */
  readonly open?: "'" | '"' | "\\";
}

const SPACE = /\s/;

/** The words of a line. Throws `UsageError` where a quote is not closed. */
export function splitWords(line: string): string[] {
  const { words, partial, begin, open } = readTypedLine(line);
  if (open === "\\") {
    throw new UsageError(
      "the line ends with a \\, which quotes the character behind it; write \\\\ for the \\ itself",
    );
  }
  if (open !== undefined) {
    throw new UsageError(
      `the quote ${open} is never closed; close it, or write \\${open} for the character itself`,
    );
  }
  return begin < line.length ? [...words, partial] : [...words];
}

/** Reads a line that may not be over yet. */
export function readTypedLine(line: string): TypedLine {
  const words: string[] = [];
  let partial = "";
  let begin = line.length;
  let open: TypedLine["open"];
  for (let at = 0; at < line.length; at++) {
    const character = line[at]!;
    const isInWord = begin < line.length;
    if (open === undefined && SPACE.test(character)) {
      if (isInWord) words.push(partial);
      partial = "";
      begin = line.length;
      continue;
    }
    if (!isInWord) begin = at;
    if (open === "\\") {
      partial += character;
      open = undefined;
    } else if (open === "'" || open === '"') {
      const next = line[at + 1];
      if (character === open) open = undefined;
      // As in a shell: within double quotes a backslash is itself, unless it hides a quote or a backslash.
      else if (open === '"' && character === "\\" && (next === '"' || next === "\\")) partial += line[++at];
      else partial += character;
    } else if (character === "'" || character === '"' || character === "\\") open = character;
    else partial += character;
  }
  return { words, partial, begin, ...(open === undefined ? {} : { open }) };
}

/** A word written so that `splitWords` gives it back. */
export function quoteWord(word: string): string {
  if (word !== "" && !/[\s'"\\#]/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
