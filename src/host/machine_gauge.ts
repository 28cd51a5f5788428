/** What a replica uses of its machine: memory, files, room on the disk. Looked at when somebody asks. @module */
import { statfsSync } from "node:fs";
import { join } from "@std/path";
import type { MachineStatus } from "../protocol/reply.ts";
import { logNumbers } from "../storage/wal.ts";

/** A look is good for this long. Why: it takes system calls, and anybody may ask for the status in a loop. */
const FRESH_MS = 1000;

/** Bytes of a file system, and how many of them this user may still fill. */
export interface DiskRoom {
  readonly bytes: number;
  readonly freeBytes: number;
}

/** The file system that holds `path`; undefined where the system does not tell. */
export function diskRoom(path: string): DiskRoom | undefined {
  try {
    const { bsize, blocks, bavail } = statfsSync(path);
    return { bytes: bsize * blocks, freeBytes: bsize * bavail };
  } catch {
    // No such call on this system, or no such directory any more: a status without it is still one.
    return undefined;
  }
}

/** The gauge of one replica. */
export class MachineGauge {
  readonly #directory: string;
  #status: MachineStatus | undefined;
  #lookedMs = -Infinity;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** What is used now, or was a moment ago. `nowMs` is monotonic. */
  status(nowMs: number): MachineStatus {
    if (this.#status !== undefined && nowMs - this.#lookedMs < FRESH_MS) return this.#status;
    this.#lookedMs = nowMs;
    return this.#status = this.#look();
  }

  #look(): MachineStatus {
    const { rss, heapUsed } = Deno.memoryUsage();
    const names = this.#fileNames();
    const room = diskRoom(this.#directory);
    return {
      memory_bytes: rss,
      heap_bytes: heapUsed,
      data_bytes: names.reduce((sum, name) => sum + sizeOf(join(this.#directory, name)), 0),
      segments: logNumbers(names).length,
      ...(room === undefined ? {} : { disk_bytes: room.bytes, disk_free_bytes: room.freeBytes }),
    };
  }

  #fileNames(): string[] {
    try {
      return [...Deno.readDirSync(this.#directory)].filter(({ isFile }) => isFile).map(({ name }) => name);
    } catch {
      // Somebody took the directory away; the engine will say so when it next needs it.
      return [];
    }
  }
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    // Renamed or removed since the directory was read.
    return 0;
  }
}
