/** Load in quartet's own format: JSON lines, each answer matched to its request by `id`. @module */
import type { Level } from "../../src/protocol/level.ts";
import {
  type Answer,
  bytesOf,
  type Dialect,
  keyName,
  readDigits,
  type RequestParts,
  textOf,
} from "./dialect.ts";

/** What a run asks of quartet. */
export interface QuartetRequests {
  readonly kind: "quartet";
  readonly keyspace: string;
  readonly putLevel: Level;
  readonly getLevel: Level;
}

const ID = bytesOf('{"id":');
const OK = bytesOf(',"ok":true');
const GREETING = '{"hello"';
const LF = 10;

/** JSON lines over TCP. */
export class QuartetDialect implements Dialect {
  readonly parts: RequestParts;

  constructor(
    { keyspace, putLevel, getLevel }: QuartetRequests,
    { keyCount, values, clientCount }: { keyCount: number; values: readonly string[]; clientCount: number },
  ) {
    const keys = Array.from(
      { length: keyCount },
      (_, key) => `"keyspace":"${keyspace}","key":"${keyName(key)}"`,
    );
    this.parts = {
      puts: keys.map((key) => bytesOf(`{"op":"put",${key},"level":"${putLevel}","value":`)),
      gets: keys.map((key) => bytesOf(`{"op":"get",${key},"level":"${getLevel}"`)),
      values: values.map((value) => bytesOf(JSON.stringify(value))),
      tails: Array.from({ length: clientCount }, (_, client) => bytesOf(`,"id":${client}}\n`)),
    };
  }

  readAnswer(bytes: Uint8Array, begin: number, end: number): Answer | undefined {
    const lineEnd = bytes.subarray(begin, end).indexOf(LF);
    if (lineEnd < 0) return undefined;
    const next = begin + lineEnd + 1;
    if (startsWith(bytes, begin, ID)) {
      const id = readDigits(bytes, begin + ID.length);
      if (startsWith(bytes, id.end, OK)) return { end: next, client: id.value, error: undefined };
    }
    return { end: next, ...readSlowly(textOf(bytes.subarray(begin, next - 1))) };
  }
}

/** What is not the plain success: a greeting, or a failure. */
function readSlowly(line: string): Pick<Answer, "client" | "error"> {
  if (line.startsWith(GREETING)) return { client: undefined, error: undefined };
  const answer: { id?: unknown; ok?: unknown; error?: unknown; message?: unknown } = JSON.parse(line);
  if (typeof answer.id !== "number") throw new Error(`a replica says: ${line}`);
  return {
    client: answer.id,
    error: answer.ok === true ? undefined : `${answer.error}: ${answer.message}`,
  };
}

function startsWith(bytes: Uint8Array, begin: number, what: Uint8Array): boolean {
  for (let i = 0; i < what.length; i++) if (bytes[begin + i] !== what[i]) return false;
  return true;
}
