/**
 * The head of an HTTP/1.1 request (RFC 9112), from its text: strict, because what two programs read differently smuggles
 * requests past one of them. Pure; where bytes come from is `connection.ts`' business.
 * @module
 */
import { fail, ok, type Result } from "../base/failure.ts";
import { HTTP_FIELDS_MAX } from "../protocol/limits.ts";
import { type Answer, malformed } from "./exchange.ts";

/** A head that was understood. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** By name in lower case; those that may come several times are joined with commas. */
  readonly headers: ReadonlyMap<string, string>;
  /** Bytes of the body; `chunked` where it says itself when it ends. */
  readonly length: number | "chunked";
  /** Whether the other side waits for a word before it sends the body. */
  readonly expectsContinue: boolean;
  /** Whether further requests may follow on the connection. */
  readonly keepsAlive: boolean;
  /** An HTTP/1.0 client is told that the connection stays. */
  readonly isOld: boolean;
}

/** Origin form only; printable ASCII only. */
const REQUEST_LINE = /^([A-Z]{1,16}) (\/[!"$-~]*) HTTP\/1\.([01])$/;
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// deno-lint-ignore no-control-regex -- Why: these are what must not be in a field.
const NOT_IN_VALUE = /[\x00-\x08\x0a-\x1f\x7f]/;
/** Those that may come more than once, joined: they mean nothing to us, or are lists. */
const LISTS = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "cache-control",
  "connection",
  "cookie",
  "forwarded",
  "pragma",
  "te",
  "tracestate",
  "via",
  "x-forwarded-for",
]);

/** The head in `text`: all lines, without the empty one that ends them. A failure is the answer to send. */
export function parseRequestHead(text: string): Result<RequestHead, Answer> {
  const lines = text.split("\r\n");
  const line = REQUEST_LINE.exec(lines[0]!);
  if (line === null) return refuse(requestLineProblem(lines[0]!));
  if (lines.length - 1 > HTTP_FIELDS_MAX) {
    const message = `the request has ${
      lines.length - 1
    } header fields; at most ${HTTP_FIELDS_MAX} are allowed`;
    return fail(malformed(message, 431));
  }
  const [, method = "", target = "", minor] = line;
  const headers = new Map<string, string>();
  for (let i = 1; i < lines.length; i++) {
    const problem = addField(headers, lines[i]!);
    if (problem !== undefined) return refuse(problem);
  }
  const isOld = minor === "0";
  if (!isOld && !headers.has("host")) return refuse("the header Host is missing");
  const length = bodyLength(headers, isOld);
  if (typeof length === "string" && length !== "chunked") return refuse(length);
  const expect = headers.get("expect")?.toLowerCase();
  if (expect !== undefined && expect !== "100-continue") {
    return refuse(`Expect: ${expect.slice(0, 40)} is not known; only 100-continue is`);
  }
  const connection = headers.get("connection")?.toLowerCase().split(",").map((word) => word.trim()) ?? [];
  const mark = target.indexOf("?");
  return ok({
    method,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? "" : target.slice(mark + 1),
    headers,
    length: length as number | "chunked",
    expectsContinue: expect !== undefined && !isOld,
    keepsAlive: isOld ? connection.includes("keep-alive") : !connection.includes("close"),
    isOld,
  });
}

function refuse(message: string): Result<never, Answer> {
  return fail(malformed(message));
}

function requestLineProblem(line: string): string {
  const shown = JSON.stringify(line.slice(0, 60));
  return `the request begins with ${shown}; allowed: METHOD /path HTTP/1.1, in printable ASCII with percent-escapes`;
}

/** Adds one field; the problem where it is none, or comes twice and must not. */
function addField(headers: Map<string, string>, line: string): string | undefined {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(0, colon));
  // A line that begins with a space would go on with the field before: nobody may write so any more.
  if (!FIELD_NAME.test(name)) {
    return `a header line begins with ${JSON.stringify(line.slice(0, 40))}; allowed: Name: value`;
  }
  const value = withoutBlanks(line, colon + 1);
  if (NOT_IN_VALUE.test(value)) return `the header ${name} holds a control character`;
  const key = name.toLowerCase();
  const held = headers.get(key);
  if (held !== undefined && !LISTS.has(key)) return `the header ${name} comes twice; send it once`;
  headers.set(key, held === undefined ? value : `${held}, ${value}`);
  return undefined;
}

/** The rest of a line without spaces and tabs around it. Why no pattern: `[ \t]+$` takes the square of a value's length. */
function withoutBlanks(line: string, begin: number): string {
  const isBlank = (at: number): boolean => line[at] === " " || line[at] === "\t";
  let end = line.length;
  while (begin < end && isBlank(begin)) begin++;
  while (end > begin && isBlank(end - 1)) end--;
  return line.slice(begin, end);
}

/** Bytes of the body, `chunked`, or what is wrong. Why so strict: here is where smuggling begins (RFC 9112, 6.3). */
function bodyLength(headers: ReadonlyMap<string, string>, isOld: boolean): number | string {
  const coding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (coding !== undefined) {
    if (length !== undefined) {
      return "Content-Length and Transfer-Encoding do not go together; send one of them";
    }
    if (isOld) return "HTTP/1.0 knows no Transfer-Encoding; send Content-Length";
    if (coding.toLowerCase() === "chunked") return "chunked";
    return `Transfer-Encoding: ${coding.slice(0, 40)} is not known; only chunked is`;
  }
  if (length === undefined) return 0;
  return /^[0-9]{1,15}$/.test(length)
    ? Number(length)
    : `Content-Length: ${length.slice(0, 40)} is no count of bytes`;
}
