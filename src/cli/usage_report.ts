/** How a command line that cannot be carried out is reported. @module */
import { ERRORS } from "../protocol/error_codes.ts";
import type { UsageError } from "./arguments.ts";
import { type Output, printable } from "./output.ts";

/** Exit code of such a command line. */
export const EXIT_USAGE = ERRORS.malformed_request.exit;

/** Tells what is wrong in the form that the reader wants, and gives the exit code. */
export function reportUsage({ message }: UsageError, output: Output): number {
  if (output.isJson) output.json({ ok: false, error: "malformed_request", message, definite: true });
  else output.note(`${output.paintErr.red("error")}: ${message.split("\n").map(printable).join("\n")}`);
  return EXIT_USAGE;
}
