/** Lines to a person's terminal. @module */

const encoder = new TextEncoder();

/** One line, or several, to stdout. Nobody reading any more is no reason to stop. */
export function print(text: string): void {
  writeTo(Deno.stdout, text);
}

/** One line, or several, to stderr. */
export function printError(text: string): void {
  writeTo(Deno.stderr, text);
}

function writeTo(stream: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  let rest = encoder.encode(text + "\n");
  try {
    while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
  } catch (error) {
    // Why: `… | head` closes the pipe early; whoever closed it knows.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
