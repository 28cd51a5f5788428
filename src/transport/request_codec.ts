/**
 * Requests on the wire: a line becomes typed requests or failures that name field, value and what is allowed.
 * Hand-written, because it runs once for every request. Wire format: only append.
 * @module
 */
import { fail, ok, type Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import { type Level, LEVELS, parseLevel } from "../protocol/level.ts";
import { BATCH_COUNT_MAX, FAULT_MS_MAX, PAGE_COUNT_MAX, TOKEN_CHARS_MAX } from "../protocol/limits.ts";
import type { KeyRequest, Request, WireKey } from "../protocol/request.ts";
import { parseFault } from "./fault_codec.ts";
import { type Fields, isCount, isFields, isName, isWireKey, parseJson, show, wrongField } from "./fields.ts";
import type { Line } from "./ndjson.ts";
import { isPageCount, parseScanRequest } from "./page_codec.ts";

/** How a client names a request: a safe integer, or a string of 1 to 64 characters. The answer repeats it. */
export type WireId = number | string;

/** One request of a line, or why it is none; then `id` is null unless it could be read. */
export type ParsedRequest =
  | { readonly isRequest: true; readonly id: WireId; readonly request: Request }
  | { readonly isRequest: false; readonly id: WireId | null; readonly failure: Failure };

const ID_ALLOWED = "a safe integer, or a string of 1 to 64 characters";
const OPS_ALLOWED = "put, get, delete, inspect, scan, status, repair, fault";
const KEY_ALLOWED = "a safe integer or a well-formed string";
const KEYSPACE_ALLOWED = "a string of 1 to 64 characters";
const TOKEN_ALLOWED = `a token as an answer carried it, at most ${TOKEN_CHARS_MAX} characters`;
const KEYS_ALLOWED = `an array of at most ${PAGE_COUNT_MAX} keys`;

/** Whether `value` can name a request. */
export function isWireId(value: unknown): value is WireId {
  return typeof value === "string" ? isName(value) : Number.isSafeInteger(value);
}

/** The line of one request, without its end. */
export function encodeRequest(id: WireId, request: Request): string {
  return `{"id":${JSON.stringify(id)},${JSON.stringify(request).slice(1)}`;
}

/**
 * The requests of a line, one or a batch; or why the line as a whole is malformed: no JSON, or neither an object nor an
 * array of objects.
 */
export function parseRequestLine(line: Line): Result<readonly ParsedRequest[], Failure> {
  if (line === null) return malformedLine("this line is not UTF-8");
  return parseRequests(parseJson(line), line);
}

/** The same from a value that was parsed already; `line` is its text. */
export function parseRequests(input: unknown, line: string): Result<readonly ParsedRequest[], Failure> {
  if (isFields(input)) return ok([parseRequest(input)]);
  if (!Array.isArray(input)) return malformedLine(`this line is ${show(line)}`);
  if (input.length === 0 || input.length > BATCH_COUNT_MAX) {
    return malformedLine(`this line is an array of ${input.length}`);
  }
  const requests: ParsedRequest[] = [];
  for (const item of input) {
    if (!isFields(item)) return malformedLine(`this line holds ${show(item)} in an array`);
    requests.push(parseRequest(item));
  }
  return ok(requests);
}

function malformedLine(what: string): Result<never, Failure> {
  return fail({
    code: "malformed_request",
    message: `${what}; allowed: one JSON object such as {"id":1,"op":"get","key":7}, ` +
      `or an array of 1 to ${BATCH_COUNT_MAX} of them`,
  });
}

function parseRequest(input: Fields): ParsedRequest {
  const id = input.id;
  if (!isWireId(id)) return { isRequest: false, id: null, failure: wrongField("id", id, ID_ALLOWED) };
  const result = parseOperation(input);
  if (!result.ok) return { isRequest: false, id, failure: result.failure };
  return { isRequest: true, id, request: result.value };
}

function parseOperation(input: Fields): Result<Request, Failure> {
  switch (input.op) {
    case "put":
    case "get":
    case "delete":
      return parseKeyOperation(input.op, input);
    case "inspect":
      return parseInspect(input);
    case "scan":
      return parseScanRequest(input);
    case "status":
      return ok({ op: "status" });
    case "repair":
      return parseRepair(input);
    case "fault":
      return parseFaultRequest(input);
    default:
      return fail(wrongField("op", input.op, OPS_ALLOWED));
  }
}

/** A put, get or delete from untrusted JSON that carries no id; undefined where it is none. */
export function parseKeyRequest(input: Fields): KeyRequest | undefined {
  const { op } = input;
  if (op !== "put" && op !== "get" && op !== "delete") return undefined;
  const request = parseKeyOperation(op, input);
  return request.ok ? request.value : undefined;
}

function parseKeyOperation(op: "put" | "get" | "delete", input: Fields): Result<KeyRequest, Failure> {
  const { keyspace, key, value, level: levelText, trace, context, session } = input;
  if (!isWireKey(key)) return fail(wrongField("key", key, KEY_ALLOWED));
  if (keyspace !== undefined && !isName(keyspace)) {
    return fail(wrongField("keyspace", keyspace, KEYSPACE_ALLOWED));
  }
  let level: Level | undefined;
  if (levelText !== undefined) {
    level = typeof levelText === "string" ? parseLevel(levelText) : undefined;
    if (level === undefined) return fail(wrongField("level", levelText, LEVELS.join(", ")));
  }
  if (trace !== undefined && typeof trace !== "boolean") {
    return fail(wrongField("trace", trace, "true, false"));
  }
  if (context !== undefined && !isToken(context)) return fail(wrongField("context", context, TOKEN_ALLOWED));
  if (session !== undefined && !isToken(session)) return fail(wrongField("session", session, TOKEN_ALLOWED));
  const optional = {
    ...(keyspace === undefined ? {} : { keyspace }),
    ...(level === undefined ? {} : { level }),
    ...(trace === true ? { trace } : {}),
    ...(context === undefined ? {} : { context }),
    ...(session === undefined ? {} : { session }),
  };
  if (op !== "put") return ok({ op, key, ...optional });
  if (typeof value !== "string" || !value.isWellFormed()) {
    return fail(wrongField("value", value, "a well-formed string"));
  }
  return ok({ op, key, value, ...optional });
}

function parseInspect(input: Fields): Result<Request, Failure> {
  const { keyspace, keys, after, limit } = input;
  if (keyspace !== undefined && !isName(keyspace)) {
    return fail(wrongField("keyspace", keyspace, KEYSPACE_ALLOWED));
  }
  if (keys !== undefined && !isKeyList(keys)) return fail(wrongField("keys", keys, KEYS_ALLOWED));
  if (after !== undefined && !isWireKey(after)) return fail(wrongField("after", after, KEY_ALLOWED));
  if (limit !== undefined && !isPageCount(limit)) {
    return fail(wrongField("limit", limit, `an integer from 1 to ${PAGE_COUNT_MAX}`));
  }
  return ok({
    op: "inspect",
    ...(keyspace === undefined ? {} : { keyspace }),
    ...(keys === undefined ? {} : { keys }),
    ...(after === undefined ? {} : { after }),
    ...(limit === undefined ? {} : { limit }),
  });
}

function parseRepair({ keyspace, dry_run }: Fields): Result<Request, Failure> {
  if (keyspace !== undefined && !isName(keyspace)) {
    return fail(wrongField("keyspace", keyspace, KEYSPACE_ALLOWED));
  }
  if (dry_run !== undefined && typeof dry_run !== "boolean") {
    return fail(wrongField("dry_run", dry_run, "true, false"));
  }
  return ok({
    op: "repair",
    ...(keyspace === undefined ? {} : { keyspace }),
    ...(dry_run === true ? { dry_run } : {}),
  });
}

function parseFaultRequest({ action, fault, for_ms }: Fields): Result<Request, Failure> {
  if (action === "list" || action === "heal") return ok({ op: "fault", action });
  if (action !== "set") return fail(wrongField("action", action, "set, list, heal"));
  if (for_ms !== undefined && !(isCount(for_ms) && for_ms >= 1 && for_ms <= FAULT_MS_MAX)) {
    return fail(wrongField("for_ms", for_ms, `an integer from 1 to ${FAULT_MS_MAX}`));
  }
  const parsed = parseFault(fault);
  if (!parsed.ok) return parsed;
  return ok({ op: "fault", action, fault: parsed.value, ...(for_ms === undefined ? {} : { for_ms }) });
}

function isToken(value: unknown): value is string {
  return typeof value === "string" && value.length <= TOKEN_CHARS_MAX && value.isWellFormed();
}

function isKeyList(value: unknown): value is readonly WireKey[] {
  return Array.isArray(value) && value.length <= PAGE_COUNT_MAX && value.every(isWireKey);
}
