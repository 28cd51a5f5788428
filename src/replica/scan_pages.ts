/** What part of a keyspace a scan is about, and the page of it that this replica's own store holds. @module */
import { type ByteString, utf8ByteString } from "../base/bytes.ts";
import { fail, ok, type Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import {
  PAGE_COUNT_MAX,
  SCAN_KEYS_BYTES_MAX,
  SCAN_PAGE_BYTES_MAX,
  TEXT_KEY_BYTES_MAX,
} from "../protocol/limits.ts";
import type { WireKey } from "../protocol/request.ts";
import type { HeldPage, PageBounds } from "../replication/scan_round.ts";
import { decodeOutline, decodeRecord } from "../versions/record.ts";
import type { Version } from "../versions/version.ts";
import type { EffectQueue } from "./effect_queue.ts";
import type { Keyspace } from "./keyspace.ts";
import { dataKey, dataPrefixRange, dataRange, keyOfDataKey } from "./store_keys.ts";

/** What a page of keys and values may exceed one value by; with JSON around it, it still fits a line. */
const PAGE_SLACK_BYTES = 4096;

/** A part of a keyspace, and how much of it at a time. */
export interface ScanRange {
  /** Empty for all keys. */
  readonly prefix: ByteString;
  readonly after: ByteString | undefined;
  readonly limit: number;
  readonly isKeysOnly: boolean;
}

/** The range that a client, or another replica, asks for; or what is wrong with it. */
export function parseScanRange(keyspace: Keyspace, asked: {
  readonly prefix?: string;
  readonly after?: WireKey;
  readonly limit?: number;
  readonly keys_only?: true;
}): Result<ScanRange, Failure> {
  const prefix = parsePrefix(keyspace, asked.prefix ?? "");
  if (!prefix.ok) return prefix;
  const after = asked.after === undefined ? undefined : keyspace.parseKey(asked.after);
  if (after?.ok === false) return after;
  return ok({
    prefix: prefix.value,
    after: after?.value,
    limit: Math.min(asked.limit ?? PAGE_COUNT_MAX, PAGE_COUNT_MAX),
    isKeysOnly: asked.keys_only === true,
  });
}

function parsePrefix(keyspace: Keyspace, prefix: string): Result<ByteString, Failure> {
  if (prefix === "") return ok("" as ByteString);
  if (keyspace.config.keys === "byte") {
    return fail({
      code: "malformed_request",
      message: `the keys of "${keyspace.name}" are numbers, which have no prefix; use "after" and "limit"`,
    });
  }
  // H25: a lone surrogate has no UTF-8 form.
  if (!prefix.isWellFormed()) {
    return fail({ code: "malformed_request", message: "the prefix holds a lone surrogate" });
  }
  const bytes = utf8ByteString(prefix);
  if (bytes.length <= TEXT_KEY_BYTES_MAX) return ok(bytes);
  return fail({
    code: "too_large",
    message: `the prefix has ${bytes.length} bytes; no key has more than ${TEXT_KEY_BYTES_MAX}`,
  });
}

/** How much a page may hold that goes over the wire. */
export function pageBounds({ limit }: ScanRange, valueBytesMax: number): PageBounds {
  return { countMax: limit, bytesMax: Math.min(valueBytesMax, SCAN_PAGE_BYTES_MAX) + PAGE_SLACK_BYTES };
}

/** Reads a page of what the own store holds. */
export function readPage(
  queue: EffectQueue,
  keyspace: Keyspace,
  range: ScanRange,
  { countMax, bytesMax }: PageBounds,
  then: (page: HeldPage) => void,
): void {
  const { prefix, after, isKeysOnly } = range;
  const { begin, end } = prefix === "" ? dataRange(keyspace.name) : dataPrefixRange(keyspace.name, prefix);
  const behind = after === undefined ? begin : `${dataKey(keyspace.name, after)}\0` as ByteString;
  const bounds = {
    begin: behind > begin ? behind : begin,
    end,
    countMax,
    bytesMax: isKeysOnly ? SCAN_KEYS_BYTES_MAX : bytesMax,
  };
  const decode = isKeysOnly ? decodeOutline : decodeRecord;
  queue.scan(bounds, ({ entries, more }) =>
    then({
      entries: entries.map(({ key, value }) => ({
        key: keyOfDataKey(key),
        held: decode(value).map(withoutSession),
      })),
      more,
    }));
}

/** Why: what a writer's session had seen decides nothing here, and may be most of a record. */
function withoutSession({ deps: _, ...version }: Version): Version {
  return version;
}

/** The page that another replica sent; undefined where it is none of that range. Why looked at: an end that goes back would never be passed. */
export function parsePage(
  keyspace: Keyspace,
  { prefix, after }: ScanRange,
  sent: {
    readonly entries: readonly { readonly key: WireKey; readonly versions: readonly Version[] }[];
    readonly more: boolean;
  },
): HeldPage | undefined {
  const entries: { key: ByteString; held: readonly Version[] }[] = [];
  let behind = after;
  for (const { key, versions } of sent.entries) {
    const parsed = keyspace.parseKey(key);
    if (!parsed.ok || !parsed.value.startsWith(prefix)) return undefined;
    if (behind !== undefined && parsed.value <= behind) return undefined;
    entries.push({ key: parsed.value, held: versions });
    behind = parsed.value;
  }
  return sent.more && entries.length === 0 ? undefined : { entries, more: sent.more };
}
