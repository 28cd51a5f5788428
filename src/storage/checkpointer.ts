/**
 * Decides when the store is written out anew, and owns the manifest that says so: one checkpoint at a time, and after
 * one that found no room the next attempt waits. Not when the log rolls, nor what it holds.
 * @module
 */
import { mark } from "../base/mark.ts";
import { type Derivation, type Disk, DiskFullError, type Log } from "../ports.ts";
import { checkpointName, snapshotOf, writeCheckpoint } from "./checkpoint.ts";
import { type Manifest, writeManifest } from "./manifest.ts";
import type { Memtable } from "./memtable.ts";
import { removeIfThere } from "./transfer.ts";
import type { Wal } from "./wal.ts";

/** Ticks between two attempts that found no room. */
const RETRY_TICKS = 50;

/** What a checkpointer works on. */
export interface CheckpointerOptions {
  readonly disk: Disk;
  readonly log: Log;
  readonly memtable: Memtable;
  readonly derive: Derivation | undefined;
  readonly wal: Wal;
  /** The manifest on the disk, and the size of its checkpoint. */
  readonly manifest: Manifest;
  readonly checkpointBytes: number;
  /** Sequence of the last frame that is in the memtable. */
  applied(): number;
  /** Bytes of frames written since the start. */
  loggedBytes(): number;
  /** The disk broke its promise. */
  halt(cause: unknown): void;
}

/** The checkpoints of one running store. */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #manifest: Manifest;
  #nextCheckpoint: number;
  #checkpointBytes: number;
  /** What had been logged when the last checkpoint was begun. */
  #loggedBytes = 0;
  #count = 0;
  #running: Promise<void> | undefined;
  #isDue = false;
  #isStopped = false;
  #tickCount = 0;
  #retryTick = 0;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#manifest = options.manifest;
    this.#nextCheckpoint = options.manifest.checkpoint + 1;
    this.#checkpointBytes = options.checkpointBytes;
  }

  /** Checkpoints completed. */
  get count(): number {
    return this.#count;
  }

  /** Whether the manifest names a segment for frames to be written to. */
  get isLogStarted(): boolean {
    return this.#manifest.started;
  }

  /** Lets the manifest name the first segment; it must be there. Throws `DiskFullError`. */
  async startLog(segment: number, sequence: number): Promise<void> {
    await this.#switch({ ...this.#manifest, segment, sequence, started: true });
  }

  /** A segment is full: begins a checkpoint, unless the log is still short beside it. */
  onRoll(): void {
    // Why half: a store much larger than a segment would otherwise spend most of its writing on checkpoints.
    const logged = this.#options.loggedBytes() - this.#loggedBytes;
    if (2 * logged >= this.#checkpointBytes) this.#start();
    else mark("checkpointer: none while the log is short beside the store");
  }

  /** The passing of time. `isShort`: room is wanted, so what a checkpoint can free should be freed. */
  tick(isShort: boolean): void {
    this.#tickCount++;
    if (isShort && this.#options.wal.oldCount > 0) {
      mark("checkpointer: one is due to make room");
      this.#isDue = true;
    }
    this.#startIfDue();
  }

  /** Gives up a checkpoint under way, and lets none begin. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Resolves when no checkpoint is under way. Requires: stopped. */
  async ended(): Promise<void> {
    await this.#running;
  }

  #startIfDue(): void {
    if (this.#isDue && this.#tickCount >= this.#retryTick) this.#start();
  }

  #start(): void {
    if (this.#isStopped) return;
    this.#isDue = true;
    if (this.#running) return mark("checkpointer: one is due while another is written");
    if (!this.#options.wal.position) return;
    this.#isDue = false;
    this.#running = this.#write().catch((cause) => {
      mark("checkpointer: stopped by its disk");
      this.#isStopped = true;
      this.#options.halt(cause);
    }).then(() => {
      this.#running = undefined;
      this.#startIfDue();
    });
  }

  /** Writes what the memtable holds now, switches to it, and lets go of what it replaces. */
  async #write(): Promise<void> {
    const { disk, wal, memtable, derive } = this.#options;
    const position = wal.position!;
    const checkpoint = this.#nextCheckpoint++;
    const replaced = this.#manifest.checkpoint;
    const loggedBytes = this.#options.loggedBytes();
    const manifest = {
      checkpoint,
      segment: position.segment,
      sequence: position.firstSequence,
      applied: this.#options.applied(),
      started: true,
    };
    const snapshot = snapshotOf(memtable, derive, manifest.applied);
    try {
      const bytes = await writeCheckpoint(disk, { checkpoint, snapshot, isStopped: () => this.#isStopped });
      if (bytes === undefined || this.#isStopped) {
        await removeIfThere(disk, checkpointName(checkpoint));
        return;
      }
      await this.#switch(manifest);
      this.#checkpointBytes = bytes;
    } catch (error) {
      if (!(error instanceof DiskFullError)) throw error;
      await removeIfThere(disk, checkpointName(checkpoint));
      await this.#onNoRoom();
      return;
    }
    this.#loggedBytes = loggedBytes;
    this.#count++;
    await disk.remove(checkpointName(replaced));
    await wal.release(position.segment);
  }

  async #onNoRoom(): Promise<void> {
    const { log, memtable, wal } = this.#options;
    this.#isDue = true;
    // What the spare gives back may be enough: then the next attempt need not wait.
    if (await wal.dropSpare()) return mark("checkpointer: spare given up to make room");
    mark("checkpointer: no room for a checkpoint");
    this.#retryTick = this.#tickCount + RETRY_TICKS;
    log.write("warn", "no room for a checkpoint: the log is kept, and grows, until there is", {
      bytes: memtable.bytes,
      segments: wal.oldCount + 1,
    });
  }

  async #switch(manifest: Manifest): Promise<void> {
    await writeManifest(this.#options.disk, manifest);
    this.#manifest = manifest;
  }
}
