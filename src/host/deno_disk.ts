/** The disk port over one directory of the real machine, readable by its owner alone. @module */
import { dirname, join } from "@std/path";
import { assert } from "../base/assert.ts";
import { type Disk, type DiskFile, DiskFullError } from "../ports.ts";

const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** One data directory. */
export class DenoDisk implements Disk {
  readonly directory: string;
  /** Why: the lock lives as long as its handle; a handle that is collected would free it. */
  #lockFile: Deno.FsFile | undefined;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Opens the directory, creating it where there is none. */
  static async open(directory: string): Promise<DenoDisk> {
    const disk = new DenoDisk(directory);
    if (!(await exists(directory))) {
      await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
      await syncDirectory(dirname(directory));
    }
    return disk;
  }

  async open(name: string): Promise<DiskFile> {
    return new DenoDiskFile(
      await asDiskFull(() =>
        Deno.open(this.#path(name), { read: true, write: true, create: true, mode: 0o600 })
      ),
    );
  }

  async list(): Promise<string[]> {
    const names: string[] = [];
    for await (const entry of Deno.readDir(this.directory)) {
      if (entry.isFile) names.push(entry.name);
    }
    return names;
  }

  async remove(name: string): Promise<void> {
    await Deno.remove(this.#path(name));
  }

  async rename(from: string, to: string): Promise<void> {
    await asDiskFull(() => Deno.rename(this.#path(from), this.#path(to)));
  }

  async syncDirectory(): Promise<void> {
    await syncDirectory(this.directory);
  }

  async lock(name: string): Promise<boolean> {
    if (this.#lockFile !== undefined) return true;
    const file = await Deno.open(this.#path(name), { read: true, write: true, create: true, mode: 0o600 });
    // deno-lint-ignore no-boolean-literal-for-arguments
    if (await file.tryLock(true)) {
      this.#lockFile = file;
      return true;
    }
    file.close();
    return false;
  }

  /** Frees the lock. */
  close(): void {
    this.#lockFile?.close();
    this.#lockFile = undefined;
  }

  #path(name: string): string {
    assert(FILE_NAME.test(name), () => `"${name}" is no plain file name`);
    return join(this.directory, name);
  }
}

/** One open file. All reading and writing is synchronous, so that seek and transfer are never apart. */
class DenoDiskFile implements DiskFile {
  readonly #file: Deno.FsFile;
  /** Where the operating system's file pointer stands; saves one system call for each write that follows another. */
  #position = 0;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  async size(): Promise<number> {
    return (await this.#file.stat()).size;
  }

  read(buffer: Uint8Array, offset: number): Promise<number> {
    try {
      this.#seek(offset);
      const count = this.#file.readSync(buffer) ?? 0;
      this.#position += count;
      return Promise.resolve(count);
    } catch (cause) {
      return Promise.reject(cause);
    }
  }

  write(bytes: Uint8Array, offset: number): number {
    this.#seek(offset);
    try {
      const count = this.#file.writeSync(bytes);
      this.#position += count;
      return count;
    } catch (cause) {
      throw diskFullOf(cause) ?? cause;
    }
  }

  async sync(): Promise<void> {
    await this.#file.syncData();
  }

  close(): void {
    this.#file.close();
  }

  #seek(offset: number): void {
    if (offset === this.#position) return;
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    this.#position = offset;
  }
}

async function asDiskFull<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw diskFullOf(cause) ?? cause;
  }
}

/** No room on the device, or none left of the owner's quota. */
function diskFullOf(cause: unknown): DiskFullError | undefined {
  const code = (cause as { code?: unknown } | null)?.code;
  if (code !== "ENOSPC" && code !== "EDQUOT") return undefined;
  return new DiskFullError(`the disk is full (${code}); make room`, { cause });
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw cause;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  // Why: Windows has no handle for a directory that could be synced.
  if (Deno.build.os === "windows") return;
  const handle = await Deno.open(directory === "" ? "." : directory, { read: true });
  try {
    await handle.sync();
  } finally {
    handle.close();
  }
}
