/** `quartet` without a subcommand: its version, its help, and the way out of a wrong word. @module */
import { QUARTET_VERSION } from "../base/quartet_version.ts";
import { nearestOf } from "./arguments.ts";
import { clientPage } from "./client_help.ts";
import { LOCAL_VERBS } from "./completion_verb.ts";
import { EXIT_OUTPUT_LOST } from "./exit_codes.ts";
import { rowLines, showHelp } from "./help_text.ts";
import { Output, OutputLostError, printable, writeAll, writeNote } from "./output.ts";
import { replicaPage } from "./replica_help.ts";
import { findVerb, VERBS } from "./verbs.ts";

function topPage(): string {
  const names = (verbs: readonly { readonly name: string }[]): string =>
    verbs.map(({ name }) => name).join(", ");
  return `quartet – a replicated key-value store

USAGE
${
    rowLines([
      ["quartet replica --config FILE --id ID", "run one replica"],
      ["quartet client VERB …", `ask a cluster: ${names(VERBS)}; or ask none: ${names(LOCAL_VERBS)}`],
      ["quartet client", "a console; with commands on stdin a script"],
      ["quartet help [replica|client]", "this text, or a page of help"],
      ["quartet --version", "its version"],
    ]).join("\n")
  }

DESCRIPTION
Several replicas each keep a copy of every key on their own disk. For each request you say how many of
them must answer, from ONE to ALL.

EXAMPLES
  quartet replica --config cluster.toml --id r1
  quartet client put 7 hello TWO
  quartet client get 7 TWO
`;
}

/** Exit code of a command line that cannot be carried out. */
export const EXIT_USAGE = 64;

/** Carries out `quartet` with anything but a known subcommand and returns the exit code. */
export function topCommand(args: readonly string[]): number {
  const [word, about] = args;
  const output = new Output({ isJson: false });
  if (word === "--version" || word === "-V" || word === "version") {
    writeAll(Deno.stdout, `quartet ${QUARTET_VERSION}\n`);
    return 0;
  }
  if (word === "--help" || word === "-h" || word === "help") {
    const pages = new Map([["replica", replicaPage], ["client", () => clientPage(LOCAL_VERBS)]]);
    const page = about === undefined ? topPage : pages.get(about);
    if (page !== undefined) {
      showHelp(page(), output, { isAsked: true });
      return 0;
    }
    output.note(`error: no page of help on "${printable(about!)}"; ${pageHintFor(about!)}`);
    return EXIT_USAGE;
  }
  if (word !== undefined) output.note(`error: unknown subcommand "${printable(word)}"; ${hintFor(word)}\n`);
  showHelp(topPage(), output, { isAsked: false });
  return EXIT_USAGE;
}

/** Runs a command; says so where its answer could not be written, and gives the exit code. */
export async function unlessOutputIsLost(command: () => number | Promise<number>): Promise<number> {
  try {
    return await command();
  } catch (cause) {
    if (!(cause instanceof OutputLostError)) throw cause;
    writeNote(`error: what was asked was done, and its answer cannot be written to stdout: ${cause.message}`);
    return EXIT_OUTPUT_LOST;
  }
}

/** A verb of the client, with a cluster to ask or without. */
function clientVerb(word: string): { readonly name: string } | undefined {
  return findVerb(word) ?? LOCAL_VERBS.find(({ name }) => name === word.toLowerCase());
}

function pageHintFor(word: string): string {
  const verb = clientVerb(word);
  return verb === undefined
    ? "there are: replica, client"
    : `${verb.name} is a verb of the client: quartet client help ${verb.name}`;
}

function hintFor(word: string): string {
  const verb = clientVerb(word);
  if (verb !== undefined) return `${verb.name} is a verb of the client: quartet client ${verb.name} …`;
  const nearest = nearestOf(word, ["replica", "client", "help", "--help", "--version"]);
  return nearest === undefined ? "known: replica, client" : `did you mean ${nearest}?`;
}
