/** What a check before the start found: one line each, with the way out where something is wrong. @module */
import { ERRORS } from "../protocol/error_codes.ts";
import { type Paint, printable } from "./output.ts";
import { EXIT_USAGE } from "./top_command.ts";

/** What a finding is about. */
export type Topic = "config" | "id" | "secret" | "data" | "disk" | "log" | "port" | "http" | "peer" | "clock";

/** One finding. */
export interface Finding {
  /** `fail`: a start would end at once, or begin something wrong. `warn`: it works, and should not stay so. */
  readonly level: "ok" | "warn" | "fail";
  readonly topic: Topic;
  readonly text: string;
  /** What to do about it; absent where all is well. */
  readonly mend?: string;
  /** Of a failure: what a start for this reason would exit with. */
  readonly exit?: number;
}

/** Exit codes of failures: the same command may work later; something must be changed; data is damaged. */
export const FAIL_EXIT = {
  passes: ERRORS.unavailable.exit,
  change: EXIT_USAGE,
  damaged: ERRORS.corrupt.exit,
};

/** All is well. */
export function fine(topic: Topic, text: string): Finding {
  return { level: "ok", topic, text };
}

/** It works, and should not stay so. */
export function warning(topic: Topic, text: string, mend: string): Finding {
  return { level: "warn", topic, text, mend };
}

/** It does not work. */
export function failing(topic: Topic, text: string, mend: string, exit: number): Finding {
  return { level: "fail", topic, text, mend, exit };
}

/** A sentence taken apart: what is wrong, and what to do, which stands behind its last `; ` or `. `. */
export function splitWayOut(sentence: string, otherwise: string): [text: string, mend: string] {
  const at = Math.max(sentence.lastIndexOf("; "), sentence.lastIndexOf(". "));
  if (at < 0) return [sentence, otherwise];
  const mend = sentence.slice(at + 2);
  // What was a sentence of its own goes on behind a semicolon; a name in capitals stays one.
  const isSentence = sentence[at] === "." && /^[A-Z][a-z]/.test(mend);
  return [sentence.slice(0, at), isSentence ? mend[0]!.toLowerCase() + mend.slice(1) : mend];
}

/** The exit code of all findings together: 0 where nothing fails, else damage before what must be changed before what passes. */
export function exitOf(findings: readonly Finding[]): number {
  const exits = new Set(findings.map(({ exit }) => exit));
  return [FAIL_EXIT.damaged, FAIL_EXIT.change, FAIL_EXIT.passes].find((exit) => exits.has(exit)) ?? 0;
}

/** Whether nothing fails but that other replicas cannot be reached. */
function isOnlyLonely(findings: readonly Finding[]): boolean {
  return findings.every(({ level, topic, exit }) =>
    level !== "fail" || (topic === "peer" && exit === FAIL_EXIT.passes)
  );
}

/** One line for each finding, and one for all of them. `who` is the replica, as far as it is known. */
export function findingLines(findings: readonly Finding[], who: string, paint: Paint): string[] {
  const marks = { ok: paint.green("ok  "), warn: paint.yellow("warn"), fail: paint.red("FAIL") };
  const lines = findings.map(({ level, topic, text, mend }) =>
    printable(`${topic.padEnd(6)}  ${text}${mend === undefined ? "" : `; ${mend}`}`).replace(
      /^/,
      `${marks[level]}  `,
    )
  );
  const count = (level: Finding["level"]): number =>
    findings.filter((finding) => finding.level === level).length;
  const [failures, warnings] = [count("fail"), count("warn")];
  const rest = warnings === 0 ? "" : `, ${warnings} ${warnings === 1 ? "warning" : "warnings"}`;
  const verdict = failures === 0
    ? `${who} can start${rest}`
    : `${who} is not ready to start: ${failures} ${
      failures === 1 ? "finding" : "findings"
    } of ${findings.length} ${failures === 1 ? "is a failure" : "are failures"}${rest}${
      isOnlyLonely(findings) ? "; at the very first start of a cluster, when no other runs yet, go on" : ""
    }`;
  return [...lines, verdict];
}

/** What a program reads. */
export function findingsObject(findings: readonly Finding[], who: string): Record<string, unknown> {
  const exit = exitOf(findings);
  return {
    ok: exit === 0,
    exit,
    replica: who,
    findings: findings.map(({ level, topic, text, mend }) => ({
      level,
      topic,
      text,
      ...(mend === undefined ? {} : { mend }),
    })),
  };
}
