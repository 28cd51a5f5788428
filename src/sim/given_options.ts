/** What a test hands to a method of a cluster, looked at when it does: `deno task test` checks no types. @module */
import { type Level, LEVELS } from "../protocol/level.ts";

/** What each field is, as `typeof` says it. */
export type Fields = Readonly<Record<string, "string" | "number" | "object" | "boolean" | "function">>;

/** How something is waited for. */
export const UNTIL_FIELDS: Fields = { withinMs: "number", what: "string" };

/** How long copies may take to become equal. */
export const CONVERGENCE_FIELDS: Fields = { withinMs: "number" };

const ASK_FIELDS: Fields = { level: "string", keyspace: "string", through: "string" };

/** The fields of one that has them all. */
export function fieldsOf(whole: object): Fields {
  return Object.fromEntries(Object.entries(whole).map(([name, value]) => [name, typeof value])) as Fields;
}

/**
 * Throws `TypeError` unless these are options of these fields, each of which may be left out. Why: what is not looked for
 * would be passed over, and the test would wait for, or ask, something else than it says.
 */
export function requireFields(call: string, given: unknown, fields: Fields): void {
  const names = Object.entries(fields).map(([name, type]) => `${name}: ${type}`);
  const refuse = (what: string): never => {
    throw new TypeError(`${call} takes as options { ${names.join(", ")} }, and ${what}`);
  };
  if (typeof given !== "object" || given === null) refuse(`${show(given)} was given`);
  for (const [name, value] of Object.entries(given as object)) {
    if (!Object.hasOwn(fields, name)) refuse(`"${name}" is none of them`);
    if (value !== undefined && typeof value !== fields[name]) refuse(`${name} is ${show(value)}`);
  }
}

/** The same of how a key is put, read or deleted. */
export function requireAskOptions(call: string, given: { readonly level?: Level }): void {
  requireFields(call, given, ASK_FIELDS);
  const { level } = given;
  if (level === undefined || LEVELS.includes(level)) return;
  throw new TypeError(`no level "${level}"; there are: ${LEVELS.join(", ")}`);
}

function show(value: unknown): string {
  return typeof value === "string" ? `"${value}"` : String(value);
}
