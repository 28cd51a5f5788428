/** `quartet` without a subcommand: its version, its help, and the way out of a wrong word. @module */
import { QUARTET_VERSION } from "../base/quartet_version.ts";
import { nearestOf } from "./arguments.ts";
import { writeAll } from "./output.ts";

const HELP = `quartet: a replicated key-value store

  quartet replica --config cluster.toml --id r1   run one replica
  quartet client VERB …                           ask a cluster: get, put, delete, status, inspect, wait
  quartet --version

More: quartet replica --help, quartet client --help`;

/** Exit code of a command line that cannot be carried out. */
export const EXIT_USAGE = 64;

/** Carries out `quartet` with anything but a known subcommand and returns the exit code. */
export function topCommand(args: readonly string[]): number {
  const [word] = args;
  if (word === "--version" || word === "-V") {
    writeAll(Deno.stdout, `quartet ${QUARTET_VERSION}\n`);
    return 0;
  }
  if (word === "--help" || word === "-h" || word === "help") {
    writeAll(Deno.stdout, `${HELP}\n`);
    return 0;
  }
  if (word !== undefined) {
    const nearest = nearestOf(word, ["replica", "client", "--help", "--version"]);
    const hint = nearest === undefined ? "known: replica, client" : `did you mean ${nearest}?`;
    writeAll(Deno.stderr, `error: unknown subcommand "${word}"; ${hint}\n\n`);
  }
  writeAll(Deno.stderr, `${HELP}\n`);
  return EXIT_USAGE;
}
