/**
 * Small files that are replaced as a whole: one JSON object under a line with kind, format and checksum.
 * After a crash either the old content stands or the new one. Wire format: only append.
 * @module
 */
import { decodeText, encodeText } from "../base/bytes.ts";
import { crc32 } from "../base/crc32.ts";
import { fail, ok, type Result } from "../base/failure.ts";
import { mark } from "../base/mark.ts";
import type { Disk } from "../ports.ts";
import type { Damage } from "./corruption.ts";
import { readAll, removeIfThere, writeAll } from "./transfer.ts";

const FORMAT = 1;
/** What a sealed file never exceeds; more is damage, and is not read. */
const BYTES_MAX = 64 * 1024;

/** The text of a sealed file. */
export function seal(kind: string, content: Readonly<Record<string, unknown>>): string {
  const json = JSON.stringify(content);
  return `quartet ${kind} ${FORMAT} ${crc32(encodeText(json)).toString(16).padStart(8, "0")}\n${json}\n`;
}

/** The object in the text of a sealed file of this kind; `file` is named in the damage. */
export function unseal(
  file: string,
  kind: string,
  bytes: Uint8Array,
): Result<Readonly<Record<string, unknown>>, Damage> {
  const text = String.fromCharCode(...bytes.subarray(0, BYTES_MAX));
  const [first = "", json = ""] = text.split("\n");
  // Why: over the raw bytes, because text that is not UTF-8 any more must fail here and not in the decoder.
  const body = bytes.subarray(first.length + 1, first.length + 1 + json.length);
  const checksum = crc32(body).toString(16).padStart(8, "0");
  const expected = `quartet ${kind} ${FORMAT} ${checksum}`;
  if (first !== expected || first.length + json.length + 2 !== bytes.length || !text.endsWith("\n")) {
    const found = first === expected ? `${bytes.length} bytes in all` : show(first);
    return fail({
      file,
      offset: 0,
      expected: `the line ${show(expected)}, one line of JSON and no more`,
      found,
    });
  }
  const content = parseJson(body);
  if (typeof content !== "object" || content === null) {
    return fail({ file, offset: first.length + 1, expected: "a JSON object", found: show(json) });
  }
  return ok(content as Readonly<Record<string, unknown>>);
}

/** Reads a sealed file. Requires: it exists. */
export async function readSealed(
  disk: Disk,
  file: string,
  kind: string,
): Promise<Result<Readonly<Record<string, unknown>>, Damage>> {
  const handle = await disk.open(file);
  try {
    return unseal(file, kind, await readAll(handle, BYTES_MAX + 1));
  } finally {
    handle.close();
  }
}

/** Replaces a sealed file; durable when this returns. `DiskFullError` leaves the old one in place. */
export async function writeSealed(
  disk: Disk,
  file: string,
  kind: string,
  content: Readonly<Record<string, unknown>>,
): Promise<void> {
  const temporary = `${file}.tmp`;
  // Why: a longer one may be left from a crash.
  if (await removeIfThere(disk, temporary)) mark("sealed file: half-made one removed");
  const handle = await disk.open(temporary);
  try {
    writeAll(handle, encodeText(seal(kind, content)), 0);
    await handle.sync();
  } finally {
    handle.close();
  }
  await disk.rename(temporary, file);
  await disk.syncDirectory();
}

/** Undefined where it is no JSON: a checksum says that the bytes are those written, and not who wrote them. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeText(bytes));
  } catch {
    // No JSON, or no UTF-8: `JSON.parse` and the decoder have no other way to fail.
    return undefined;
  }
}

function show(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
