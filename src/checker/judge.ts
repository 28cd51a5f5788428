/** From a history to a verdict: a model names the judges that look at it. @module */
import { judgeAvailability } from "./availability.ts";
import { judgeCausality } from "./causality.ts";
import { judgeConvergenceInTime } from "./convergence.ts";
import type { History } from "./history.ts";
import { parseHistory } from "./history_parser.ts";
import { judgeKeptWritesOf } from "./kept_writes.ts";
import { judgeLinearizability } from "./linearizability.ts";
import { counted } from "./operation_text.ts";
import { judgeReadValues } from "./read_values.ts";
import { hasLost } from "./register.ts";
import { judgeSessions } from "./sessions.ts";
import type { Judgement, Verdict } from "./verdict.ts";

type Judge = (history: History) => Judgement;

const readValues: Judge = (history) => ({ violations: judgeReadValues(history) });

/** Who judges under which model: a closed list. The first that finds something is told. */
const JUDGES_OF = {
  linearizable: [judgeLinearizability, judgeAvailability],
  quorum: [readValues, judgeKeptWritesOf, judgeConvergenceInTime, judgeAvailability],
  sessions: [readValues, judgeSessions, judgeAvailability],
  causal: [readValues, judgeSessions, judgeCausality, judgeAvailability],
} as const satisfies Record<string, readonly Judge[]>;

/** What a history can be held to. */
export type Model = keyof typeof JUDGES_OF;

/** All models. */
export const MODELS: readonly Model[] = ["linearizable", "quorum", "sessions", "causal"];

/** The model named by `text`, or undefined. */
export function parseModel(text: string): Model | undefined {
  return MODELS.find((model) => model === text);
}

/** The verdict on a history as text. What cannot be read cannot be judged. */
export function judge(text: string, model: Model): Verdict {
  const parsed = parseHistory(text);
  if (parsed.ok) return judgeHistory(parsed.value, model);
  const problems = parsed.failure.map(({ line, message }) => `line ${line}: ${message}`);
  return { outcome: "unknown", sentence: `this is no history that can be judged: ${problems.join("; ")}` };
}

/** The verdict on a history. */
export function judgeHistory(history: History, model: Model): Verdict {
  const judgements = JUDGES_OF[model].map((look) => look(history));
  const [first, ...others] = judgements.flatMap(({ violations }) => violations);
  if (first) return { outcome: "violated", sentence: first.sentence, violations: [first, ...others] };
  const reasons = [...judgements.flatMap(({ unknown }) => unknown ?? []), ...proofless(history)];
  if (reasons.length > 0) return { outcome: "unknown", sentence: reasons.join("; ") };
  const measured = judgements.flatMap((judgement) => judgement.measured ?? []);
  return { outcome: "ok", sentence: [summary(history), ...measured].join("; ") };
}

/** A history in which nearly everything failed passes every judge, and proves nothing (HAZARD H24). */
function proofless({ operations }: History): string[] {
  if (operations.length === 0) return ["it holds no operations, which proves nothing"];
  const done = operations.filter((operation) => operation.outcome === "ok" || hasLost(operation));
  if (done.length * 2 >= operations.length) return [];
  return [`only ${done.length} of ${operations.length} operations succeeded, which proves nothing`];
}

function summary({ operations }: History): string {
  const keys = new Set(operations.map(({ key }) => key));
  const clients = new Set(operations.map(({ client }) => client));
  return `${counted(operations.length, "operation")} on ${counted(keys.size, "key")} by ${
    counted(clients.size, "client")
  }`;
}
