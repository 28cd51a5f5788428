/** One keyspace at work: which keys it has, how they lie in the store, and which replicas hold them. @module */
import { type ByteString, textOfByteString, utf8ByteString } from "../base/bytes.ts";
import { hash64 } from "../base/hash64.ts";
import { fail, ok, type Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import { TEXT_KEY_BYTES_MAX } from "../protocol/limits.ts";
import type { WireKey } from "../protocol/request.ts";
import type { KeyspaceConfig, Member } from "./cluster_config.ts";
import type { ReplicaId } from "./envelope.ts";
import { dataKey } from "./store_keys.ts";

/** A configured keyspace and the questions about it. */
export class Keyspace {
  readonly config: KeyspaceConfig;
  /** The replicas that hold a copy, in id order: with partitioner `all` the first N members, for every key. */
  readonly naturals: readonly ReplicaId[];
  /** The others among them, by the replica that asks. */
  readonly #others = new Map<ReplicaId, readonly ReplicaId[]>();
  /** Store keys of byte keys, by number. Why: a string made anew is hashed anew each time that a map is asked for it. */
  readonly #byteStoreKeys: readonly ByteString[];

  constructor(config: KeyspaceConfig, members: readonly Member[]) {
    this.config = config;
    this.naturals = members.slice(0, config.replication).map((member) => member.id);
    this.#byteStoreKeys = config.keys === "byte"
      ? Array.from(
        { length: 256 },
        (_, number) => dataKey(config.name, String.fromCharCode(number) as ByteString),
      )
      : [];
  }

  /** How many cells its keys fall into: 256 where keys are bytes, else 65,536. Cells do not depend on who is a member. */
  get cellCount(): number {
    return this.config.keys === "byte" ? 256 : 65_536;
  }

  /** The cell of a key. Disk format: leaves are kept by it. */
  cellOf(key: ByteString): number {
    return this.config.keys === "byte" ? key.charCodeAt(0) : hash64(key).high >>> 16;
  }

  /** The natural replicas of every key of a cell, in id order. */
  naturalsOfCell(_cell: number): readonly ReplicaId[] {
    return this.naturals;
  }

  get name(): string {
    return this.config.name;
  }

  /** The natural replicas but `selfId`, in id order. */
  othersThan(selfId: ReplicaId): readonly ReplicaId[] {
    let others = this.#others.get(selfId);
    if (others === undefined) {
      others = this.naturals.filter((id) => id !== selfId);
      this.#others.set(selfId, others);
    }
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
