/**
 * Which keys lie in each cell of a keyspace. Sixteen bytes a key, in chains: to walk all keys for those of one cell would
 * cost more than to compare it.
 * @module
 */
import type { ByteString } from "../base/bytes.ts";

/** The keys of one keyspace by cell. */
export class CellKeys {
  /** By cell: its first key's slot, plus 1; 0 where it has none. */
  readonly #heads: Uint32Array;
  /** By slot: the key, and the next slot of its cell plus 1. Those of free slots are chained likewise. */
  readonly #keys: (ByteString | undefined)[] = [];
  #next = new Uint32Array(64);
  #free = 0;
  #count = 0;

  constructor(cellCount: number) {
    this.#heads = new Uint32Array(cellCount);
  }

  /** Keys in all cells. */
  get count(): number {
    return this.#count;
  }

  /** Requires: the key is not in it. */
  add(cell: number, key: ByteString): void {
    const slot = this.#takeSlot();
    this.#keys[slot] = key;
    this.#next[slot] = this.#heads[cell]!;
    this.#heads[cell] = slot + 1;
    this.#count++;
  }

  /** Takes a key out, where it is in. */
  remove(cell: number, key: ByteString): void {
    let before = -1;
    for (let at = this.#heads[cell]!; at !== 0; at = this.#next[at - 1]!) {
      const slot = at - 1;
      if (this.#keys[slot] !== key) {
        before = slot;
        continue;
      }
      if (before < 0) this.#heads[cell] = this.#next[slot]!;
      else this.#next[before] = this.#next[slot]!;
      this.#keys[slot] = undefined;
      this.#next[slot] = this.#free;
      this.#free = slot + 1;
      this.#count--;
      return;
    }
  }

  /** Whether a cell has keys. */
  has(cell: number): boolean {
    return this.#heads[cell] !== 0;
  }

  /** The keys of a cell, sorted. */
  of(cell: number): ByteString[] {
    const keys: ByteString[] = [];
    for (let at = this.#heads[cell]!; at !== 0; at = this.#next[at - 1]!) keys.push(this.#keys[at - 1]!);
    return keys.length > 1 ? keys.sort() : keys;
  }

  /** Takes all keys out. */
  clear(): void {
    this.#heads.fill(0);
    this.#keys.length = 0;
    this.#free = 0;
    this.#count = 0;
  }

  #takeSlot(): number {
    if (this.#free !== 0) {
      const slot = this.#free - 1;
      this.#free = this.#next[slot]!;
      return slot;
    }
    const slot = this.#keys.length;
    if (slot === this.#next.length) {
      const next = new Uint32Array(2 * slot);
      next.set(this.#next);
      this.#next = next;
    }
    return slot;
  }
}
