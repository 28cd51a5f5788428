/** `/v1/keyspaces/{keyspace}/keys`: which keys there are, a page at a time. @module */
import { fail, ok, type Result } from "../base/failure.ts";
import { PAGE_COUNT_MAX } from "../protocol/limits.ts";
import type { Request } from "../protocol/request.ts";
import { wrongField } from "../transport/fields.ts";
import { type Answer, failureAnswer, jsonAnswer } from "./exchange.ts";
import { type AskedFields, type FieldRules, readFields } from "./fields.ts";
import { parseAsWire, replyAnswer } from "./key_request.ts";
import { levelParameters, pageParameters, pathParameter, scanAnswers } from "./openapi_words.ts";
import type { Backend, Route } from "./route.ts";

/** Where the fields of a page stand. */
const PAGE_RULES: FieldRules = {
  names: ["prefix", "after", "limit", "level", "values"],
  headers: { "x-quartet-level": "level" },
  body: ["json"],
};

/** The path. */
export function pageRoutes({ ask }: Backend): Route[] {
  return [{
    method: "GET",
    path: "/v1/keyspaces/{keyspace}/keys",
    described: {
      summary: "List keys in order, a page at a time",
      description:
        "A page may be short, or empty, while `more` is true: the next one begins `after` its `last`.",
      parameters: [
        pathParameter("keyspace", "one that cluster.toml declares"),
        ...pageParameters(PAGE_COUNT_MAX),
        ...levelParameters(),
      ],
      responses: scanAnswers(),
    },
    answer: async (asked, { keyspace = "" }): Promise<Answer> => {
      const fields = readFields(asked, PAGE_RULES);
      if (!fields.ok) return fields.failure;
      const request = pageRequest(keyspace, fields.value);
      if (!request.ok) return request.failure;
      const result = await ask(request.value);
      return result.ok && result.value.kind === "page"
        ? jsonAnswer(200, result.value.page)
        : replyAnswer(result);
    },
  }];
}

function pageRequest(keyspace: string, fields: AskedFields): Result<Request, Answer> {
  const { values, limit, ...rest } = Object.fromEntries(fields);
  const hasValues = flagOf(values ?? false);
  if (hasValues === undefined) return fail(failureAnswer(wrongField("values", values, "true, false")));
  const parsed = parseAsWire({
    op: "scan",
    keyspace,
    ...rest,
    // What is no number stays what it is, and is refused as on the wire.
    ...(limit === undefined
      ? {}
      : { limit: typeof limit === "string" && /^[0-9]{1,9}$/.test(limit) ? Number(limit) : limit }),
    keys_only: !hasValues,
  });
  return parsed.ok ? ok(parsed.value) : fail(failureAnswer(parsed.failure));
}

/** A truth in JSON, or the word for it in a query. */
function flagOf(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  return value === "true" ? true : value === "false" ? false : undefined;
}
