/**
 * What may come next on a command line: from its words so far, to candidates for the one being typed. Pure; the console
 * and the shells ask the same. What a word is follows from the words and flags that a verb says it takes.
 * @module
 */
import { LEVELS } from "../protocol/level.ts";
import type { Flags } from "./arguments.ts";
import { FAULT_FORMS } from "./fault_words.ts";

/** What can be completed, as its help says it. */
export interface CommandShape {
  readonly name: string;
  /** Such as `KEY VALUE [LEVEL]`. */
  readonly words: string;
  readonly summary: string;
  readonly flags?: Flags;
}

/** The names that a completer knows. */
export interface Knowledge {
  readonly keyspaces: readonly string[];
  readonly replicas: readonly string[];
  readonly keys: readonly string[];
}

/** What may be typed, by whom. */
export interface Grammar {
  readonly commands: readonly CommandShape[];
  /** Other names of commands; offered only when nothing else fits. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Flags of every command. */
  readonly flags: Flags;
  /** Flags of a line without a command. */
  readonly flagsAlone?: Flags;
  readonly knowledge: Knowledge;
}

/** One word that may stand in place of the one being typed. */
export interface Candidate {
  readonly text: string;
  readonly summary?: string;
}

/** Either words, or any name of a file. */
export type Completion = readonly Candidate[] | "files";

/** Candidates for the word `partial` behind `words`. */
export function complete(words: readonly string[], partial: string, grammar: Grammar): Completion {
  const { positionals, valueFlag, isOver } = walk(words, allFlags(grammar));
  const command = commandOf(positionals[0], grammar);
  if (valueFlag !== undefined) return fitting(wordsOfKind(valueFlag, grammar), partial);
  const isFlag = grammar.commands.length === 0 || /^-(?!\d)/.test(partial);
  if (!isOver && isFlag) return flagCandidates(partial, words, command, grammar);
  if (positionals.length === 0) return commandCandidates(partial, grammar);
  if (command === undefined) return [];
  return fitting(wordsOfKind(kindAt(command.words, positionals.length - 1), grammar), partial);
}

interface Walk {
  /** The command and its words. */
  readonly positionals: readonly string[];
  /** What the last word, a flag, waits for. */
  readonly valueFlag?: string;
  /** Whether `--` was said. */
  readonly isOver: boolean;
}

function walk(words: readonly string[], flags: Flags): Walk {
  const positionals: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === "--") return { positionals: [...positionals, ...words.slice(at + 1)], isOver: true };
    const flag = /^--[^=]+$/.test(word) ? flags[word.slice(2)] : undefined;
    if (flag?.value !== undefined) {
      at++;
      if (at === words.length) return { positionals, valueFlag: flag.value, isOver: false };
    } else if (!/^-(?!\d)./.test(word)) positionals.push(word);
  }
  return { positionals, isOver: false };
}

function allFlags({ flags, flagsAlone, commands }: Grammar): Flags {
  return Object.assign({}, ...commands.map((command) => command.flags ?? {}), flagsAlone, flags);
}

function commandOf(name: string | undefined, { commands, aliases }: Grammar): CommandShape | undefined {
  const word = name?.toLowerCase() ?? "";
  return commands.find((command) => command.name === (aliases.get(word) ?? word));
}

function commandCandidates(partial: string, { commands, aliases }: Grammar): Completion {
  const fits = fitting(commands.map(({ name, summary }) => ({ text: name, summary })), partial);
  if (fits.length > 0) return fits;
  return fitting([...aliases].map(([text, meant]) => ({ text, summary: `the same as ${meant}` })), partial);
}

function flagCandidates(
  partial: string,
  words: readonly string[],
  command: CommandShape | undefined,
  grammar: Grammar,
): Completion {
  const flags: Flags = { ...grammar.flags, ...(command === undefined ? grammar.flagsAlone : command.flags) };
  const [, name, value] = /^--([^=]+)=(.*)$/s.exec(partial) ?? [];
  if (name !== undefined) {
    const kind = Object.hasOwn(flags, name) ? flags[name]!.value : undefined;
    const values = kind === undefined ? [] : fitting(wordsOfKind(kind, grammar), value!);
    if (values === "files") return "files";
    return values.map((candidate) => ({ ...candidate, text: `--${name}=${candidate.text}` }));
  }
  const unused = Object.entries(flags).filter(([flag]) => !words.includes(`--${flag}`));
  return fitting(unused.map(([flag, { help }]) => ({ text: `--${flag}`, summary: help })), partial);
}

/** What stands at this place in `KEY VALUE [LEVEL]` or `[KEY…]`. */
function kindAt(words: string, index: number): string {
  const kinds = words.split(" ").map((word) => word.replaceAll(/[[\]]/g, ""));
  const last = kinds.at(-1)!;
  return (kinds[index] ?? (last.endsWith("…") ? last : "")).replace("…", "");
}

/** All words of a kind: one that is known by name, or one of those named, such as `on|off`. */
function wordsOfKind(kind: string, { commands, knowledge }: Grammar): Kind {
  const listed = (words: readonly string[]): Kind => words.map((text) => ({ text }));
  switch (kind) {
    case "KEY":
    case "PREFIX":
      return listed(knowledge.keys);
    case "LEVEL":
      return listed(LEVELS);
    case "KEYSPACE":
    case "NAME":
      return listed(knowledge.keyspaces);
    case "REPLICA":
    case "ID":
      return listed(knowledge.replicas);
    case "KIND":
      return listed(Object.keys(FAULT_FORMS));
    case "IDS":
      return { listOf: knowledge.replicas };
    case "VERB":
      return commands.map(({ name, summary }) => ({ text: name, summary }));
    case "FILE":
    case "DIR":
      return "files";
    case "LEVEL|default":
      return listed([...LEVELS, "default"]);
    default:
      return /^[a-z|]+$/.test(kind) ? listed(kind.split("|")) : [];
  }
}

/** Candidates, a comma-separated list of some words, or files. */
type Kind = readonly Candidate[] | { readonly listOf: readonly string[] } | "files";

function fitting(kind: readonly Candidate[], partial: string): readonly Candidate[];
function fitting(kind: Kind, partial: string): Completion;
function fitting(kind: Kind, partial: string): Completion {
  if (kind === "files") return "files";
  if ("listOf" in kind) {
    const before = partial.slice(0, partial.lastIndexOf(",") + 1);
    const given = before.split(",");
    const rest = kind.listOf.filter((word) => !given.includes(word));
    return fitting(rest.map((word) => ({ text: before + word })), partial);
  }
  // Why: names that are written in capitals may be typed in small letters, and then go on in them.
  const isSmall = partial !== "" && partial === partial.toLowerCase();
  return kind
    .map((candidate) =>
      isSmall && /^[A-Z]+$/.test(candidate.text)
        ? { ...candidate, text: candidate.text.toLowerCase() }
        : candidate
    )
    .filter(({ text }) => text.startsWith(partial));
}
