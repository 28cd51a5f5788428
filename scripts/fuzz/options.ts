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
  /** Where the cluster's data goes; absent: the system's directory for temporary files. */
  readonly data?: string;
  /** Clients whose answers and latency are judged. */
  readonly politeCount: number;
  /** Attacks that begin in one second. */
  readonly rate: number;
  /** Clusters to fuzz, one after the other. */
  readonly clusters: readonly { readonly hasSecret: boolean; readonly hasFaults: boolean }[];
  readonly isJson: boolean;
}

const FLAGS: Flags = {
  seconds: { value: "N", help: "how long, over all clusters; 60 unless given" },
  seed: { value: "N", help: "what all draws follow from; drawn and printed unless given" },
  secret: {
    value: "WHICH",
    help: "yes, no or both: clusters with a secret, without, or one of each in turn",
  },
  faults: {
    value: "WHICH",
    help: "yes, no or both, in turn too: whether clients may break things on purpose",
  },
  rate: { value: "N", help: "attacks that begin in a second; 20 unless given" },
  polite: { value: "N", help: "polite clients; 4 unless given" },
  binary: { value: "FILE", help: "run the replicas from this binary; the sources unless given" },
  data: {
    value: "DIR",
    help: "the cluster's data goes below it; the system's temporary directory unless given",
  },
  json: { help: "one JSON object on stdout" },
  help: { help: "this text", short: "h" },
};

const SECONDS_MIN = 5;
const WHICH: Readonly<Record<string, readonly boolean[]>> = {
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
  const which = (name: string): readonly boolean[] => {
    const text = flags.get(name) ?? "both";
    if (Object.hasOwn(WHICH, text)) return WHICH[text]!;
    throw new UsageError(`--${name} ${text}: allowed: yes, no, both`);
  };
  const [secrets, faults] = [which("secret"), which("faults")];
  // In turn and not each with each, so that two clusters are enough; whoever may break things needs no secret by default.
  const clusters = Array.from({ length: Math.max(secrets.length, faults.length) }, (_, index) => ({
    hasSecret: secrets[index % secrets.length]!,
    hasFaults: faults.toReversed()[index % faults.length]!,
  }));
  const [binary, data] = [flags.get("binary"), flags.get("data")];
  return {
    isHelp: flags.has("help"),
    seconds: integer("seconds", 60, SECONDS_MIN * clusters.length, 7 * 86_400),
    seed: integer("seed", drawnSeed, 0, Number.MAX_SAFE_INTEGER),
    ...(binary === undefined ? {} : { binary }),
    ...(data === undefined ? {} : { data }),
    politeCount: integer("polite", 4, 1, 64),
    rate: integer("rate", 20, 1, 1000),
    clusters,
    isJson: flags.has("json"),
  };
}

/** The text of `--help`. */
export function fuzzHelp(): string {
  return `deno task fuzz [flags]: hostile connections against four replicas of its own, beside polite clients

${flagLines(FLAGS).join("\n")}

Judges: no replica dies or stops answering, every polite request is answered and right, all acknowledged polite writes are
there at the end, copies become equal, memory stays within 1.2 times of what it was after the warm-up, and the p99 of polite
requests within 3 times of that in quiet phases of the same run. Where a cluster gets less than 30 s, p99 is not judged, memory
may grow to 2.5 times, and 2 % of polite requests may be left undone, or half of them where the judge itself stood still. A
heap finds its size in minutes: where a run of a few minutes objects to memory, a longer one tells whether it goes on growing.
Requests that were late only because the disk stood still, as a probe beside the replicas saw, are excused and counted apart;
where that is more than 1 % of the time the run says that it proves nothing about lateness. --data chooses the disk.
One processor that attackers may use without limit is theirs: so they are held to --rate attacks and 1 MiB in a second.
The same seed makes the same attacks in the same order; processes keep their own time. Exit 1 on a violation.

  deno task fuzz --seconds 20 --seed 7
  deno task fuzz --seconds 3600 --binary dist/quartet
  deno task fuzz --secret no --faults yes --data /dev/shm`;
}
