/** The verbs of a session itself: which keyspace, level and coordinator its lines use, and help on all of them. @module */
import { LEVELS, parseLevel } from "../protocol/level.ts";
import { countOfWords, UsageError } from "./arguments.ts";
import { LOCAL_VERBS } from "./completion_verb.ts";
import { flagLines, rowLines, showHelp } from "./help_text.ts";
import { type Output, printable } from "./output.ts";
import type { Session } from "./session.ts";
import type { Verb } from "./verb.ts";
import { LINE_VERBS, verbOf, VERBS } from "./verbs.ts";

/** One verb of a session. Without words most of them show what is in use. */
export interface SessionVerb {
  readonly name: string;
  readonly words: string;
  readonly summary: string;
  readonly details: string;
  /** Does it and gives the exit code. Throws `UsageError`. */
  run(words: readonly string[], session: Session, output: Output): number | Promise<number>;
}

/** Lines that `history` shows unless told otherwise. */
const HISTORY_SHOWN = 50;

const USE: SessionVerb = {
  name: "use",
  words: "[KEYSPACE]",
  summary: "the keyspace of the following lines",
  details: `EXAMPLES
  use main`,
  run(words, { state }, output): number {
    const [name] = atMostOne(this, words);
    const known = [...state.cluster.keyspaces.keys()];
    if (name !== undefined) {
      if (known.length > 0 && !known.includes(name)) {
        throw new UsageError(`there is no keyspace "${name}"; known: ${known.join(" ")}`);
      }
      state.keyspace = name;
    }
    const shown = state.keyspaceName;
    const others = known.length === 0 ? "" : `  known: ${known.join(" ")}`;
    const text = shown === undefined ? "keyspace: the default one of the cluster" : `keyspace ${shown}`;
    return tell(output, text + others, { keyspace: shown });
  },
};

const LEVEL: SessionVerb = {
  name: "level",
  words: "[LEVEL|default]",
  summary: "the level of the following gets, puts and deletes that name none",
  details: `default goes back to the default_level of the keyspace.

EXAMPLES
  level two
  level default`,
  run(words, { state }, output): number {
    const [word] = atMostOne(this, words);
    if (word !== undefined) {
      const level = parseLevel(word);
      if (level === undefined && word !== "default") {
        throw new UsageError(`"${word}" is no level; allowed: ${LEVELS.join(", ")}, default`);
      }
      state.level = level;
    }
    const text = state.levelName === undefined
      ? "level: the default_level of the keyspace"
      : `level ${state.levelName}${state.level === undefined ? ", the default" : ""}`;
    return tell(output, text, { level: state.levelName });
  },
};

const COORDINATOR: SessionVerb = {
  name: "coordinator",
  words: "[REPLICA]",
  summary: "the replica that carries out the following lines",
  details: `EXAMPLES
  coordinator r2`,
  async run(words, session, output): Promise<number> {
    const { state } = session;
    const [id] = atMostOne(this, words);
    if (id !== undefined) {
      if (!state.cluster.replicas.includes(id)) {
        throw new UsageError(`there is no replica "${id}"; known: ${state.cluster.replicas.join(" ")}`);
      }
      const code = await session.changeCoordinator(id, output);
      if (code !== 0) return code;
    }
    const { coordinator } = state;
    return tell(output, `coordinator ${coordinator}  known: ${state.cluster.replicas.join(" ")}`, {
      coordinator,
    });
  },
};

const TRACE: SessionVerb = {
  name: "trace",
  words: "[on|off]",
  summary: "whether the following gets, puts and deletes show each of their steps",
  details: `A traced request is answered when all its copies have answered, so it takes longer.

EXAMPLES
  trace on`,
  run(words, { state }, output): number {
    const [word] = atMostOne(this, words);
    if (word !== undefined && word !== "on" && word !== "off") {
      throw new UsageError(`trace takes on or off, and "${word}" was given`);
    }
    if (word !== undefined) state.isTracing = word === "on";
    return tell(output, `trace ${state.isTracing ? "on" : "off"}`, { trace: state.isTracing });
  },
};

const HISTORY: SessionVerb = {
  name: "history",
  words: "[COUNT]",
  summary: "the lines typed last, those of earlier consoles included",
  details: `Shows ${HISTORY_SHOWN} unless told how many. They lie in ~/.quartet_history, or in
$XDG_STATE_HOME/quartet/history; QUARTET_HISTORY names another file, and when it is empty, none.

EXAMPLES
  history 10`,
  run(words, session, output): number {
    const [word = String(HISTORY_SHOWN)] = atMostOne(this, words);
    if (!/^[1-9]\d{0,5}$/.test(word)) {
      throw new UsageError(`history takes a count from 1 to 999999, and "${word}" was given`);
    }
    const lines = session.history();
    const first = Math.max(0, lines.length - Number(word));
    if (output.isJson) output.json({ ok: true, lines: lines.slice(first) });
    else {
      const width = String(lines.length).length;
      for (const [index, line] of lines.slice(first).entries()) {
        output.line(`${String(first + index + 1).padStart(width)}  ${printable(line)}`);
      }
    }
    return 0;
  },
};

const CLEAR: SessionVerb = {
  name: "clear",
  words: "",
  summary: "clears the screen",
  details: "",
  run(words, _session, output): number {
    none(this, words);
    // Home, then everything below; a pipe gets nothing.
    if (!output.isJson && Deno.stdout.isTerminal()) output.line("\x1b[H\x1b[2J\x1b[3J\x1b[A");
    return tell(output, undefined, {});
  },
};

const EXIT: SessionVerb = {
  name: "exit",
  words: "",
  summary: "leaves; so do quit and Ctrl-D",
  details: "",
  run(words, session, output): number {
    none(this, words);
    session.isOver = true;
    return tell(output, undefined, {});
  },
};

/** `help [VERB]` */
export const HELP: SessionVerb = {
  name: "help",
  words: "[VERB]",
  summary: "all verbs, or more on one, with examples",
  details: `EXAMPLES
  help put`,
  run(words, _session, output): number {
    const [name] = atMostOne(this, words);
    showHelp(name === undefined ? allVerbsPage() : verbPage(name), output, { isAsked: true });
    return 0;
  },
};

/** In the order in which help names them. */
export const SESSION_VERBS: readonly SessionVerb[] = [
  USE,
  LEVEL,
  COORDINATOR,
  TRACE,
  HISTORY,
  CLEAR,
  HELP,
  EXIT,
];

/** What other stores call them. */
export const SESSION_ALIASES: ReadonlyMap<string, string> = new Map([
  ["select", "use"],
  ["consistency", "level"],
  ["tracing", "trace"],
  ["quit", "exit"],
  ["?", "help"],
]);

/** The session's verb of this name or alias, in any case, or undefined. */
export function findSessionVerb(name: string): SessionVerb | undefined {
  const word = name.toLowerCase();
  const meant = SESSION_ALIASES.get(word) ?? word;
  return SESSION_VERBS.find((verb) => verb.name === meant);
}

/** The verb that a line begins with, where it is none of the session's own. Throws `UsageError`. */
export function lineVerbOf(name: string): Verb {
  refuseShellVerb(name);
  return verbOf(name, SESSION_VERBS.map((other) => other.name), LINE_VERBS);
}

/** Throws `UsageError` where only a shell's command line can begin with this word. */
export function refuseShellVerb(name: string): void {
  const word = name.toLowerCase();
  const verb = [...VERBS.filter(({ isOfShell }) => isOfShell), ...LOCAL_VERBS].find((other) =>
    other.name === word
  );
  if (verb === undefined) return;
  throw new UsageError(`${verb.name} runs from the shell: quartet client ${verb.name} ${verb.words}`);
}

function verbPage(name: string): string {
  const verb = findSessionVerb(name) ?? lineVerbOf(name);
  const flags = "flags" in verb ? flagLines(verb.flags) : [];
  // Why: the words of a verb are those of a shell, where the binary comes first, and pipes exist.
  const details = verb.details.replaceAll(/^ .*\| quartet .*\n?/gm, "")
    .replace(/^A VALUE of - is read from stdin[^.]*\. /m, "")
    .replaceAll(/\bquartet client (?=\w|-)/g, "").trimEnd();
  return [
    `${verb.name} – ${verb.summary}`,
    "",
    "USAGE",
    `  ${verb.name} ${verb.words}`.trimEnd(),
    ...(flags.length === 0 ? [] : ["", "FLAGS", ...flags]),
    ...(details === "" ? [] : ["", ...(details.startsWith("EXAMPLES") ? [] : ["DESCRIPTION"]), details]),
  ].join("\n");
}

function allVerbsPage(): string {
  const rows = (verbs: readonly { name: string; words: string; summary: string }[]): string[] =>
    rowLines(verbs.map(({ name, words, summary }) => [`${name} ${words}`.trimEnd(), summary]));
  return [
    "A console: each line is a verb and its words",
    "",
    "VERBS",
    ...rows(LINE_VERBS),
    "",
    "THE CONSOLE ITSELF",
    ...rows(SESSION_VERBS),
    "",
    "KEYS",
    ...rowLines([
      ["Tab", "completes verbs, keys, levels, keyspaces, replicas, flags"],
      ["up, down", "earlier lines"],
      ["Ctrl-C", "clears the line; while a request runs: stops waiting for it"],
      ["Ctrl-D", "leaves"],
    ]),
    "",
    "A value with spaces stands in quotes. A line that begins with # is a comment.",
  ].join("\n");
}

function tell(output: Output, text: string | undefined, fields: Record<string, unknown>): number {
  if (output.isJson) output.json({ ok: true, ...fields });
  else if (text !== undefined) output.note(text);
  return 0;
}

function atMostOne(verb: SessionVerb, words: readonly string[]): readonly string[] {
  if (words.length > 1) {
    throw new UsageError(`${verb.name} takes ${verb.words}, and ${countOfWords(words)} given`);
  }
  return words;
}

function none(verb: SessionVerb, words: readonly string[]): void {
  if (words.length > 0) throw new UsageError(`${verb.name} takes no words, and "${words[0]}" was given`);
}
