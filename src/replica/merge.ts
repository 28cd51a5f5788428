/** What new bytes mean for the bytes held, by kind of store key: the function the engine is opened with. @module */
import type { ByteString } from "../base/bytes.ts";
import type { Merge } from "../ports.ts";
import { mergeRecords, mergeSiblings } from "../versions/merge_records.ts";
import { isCollect, mergeCollect } from "./collect_record.ts";
import { mergeHints } from "./hint_record.ts";
import type { KeyspaceConfig } from "./keyspace_config.ts";
import { dataRange, partsOfHintKey } from "./store_keys.ts";

const DATA = 0x64; // "d"
const HINT = 0x68; // "h"
const PROBE = 0x70; // "p"

/** The merge of a store with these keyspaces: what their versions resolve to is theirs to say. */
export function mergeOf({ keyspaces }: { readonly keyspaces: ReadonlyMap<string, KeyspaceConfig> }): Merge {
  const withSiblings = new Set(
    [...keyspaces.values()].filter(({ siblings }) => siblings).map(({ name }) => name),
  );
  // Why: where every key has one winner nobody need look into the names of keys.
  if (withSiblings.size === 0) return mergeStored;
  const prefixes = [...withSiblings].map((name) => dataRange(name).begin);
  return (key, held, incoming) => {
    switch (key.charCodeAt(0)) {
      case DATA:
        // Why not the keyspace's name: to cut it out for each write is dearer than to look whether the key begins with it.
        if (held === undefined || !prefixes.some((prefix) => key.startsWith(prefix))) break;
        return mergeSiblings(held, incoming);
      case HINT:
        if (!withSiblings.has(partsOfHintKey(key).keyspace)) break;
        return mergeHints(held, incoming, mergeSiblings);
    }
    return mergeStored(key, held, incoming);
  };
}

/** The merge where every key has one winner: versions resolve, and tombstones can be collected; hints accumulate; all else is replaced, and empty bytes remove. */
export function mergeStored(
  key: ByteString,
  held: Uint8Array | undefined,
  incoming: Uint8Array,
): Uint8Array | undefined {
  switch (key.charCodeAt(0)) {
    case DATA:
      if (isCollect(incoming)) return mergeCollect(held, incoming);
      return held ? mergeRecords(held, incoming) : incoming;
    case HINT:
      return mergeHints(held, incoming);
    case PROBE:
      return undefined;
    default:
      return incoming.length === 0 ? undefined : incoming;
  }
}
