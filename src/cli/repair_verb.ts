/** `repair`: has replicas compare their copies now, and make equal what differs. @module */
import { fail, ok, type Result } from "../base/failure.ts";
import { ERRORS, type Failure } from "../protocol/error_codes.ts";
import { REPAIR_MS_MAX } from "../protocol/limits.ts";
import type { RepairedPeer } from "../protocol/reply.ts";
import { type Arguments, countOfWords, UsageError } from "./arguments.ts";
import { bytesText } from "./machine_table.ts";
import { type Output, printable } from "./output.ts";
import { failureObject } from "./receipt.ts";
import { reportFailure } from "./status_verb.ts";
import { cut, formatTable } from "./table.ts";
import type { Action, Call, Verb } from "./verb.ts";

/** Keys of one pair that are named, and columns of a key; `--json` has more. */
const NAMED_KEYS_MAX = 8;
const KEY_WIDTH_MAX = 40;

/** Wait for one replica beyond what it may take. */
const GRACE_MS = 5000;

/** `repair [KEYSPACE]` */
export const REPAIR: Verb = {
  name: "repair",
  words: "[KEYSPACE]",
  summary: "compare copies now, and make equal what differs",
  details:
    `Asks every replica, one after the other, to compare its copies with those of all others that are up: of KEYSPACE,
or of all keyspaces, whether or not they have anti_entropy = true. Replicas do the same by themselves all the time
where they have; this is for who does not want to wait, or wants to see. With --dry-run they only look.

A line for each two replicas: keys that differed, keys and bytes that went between them, and how they stand now. Below
it the keys are named, the first of them. A replica whose disk is full takes nothing, and stays different.

Exits with 0 when all that were compared are equal now, or when --dry-run has looked at all; with 5 when a replica is
down or had no time, or something could not be mended.

EXAMPLES
  quartet client repair
  quartet client repair --dry-run
  quartet client repair main
  quartet client --json repair`,
  flags: { "dry-run": { help: "only look: change nothing" } },
  isWrite: true,
  parse({ words, flags }: Arguments): Action {
    const [keyspace, ...rest] = words;
    if (rest.length > 0) {
      throw new UsageError(`repair takes at most one KEYSPACE, and ${countOfWords(words)} given`);
    }
    return (call) => repair(call, keyspace ?? call.keyspace, { isDryRun: flags.has("dry-run") });
  },
};

/** What one replica answered. */
export interface RepairAnswer {
  readonly id: string;
  readonly result: Result<readonly RepairedPeer[], Failure>;
}

async function repair(
  call: Call,
  keyspace: string | undefined,
  { isDryRun }: { readonly isDryRun: boolean },
): Promise<number> {
  const members = await call.caller.members();
  if (!members.ok) return reportFailure(members.failure, call.output);
  const answers: RepairAnswer[] = [];
  // Why one after the other: each replica takes part in one comparison at a time, and would send the others away.
  for (const { id } of members.value) {
    answers.push(await ask(call, id, keyspace, isDryRun));
    const last = answers.at(-1)!.result;
    if (!last.ok && ERRORS[last.failure.code].exit === 2) return reportFailure(last.failure, call.output);
  }
  const exit = exitOf(answers);
  if (call.output.isJson) call.output.json(repairObject(answers, { isDryRun, isOk: exit === 0 }));
  else tell(call.output, answers, isDryRun);
  return exit;
}

async function ask(
  { caller, timeoutMs }: Call,
  id: string,
  keyspace: string | undefined,
  isDryRun: boolean,
): Promise<RepairAnswer> {
  const { result } = await caller.ask(id, {
    op: "repair",
    ...(keyspace === undefined ? {} : { keyspace }),
    ...(isDryRun ? { dry_run: true as const } : {}),
  }, timeoutMs ?? REPAIR_MS_MAX + GRACE_MS);
  if (!result.ok) return { id, result };
  if (result.value.kind === "repaired") return { id, result: ok(result.value.peers) };
  const message = `the replica answered with "${result.value.kind}", which was not asked for`;
  return { id, result: fail({ code: "internal", message }) };
}

function exitOf(answers: readonly RepairAnswer[]): number {
  const failure = answers.flatMap(({ result }) => result.ok ? [] : [result.failure])[0];
  if (failure !== undefined) return ERRORS[failure.code].exit;
  const isDone = answers.every(({ result }) =>
    result.ok && result.value.every(({ end }) => end === "agreed" || end === "compared")
  );
  return isDone ? 0 : ERRORS.unavailable.exit;
}

/** What two replicas found; told once, by the one that was asked first. */
interface Pair {
  readonly ids: string;
  readonly found: RepairedPeer;
}

/** Each two replicas once: as the first that came to an end tells it. */
export function pairsOf(answers: readonly RepairAnswer[]): Pair[] {
  const pairs = new Map<string, Pair>();
  for (const { id, result } of answers) {
    if (!result.ok) continue;
    for (const found of result.value) {
      const ids = [id, found.id].sort().join(" ");
      const before = pairs.get(ids)?.found.end;
      if (before === undefined || before === "failed" || before === "busy") pairs.set(ids, { ids, found });
    }
  }
  return [...pairs.values()];
}

function tell(output: Output, answers: readonly RepairAnswer[], isDryRun: boolean): void {
  for (const line of repairLines(answers, output)) output.line(line);
  const { paintErr } = output;
  for (const { id, result } of answers) {
    if (result.ok) continue;
    const { code, message } = result.failure;
    output.note(`${paintErr.yellow(`${id} did not do it`)}: ${code}: ${printable(message)}`);
  }
  if (isDryRun && answers.some(({ result }) => result.ok)) output.note("only looked: nothing was changed");
}

/** All that a person reads of what replicas answered. */
export function repairLines(
  answers: readonly RepairAnswer[],
  { paintOut, widthOut }: Pick<Output, "paintOut" | "widthOut">,
): string[] {
  const pairs = pairsOf(answers);
  if (pairs.length === 0) return [];
  const rows = [
    ["replicas", "differed", "keys moved", "bytes", "now"],
    ...pairs.map(({ ids, found }) => [
      ids,
      String(found.differing),
      String(found.sent + found.received),
      bytesText(found.bytes),
      nowText(found),
    ]),
  ];
  const table = formatTable(rows, {
    widthMax: widthOut,
    paint: (text, row, column) => {
      if (row === 0) return paintOut.bold(text);
      return column === 4 && text !== "equal" ? paintOut.yellow(text) : text;
    },
  });
  return [...table, ...pairs.filter(({ found }) => found.differing > 0).map(keysText)];
}

function nowText({ end, differing, reason = "" }: RepairedPeer): string {
  switch (end) {
    case "agreed":
      return "equal";
    case "compared":
      return differing === 0 ? "equal" : "different";
    case "unmended":
      return "different: one does not take what it lacks";
    case "failed":
    case "busy":
      return `not compared: ${printable(reason)}`;
  }
}

/** `r1 r4 differed on main 7, main 12 and 3 more` */
function keysText({ ids, found: { keys, differing } }: Pair): string {
  const named = keys.slice(0, NAMED_KEYS_MAX).map(({ keyspace, key }) =>
    `${keyspace} ${
      cut(printable(typeof key === "number" ? String(key) : JSON.stringify(key)), KEY_WIDTH_MAX)
    }`
  );
  if (named.length === 0) return `${ids} differed on ${differing} ${differing === 1 ? "key" : "keys"}`;
  const more = differing - named.length;
  return `${ids} differed on ${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** The object that a program reads. */
export function repairObject(
  answers: readonly RepairAnswer[],
  { isDryRun, isOk }: { readonly isDryRun: boolean; readonly isOk: boolean },
): Record<string, unknown> {
  return {
    ok: isOk,
    dry_run: isDryRun,
    replicas: answers.map(({ id, result }) => ({
      id,
      ...(result.ok ? { peers: result.value } : failureObject(result.failure)),
    })),
  };
}
