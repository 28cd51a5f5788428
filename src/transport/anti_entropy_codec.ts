/** The messages of anti-entropy, from untrusted JSON. Wire format: only append. @module */
import {
  REPAIR_COMPARISONS_MAX,
  REPAIR_KEYS_MAX,
  REPAIR_RANGES_MAX,
  REPAIR_SPANS_MAX,
} from "../protocol/limits.ts";
import type { WireKey } from "../protocol/request.ts";
import type {
  AntiEntropyMessage,
  CompareMessage,
  ListedMessage,
  ListMessage,
} from "../replication/messages.ts";
import { isStamp } from "../versions/stamp.ts";
import { parseEntries } from "./entry_codec.ts";
import { type Fields, isCount, isEpoch, isName, isWireKey } from "./fields.ts";

const HASHES = /^(?:[A-Za-z0-9_-]{11})*$/;

/** A message of anti-entropy, or undefined. */
export function parseAntiEntropy(round: number, input: Fields): AntiEntropyMessage | undefined {
  switch (input.type) {
    case "compare":
      return parseCompare(round, input);
    case "compared": {
      const { differ, lacking, epoch, promise } = input;
      if (!isCountList(differ, REPAIR_COMPARISONS_MAX) || !isCountList(lacking, REPAIR_COMPARISONS_MAX)) {
        return undefined;
      }
      if (!isEpochOrNone(epoch) || promise !== undefined && !isStamp(promise)) return undefined;
      return {
        type: "compared",
        round,
        differ,
        lacking,
        ...(epoch === undefined ? {} : { epoch }),
        ...(promise === undefined ? {} : { promise }),
      };
    }
    case "list":
      return parseList(round, input);
    case "listed":
      return parseListed(round, input);
    case "give": {
      const { keyspace, epoch } = input;
      const entries = parseEntries(input.entries, REPAIR_KEYS_MAX);
      if (!isName(keyspace) || entries === undefined) return undefined;
      if (entries.some(({ versions }) => versions.length === 0)) return undefined;
      if (!isEpochOrNone(epoch)) return undefined;
      return { type: "give", round, keyspace, entries, ...(epoch === undefined ? {} : { epoch }) };
    }
    case "given": {
      const entries = parseEntries(input.entries, REPAIR_KEYS_MAX);
      if (entries === undefined || !isFlag(input.more)) return undefined;
      return { type: "given", round, entries, ...(input.more === true ? { more: true } : {}) };
    }
    case "passed": {
      const { differing, agreed, took_ms } = input;
      if (!isCount(differing) || typeof agreed !== "boolean" || !isCount(took_ms)) return undefined;
      return { type: "passed", round, differing, agreed, took_ms };
    }
    default:
      return undefined;
  }
}

function parseCompare(round: number, input: Fields): CompareMessage | undefined {
  const { keyspace, width, parts, ranges, hashes } = input;
  if (!isName(keyspace) || !isCount(width) || !isCount(parts)) return undefined;
  if (!isCountList(ranges, REPAIR_RANGES_MAX) || typeof hashes !== "string") return undefined;
  // Why before the pattern: so long a text need not be looked at.
  if (hashes.length > 11 * REPAIR_COMPARISONS_MAX || !HASHES.test(hashes)) return undefined;
  return { type: "compare", round, keyspace, width, parts, ranges, hashes };
}

function parseList(round: number, input: Fields): ListMessage | undefined {
  const { keyspace, spans, after, until, digests, dry_run } = input;
  if (!isName(keyspace) || !isCountList(spans, 2 * REPAIR_SPANS_MAX) || spans.length % 2 !== 0) {
    return undefined;
  }
  if (after !== undefined && !isWireKey(after) || until !== undefined && !isWireKey(until)) return undefined;
  if (!isFlag(dry_run)) return undefined;
  if (!Array.isArray(digests) || digests.length > REPAIR_KEYS_MAX || !digests.every(isDigestEntry)) {
    return undefined;
  }
  return {
    type: "list",
    round,
    keyspace,
    spans,
    ...(after === undefined ? {} : { after }),
    ...(until === undefined ? {} : { until }),
    digests,
    ...(dry_run === true ? { dry_run } : {}),
  };
}

function parseListed(round: number, input: Fields): ListedMessage | undefined {
  const { wants, last, epoch } = input;
  const entries = parseEntries(input.entries, REPAIR_KEYS_MAX);
  if (entries === undefined || !Array.isArray(wants) || wants.length > REPAIR_KEYS_MAX) return undefined;
  if (!wants.every(isWireKey) || last !== undefined && !isWireKey(last)) return undefined;
  if (!isEpochOrNone(epoch)) return undefined;
  return {
    type: "listed",
    round,
    entries,
    wants,
    ...(epoch === undefined ? {} : { epoch }),
    ...(last === undefined ? {} : { last }),
  };
}

function isEpochOrNone(value: unknown): value is string | undefined {
  return value === undefined || isEpoch(value);
}

/** Whether `value` is a boolean that may be left out. */
function isFlag(value: unknown): value is boolean | undefined {
  return value === undefined || typeof value === "boolean";
}

function isDigestEntry(value: unknown): value is [WireKey, number, string] {
  return Array.isArray(value) && value.length === 3 && isWireKey(value[0]) && isStamp(value[1]) &&
    typeof value[2] === "string" && value[2].length === 11 && HASHES.test(value[2]);
}

function isCountList(value: unknown, lengthMax: number): value is readonly number[] {
  return Array.isArray(value) && value.length <= lengthMax && value.every(isCount);
}
