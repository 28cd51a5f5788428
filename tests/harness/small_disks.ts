/** Small disks for the replicas of a test's cluster. @module */
import { join } from "@std/path";
import type { LocalCluster } from "./processes.ts";
import { SmallDisk } from "./small_disk.ts";

/** One small disk for each replica. Requires: as `SmallDisk`. Disposing it unmounts all. */
export class SmallDisks implements AsyncDisposable {
  readonly #disks: SmallDisk[] = [];

  /** Mounts `count` disks of `bytes` bytes each. */
  static async mount(count: number, bytes: number): Promise<SmallDisks> {
    const disks = new SmallDisks();
    try {
      for (let i = 0; i < count; i++) disks.#disks.push(await SmallDisk.mount(bytes));
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
      const data = join(this.#disks[index]!.directory, "data");
      await Deno.mkdir(data, { mode: 0o700 });
      await Deno.symlink(data, cluster.dataDirectory(id));
    }
  }

  /** Puts a file of this size on each disk, beside the data. */
  async load(name: string, bytes: number): Promise<void> {
    for (const { directory } of this.#disks) {
      await Deno.writeFile(join(directory, name), new Uint8Array(bytes));
    }
  }

  /** Takes that file away again. */
  async unload(name: string): Promise<void> {
    for (const { directory } of this.#disks) await Deno.remove(join(directory, name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const disk of this.#disks) await disk[Symbol.asyncDispose]();
  }
}
