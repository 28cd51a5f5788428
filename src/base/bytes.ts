/** Byte strings, the key form of the storage engine, and the conversions that every format needs. @module */

/**
 * Bytes as a string whose every character is one byte (0–255).
 *
 * Why: such strings are hashable and immutable, and JavaScript's `<` on them is byte order; on other strings it is not.
 */
export type ByteString = string & { readonly __brand: "byte_string" };

const encoder = new TextEncoder();
// Why ignoreBOM: a byte order mark is kept, so that text comes back as it was, and a parser can refuse it.
const looseDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** What a loose decoder writes for bytes that are not UTF-8. */
const REPLACEMENT = "\uFFFD";
const CHUNK = 4096;

/** The bytes as a byte string. */
export function byteString(bytes: Uint8Array): ByteString {
  if (bytes.length <= CHUNK) return String.fromCharCode(...bytes) as ByteString;
  let text = "";
  for (let i = 0; i < bytes.length; i += CHUNK) text += String.fromCharCode(...bytes.subarray(i, i + CHUNK));
  return text as ByteString;
}

/** The UTF-8 form of a well-formed string, as a byte string. */
export function utf8ByteString(text: string): ByteString {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return byteString(encoder.encode(text));
  }
  return text as ByteString;
}

/** The text whose UTF-8 form this is. Throws `TypeError` when it is not UTF-8. */
export function textOfByteString(bytes: ByteString): string {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes.charCodeAt(i) > 0x7f) return decodeText(bytesOf(bytes));
  }
  return bytes;
}

/** The bytes of a byte string. */
export function bytesOf(text: ByteString): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The first byte string after all that start with `prefix`: the end of a half-open range. `prefix` is not all 0xff. */
export function prefixEnd(prefix: ByteString): ByteString {
  let end = prefix.length;
  while (end > 0 && prefix.charCodeAt(end - 1) === 0xff) end--;
  return prefix.slice(0, end - 1) + String.fromCharCode(prefix.charCodeAt(end - 1) + 1) as ByteString;
}

/** UTF-8 bytes of a well-formed string. */
export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** The same for text that is short and as a rule ASCII: a call of the encoder costs more than such a text. */
export function encodeShortText(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return encodeText(text);
    bytes[i] = unit;
  }
  return bytes;
}

/** Writes the UTF-8 form of a well-formed string into `bytes` from `at` on, and returns its end. Requires: it fits. */
export function putText(bytes: Uint8Array, at: number, text: string): number {
  return at + encoder.encodeInto(text, at === 0 ? bytes : bytes.subarray(at)).written;
}

/** UTF-8 bytes that one UTF-16 unit can take. */
export const BYTES_PER_UNIT_MAX = 3;

/**
 * The text of UTF-8 bytes. Throws `TypeError` when they are not UTF-8.
 *
 * Why two decoders: the strict one takes three times as long, and only text with a replacement character needs its look.
 */
export function decodeText(bytes: Uint8Array): string {
  const text = looseDecoder.decode(bytes);
  return text.includes(REPLACEMENT) ? strictDecoder.decode(bytes) : text;
}

/** Whether two byte arrays hold the same bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

/** Byte order: negative, zero or positive. A prefix comes first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
