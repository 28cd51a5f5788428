/** A small file system of its own, to be filled to the brim. @module */
import { runCommand } from "./processes.ts";

/** One mounted tmpfs. Requires: root on Linux; see `whyNoMount`. Disposing it unmounts. */
export class SmallDisk implements AsyncDisposable {
  /** Where it is mounted. */
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Mounts a file system of `bytes` bytes. Throws where this machine does not allow that. */
  static async mount(bytes: number): Promise<SmallDisk> {
    const directory = await Deno.makeTempDir({ prefix: "quartet-disk-" });
    const words = ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", directory];
    const { code, stderr } = await runCommand("mount", words);
    if (code === 0) return new SmallDisk(directory);
    await Deno.remove(directory);
    throw new Error(`cannot mount: ${stderr}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Why lazily: a child process holds all our open files from its fork to its exec, and other tests run beside us.
    await runCommand("umount", ["--lazy", this.directory]);
    await Deno.remove(this.directory);
  }
}
