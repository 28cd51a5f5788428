/** Pages of a scan: what a client asks and is answered, and what replicas tell each other. Wire format: only append. @module */
import { fail, ok, type Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import { LEVELS, parseLevel } from "../protocol/level.ts";
import { PAGE_COUNT_MAX } from "../protocol/limits.ts";
import type { Page, PageEntry } from "../protocol/reply.ts";
import type { Request } from "../protocol/request.ts";
import type { ScanMessage, ScannedMessage } from "../replication/messages.ts";
import { parseEntries } from "./entry_codec.ts";
import { type Fields, isCount, isFields, isName, isVersionName, isWireKey, wrongField } from "./fields.ts";

/** The request of a page, or which field is wrong. */
export function parseScanRequest(input: Fields): Result<Request, Failure> {
  const { keyspace, prefix, after, limit, level: levelText, keys_only } = input;
  if (keyspace !== undefined && !isName(keyspace)) {
    return fail(wrongField("keyspace", keyspace, "a string of 1 to 64 characters"));
  }
  if (prefix !== undefined && !isText(prefix)) {
    return fail(wrongField("prefix", prefix, "a well-formed string"));
  }
  if (after !== undefined && !isWireKey(after)) {
    return fail(wrongField("after", after, "a safe integer or a well-formed string"));
  }
  if (limit !== undefined && !isPageCount(limit)) {
    return fail(wrongField("limit", limit, `an integer from 1 to ${PAGE_COUNT_MAX}`));
  }
  const level = typeof levelText === "string" ? parseLevel(levelText) : undefined;
  if (levelText !== undefined && level === undefined) {
    return fail(wrongField("level", levelText, LEVELS.join(", ")));
  }
  if (keys_only !== undefined && typeof keys_only !== "boolean") {
    return fail(wrongField("keys_only", keys_only, "true, false"));
  }
  return ok({
    op: "scan",
    ...(keyspace === undefined ? {} : { keyspace }),
    ...(prefix === undefined ? {} : { prefix }),
    ...(after === undefined ? {} : { after }),
    ...(limit === undefined ? {} : { limit }),
    ...(level === undefined ? {} : { level }),
    ...(keys_only === true ? { keys_only } : {}),
  });
}

/** The page in an answer, or undefined. */
export function decodePage(input: Fields): Page | undefined {
  const { coordinator, keyspace, required, copies, entries, more, last } = input;
  const level = LEVELS.find((name) => name === input.level);
  if (!isName(coordinator) || !isName(keyspace) || level === undefined) return undefined;
  if (!isCount(required) || !isCount(copies) || typeof more !== "boolean") return undefined;
  if (last !== undefined && !isWireKey(last)) return undefined;
  if (!Array.isArray(entries) || !entries.every(isPageEntry)) return undefined;
  return {
    coordinator,
    keyspace,
    level,
    required,
    copies,
    entries,
    more,
    ...(last === undefined ? {} : { last }),
  };
}

/** A message about a page, or undefined. */
export function parseScanMessage(round: number, input: Fields): ScanMessage | undefined {
  const { keyspace, prefix, after, limit, keys_only } = input;
  if (!isName(keyspace) || (prefix !== undefined && !isText(prefix)) || !isPageCount(limit)) return undefined;
  if (after !== undefined && !isWireKey(after)) return undefined;
  return {
    type: "scan",
    round,
    keyspace,
    ...(prefix === undefined ? {} : { prefix }),
    ...(after === undefined ? {} : { after }),
    limit,
    ...(keys_only === true ? { keys_only } : {}),
  };
}

/** A page from a peer, or undefined. */
export function parseScannedMessage(round: number, input: Fields): ScannedMessage | undefined {
  const { more, recovering } = input;
  const entries = parseEntries(input.entries, PAGE_COUNT_MAX);
  if (entries === undefined || typeof more !== "boolean") return undefined;
  return { type: "scanned", round, entries, more, ...(recovering === true ? { recovering } : {}) };
}

/** Whether `value` is how many keys a page may hold. */
export function isPageCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= PAGE_COUNT_MAX;
}

function isPageEntry(entry: unknown): entry is PageEntry {
  if (!isFields(entry) || !isWireKey(entry.key) || !isVersionName(entry.version)) return false;
  const { value, siblings } = entry;
  if (value !== undefined && typeof value !== "string") return false;
  return siblings === undefined || (Array.isArray(siblings) && siblings.every(isSibling));
}

function isSibling(sibling: unknown): boolean {
  if (!isFields(sibling) || !isVersionName(sibling)) return false;
  const { value } = sibling as Fields;
  return value === undefined || typeof value === "string";
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.isWellFormed();
}
