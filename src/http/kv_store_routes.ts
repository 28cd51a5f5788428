/**
 * `/kv-store/…`: a small causal store over one keyspace at level ONE. What its clients call a causal payload is a session
 * token: "" begins a session, each answer carries the next one.
 * @module
 */
import { fail, ok, type Result } from "../base/failure.ts";
import { ERRORS, type Failure } from "../protocol/error_codes.ts";
import type { Receipt } from "../protocol/reply.ts";
import { placeText } from "../replica/cluster_config.ts";
import { type Answer, type Asked, jsonAnswer } from "./exchange.ts";
import { type FieldRules, readFields } from "./fields.ts";
import { parseAsWire } from "./key_request.ts";
import { answerOf, KV_GET_ANSWERS, KV_PUT_ANSWERS, kvBody, kvParameters } from "./openapi_words.ts";
import type { Backend, Route } from "./route.ts";

const PATH = "/kv-store/{key}";

/** Why refused: with GET they are other paths, so that nobody could read what was put there. */
const NO_KEYS: ReadonlySet<string> = new Set(["get_node_details", "get_all_replicas"]);

const RULES: FieldRules = {
  names: ["val", "causal_payload"],
  headers: { "x-causal-payload": "causal_payload" },
  body: ["json", "form"],
};

interface KvFields {
  readonly val: unknown;
  readonly session: string;
}

/** The paths. Which keyspace they serve, the configuration says. */
export function kvStoreRoutes({ ask, config, selfId }: Backend): Route[] {
  const keyspace = config.httpKeyspace;
  const naturals = naturalsOf({ config });
  const act = async (op: "get" | "put", asked: Asked, key: string): Promise<Answer> => {
    if (keyspace === undefined) return noKeyspace();
    if (NO_KEYS.has(key)) {
      const msg = `"${key}" is a path of this API and no key; choose another one`;
      return jsonAnswer(400, { result: "error", msg });
    }
    const fields = kvFields(asked);
    if (!fields.ok) return fields.failure;
    const { val, session } = fields.value;
    const put = op === "put" ? { value: val } : {};
    const request = parseAsWire({ op, keyspace, key, level: "ONE", session, ...put });
    if (!request.ok) return errorAnswer(request.failure);
    const result = await ask(request.value);
    if (!result.ok) return errorAnswer(result.failure);
    const reply = result.value;
    if (reply.kind !== "written" && reply.kind !== "value") {
      return jsonAnswer(500, { result: "error", msg: reply.kind });
    }
    const value = reply.kind === "value" ? reply.value : val as string;
    return jsonAnswer(
      reply.kind === "written" && reply.receipt.created ? 201 : 200,
      success(value, session, reply.receipt),
    );
  };
  return [
    {
      method: "GET",
      path: "/kv-store/get_node_details",
      described: {
        summary: "Whether this member holds copies, or only passes requests on",
        responses: answerOf("KvNodeDetails", [404]),
      },
      answer: () =>
        keyspace === undefined
          ? noKeyspace()
          : jsonAnswer(200, { result: "success", replica: naturals.includes(selfId) ? "Yes" : "No" }),
    },
    {
      method: "GET",
      path: "/kv-store/get_all_replicas",
      described: {
        summary: "The HTTP addresses of the members that hold copies",
        responses: answerOf("KvReplicas", [404]),
      },
      answer: () => {
        if (keyspace === undefined) return noKeyspace();
        const replicas = config.members.filter(({ id }) => naturals.includes(id))
          .flatMap(({ http }) => http === undefined ? [] : [placeText(http)]);
        return jsonAnswer(200, { result: "success", replicas });
      },
    },
    {
      method: "GET",
      path: PATH,
      described: {
        summary: "Read a key at ONE",
        parameters: kvParameters(),
        requestBody: kvBody(),
        responses: KV_GET_ANSWERS,
      },
      answer: (asked, { key = "" }) => act("get", asked, key),
    },
    {
      method: "PUT",
      path: PATH,
      described: {
        summary: "Write a key at ONE",
        parameters: kvParameters("val"),
        requestBody: kvBody("val"),
        responses: KV_PUT_ANSWERS,
      },
      answer: (asked, { key = "" }) => act("put", asked, key),
    },
  ];
}

/** Who holds copies: with partitioner `all` the first N members, else each member holds some. */
export function naturalsOf({ config }: Pick<Backend, "config">): string[] {
  const keyspace = config.keyspaces.get(config.httpKeyspace ?? "");
  if (keyspace === undefined) return [];
  const count = keyspace.partitioner === "all" ? keyspace.replication : config.members.length;
  return config.members.slice(0, count).map(({ id }) => id);
}

/** `node_id` is who coordinated: where coordination is spread, a replica even where a proxy was asked. */
function success(value: string, session: string, receipt: Receipt): Record<string, unknown> {
  const { version, coordinator } = receipt;
  return {
    result: "success",
    value,
    node_id: coordinator,
    causal_payload: receipt.session ?? session,
    timestamp: version?.wall_ms ?? 0,
  };
}

function kvFields(asked: Asked): Result<KvFields, Answer> {
  const fields = readFields(asked, RULES);
  if (!fields.ok) return fail(asError(fields.failure));
  const session = fields.value.get("causal_payload") ?? "";
  const val = fields.value.get("val");
  if (typeof session !== "string") {
    return fail(
      jsonAnswer(400, {
        result: "error",
        msg: '"causal_payload" is no text; send it as an answer carried it',
      }),
    );
  }
  if (asked.method === "PUT" && typeof val !== "string") {
    return fail(
      jsonAnswer(400, { result: "error", msg: '"val" is missing or no text; send the value as text' }),
    );
  }
  return ok({ val, session });
}

function errorAnswer({ code, message }: Failure): Answer {
  return jsonAnswer(ERRORS[code].status, { result: "error", msg: message });
}

/** A refusal of the API in the words of this path. */
function asError({ status, body }: Answer): Answer {
  const { error } = JSON.parse(body) as { readonly error: Failure };
  return jsonAnswer(status, { result: "error", msg: error.message });
}

function noKeyspace(): Answer {
  const msg =
    "this cluster serves no keyspace here; declare [keyspace.items], or name one with http_keyspace";
  return jsonAnswer(404, { result: "error", msg });
}
