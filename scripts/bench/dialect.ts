/** How a system is spoken to, reduced to what load needs: bytes that are ready before the run, and where an answer ends. @module */

/** The bytes of all requests of a run. A request is the parts for its key, its value and its client, behind each other. */
export interface RequestParts {
  /** By key. */
  readonly puts: readonly Uint8Array[];
  /** By key; they need no part for a value. */
  readonly gets: readonly Uint8Array[];
  readonly values: readonly Uint8Array[];
  /** By client of a connection. */
  readonly tails: readonly Uint8Array[];
}

/** One whole answer, or one that the server sent unasked. */
export interface Answer {
  /** Where the next answer begins. */
  readonly end: number;
  /** The client of the connection that it is for; undefined: nobody's, a greeting. */
  readonly client: number | undefined;
  /** Why the operation did not succeed; undefined: it did. */
  readonly error: string | undefined;
}

/** A wire format, without any state: what stands in the bytes is all there is. */
export interface Dialect {
  readonly parts: RequestParts;
  /** The answer at `begin`; undefined: it has not come whole. `isPut` tells of the client, where the format does not. */
  readAnswer(bytes: Uint8Array, begin: number, end: number, isPut: (client: number) => boolean):
    | Answer
    | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const ZERO = 48;
const KEY_DIGITS = 8;

/** Text as bytes. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Bytes as text. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The name of a key: `k0000042`, the same in every system. */
export function keyName(key: number): string {
  return `k${String(key).padStart(KEY_DIGITS - 1, "0")}`;
}

/** The number whose decimal digits begin at `begin`, and where they end. */
export function readDigits(bytes: Uint8Array, begin: number): { value: number; end: number } {
  let value = 0;
  let end = begin;
  while (bytes[end]! >= ZERO && bytes[end]! < ZERO + 10) value = value * 10 + bytes[end++]! - ZERO;
  return { value, end };
}
