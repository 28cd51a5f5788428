/** One HTTP request and its answer, as plain values: what the routes see of HTTP. @module */
import { ERRORS, type Failure, isDefinite } from "../protocol/error_codes.ts";

/** A request whose head and body have arrived whole. */
export interface Asked {
  /** Such as `GET`. */
  readonly method: string;
  /** As it came: percent-escapes are not decoded, dots mean nothing. */
  readonly path: string;
  /** Without its `?`, as it came; empty where there is none. */
  readonly query: string;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

/** What goes back. */
export interface Answer {
  readonly status: number;
  /** The media type of the body. */
  readonly type: string;
  readonly body: string;
  /** Further headers, in the case in which they are written. */
  readonly headers?: Readonly<Record<string, string>>;
}

const JSON_TYPE = "application/json";

/** An answer in JSON. */
export function jsonAnswer(status: number, body: unknown): Answer {
  return { status, type: JSON_TYPE, body: JSON.stringify(body) };
}

/** The same from text that is JSON already. */
export function jsonTextAnswer(status: number, body: string): Answer {
  return { status, type: JSON_TYPE, body };
}

/** A failure as every path but `/kv-store` tells it. `status` where HTTP has a finer word than the code has. */
export function failureAnswer(failure: Failure, status: number = ERRORS[failure.code].status): Answer {
  const { code, message, definite: _, trace: _trace, ...details } = failure;
  return jsonAnswer(status, { error: { code, message, definite: isDefinite(failure), ...details } });
}

/** The refusal of a request that is wrong in itself. */
export function malformed(message: string, status = 400): Answer {
  return failureAnswer({ code: "malformed_request", message }, status);
}
