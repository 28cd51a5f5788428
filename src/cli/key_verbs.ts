/** `get`, `put` and `delete`: one key through one coordinator. @module */
import { VALUE_BYTES_CEILING } from "../protocol/limits.ts";
import { type Level, LEVELS, parseLevel } from "../protocol/level.ts";
import { ERRORS } from "../protocol/error_codes.ts";
import type { Request } from "../protocol/request.ts";
import type { TraceStep } from "../protocol/trace.ts";
import { type Arguments, countOfWords, type Flags, UsageError } from "./arguments.ts";
import type { Receipt } from "../protocol/reply.ts";
import { EXIT_STALE } from "./exit_codes.ts";
import { type Output, printable } from "./output.ts";
import { cut } from "./table.ts";
import { failureObject, failureText, receiptText, replyObject, type Telling } from "./receipt.ts";
import { traceLines } from "./trace_lines.ts";
import type { Action, Call, Verb } from "./verb.ts";

/** Columns of a word that an error repeats. */
const WORD_WIDTH_MAX = 40;

const LEVEL_HELP = `LEVEL, how many copies must answer, is one of ${LEVELS.join(" ")}, in any
case; without it the keyspace's default_level counts.`;

const KEY_FLAGS: Flags = {
  trace: { help: "show each step of the request and its time; the answer waits for the last of them" },
  session: {
    value: "TOKEN",
    help:
      "go on in this session, whichever replica answers: its TOKEN stood in the last answer; new begins one",
  },
};

const GET_FLAGS: Flags = {
  ...KEY_FLAGS,
  "require-fresh": {
    help: "with --session: where the answer may be older than the session, print no value, and exit with 7",
  },
};

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

EXAMPLES
  quartet client get 7
  quartet client get 7 TWO
  quartet client --json get 7 one
  quartet client get 7 --session "$TOKEN" --require-fresh`,
  flags: GET_FLAGS,
  parse({ words, flags }): Action {
    const [key, level] = keyAndLevel(this, words);
    const mustBeFresh = flags.has("require-fresh");
    if (mustBeFresh && !flags.has("session")) {
      throw new UsageError(
        "--require-fresh compares the answer with a session; give --session TOKEN, of an answer before",
      );
    }
    return (call) => perform(call, { op: "get", key, ...level, ...optionsOf(flags) }, { mustBeFresh });
  },
};

/** `delete KEY [LEVEL]` */
export const DELETE: Verb = {
  name: "delete",
  words: "KEY [LEVEL]",
  summary: "deletes a key, whether or not it is there",
  details:
    `Leaves a tombstone on all copies, so that a copy that missed the delete cannot bring the value back.
It is done when as many copies as LEVEL says have it on disk.

${LEVEL_HELP}

EXAMPLES
  quartet client delete 7 QUORUM`,
  flags: KEY_FLAGS,
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
later, or as a hint when it is back.

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
  flags: KEY_FLAGS,
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

function levelOf(word: string | undefined, hint: string): { level?: Level } {
  if (word === undefined) return {};
  const level = parseLevel(word);
  if (level === undefined) {
    throw new UsageError(`"${shown(word)}" is no level; allowed: ${LEVELS.join(", ")}${hint}`);
  }
  return { level };
}

function optionsOf(flags: Arguments["flags"]): { trace?: true; session?: string } {
  const session = flags.get("session");
  return {
    ...(flags.has("trace") ? { trace: true } : {}),
    ...(session === undefined ? {} : { session: session === "new" ? "" : session }),
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

async function perform(
  { caller, output, keyspace, level }: Call,
  request: Request,
  { mustBeFresh = false }: { readonly mustBeFresh?: boolean } = {},
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
    noteTrace(output, result.failure.trace);
    noteSession(output, result.failure);
    return mustBeFresh && result.failure.maybe_stale === true ? EXIT_STALE : ERRORS[result.failure.code].exit;
  }
  const reply = result.value;
  const isTooOld = mustBeFresh && reply.kind === "value" && reply.receipt.maybe_stale === true;
  if (output.isJson) output.json({ ...replyObject(reply), elapsed_ms: Math.round(elapsedMs * 1000) / 1000 });
  // Why not even the value: whoever reads stdout in a pipe does not hear of the exit code in time.
  else if (reply.kind === "value" && !isTooOld) output.value(reply.value);
  if (reply.kind === "value" || reply.kind === "written") {
    output.note(receiptText(reply.receipt, telling));
    noteTrace(output, reply.receipt.trace);
    noteSession(output, reply.receipt);
  }
  return isTooOld ? EXIT_STALE : 0;
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
