/** The flags of `deno task report`. @module */
import { type Flags, parseArguments, UsageError } from "../../src/cli/arguments.ts";
import { flagLines } from "../../src/cli/help_text.ts";

/** What is to be run, and where the page goes. */
export interface ReportOptions {
  readonly isHelp: boolean;
  /** Simulated runs. */
  readonly seeds: number;
  readonly isPlanted: boolean;
  /** Part of the path or name of the tests to run; undefined: all. */
  readonly filter: string | undefined;
  readonly output: string;
}

const FLAGS: Flags = {
  seeds: { value: "N", help: "simulated runs; 2000 unless given" },
  planted: { help: "plant the known bugs, which is done unless --no-planted is given" },
  "no-planted": { help: "leave that out; the report says so" },
  tests: { value: "FILTER", help: "only tests that match, as in deno task test; the report says so" },
  output: { value: "FILE", help: "where the page goes; tests/REPORT.md unless given" },
  help: { help: "this text", short: "h" },
};

const SEEDS_MAX = 10_000_000;

/** Understands a command line. Throws `UsageError`. */
export function parseReportOptions(args: readonly string[]): ReportOptions {
  const { words, flags } = parseArguments(args, FLAGS);
  if (words.length > 0) throw new UsageError(`report takes flags only, and "${words[0]}" was given`);
  if (flags.has("planted") && flags.has("no-planted")) {
    throw new UsageError("--planted and --no-planted say opposite things; give one of them");
  }
  const text = flags.get("seeds") ?? "2000";
  const seeds = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (!(seeds >= 1 && seeds <= SEEDS_MAX)) {
    throw new UsageError(`--seeds ${text}: not a number allowed here; allowed: 1 to ${SEEDS_MAX}`);
  }
  return {
    isHelp: flags.has("help"),
    seeds,
    isPlanted: !flags.has("no-planted"),
    filter: flags.get("tests"),
    output: flags.get("output") ?? "tests/REPORT.md",
  };
}

/** The text of `--help`. */
export function reportHelp(): string {
  return `deno task report [flags]: runs the tests, simulated clusters and planted bugs, and writes a page about it

${flagLines(FLAGS).join("\n")}

Some minutes; progress goes to the terminal. The page names the commit, so commit first. Exit 1 if anything is red, and the first
lines of the page say what.

  deno task report
  deno task report --seeds 20000
  deno task report --tests storage --seeds 50 --no-planted --output /tmp/report.md`;
}
