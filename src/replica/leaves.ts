/**
 * The leaves of the Merkle trees of one replica: for each cell of each keyspace the XOR of the digests of all records in it.
 *
 * Kept as the store's `Derivation`: a leaf changes in the step in which a record does, is in every checkpoint beside the
 * records, and replay of the log brings it to where it was. So a start has nothing to build, but for a directory that was
 * last written without leaves, or of which a keyspace now has other cells.
 *
 * Beside the leaves it knows which keys lie in a cell, and which have tombstones; that is in no file, since a start sees all
 * keys anyway.
 *
 * Disk format: never change `digest` without another `HASH_VERSION`.
 * @module
 */
import { crc32 } from "../base/crc32.ts";
import { type ByteString, decodeText, encodeText } from "../base/bytes.ts";
import { mark } from "../base/mark.ts";
import type { Derivation, Log, StoreWrite } from "../ports.ts";
import { CellKeys } from "./cell_keys.ts";
import type { ClusterConfig } from "./cluster_config.ts";
import { keyspacesOf } from "./keyspace.ts";
import type { Stamp } from "../versions/stamp.ts";
import { oldestTombstone } from "../versions/tombstones.ts";
import { dataRange, keyOfDataKey, LEAF_STATE_KEY, leafKey, partsOfLeafKey } from "./store_keys.ts";

/** Which function `digest` is. */
const HASH_VERSION = 1;

/** Leaves in one entry of a checkpoint: few entries, and of few keys few bytes. */
const LEAVES_PER_ENTRY = 256;

/** Of a record, bytes that go into the upper half of its digest: flags, stamp and origin. The checksum covers all of it. */
const HEAD_BYTES = 32;

/** Which cells a keyspace has; `Keyspace` is one. */
export interface CellSpace {
  readonly name: string;
  readonly cellCount: number;
  cellOf(key: ByteString): number;
}

/** A digest of 64 bits, in two unsigned halves. */
export interface Digest {
  readonly high: number;
  readonly low: number;
}

/** The two halves of the last digest made. Why not an object: this runs for every write. */
let high = 0;
let low = 0;

/** The digest of one record under its key: what a leaf is the XOR of. */
export function digestOf(key: ByteString, record: Uint8Array): Digest {
  digest(key, record);
  return { high: high >>> 0, low: low >>> 0 };
}

/**
 * Two halves of 32 bits, one of key and head, the other of key and checksum, then mixed into each other.
 *
 * Why not the checksum alone: it is linear, and two changes that cancel each other in it would cancel in the XOR too.
 */
function digest(key: ByteString, record: Uint8Array): void {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (let i = 0; i < key.length; i++) {
    const byte = key.charCodeAt(i);
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b + byte, 0x85ebca6b) ^ a >>> 15;
  }
  const end = Math.min(record.length, HEAD_BYTES);
  for (let i = 0; i < end; i++) a = Math.imul(a ^ record[i]!, 0x01000193) ^ a >>> 13;
  b ^= crc32(record);
  // Each line is one to one, so that no pair of halves is lost.
  b ^= mix(a);
  a ^= mix(b);
  b ^= mix(a);
  a ^= mix(b);
  high = a;
  low = b;
}

/** The finaliser of MurmurHash3 for 32 bits. */
function mix(half: number): number {
  half = Math.imul(half ^ half >>> 16, 0x85ebca6b);
  half = Math.imul(half ^ half >>> 13, 0xc2b2ae35);
  return half ^ half >>> 16;
}

/** The leaves of one keyspace. */
export class KeyspaceLeaves {
  readonly space: CellSpace;
  /** Halves of the leaves, by cell. Invariant: the XOR of the digests of the keys in it, and 0 where there is none. */
  readonly high: Uint32Array;
  readonly low: Uint32Array;
  /** Rises with every change. */
  changeCount = 0;
  readonly keys: CellKeys;
  /** Keys whose record holds a tombstone, and the stamp of the oldest in it. */
  readonly tombstones = new Map<ByteString, Stamp>();
  /** How store keys of this keyspace begin. */
  readonly prefix: ByteString;

  constructor(space: CellSpace) {
    this.space = space;
    this.high = new Uint32Array(space.cellCount);
    this.low = new Uint32Array(space.cellCount);
    this.keys = new CellKeys(space.cellCount);
    this.prefix = dataRange(space.name).begin;
  }

  /** A record of this keyspace changed. */
  change(storeKey: ByteString, old: Uint8Array | undefined, held: Uint8Array | undefined): void {
    const key = storeKey.slice(this.prefix.length) as ByteString;
    const cell = this.space.cellOf(key);
    if (old !== undefined) this.#toggle(cell, key, old);
    if (held !== undefined) this.#toggle(cell, key, held);
    if (old === undefined) this.keys.add(cell, key);
    if (held === undefined) this.keys.remove(cell, key);
    this.#noteTombstone(key, held);
  }

  /** A record of this keyspace was loaded; its leaf is known already. */
  load(key: ByteString, record: Uint8Array): void {
    this.keys.add(this.space.cellOf(key), key);
    this.#noteTombstone(key, record);
  }

  /** Begins again from nothing. */
  clear(): void {
    this.high.fill(0);
    this.low.fill(0);
    this.changeCount++;
    this.keys.clear();
    this.tombstones.clear();
  }

  #noteTombstone(key: ByteString, held: Uint8Array | undefined): void {
    const stamp = held && oldestTombstone(held);
    if (stamp !== undefined) this.tombstones.set(key, stamp);
    else if (this.tombstones.size > 0) this.tombstones.delete(key);
  }

  #toggle(cell: number, key: ByteString, record: Uint8Array): void {
    digest(key, record);
    this.high[cell]! ^= high;
    this.low[cell]! ^= low;
    this.changeCount++;
  }
}

/** Those of all keyspaces of a configuration. */
export function leavesOf(config: ClusterConfig, log: Log): Leaves {
  return new Leaves(keyspacesOf(config).values(), log);
}

/** All leaves of one replica. */
export class Leaves implements Derivation {
  readonly #keyspaces: ReadonlyMap<string, KeyspaceLeaves>;
  readonly #list: readonly KeyspaceLeaves[];
  readonly #log: Log;
  /** What the checkpoint said of the leaves in it. */
  #state: LeafState | undefined;

  constructor(spaces: Iterable<CellSpace>, log: Log) {
    this.#list = Array.from(spaces, (space) => new KeyspaceLeaves(space));
    this.#keyspaces = new Map(this.#list.map((leaves) => [leaves.space.name, leaves]));
    this.#log = log;
  }

  /** Those of one keyspace. Requires: it is configured. */
  of(keyspace: string): KeyspaceLeaves {
    return this.#keyspaces.get(keyspace)!;
  }

  /** See `Derivation`. */
  isOwn(key: ByteString): boolean {
    return key[0] === LEAF_STATE_KEY;
  }

  /** See `Derivation`. */
  onLoaded(key: ByteString, value: Uint8Array): boolean {
    if (key === LEAF_STATE_KEY) {
      this.#state = parseState(value);
      return true;
    }
    if (key[0] === "t") {
      this.#load(key, value);
      return true;
    }
    const leaves = this.#leavesOf(key);
    leaves?.load(keyOfDataKey(key), value);
    return false;
  }

  /** See `Derivation`. */
  onChanged(key: ByteString, old: Uint8Array | undefined, held: Uint8Array | undefined): void {
    this.#leavesOf(key)?.change(key, old, held);
  }

  /** Reckons anew what the checkpoint could not give: leaves of another time, of other cells, or none at all. */
  onRecovered(applied: number | undefined, entries: () => Iterable<StoreWrite>): void {
    const state = this.#state;
    const isOfThisStore = state?.hash === HASH_VERSION && state.applied === applied;
    const wrong = this.#list.filter(({ space }) =>
      !isOfThisStore || state?.cells[space.name] !== space.cellCount
    );
    if (wrong.length === 0) return;
    for (const leaves of wrong) leaves.clear();
    let count = 0;
    for (const { key, value } of entries()) {
      const leaves = this.#leavesOf(key);
      if (leaves === undefined || !wrong.includes(leaves)) continue;
      leaves.change(key, undefined, value);
      count++;
    }
    // A keyspace that is new to the directory has nothing to be reckoned.
    if (count === 0) return;
    mark("leaves: reckoned anew at a start");
    this.#log.write("info", "the Merkle leaves were missing or of other cells, and were reckoned anew", {
      keyspaces: wrong.map(({ space }) => space.name).join(","),
      keys: count,
    });
  }

  /** See `Derivation`. */
  entries(applied: number): readonly StoreWrite[] {
    const cells = Object.fromEntries(this.#list.map(({ space }) => [space.name, space.cellCount]));
    const state: LeafState = { hash: HASH_VERSION, applied, cells };
    const writes: StoreWrite[] = [{ key: LEAF_STATE_KEY, value: encodeText(JSON.stringify(state)) }];
    for (const leaves of this.#list) {
      for (let cell = 0; cell < leaves.space.cellCount; cell += LEAVES_PER_ENTRY) {
        const value = encodeLeaves(leaves, cell);
        if (value !== undefined) {
          writes.push({ key: leafKey(leaves.space.name, cell / LEAVES_PER_ENTRY), value });
        }
      }
    }
    return writes;
  }

  /** What is wrong with the leaves, beside those reckoned from all entries; undefined if nothing is. For tests. */
  problem(entries: Iterable<StoreWrite>): string | undefined {
    const right = new Leaves(this.#list.map(({ space }) => space), this.#log);
    for (const { key, value } of entries) right.onChanged(key, undefined, value);
    for (const { space, high, low, keys, tombstones } of this.#list) {
      const other = right.of(space.name);
      for (let cell = 0; cell < space.cellCount; cell++) {
        const where = `cell ${cell} of ${space.name}`;
        if (high[cell] !== other.high[cell] || low[cell] !== other.low[cell]) {
          return `the leaf of ${where} is not that of its keys`;
        }
        if (high[cell] === 0 && low[cell] === 0) continue;
        if (keys.of(cell).join() !== other.keys.of(cell).join()) return `other keys are known in ${where}`;
      }
      if (tombstones.size !== other.tombstones.size) return `other tombstones are known in ${space.name}`;
      if (keys.count !== other.keys.count) return `keys are known in cells of ${space.name} that hold none`;
    }
    return undefined;
  }

  #leavesOf(storeKey: ByteString): KeyspaceLeaves | undefined {
    const list = this.#list;
    for (let i = 0; i < list.length; i++) if (storeKey.startsWith(list[i]!.prefix)) return list[i];
    return undefined;
  }

  #load(key: ByteString, value: Uint8Array): void {
    const { keyspace, index } = partsOfLeafKey(key);
    const leaves = this.#keyspaces.get(keyspace);
    const begin = index * LEAVES_PER_ENTRY;
    const end = begin + value.length / 8;
    // Of a keyspace that is gone, or whose cells were others.
    if (leaves === undefined || end > leaves.space.cellCount) return;
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    leaves.changeCount++;
    for (let cell = begin; cell < end; cell++) {
      leaves.high[cell]! ^= view.getUint32(8 * (cell - begin));
      leaves.low[cell]! ^= view.getUint32(8 * (cell - begin) + 4);
    }
  }
}

/** Says of the leaves in a checkpoint which they are. */
interface LeafState {
  readonly hash: number;
  /** The last frame that is in them: another one than the manifest's where a program that knows no leaves wrote since. */
  readonly applied: number;
  /** How many cells each keyspace has. */
  readonly cells: Readonly<Record<string, number>>;
}

function parseState(value: Uint8Array): LeafState {
  return JSON.parse(decodeText(value)) as LeafState;
}

/** One entry's leaves, from `begin` on; undefined where all are 0. */
function encodeLeaves({ high, low }: KeyspaceLeaves, begin: number): Uint8Array | undefined {
  let isEmpty = true;
  for (let cell = begin; isEmpty && cell < begin + LEAVES_PER_ENTRY; cell++) {
    isEmpty = high[cell] === 0 && low[cell] === 0;
  }
  if (isEmpty) return undefined;
  const value = new Uint8Array(8 * LEAVES_PER_ENTRY);
  const view = new DataView(value.buffer);
  for (let i = 0; i < LEAVES_PER_ENTRY; i++) {
    view.setUint32(8 * i, high[begin + i]!);
    view.setUint32(8 * i + 4, low[begin + i]!);
  }
  return value;
}
