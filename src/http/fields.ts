/**
 * What an HTTP request says beside its path: fields in its query, its headers and its body, each of them once or with one
 * and the same value.
 * @module
 */
import { decodeText } from "../base/bytes.ts";
import { fail, ok, type Result } from "../base/failure.ts";
import { type Fields, isFields, parseJson, show } from "../transport/fields.ts";
import { type Answer, type Asked, malformed } from "./exchange.ts";

/** Fields by name; values of a query, a header or a form are text, those of JSON are what they are. */
export type AskedFields = Map<string, unknown>;

/** Where fields may stand, and which there are. */
export interface FieldRules {
  /** Names that a query or a body may hold. */
  readonly names: readonly string[];
  /** Names by header, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the body may be. `text`: the whole body is the field `value`. */
  readonly body: readonly ("json" | "form" | "text")[];
}

const TYPES = {
  json: "application/json",
  form: "application/x-www-form-urlencoded",
  text: "text/plain",
} as const;

/** All fields of a request, or the answer that says what is wrong. */
export function readFields(asked: Asked, rules: FieldRules): Result<AskedFields, Answer> {
  const fields: AskedFields = new Map();
  for (const [header, name] of Object.entries(rules.headers)) {
    const value = asked.headers.get(header);
    if (value !== undefined) fields.set(name, value);
  }
  const query = asked.query === "" ? undefined : addPairs(fields, asked.query, "the query", rules);
  if (query !== undefined) return fail(query);
  if (asked.body.length === 0) return ok(fields);
  const body = addBody(fields, asked, rules);
  return body === undefined ? ok(fields) : fail(body);
}

/** A path segment, key or value with its percent-escapes decoded, once; undefined where they are no UTF-8. */
export function decodeEscapes(text: string): string | undefined {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    // It has one way to fail: escapes that are none, or that are not UTF-8.
    return undefined;
  }
}

function addBody(fields: AskedFields, asked: Asked, rules: FieldRules): Answer | undefined {
  const kind = kindOf(asked.headers.get("content-type"), rules);
  if (typeof kind !== "string") return kind;
  let text: string;
  try {
    text = decodeText(asked.body);
  } catch {
    // It has one way to fail.
    return malformed("the body is not UTF-8");
  }
  if (kind === "text") return addField(fields, "value", text);
  if (kind === "form") return addPairs(fields, text, "the form", rules);
  const input = parseJson(text);
  if (!isFields(input)) return malformed(`the body is ${show(text)}; allowed: one JSON object`);
  return addObject(fields, input, rules);
}

/** What the body is; the answer where it is something else. */
function kindOf(type: string | undefined, { body }: FieldRules): "json" | "form" | "text" | Answer {
  const [name = "", ...parameters] = (type ?? "").split(";").map((part) => part.trim().toLowerCase());
  const charset = parameters.find((parameter) => parameter.startsWith("charset="))?.slice("charset=".length);
  const allowed = body.map((kind) => TYPES[kind]).join(", ");
  if (charset !== undefined && !/^"?utf-?8"?$/.test(charset)) {
    return malformed(`the body is in ${charset.slice(0, 40)}; allowed: UTF-8`, 415);
  }
  const kind = name === "" ? body[0] : body.find((candidate) => TYPES[candidate] === name);
  if (kind !== undefined) return kind;
  const came = body.length === 0
    ? "this takes no body"
    : `Content-Type is ${show(name)}; allowed: ${allowed}`;
  return malformed(came, 415);
}

function addObject(fields: AskedFields, input: Fields, { names }: FieldRules): Answer | undefined {
  for (const [name, value] of Object.entries(input)) {
    if (!names.includes(name)) return unknownField(name, "the body", names);
    const problem = addField(fields, name, value);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Pairs as a query or a form has them: `a=1&b=two+words`. */
function addPairs(
  fields: AskedFields,
  text: string,
  where: string,
  { names }: FieldRules,
): Answer | undefined {
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    const at = pair.indexOf("=");
    const name = decodeEscapes((at < 0 ? pair : pair.slice(0, at)).replaceAll("+", " "));
    const value = at < 0 ? "" : decodeEscapes(pair.slice(at + 1).replaceAll("+", " "));
    if (name === undefined || value === undefined) {
      return malformed(`${where} holds ${show(pair)}; allowed: percent-escapes of UTF-8`);
    }
    if (!names.includes(name)) return unknownField(name, where, names);
    const problem = addField(fields, name, value);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Why refused: of two words nobody knows which one counts. */
function addField(fields: AskedFields, name: string, value: unknown): Answer | undefined {
  const held = fields.get(name);
  if (held !== undefined && held !== value) {
    return malformed(`"${name}" is ${show(held)} and ${show(value)} at once; say it once`);
  }
  fields.set(name, value);
  return undefined;
}

function unknownField(name: string, where: string, names: readonly string[]): Answer {
  const known = names.length === 0 ? "none is known here" : `known here: ${names.join(", ")}`;
  return malformed(`${where} holds ${show(name)}; ${known}`);
}
