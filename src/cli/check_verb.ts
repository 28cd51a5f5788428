/** `check`: the verdict of the judges on a history that a file holds. @module */
import { describeOperation } from "../checker/operation_text.ts";
import type { History } from "../checker/history.ts";
import {
  HISTORY_LINE_CHARS_MAX,
  type LineProblem,
  parseHistory,
  PROBLEMS_MAX,
} from "../checker/history_parser.ts";
import { judgeHistory, type Model, MODELS, parseModel } from "../checker/judge.ts";
import { renderTimeline } from "../checker/timeline.ts";
import type { Verdict } from "../checker/verdict.ts";
import { type Arguments, nearestOf, UsageError } from "./arguments.ts";
import type { LocalVerb } from "./local_verb.ts";
import { type Output, printable } from "./output.ts";

const MODEL_DEFAULT: Model = "quorum";
const EXIT: Readonly<Record<Verdict["outcome"], number>> = { ok: 0, violated: 1, unknown: 2 };

/** Bytes of a history that is read: all of it is in memory while it is judged. */
const HISTORY_BYTES_MAX = 512 * 1024 * 1024;

/** Lines with the same thing wrong that are named. */
const ALIKE_MAX = 2;

/** Violations that are told beyond the first. */
const TOLD_MAX = 10;

/** `check FILE` */
export const CHECK: LocalVerb = {
  name: "check",
  words: "FILE",
  summary: "judges what clients saw: a history",
  details: `FILE holds a history, one JSON object a line; - reads stdin. Who judges depends on the model:

  quorum        reads see what overlapping writes wrote, nothing acknowledged is lost, copies become equal, and what enough live replicas can serve is served
  linearizable  every key behaves as one register
  sessions      each client reads its writes, and nothing goes back for it
  causal        the same along what clients learnt from each other, and one order of all writes explains what was read

Prints one sentence, and for a violation the fewest operations that still show it. --timeline writes
a page that shows the whole history and marks them; it opens in any browser, without a network.
Exits with 0 when all is well, 1 when something is wrong, 2 when nobody can tell.

EXAMPLES
  quartet client check history.ndjson
  quartet client check history.ndjson --model linearizable --timeline history.html
  quartet client --json check - < history.ndjson`,
  flags: {
    model: { value: "MODEL", help: `${MODELS.join(", ")}; ${MODEL_DEFAULT} unless given` },
    timeline: { value: "FILE", help: "write a page with the picture of the history" },
    json: { help: "one JSON object on stdout, nothing else" },
  },
  async run({ words, flags }: Arguments, output: Output): Promise<number> {
    const [path, ...rest] = words;
    if (path === undefined || rest.length > 0) {
      throw new UsageError(`check takes one FILE, and ${words.length} words were given; - reads stdin`);
    }
    const foreign = [...flags.keys()].find((flag) => !Object.hasOwn(CHECK.flags, flag));
    if (foreign !== undefined) throw new UsageError(`check takes no --${foreign}: it asks no cluster`);
    const model = modelOf(flags.get("model"));
    const parsed = parseHistory(await readText(path));
    if (!parsed.ok) {
      throw new UsageError(`this is no history:\n${problemLines(parsed.failure, path).join("\n")}`);
    }
    const verdict = judgeHistory(parsed.value, model);
    const page = flags.get("timeline");
    if (page !== undefined) await writePage(page, parsed.value, verdict);
    tell(verdict, model, page, output);
    return EXIT[verdict.outcome];
  },
};

/** What is wrong with which line; of many with the same thing wrong the first ones, and how many more there are. */
function problemLines(problems: readonly LineProblem[], path: string): string[] {
  const counts = new Map<string, number>();
  const lines = problems.flatMap(({ line, message }) => {
    const count = (counts.get(message) ?? 0) + 1;
    counts.set(message, count);
    return count > ALIKE_MAX ? [] : [`${path}:${line}: ${message}`];
  });
  const untold = problems.length - lines.length;
  if (untold === 0) return lines;
  return [...lines, `and ${problems.length < PROBLEMS_MAX ? "" : "at least "}${untold} more like them`];
}

function modelOf(text: string | undefined): Model {
  if (text === undefined) return MODEL_DEFAULT;
  const model = parseModel(text.toLowerCase());
  if (model !== undefined) return model;
  const nearest = nearestOf(text, MODELS);
  throw new UsageError(
    `--model ${text}: no such model; ${
      nearest === undefined ? `known: ${MODELS.join(", ")}` : `did you mean ${nearest}?`
    }`,
  );
}

async function readText(path: string): Promise<string> {
  try {
    if (path === "-") return await new Response(Deno.stdin.readable).text();
    const { size } = await Deno.stat(path);
    if (size > HISTORY_BYTES_MAX) {
      throw new UsageError(
        `${path} has ${size} bytes; a history may have ${HISTORY_BYTES_MAX} (a line ${HISTORY_LINE_CHARS_MAX})`,
      );
    }
    return await Deno.readTextFile(path);
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError(`${path} cannot be read: ${cause instanceof Error ? cause.message : cause}`);
  }
}

async function writePage(path: string, history: History, verdict: Verdict): Promise<void> {
  try {
    await Deno.writeTextFile(path, renderTimeline(history, verdict));
  } catch (cause) {
    throw new UsageError(
      `--timeline ${path} cannot be written: ${cause instanceof Error ? cause.message : cause}`,
    );
  }
}

/** What `--json` prints. */
export function verdictObject(
  verdict: Verdict,
  { model, timeline }: { readonly model: Model; readonly timeline: string | undefined },
): Record<string, unknown> {
  const violations = verdict.outcome === "violated" ? verdict.violations : [];
  return {
    ok: verdict.outcome === "ok",
    outcome: verdict.outcome,
    model,
    sentence: verdict.sentence,
    violations: violations.map(({ judge, sentence, operations }) => ({
      judge,
      sentence,
      operations: operations.map(describeOperation),
    })),
    ...(timeline === undefined ? {} : { timeline }),
  };
}

function tell(verdict: Verdict, model: Model, page: string | undefined, output: Output): void {
  const violations = verdict.outcome === "violated" ? verdict.violations : [];
  if (output.isJson) return output.json(verdictObject(verdict, { model, timeline: page }));
  const paint = output.paintOut;
  const colour = { ok: paint.green, violated: paint.red, unknown: paint.yellow }[verdict.outcome];
  output.line(`${colour(verdict.outcome)}  ${printable(verdict.sentence)}`);
  for (const operation of violations[0]?.operations ?? []) {
    output.line(`  ${printable(describeOperation(operation))}`);
  }
  for (const { sentence } of violations.slice(1, 1 + TOLD_MAX)) {
    output.line(`${paint.dim("also")}  ${printable(sentence)}`);
  }
  const untold = violations.length - 1 - TOLD_MAX;
  if (untold > 0) output.line(`and ${untold} more; --json has them all`);
  if (page !== undefined) output.note(`the picture is in ${page}`);
}
