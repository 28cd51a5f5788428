/** The checksum of frames and files: CRC-32 (IEEE 802.3), from zlib because that is a hundred times our own speed. @module */
import { crc32 as zlibCrc32 } from "node:zlib";

/** Checksum of bytes or of a text's UTF-8 form, 0 to 2^32 − 1; `seed` is the checksum of what came before. */
export function crc32(bytes: Uint8Array | string, seed = 0): number {
  return zlibCrc32(bytes, seed);
}
