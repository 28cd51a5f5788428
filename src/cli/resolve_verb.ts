/** `resolve`: of values that stand side by side, one, or another, is to stay. @module */
import { ERRORS, type Failure } from "../protocol/error_codes.ts";
import type { Level } from "../protocol/level.ts";
import type { Request } from "../protocol/request.ts";
import { type Arguments, countOfWords, type Flags, UsageError } from "./arguments.ts";
import { CONTEXT_FLAG, LEVEL_HELP, levelOf, perform } from "./key_verbs.ts";
import { failureObject, failureText } from "./receipt.ts";
import { foundIn, siblingLines } from "./sibling_text.ts";
import type { Action, Call, Verb } from "./verb.ts";

const RESOLVE_FLAGS: Flags = {
  pick: { value: "N", help: "keep the value with this number, as get --siblings shows them" },
  ...CONTEXT_FLAG,
};

/** What shall stay: a value, or the version with this number. */
type Choice = { readonly value: string } | { readonly pick: number };

/** `resolve KEY VALUE [LEVEL]`, `resolve KEY --pick N [LEVEL]` */
export const RESOLVE: Verb = {
  name: "resolve",
  words: "KEY [VALUE] [LEVEL]",
  summary: "of values that stand side by side keeps one, or puts another in their place",
  details:
    `Where a keyspace says siblings = true, values written without knowledge of each other stay side by side.
resolve gets the key, shows on stderr all that it found, and writes VALUE, or the one that --pick names, in
place of exactly these: what somebody else writes meanwhile stays beside it. To pick a delete deletes.

With --context, the token that get --siblings showed, only what was shown then is replaced, so that nothing
goes that you have not seen. Numbers are those of now: look at what it shows.

${LEVEL_HELP}

EXAMPLES
  quartet client get cart --siblings
  quartet client resolve cart --pick 2
  quartet client resolve cart 'milk, bread' QUORUM`,
  flags: RESOLVE_FLAGS,
  isWrite: true,
  parse(given): Action {
    const [key, ...words] = given.words;
    if (key === undefined) throw new UsageError(`resolve takes ${this.words}, and no word was given`);
    const choice = choiceOf(given, words);
    const levelWord = "pick" in choice ? words[0] : words[1];
    const level = levelOf(levelWord, "");
    const context = given.flags.get("context");
    return (call) => resolve(call, { key, choice, ...level, ...(context === undefined ? {} : { context }) });
  },
};

function choiceOf({ words: all, flags }: Arguments, words: readonly string[]): Choice {
  const pick = flags.get("pick");
  const mostCount = pick === undefined ? 2 : 1;
  if (words.length > mostCount) {
    throw new UsageError(`resolve takes ${RESOLVE.words}, and ${countOfWords(all)} given`);
  }
  if (pick === undefined) {
    const [value] = words;
    if (value === undefined) throw new UsageError("resolve takes a VALUE, or --pick N: what shall stay?");
    return { value };
  }
  const number = /^[0-9]{1,6}$/.test(pick) ? Number(pick) : 0;
  if (number < 1) {
    throw new UsageError(`--pick ${pick}: no number; allowed: those that get --siblings shows, from 1 on`);
  }
  return { pick: number };
}

async function resolve(
  call: Call,
  { key, choice, level, context }: {
    readonly key: string;
    readonly choice: Choice;
    readonly level?: Level;
    readonly context?: string;
  },
): Promise<number> {
  const { caller, output, keyspace } = call;
  const usedLevel = level ?? call.level;
  const common = {
    key,
    ...(usedLevel === undefined ? {} : { level: usedLevel }),
    ...(keyspace === undefined ? {} : { keyspace }),
  };
  const { result } = await caller.request({ op: "get", ...common });
  const found = foundIn(result);
  if (!found.ok) return refuse(call, found.failure);
  const { versions } = found.value;
  if (found.value.context === undefined) {
    throw new UsageError("the keyspace keeps one value of each key, the latest; put replaces it");
  }
  const picked = "pick" in choice ? choice.pick : undefined;
  for (const line of siblingLines(versions, Date.now(), picked)) output.note(line);
  let value: string | undefined;
  if ("value" in choice) value = choice.value;
  else {
    const version = versions[choice.pick - 1];
    if (version === undefined) {
      const count = versions.length === 1 ? "is 1 version" : `are ${versions.length} versions`;
      throw new UsageError(`--pick ${choice.pick}: there ${count} of the key now; nothing was written`);
    }
    value = version.value;
  }
  const write: Request = {
    ...(value === undefined ? { op: "delete" } : { op: "put", value }),
    ...common,
    context: context ?? found.value.context,
  };
  return await perform(call, write);
}

function refuse({ output }: Call, failure: Failure): number {
  if (output.isJson) output.json(failureObject(failure));
  else {output.note(
      failureText(failure, {
        isRead: true,
        nowMs: Date.now(),
        paint: output.paintErr,
        widthMax: output.widthErr,
      }),
    );}
  return ERRORS[failure.code].exit;
}
