/** The bytes of one imagined file, twice: as the page cache has them, and as they are on the disk. @module */
import type { Random } from "../base/random.ts";

/** What the disk writes as a whole or not at all. */
export const SECTOR_BYTES = 512;

/** Sectors that are copied into one array. */
const SLAB_SECTORS = 64;

/** How many of 1000 unsynced sectors of a file a power cut keeps: most, half or few. */
const KEPT_PER_MILLE = [900, 500, 500, 100];

/** Syncs after which a sector counts as old. */
const OLD_SYNCS = 3;

/** The sectors that one sync is bringing to the disk, as they were when it was asked for. */
export interface Captured {
  /** Counts syncs: one that ends late must not bring back what a later one has replaced. */
  readonly number: number;
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
  #captureCount = 0;
  /** The number of the sync whose bytes the disk has, for each sector. */
  readonly #broughtBy = new Map<number, number>();
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
    return { number: ++this.#captureCount, size: this.#size, sectors };
  }

  /** A sync ended well. */
  settle(captured: Captured): void {
    this.#durableSize = Math.max(this.#durableSize, captured.size);
    this.#settledCount++;
    for (const [sector, bytes] of captured.sectors) {
      this.#settledAt.set(sector, this.#settledCount);
      if (this.#isReplaced(sector, captured)) continue;
      this.#bring(sector, bytes, captured);
      this.#clean(sector, bytes);
    }
  }

  /** A sync failed: any part of it reached the disk, and the cache takes its own bytes for clean all the same. */
  forsake(captured: Captured, random: Random): void {
    for (const [sector, bytes] of captured.sectors) {
      if (this.#isReplaced(sector, captured)) continue;
      if (random.chance(500)) this.#bring(sector, bytes, captured);
      this.#clean(sector, bytes);
    }
  }

  /** Each unsynced sector survives as it was at some moment since the last sync; so does the size. */
  powerCut(random: Random): void {
    let size = this.#durableSize;
    if (this.#size > size) {
      const whole = Math.floor((this.#size - size) / SECTOR_BYTES);
      size = random.pick([size, this.#size, size + random.between(0, whole) * SECTOR_BYTES]);
    }
    // Why drawn: of many sectors with even chances nearly never all are kept but one, or all are lost but one.
    const keptPerMille = random.pick(KEPT_PER_MILLE);
    for (const [sector, older] of this.#dirty) {
      if (!random.chance(keptPerMille)) continue;
      this.#putDurable(sector, older[random.below(older.length + 1)] ?? sectorOf(this.#cache, sector));
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

  /** Whether the disk has these bytes of the file, or later ones, already. */
  #isReplaced(sector: number, { number }: Captured): boolean {
    return (this.#broughtBy.get(sector) ?? 0) > number;
  }

  #bring(sector: number, bytes: Uint8Array<ArrayBuffer>, { number }: Captured): void {
    this.#broughtBy.set(sector, number);
    this.#putDurable(sector, bytes);
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
