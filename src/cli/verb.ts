/** One verb of `quartet client`: what a person may type, and what then happens. @module */
import type { Level } from "../protocol/level.ts";
import type { ClusterConfig } from "../replica/cluster_config.ts";
import type { Arguments, Flags } from "./arguments.ts";
import type { Caller } from "./caller.ts";
import type { Output } from "./output.ts";

/** What a verb works with. */
export interface Call {
  readonly caller: Caller;
  readonly output: Output;
  /** As given with `--keyspace`; absent for the default one of the cluster. */
  readonly keyspace?: string;
  /** For requests that name no level; absent for the default one of the keyspace. */
  readonly level?: Level;
  /** Whether commands come from stdin, so that no value can. */
  readonly isStdinTaken?: boolean;
  /** All keyspaces of the cluster; one `undefined`, meaning the default one, where no configuration tells them. */
  readonly keyspaces: readonly (string | undefined)[];
  /** The cluster's file, where the command line led to one. */
  readonly config?: ClusterConfig;
  /** As given with `--timeout`. */
  readonly timeoutMs?: number;
}

/** Does the work and returns the exit code. */
export type Action = (call: Call) => Promise<number>;

/** One verb. */
export interface Verb {
  readonly name: string;
  /** Its words, such as `KEY [LEVEL]`. */
  readonly words: string;
  /** One line. */
  readonly summary: string;
  /** What `--help` says beyond that, examples included. */
  readonly details: string;
  /** Flags that only this verb takes. */
  readonly flags: Flags;
  /** Whether it may change something, so that an unknown outcome matters. */
  readonly isWrite?: boolean;
  /** Whether it needs a command line of its own, so that no console and no script has it. */
  readonly isOfShell?: boolean;
  /** Checks the words before anything is connected. Throws `UsageError`. */
  parse(given: Arguments): Action;
}
