/** Where a key lies: its token, and the replicas that are to hold it, the preferred one first. Pure. @module */
import { hash64, hexOf } from "../base/hash64.ts";
import { ok, type Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { WireKey } from "../protocol/request.ts";
import type { Keyspace } from "../replica/keyspace.ts";

/** How a partitioner came to the replicas of a key. */
export type Token =
  /** Under `all` nobody asks for the key. */
  | { readonly kind: "none" }
  /** Under `byte-ordered` the key itself; keys from `first` to `last` have the same replicas. */
  | { readonly kind: "byte"; readonly token: number; readonly first: number; readonly last: number }
  /** Under `consistent-hash` the 64 bits of the key's hash; the upper ones say its cell on the ring. */
  | { readonly kind: "hash"; readonly token: string; readonly cell: number; readonly cellCount: number };

/** The place of one key. */
export interface KeyPlace {
  readonly key: WireKey;
  readonly token: Token;
  /** In the order of preference: the first is its primary. */
  readonly preference: readonly string[];
  /** The same replicas in id order. */
  readonly holders: readonly string[];
}

/** Where this key lies, or why it is none of the keyspace. */
export function keyPlaceOf(keyspace: Keyspace, word: WireKey): Result<KeyPlace, Failure> {
  const key = keyspace.parseKey(word);
  if (!key.ok) return key;
  return ok({
    key: keyspace.wireKey(key.value),
    token: tokenOf(keyspace, key.value),
    preference: keyspace.preferenceOf(key.value),
    holders: keyspace.naturalsOf(key.value),
  });
}

function tokenOf(keyspace: Keyspace, key: Parameters<Keyspace["cellOf"]>[0]): Token {
  const cell = keyspace.cellOf(key);
  switch (keyspace.config.partitioner) {
    case "all":
      return { kind: "none" };
    case "byte-ordered": {
      // Why compared as they are: cells of one range share their list.
      const naturals = keyspace.naturalsOfCell(cell);
      let [first, last] = [cell, cell];
      while (first > 0 && keyspace.naturalsOfCell(first - 1) === naturals) first--;
      while (last < keyspace.cellCount - 1 && keyspace.naturalsOfCell(last + 1) === naturals) last++;
      return { kind: "byte", token: cell, first, last };
    }
    case "consistent-hash":
      return { kind: "hash", token: hexOf(hash64(key)), cell, cellCount: keyspace.cellCount };
  }
}
