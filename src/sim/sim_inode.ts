/** The bytes of one imagined file, twice: as the page cache has them, and as they are on the disk. @module */
import type { Random } from "../base/random.ts";

/** What the disk writes as a whole or not at all. */
export const SECTOR_BYTES = 512;

/** Sectors that are copied into one array. */
const SLAB_SECTORS = 64;

/** Syncs after which a sector counts as old. */
const OLD_SYNCS = 3;

/** The sectors that one sync is bringing to the disk, as they were when it was asked for. */
export interface Captured {
  readonly size: number;
  readonly sectors: ReadonlyMap<number, Uint8Array<ArrayBuffer>>;
}

/** One file without a name. */
export class SimInode {
  #cache: Uint8Array<ArrayBuffer> = new Uint8Array();
  #size = 0;
  #durable: Uint8Array<ArrayBuffer> = new Uint8Array();
  #durableSize = 0;
  /** Sectors that the disk may hold otherwise, with what they held since the last sync, before their last write. */
  readonly #dirty = new Map<number, Uint8Array<ArrayBuffer>[]>();
  #syncs: (() => void)[] = [];
  #settledCount = 0;
  /** The number of the sync that last brought each sector to the disk. */
  readonly #settledAt = new Map<number, number>();

  /** Bytes in the cached file. */
  get size(): number {
    return this.#size;
  }

  /** A copy of the cached bytes. */
  read(): Uint8Array<ArrayBuffer> {
    return this.#cache.slice(0, this.#size);
  }

  /** Copies cached bytes; returns how many there were. */
  readInto(buffer: Uint8Array, offset: number): number {
    const count = Math.max(0, Math.min(buffer.length, this.#size - offset));
    buffer.set(this.#cache.subarray(offset, offset + count));
    return count;
  }

  /** Whether every sector of [begin, end) waits for a sync. */
  isDirty(begin: number, end: number): boolean {
    for (let sector = Math.floor(begin / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector++) {
      if (!this.#dirty.has(sector)) return false;
    }
    return true;
  }

  /** One cached byte. */
  byteAt(offset: number): number {
    return this.#cache[offset]!;
  }

  /**
   * Sectors that were synced some syncs ago and not written since. Why some: a log knows of a sync only from what was
   * written after it, so damage to the last frames passes for a torn tail. A file that was synced once is whole.
   */
  oldSectors(): number[] {
    const settled = [...this.#settledAt].filter(([sector]) => !this.#dirty.has(sector));
    if (this.#settledCount === 1) return settled.map(([sector]) => sector);
    return settled.filter(([, at]) => at <= this.#settledCount - OLD_SYNCS).map(([sector]) => sector);
  }

  /** Writes to the cache. */
  write(bytes: Uint8Array, offset: number): void {
    const end = offset + bytes.length;
    this.#cache = grown(this.#cache, end);
    for (let sector = Math.floor(offset / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector++) {
      const older = this.#dirty.get(sector);
      if (older) older.push(sectorOf(this.#cache, sector));
      else this.#dirty.set(sector, []);
    }
    this.#cache.set(bytes, offset);
    this.#size = Math.max(this.#size, end);
  }

  /** What a sync that begins at this moment will bring to the disk. */
  capture(): Captured {
    const sectors = new Map<number, Uint8Array<ArrayBuffer>>();
    for (const sector of this.#dirty.keys()) sectors.set(sector, sectorOf(this.#cache, sector));
    return { size: this.#size, sectors };
  }

  /** A sync ended well. */
  settle({ size, sectors }: Captured): void {
    this.#durableSize = Math.max(this.#durableSize, size);
    this.#settledCount++;
    for (const [sector, bytes] of sectors) {
      this.#settledAt.set(sector, this.#settledCount);
      this.#putDurable(sector, bytes);
      this.#clean(sector, bytes);
    }
  }

  /** A sync failed: the disk keeps what it has, and the cache takes its own bytes for clean. */
  forsake({ sectors }: Captured): void {
    for (const [sector, bytes] of sectors) this.#clean(sector, bytes);
  }

  /** Queues what ends a sync; true when no other is under way. */
  enqueue(end: () => void): boolean {
    return this.#syncs.push(end) === 1;
  }

  /** Ends the first sync; true when another one waits. */
  finishFirst(): boolean {
    this.#syncs.shift()!();
    return this.#syncs.length > 0;
  }

  /** Nobody waits for the syncs any more. */
  forgetSyncs(): void {
    this.#syncs = [];
  }

  /** Each unsynced sector survives as it was at some moment since the last sync; so does the size. */
  powerCut(random: Random): void {
    let size = this.#durableSize;
    if (this.#size > size) {
      const whole = Math.floor((this.#size - size) / SECTOR_BYTES);
      size = random.pick([size, this.#size, size + random.between(0, whole) * SECTOR_BYTES]);
    }
    for (const [sector, older] of this.#dirty) {
      const choice = random.below(older.length + 2);
      if (choice === 0) continue;
      this.#putDurable(sector, older[choice - 1] ?? sectorOf(this.#cache, sector));
    }
    this.#dirty.clear();
    this.#durable = grown(this.#durable, size);
    // What lies beyond the end does not come back when the file grows again.
    this.#durable.fill(0, size);
    this.#durableSize = size;
    this.#cache = this.#durable.slice();
    this.#size = size;
  }

  /** Flips one bit everywhere. */
  flipBit(offset: number, bit: number): void {
    this.#cache[offset]! ^= 1 << bit;
    if (offset < this.#durable.length) this.#durable[offset]! ^= 1 << bit;
  }

  /** Cuts the file everywhere. */
  truncate(bytes: number): void {
    this.#size = Math.min(this.#size, bytes);
    this.#durableSize = Math.min(this.#durableSize, bytes);
    this.#cache.fill(0, this.#size);
    this.#durable.fill(0, this.#durableSize);
  }

  #putDurable(sector: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.#durable = grown(this.#durable, (sector + 1) * SECTOR_BYTES);
    this.#durable.set(bytes, sector * SECTOR_BYTES);
  }

  #clean(sector: number, bytes: Uint8Array<ArrayBuffer>): void {
    if (isSector(this.#cache, sector, bytes)) this.#dirty.delete(sector);
    else this.#dirty.set(sector, []);
  }
}

/** Copies of sectors that are still free. Why in one piece: to make an array is dearer than to copy a sector. */
let slab = new Uint8Array();

function sectorOf(bytes: Uint8Array<ArrayBuffer>, sector: number): Uint8Array<ArrayBuffer> {
  if (slab.length === 0) slab = new Uint8Array(SLAB_SECTORS * SECTOR_BYTES);
  const copy = slab.subarray(0, SECTOR_BYTES);
  slab = slab.subarray(SECTOR_BYTES);
  copy.set(bytes.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES));
  return copy;
}

/** Whether a sector holds these bytes; what lies beyond the end is zero. */
function isSector(bytes: Uint8Array, sector: number, expected: Uint8Array): boolean {
  const begin = sector * SECTOR_BYTES;
  if (bytes.length < begin + SECTOR_BYTES) {
    for (let i = 0; i < SECTOR_BYTES; i++) if ((bytes[begin + i] ?? 0) !== expected[i]) return false;
    return true;
  }
  for (let i = 0; i < SECTOR_BYTES; i++) if (bytes[begin + i] !== expected[i]) return false;
  return true;
}

function grown(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  if (length <= bytes.length) return bytes;
  const larger = new Uint8Array(Math.max(length, 2 * bytes.length, 8 * SECTOR_BYTES));
  larger.set(bytes);
  return larger;
}
