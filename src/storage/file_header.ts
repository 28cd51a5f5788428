/** The first eight bytes of every binary file: what it is, and in which format. Wire format: only append. @module */
import { CorruptionError } from "./corruption.ts";

/** Bytes of the header; the first frame follows. */
export const FILE_HEADER_BYTES = 8;

/** The format that this build writes, and the only one that it reads. */
const FORMAT = 1;

/** Four ASCII letters. */
export type Magic = "QLOG" | "QCKP";

/** The header of a file of this kind. */
export function fileHeader(magic: Magic): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FILE_HEADER_BYTES);
  for (let i = 0; i < magic.length; i++) bytes[i] = magic.charCodeAt(i);
  new DataView(bytes.buffer).setUint32(4, FORMAT);
  return bytes;
}

/** Throws `CorruptionError` unless `bytes` begin with the header of this kind of file. */
export function checkFileHeader(file: string, bytes: Uint8Array, magic: Magic): void {
  if (hasMagic(bytes, magic)) return checkFormat(file, bytes);
  const found = bytes.length < FILE_HEADER_BYTES
    ? `${bytes.length} bytes`
    : `bytes ${[...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}`;
  throw new CorruptionError({ file, offset: 0, expected: `a file that begins with ${magic}`, found });
}

function hasMagic(bytes: Uint8Array, magic: Magic): boolean {
  if (bytes.length < FILE_HEADER_BYTES) return false;
  for (let i = 0; i < magic.length; i++) if (bytes[i] !== magic.charCodeAt(i)) return false;
  return true;
}

function checkFormat(file: string, bytes: Uint8Array): void {
  const format = new DataView(bytes.buffer, bytes.byteOffset, FILE_HEADER_BYTES).getUint32(4);
  if (format === FORMAT) return;
  throw new CorruptionError({
    file,
    offset: 4,
    expected: `format ${FORMAT}, the one that this build reads`,
    found: `format ${format}`,
  });
}
