/** Tests of `src/http/request_head.ts`: what is a request, and what two programs might read differently. @module */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as fc from "fast-check";
import { parseRequestHead } from "../../src/http/request_head.ts";

const HOST = "\r\nHost: a";

function refusal(text: string): string {
  const head = parseRequestHead(text);
  assert(!head.ok, `${JSON.stringify(text)} passed for a request`);
  const { error } = JSON.parse(head.failure.body);
  return `${head.failure.status} ${error.message}`;
}

Deno.test("A head is method, path and query as they came, and headers by lower case names", () => {
  const head = parseRequestHead(
    "PUT /v1/a%2Fb/..?x=%41&y HTTP/1.1\r\nHOST: a:1\r\nX-Quartet-Level: \t two \r\nContent-Length: 12\r\n" +
      "Accept: a\r\nAccept: b\r\nEmpty:\r\nX-Forwarded-For: a\r\nX-Forwarded-For: b",
  );
  assert(head.ok);
  const { method, path, query, length, keepsAlive, expectsContinue, isOld } = head.value;
  assertEquals([method, path, query, length], ["PUT", "/v1/a%2Fb/..", "x=%41&y", 12]);
  assertEquals([keepsAlive, expectsContinue, isOld], [true, false, false]);
  assertEquals([...head.value.headers], [
    ["host", "a:1"],
    ["x-quartet-level", "two"],
    ["content-length", "12"],
    ["accept", "a, b"],
    ["empty", ""],
    ["x-forwarded-for", "a, b"],
  ]);
});

Deno.test("A connection stays unless one side says otherwise; with HTTP/1.0 it stays where asked for", () => {
  const keeps = (text: string): boolean => {
    const head = parseRequestHead(text);
    assert(head.ok, text);
    return head.value.keepsAlive;
  };
  assert(keeps(`GET / HTTP/1.1${HOST}`));
  assert(!keeps(`GET / HTTP/1.1${HOST}\r\nConnection: foo, Close`));
  assert(!keeps("GET / HTTP/1.0"));
  assert(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive"));
});

Deno.test("What two programs could read differently is refused: smuggling begins there", () => {
  const cases: readonly (readonly [string, string])[] = [
    [`POST / HTTP/1.1${HOST}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked`, "do not go together"],
    [`POST / HTTP/1.1${HOST}\r\nContent-Length: 5\r\nContent-Length: 5`, "Content-Length comes twice"],
    [`POST / HTTP/1.1${HOST}\r\nContent-Length: 5, 5`, "no count of bytes"],
    [`POST / HTTP/1.1${HOST}\r\nContent-Length: +5`, "no count of bytes"],
    [`POST / HTTP/1.1${HOST}\r\nContent-Length: 0x5`, "no count of bytes"],
    [`POST / HTTP/1.1${HOST}\r\nContent-Length: -1`, "no count of bytes"],
    [`POST / HTTP/1.1${HOST}\r\nContent-Length: 9999999999999999`, "no count of bytes"],
    [`POST / HTTP/1.1${HOST}\r\nTransfer-Encoding: xchunked`, "only chunked is"],
    [`POST / HTTP/1.1${HOST}\r\nTransfer-Encoding: gzip, chunked`, "only chunked is"],
    [`POST / HTTP/1.1${HOST}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity`, "comes twice"],
    ["POST / HTTP/1.0\r\nTransfer-Encoding: chunked", "HTTP/1.0 knows no Transfer-Encoding"],
    [`GET / HTTP/1.1${HOST}\r\nHost: b`, "Host comes twice"],
    [`GET / HTTP/1.1${HOST}\r\nAuthorization: a\r\nAuthorization: b`, "comes twice"],
    [`GET / HTTP/1.1${HOST}\r\nX-Quartet-Level: ONE\r\nx-quartet-level: ALL`, "comes twice"],
    ["GET / HTTP/1.1", "Host is missing"],
    ["GET / HTTP/1.1\r\nHost : a", "Name: value"],
    [`GET / HTTP/1.1${HOST}\r\nX: a\r\n b`, "Name: value"],
    [`GET / HTTP/1.1${HOST}\r\n: a`, "Name: value"],
    [`GET / HTTP/1.1${HOST}\r\nnothing`, "Name: value"],
    [`GET / HTTP/1.1${HOST}\r\nX: a\0b`, "control character"],
    [`GET / HTTP/1.1${HOST}\r\nX: a\nY: b`, "control character"],
    [`GET / HTTP/1.1${HOST}\r\nX: a\rY: b`, "control character"],
    [`GET / HTTP/1.1${HOST}\r\nExpect: wonders`, "only 100-continue is"],
    [`GET /a\0b HTTP/1.1${HOST}`, "METHOD /path"],
    [`GET /a b HTTP/1.1${HOST}`, "METHOD /path"],
    [`GET  /a HTTP/1.1${HOST}`, "METHOD /path"],
    [`GET\t/a HTTP/1.1${HOST}`, "METHOD /path"],
    [`GET /a#b HTTP/1.1${HOST}`, "METHOD /path"],
    [`GET /\u00e9 HTTP/1.1${HOST}`, "METHOD /path"],
    [`GET http://elsewhere/ HTTP/1.1${HOST}`, "METHOD /path"],
    [`CONNECT a:80 HTTP/1.1${HOST}`, "METHOD /path"],
    [`OPTIONS * HTTP/1.1${HOST}`, "METHOD /path"],
    [`get / HTTP/1.1${HOST}`, "METHOD /path"],
    [`GET / HTTP/2.0${HOST}`, "METHOD /path"],
    [`GET / HTTP/1.1 ${HOST}`, "METHOD /path"],
    ["PRI * HTTP/2.0", "METHOD /path"],
    ['{"id":1,"op":"status"}', "METHOD /path"],
    ["", "METHOD /path"],
  ];
  for (const [text, problem] of cases) {
    assertStringIncludes(refusal(text), problem);
    assertEquals(refusal(text).slice(0, 3), "400");
  }
});

Deno.test("A head of nothing but blanks takes no longer than any other of its length", () => {
  const beganMs = performance.now();
  const head = parseRequestHead(`GET / HTTP/1.1${HOST}\r\nX: \t a${" ".repeat(64_000)}b \t`);
  assert(head.ok);
  assertEquals(head.value.headers.get("x"), `a${" ".repeat(64_000)}b`);
  assert(performance.now() - beganMs < 1000, "the time is not the square of the length");
});

Deno.test("HTTP/1.0 knows no word before a body, and gets none", () => {
  const expects = (version: string): boolean => {
    const head = parseRequestHead(`PUT / HTTP/${version}${HOST}\r\nExpect: 100-Continue`);
    assert(head.ok);
    return head.value.expectsContinue;
  };
  assertEquals([expects("1.1"), expects("1.0")], [true, false]);
});

Deno.test("More header fields than anybody needs are refused", () => {
  const fields = (count: number): string => `GET / HTTP/1.1${HOST}${"\r\nX-A: b".repeat(count)}`;
  assertStringIncludes(refusal(fields(100)), "431 the request has 101 header fields; at most 100");
});

Deno.test("Junk of any form is refused or read, never an exception", () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: "binary" })), (parts) => {
    const head = parseRequestHead(parts.join("\r\n"));
    return head.ok || head.failure.status >= 400;
  }));
});
