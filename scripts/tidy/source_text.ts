/**
 * One TypeScript file split into code and prose: comments and the insides of strings are blanked, so that rules about
 * words look at code only. A scanner, not a parser: it knows strings, templates, comments and regular expressions.
 * @module
 */

/** Words after which a `/` starts a regular expression and not a division. */
const BEFORE_REGEX = new Set(
  "return typeof case in of delete void throw new else do yield await instanceof".split(" "),
);

/** A file as the rules see it. */
export class SourceText {
  /** Path from the top of the repository, with `/`. */
  readonly path: string;
  /** The whole text. */
  readonly text: string;
  /** As long as `text`, line for line; what is not code is spaces. Quotes stay. */
  readonly code: string;
  readonly #strings: ReadonlyMap<number, string>;

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
    const { code, strings } = scan(text);
    this.code = code;
    this.#strings = strings;
  }

  /** The content of the string whose opening quote is at `offset`. */
  stringAt(offset: number): string | undefined {
    return this.#strings.get(offset);
  }

  /** The line, from 1, of an offset. */
  lineOf(offset: number): number {
    return this.text.slice(0, offset).split("\n").length;
  }

  /** Lines in the file; a last line without an end counts. */
  lineCount(): number {
    const lines = this.text.split("\n");
    return lines.at(-1) === "" ? lines.length - 1 : lines.length;
  }
}

function scan(text: string): { code: string; strings: Map<number, string> } {
  const parts: string[] = [];
  const strings = new Map<number, string>();
  /** Open braces, innermost last. */
  const braces: ("block" | "template")[] = [];
  let previous = "";
  let at = 0;
  const keep = (end: number): void => void (parts.push(text.slice(at, end)), at = end);
  const blank = (end: number): void =>
    void (parts.push(text.slice(at, end).replace(/[^\n]/g, " ")), at = end);
  const template = (): void => {
    blank(templateEnd(text, at));
    if (text[at] === "$") {
      braces.push("template");
      keep(at + 2);
      previous = "{";
    } else {
      keep(at + 1);
      previous = "`";
    }
  };
  while (at < text.length) {
    const char = text[at]!;
    if (text.startsWith("//", at)) blank(orEnd(text, text.indexOf("\n", at)));
    else if (text.startsWith("/*", at)) blank(orEnd(text, text.indexOf("*/", at + 2), 2));
    else if (char === '"' || char === "'") {
      const begin = at;
      keep(at + 1);
      blank(quoteEnd(text, at, char));
      strings.set(begin, text.slice(begin + 1, at));
      keep(at + 1);
      previous = char;
    } else if (char === "`") {
      keep(at + 1);
      template();
    } else if (char === "}" && braces.pop() === "template") {
      keep(at + 1);
      template();
    } else if (char === "/" && startsRegex(previous)) {
      keep(at + 1);
      blank(regexEnd(text, at));
      keep(at + 1);
      previous = "/regex/";
    } else {
      const word = /[\w$]+|\s+|[^]/y;
      word.lastIndex = at;
      const [token] = word.exec(text)!;
      if (token === "{") braces.push("block");
      if (token.trim() !== "") previous = token;
      keep(at + token.length);
    }
  }
  return { code: parts.join(""), strings };
}

function orEnd(text: string, index: number, length = 0): number {
  return index < 0 ? text.length : index + length;
}

function quoteEnd(text: string, from: number, quote: string): number {
  let at = from;
  while (at < text.length && text[at] !== quote && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1;
  return Math.min(at, text.length);
}

/** Offset of the closing backtick or of the next `${`. */
function templateEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== "`" && !text.startsWith("${", at)) at += text[at] === "\\" ? 2 : 1;
  return Math.min(at, text.length);
}

function regexEnd(text: string, from: number): number {
  let isInClass = false;
  let at = from;
  for (; at < text.length && text[at] !== "\n" && (isInClass || text[at] !== "/"); at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "[") isInClass = true;
    else if (text[at] === "]") isInClass = false;
  }
  return Math.min(at, text.length);
}

function startsRegex(previous: string): boolean {
  return BEFORE_REGEX.has(previous) || !/[\w$)\]}"'`/]$/.test(previous);
}
