/** Who is to hold which key, as a history tells it. @module */
import { assert } from "../base/assert.ts";
import type { Holders } from "../checker/history.ts";
import type { Keyspace } from "../replica/keyspace.ts";

/** The holders of keys as a history names them; undefined where all that hold any key hold each. */
export function holdersIn(keyspace: Keyspace, keys: Iterable<string>): Holders | undefined {
  if (keyspace.config.partitioner === "all") return undefined;
  return new Map([...keys].map((key) => [key, new Set(holdersOf(keyspace, key))]));
}

/** The holders of one key. Requires: the key is one of this keyspace. */
export function holdersOf(keyspace: Keyspace, key: string): readonly string[] {
  const parsed = keyspace.parseKey(key);
  assert(parsed.ok, () => `key ${JSON.stringify(key)} in a history of keyspace ${keyspace.name}`);
  return keyspace.naturalsOf(parsed.value);
}
