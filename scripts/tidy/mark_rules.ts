/** Rules about marks, the names of rare branches: each a plain string, well formed, used once. Also lists them all. @module */
import type { Problem } from "./problem.ts";
import type { SourceText } from "./source_text.ts";

/** A call of `mark`. */
interface MarkCall {
  readonly path: string;
  readonly line: number;
  /** Undefined where it is no plain string. */
  readonly name: string | undefined;
}

const FORM = /^[a-z][a-z ]*: [a-z`].*[^.!?: ]$/;

/** The names of all marks in these files, sorted. */
export function markNames(files: readonly SourceText[]): string[] {
  return files.flatMap(callsIn).flatMap(({ name }) => name === undefined ? [] : [name]).sort();
}

/** What is wrong with the marks in these files. */
export function checkMarks(files: readonly SourceText[]): Problem[] {
  const problems: Problem[] = [];
  const first = new Map<string, MarkCall>();
  for (const call of files.flatMap(callsIn)) {
    const { path, line, name } = call;
    const report = (rule: string, wayOut: string): void => void problems.push({ path, line, rule, wayOut });
    if (name === undefined) {
      report("a mark whose name is no plain string", "name it in the call, so that a scan finds it");
      continue;
    }
    if (!FORM.test(name)) {
      report(`the mark "${name}" is not of the form "noun: what happened"`, "plain words, no full stop");
    }
    const other = first.get(name);
    if (other === undefined) first.set(name, call);
    else report(`the mark "${name}" stands at ${other.path}:${other.line} too`, "one name, one place");
  }
  return problems;
}

function callsIn(file: SourceText): MarkCall[] {
  // The declaration itself has no string.
  if (file.path === "src/base/mark.ts") return [];
  return [...file.code.matchAll(/(?<![\w.$#])mark\(\s*/g)].map((match) => {
    const begin = match.index + match[0].length;
    const name = file.stringAt(begin);
    const isWhole = name !== undefined && /^["'],?\s*\)/.test(file.code.slice(begin + 1 + name.length));
    return { path: file.path, line: file.lineOf(match.index), name: isWhole ? name : undefined };
  });
}
