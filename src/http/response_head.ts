/** The head of an HTTP answer, as text. @module */
import type { Answer } from "./exchange.ts";

/** Reason phrases; nobody needs them, and people read them. */
const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  400: "Bad Request",
  401: "Unauthorized",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  507: "Insufficient Storage",
};

let dateSecond = 0;
let date = "";

/** Why kept: one date serves all answers of a second. */
function dateText(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    date = new Date(second * 1000).toUTCString();
  }
  return date;
}

/** All lines, with the empty one at the end. Everything in it is ASCII. */
export function encodeHead(
  { status, type, headers }: Answer,
  bodyBytes: number,
  { connection }: { readonly connection: "close" | "keep-alive" | undefined },
): string {
  let head = `HTTP/1.1 ${status} ${REASONS[status] ?? "Status"}\r\nContent-Type: ${type}\r\n` +
    `Content-Length: ${bodyBytes}\r\nDate: ${dateText()}\r\n` +
    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
  if (headers !== undefined) {
    for (const [name, value] of Object.entries(headers)) head += `${name}: ${value}\r\n`;
  }
  if (connection !== undefined) head += `Connection: ${connection}\r\n`;
  return `${head}\r\n`;
}
