/** `/items/…`: the keyspace `items`, whose values are any JSON. @module */
import { parseJson } from "../transport/fields.ts";
import { type Answer, type Asked, malformed } from "./exchange.ts";
import { readFields } from "./fields.ts";
import { KEY_RULES, keyRequest, PUT_RULES, replyAnswer } from "./key_request.ts";
import { conditionProblem } from "./key_routes.ts";
import {
  contextParameters,
  itemAnswers,
  jsonBody,
  levelParameters,
  pathParameter,
  sessionParameters,
  WRITE_ANSWERS,
} from "./openapi_words.ts";
import { HTTP_JSON_DEPTH_MAX } from "../protocol/limits.ts";
import type { Backend, Route } from "./route.ts";

const KEYSPACE = "items";
const PATH = "/items/{key}";
const PARAMETERS = [pathParameter("key", "the key"), ...levelParameters(), ...sessionParameters()];

/** The paths. */
export function itemRoutes({ ask }: Backend): Route[] {
  const act = async (
    op: "get" | "put" | "delete",
    asked: Asked,
    { key = "" }: Readonly<Record<string, string>>,
  ): Promise<Answer> => {
    const condition = conditionProblem(asked, KEYSPACE);
    if (condition !== undefined) return condition;
    const fields = readFields(asked, op === "put" ? { ...PUT_RULES, body: ["json"] } : KEY_RULES);
    if (!fields.ok) return fields.failure;
    if (op === "put") {
      const value = fields.value.get("value");
      if (value === undefined) return malformed('"value" is missing; allowed: {"value": any JSON}');
      if (isDeeper(value, HTTP_JSON_DEPTH_MAX)) {
        return malformed(`"value" is nested deeper than ${HTTP_JSON_DEPTH_MAX}; send it flatter, or as text`);
      }
      fields.value.set("value", JSON.stringify(value));
    }
    const request = keyRequest(op, { keyspace: KEYSPACE, key }, fields.value);
    return request.ok ? replyAnswer(await ask(request.value), jsonText) : request.failure;
  };
  return [
    {
      method: "GET",
      path: PATH,
      described: { summary: "Read an item", parameters: PARAMETERS, responses: itemAnswers() },
      answer: (asked, parameters) => act("get", asked, parameters),
    },
    {
      method: "PUT",
      path: PATH,
      described: {
        summary: "Write an item",
        parameters: [...PARAMETERS, ...contextParameters()],
        requestBody: { required: true, ...jsonBody("PutItem") },
        responses: WRITE_ANSWERS,
      },
      answer: (asked, parameters) => act("put", asked, parameters),
    },
    {
      method: "DELETE",
      path: PATH,
      described: {
        summary: "Delete an item",
        parameters: [...PARAMETERS, ...contextParameters()],
        responses: WRITE_ANSWERS,
      },
      answer: (asked, parameters) => act("delete", asked, parameters),
    },
  ];
}

/** Whether arrays and objects stand within each other more than so often. Why by levels: what calls itself runs out of stack. */
function isDeeper(value: unknown, depthMax: number): boolean {
  let level = [value];
  for (let depth = 0; depth <= depthMax; depth++) {
    level = level.flatMap((each) => typeof each === "object" && each !== null ? Object.values(each) : []);
    if (level.length === 0) return false;
  }
  return true;
}

/** Why not as it is: what somebody put in another way may be no JSON; then it is given as the text that it is. */
function jsonText(value: string): string {
  return parseJson(value) === undefined ? JSON.stringify(value) : value;
}
