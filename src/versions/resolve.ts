/**
 * Resolution: what a replica holds after it learned of more versions of a key.
 * Commutative, associative and idempotent, so replicas that know the same writes hold the same bytes, in whatever
 * order the writes arrived.
 * @module
 */
import { compareBytes } from "../base/bytes.ts";
import { encodeRecord } from "./record.ts";
import { compareVersions, descends, type Version } from "./version.ts";

/** The versions held of one key, greatest first; empty when nothing is known. */
export type Held = readonly Version[];

/** How concurrent versions are settled. */
export interface Resolution {
  /** False: the total order alone decides, one winner. True: all concurrent versions stay. */
  readonly siblings: boolean;
}

/** The versions that remain of both. */
export function resolve(a: Held, b: Held, resolution: Resolution): Held {
  const candidates = [...a];
  for (const version of b) {
    const index = candidates.findIndex((other) => compareVersions(version, other) === 0);
    if (index < 0) candidates.push(version);
    else candidates[index] = settleEqualDots(candidates[index]!, version);
  }
  candidates.sort((x, y) => compareVersions(y, x));
  if (!resolution.siblings) return candidates.slice(0, 1);
  return candidates.filter((version) =>
    !candidates.some((other) => other !== version && descends(other, version))
  );
}

/** The value a reader sees where there is one winner: undefined for a tombstone and for nothing. */
export function winner(held: Held): Version | undefined {
  return held[0];
}

/**
 * One dot should mean one write. If a broken disk made two of it, the greater bytes win, the same everywhere (H6);
 * the replica that notices counts an alarm.
 */
function settleEqualDots(a: Version, b: Version): Version {
  return compareBytes(encodeRecord([a]), encodeRecord([b])) >= 0 ? a : b;
}
