/** Commands from a pipe or a file, one a line: each is done before the next begins, and the first failure ends it. @module */
import { VALUE_BYTES_CEILING } from "../protocol/limits.ts";
import { UsageError } from "./arguments.ts";
import { Output, printable } from "./output.ts";
import { cut } from "./table.ts";
import { Session } from "./session.ts";

/** A line longer than this cannot be a command: a value, its key and what quotes them. */
const LINE_LENGTH_MAX = 2 * VALUE_BYTES_CEILING + 4096;

/** Characters of a failed line that the message repeats. */
const SHOWN_LENGTH_MAX = 60;

/** How a script ended. */
export interface ScriptEnd {
  /** That of the first line that failed, or 0. */
  readonly exitCode: number;
  readonly isEmpty: boolean;
}

/** Carries out the lines in their order; stops at the first failure unless told to go on. */
export async function runScript(
  lines: AsyncIterable<string>,
  session: Session,
  output: Output,
  { keepsGoing }: { readonly keepsGoing: boolean },
): Promise<ScriptEnd> {
  let exitCode = 0;
  let number = 0;
  for await (const line of lines) {
    number++;
    if (Session.isBlank(line)) continue;
    const code = await session.run(line, output.isJson ? new Output({ isJson: true, line: number }) : output);
    if (code !== 0) {
      const way = keepsGoing ? "" : "; stopped here (--keep-going goes on)";
      output.note(
        `line ${number} failed with exit code ${code}: ${
          printable(cut(line.trim(), SHOWN_LENGTH_MAX))
        }${way}`,
      );
      if (exitCode === 0) exitCode = code;
      if (!keepsGoing) break;
    }
    if (session.isOver) break;
  }
  return { exitCode, isEmpty: number === 0 };
}

/** The lines of a stream of UTF-8, without their ends. Throws `UsageError` where it is no text. */
export async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  for await (const chunk of stream) {
    const [first, ...others] = decode(decoder, chunk).split("\n");
    // Why not joined and split again: a long line comes in many chunks.
    rest += first;
    for (const next of others) {
      yield rest.replace(/\r$/, "");
      rest = next;
    }
    if (rest.length > LINE_LENGTH_MAX) {
      throw new UsageError(`a line of the script is longer than ${LINE_LENGTH_MAX} characters`);
    }
  }
  rest += decode(decoder);
  if (rest !== "") yield rest.replace(/\r$/, "");
}

function decode(decoder: TextDecoder, chunk?: Uint8Array): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch {
    throw new UsageError("the script is not UTF-8; commands are text");
  }
}
