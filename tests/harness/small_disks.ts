/** Small file systems of their own for the replicas of a test's cluster, to be filled to the brim. @module */
import { join } from "@std/path";
import { type LocalCluster, runCommand } from "./processes.ts";

/** One mounted tmpfs for each replica. Requires: root; see `whyNoMount`. Disposing it unmounts. */
export class SmallDisks implements AsyncDisposable {
  readonly #mounts: string[] = [];

  /** Mounts `count` file systems of `bytes` bytes each. */
  static async mount(count: number, bytes: number): Promise<SmallDisks> {
    const disks = new SmallDisks();
    try {
      for (let i = 0; i < count; i++) {
        const directory = await Deno.makeTempDir({ prefix: "quartet-disk-" });
        const { code, stderr } = await runCommand("mount", [
          "-t",
          "tmpfs",
          "-o",
          `size=${bytes}`,
          "tmpfs",
          directory,
        ]);
        if (code !== 0) throw new Error(`cannot mount: ${stderr}`);
        disks.#mounts.push(directory);
      }
      return disks;
    } catch (error) {
      await disks[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Makes the data directories of a cluster that was not started lie on these disks, one on each. */
  async carry(cluster: LocalCluster): Promise<void> {
    await Deno.mkdir(join(cluster.directory, "data"));
    for (const [index, id] of cluster.ids.entries()) {
      const data = join(this.#mounts[index]!, "data");
      await Deno.mkdir(data, { mode: 0o700 });
      await Deno.symlink(data, cluster.dataDirectory(id));
    }
  }

  /** Puts a file of this size on each disk, beside the data. */
  async load(name: string, bytes: number): Promise<void> {
    for (const mount of this.#mounts) await Deno.writeFile(join(mount, name), new Uint8Array(bytes));
  }

  /** Takes that file away again. */
  async unload(name: string): Promise<void> {
    for (const mount of this.#mounts) await Deno.remove(join(mount, name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const mount of this.#mounts) {
      // A process that a failed test left behind must not keep it for ever.
      if ((await runCommand("umount", [mount])).code !== 0) await runCommand("umount", ["-l", mount]);
      await Deno.remove(mount);
    }
  }
}
