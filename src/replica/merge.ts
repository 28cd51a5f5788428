/** What new bytes mean for the bytes held, by kind of store key: the function the engine is opened with. @module */
import type { ByteString } from "../base/bytes.ts";
import { mergeRecords } from "../versions/merge_records.ts";
import { isCollect, mergeCollect } from "./collect_record.ts";
import { mergeHints } from "./hint_record.ts";

const DATA = 0x64; // "d"
const HINT = 0x68; // "h"
const PROBE = 0x70; // "p"

/** Versions resolve, and tombstones can be collected; hints accumulate; all else is replaced, and empty bytes remove. */
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
