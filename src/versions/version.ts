/**
 * A version: one write of one key, with everything that decides which of two writes came first.
 * The in-memory form is also the JSON form, so nothing is converted between wire and memory.
 * @module
 */
import { assert } from "../base/assert.ts";
import { isStamp, type Stamp } from "./stamp.ts";

/** Replica id + "." + directory epoch: a wiped replica is a new origin (HAZARD H7). ASCII, at most 64 characters. */
export type Origin = string;

/** For each origin, everything up to this stamp. */
export type Vector = Readonly<Record<Origin, Stamp>>;

/** One write. Wire format: only append. */
export interface Version {
  /** Dot: origin and stamp together name this write. */
  readonly stamp: Stamp;
  readonly origin: Origin;
  /** Absent in a tombstone. */
  readonly value?: string;
  /**
   * The dots of this key that the writer had seen; it alone decides who descends from whom.
   * Invariant: closed, that is, it covers what the versions it covers had seen.
   */
  readonly seen?: Vector;
  /** The writer's session over all keys; never decides a conflict (HAZARD H11). */
  readonly deps?: Vector;
}

const ORIGIN = /^[a-z0-9][a-z0-9_-]{0,31}\.[0-9a-f]{1,16}$/;

/** The origin of a replica's writes. */
export function originOf(replicaId: string, epoch: string): Origin {
  const origin = `${replicaId}.${epoch}`;
  assert(ORIGIN.test(origin), () => `origin ${origin} is out of form`);
  return origin;
}

/** Whether text from outside has the form of an origin. */
export function isOrigin(value: unknown): value is Origin {
  return typeof value === "string" && ORIGIN.test(value);
}

/** Whether `vector` covers the write `origin`@`stamp`. */
export function covers(vector: Vector | undefined, origin: Origin, stamp: Stamp): boolean {
  return vector !== undefined && Object.hasOwn(vector, origin) && vector[origin]! >= stamp;
}

/** Whether the writer of `a` had seen `b`, or both are one write. */
export function descends(a: Version, b: Version): boolean {
  return (a.origin === b.origin && a.stamp === b.stamp) || covers(a.seen, b.origin, b.stamp);
}

/** Whether neither writer had seen the other's write. */
export function concurrent(a: Version, b: Version): boolean {
  return !descends(a, b) && !descends(b, a);
}

/**
 * The total order of all writes: stamp, then origin. It extends the causal order, because a stamp exceeds everything
 * in its own `seen` and `deps`. Zero only for one and the same write.
 */
export function compareVersions(
  a: { readonly stamp: Stamp; readonly origin: Origin },
  b: { readonly stamp: Stamp; readonly origin: Origin },
): number {
  if (a.stamp !== b.stamp) return a.stamp - b.stamp;
  return a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : 0;
}

/** Joins two vectors: for each origin the later stamp. */
export function joinVectors(a: Vector, b: Vector): Vector {
  const joined: Record<Origin, Stamp> = { ...a };
  for (const [origin, stamp] of Object.entries(b)) {
    if (!covers(joined, origin, stamp)) joined[origin] = stamp;
  }
  return joined;
}

/** What a writer has seen who read these versions: their dots and all that they had seen. */
export function contextOf(versions: readonly Version[]): Vector {
  let context: Vector = {};
  for (const version of versions) {
    context = joinVectors(joinVectors(context, version.seen ?? {}), { [version.origin]: version.stamp });
  }
  return context;
}

/** Origins in one vector from outside. */
const VECTOR_ENTRIES_MAX = 1024;

/** A vector from untrusted JSON, or undefined. */
export function parseVector(value: unknown): Vector | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  if (entries.length > VECTOR_ENTRIES_MAX) return undefined;
  for (const [origin, stamp] of entries) {
    if (!isOrigin(origin) || !isStamp(stamp)) return undefined;
  }
  return value as Vector;
}

/** A version from untrusted JSON, or undefined. Unknown fields are dropped; the value must be well-formed (H25). */
export function parseVersion(input: unknown): Version | undefined {
  if (typeof input !== "object" || input === null) return undefined;
  const { stamp, origin, value, seen, deps } = input as Record<string, unknown>;
  if (!isStamp(stamp) || !isOrigin(origin)) return undefined;
  if (value !== undefined && (typeof value !== "string" || !value.isWellFormed())) return undefined;
  const seenVector = seen === undefined ? undefined : parseVector(seen);
  const depsVector = deps === undefined ? undefined : parseVector(deps);
  if ((seen !== undefined && !seenVector) || (deps !== undefined && !depsVector)) return undefined;
  return {
    stamp,
    origin,
    ...(value === undefined ? {} : { value }),
    ...(seenVector ? { seen: seenVector } : {}),
    ...(depsVector ? { deps: depsVector } : {}),
  };
}
