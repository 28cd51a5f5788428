/** Versions as clients see them. @module */
import type { VersionName } from "../protocol/reply.ts";
import { wallMsOf } from "../versions/stamp.ts";

/** The name of a write, with its time in words that need no arithmetic. */
export function versionName(
  { stamp, origin }: { readonly stamp: number; readonly origin: string },
): VersionName {
  return { stamp, origin, wall_ms: wallMsOf(stamp) };
}
