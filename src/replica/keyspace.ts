/** One keyspace at work: which keys it has, how they lie in the store, and which replicas hold them. @module */
import { type ByteString, textOfByteString, utf8ByteString } from "../base/bytes.ts";
import { fail, ok, type Result } from "../base/failure.ts";
import { TraceHash } from "../base/hash.ts";
import { BYTE_CELLS, HASH_CELLS, hashCellOf, Placement } from "../membership/partitioner.ts";
import type { Failure } from "../protocol/error_codes.ts";
import { TEXT_KEY_BYTES_MAX } from "../protocol/limits.ts";
import type { WireKey } from "../protocol/request.ts";
import type { ClusterConfig, Member } from "./cluster_config.ts";
import type { KeyspaceConfig } from "./keyspace_config.ts";
import type { ReplicaId } from "./envelope.ts";
import { dataKey } from "./store_keys.ts";

const keyspacesByConfig = new WeakMap<ClusterConfig, ReadonlyMap<string, Keyspace>>();

/**
 * The keyspaces of a configuration, by name. The same ones each time: a ring is laid out once, however many parts of a
 * process ask where keys lie.
 */
export function keyspacesOf(config: ClusterConfig): ReadonlyMap<string, Keyspace> {
  let keyspaces = keyspacesByConfig.get(config);
  if (keyspaces === undefined) {
    keyspaces = new Map(
      [...config.keyspaces].map(([name, keyspace]) => [name, new Keyspace(keyspace, config.members)]),
    );
    keyspacesByConfig.set(config, keyspaces);
  }
  return keyspaces;
}

/** A configured keyspace and the questions about it. */
export class Keyspace {
  readonly config: KeyspaceConfig;
  /** How many cells its keys fall into. Cells do not depend on who is a member. */
  readonly cellCount: number;
  readonly #placement: Placement;
  /** The replicas of each preference list, in id order. */
  readonly #naturals: readonly (readonly ReplicaId[])[];
  /** Of each list of `#naturals` those other than the replica that asks. */
  readonly #others = new Map<readonly ReplicaId[], Map<ReplicaId, readonly ReplicaId[]>>();
  /** By pair of replicas. */
  readonly #shared = new Map<string, Uint32Array>();
  readonly #holdings = new Map<ReplicaId, string>();
  /** By replica, the cells that it does not hold. */
  readonly #foreign = new Map<ReplicaId, Uint32Array>();
  /** Store keys of byte keys, by number. Why: a string made anew is hashed anew each time that a map is asked for it. */
  readonly #byteStoreKeys: readonly ByteString[];

  constructor(config: KeyspaceConfig, members: readonly Member[]) {
    this.config = config;
    const { partitioner, replication } = config;
    this.cellCount = config.keys === "byte" && partitioner !== "consistent-hash" ? BYTE_CELLS : HASH_CELLS;
    this.#placement = new Placement({
      partitioner,
      members: members.map(({ id }) => id),
      replication,
      cellCount: this.cellCount,
    });
    this.#naturals = this.#placement.lists.map((list) =>
      members.map(({ id }) => id).filter((id) => list.includes(id))
    );
    this.#byteStoreKeys = config.keys === "byte"
      ? Array.from(
        { length: 256 },
        (_, number) => dataKey(config.name, String.fromCharCode(number) as ByteString),
      )
      : [];
  }

  get name(): string {
    return this.config.name;
  }

  /** N: copies of each key. */
  get copies(): number {
    return this.config.replication;
  }

  /** The cell of a key. Disk format: leaves are kept by it. */
  cellOf(key: ByteString): number {
    return this.cellCount === BYTE_CELLS ? key.charCodeAt(0) : hashCellOf(key);
  }

  /** The replicas that hold a key, in id order. Keys with the same replicas share one list. */
  naturalsOf(key: ByteString): readonly ReplicaId[] {
    // Why: with one list for all, as under `all`, nobody need know the cell.
    return this.#naturals.length === 1 ? this.#naturals[0]! : this.naturalsOfCell(this.cellOf(key));
  }

  /** The replicas that hold every key of a cell, in id order. */
  naturalsOfCell(cell: number): readonly ReplicaId[] {
    return this.#naturals[this.#placement.indexOf(cell)]!;
  }

  /** The replicas that hold a key, in the order of preference: the first is its primary. */
  preferenceOf(key: ByteString): readonly ReplicaId[] {
    return this.#placement.lists[this.#placement.indexOf(this.cellOf(key))]!;
  }

  /** The replicas of each key behind `after`, in id order: one list for keys with the same ones. */
  naturalsBehind(after: ByteString | undefined): readonly (readonly ReplicaId[])[] {
    if (this.config.keys === "text" || this.#naturals.length === 1) return this.#naturals;
    const lists = new Set<readonly ReplicaId[]>();
    for (let byte = after === undefined ? 0 : after.charCodeAt(0) + 1; byte < 256; byte++) {
      lists.add(this.naturalsOf(String.fromCharCode(byte) as ByteString));
    }
    return [...lists];
  }

  /** Whether the replica holds any key of this keyspace. */
  isHeldBy(id: ReplicaId): boolean {
    return this.#naturals.some((list) => list.includes(id));
  }

  /** Whether there are keys that both replicas hold. */
  isSharedBy(a: ReplicaId, b: ReplicaId): boolean {
    return this.#naturals.some((list) => list.includes(a) && list.includes(b));
  }

  /** The cells that the replica does not hold, ascending. */
  foreignCellsOf(id: ReplicaId): Uint32Array {
    let cells = this.#foreign.get(id);
    if (cells === undefined) {
      const isForeign = this.#naturals.map((list) => !list.includes(id));
      cells = isForeign.some((each) => each)
        ? Uint32Array.from({ length: this.cellCount }, (_, cell) => cell)
          .filter((cell) => isForeign[this.#placement.indexOf(cell)])
        : new Uint32Array(0);
      this.#foreign.set(id, cells);
    }
    return cells;
  }

  /** A name for all that the replica holds of this keyspace, which changes when other cells become its own. */
  holdingOf(id: ReplicaId): string {
    // Why only the name: what the first N members hold is all of it, and directories from before say it so.
    if (this.config.partitioner === "all") return this.name;
    let holding = this.#holdings.get(id);
    if (holding === undefined) {
      const hash = new TraceHash();
      for (const cell of this.cellsSharedBy(id, id)) hash.addWord(cell);
      this.#holdings.set(id, holding = `${this.name} ${hash.hex()}`);
    }
    return holding;
  }

  /** The cells that both replicas hold, ascending. */
  cellsSharedBy(a: ReplicaId, b: ReplicaId): Uint32Array {
    const pair = a < b ? `${a} ${b}` : `${b} ${a}`;
    let cells = this.#shared.get(pair);
    if (cells === undefined) this.#shared.set(pair, cells = this.#findShared(a, b));
    return cells;
  }

  #findShared(a: ReplicaId, b: ReplicaId): Uint32Array {
    const isShared = this.#naturals.map((list) => list.includes(a) && list.includes(b));
    const cells = new Uint32Array(this.cellCount);
    let count = 0;
    for (let cell = 0; cell < this.cellCount; cell++) {
      if (isShared[this.#placement.indexOf(cell)]) cells[count++] = cell;
    }
    return cells.slice(0, count);
  }

  /** Those of a list of natural replicas that are not `selfId`, in id order. */
  othersThan(naturals: readonly ReplicaId[], selfId: ReplicaId): readonly ReplicaId[] {
    let byReplica = this.#others.get(naturals);
    if (byReplica === undefined) this.#others.set(naturals, byReplica = new Map());
    let others = byReplica.get(selfId);
    if (others === undefined) byReplica.set(selfId, others = naturals.filter((id) => id !== selfId));
    return others;
  }

  /** The key's bytes, from a key as it travels. Byte keys may come as decimal text. */
  parseKey(key: WireKey): Result<ByteString, Failure> {
    return this.config.keys === "byte" ? parseByteKey(key) : parseTextKey(key);
  }

  /** Where the versions of a key lie in the store. */
  storeKey(key: ByteString): ByteString {
    return this.config.keys === "byte" ? this.#byteStoreKeys[key.charCodeAt(0)]! : dataKey(this.name, key);
  }

  /** The travelling form of a key's bytes. */
  wireKey(key: ByteString): WireKey {
    return this.config.keys === "byte" ? key.charCodeAt(0) : textOfByteString(key);
  }
}

function parseByteKey(key: WireKey): Result<ByteString, Failure> {
  const number = typeof key === "number" ? key : /^[0-9]{1,16}$/.test(key) ? Number(key) : NaN;
  if (Number.isNaN(number) || !Number.isInteger(number)) {
    return refuse(
      "malformed_request",
      `key ${show(key)} is not a byte key; allowed: integers 0 to 255 in decimal`,
    );
  }
  if (number < 0 || number > 255) {
    return refuse("key_out_of_range", `key ${show(key)} is out of range; allowed: 0 to 255`);
  }
  return ok(String.fromCharCode(number) as ByteString);
}

function parseTextKey(key: WireKey): Result<ByteString, Failure> {
  if (typeof key === "number") {
    return refuse("malformed_request", `key ${key} is a number; keys here are text`);
  }
  // H25: a lone surrogate has no UTF-8 form, so two different keys would become one.
  if (!key.isWellFormed()) return refuse("malformed_request", `key ${show(key)} holds a lone surrogate`);
  const bytes = utf8ByteString(key);
  if (bytes.length === 0) {
    return refuse("malformed_request", "the key is empty; allowed: 1 to 1024 bytes of UTF-8");
  }
  if (bytes.length > TEXT_KEY_BYTES_MAX) {
    return refuse(
      "too_large",
      `the key has ${bytes.length} bytes; at most ${TEXT_KEY_BYTES_MAX} are allowed`,
    );
  }
  return ok(bytes);
}

function refuse(code: Failure["code"], message: string): Result<ByteString, Failure> {
  return fail({ code, message });
}

function show(key: WireKey): string {
  const text = JSON.stringify(key);
  return text.length <= 60 ? text : `${text.slice(0, 57)}…"`;
}
