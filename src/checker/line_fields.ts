/** The fields of one line of a history, looked at one by one: what is wrong first is kept, so that a person reads it. @module */
import type { HeldVersion, HistoryVersion } from "./history.ts";

/** What a field may be. */
export interface FieldKind<T> {
  is(value: unknown): value is T;
  /** For the error message. */
  readonly allowed: string;
  /** Stands in where the field is wrong. */
  readonly blank: T;
}

const NAME_CHARS_MAX = 200;
const NAMES_MAX = 1000;
const VERSIONS_MAX = 1000;
const SHOWN_CHARS_MAX = 40;
const COUNT_MAX = 1_000_000;

/** A point or a length of time. */
export const MILLISECONDS: FieldKind<number> = {
  is: (value): value is number => typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER,
  allowed: "milliseconds, a number from 0 on",
  blank: 0,
};

/** A small number of things. */
export const COUNT: FieldKind<number> = {
  is: (value): value is number => isInteger(value) && value >= 0 && value <= COUNT_MAX,
  allowed: `an integer from 0 to ${COUNT_MAX}`,
  blank: 0,
};

/** The number of a client. */
export const CLIENT: FieldKind<number> = { is: isInteger, allowed: "an integer", blank: 0 };

/** Any text, an empty one too. */
export const TEXT: FieldKind<string> = {
  is: (value): value is string => typeof value === "string" && value.isWellFormed(),
  allowed: "well-formed text",
  blank: "",
};

/** The name of a replica, a session or a level. */
export const NAME: FieldKind<string> = {
  is: isName,
  allowed: `text of 1 to ${NAME_CHARS_MAX} characters`,
  blank: "",
};

/** Names of replicas. */
export const NAMES: FieldKind<readonly string[]> = {
  is: (value): value is readonly string[] =>
    Array.isArray(value) && value.length <= NAMES_MAX && value.every(isName),
  allowed: `an array of at most ${NAMES_MAX} names`,
  blank: [],
};

/** A key, which a person may write as a number. */
export const KEY: FieldKind<string | number> = {
  is: (value): value is string | number => isInteger(value) || TEXT.is(value),
  allowed: "text or an integer",
  blank: "",
};

/** A value, or null for nothing. */
export const VALUE: FieldKind<string | null> = {
  is: (value): value is string | null => value === null || TEXT.is(value),
  allowed: "well-formed text, or null for nothing",
  blank: null,
};

/** What is said by being there. */
export const TRUE: FieldKind<true> = {
  is: (value): value is true => value === true,
  allowed: "true",
  blank: true,
};

/** The name of a write. */
export const VERSION: FieldKind<HistoryVersion> = {
  is: (value): value is HistoryVersion =>
    isObject(value) && Object.keys(value).length === 2 && isInteger(value["stamp"]) &&
    isName(value["origin"]),
  allowed: 'an object of "stamp", an integer, and "origin", a name',
  blank: { stamp: 0, origin: "" },
};

/** Yes or no. */
export const FLAG: FieldKind<boolean> = {
  is: (value): value is boolean => typeof value === "boolean",
  allowed: "true or false",
  blank: false,
};

/** Names of writes. */
export const VERSIONS: FieldKind<readonly HistoryVersion[]> = {
  is: (value): value is readonly HistoryVersion[] =>
    Array.isArray(value) && value.length <= VERSIONS_MAX && value.every(VERSION.is),
  allowed: `an array of at most ${VERSIONS_MAX}, each ${VERSION.allowed}`,
  blank: [],
};

/** Names of writes, each with its value. */
export const SIBLINGS: FieldKind<readonly HeldVersion[]> = {
  is: (value): value is readonly HeldVersion[] =>
    Array.isArray(value) && value.length <= VERSIONS_MAX && value.every(isSibling),
  allowed:
    `an array of at most ${VERSIONS_MAX}, each ${VERSION.allowed}, and "value", text or null for a deletion`,
  blank: [],
};

/** What levels mean: names with the copies that they need. */
export const LEVELS: FieldKind<Readonly<Record<string, number>>> = {
  is: (value): value is Readonly<Record<string, number>> =>
    isObject(value) && Object.keys(value).length <= NAMES_MAX && Object.values(value).every(COUNT.is),
  allowed: "an object of names of levels, each with the copies that it needs",
  blank: {},
};

/** One of a closed list of words. */
export function oneOf<const T extends string>(words: readonly [T, ...T[]]): FieldKind<T> {
  return {
    is: (value): value is T => words.some((word) => word === value),
    allowed: words.join(", "),
    blank: words[0],
  };
}

/** One line. */
export class LineFields {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #asked = new Set<string>();
  #problem: string | undefined;

  /** Nothing is read from JSON that is no object. */
  constructor(json: unknown) {
    this.#fields = isObject(json) ? json : {};
    if (!isObject(json)) this.refuse(`${show(json)} is no object; each line is one JSON object`);
  }

  /** What is wrong with this line first. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** A field that must be there. */
  required<T>(name: string, kind: FieldKind<T>): T {
    return this.#take(name, kind) ?? kind.blank;
  }

  /** A field that may be left out; undefined where it is. */
  optional<T>(name: string, kind: FieldKind<T>): T | undefined {
    return Object.hasOwn(this.#fields, name) ? this.#take(name, kind) : this.#skip(name);
  }

  /** As an object to spread: with the field `as`, or empty. */
  spread<T, const N extends string>(name: string, kind: FieldKind<T>, as: N): { [name in N]?: T } {
    const value = this.optional(name, kind);
    return (value === undefined ? {} : { [as]: value }) as { [name in N]?: T };
  }

  /** Something else is wrong with this line. */
  refuse(problem: string): void {
    this.#problem ??= problem;
  }

  /** Every field was asked for: what is left has no meaning, and is probably misspelt. */
  finish(): void {
    const unknown = Object.keys(this.#fields).find((name) => !this.#asked.has(name));
    if (unknown === undefined) return;
    this.refuse(
      `"${short(unknown)}" has no meaning here; fields of such a line: ${[...this.#asked].join(", ")}`,
    );
  }

  #skip(name: string): undefined {
    this.#asked.add(name);
  }

  #take<T>(name: string, kind: FieldKind<T>): T | undefined {
    this.#asked.add(name);
    const value = Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
    if (kind.is(value)) return value;
    const came = value === undefined ? "is missing" : `is ${show(value)}`;
    this.refuse(`"${name}" ${came}; allowed: ${kind.allowed}`);
    return undefined;
  }
}

function isSibling(value: unknown): value is HeldVersion {
  if (!isObject(value)) return false;
  const { value: content, ...version } = value;
  return VERSION.is(version) && VALUE.is(content);
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isName(value: unknown): value is string {
  return TEXT.is(value) && value.length > 0 && value.length <= NAME_CHARS_MAX;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value in an error message: short, and never walked into, however deep it is. */
function show(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "string" ? JSON.stringify(short(value)) : String(value);
}

function short(text: string): string {
  return text.length <= SHOWN_CHARS_MAX ? text : `${text.slice(0, SHOWN_CHARS_MAX)}…`;
}
