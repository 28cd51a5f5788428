/** `/v1/keyspaces/…`: every keyspace, every level, context and session: the wire protocol in the words of HTTP. @module */
import { KEY_RULES, keyRequest, PUT_RULES, replyAnswer } from "./key_request.ts";
import { type Answer, type Asked, malformed } from "./exchange.ts";
import { readFields } from "./fields.ts";
import {
  contextParameters,
  jsonBody,
  keyParameters,
  levelParameters,
  sessionParameters,
  VALUE_ANSWERS,
  WRITE_ANSWERS,
} from "./openapi_words.ts";
import type { Backend, Route } from "./route.ts";

const PATH = "/v1/keyspaces/{keyspace}/keys/{key}";
const PARAMETERS = [...keyParameters(), ...levelParameters(), ...sessionParameters()];

/** The paths. */
export function keyRoutes({ ask }: Backend): Route[] {
  const act = async (
    op: "get" | "put" | "delete",
    asked: Asked,
    { keyspace = "", key = "" }: Readonly<Record<string, string>>,
  ): Promise<Answer> => {
    const condition = conditionProblem(asked, keyspace);
    if (condition !== undefined) return condition;
    const fields = readFields(asked, op === "put" ? PUT_RULES : KEY_RULES);
    if (!fields.ok) return fields.failure;
    const request = keyRequest(op, { keyspace, key }, fields.value);
    return request.ok ? replyAnswer(await ask(request.value)) : request.failure;
  };
  return [
    {
      method: "GET",
      path: PATH,
      described: {
        summary: "Read a key at a level",
        parameters: PARAMETERS,
        responses: VALUE_ANSWERS,
      },
      answer: (asked, parameters) => act("get", asked, parameters),
    },
    {
      method: "PUT",
      path: PATH,
      described: {
        summary: "Write a key at a level",
        description: "The body is a JSON object with `value`, or as text/plain the value itself.",
        parameters: [...PARAMETERS, ...contextParameters()],
        requestBody: {
          required: true,
          content: {
            ...jsonBody("Put").content,
            "text/plain": { schema: { type: "string" } },
          },
        },
        responses: WRITE_ANSWERS,
      },
      answer: (asked, parameters) => act("put", asked, parameters),
    },
    {
      method: "DELETE",
      path: PATH,
      described: {
        summary: "Delete a key at a level",
        parameters: [...PARAMETERS, ...contextParameters()],
        responses: WRITE_ANSWERS,
      },
      answer: (asked, parameters) => act("delete", asked, parameters),
    },
  ];
}

/** Nobody here compares before he sets; to pass over that would lose a write that somebody wanted to protect. */
export function conditionProblem({ headers }: Asked, keyspace: string): Answer | undefined {
  for (const name of ["if-match", "if-none-match"]) {
    if (!headers.has(name)) continue;
    return malformed(
      `${name === "if-match" ? "If-Match" : "If-None-Match"} needs a strong keyspace, and "${
        keyspace.slice(0, 64)
      }" ` +
        "is none; leave it out, or name the versions to replace with X-Quartet-Context",
    );
  }
  return undefined;
}
