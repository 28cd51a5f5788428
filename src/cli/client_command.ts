/** `quartet client`: one verb against a cluster. @module */
import { type Arguments, type Flags, parseArguments, parseTimeoutMs, UsageError } from "./arguments.ts";
import { Caller } from "./caller.ts";
import { CLIENT_FLAGS, clientPage, SESSION_FLAGS, verbPage } from "./client_help.ts";
import { LOCAL_VERBS } from "./completion_verb.ts";
import { accessOf } from "./cluster_access.ts";
import { showHelp } from "./help_text.ts";
import { Output } from "./output.ts";
import { isAtTerminal, sessionCommand } from "./session_command.ts";
import { findSessionVerb } from "./session_verbs.ts";
import { reportUsage } from "./usage_report.ts";
import type { Action } from "./verb.ts";
import { findVerb, flagsOfAllVerbs, refuseForeignFlags, verbOf, VERBS } from "./verbs.ts";

/** What is known beside the verbs that ask a cluster. */
const LOCAL_NAMES: readonly string[] = [...LOCAL_VERBS.map((verb) => verb.name), "help"];

/** Carries out `quartet client …` and returns the exit code. */
export async function clientCommand(args: readonly string[]): Promise<number> {
  // Why: a command line that cannot be parsed must still answer a program in JSON.
  const end = args.indexOf("--");
  const beforeEnd = args.slice(0, end < 0 ? undefined : end);
  const output = new Output({ isJson: beforeEnd.includes("--json") });
  try {
    refuseLevelFlag(beforeEnd);
    const given = parseArguments(args, {
      ...CLIENT_FLAGS,
      ...SESSION_FLAGS,
      ...flagsOfAllVerbs(),
      ...localFlags(),
    });
    const [name, ...words] = given.words;
    if (name === "help" || given.flags.has("help")) {
      return help(name === "help" ? words[0] : name);
    }
    refuseSwallowedVerb(given);
    const local = LOCAL_VERBS.find((verb) => verb.name === name);
    if (local !== undefined) return await local.run({ words, flags: given.flags }, output);
    const action = name === undefined ? undefined : actionOf(name, { words, flags: given.flags });
    if (action === undefined) refuseVerbFlags(given);
    const keyspace = given.flags.get("keyspace");
    const timeoutText = given.flags.get("timeout");
    const timeoutMs = timeoutText === undefined ? undefined : parseTimeoutMs(timeoutText);
    const { options, config } = await accessOf(given.flags, timeoutMs);
    if (action === undefined) {
      const code = await sessionCommand({
        options,
        output,
        failsOver: given.flags.has("failover"),
        keepsGoing: given.flags.has("keep-going"),
        ...(config === undefined ? {} : { config }),
        ...(keyspace === undefined ? {} : { keyspace }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      });
      if (code === undefined) throw noVerb();
      return code;
    }
    const caller = new Caller(options);
    try {
      return await action({
        caller,
        output,
        keyspaces: config === undefined ? [undefined] : [...config.keyspaces.keys()],
        ...(config === undefined ? {} : { config }),
        ...(keyspace === undefined ? {} : { keyspace }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      });
    } finally {
      caller.close();
    }
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause;
    return reportUsage(cause, output);
  }

  function help(word: string | undefined): number {
    const page = word === undefined
      ? clientPage(LOCAL_VERBS)
      : verbPage(LOCAL_VERBS.find((verb) => verb.name === word) ?? verbOf(word, LOCAL_NAMES));
    showHelp(page, output, { isAsked: true });
    return 0;
  }
}

/** Flags of the verbs that ask no cluster. */
function localFlags(): Flags {
  return Object.assign({}, ...LOCAL_VERBS.map(({ flags }) => flags));
}

function noVerb(): UsageError {
  const names = [...VERBS, ...LOCAL_VERBS].map((verb) => verb.name).join(" ");
  return new UsageError(
    `no verb was given, and no command came on stdin; known: ${names} (--help says more)`,
  );
}

/** `--coordinator get 7` forgot the id, and took the verb for it. Throws `UsageError`. */
function refuseSwallowedVerb({ words, flags }: Arguments): void {
  if (words[0] !== undefined && findVerb(words[0]) !== undefined) return;
  for (const [flag, { value }] of Object.entries(CLIENT_FLAGS)) {
    const word = flags.get(flag);
    const verb = value === undefined || word === undefined ? undefined : findVerb(word);
    if (verb === undefined) continue;
    throw new UsageError(
      `--${flag} ${word}: ${verb.name} is a verb; is the ${value} missing? --${flag} ${value} ${verb.name} …`,
    );
  }
}

/** What others have as a flag is a word here. Throws `UsageError`. */
function refuseLevelFlag(args: readonly string[]): void {
  const flag = args.find((word) => /^--(level|consistency)(=|$)/.test(word));
  if (flag === undefined || args.some((word) => Object.hasOwn(findVerb(word)?.flags ?? {}, "level"))) return;
  throw new UsageError(
    `${
      flag.split("=")[0]
    }: a level is a word, not a flag: get KEY LEVEL, put KEY VALUE LEVEL, delete KEY LEVEL`,
  );
}

function actionOf(name: string, given: Arguments): Action {
  const sessionVerb = findVerb(name) === undefined ? findSessionVerb(name) : undefined;
  if (sessionVerb !== undefined) {
    throw new UsageError(
      `${sessionVerb.name} is a verb of the console and of scripts: quartet client without a verb`,
    );
  }
  const verb = verbOf(name, LOCAL_NAMES);
  refuseForeignFlags(verb, given, CLIENT_FLAGS);
  return verb.parse(given);
}

/** Throws `UsageError` for what only a verb takes, and where no conversation can be held. */
function refuseVerbFlags({ flags }: Arguments): void {
  const foreign = [...flags.keys()].find((flag) =>
    !Object.hasOwn(CLIENT_FLAGS, flag) && !Object.hasOwn(SESSION_FLAGS, flag)
  );
  if (foreign !== undefined) throw new UsageError(`--${foreign} belongs to a verb, and none was given`);
  if (Deno.stdin.isTerminal() && !isAtTerminal()) {
    throw new UsageError("no verb was given, and a console needs a terminal on stdout too");
  }
}
