/**
 * A disk that lives in memory and keeps only the promises that a real one makes: what is not synced may be lost, sector
 * by sector, when power is cut, and names may be lost when the directory was not synced. Knows no clock: the time that
 * a sync takes goes through the `after` that it was made with.
 * @module
 */
import { assert } from "../base/assert.ts";
import type { Random } from "../base/random.ts";
import { type Disk, type DiskFile, DiskFullError } from "../ports.ts";
import { SECTOR_BYTES, SimInode } from "./sim_inode.ts";

/** How a disk is made. */
export interface SimDiskOptions {
  readonly random: Random;
  /** Calls `fn` when `delayMs` of imagined time have passed; in order of time, then of asking. */
  after(delayMs: number, fn: () => void): void;
  /** Called with each use: promises may go on without any time. */
  onUse?(): void;
  /** Called when a sync of a file begins that has something to bring to the disk. */
  onSync?(): void;
}

/** The disk could not do what it was asked for. */
export class SimDiskError extends Error {
  override readonly name = "SimDiskError";
}

/** A disk that takes longer for a sync is a slow one. */
const GOOD_SYNC_MS_MAX = 20;

/** How often a byte is drawn until one is met that is not zero. */
const OLD_BYTE_TRIALS = 20;

/** A change of the directory that no `syncDirectory` has covered. */
type DirectoryChange =
  | { readonly kind: "create"; readonly name: string; readonly inode: SimInode }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string };

/** One directory on an imagined disk. The knobs may be turned at any time. */
export class SimDisk implements Disk {
  readonly #random: Random;
  readonly #after: (delayMs: number, fn: () => void) => void;
  readonly #onUse: () => void;
  readonly #onSync: () => void;
  /** What the running process sees. */
  #names = new Map<string, SimInode>();
  /** What a power cut leaves. Invariant: with all of `#changes` carried out it equals `#names`. */
  #durableNames = new Map<string, SimInode>();
  #changes: DirectoryChange[] = [];
  #isLocked = false;
  /** Handles and waits of an earlier life are dead. */
  #life = 0;

  /** Knob: how long a sync takes. */
  syncMs: { readonly first: number; readonly last: number } = { first: 1, last: 3 };
  /** Knob: bytes that all files together may take. */
  bytesMax = Infinity;
  /** Knob: how many of 1000 writes take only a part of what they were given. */
  shortWritesPerMille = 0;
  /**
   * Knob: bytes that writes may yet take, even in place, before the disk is full, as on a file system that copies on
   * write. Sectors that wait for a sync have their room already.
   */
  writableBytes = Infinity;
  /** Knob: how many of the syncs to come fail. A failed sync leaves its bytes in the cache, and calls them clean (H5). */
  failingSyncs = 0;

  constructor({ random, after, onUse = (): void => {}, onSync = (): void => {} }: SimDiskOptions) {
    this.#random = random;
    this.#after = after;
    this.#onUse = onUse;
    this.#onSync = onSync;
  }

  /**
   * The disk as one process sees it. Once that process is dead, nothing that it still does through this reaches the
   * disk, and nothing answers it. Why: a crash may come between two microtasks of it.
   */
  mount(): Disk {
    const life = this.#life;
    const ifAlive = <T>(fn: () => Promise<T>): Promise<T> => {
      this.#onUse();
      return life === this.#life ? fn() : new Promise<never>(() => {});
    };
    return {
      open: (name) => ifAlive(() => this.open(name)),
      list: () => ifAlive(() => this.list()),
      remove: (name) => ifAlive(() => this.remove(name)),
      rename: (from, to) => ifAlive(() => this.rename(from, to)),
      syncDirectory: () => ifAlive(() => this.syncDirectory()),
      lock: (name) => ifAlive(() => this.lock(name)),
    };
  }

  /** See `Disk`. */
  open(name: string): Promise<DiskFile> {
    let inode = this.#names.get(name);
    if (!inode) {
      inode = new SimInode();
      this.#names.set(name, inode);
      this.#changes.push({ kind: "create", name, inode });
    }
    return this.#alive(new SimFile(inode, this.#portsOf(inode)));
  }

  /** See `Disk`. */
  list(): Promise<string[]> {
    return this.#alive([...this.#names.keys()]);
  }

  /** See `Disk`. */
  remove(name: string): Promise<void> {
    assert(this.#names.has(name), () => `removed ${name}, and there is no such file`);
    this.#change({ kind: "remove", name });
    return this.#alive(undefined);
  }

  /** See `Disk`. */
  rename(from: string, to: string): Promise<void> {
    assert(this.#names.has(from), () => `renamed ${from}, and there is no such file`);
    this.#change({ kind: "rename", from, to });
    return this.#alive(undefined);
  }

  /** See `Disk`. */
  syncDirectory(): Promise<void> {
    const count = this.#changes.length;
    const last = this.#changes[count - 1];
    return new Promise((resolve, reject) => {
      const fails = this.#takeFailure();
      this.#later(() => {
        if (fails) return reject(new SimDiskError("EIO: the directory could not be synced"));
        // Two may be under way: those that the other one settled are gone from the list.
        const end = last === undefined ? 0 : this.#changes.indexOf(last) + 1;
        for (const change of this.#changes.splice(0, end)) carryOut(this.#durableNames, change);
        resolve();
      });
    });
  }

  /** See `Disk`. Held until the process dies. */
  lock(_name: string): Promise<boolean> {
    const isFree = !this.#isLocked;
    this.#isLocked = true;
    return this.#alive(isFree);
  }

  /** The process dies, the machine goes on: the cache survives. What was under way never comes back. */
  kill(): void {
    this.#life++;
    this.#isLocked = false;
    for (const inode of this.#names.values()) inode.forgetSyncs();
  }

  /** The machine dies: of what was not synced any part survives. */
  powerCut(): void {
    this.kill();
    const kept = this.#random.between(0, this.#changes.length);
    for (const change of this.#changes.slice(0, kept)) carryOut(this.#durableNames, change);
    this.#changes = [];
    for (const inode of this.#durableNames.values()) inode.powerCut(this.#random);
    this.#names = new Map(this.#durableNames);
  }

  /** Bit rot: flips one bit, in the cache and on the disk. Requires: the file has such a byte. */
  flipBit(name: string, offset: number, bit: number): void {
    this.#inode(name).flipBit(offset, bit);
  }

  /** Flips one bit of what was synced some syncs ago and not written since; undefined where there is no such byte. */
  flipOldBit(random: Random): { readonly file: string; readonly offset: number } | undefined {
    const places = this.names().flatMap((file) => {
      const sectors = this.#inode(file).oldSectors();
      return sectors.length === 0 ? [] : [{ file, sectors }];
    });
    if (places.length === 0) return undefined;
    const { file, sectors } = random.pick(places);
    const inode = this.#inode(file);
    let offset = 0;
    // Bytes that say something, where some can be met: most of a segment is still zeros.
    for (let trial = 0; trial < OLD_BYTE_TRIALS; trial++) {
      offset = random.pick(sectors) * SECTOR_BYTES + random.below(SECTOR_BYTES);
      if (offset < inode.size && inode.byteAt(offset) !== 0) break;
    }
    if (offset >= inode.size) return undefined;
    inode.flipBit(offset, random.below(8));
    return { file, offset };
  }

  /** Cuts a file, in the cache and on the disk. */
  truncate(name: string, bytes: number): void {
    this.#inode(name).truncate(bytes);
  }

  /** A copy of what a reader of the file would see; empty when there is no such file. */
  peek(name: string): Uint8Array<ArrayBuffer> {
    return this.#names.get(name)?.read() ?? new Uint8Array();
  }

  /** Names of all files, sorted. */
  names(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** Whether it has room, and syncs as a good disk does. */
  get isAtBest(): boolean {
    return this.bytesMax === Infinity && this.writableBytes === Infinity && this.failingSyncs === 0 &&
      this.syncMs.last <= GOOD_SYNC_MS_MAX;
  }

  /** Bytes of all files. */
  usedBytes(): number {
    let bytes = 0;
    for (const inode of this.#names.values()) bytes += inode.size;
    return bytes;
  }

  #inode(name: string): SimInode {
    const inode = this.#names.get(name);
    assert(inode !== undefined, () => `there is no file ${name}`);
    return inode;
  }

  #change(change: DirectoryChange): void {
    carryOut(this.#names, change);
    this.#changes.push(change);
  }

  /** What one open file may do, for as long as the process lives that opened it. */
  #portsOf(inode: SimInode): FilePorts {
    const life = this.#life;
    return {
      isAlive: () => {
        this.#onUse();
        return life === this.#life;
      },
      take: (bytes, offset) => this.#take(inode, bytes, offset),
      sync: () => this.#sync(inode),
    };
  }

  /** How many of `bytes` bytes at `offset` a write takes; they are its own from then on. */
  #take(inode: SimInode, bytes: number, offset: number): number {
    const growth = Math.max(0, offset + bytes - inode.size);
    const excess = growth === 0 ? 0 : Math.max(0, growth - Math.max(0, this.bytesMax - this.usedBytes()));
    const isPaid = inode.isDirty(offset, offset + bytes);
    const room = Math.min(bytes - excess, isPaid ? bytes : this.writableBytes);
    if (room <= 0) throw new DiskFullError("the imagined disk is full");
    const isShort = room > 1 && this.#random.chance(this.shortWritesPerMille);
    const taken = isShort ? this.#random.between(1, room - 1) : room;
    if (!isPaid) this.writableBytes -= taken;
    return taken;
  }

  /** Syncs may pass each other, those of one file too. */
  #sync(inode: SimInode): Promise<void> {
    return new Promise((resolve, reject) => {
      const fails = this.#takeFailure();
      const captured = inode.capture();
      if (captured.sectors.size > 0) this.#onSync();
      this.#later(() => {
        if (fails) {
          inode.forsake(captured, this.#random);
          reject(new SimDiskError("EIO: the file could not be synced"));
        } else {
          inode.settle(captured);
          resolve();
        }
      });
    });
  }

  #takeFailure(): boolean {
    if (this.failingSyncs === 0) return false;
    this.failingSyncs--;
    return true;
  }

  /** Calls back after the time of a sync, if the process still lives then. */
  #later(fn: () => void): void {
    const life = this.#life;
    this.#after(this.#random.between(this.syncMs.first, this.syncMs.last), () => {
      if (life === this.#life) fn();
    });
  }

  #alive<T>(value: T): Promise<T> {
    return Promise.resolve(value);
  }
}

interface FilePorts {
  isAlive(): boolean;
  take(bytes: number, offset: number): number;
  sync(): Promise<void>;
}

/** One open file. In the hands of a dead process it does nothing and answers nothing. */
class SimFile implements DiskFile {
  readonly #inode: SimInode;
  readonly #ports: FilePorts;
  #isClosed = false;

  constructor(inode: SimInode, ports: FilePorts) {
    this.#inode = inode;
    this.#ports = ports;
  }

  size(): Promise<number> {
    return this.#ifAlive(() => Promise.resolve(this.#inode.size));
  }

  read(buffer: Uint8Array, offset: number): Promise<number> {
    return this.#ifAlive(() => Promise.resolve(this.#inode.readInto(buffer, offset)));
  }

  write(bytes: Uint8Array, offset: number): number {
    assert(!this.#isClosed, "wrote to a closed file");
    if (!this.#ports.isAlive()) return bytes.length;
    const count = this.#ports.take(bytes.length, offset);
    this.#inode.write(bytes.subarray(0, count), offset);
    return count;
  }

  sync(): Promise<void> {
    return this.#ifAlive(() => this.#ports.sync());
  }

  close(): void {
    assert(!this.#isClosed, "closed a file twice");
    this.#isClosed = true;
  }

  #ifAlive<T>(fn: () => Promise<T>): Promise<T> {
    assert(!this.#isClosed, "used a closed file");
    return this.#ports.isAlive() ? fn() : new Promise<never>(() => {});
  }
}

function carryOut(names: Map<string, SimInode>, change: DirectoryChange): void {
  switch (change.kind) {
    case "create":
      names.set(change.name, change.inode);
      break;
    case "remove":
      names.delete(change.name);
      break;
    case "rename": {
      const inode = names.get(change.from);
      assert(inode !== undefined, () => `${change.from} is not there to be renamed`);
      names.delete(change.from);
      names.set(change.to, inode);
      break;
    }
  }
}
