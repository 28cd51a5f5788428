/** Looking at untrusted JSON: the few checks that every parser here shares, and how a wrong value is shown. @module */
import type { Failure } from "../protocol/error_codes.ts";
import { MEMBERS_MAX } from "../protocol/limits.ts";
import type { VersionName } from "../protocol/reply.ts";
import type { WireKey } from "../protocol/request.ts";

/** An object as `JSON.parse` makes it. Its fields are unknown. */
export type Fields = Readonly<Record<string, unknown>>;

/** Characters of a wrong value that an error repeats. */
const SHOWN_CHARS_MAX = 40;
/** Characters of a name such as a keyspace's; far above what a configuration allows. */
const NAME_CHARS_MAX = 64;

/** Whether `value` is an object and no array. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value of a JSON text; undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // `JSON.parse` has one way to fail: this is no JSON. Its value is never undefined.
    return undefined;
  }
}

/** Whether `value` can be a key: a safe integer or a well-formed string (H25). */
export function isWireKey(value: unknown): value is WireKey {
  return typeof value === "string" ? value.isWellFormed() : Number.isSafeInteger(value);
}

/** Whether `value` is a well-formed name of 1 to 64 characters. */
export function isName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= NAME_CHARS_MAX &&
    value.isWellFormed();
}

/** Whether a name can be shown as it is: ids, epochs and addresses are so, and stand in prompts and tables. */
export function isPlain(value: unknown): value is string {
  return typeof value === "string" && PLAIN.test(value);
}

const PLAIN = /^[!-~]{1,300}$/;

/** Whether `value` is an integer from 0 on. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Whether `value` is a list of replica ids. */
export function isNameList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= MEMBERS_MAX && value.every(isName);
}

/** Whether `value` names a write. */
export function isVersionName(value: unknown): value is VersionName {
  return isFields(value) && isCount(value.stamp) && typeof value.origin === "string" &&
    typeof value.wall_ms === "number";
}

/** Whether `value` is a directory epoch: 1 to 16 hex digits. */
export function isEpoch(value: unknown): value is string {
  return typeof value === "string" && EPOCH.test(value);
}

const EPOCH = /^[0-9a-f]{1,16}$/;

/** A value in an error message: short, and never walked into, however deep it is. */
export function show(value: unknown, charsMax: number = SHOWN_CHARS_MAX): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value !== "string") return String(value);
  if (value.length <= charsMax) return JSON.stringify(value);
  return `${JSON.stringify(value.slice(0, charsMax))}… (${value.length} characters)`;
}

/** The refusal of one field: its name, what came, what is allowed. */
export function wrongField(name: string, value: unknown, allowed: string): Failure {
  const came = value === undefined ? "is missing" : `is ${show(value)}`;
  return { code: "malformed_request", message: `"${name}" ${came}; allowed: ${allowed}` };
}
