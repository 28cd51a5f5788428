/** Requests over HTTP, drawn: valid ones, and those that two programs could read differently. @module */
import type { Random } from "../../src/base/random.ts";
import { KEYSPACES, LARGE_KEY_FIRST, type Target } from "./target.ts";

const LEVELS = ["ONE", "TWO", "QUORUM", "ALL", "quorum"];
const TEXT_KEY_COUNT = 64;
const OPEN_PATHS = ["/healthz", "/readyz", "/docs", "/openapi.json"];
const GUARDED_PATHS = ["/metrics", "/peers", "/peers/healthcheck", "/v1/status"];

/** One request in bytes, and whether it must be refused for want of the secret. */
export interface DrawnHttp {
  readonly text: string;
  readonly mustBeRefused: boolean;
}

/** One valid request. Where there is a secret some lack it, or have a wrong one. */
export function drawHttp(random: Random, { secret }: Target): DrawnHttp {
  const { method, target, type, body, isOpen } = drawContent(random);
  const knowsSecret = secret !== undefined && random.chance(800);
  const fields = [
    `Host: ${random.pick(["localhost", "127.0.0.1:80", "LOCALHOST", "[::1]:8411"])}`,
    ...(knowsSecret ? [`Authorization: Bearer ${secret}`] : []),
    ...(secret !== undefined && !knowsSecret && random.chance(500) ? ["Authorization: Bearer guessed"] : []),
    ...(type === undefined ? [] : [`Content-Type: ${type}`]),
    ...(random.chance(100) ? ["X-Quartet-Level: ONE"] : []),
    ...(random.chance(50) ? [`X-Filler: ${"x".repeat(random.below(20_000))}`] : []),
    ...(random.chance(50) ? ["Expect: 100-continue"] : []),
    ...(random.chance(50) ? ["Connection: close"] : []),
  ];
  return {
    text: `${method} ${target} HTTP/1.1\r\n${fields.join("\r\n")}${framed(random, body)}`,
    mustBeRefused: secret !== undefined && !knowsSecret && !isOpen,
  };
}

/** A request behind which no other may be read, and behind it another one, whose answer would show that it was. */
export function drawSmuggled(random: Random): string {
  const inner = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const length = inner.length;
  const [line, ...fields] = random.pick<readonly [string, ...string[]]>([
    ["POST / HTTP/1.1", `Content-Length: ${length}`, "Transfer-Encoding: chunked"],
    ["POST / HTTP/1.1", "Transfer-Encoding: chunked", "Content-Length: 0"],
    ["POST / HTTP/1.1", "Content-Length: 0", `Content-Length: ${length}`],
    ["POST / HTTP/1.1", `Content-Length: 0, ${length}`],
    ["POST / HTTP/1.1", `Content-Length: +${length}`],
    ["POST / HTTP/1.1", "Content-Length: 0x0"],
    ["POST / HTTP/1.1", "Content-Length: 0\n"],
    ["POST / HTTP/1.1", "Content-Length : 0"],
    ["POST / HTTP/1.1", "Content-Length: 0", " folded"],
    ["POST / HTTP/1.1", "Transfer-Encoding: identity"],
    ["POST / HTTP/1.1", "Transfer-Encoding: chunked, identity"],
    ["POST / HTTP/1.1", "Transfer-Encoding: \x0bchunked"],
    ["POST / HTTP/1.1", "Transfer-Encoding: xchunked"],
    ["POST / HTTP/1.1", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    ["POST / HTTP/1.1", "X: a\nContent-Length: 0"],
    ["POST / HTTP/1.1", "X: a\rContent-Length: 0"],
    ["POST / HTTP/1.1", "X: a\0"],
    ["POST / HTTP/1.0", "Transfer-Encoding: chunked"],
    ["POST http://localhost/ HTTP/1.1"],
    ["CONNECT localhost:80 HTTP/1.1"],
    ["GET / HTTP/1.1 "],
    ["GET /\t HTTP/1.1"],
    ["GET / HTTP/2.0"],
    ["GET /"],
  ]);
  const chunks = random.pick(["0\r\n\r\n", "", "zz\r\n"]);
  return `${line}\r\n${["Host: localhost", ...fields].join("\r\n")}\r\n\r\n${chunks}${inner}`;
}

/** Heads and bodies that cost much to read where they are read without care. */
export function drawCostly(random: Random, { secret }: Target): string {
  const fields = `Host: localhost\r\n${secret === undefined ? "" : `Authorization: Bearer ${secret}\r\n`}`;
  const put = (body: string): string =>
    `PUT /items/deep HTTP/1.1\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
  const depth = random.pick([200, 5000, 100_000]);
  switch (random.below(6)) {
    case 0:
      return `GET /peers HTTP/1.1\r\n${fields}X: a${" \t".repeat(30_000)}b\r\n\r\n`;
    case 1:
      return `GET /peers HTTP/1.1\r\n${fields}${"a: b\r\n".repeat(random.pick([90, 200, 9000]))}\r\n`;
    case 2:
      return put(`{"value":${'{"0":['.repeat(depth)}1${"]}".repeat(depth)}}`);
    case 3:
      return put(`{"value":1,"level":${"[".repeat(depth)}${"]".repeat(depth)}}`);
    case 4:
      return `GET /items/k?${"level=ONE&".repeat(6000)} HTTP/1.1\r\n${fields}\r\n`;
    default:
      return `PUT /items/k HTTP/1.1\r\n${fields}Transfer-Encoding: chunked\r\n\r\n${
        `1;${"e".repeat(random.below(1000))}\r\na\r\n`.repeat(200)
      }0\r\n\r\n`;
  }
}

/** A get of a large value. */
export function drawLargeGet(random: Random, { secret }: Target): string {
  return `GET /v1/keyspaces/${KEYSPACES.bytes}/keys/${random.between(LARGE_KEY_FIRST, 255)}?level=ONE ` +
    `HTTP/1.1\r\nHost: localhost\r\n${secret === undefined ? "" : `Authorization: Bearer ${secret}\r\n`}\r\n`;
}

interface Content {
  readonly method: string;
  readonly target: string;
  readonly type?: string;
  readonly body: string;
  readonly isOpen?: true;
}

function drawContent(random: Random): Content {
  const value = random.pick([
    "",
    "x",
    "n\u00e9",
    "\u{1F600}",
    '"\\',
    "a\r\nHTTP/1.1 200 OK",
    "v".repeat(200),
  ]);
  const query = random.chance(400) ? `?level=${random.pick(LEVELS)}` : "";
  const key = `k${random.below(TEXT_KEY_COUNT)}`;
  const op = random.pick(["GET", "GET", "PUT", "PUT", "DELETE"]);
  const json = { type: "application/json" };
  switch (random.below(8)) {
    case 0:
      return { method: "GET", target: random.pick(OPEN_PATHS), body: "", isOpen: true };
    case 1:
      return { method: random.pick(["GET", "HEAD"]), target: random.pick(GUARDED_PATHS), body: "" };
    case 2: {
      const method = op === "DELETE" ? "PUT" : op;
      const body = method === "PUT" ? `val=${encodeURIComponent(value)}&causal_payload=` : "causal_payload=";
      return { method, target: `/kv-store/${key}`, type: "application/x-www-form-urlencoded", body };
    }
    case 3: {
      const item = random.pick([value, [value, 1, null], { [value]: { a: 0.5 } }, 1e21, false]);
      const body = op === "PUT" ? JSON.stringify({ value: item }) : "";
      return { method: op, target: `/items/${key}${query}`, ...(body === "" ? {} : json), body };
    }
    case 4:
      return {
        method: op,
        target: `/v1/keyspaces/${KEYSPACES.texts}/keys/${key}${query}`,
        ...(op === "PUT" ? { type: "text/plain" } : {}),
        body: op === "PUT" ? value : "",
      };
    case 5:
      return {
        method: random.pick(["GET", "POST", "OPTIONS", "ALL", "TRACE", op]),
        target: random.pick([
          "/%2e%2e/healthz",
          "//healthz",
          "/v1/keyspaces/items/keys/%2F..%2f",
          "/v1/keyspaces/__proto__/keys/1",
          "/items/%00?level=%00",
          "/items/%ED%A0%80",
          "/items/%c0%af",
          "/kv-store/constructor?__proto__=1",
          "/nothing",
        ]),
        body: "",
      };
    default: {
      const body = op === "PUT" ? JSON.stringify({ value, level: random.pick(LEVELS) }) : "";
      const target = `/v1/keyspaces/${KEYSPACES.bytes}/keys/${random.below(LARGE_KEY_FIRST)}`;
      return { method: op, target, ...(op === "PUT" ? json : {}), body };
    }
  }
}

/** The end of a head, and the body in one of the two ways that there are. */
function framed(random: Random, body: string): string {
  const bytes = new TextEncoder().encode(body);
  if (bytes.length === 0) return "\r\n\r\n";
  // Chunks are cut at characters, so that they are still text here.
  if (!random.chance(300)) return `\r\nContent-Length: ${bytes.length}\r\n\r\n${body}`;
  const chunks = [...body].map((character) => {
    const size = new TextEncoder().encode(character).length.toString(16);
    return `${size}${random.chance(100) ? ";a=b" : ""}\r\n${character}\r\n`;
  });
  const trailer = random.chance(200) ? "X-Trailer: y\r\n" : "";
  return `\r\nTransfer-Encoding: chunked\r\n\r\n${chunks.join("")}0\r\n${trailer}\r\n`;
}
