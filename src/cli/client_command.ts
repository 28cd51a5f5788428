/** `quartet client`: one verb against a cluster. @module */
import { ERRORS } from "../protocol/error_codes.ts";
import type { ClusterConfig } from "../replica/cluster_config.ts";
import {
  type Arguments,
  type Flags,
  nearestOf,
  parseAddress,
  parseArguments,
  parseDurationMs,
  UsageError,
} from "./arguments.ts";
import { Caller, type CallerOptions } from "./caller.ts";
import { readConfigFile } from "./config_file.ts";
import { INSPECT } from "./inspect_verb.ts";
import { DELETE, GET, PUT } from "./key_verbs.ts";
import { cut, formatTable, Output, printable } from "./output.ts";
import { STATUS } from "./status_verb.ts";
import { TcpLink } from "./tcp_link.ts";
import type { Verb } from "./verb.ts";
import { WAIT } from "./wait_verb.ts";

const VERBS: readonly Verb[] = [GET, PUT, DELETE, STATUS, INSPECT, WAIT];

/** What other stores call our verbs. */
const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ["read", "get"],
  ["set", "put"],
  ["write", "put"],
  ["rm", "delete"],
  ["remove", "delete"],
  ["list", "inspect"],
  ["ls", "inspect"],
]);

/** Characters of an unknown verb that an error repeats. */
const VERB_LENGTH_MAX = 40;

const FLAGS: Flags = {
  config: { value: "FILE", help: "the cluster's file; cluster.toml unless given" },
  connect: { value: "HOST:PORT", help: "one replica's address, where there is no file" },
  coordinator: { value: "ID", help: "the replica that coordinates; else the first that can be reached" },
  keyspace: { value: "NAME", help: "else the default keyspace of the cluster" },
  timeout: { value: "TIME", help: "how long to wait, such as 500ms, 2s, 1m" },
  json: { help: "one JSON object on stdout, nothing else" },
  help: { help: "this text, or that of a verb", short: "h" },
};

/** How much longer than a replica the client waits: the replica's own timeout tells more. */
const GRACE_MS = 500;

/** Wait for an answer where no file tells `request_timeout_ms`. */
const TIMEOUT_DEFAULT_MS = 2500;

/** Exit code of a command line that cannot be carried out. */
const EXIT_USAGE = ERRORS.malformed_request.exit;

/** Carries out `quartet client …` and returns the exit code. */
export async function clientCommand(args: readonly string[]): Promise<number> {
  // Why: a command line that cannot be parsed must still answer a program in JSON.
  const end = args.indexOf("--");
  const output = new Output({ isJson: args.slice(0, end < 0 ? undefined : end).includes("--json") });
  try {
    const given = parseArguments(args, Object.assign({}, FLAGS, ...VERBS.map(({ flags }) => flags)));
    const [name, ...words] = given.words;
    if (name === undefined || name === "help" || given.flags.has("help")) {
      return help(name === "help" ? words[0] : name, {
        isAsked: name !== undefined || given.flags.has("help"),
      });
    }
    const verb = verbOf(name);
    refuseForeignFlags(verb, given);
    const action = verb.parse({ words, flags: given.flags });
    const keyspace = given.flags.get("keyspace");
    const timeoutText = given.flags.get("timeout");
    const timeoutMs = timeoutText === undefined ? undefined : parseDurationMs(timeoutText, "timeout");
    const { options, config } = await callerOptions(given.flags, timeoutMs);
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

function verbOf(name: string): Verb {
  const verb = VERBS.find((candidate) => candidate.name === name);
  if (verb !== undefined) return verb;
  const names = VERBS.map((candidate) => candidate.name);
  const word = name.toLowerCase();
  const nearest = SYNONYMS.get(word) ?? (names.includes(word) ? word : nearestOf(word, names));
  throw new UsageError(
    `unknown verb "${cut(name, VERB_LENGTH_MAX)}"; ` +
      (nearest === undefined ? `known: ${names.join(" ")} help` : `did you mean ${nearest}?`),
  );
}

function refuseForeignFlags(verb: Verb, { flags }: Arguments): void {
  for (const name of flags.keys()) {
    if (Object.hasOwn(FLAGS, name) || Object.hasOwn(verb.flags, name)) continue;
    const owners = VERBS.filter((other) => Object.hasOwn(other.flags, name)).map((other) => other.name);
    throw new UsageError(`${verb.name} takes no --${name}; it belongs to ${owners.join(" and ")}`);
  }
}

/** Whom to call and how, and the configuration where it was read from a file. */
async function callerOptions(
  flags: Arguments["flags"],
  timeoutMs: number | undefined,
): Promise<{ options: CallerOptions; config?: ClusterConfig }> {
  const connect = flags.get("connect");
  const coordinator = flags.get("coordinator");
  const path = flags.get("config") ?? (connect === undefined ? "cluster.toml" : undefined);
  const config = path === undefined ? undefined : await configOf(path, { isGiven: flags.has("config") });
  const secret = config?.secret === undefined ? {} : { secret: config.secret };
  if (connect !== undefined) {
    if (coordinator !== undefined) {
      throw new UsageError(
        `--coordinator ${coordinator}: --connect ${connect} names the coordinator already; leave one of them out`,
      );
    }
    return {
      options: {
        link: new TcpLink(secret),
        replicas: [{ id: connect, ...parseAddress(connect, "connect") }],
        areAllMembers: false,
        timeoutMs: timeoutMs ?? TIMEOUT_DEFAULT_MS,
      },
    };
  }
  const { members, cluster, settings } = config!;
  if (coordinator !== undefined && !members.some(({ id }) => id === coordinator)) {
    const known = members.map(({ id }) => id).join(" ");
    throw new UsageError(`--coordinator ${coordinator}: no such replica in ${path}; known: ${known}`);
  }
  return {
    config: config!,
    options: {
      link: new TcpLink({ cluster, ...secret }),
      replicas: members,
      areAllMembers: true,
      ...(coordinator === undefined ? {} : { coordinator }),
      timeoutMs: timeoutMs ?? settings.requestTimeoutMs + GRACE_MS,
    },
  };
}

async function configOf(path: string, { isGiven }: { isGiven: boolean }): Promise<ClusterConfig> {
  const config = await readConfigFile(path);
  if (config.ok) return config.value;
  const way = isGiven ? "" : "; say where the cluster is with --config FILE or --connect HOST:PORT";
  throw new UsageError(config.failure.join("\n") + way);
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
