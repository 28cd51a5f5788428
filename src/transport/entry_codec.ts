/** Keys and versions in messages between replicas, as every kind of message carries them. Wire format: only append. @module */
import { SIBLINGS_TOGETHER_MAX } from "../protocol/limits.ts";
import type { Entry } from "../replication/messages.ts";
import { parseVersion, type Version } from "../versions/version.ts";
import { isFields, isWireKey } from "./fields.ts";

/** The versions of one key, or undefined. */
export function parseVersions(input: unknown): readonly Version[] | undefined {
  if (!Array.isArray(input) || input.length > SIBLINGS_TOGETHER_MAX) return undefined;
  const versions: Version[] = [];
  for (const item of input) {
    const version = parseVersion(item);
    if (version === undefined) return undefined;
    versions.push(version);
  }
  return versions;
}

/** Up to `countMax` keys with their versions, or undefined. */
export function parseEntries(input: unknown, countMax: number): readonly Entry[] | undefined {
  if (!Array.isArray(input) || input.length > countMax) return undefined;
  const entries: Entry[] = [];
  for (const item of input) {
    if (!isFields(item) || !isWireKey(item.key)) return undefined;
    const versions = parseVersions(item.versions);
    if (versions === undefined) return undefined;
    entries.push({ key: item.key, versions });
  }
  return entries;
}
