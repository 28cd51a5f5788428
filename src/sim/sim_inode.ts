/** The bytes of one imagined file, twice: as the page cache has them, and as they are on the disk. @module */
import type { Random } from "../base/random.ts";

/** What the disk writes as a whole or not at all. */
export const SECTOR_BYTES = 512;

/** How many of 1000 unsynced sectors of a file a power cut keeps: most, half or few. */
const KEPT_PER_MILLE = [900, 500, 500, 100];

/** Syncs after which a sector counts as old. */
const OLD_SYNCS = 3;

/**
 * The sectors that one sync is bringing to the disk, as they were when it was asked for; undefined for those that the cache
 * still has so. Why: nearly all are not written again meanwhile, and need not be copied and compared.
 */
export interface Captured {
  /** Counts syncs: one that ends late must not bring back what a later one has replaced. */
  readonly number: number;
  readonly size: number;
  readonly sectors: Map<number, Uint8Array<ArrayBuffer> | undefined>;
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
  /** What the syncs under way are bringing to the disk. */
  #underWay: Captured[] = [];
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
      const kept = this.#keep(sector);
      const older = this.#dirty.get(sector);
      if (older) older.push(kept ?? sectorOf(this.#cache, sector));
      else this.#dirty.set(sector, []);
    }
    this.#cache.set(bytes, offset);
    this.#size = Math.max(this.#size, end);
  }

  /** What a sync that begins at this moment will bring to the disk. */
  capture(): Captured {
    const sectors = new Map<number, undefined>();
    for (const sector of this.#dirty.keys()) sectors.set(sector, undefined);
    const captured = { number: ++this.#captureCount, size: this.#size, sectors };
    this.#underWay.push(captured);
    return captured;
  }

  /** A sync ended well. */
  settle(captured: Captured): void {
    this.#underWay = this.#underWay.filter((other) => other !== captured);
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
    this.#underWay = this.#underWay.filter((other) => other !== captured);
    for (const [sector, bytes] of captured.sectors) {
      if (this.#isReplaced(sector, captured)) continue;
      if (random.chance(500)) this.#bring(sector, bytes, captured);
      this.#clean(sector, bytes);
    }
  }

  /** The syncs under way never end. */
  forgetSyncs(): void {
    this.#underWay = [];
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
    this.#underWay = [];
    this.#durable = grown(this.#durable, size);
    // What lies beyond the end does not come back when the file grows again.
    this.#durable.fill(0, size);
    this.#durableSize = size;
    this.#cache = this.#durable.slice();
    this.#size = size;
  }

  /** Flips one bit everywhere. */
  flipBit(offset: number, bit: number): void {
    this.#keep(Math.floor(offset / SECTOR_BYTES));
    this.#cache[offset]! ^= 1 << bit;
    if (offset < this.#durable.length) this.#durable[offset]! ^= 1 << bit;
  }

  /** Cuts the file everywhere. */
  truncate(bytes: number): void {
    for (const { sectors } of this.#underWay) for (const sector of sectors.keys()) this.#keep(sector);
    this.#size = Math.min(this.#size, bytes);
    this.#durableSize = Math.min(this.#durableSize, bytes);
    this.#cache.fill(0, this.#size);
    this.#durable.fill(0, this.#durableSize);
  }

  /** Whether the disk has these bytes of the file, or later ones, already. */
  #isReplaced(sector: number, { number }: Captured): boolean {
    return (this.#broughtBy.get(sector) ?? 0) > number;
  }

  #bring(sector: number, bytes: Uint8Array<ArrayBuffer> | undefined, { number }: Captured): void {
    this.#broughtBy.set(sector, number);
    this.#putDurable(sector, bytes ?? sectorIn(this.#cache, sector));
  }

  /** Copies a sector that is about to change for the syncs under way that bring it to the disk as it is. */
  #keep(sector: number): Uint8Array<ArrayBuffer> | undefined {
    let kept: Uint8Array<ArrayBuffer> | undefined;
    for (const { sectors } of this.#underWay) {
      if (!sectors.has(sector) || sectors.get(sector) !== undefined) continue;
      kept ??= sectorOf(this.#cache, sector);
      sectors.set(sector, kept);
    }
    return kept;
  }

  #putDurable(sector: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.#durable = grown(this.#durable, (sector + 1) * SECTOR_BYTES);
    this.#durable.set(bytes, sector * SECTOR_BYTES);
  }

  #clean(sector: number, bytes: Uint8Array<ArrayBuffer> | undefined): void {
    if (bytes === undefined || isSector(this.#cache, sector, bytes)) this.#dirty.delete(sector);
    else this.#dirty.set(sector, []);
  }
}

/** The bytes of a sector, which share the cache's memory. */
function sectorIn(bytes: Uint8Array<ArrayBuffer>, sector: number): Uint8Array<ArrayBuffer> {
  return bytes.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
}

/** A copy of the bytes of a sector. */
function sectorOf(bytes: Uint8Array<ArrayBuffer>, sector: number): Uint8Array<ArrayBuffer> {
  return bytes.slice(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
}

function isSector(bytes: Uint8Array, sector: number, expected: Uint8Array): boolean {
  const begin = sector * SECTOR_BYTES;
  for (let i = 0; i < SECTOR_BYTES; i++) if (bytes[begin + i] !== expected[i]) return false;
  return true;
}

/** Bytes with room for `length`, in whole sectors; zeros where there were none. */
function grown(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  if (length <= bytes.length) return bytes;
  const whole = Math.ceil(length / SECTOR_BYTES) * SECTOR_BYTES;
  const larger = new Uint8Array(Math.max(whole, 2 * bytes.length, 8 * SECTOR_BYTES));
  larger.set(bytes);
  return larger;
}
