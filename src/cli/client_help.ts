/** The pages of `quartet client --help` and of its verbs. Flags, verbs and exit codes come from their tables. @module */
import type { Flags } from "./arguments.ts";
import type { CommandShape } from "./completer.ts";
import { CLIENT_EXITS, exitRows } from "./exit_codes.ts";
import { flagLines, rowLines } from "./help_text.ts";
import { SECRET_ENVIRONMENT } from "./replica_help.ts";
import type { Verb } from "./verb.ts";
import { ALIASES, VERBS } from "./verbs.ts";

/** Flags of every verb. */
export const CLIENT_FLAGS: Flags = {
  config: { value: "FILE", help: "the cluster's file; cluster.toml unless given" },
  connect: { value: "HOST:PORT", help: "one replica's address, where there is no file" },
  coordinator: { value: "ID", help: "the replica that coordinates; else the first that can be reached" },
  keyspace: { value: "NAME", help: "else the default keyspace of the cluster" },
  timeout: { value: "TIME", help: "how long to wait, such as 500ms, 2s, 1m; at least 100ms" },
  json: { help: "one JSON object on stdout, nothing else" },
  help: { help: "this text, or that of a verb", short: "h" },
};

/** Flags of a console or a script, which have no verb on the command line. */
export const SESSION_FLAGS: Flags = {
  failover: { help: "move on by itself when the coordinator does not answer" },
  "keep-going": { help: "carry out a script to its end, and exit as its first failure does" },
};

/** What the client reads from its environment. */
export const CLIENT_ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  ...SECRET_ENVIRONMENT,
  ["NO_COLOR", "any text turns colours off; pipes and files get none anyway"],
  ["TERM", "dumb turns colours off too"],
  ["QUARTET_HISTORY", "the file of lines typed in the console; empty: none is kept"],
  ["XDG_STATE_HOME", "where it is set, the history is quartet/history below it"],
];

const CLIENT_FILES: readonly (readonly [path: string, meaning: string])[] = [
  ["cluster.toml", "in the directory where you are: who the replicas are, where they listen, the secret"],
  ["~/.quartet_history", "the last lines typed in the console"],
];

/** The page of `quartet client --help`. `localVerbs` are those that ask no cluster. */
export function clientPage(localVerbs: readonly CommandShape[]): string {
  return `quartet client – asks a replicated key-value store

USAGE
  quartet client [FLAG…] VERB [WORD…]
  quartet client [FLAG…]
  quartet client help VERB

DESCRIPTION
Carries out one verb against a cluster and ends. Any replica can coordinate any request: without
--coordinator it is the first of the file that can be reached. How many copies must answer is the
LEVEL: ONE, TWO, THREE, QUORUM (more than half) or ALL, in any case.

Values, tables and --json go to stdout; receipts, warnings and errors go to stderr. A receipt names
who acknowledged or answered, when and by whom the value was written, the version of that write, who
is still owed it, and who coordinated. A value that starts with a dash and a letter goes after --.

Without a verb, on a terminal, it is a console: a prompt, line editing, history, Tab, and help. With
commands on stdin it carries them out, one a line, and ends at the first failure, with its exit code.

VERBS
${
    rowLines([...VERBS.map(verbRow), ...localVerbs.map(verbRow), [
      "help VERB",
      "more on one verb, with examples",
    ]]).join("\n")
  }

FLAGS
${flagLines(CLIENT_FLAGS).join("\n")}

FLAGS OF A CONSOLE OR A SCRIPT
${flagLines(SESSION_FLAGS).join("\n")}

ENVIRONMENT
${rowLines(CLIENT_ENVIRONMENT).join("\n")}

FILES
${rowLines(CLIENT_FILES).join("\n")}

EXIT CODES
${rowLines(exitRows(CLIENT_EXITS)).join("\n")}

EXAMPLES
  quartet client put 7 hello TWO
  quartet client get 7 TWO
  quartet client --coordinator r2 --json get 7 one
  quartet client --connect 127.0.0.1:7411 status
  quartet client --failover < commands.txt
  value=$(quartet client get 7) || echo "exit code $?"
`;
}

/** The page of one verb. */
export function verbPage(verb: Omit<Verb, "parse">): string {
  const { name, words, summary, details, flags } = verb;
  const aliases = [...ALIASES].filter(([, meant]) => meant === name).map(([alias]) => alias);
  return [
    `quartet client ${name} – ${summary}`,
    "",
    "USAGE",
    `  quartet client [FLAG…] ${name} ${words}`.trimEnd(),
    "",
    ...(aliases.length === 0 ? [] : [`Also known as ${aliases.join(", ")}.`]),
    "Flags of every verb, and exit codes: quartet client --help",
    "",
    ...(Object.keys(flags).length === 0 ? [] : ["FLAGS", ...flagLines(flags), ""]),
    "DESCRIPTION",
    details,
  ].join("\n");
}

function verbRow({ name, words, summary }: CommandShape): [term: string, meaning: string] {
  return [`${name} ${words}`.trimEnd(), summary];
}
