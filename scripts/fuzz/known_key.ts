/** What the only writer of a key knows of it: which values it may have. @module */
import type { Result } from "../../src/base/failure.ts";
import { type Failure, isDefinite } from "../../src/protocol/error_codes.ts";

/** One key. */
export class KnownKey {
  /** The value of the last put that was acknowledged. */
  #acked: string | undefined;
  /** Values of later puts of which nothing is known. */
  #unknown: string[] = [];

  /** Whether a put of it was acknowledged. */
  get isPut(): boolean {
    return this.#acked !== undefined;
  }

  /** What it may hold. Requires: a put of it was acknowledged. */
  get allowed(): readonly string[] {
    return [this.#acked!, ...this.#unknown];
  }

  /** A put has ended. Why not all that failed: what was refused for certain must never be seen (HAZARD H15). */
  onPut(value: string, result: Result<unknown, Failure>): void {
    if (result.ok) {
      this.#acked = value;
      this.#unknown = [];
    } else if (!isDefinite(result.failure)) this.#unknown.push(value);
  }
}
