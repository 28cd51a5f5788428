/** The flags of `deno task fuzz`. @module */
import { type Flags, parseArguments, UsageError } from "../../src/cli/arguments.ts";
import { flagLines } from "../../src/cli/help_text.ts";

/** How to fuzz. */
export interface FuzzOptions {
  readonly isHelp: boolean;
  readonly seconds: number;
  readonly seed: number;
  /** The replicas' binary; absent: the sources. */
  readonly binary?: string;
  /** Clients whose answers and latency are judged. */
  readonly politeCount: number;
  /** Attacks that begin in one second. */
  readonly rate: number;
  /** Clusters to fuzz, one after the other: with a secret, without one. */
  readonly secrets: readonly boolean[];
  readonly isJson: boolean;
}

const FLAGS: Flags = {
  seconds: { value: "N", help: "how long, over all clusters; 60 unless given" },
  seed: { value: "N", help: "what all draws follow from; drawn and printed unless given" },
  secret: {
    value: "WHICH",
    help: "yes, no or both: clusters with a secret, without, or one of each in turn",
  },
  rate: { value: "N", help: "attacks that begin in a second; 20 unless given" },
  polite: { value: "N", help: "polite clients; 4 unless given" },
  binary: { value: "FILE", help: "run the replicas from this binary; the sources unless given" },
  json: { help: "one JSON object on stdout" },
  help: { help: "this text", short: "h" },
};

const SECONDS_MIN = 5;
const SECRETS: Readonly<Record<string, readonly boolean[]>> = {
  yes: [true],
  no: [false],
  both: [true, false],
};

/** Understands a command line. Throws `UsageError`. `drawnSeed` is for whoever gives none. */
export function parseFuzzOptions(args: readonly string[], drawnSeed: number): FuzzOptions {
  const { words, flags } = parseArguments(args, FLAGS);
  if (words.length > 0) throw new UsageError(`fuzz takes flags only, and "${words[0]}" was given`);
  const integer = (name: string, fallback: number, min: number, max: number): number => {
    const text = flags.get(name) ?? String(fallback);
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new UsageError(`--${name} ${text}: not a number allowed here; allowed: ${min} to ${max}`);
  };
  const which = flags.get("secret") ?? "both";
  const secrets = Object.hasOwn(SECRETS, which) ? SECRETS[which] : undefined;
  if (secrets === undefined) throw new UsageError(`--secret ${which}: allowed: yes, no, both`);
  const binary = flags.get("binary");
  return {
    isHelp: flags.has("help"),
    seconds: integer("seconds", 60, SECONDS_MIN * secrets.length, 7 * 86_400),
    seed: integer("seed", drawnSeed, 0, Number.MAX_SAFE_INTEGER),
    ...(binary === undefined ? {} : { binary }),
    politeCount: integer("polite", 4, 1, 64),
    rate: integer("rate", 20, 1, 1000),
    secrets,
    isJson: flags.has("json"),
  };
}

/** The text of `--help`. */
export function fuzzHelp(): string {
  return `deno task fuzz [flags]: hostile connections against four replicas of its own, beside polite clients

${flagLines(FLAGS).join("\n")}

Judges: no replica dies or stops answering, every polite request is answered and right, all acknowledged polite writes are
there at the end, copies become equal, memory stays within 1.2 times of what it was after the warm-up, and the p99 of polite
requests within 3 times of that in quiet phases of the same run. Memory and p99 are judged in runs of 60 s and more.
One processor that attackers may use without limit is theirs: so they are held to --rate attacks and 1 MiB in a second.
The same seed makes the same attacks in the same order; processes keep their own time. Exit 1 on a violation.

  deno task fuzz --seconds 20 --seed 7
  deno task fuzz --seconds 3600 --binary dist/quartet`;
}
