/** `quartet client`: one verb against a cluster. @module */
import { ERRORS } from "../protocol/error_codes.ts";
import { parseArguments, parseDurationMs, UsageError } from "./arguments.ts";
import { Caller } from "./caller.ts";
import { CLIENT_FLAGS, clientPage, verbPage } from "./client_help.ts";
import { accessOf } from "./cluster_access.ts";
import { showHelp } from "./help_text.ts";
import { Output, printable } from "./output.ts";
import { flagsOfAllVerbs, refuseForeignFlags, verbOf } from "./verbs.ts";

/** Exit code of a command line that cannot be carried out. */
const EXIT_USAGE = ERRORS.malformed_request.exit;

/** Carries out `quartet client …` and returns the exit code. */
export async function clientCommand(args: readonly string[]): Promise<number> {
  // Why: a command line that cannot be parsed must still answer a program in JSON.
  const end = args.indexOf("--");
  const output = new Output({ isJson: args.slice(0, end < 0 ? undefined : end).includes("--json") });
  try {
    const given = parseArguments(args, { ...CLIENT_FLAGS, ...flagsOfAllVerbs() });
    const [name, ...words] = given.words;
    if (name === undefined || name === "help" || given.flags.has("help")) {
      return help(name === "help" ? words[0] : name, {
        isAsked: name !== undefined || given.flags.has("help"),
      });
    }
    const verb = verbOf(name);
    refuseForeignFlags(verb, given, CLIENT_FLAGS);
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
    const page = word === undefined ? clientPage() : verbPage(verbOf(word));
    showHelp(page, output, { isAsked });
    return isAsked ? 0 : EXIT_USAGE;
  }
}
