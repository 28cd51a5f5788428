/** What `deno task soak` is asked for. @module */
import { parseArgs } from "@std/cli/parse-args";
import { PLANTED_BUGS, type PlantedBug } from "../../src/base/planted_bug.ts";

/** How to call it. */
export const USAGE =
  `deno task soak [--seeds N | --seconds N] [--from SEED] [--bug BUG] [--keep N] [--cores N] [--json]
deno task soak --planted [--from SEED] [--json]

Runs simulated clusters from many seeds and prints one line for each that a judge objects to, with the command that
runs it again; the first ones are made small in failure/SEED/. Exit 1 if there was one. At the end it names the marks, rare
branches of the code, that no run reached. Ctrl-C ends it early, with what it found so far: exit 1 if there was a failure,
130 if not. How far it is stands on stderr.

  deno task soak --seeds 200         seeds 0 to 199
  deno task soak --seconds 600       as many as fit in ten minutes
  deno task soak --seeds 20 --bug skip_read_repair
                             the same on code with a bug, to see what a failure looks like
  deno task soak --planted           plants each known bug and counts the seeds until a judge notices, from three starts; exit 1 if
                             one escapes
  deno task soak --seeds 200 --json  all counts as one JSON object on stdout, the rest on stderr; also with --planted

--keep says how many failures are made small: 3, or 0 for none; each may take a minute.
`;

/** Failures that are made small where nobody says. */
const KEPT_COUNT = 3;

/** What a search for planted bugs has no use for: it knows its bugs and seeds, and runs in one process. */
const NOT_WITH_PLANTED = ["seeds", "seconds", "cores", "keep", "bug"] as const;

/** All flags. */
export interface SoakOptions {
  readonly seeds: number;
  readonly seconds: number;
  readonly from: number;
  readonly cores: number;
  /** How many failures are made small. */
  readonly keep: number;
  /** Planted in every run. */
  readonly bug: PlantedBug | undefined;
  readonly isPlanted: boolean;
  readonly isJson: boolean;
  readonly isHelp: boolean;
  /** Set in the processes that a soak starts: which share of the seeds is theirs. */
  readonly share: number | undefined;
}

/** The options, or what was not understood of them. */
export function parseSoakOptions(args: readonly string[]): SoakOptions | { readonly wrong: string } {
  const wrong: string[] = [];
  const flags = parseArgs(args, {
    string: ["seeds", "seconds", "from", "cores", "keep", "bug", "share"],
    boolean: ["planted", "json", "help"],
    unknown: (arg) => {
      wrong.push(arg);
      return false;
    },
  });
  const number = (name: string, fallback: number): number => {
    const text = flags[name];
    if (text === undefined) return fallback;
    if (typeof text !== "string" || !/^\d{1,15}$/.test(text)) {
      wrong.push(`--${name} ${String(text)} (a number from 0 on)`);
    }
    return Number(text);
  };
  const bug = flags.bug === undefined ? undefined : PLANTED_BUGS.find((name) => name === flags.bug);
  if (flags.bug !== undefined && bug === undefined) {
    wrong.push(`--bug ${String(flags.bug)} (one of ${PLANTED_BUGS.join(", ")})`);
  }
  if (flags.planted === true) {
    for (const name of NOT_WITH_PLANTED) {
      if (flags[name] !== undefined) {
        wrong.push(`--${name} with --planted, which takes --from and --json alone`);
      }
    }
  }
  const seconds = number("seconds", Infinity);
  const options = {
    seeds: number("seeds", seconds === Infinity ? 200 : Infinity),
    seconds,
    from: number("from", 0),
    cores: Math.max(1, number("cores", navigator.hardwareConcurrency)),
    keep: number("keep", KEPT_COUNT),
    bug,
    isPlanted: flags.planted === true,
    isJson: flags.json === true,
    isHelp: flags.help === true,
    share: flags.share === undefined ? undefined : number("share", 0),
  };
  return wrong.length > 0 ? { wrong: wrong.join(", ") } : options;
}

/** The flags that say the same of the seeds and their runs. */
export function runFlags({ seeds, seconds, from, cores, bug }: SoakOptions): string[] {
  return [
    ...(seeds === Infinity ? [] : ["--seeds", String(seeds)]),
    ...(seconds === Infinity ? [] : ["--seconds", String(seconds)]),
    ...(bug === undefined ? [] : ["--bug", bug]),
    ...["--from", String(from), "--cores", String(cores)],
  ];
}
