/** `keys` and `scan`: which keys there are, page after page, until the end or a limit. @module */
import { fail, ok, type Result } from "../base/failure.ts";
import { ERRORS, type Failure } from "../protocol/error_codes.ts";
import { type Level, LEVELS, parseLevel } from "../protocol/level.ts";
import { PAGE_COUNT_MAX } from "../protocol/limits.ts";
import type { Page, PageEntry } from "../protocol/reply.ts";
import type { Request, WireKey } from "../protocol/request.ts";
import { type Arguments, countOfWords, type Flags, UsageError } from "./arguments.ts";
import { type Output, printable } from "./output.ts";
import { failureText, replyObject } from "./receipt.ts";
import { reportFailure } from "./status_verb.ts";
import { EXIT_STOPPED, StopSignal } from "./stop_signal.ts";
import type { Action, Call, Verb } from "./verb.ts";

const PAGE_FLAGS: Flags = {
  limit: { value: "COUNT", help: "no more keys than this; else all" },
  after: { value: "KEY", help: "only keys behind this one" },
  level: {
    value: "LEVEL",
    help: "how many copies of each key must answer; else the keyspace's default_level",
  },
};

const ORDER_HELP =
  `Text keys come in the order of their bytes, byte keys (which have no PREFIX) as numbers; deleted ones do not come.
Any replica can coordinate it, one without copies too: it asks all that hold some of the keys, and of each key as many copies as LEVEL says must
answer. The keys come in pages of up to ${PAGE_COUNT_MAX}, printed as they arrive. It is no snapshot: what is written
meanwhile shows where the listing has not been yet. Ctrl-C ends it, and says how to go on.

A line is one key: control characters in it are written as \\u000a. With --json each page is one object on a line.`;

/** `keys [PREFIX]` */
export const KEYS: Verb = {
  name: "keys",
  words: "[PREFIX]",
  summary: "lists the keys that there are, or those that begin with PREFIX",
  details: `${ORDER_HELP}

EXAMPLES
  quartet client keys --keyspace items
  quartet client keys user: --limit 20
  quartet client keys --after 100 --level one
  quartet client keys --json | jq -r '.entries[].key'`,
  flags: PAGE_FLAGS,
  parse(given): Action {
    const asked = parseAsked(this, given);
    return (call) => list(call, { ...asked, isKeysOnly: true });
  },
};

/** `scan [PREFIX]` */
export const SCAN: Verb = {
  name: "scan",
  words: "[PREFIX]",
  summary: "the same with their values",
  details: `Lists keys as keys does, each with a tab and its value behind it.

${ORDER_HELP}

EXAMPLES
  quartet client scan user: --keyspace items
  quartet client scan --json | jq '.entries[]'`,
  flags: PAGE_FLAGS,
  parse(given): Action {
    const asked = parseAsked(this, given);
    return (call) => list(call, { ...asked, isKeysOnly: false });
  },
};

/** What the words ask for. */
interface Asked {
  readonly prefix: string | undefined;
  readonly after: string | undefined;
  /** Keys in all; `Infinity` without a limit. */
  readonly limit: number;
  readonly level: Level | undefined;
}

function parseAsked({ name, words: allowed }: Verb, { words, flags }: Arguments): Asked {
  const [prefix, ...rest] = words;
  if (rest.length > 0) throw new UsageError(`${name} takes ${allowed}, and ${countOfWords(words)} given`);
  const levelWord = flags.get("level");
  const level = levelWord === undefined ? undefined : parseLevel(levelWord);
  if (levelWord !== undefined && level === undefined) {
    throw new UsageError(`--level ${levelWord}: no level; allowed: ${LEVELS.join(", ")}`);
  }
  return { prefix, after: flags.get("after"), limit: parseLimit(flags.get("limit")), level };
}

function parseLimit(text: string | undefined): number {
  if (text === undefined) return Infinity;
  const limit = /^[0-9]{1,15}$/.test(text) ? Number(text) : 0;
  if (limit < 1) throw new UsageError(`--limit ${text}: no count; allowed: an integer from 1 on`);
  return limit;
}

async function list(call: Call, asked: Asked & { readonly isKeysOnly: boolean }): Promise<number> {
  const { output } = call;
  // Why not in a conversation: there Ctrl-C ends the waiting for a line, and nobody reads what comes after it.
  using signal = call.isStdinTaken === true ? undefined : new StopSignal(() => {});
  const stopped = stopOf(signal);
  let count = 0;
  let after: WireKey | undefined = asked.after;
  for (;;) {
    const page: Result<Page, Failure> | undefined = await Promise.race([
      askPage(call, asked, after, asked.limit - count),
      stopped,
    ]);
    if (page === undefined) {
      output.note(`${output.paintErr.yellow("stopped")} after ${countText(count)}${onwardText(after)}`);
      return EXIT_STOPPED;
    }
    if (!page.ok) return reportEnd(page.failure, { output, count, after });
    const { entries, more, last }: Page = page.value;
    count += entries.length;
    after = last ?? after;
    show(output, page.value);
    // Why the second: whoever closes the pipe (`| head`) has seen enough.
    if (!more || output.isUnread) return noteEnd(output, count);
    if (count >= asked.limit) {
      output.note(`${countText(count)}, and maybe more${onwardText(after)}`);
      return 0;
    }
  }
}

/** Resolves to undefined when the signal comes. */
function stopOf(signal: StopSignal | undefined): Promise<undefined> {
  return new Promise((resolve) =>
    signal?.stop.signal.addEventListener("abort", () => resolve(undefined), { once: true })
  );
}

async function askPage(
  { caller, keyspace, level: stateLevel }: Call,
  { prefix, isKeysOnly, level = stateLevel }: Asked & { readonly isKeysOnly: boolean },
  after: WireKey | undefined,
  limit: number,
): Promise<Result<Page, Failure>> {
  const request: Request = {
    op: "scan",
    ...(keyspace === undefined ? {} : { keyspace }),
    ...(prefix === undefined ? {} : { prefix }),
    ...(after === undefined ? {} : { after }),
    limit: Math.min(limit, PAGE_COUNT_MAX),
    ...(level === undefined ? {} : { level }),
    ...(isKeysOnly ? { keys_only: true } : {}),
  };
  const { result } = await caller.request(request);
  if (!result.ok) return result;
  if (result.value.kind !== "page") {
    return fail({ code: "internal", message: `a scan was answered with ${result.value.kind}` });
  }
  const { page } = result.value;
  // Why: a page that says there is more and not where would be asked for again for ever.
  if (page.more && (page.last === undefined || page.last === after)) {
    return fail({ code: "internal", message: "the replica answered with a page that does not move on" });
  }
  return ok(page);
}

function show(output: Output, page: Page): void {
  if (output.isJson) output.json(replyObject({ kind: "page", page }));
  else if (page.entries.length > 0) output.line(page.entries.map(lineOf).join("\n"));
}

/** Why escaped, also for a pipe: a key or a value may hold the end of a line. */
function lineOf({ key, value }: PageEntry): string {
  const name = printable(String(key));
  return value === undefined ? name : `${name}\t${printable(value)}`;
}

function noteEnd(output: Output, count: number): number {
  output.note(countText(count));
  return 0;
}

/** What came before the failure has been printed: it says where to go on. */
function reportEnd(
  failure: Failure,
  { output, count, after }: {
    readonly output: Output;
    readonly count: number;
    readonly after: WireKey | undefined;
  },
): number {
  if (output.isJson || count === 0) return reportFailure(failure, output);
  const telling = { isRead: true, nowMs: Date.now(), paint: output.paintErr, widthMax: output.widthErr };
  output.note(failureText(failure, telling));
  output.note(`${countText(count)} came before that${onwardText(after)}`);
  return ERRORS[failure.code].exit;
}

function countText(count: number): string {
  return count === 0 ? "no keys" : count === 1 ? "1 key" : `${count} keys`;
}

function onwardText(after: WireKey | undefined): string {
  return after === undefined ? "" : `; --after ${quoted(String(after))} goes on`;
}

/** A key as a shell takes it. */
function quoted(key: string): string {
  return /^[\w:.@%+,/-]+$/.test(key) ? key : `'${printable(key).replaceAll("'", "'\\''")}'`;
}
