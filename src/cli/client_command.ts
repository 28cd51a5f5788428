/** `quartet client`: one verb against a cluster. @module */
import { ERRORS } from "../protocol/error_codes.ts";
import { type Flags, parseArguments, parseDurationMs, UsageError } from "./arguments.ts";
import { Caller } from "./caller.ts";
import { accessOf } from "./cluster_access.ts";
import { Output, printable } from "./output.ts";
import { formatTable } from "./table.ts";
import type { Verb } from "./verb.ts";
import { flagsOfAllVerbs, refuseForeignFlags, verbOf, VERBS } from "./verbs.ts";

const FLAGS: Flags = {
  config: { value: "FILE", help: "the cluster's file; cluster.toml unless given" },
  connect: { value: "HOST:PORT", help: "one replica's address, where there is no file" },
  coordinator: { value: "ID", help: "the replica that coordinates; else the first that can be reached" },
  keyspace: { value: "NAME", help: "else the default keyspace of the cluster" },
  timeout: { value: "TIME", help: "how long to wait, such as 500ms, 2s, 1m" },
  json: { help: "one JSON object on stdout, nothing else" },
  help: { help: "this text, or that of a verb", short: "h" },
};

/** Exit code of a command line that cannot be carried out. */
const EXIT_USAGE = ERRORS.malformed_request.exit;

/** Carries out `quartet client …` and returns the exit code. */
export async function clientCommand(args: readonly string[]): Promise<number> {
  // Why: a command line that cannot be parsed must still answer a program in JSON.
  const end = args.indexOf("--");
  const output = new Output({ isJson: args.slice(0, end < 0 ? undefined : end).includes("--json") });
  try {
    const given = parseArguments(args, { ...FLAGS, ...flagsOfAllVerbs() });
    const [name, ...words] = given.words;
    if (name === undefined || name === "help" || given.flags.has("help")) {
      return help(name === "help" ? words[0] : name, {
        isAsked: name !== undefined || given.flags.has("help"),
      });
    }
    const verb = verbOf(name);
    refuseForeignFlags(verb, given, FLAGS);
    const action = verb.parse({ words, flags: given.flags });
    const keyspace = given.flags.get("keyspace");
    const timeoutText = given.flags.get("timeout");
    const timeoutMs = timeoutText === undefined ? undefined : parseDurationMs(timeoutText, "timeout");
    const { options, config } = await accessOf(given.flags, timeoutMs);
    const caller = new Caller(options);
    try {
      return await action({
        caller,
        output,
        keyspaces: config === undefined ? [undefined] : [...config.keyspaces.keys()],
        ...(keyspace === undefined ? {} : { keyspace }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      });
    } finally {
      caller.close();
    }
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause;
    if (output.isJson) {
      output.json({ ok: false, error: "malformed_request", message: cause.message, definite: true });
    } else {
      const message = cause.message.split("\n").map(printable).join("\n");
      output.note(`${output.paintErr.red("error")}: ${message}`);
    }
    return EXIT_USAGE;
  }

  function help(word: string | undefined, { isAsked }: { isAsked: boolean }): number {
    // Why: a program reads one object, whatever was forgotten.
    if (!isAsked && output.isJson) {
      throw new UsageError("no verb was given; see quartet client --help");
    }
    const text = word === undefined ? CLIENT_HELP : verbHelp(verbOf(word));
    if (isAsked) output.line(text);
    else output.note(text);
    return isAsked ? 0 : EXIT_USAGE;
  }
}

function verbHelp({ name, words, summary, details, flags }: Verb): string {
  const own = Object.keys(flags).length === 0 ? [] : ["", ...flagLines(flags)];
  return [
    `quartet client ${name}${words === "" ? "" : ` ${words}`}`,
    `  ${summary}`,
    "",
    details,
    ...own,
    "",
    "Flags of every verb: quartet client --help",
  ].join("\n");
}

function verbLines(): string[] {
  const rows = VERBS.map(({ name, words, summary }) => [`  ${name} ${words}`.trimEnd(), summary]);
  return formatTable([...rows, ["  help VERB", "more on one verb, with examples"]]);
}

/** One line for each flag. */
export function flagLines(flags: Flags): string[] {
  return formatTable(
    Object.entries(flags).map(([name, { value, short, help }]) => [
      `  ${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`,
      help,
    ]),
  );
}

const CLIENT_HELP = `quartet client [flags] VERB …: one request to a cluster

Verbs
${verbLines().join("\n")}

Flags
${flagLines(FLAGS).join("\n")}

The value goes to stdout; receipts, warnings and errors go to stderr.
A value that starts with a dash and a letter goes after --.

Exit codes
  0  done                        5  unavailable, overloaded, disk full: nothing happened
  2  the request is wrong        6  timeout or connection lost: a write may have happened
  4  no such key                 8  wrong secret, cluster or protocol version

  quartet client put 7 hello TWO
  quartet client get 7 TWO
  quartet client --coordinator r2 --json get 7 one
  quartet client --connect 127.0.0.1:7411 status`;
