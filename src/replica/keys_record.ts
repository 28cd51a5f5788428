/**
 * Which kind of keys each keyspace has in this directory, as its store says it. What was written under one kind must not
 * be read under another: byte key 7 is no text key "7".
 * @module
 */
import { decodeText, encodeText } from "../base/bytes.ts";
import type { StoreWrite } from "../ports.ts";
import type { ClusterConfig } from "./cluster_config.ts";
import type { KeyspaceConfig } from "./keyspace_config.ts";
import { KEYS_KEY } from "./store_keys.ts";

type Kinds = Readonly<Record<string, KeyspaceConfig["keys"]>>;

/** What stands against using the directory with this configuration; undefined where nothing does. */
export function keysProblem(stored: Uint8Array | undefined, config: ClusterConfig): string | undefined {
  const held = decodeKinds(stored);
  for (const { name, keys } of config.keyspaces.values()) {
    if (!Object.hasOwn(held, name) || held[name] === keys) continue;
    return `this data directory holds keyspace "${name}" with ${
      held[name]
    } keys, and the file says keys = "${keys}"; ` +
      `put keys = "${held[name]}" back, or give the new keyspace another name`;
  }
  return undefined;
}

/** What must be stored before anything of a new keyspace is; undefined where nothing is new. Keyspaces left out are kept. */
export function keysWrite(stored: Uint8Array | undefined, config: ClusterConfig): StoreWrite | undefined {
  const held = decodeKinds(stored);
  const added = [...config.keyspaces.values()].filter(({ name }) => !Object.hasOwn(held, name));
  if (added.length === 0) return undefined;
  const kinds = { ...held, ...Object.fromEntries(added.map(({ name, keys }) => [name, keys])) };
  return { key: KEYS_KEY, value: encodeText(JSON.stringify(kinds)) };
}

function decodeKinds(stored: Uint8Array | undefined): Kinds {
  return stored === undefined ? {} : JSON.parse(decodeText(stored)) as Kinds;
}
