/** Assertions that stay on in production: a false invariant is a bug, and a replica with a bug must stop. @module */

/** Thrown when something the code relies on is false. Never caught below `host/`. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Crashes the replica unless `condition` holds. The lazy message keeps formatting off the hot path. */
export function assert(condition: unknown, message: string | (() => string)): asserts condition {
  if (!condition) throw new InvariantError(typeof message === "string" ? message : message());
}

/** Closes a `switch` over a union, so that a new member is a compile error. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${String(value)}`);
}
