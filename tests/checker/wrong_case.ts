/** A history that is wrong in one way, beside its twin in which that one thing is right. @module */
import type { History } from "../../src/checker/history.ts";
import type { Model } from "../../src/checker/judge.ts";
import type { JudgeName } from "../../src/checker/verdict.ts";

/** Both of them, and what the judges say. */
export interface WrongCase {
  readonly what: string;
  readonly model: Model;
  readonly judge: JudgeName;
  /** Operations that have nothing to do with it are among them. */
  readonly lines: readonly string[];
  readonly rest?: Partial<History> & { readonly finals?: readonly string[] };
  /** In its twin these stand for the lines of that number; or the rest is another. */
  readonly right: Readonly<Record<number, string>> | { readonly rest: NonNullable<WrongCase["rest"]> };
  readonly sentence: RegExp;
  /** Numbers of the lines that show it. */
  readonly guilty: readonly number[];
}
