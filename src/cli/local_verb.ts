/** A verb of `quartet client` that asks no cluster. @module */
import type { Arguments, Flags } from "./arguments.ts";
import type { CommandShape } from "./completer.ts";
import type { Output } from "./output.ts";

/** One such verb. */
export interface LocalVerb extends CommandShape {
  /** What `--help` says beyond the summary, examples included. */
  readonly details: string;
  readonly flags: Flags;
  /** Does the work and returns the exit code. Throws `UsageError`. */
  run(given: Arguments, output: Output): Promise<number>;
}
