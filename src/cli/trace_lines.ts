/** What became of a traced request, as lines that a person reads. @module */
import type { TraceStep, TraceWord } from "../protocol/trace.ts";
import { type Paint, printable } from "./output.ts";
import { versionText } from "./receipt.ts";

/** One line for each step: time, who, what. Times and names stand below each other. */
export function traceLines(trace: readonly TraceStep[], paint: Paint): string[] {
  // Who received the request last did what names nobody.
  let coordinator = "";
  const rows = trace.map((step) => {
    if (step.what === "received" && step.replica !== undefined) coordinator = step.replica;
    return {
      at: `${step.at_ms.toFixed(3)} ms`,
      who: printable(step.replica ?? coordinator),
      text: sentence(step),
    };
  });
  const atWidth = Math.max(...rows.map(({ at }) => at.length));
  const whoWidth = Math.max(...rows.map(({ who }) => who.length));
  return rows.map(({ at, who, text }) =>
    `${paint.dim(at.padStart(atWidth))}  ${who.padEnd(whoWidth)}  ${text}`.trimEnd()
  );
}

/** What each word says. Words of a later version are shown as they came. */
const SENTENCES: Readonly<Record<TraceWord, (step: TraceStep) => string>> = {
  received: ({ level, required }) => `received it: ${level} needs ${copies(required ?? 0)}`,
  forwarded: (step) => `handed it on to ${names(step)}, to be coordinated there`,
  parked: () => "waits for its disk to raise the ceiling of its clock",
  stamped: (step) => `stamped it ${held(step)}`,
  asked: (step) => `asked ${names(step)}`,
  not_asked: (step) => `did not ask ${names(step)}: not alive`,
  stored: (step) => `has its own copy on disk${verdict(step)}`,
  owed_kept: (step) => `has on disk that it owes the write to ${names(step)}`,
  acked: (step) => `acknowledged${verdict(step)}`,
  answered: (step) => `answered with ${held(step)}${verdict(step)}`,
  refused: ({ message }) => `refused${message === undefined ? "" : `: ${printable(message)}`}`,
  died: () => "died: its answer is not waited for",
  deadline: (step) => `deadline: ${names(step)} did not answer in time`,
  level_met: (step) => `level met by ${names(step)}: without a trace the answer leaves here`,
  failed: ({ code }) => `failed (${code}): without a trace the answer leaves here`,
  repairing: (step) => `mends ${names(step)} with ${held(step)}`,
  repaired: (step) => `holds it now${verdict(step)}`,
  owed: (step) => `owes ${names(step)} a hint`,
  hint_kept: (step) => `has a hint for ${names(step)} on disk`,
  hint_waits: (step) => `has no room for the hint for ${names(step)} yet, and still knows that it owes it`,
  hint_dropped: (step) => `has no room left for hints for ${names(step)}: dropped`,
  cut: () => "and more than a trace can hold",
};

function sentence(step: TraceStep): string {
  return Object.hasOwn(SENTENCES, step.what) ? SENTENCES[step.what as TraceWord](step) : printable(step.what);
}

function names({ replicas = [] }: TraceStep): string {
  return replicas.length === 0 ? "nobody" : replicas.map(printable).join(" ");
}

function copies(count: number): string {
  return count === 1 ? "1 copy" : `${count} copies`;
}

function held({ version, deleted }: TraceStep): string {
  if (version === undefined) return "nothing";
  return `${versionText(version)}${deleted ? " (deleted)" : ""}`;
}

function verdict({ superseded_by, recovering }: TraceStep): string {
  return (superseded_by ? `, and holds a later write, ${versionText(superseded_by)}` : "") +
    (recovering ? "; it is recovering, and does not count" : "");
}
