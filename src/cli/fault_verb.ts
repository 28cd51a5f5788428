/** `fault`: breaks a running cluster on purpose, says what is broken, and mends it. @module */
import { fail, ok, type Result } from "../base/failure.ts";
import { ERRORS, type Failure } from "../protocol/error_codes.ts";
import type { ActiveFault } from "../protocol/fault.ts";
import { FAULT_MS_DEFAULT, FAULT_MS_MAX } from "../protocol/limits.ts";
import type { FaultRequest } from "../protocol/request.ts";
import { type Arguments, countOfWords, parseDurationMs, UsageError } from "./arguments.ts";
import { faultRows } from "./fault_table.ts";
import { type FaultAction, type FaultPlanner, parseFaultAction, parseFaultPlan } from "./fault_words.ts";
import { printable } from "./output.ts";
import { failureObject } from "./receipt.ts";
import { reportFailure } from "./status_verb.ts";
import { formatTable } from "./table.ts";
import type { Action, Call, Verb } from "./verb.ts";

/** `fault KIND [IDS…]` */
export const FAULT: Verb = {
  name: "fault",
  words: "KIND [IDS…]",
  summary: "break a running cluster on purpose, for a while",
  details: `  partition IDS IDS…  nothing passes between the groups; who is in no group reaches all
  isolate IDS         nothing passes between these and any other replica
  one-way IDS IDS     nothing passes from the first to the second
  delay IDS TIME      each line to and from these takes so much longer: 1ms to 60s
  drop IDS PERCENT    so many of a hundred lines to and from these are lost
  pause IDS           these stand still: they hear, answer and notice nothing
  skew IDS TIME       the clocks of these are so far ahead, or behind: +60s, -5m, up to 24h
  list                what is broken where
  heal                ends all faults, everywhere

IDS is one replica or several, such as r1,r2. Only where cluster.toml says faults = true; a replica that others
can reach needs a secret for it. A fault ends by itself after a minute, or after the time that --for says, at most
1h. It lives in the replica's memory: a restart ends it there. It breaks lines between replicas, and no
connection: others notice by silence. Clients reach every replica still, but for one that is paused, which hears
of faults only. A partition is kept by both sides, all else by the replicas that are named. Several faults at a time
add up; a delay, drop, pause or skew takes the place of an earlier one of its kind on the same replica.

Exits with 0 when all that were asked did it. With heal and list a replica that is down does not matter.

EXAMPLES
  quartet client fault partition r1,r2 r3,r4 --for 20s
  quartet client fault isolate r3
  quartet client fault one-way r1 r2
  quartet client fault delay r3 50ms
  quartet client fault drop r3 20% --for 5m
  quartet client fault pause r2 --for 3s
  quartet client fault skew r2 +60s
  quartet client fault list
  quartet client fault heal`,
  flags: { for: { value: "TIME", help: "when a fault ends by itself; 1m unless given, at most 1h" } },
  parse({ words: [word, ...words], flags }: Arguments): Action {
    const action = parseFaultAction(word);
    const forText = flags.get("for");
    if (action !== "list" && action !== "heal") {
      const planner = parseFaultPlan(action, words);
      const forMs = forText === undefined ? FAULT_MS_DEFAULT : parseForMs(forText);
      return (call) => breakCluster(call, planner, forMs);
    }
    if (words.length > 0) {
      throw new UsageError(
        `fault ${action} takes no words, and ${countOfWords(words)} given` +
          (action === "heal" ? "; it ends all faults, everywhere" : ""),
      );
    }
    if (forText !== undefined) throw new UsageError(`fault ${action} takes no --for`);
    return (call) => mendOrList(call, action);
  },
};

function parseForMs(text: string): number {
  const forMs = parseDurationMs(text, "for");
  if (forMs <= FAULT_MS_MAX) return forMs;
  throw new UsageError(`--for ${text}: too long; a fault lasts at most ${FAULT_MS_MAX / 3_600_000}h`);
}

/** What one replica answered. */
export interface FaultAnswer {
  readonly id: string;
  readonly result: Result<readonly ActiveFault[], Failure>;
}

async function breakCluster(call: Call, planner: FaultPlanner, forMs: number): Promise<number> {
  const members = await call.caller.members();
  if (!members.ok) return reportFailure(members.failure, call.output);
  const plan = planner(members.value.map(({ id }) => id));
  const answers = await Promise.all(
    [...plan].map(([id, fault]) =>
      askReplica(call, id, { op: "fault", action: "set", fault, for_ms: forMs })
    ),
  );
  return report(call, answers, { needsAll: true, none: "" });
}

async function mendOrList(call: Call, action: Extract<FaultAction, "list" | "heal">): Promise<number> {
  const members = await call.caller.members();
  if (!members.ok) return reportFailure(members.failure, call.output);
  const answers = await Promise.all(
    members.value.map(({ id }) => askReplica(call, id, { op: "fault", action })),
  );
  const none = action === "list" ? "no faults" : "healed: no faults";
  return report(call, answers, { needsAll: false, none });
}

async function askReplica({ caller }: Call, id: string, request: FaultRequest): Promise<FaultAnswer> {
  const { result } = await caller.ask(id, request);
  if (!result.ok) return { id, result };
  if (result.value.kind === "faults") return { id, result: ok(result.value.faults) };
  const message = `the replica answered with "${result.value.kind}", which was not asked for`;
  return { id, result: fail({ code: "internal", message }) };
}

/** Tells what the replicas answered, and gives the exit code. */
function report(
  { output }: Call,
  answers: readonly FaultAnswer[],
  { needsAll, none }: { readonly needsAll: boolean; readonly none: string },
): number {
  const isGone = ({ message }: Failure): boolean => !needsAll && message.startsWith("nobody listens");
  const views = answers.flatMap(({ id, result }) => result.ok ? [{ id, faults: result.value }] : []);
  const failures = answers.flatMap(({ id, result }) => result.ok ? [] : [{ id, failure: result.failure }]);
  // Who is down has no faults; who is there and did not do it is worth an error.
  const isWrong = ({ failure }: { failure: Failure }): boolean =>
    needsAll || views.length === 0 || failure.code !== "unavailable";
  const wrong = failures.find(isWrong)?.failure;
  const isEverywhere = failures.length === answers.length &&
    new Set(failures.map(({ failure }) => failure.code)).size === 1;
  // Why: what all replicas refuse alike is one error.
  if (wrong !== undefined && isEverywhere && ERRORS[wrong.code].exit === 2) {
    return reportFailure(wrong, output);
  }
  if (output.isJson) {
    output.json(faultsObject(answers, { isOk: wrong === undefined }));
  } else {
    const { paintOut, paintErr, widthOut } = output;
    const table = formatTable(faultRows(views), {
      widthMax: widthOut,
      paint: (text, row) => row === 0 ? paintOut.bold(text) : text,
    });
    for (const line of table) output.line(line);
    if (table.length === 0 && views.length > 0) output.note(`${paintErr.green("ok")}  ${none}`);
    for (const { id, failure } of failures) {
      const what = isGone(failure) ? `${id} is down, and so has no faults` : `${id} did not do it`;
      const why = isGone(failure) ? failure.message.split(";")[0]! : `${failure.code}: ${failure.message}`;
      output.note(`${paintErr.yellow(what)}: ${printable(why)}`);
    }
  }
  return wrong === undefined ? 0 : ERRORS[wrong.code].exit;
}

/** The object that a program reads. */
export function faultsObject(
  answers: readonly FaultAnswer[],
  { isOk }: { readonly isOk: boolean },
): Record<string, unknown> {
  return {
    ok: isOk,
    replicas: answers.map(({ id, result }) => ({
      id,
      ...(result.ok ? { faults: result.value } : failureObject(result.failure)),
    })),
  };
}
