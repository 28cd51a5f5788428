/**
 * Words and flags of a command line. Flags may stand anywhere before `--`; a word of `-` and a digit is a value, so
 * that `put 7 -1` does what it says. Knows nothing of what the words mean.
 * @module
 */
import { parseArgs } from "node:util";

/** A command line that cannot be carried out as written. The message names the word and the way out. */
export class UsageError extends TypeError {
  override readonly name = "UsageError";
}

/** One flag. */
export interface Flag {
  /** What follows it, such as `FILE`; absent for a switch. */
  readonly value?: string;
  /** One line for `--help`. */
  readonly help: string;
  /** A single letter that means the same. */
  readonly short?: string;
}

/** The flags that a command knows, by name without dashes. */
export type Flags = Readonly<Record<string, Flag>>;

/** A command line taken apart. */
export interface Arguments {
  readonly words: readonly string[];
  /** What was given, by flag name; a switch that was given has the value `""`. */
  readonly flags: ReadonlyMap<string, string>;
}

/** Takes a command line apart. Throws `UsageError` at an unknown flag, a missing or an unasked-for value. */
export function parseArguments(args: readonly string[], known: Flags): Arguments {
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      Object.entries(known).map(([name, { value, short }]) => [
        name,
        { type: value === undefined ? "boolean" as const : "string" as const, ...(short ? { short } : {}) },
      ]),
    ),
  });
  const words: string[] = [];
  const flags = new Map<string, string>();
  let lastNumberIndex = -1;
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const word = args[token.index]!;
    if (/^-\d/.test(word)) {
      // Why: one word `-12` comes as two options at one index.
      if (token.index !== lastNumberIndex) words.push(word);
      lastNumberIndex = token.index;
      continue;
    }
    const flag = Object.hasOwn(known, token.name) ? known[token.name]! : undefined;
    if (flag === undefined) throw unknownFlag(token.rawName, Object.keys(known));
    if (flag.value === undefined) {
      if (token.value !== undefined) {
        throw new UsageError(`${token.rawName} takes no value, and "${token.value}" was given`);
      }
    } else if (token.value === undefined || token.value === "") {
      throw new UsageError(`${token.rawName} needs a value: ${token.rawName} ${flag.value}`);
    } else if (!token.inlineValue && token.value.startsWith("--")) {
      // Why: `--timeout --json` forgot a value; nobody means "--json" as one.
      throw new UsageError(
        `${token.rawName} needs a value, and "${token.value}" follows: write ` +
          `${token.rawName}=${token.value} if that is the value`,
      );
    }
    flags.set(token.name, token.value ?? "");
  }
  return { words, flags };
}

/** `1 word was`, `3 words were`: how many there are, for the error that says how many there should be. */
export function countOfWords(words: readonly string[]): string {
  return words.length === 1 ? "1 word was" : `${words.length} words were`;
}

function unknownFlag(rawName: string, known: readonly string[]): UsageError {
  const nearest = nearestOf(rawName.replace(/^-+/, ""), known);
  const hint = nearest === undefined
    ? `known: ${known.map((name) => `--${name}`).join(" ")}`
    : `did you mean --${nearest}?`;
  return new UsageError(`unknown flag ${rawName}; ${hint} (a value that starts with - goes after --)`);
}

/** The candidate that `word` most likely meant, or undefined when none is near. */
export function nearestOf(word: string, candidates: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let nearestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = candidate.startsWith(word) && word.length > 1 ? 1 : editDistance(word, candidate);
    if (distance < nearestDistance && distance < candidate.length) {
      nearest = candidate;
      nearestDistance = distance;
    }
  }
  return nearest;
}

/** Letters to insert, remove or replace on the way from `a` to `b` (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Longest time that a command waits: a day. */
const DURATION_MAX_MS = 86_400_000;

/** Milliseconds of text such as `500ms`, `2s`, `1.5m`, of any size; undefined where it is none. */
export function spanOf(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  return digits === undefined ? undefined : Math.round(Number(digits) * UNITS_MS[unit]!);
}

/** In a shorter time not even a connection stands for certain: to ask for it says nothing of the cluster. */
const TIMEOUT_MS_MIN = 100;

/** The value of `--timeout`. Throws `UsageError`. */
export function parseTimeoutMs(text: string): number {
  return parseDurationMs(text, "timeout", TIMEOUT_MS_MIN);
}

/** Milliseconds of text such as `500ms`, `2s`, `1.5m`. Throws `UsageError` otherwise; `flag` is named in it. */
export function parseDurationMs(text: string, flag: string, minMs = 1): number {
  const durationMs = spanOf(text);
  if (durationMs !== undefined && durationMs >= minMs && durationMs <= DURATION_MAX_MS) return durationMs;
  const wrong = durationMs === undefined ? "not a time" : durationMs < minMs ? "too short" : "too long";
  throw new UsageError(`--${flag} ${text}: ${wrong}; allowed: ${minMs}ms to 24h, such as 500ms, 2s, 1m`);
}

/** Host and port of text such as `127.0.0.1:7411` or `[::1]:7411`. Throws `UsageError` otherwise. */
export function parseAddress(text: string, flag: string): { host: string; port: number } {
  const [, host = "", port = ""] = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === "" || Number(port) < 1 || Number(port) > 65_535) {
    throw new UsageError(
      `--${flag} ${text}: not an address; allowed: HOST:PORT with a port from 1 to 65535, such as 127.0.0.1:7411`,
    );
  }
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}
