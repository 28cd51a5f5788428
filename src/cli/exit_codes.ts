/** What the exit codes of both commands mean: one table for help, and a test holds README to it. @module */
import type { ErrorCode } from "../protocol/error_codes.ts";
import { EXIT_STOPPED } from "./stop_signal.ts";

/** Exit code where what was to be printed could not be written: a full disk behind `> file`. */
export const EXIT_OUTPUT_LOST = 74;

/** Exit code of a get that must be fresh, and whose answer may lack something of the session. */
export const EXIT_STALE = 7;

/** One row. */
export interface ExitMeaning {
  readonly exit: number;
  /** Failures that end so, as they stand in messages and in `--json`. */
  readonly codes: readonly ErrorCode[];
  readonly meaning: string;
}

/** Of `quartet client`. */
export const CLIENT_EXITS: readonly ExitMeaning[] = [
  { exit: 0, codes: [], meaning: "done; of check and sim: ok" },
  { exit: 1, codes: [], meaning: "only of check and sim: a judge objects" },
  {
    exit: 2,
    codes: ["malformed_request", "unknown_keyspace", "key_out_of_range", "too_large"],
    meaning:
      "the request, the command line or the file is wrong; nothing happened. Of check also: nobody can tell",
  },
  {
    exit: 3,
    codes: ["conflict"],
    meaning:
      "too many versions of the key stand side by side: get it, and write with that context; nothing happened",
  },
  { exit: 4, codes: ["not_found"], meaning: "no such key, or it was deleted" },
  {
    exit: 5,
    codes: ["unavailable", "overloaded", "disk_full", "clock_skew"],
    meaning: "refused, or nobody could be reached; nothing happened",
  },
  {
    exit: 6,
    codes: ["timeout", "connection_lost"],
    meaning: "no answer in time: a put or delete may have happened, and may still happen",
  },
  {
    exit: EXIT_STALE,
    codes: [],
    meaning:
      "only of get --require-fresh: the answer may be older than the session; its value is not printed",
  },
  {
    exit: 8,
    codes: ["unauthorized", "wrong_cluster", "unsupported_version"],
    meaning: "the replica is not the one that is meant, or does not take us for its client; nothing happened",
  },
  { exit: 70, codes: ["internal"], meaning: "a bug; a put or delete may have happened" },
  {
    exit: EXIT_OUTPUT_LOST,
    codes: [],
    meaning:
      "the answer came and could not be written to stdout (disk full?); of workload also: its history could not",
  },
  {
    exit: EXIT_STOPPED,
    codes: [],
    meaning: "Ctrl-C ended keys or scan; of workload: a second Ctrl-C left at once",
  },
];

/** Of `quartet replica`. */
export const REPLICA_EXITS: readonly ExitMeaning[] = [
  { exit: 0, codes: [], meaning: "it was asked to stop, by SIGTERM or SIGINT" },
  { exit: 5, codes: [], meaning: "its address, its directory or its disk is taken or full" },
  {
    exit: 9,
    codes: ["corrupt"],
    meaning: "its data is damaged: file and offset are named, --rebuild is the way out",
  },
  { exit: 64, codes: [], meaning: "a flag or the file is wrong" },
  {
    exit: 70,
    codes: ["internal"],
    meaning: "a bug, or a disk that broke its promise: it stopped rather than guess",
  },
  { exit: EXIT_STOPPED, codes: [], meaning: "a second signal came before it had stopped" },
];

/** Rows for a page of help. */
export function exitRows(exits: readonly ExitMeaning[]): [term: string, meaning: string][] {
  return exits.map(({ exit, codes, meaning }) => [
    String(exit),
    codes.length === 0 ? meaning : `${codes.join(", ")}: ${meaning}`,
  ]);
}
