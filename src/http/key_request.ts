/** Requests of one key over HTTP: from fields to what the wire protocol would ask, checked by the same parser. @module */
import { fail, ok, type Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Reply, Sibling } from "../protocol/reply.ts";
import type { Request } from "../protocol/request.ts";
import { parseRequests } from "../transport/request_codec.ts";
import { type Answer, failureAnswer, jsonAnswer, jsonTextAnswer } from "./exchange.ts";
import type { AskedFields, FieldRules } from "./fields.ts";

/** Headers that carry fields. */
const HEADERS: FieldRules["headers"] = {
  "x-quartet-level": "level",
  "x-quartet-context": "context",
  "x-quartet-session": "session",
};

/** Where the fields of a get or a delete stand. */
export const KEY_RULES: FieldRules = {
  names: ["level", "context", "session"],
  headers: HEADERS,
  body: ["json"],
};

/** Of a put: its value too, and the body may be the value itself. */
export const PUT_RULES: FieldRules = {
  names: ["value", ...KEY_RULES.names],
  headers: HEADERS,
  body: ["json", "text"],
};

/** The request that these fields ask for; an answer that says what is wrong with them. Why through the wire's parser: one word means one thing, whichever way it comes. */
export function parseAsWire(fields: Readonly<Record<string, unknown>>): Result<Request, Failure> {
  const parsed = parseRequests({ id: 0, ...fields }, "");
  if (!parsed.ok) return parsed;
  const [request] = parsed.value;
  return request!.isRequest ? ok(request!.request) : fail(request!.failure);
}

/** The same with the fields of HTTP. */
export function keyRequest(
  op: "get" | "put" | "delete",
  place: { readonly keyspace: string; readonly key: string },
  fields: AskedFields,
): Result<Request, Answer> {
  const parsed = parseAsWire({ op, ...place, ...Object.fromEntries(fields) });
  return parsed.ok ? parsed : fail(failureAnswer(parsed.failure));
}

/** A reply as JSON, in the words of the wire. `valueText` makes JSON of a value. */
export function replyAnswer(
  result: Result<Reply, Failure>,
  valueText: (value: string) => string = JSON.stringify,
): Answer {
  if (!result.ok) return failureAnswer(result.failure);
  const reply = result.value;
  switch (reply.kind) {
    case "written":
      return jsonAnswer(200, reply.receipt);
    case "value": {
      const siblings = reply.siblings === undefined
        ? ""
        : `"siblings":${siblingsText(reply.siblings, valueText)},`;
      const receipt = JSON.stringify(reply.receipt).slice(1);
      return jsonTextAnswer(200, `{"value":${valueText(reply.value)},${siblings}${receipt}`);
    }
    default:
      return jsonAnswer(200, reply);
  }
}

function siblingsText(siblings: readonly Sibling[], valueText: (value: string) => string): string {
  const texts = siblings.map(({ value, ...version }) => {
    const named = JSON.stringify(version);
    return value === undefined ? named : `{"value":${valueText(value)},${named.slice(1)}`;
  });
  return `[${texts.join(",")}]`;
}
