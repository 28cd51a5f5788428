/** The flags of `deno task bench`. @module */
import { type Flags, parseArguments, UsageError } from "../../src/cli/arguments.ts";
import { flagLines } from "../../src/cli/help_text.ts";
import { type Level, parseLevel } from "../../src/protocol/level.ts";

/** One kind of request that is measured. */
export interface Operation {
  readonly op: "put" | "get";
  readonly level: Level;
}

/** What is to be measured, and how. */
export interface BenchOptions {
  readonly mode: "help" | "load" | "fill" | "start";
  readonly operations: readonly Operation[];
  readonly clientCounts: readonly number[];
  /** Connections that the clients of a run share; undefined: each has its own. */
  readonly connectionCount: number | undefined;
  readonly seconds: number;
  readonly rounds: number;
  readonly valueBytes: number;
  /** Processes that generate load. */
  readonly generatorCount: number;
  /** Who coordinates; undefined: all in turn. */
  readonly coordinator: string | undefined;
  readonly binary: string | undefined;
  readonly fillCount: number;
  readonly isJson: boolean;
}

const FLAGS: Flags = {
  ops: { value: "OPS", help: "put-ONE,put-TWO,put-QUORUM,get-ONE,get-TWO unless given; any level" },
  clients: { value: "N,N", help: "closed-loop clients, one run for each number; 1,16,64,256 unless given" },
  connections: { value: "M", help: "connections that the clients share; one for each client unless given" },
  coordinator: { value: "ID", help: "send everything to this replica; to all in turn unless given" },
  seconds: { value: "S", help: "length of one run; 3 unless given" },
  rounds: { value: "N", help: "how often all runs are made in turn; 5 unless given" },
  value: { value: "BYTES", help: "length of the values; 128 unless given" },
  generators: { value: "N", help: "processes that generate load; 1 unless given" },
  binary: {
    value: "FILE",
    help: "run the replicas from this binary, such as dist/quartet; the sources unless given",
  },
  fill: { value: "COUNT", help: "instead: so many puts at TWO, then sizes, memory and restarts" },
  start: { help: "instead: time from the start of one replica on an empty directory until it is ready" },
  json: { help: "one JSON object on stdout" },
  help: { help: "this text", short: "h" },
};

const REPLICA_IDS = ["r1", "r2", "r3", "r4"];
const OPS_DEFAULT = "put-ONE,put-TWO,put-QUORUM,get-ONE,get-TWO";
const CLIENTS_DEFAULT = "1,16,64,256";
const CLIENTS_MAX = 4000;
const VALUE_BYTES_MAX = 1024 * 1024;

/** Understands a command line. Throws `UsageError`. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const { words, flags } = parseArguments(args, FLAGS);
  if (words.length > 0) throw new UsageError(`bench takes flags only, and "${words[0]}" was given`);
  if (flags.has("fill") && flags.has("start")) {
    throw new UsageError("--fill and --start are two measurements; give one of them");
  }
  const integer = (name: string, fallback: number, max: number): number =>
    parseCount(flags.get(name) ?? String(fallback), name, max);
  const coordinator = flags.get("coordinator");
  if (coordinator !== undefined && !REPLICA_IDS.includes(coordinator)) {
    throw new UsageError(
      `--coordinator ${coordinator}: no such replica; there are: ${REPLICA_IDS.join(" ")}`,
    );
  }
  const clientCounts = (flags.get("clients") ?? CLIENTS_DEFAULT).split(",").map((text) =>
    parseCount(text, "clients", CLIENTS_MAX)
  );
  const modes = (["help", "fill", "start"] as const).filter((name) => flags.has(name));
  return {
    mode: modes[0] ?? "load",
    operations: (flags.get("ops") ?? OPS_DEFAULT).split(",").map(parseOperation),
    clientCounts,
    connectionCount: flags.has("connections") ? integer("connections", 1, CLIENTS_MAX) : undefined,
    seconds: integer("seconds", 3, 3600),
    rounds: integer("rounds", 5, 1000),
    valueBytes: integer("value", 128, VALUE_BYTES_MAX),
    generatorCount: integer("generators", 1, 64),
    coordinator,
    binary: flags.get("binary"),
    fillCount: integer("fill", 5_000_000, 1_000_000_000),
    isJson: flags.has("json"),
  };
}

function parseCount(text: string, name: string, max: number): number {
  const count = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (count >= 1 && count <= max) return count;
  throw new UsageError(`--${name} ${text}: not a number allowed here; allowed: 1 to ${max}`);
}

function parseOperation(text: string): Operation {
  const [, op, levelText = ""] = /^(put|get)-([A-Za-z]+)$/.exec(text) ?? [];
  const level = parseLevel(levelText);
  if ((op === "put" || op === "get") && level !== undefined) return { op, level };
  throw new UsageError(
    `--ops ${text}: not an operation; allowed: put or get, a dash and ONE, TWO, THREE, QUORUM or ALL, such as put-TWO`,
  );
}

/** The text of `--help`. */
export function benchHelp(): string {
  return `deno task bench [flags]: measures four replicas of its own on this machine

${flagLines(FLAGS).join("\n")}

Closed loop: each client asks again when it has its answer. Keys are bytes, uniform. Every figure is the median over
the rounds; behind ops/s stand the smallest and the greatest round. CPU is microseconds of processor time for one
operation: all replicas together, each replica, and what generated the load. Progress goes to stderr.

  deno task bench --ops put-TWO --clients 64
  deno task bench --clients 256 --connections 16
  deno task bench --fill 5000000
  deno task bench --start --binary dist/quartet`;
}
