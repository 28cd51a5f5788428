/** `get`, `put` and `delete`: one key through one coordinator. @module */
import { VALUE_BYTES_CEILING } from "../protocol/limits.ts";
import { type Level, LEVELS, parseLevel } from "../protocol/level.ts";
import { ERRORS, type Failure } from "../protocol/error_codes.ts";
import type { Request } from "../protocol/request.ts";
import type { TraceStep } from "../protocol/trace.ts";
import { type Arguments, countOfWords, type Flags, UsageError } from "./arguments.ts";
import type { Result } from "../base/failure.ts";
import type { Receipt, Reply } from "../protocol/reply.ts";
import { EXIT_STALE } from "./exit_codes.ts";
import { type Output, printable } from "./output.ts";
import { cut } from "./table.ts";
import { failureObject, failureText, receiptText, replyObject, type Telling } from "./receipt.ts";
import { foundIn, siblingLines } from "./sibling_text.ts";
import { traceLines } from "./trace_lines.ts";
import type { Action, Call, Verb } from "./verb.ts";

/** Columns of a word that an error repeats. */
const WORD_WIDTH_MAX = 40;

/** What help says of levels. */
export const LEVEL_HELP = `LEVEL, how many copies must answer, is one of ${LEVELS.join(" ")}, in any
case; without it the keyspace's default_level counts.`;

const KEY_FLAGS: Flags = {
  trace: { help: "show each step of the request and its time; the answer waits for the last of them" },
  session: {
    value: "TOKEN",
    help:
      "go on in this session, whichever replica answers: its TOKEN stood in the last answer; new begins one",
  },
};

/** The flag of writes where values stand side by side. */
export const CONTEXT_FLAG: Flags = {
  context: {
    value: "TOKEN",
    help: "replace exactly what the answer with this TOKEN showed, where siblings = true",
  },
};

const GET_FLAGS: Flags = {
  ...KEY_FLAGS,
  "require-fresh": {
    help: "with --session: where the answer may be older than the session, print no value, and exit with 7",
  },
  siblings: { help: "list all values that stand side by side, numbered, and the context to replace them" },
};

const WRITE_FLAGS: Flags = { ...KEY_FLAGS, ...CONTEXT_FLAG };

/** `get KEY [LEVEL]` */
export const GET: Verb = {
  name: "get",
  words: "KEY [LEVEL]",
  summary: "prints the value, and who wrote it when",
  details: `Asks all copies, and answers with the latest of the first that answer, as many as LEVEL says.
Stale ones are mended afterwards, or as read_repair says. At ONE the coordinator's own copy is the
answer, stale or not, if it holds one that counts.

${LEVEL_HELP}

The value goes to stdout as it is, with a newline behind it; a terminal gets its control characters
as \\u001b. The receipt on stderr says when and by whom it was written. Exits with 4 when there is no
such key. In a session the answer is not older than what the session wrote and read; where nobody who could
be asked is sure of that, it says "maybe stale".

Where the keyspace says siblings = true several values may stand side by side: the latest is printed, and
the receipt says how many there are. --siblings lists all, in quotes; resolve keeps one.

EXAMPLES
  quartet client get 7
  quartet client get 7 TWO
  quartet client --json get 7 one
  quartet client get 7 --session "$TOKEN" --require-fresh
  quartet client get cart --siblings`,
  flags: GET_FLAGS,
  parse({ words, flags }): Action {
    const [key, level] = keyAndLevel(this, words);
    const mustBeFresh = flags.has("require-fresh");
    if (mustBeFresh && !flags.has("session")) {
      throw new UsageError(
        "--require-fresh compares the answer with a session; give --session TOKEN, of an answer before",
      );
    }
    const isListed = flags.has("siblings");
    return (call) =>
      perform(call, { op: "get", key, ...level, ...optionsOf(flags) }, { mustBeFresh, isListed });
  },
};

/** `delete KEY [LEVEL]` */
export const DELETE: Verb = {
  name: "delete",
  words: "KEY [LEVEL]",
  summary: "deletes a key, whether or not it is there",
  details:
    `Leaves a tombstone on all copies, so that a copy that missed the delete cannot bring the value back.
It is done when as many copies as LEVEL says have it on disk. Where siblings = true it deletes exactly what
--context names, and without that nothing.

${LEVEL_HELP}

EXAMPLES
  quartet client delete 7 QUORUM`,
  flags: WRITE_FLAGS,
  isWrite: true,
  parse({ words, flags }): Action {
    const [key, level] = keyAndLevel(this, words);
    return (call) => perform(call, { op: "delete", key, ...level, ...optionsOf(flags) });
  },
};

/** `put KEY VALUE [LEVEL]` */
export const PUT: Verb = {
  name: "put",
  words: "KEY VALUE [LEVEL]",
  summary: "stores a value",
  details: `Sends the value to all copies, and is done when as many as LEVEL says have it on disk, the
coordinator's among them if it holds one. Who had not acknowledged by then is named as owed: it gets the write a moment
later, or as a hint when it is back. Where siblings = true it replaces exactly what --context names, and
without that nothing: it stands beside what is there.

${LEVEL_HELP}

A VALUE of - is read from stdin, as it is: a newline at its end is part of it. A value with spaces goes
in quotes; one that starts with a dash and a letter goes after --.

EXAMPLES
  quartet client put 7 hello TWO
  quartet client put 7 'two words'
  quartet client put 7 -1
  quartet client put 7 hello --session new
  quartet client put -- 7 --verbose
  printf %s "$TEXT" | quartet client put 7 - QUORUM`,
  flags: WRITE_FLAGS,
  isWrite: true,
  parse({ words, flags }): Action {
    const [key, value, levelWord, ...rest] = words;
    if (key === undefined || value === undefined) {
      throw new UsageError(`put takes ${this.words}, and ${countOfWords(words)} given`);
    }
    if (rest.length > 0) {
      throw new UsageError(
        `put takes ${this.words}, and ${countOfWords(words)} given: put a value with spaces in quotes, ` +
          `as in put ${shown(key)} '${shown(words.slice(1).join(" "))}'`,
      );
    }
    const level = levelOf(
      levelWord,
      `; put a value with spaces in quotes, as in put ${shown(key)} '${shown(value)} ${
        shown(levelWord ?? "")
      }'`,
    );
    return async (call) => {
      if (value === "-" && call.isStdinTaken) {
        throw new UsageError(
          "a value of - is read from stdin, and stdin is where these commands come from; " +
            `put it from a shell: … | quartet client put ${shown(key)} -`,
        );
      }
      if (levelWord === undefined && parseLevel(value) !== undefined) {
        call.output.note(
          call.output.paintErr.yellow("warning") +
            `: this stores the text "${value}"; a level comes after the value, as in put ${
              shown(key)
            } VALUE ${value}`,
        );
      }
      const text = value === "-" ? await readStdin() : value;
      return perform(call, { op: "put", key, value: text, ...level, ...optionsOf(flags) });
    };
  },
};

function keyAndLevel(verb: Verb, words: readonly string[]): [key: string, level: { level?: Level }] {
  const [key, level, ...rest] = words;
  if (key === undefined || rest.length > 0) {
    throw new UsageError(`${verb.name} takes ${verb.words}, and ${countOfWords(words)} given`);
  }
  return [key, levelOf(level, "")];
}

/** The level that a word names. Throws `UsageError`. */
export function levelOf(word: string | undefined, hint: string): { level?: Level } {
  if (word === undefined) return {};
  const level = parseLevel(word);
  if (level === undefined) {
    throw new UsageError(`"${shown(word)}" is no level; allowed: ${LEVELS.join(", ")}${hint}`);
  }
  return { level };
}

function optionsOf(flags: Arguments["flags"]): { trace?: true; session?: string; context?: string } {
  const session = flags.get("session");
  const context = flags.get("context");
  return {
    ...(flags.has("trace") ? { trace: true } : {}),
    ...(session === undefined ? {} : { session: session === "new" ? "" : session }),
    ...(context === undefined ? {} : { context }),
  };
}

/** A word as an error repeats it: a value may be very long. */
function shown(word: string): string {
  return cut(word, WORD_WIDTH_MAX);
}

async function readStdin(): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of Deno.stdin.readable) {
    size += chunk.length;
    if (size > VALUE_BYTES_CEILING) {
      throw new UsageError(
        `the value on stdin exceeds ${VALUE_BYTES_CEILING} bytes, the most that a cluster can allow`,
      );
    }
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UsageError(
      "the value on stdin is not UTF-8; values are text (encode binary data, for example with base64)",
    );
  }
}

/**
 * Asks, and tells what came of it; returns the exit code. `isListed`: all values that stand side by side are the result.
 * `mustBeFresh`: an answer that may be older than the session is no result.
 */
export async function perform(
  { caller, output, keyspace, level }: Call,
  request: Request,
  { mustBeFresh = false, isListed = false }: {
    readonly mustBeFresh?: boolean;
    readonly isListed?: boolean;
  } = {},
): Promise<number> {
  const beginMs = performance.now();
  const { result } = await caller.request({
    ...(level === undefined ? {} : { level }),
    ...request,
    ...(keyspace === undefined ? {} : { keyspace }),
  });
  const elapsedMs = performance.now() - beginMs;
  const telling: Telling = {
    isRead: request.op === "get",
    elapsedMs,
    nowMs: Date.now(),
    paint: output.paintErr,
    widthMax: output.widthErr,
  };
  if (!result.ok) {
    if (output.isJson) output.json(failureObject(result.failure));
    else output.note(failureText(result.failure, telling));
    if (isListed) listSiblings(output, result, telling.nowMs);
    noteTrace(output, result.failure.trace);
    noteSession(output, result.failure);
    return mustBeFresh && result.failure.maybe_stale === true ? EXIT_STALE : ERRORS[result.failure.code].exit;
  }
  const reply = result.value;
  const isTooOld = mustBeFresh && reply.kind === "value" && reply.receipt.maybe_stale === true;
  if (output.isJson) output.json({ ...replyObject(reply), elapsed_ms: Math.round(elapsedMs * 1000) / 1000 });
  // Why not even the value: whoever reads stdout in a pipe does not hear of the exit code in time.
  else if (reply.kind === "value" && !isTooOld && !isListed) output.value(reply.value);
  if (isListed && !isTooOld) listSiblings(output, result, telling.nowMs);
  if (reply.kind === "value" || reply.kind === "written") {
    const count = reply.kind === "value" ? reply.siblings?.length : undefined;
    output.note(
      receiptText(reply.receipt, { ...telling, ...(count === undefined ? {} : { siblingCount: count }) }),
    );
    noteTrace(output, reply.receipt.trace);
    noteSession(output, reply.receipt);
  }
  return isTooOld ? EXIT_STALE : 0;
}

/** Of what stands side by side one line each, and what replaces it; a program reads them in the object. */
function listSiblings(output: Output, result: Result<Reply, Failure>, nowMs: number): void {
  if (output.isJson) return;
  const found = foundIn(result);
  if (!found.ok) return;
  for (const line of siblingLines(found.value.versions, nowMs)) output.line(line);
  if (found.value.context !== undefined) output.note(`context ${printable(found.value.context)}`);
}

/** A program reads it in the object. */
function noteSession(
  output: Output,
  { session, maybe_stale }: Pick<Receipt, "session" | "maybe_stale">,
): void {
  if (output.isJson) return;
  if (maybe_stale === true) {
    output.note(
      `${
        output.paintErr.yellow("maybe stale")
      }: a replica that may know more of the session could not be asked`,
    );
  }
  if (session !== undefined) output.note(`session ${printable(session)}`);
}

function noteTrace(output: Output, trace: readonly TraceStep[] | undefined): void {
  for (const line of traceLines(trace ?? [], output.paintErr)) output.note(line);
}
