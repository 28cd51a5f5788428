/**
 * Versions of a key that stand side by side: whether there is room for another, what its writer has seen of them, and how
 * a client is shown them.
 * @module
 */
import type { ByteString } from "../base/bytes.ts";
import { mark } from "../base/mark.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Sibling } from "../protocol/reply.ts";
import { decodeRecord, encodeRecord } from "../versions/record.ts";
import type { Held } from "../versions/resolve.ts";
import { covers, type Origin, type Vector, type Version } from "../versions/version.ts";
import * as failures from "./failures.ts";
import { versionName } from "./version_name.ts";

/** What one replica lets stand side by side. */
export interface SiblingLimits {
  readonly countMax: number;
  /** Of the record of all versions of a key. */
  readonly bytesMax: number;
}

/** What writes of one key may take that are not on disk yet. */
interface KeyRoom {
  /** Looks at the disk that have not come back. */
  lookCount: number;
  /** Writes under way, and their bytes. */
  count: number;
  bytes: number;
  /** Those that ended while somebody looked: what was seen may lack them. */
  lateCount: number;
  lateBytes: number;
}

/**
 * Room for one more version beside those that this replica knows of.
 *
 * Only who makes a version asks for room. What replicas bring together when they merge is never dropped, so it may be
 * more; then nobody adds to it who has not read it.
 */
export class SiblingRoom {
  readonly #keys = new Map<ByteString, KeyRoom>();

  /** Somebody begins to look what a key holds. `check` ends it. */
  look(key: ByteString): void {
    this.#of(key).lookCount++;
  }

  /** Why a version has no place beside what was found, `context` being what its writer names; undefined where it has. */
  check(
    key: ByteString,
    { found, context = {}, bytes, limits }: {
      readonly found: Uint8Array | undefined;
      readonly context: Vector | undefined;
      /** Of the version to be written. */
      readonly bytes: number;
      readonly limits: SiblingLimits;
    },
  ): Failure | undefined {
    const room = this.#of(key);
    const { lateCount, lateBytes } = room;
    if (--room.lookCount === 0) room.lateCount = room.lateBytes = 0;
    this.#forget(key, room);
    if (bytes > limits.bytesMax) return failures.siblingTooLarge(bytes, limits.bytesMax);
    const beside = found === undefined ? NOTHING_BESIDE : besideOf(found, context);
    const count = beside.count + room.count + lateCount + 1;
    if (count > limits.countMax) {
      mark("siblings: no room for one more");
      return failures.tooManySiblings(count - 1, limits.countMax);
    }
    const all = beside.bytes + room.bytes + lateBytes + bytes;
    if (all <= limits.bytesMax) return undefined;
    mark("siblings: no room for so many bytes");
    return failures.siblingsTooLarge(all, limits.bytesMax);
  }

  /** A version is on its way to the disk. */
  take(key: ByteString, bytes: number): void {
    const room = this.#of(key);
    room.count++;
    room.bytes += bytes;
  }

  /** It is there, or will never be. */
  give(key: ByteString, bytes: number): void {
    const room = this.#of(key);
    room.count--;
    room.bytes -= bytes;
    if (room.lookCount > 0) {
      room.lateCount++;
      room.lateBytes += bytes;
    }
    this.#forget(key, room);
  }

  #of(key: ByteString): KeyRoom {
    let room = this.#keys.get(key);
    if (room === undefined) {
      this.#keys.set(key, room = { lookCount: 0, count: 0, bytes: 0, lateCount: 0, lateBytes: 0 });
    }
    return room;
  }

  #forget(key: ByteString, { lookCount, count }: KeyRoom): void {
    if (lookCount === 0 && count === 0) this.#keys.delete(key);
  }
}

const NOTHING_BESIDE = { count: 0, bytes: 0 };

/** What of a record stays beside a version whose writer had seen this. */
function besideOf(found: Uint8Array, context: Vector): { readonly count: number; readonly bytes: number } {
  const versions = decodeRecord(found);
  const rest = versions.filter(({ origin, stamp }) => !covers(context, origin, stamp));
  if (rest.length === versions.length) return { count: rest.length, bytes: found.length };
  return { count: rest.length, bytes: rest.length === 0 ? 0 : encodeRecord(rest).length };
}

/**
 * The `seen` of a new version: its writer's context, with as many entries as there may be (HAZARD H13).
 *
 * Only here is it cut, where a version is made: to cut while merging would bring back what was replaced, or never end. What is
 * left out is what the fewest can still hold: entries of origins that are not `isCurrent`, the oldest first.
 */
export function seenOf(
  context: Vector | undefined,
  { entriesMax, isCurrent }: { readonly entriesMax: number; readonly isCurrent: (origin: Origin) => boolean },
): Pick<Version, "seen"> {
  const entries = Object.entries(context ?? {});
  if (entries.length === 0) return {};
  if (entries.length <= entriesMax) return { seen: context! };
  mark("siblings: what a writer has seen is cut");
  const rank = (origin: Origin): number => isCurrent(origin) ? 1 : 0;
  entries.sort(([a, x], [b, y]) => rank(b) - rank(a) || y - x);
  return { seen: Object.fromEntries(entries.slice(0, entriesMax)) };
}

/** The version whose value a client is shown first: the greatest that is no delete; where all are deletes, the greatest. */
export function shownFirst(held: Held): Version | undefined {
  return held.find(({ value }) => value !== undefined) ?? held[0];
}

/** All versions as an answer carries them, where they are several. */
export function siblingsOf(held: Held): { readonly siblings?: readonly Sibling[] } {
  if (held.length < 2) return {};
  return {
    siblings: held.map((version) => ({
      ...(version.value === undefined ? {} : { value: version.value }),
      ...versionName(version),
    })),
  };
}
