/** Harm done to the files of a replica that does not run. @module */
import { join } from "@std/path";
import { FILE_HEADER_BYTES } from "../../src/storage/file_header.ts";
import { FrameReader } from "../../src/storage/frame.ts";
import { logName, logNumbers } from "../../src/storage/wal.ts";

/** A log segment and where its frames lie. */
export interface LogFile {
  readonly path: string;
  readonly frames: readonly {
    readonly offset: number;
    readonly length: number;
    readonly writeCount: number;
  }[];
}

/** The segment that was written last. Throws where no segment holds a frame. */
export async function newestLog(directory: string): Promise<LogFile> {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
  for (const segment of logNumbers(names).reverse()) {
    const path = join(directory, logName(segment));
    const reader = new FrameReader(await Deno.readFile(path), segment);
    const frames: LogFile["frames"][number][] = [];
    for (let offset = FILE_HEADER_BYTES;;) {
      const frame = reader.at(offset);
      if (!frame) break;
      frames.push({ offset, length: frame.length, writeCount: frame.writeCount });
      offset += frame.length;
    }
    if (frames.length > 0) return { path, frames };
  }
  throw new Error(`no log in ${directory} holds a frame`);
}

/** Turns one bit of a file over. */
export async function flipBit(path: string, offset: number, bit = 0): Promise<void> {
  const bytes = await Deno.readFile(path);
  if (offset >= bytes.length) throw new RangeError(`${path} has ${bytes.length} bytes, none at ${offset}`);
  bytes[offset]! ^= 1 << bit;
  await Deno.writeFile(path, bytes);
}

/** Copies a directory of plain files to a place where nothing is. */
export async function copyDirectory(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await Deno.copyFile(join(from, name), join(to, name));
}
