/** The pieces of which descriptions of operations are made: parameters, bodies and answers, by the name of their schema. @module */
import { ERRORS } from "../protocol/error_codes.ts";
import { LEVELS } from "../protocol/level.ts";
import { TOKEN_CHARS_MAX } from "../protocol/limits.ts";

/** A piece of an OpenAPI document. */
export type Words = Readonly<Record<string, unknown>>;

/** A reference to a schema of the document. */
export function schemaOf(name: string): Words {
  return { $ref: `#/components/schemas/${name}` };
}

/** A JSON body of that schema. */
export function jsonBody(name: string): { readonly content: Words } {
  return { content: { "application/json": { schema: schemaOf(name) } } };
}

/** A parameter in the path. */
export function pathParameter(name: string, description: string): Words {
  return { name, in: "path", required: true, description, schema: { type: "string" } };
}

/** Keyspace and key. */
export function keyParameters(): Words[] {
  return [
    pathParameter("keyspace", "one that cluster.toml declares"),
    pathParameter("key", "in percent-escapes; an integer from 0 to 255 where the keyspace has byte keys"),
  ];
}

/** A field that may stand in the query or in a header. */
function both(field: string, header: string, description: string, schema: Words): Words[] {
  return [
    { name: field, in: "query", required: false, description, schema },
    { name: header, in: "header", required: false, description: `the same as \`${field}\``, schema },
  ];
}

const TOKEN = { type: "string", maxLength: TOKEN_CHARS_MAX };

/** How many copies must answer. */
export function levelParameters(): Words[] {
  return both("level", "X-Quartet-Level", "copies that must answer; the keyspace's default unless given", {
    type: "string",
    enum: LEVELS,
  });
}

/** Which keys a page is of, and how many at most. */
export function pageParameters(countMax: number): Words[] {
  const query = (name: string, description: string, schema: Words): Words => ({
    name,
    in: "query",
    required: false,
    description,
    schema,
  });
  return [
    query("prefix", "only keys that begin with it; for text keys", { type: "string" }),
    query("after", "only keys behind this one: the `last` of the page before", { type: "string" }),
    query("limit", "keys in the page, at most", { type: "integer", minimum: 1, maximum: countMax }),
    query("values", "`true`: with their values", { type: "boolean", default: false }),
  ];
}

/** The session. */
export function sessionParameters(): Words[] {
  return both("session", "X-Quartet-Session", "as the last answer carried it; empty begins one", TOKEN);
}

/** The context of a write. */
export function contextParameters(): Words[] {
  return both(
    "context",
    "X-Quartet-Context",
    "as an answer for this key carried it: the versions to replace",
    TOKEN,
  );
}

/** Fields of `/kv-store`. */
export function kvParameters(...names: readonly string[]): Words[] {
  return [
    pathParameter("key", "in percent-escapes"),
    ...both("causal_payload", "X-Causal-Payload", "as the last answer carried it; empty begins", TOKEN),
    ...names.map((name) => ({ name, in: "query", required: false, schema: { type: "string" } })),
  ];
}

/** The body of `/kv-store`, as a form or as JSON. */
export function kvBody(...names: readonly string[]): Words {
  const schema = {
    type: "object",
    properties: Object.fromEntries([...names, "causal_payload"].map((name) => [name, { type: "string" }])),
    additionalProperties: false,
  };
  return {
    required: false,
    content: { "application/json": { schema }, "application/x-www-form-urlencoded": { schema } },
  };
}

/** Answers by status, each with the name of its schema. */
export function answersOf(schemas: Readonly<Record<number, string>>): Words {
  return Object.fromEntries(
    Object.entries(schemas).map(([status, name]) => [status, {
      description: DESCRIPTIONS[Number(status)] ?? "",
      ...jsonBody(name),
    }]),
  );
}

/** An answer of 200, and errors of these statuses. */
export function answerOf(name: string, errors: readonly number[]): Words {
  return answersOf({
    200: name,
    ...Object.fromEntries(
      errors.map((status) => [status, name.startsWith("Kv") ? kvErrorOf(status) : "Error"]),
    ),
  });
}

/** What is refused before `/kv-store` has seen it is refused in the words of all other paths. */
function kvErrorOf(status: number): string {
  if ([401, 408, 431].includes(status)) return "Error";
  return [400, 413, 500].includes(status) ? "KvErrorOrError" : "KvError";
}

/** Statuses of errors that a request of a key may end with. */
const KEY_ERRORS = [...new Set([...Object.values(ERRORS).map(({ status }) => status), 408, 415, 431])]
  .filter((status) => status !== 409).sort((a, b) => a - b);

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  200: "done",
  201: "done: the key is new",
  400: "the request is wrong: the message says in what",
  401: "the cluster's secret is asked for: `Authorization: Bearer SECRET`",
  404: "no such key at this level, or no such keyspace",
  405: "the path knows other methods",
  408: "the request came too slowly",
  413: "value, key or body is too large",
  415: "the body is of another type",
  431: "the head is too large",
  500: "damaged data, or a bug",
  503: "refused for certain: too few replicas, or too much to do",
  504: "unknown: it may have happened, and may still happen",
  507: "refused for certain: the disk is full",
};

/** Answers of a page. */
export function scanAnswers(): Words {
  return answerOf("Page", KEY_ERRORS);
}
/** Answers of a read. */
export const VALUE_ANSWERS = answerOf("Value", KEY_ERRORS);
/** Answers of a write. */
export const WRITE_ANSWERS = answerOf("Receipt", KEY_ERRORS);
/** Answers of a read of an item. */
export function itemAnswers(): Words {
  return answerOf("Item", KEY_ERRORS);
}
/** Answers of a read of `/kv-store`. */
export const KV_GET_ANSWERS = answerOf("KvSuccess", KEY_ERRORS);
/** Answers of a write of `/kv-store`. */
export const KV_PUT_ANSWERS = { ...KV_GET_ANSWERS, ...answersOf({ 201: "KvSuccess" }) };
