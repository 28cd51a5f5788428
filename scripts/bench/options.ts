/** The flags of `deno task bench`. @module */
import { type Flags, parseArguments, UsageError } from "../../src/cli/arguments.ts";
import { flagLines } from "../../src/cli/help_text.ts";
import { parseLevel } from "../../src/protocol/level.ts";
import type { Operation } from "./system.ts";

/** What is to be measured, and how. */
export interface BenchOptions {
  readonly mode: "help" | "load" | "fill" | "start" | "http";
  readonly peer: "redis" | undefined;
  readonly operations: readonly Operation[];
  readonly clientCounts: readonly number[];
  /** Connections that the clients of a run share; undefined: each has its own. */
  readonly connectionCount: number | undefined;
  readonly seconds: number;
  readonly rounds: number;
  readonly valueSizes: readonly number[];
  readonly keyCount: number;
  /** Processes that generate load. */
  readonly generatorCount: number;
  /** Who coordinates; undefined: all in turn. */
  readonly coordinator: string | undefined;
  readonly binary: string | undefined;
  readonly fillCount: number;
  /** Whether the servers' syncs are counted with strace as well, in runs of their own. */
  readonly isSyncCounted: boolean;
  readonly isJson: boolean;
  /** Name under which the results are kept. */
  readonly saveName: string | undefined;
  /** Kept results to compare with. */
  readonly compareName: string | undefined;
  /** Kept results to print. */
  readonly tableName: string | undefined;
}

const FLAGS: Flags = {
  peer: { value: "NAME", help: "redis: a Redis of one primary and two replicas takes turns with us" },
  ops: {
    value: "OPS",
    help: "put-TWO,get-ONE,mix unless given; put and get at any level; mix is 90 % get-ONE",
  },
  clients: {
    value: "N,N",
    help: "closed-loop clients, one run for each number; 1,16,64,256 unless given (64 with --http)",
  },
  "value-bytes": { value: "N,N", help: "length of the values; 128 unless given" },
  keys: { value: "N", help: "how many keys there are, drawn uniformly; 10000 unless given" },
  connections: { value: "M", help: "connections that the clients share; one for each client unless given" },
  coordinator: { value: "ID", help: "send everything to this replica; to all in turn unless given" },
  seconds: { value: "S", help: "length of one run; 3 unless given" },
  rounds: { value: "N", help: "how often all runs are made in turn; 5 unless given" },
  generators: { value: "N", help: "processes that generate load; 1 unless given" },
  binary: {
    value: "FILE",
    help: "run the replicas from this binary, such as dist/quartet; the sources unless given",
  },
  syncs: { help: "count syncs with strace too, in a short run of each row after the rounds" },
  save: { value: "NAME", help: "keep the results in scripts/bench/results/NAME.json" },
  compare: { value: "NAME", help: "show then and now; latest: those kept last" },
  table: { value: "NAME", help: "instead: print kept results as a table in Markdown" },
  fill: { value: "COUNT", help: "instead: so many puts at TWO, then sizes, memory and restarts" },
  start: { help: "instead: time from the start of one replica on an empty directory until it is ready" },
  http: { help: "instead: put at ONE over HTTP by wrk and ab, beside the same over the wire" },
  json: { help: "one JSON object on stdout" },
  help: { help: "this text", short: "h" },
};

const REPLICA_IDS = ["r1", "r2", "r3", "r4"];
const OPS_DEFAULT = "put-TWO,get-ONE,mix";
const CLIENTS_DEFAULT = "1,16,64,256";
const HTTP_CLIENTS_DEFAULT = "64";
const CLIENTS_MAX = 4000;
const KEYS_MAX = 1_000_000;
const VALUE_BYTES_MAX = 1024 * 1024;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** Understands a command line. Throws `UsageError`. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const { words, flags } = parseArguments(args, FLAGS);
  if (words.length > 0) throw new UsageError(`bench takes flags only, and "${words[0]}" was given`);
  const modes = (["help", "fill", "start", "http"] as const).filter((name) => flags.has(name));
  if (modes.length > 1 && modes[0] !== "help") {
    throw new UsageError(`--${modes[0]} and --${modes[1]} are two measurements; give one of them`);
  }
  const integer = (name: string, fallback: number, max: number): number =>
    parseCount(flags.get(name) ?? String(fallback), name, max);
  const coordinator = flags.get("coordinator");
  if (coordinator !== undefined && !REPLICA_IDS.includes(coordinator)) {
    throw new UsageError(
      `--coordinator ${coordinator}: no such replica; there are: ${REPLICA_IDS.join(" ")}`,
    );
  }
  const counts = (name: string, fallback: string, max: number): number[] =>
    (flags.get(name) ?? fallback).split(",").map((text) => parseCount(text, name, max));
  const peer = flags.get("peer");
  if (peer !== undefined && peer !== "redis") {
    throw new UsageError(`--peer ${peer}: no such peer; allowed: redis`);
  }
  if (peer !== undefined && flags.has("connections")) {
    throw new UsageError(
      "--connections with --peer redis: Redis answers in order and WAIT holds a connection up, so each of its " +
        "clients needs its own; leave out one of the two",
    );
  }
  return {
    mode: modes[0] ?? "load",
    peer,
    operations: (flags.get("ops") ?? OPS_DEFAULT).split(",").map(parseOperation),
    clientCounts: counts(
      "clients",
      modes[0] === "http" ? HTTP_CLIENTS_DEFAULT : CLIENTS_DEFAULT,
      CLIENTS_MAX,
    ),
    connectionCount: flags.has("connections") ? integer("connections", 1, CLIENTS_MAX) : undefined,
    seconds: integer("seconds", 3, 3600),
    rounds: integer("rounds", 5, 1000),
    valueSizes: counts("value-bytes", "128", VALUE_BYTES_MAX),
    keyCount: integer("keys", 10_000, KEYS_MAX),
    generatorCount: integer("generators", 1, 64),
    coordinator,
    binary: flags.get("binary"),
    fillCount: integer("fill", 5_000_000, 1_000_000_000),
    isSyncCounted: flags.has("syncs"),
    isJson: flags.has("json"),
    saveName: parseName(flags.get("save"), "save"),
    compareName: parseName(flags.get("compare"), "compare"),
    tableName: parseName(flags.get("table"), "table"),
  };
}

function parseName(text: string | undefined, flag: string): string | undefined {
  if (text === undefined || NAME.test(text)) return text;
  throw new UsageError(`--${flag} ${text}: not a name; allowed: 1 to 64 letters, digits, _ . and -`);
}

function parseCount(text: string, name: string, max: number): number {
  const count = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (count >= 1 && count <= max) return count;
  throw new UsageError(`--${name} ${text}: not a number allowed here; allowed: 1 to ${max}`);
}

function parseOperation(text: string): Operation {
  if (text.toLowerCase() === "mix") return { op: "mix", level: "ONE" };
  const [, op, levelText = ""] = /^(put|get)-([A-Za-z]+)$/.exec(text) ?? [];
  const level = parseLevel(levelText);
  if ((op === "put" || op === "get") && level !== undefined) return { op, level };
  throw new UsageError(
    `--ops ${text}: not an operation; allowed: mix, or put or get, a dash and ONE, TWO, THREE, QUORUM or ALL, such as put-TWO`,
  );
}

/** The text of `--help`. */
export function benchHelp(): string {
  return `deno task bench [flags]: measures four replicas of its own on this machine

${flagLines(FLAGS).join("\n")}

Closed loop: each client asks again when it has its answer. mix is nine gets at ONE to one
put at TWO. With a peer, both run within each round, and ratio is ours ÷ the peer's. Every figure is the median over the
rounds; in brackets the smallest and the greatest round. scripts/bench/README.md explains each column. Progress goes to
stderr.

  deno task bench --ops put-TWO --clients 64
  deno task bench --peer redis --ops put-TWO,get-ONE
  deno task bench --peer redis --compare latest
  deno task bench --clients 256 --connections 16
  deno task bench --fill 5000000
  deno task bench --http
  deno task bench --start --binary dist/quartet`;
}
