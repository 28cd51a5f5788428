/** Lines to a person's terminal. Nobody reading any more is no reason to stop. @module */
import { writeAll } from "../src/cli/output.ts";

/** One line, or several, to stdout. */
export function print(text: string): void {
  writeAll(Deno.stdout, text + "\n");
}

/** One line, or several, to stderr. */
export function printError(text: string): void {
  writeAll(Deno.stderr, text + "\n");
}
