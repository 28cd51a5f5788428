/**
 * Load in Redis' format, RESP 2. A put is SET and `WAIT n 0` in one packet and ends with the answer to both; a get is GET.
 * Requires: one client to each connection, because answers carry no id.
 * @module
 */
import { type Answer, bytesOf, type Dialect, keyName, type RequestParts, textOf } from "./dialect.ts";

/** What a run asks of Redis. */
export interface RedisRequests {
  readonly kind: "redis";
  /** How many replicas a put waits for, besides the primary. */
  readonly waitCount: number;
}

/** One value of RESP. */
interface Value {
  readonly end: number;
  /** `+ - : $`. */
  readonly type: string;
  /** Of a string its text up to the first line end; of bytes (`$`) their length, -1 for none. */
  readonly text: string;
}

const CR = 13;
const LF = 10;
const LINE_END_BYTES = 2;

/** RESP over TCP. */
export class RedisDialect implements Dialect {
  readonly parts: RequestParts;
  readonly #waitCount: number;

  constructor(
    { waitCount }: RedisRequests,
    { keyCount, values }: { keyCount: number; values: readonly string[] },
  ) {
    const keys = Array.from({ length: keyCount }, (_, key) => bulk(keyName(key)));
    const wait = waitCount === 0 ? "" : `*3\r\n${bulk("WAIT")}${bulk(String(waitCount))}${bulk("0")}`;
    this.#waitCount = waitCount;
    this.parts = {
      puts: keys.map((key) => bytesOf(`*3\r\n${bulk("SET")}${key}`)),
      gets: keys.map((key) => bytesOf(`*2\r\n${bulk("GET")}${key}`)),
      values: values.map((value) => bytesOf(bulk(value) + wait)),
      tails: [new Uint8Array(0)],
    };
  }

  readAnswer(
    bytes: Uint8Array,
    begin: number,
    end: number,
    isPut: (client: number) => boolean,
  ): Answer | undefined {
    const first = readValue(bytes, begin, end);
    if (first === undefined) return undefined;
    if (!isPut(0)) return { end: first.end, client: 0, error: errorOfGet(first) };
    if (this.#waitCount === 0) return { end: first.end, client: 0, error: errorOfSet(first) };
    const second = readValue(bytes, first.end, end);
    if (second === undefined) return undefined;
    return { end: second.end, client: 0, error: errorOfSet(first) ?? this.#errorOfWait(second) };
  }

  #errorOfWait({ type, text }: Value): string | undefined {
    if (type === ":" && Number(text) >= this.#waitCount) return undefined;
    return `WAIT ${this.#waitCount} 0 was answered with ${type}${text}`;
  }
}

function bulk(text: string): string {
  return `$${bytesOf(text).length}\r\n${text}\r\n`;
}

function errorOfGet({ type, text }: Value): string | undefined {
  if (type === "$" && text !== "-1") return undefined;
  return type === "$" ? "GET found nothing" : `GET was answered with ${type}${text}`;
}

function errorOfSet({ type, text }: Value): string | undefined {
  return type === "+" && text === "OK" ? undefined : `SET was answered with ${type}${text}`;
}

function readValue(bytes: Uint8Array, begin: number, end: number): Value | undefined {
  let lineEnd = begin;
  while (lineEnd + 1 < end && (bytes[lineEnd] !== CR || bytes[lineEnd + 1] !== LF)) lineEnd++;
  if (lineEnd + 1 >= end) return undefined;
  const type = String.fromCharCode(bytes[begin]!);
  const text = textOf(bytes.subarray(begin + 1, lineEnd));
  const next = lineEnd + LINE_END_BYTES;
  if (type !== "$" || text === "-1") return { end: next, type, text };
  const bulkEnd = next + Number(text) + LINE_END_BYTES;
  return bulkEnd > end ? undefined : { end: bulkEnd, type, text };
}
