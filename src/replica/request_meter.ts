/**
 * Counts requests by what they asked for and how they ended, and how long they took. Runs twice for every request, so it
 * puts no text together.
 * @module
 */
import type { Result } from "../base/failure.ts";
import { type ErrorCode, ERRORS } from "../protocol/error_codes.ts";
import { type Level, LEVELS } from "../protocol/level.ts";
import type { Request } from "../protocol/request.ts";
import type { RequestId } from "./event.ts";

/** How a request ended: done, or its error code. */
export type Outcome = "ok" | ErrorCode;

/** Requests of one kind that ended in one way. */
export interface RequestCount {
  readonly op: string;
  /** Empty where the request has none. */
  readonly level: Level | "";
  readonly outcome: Outcome;
  readonly count: number;
}

/** How long requests of one kind took. */
export interface RequestTimes {
  readonly op: string;
  /** How many took at most `REQUEST_TIME_BOUNDS_MS[i]` and more than the bound before; the last: more than all bounds. */
  readonly counts: readonly number[];
  readonly sumMs: number;
}

/** Everything that was counted since the start. */
export interface RequestMetrics {
  readonly counts: readonly RequestCount[];
  readonly times: readonly RequestTimes[];
}

/** Upper bounds of the classes of times. */
export const REQUEST_TIME_BOUNDS_MS: readonly number[] = [
  0.5,
  1,
  2.5,
  5,
  10,
  25,
  50,
  100,
  250,
  500,
  1000,
  2500,
  5000,
  10_000,
];

const CODES = Object.keys(ERRORS) as readonly ErrorCode[];
const OUTCOMES: readonly Outcome[] = ["ok", ...CODES];
const OUTCOME_INDEX = new Map<string, number>(OUTCOMES.map((outcome, index) => [outcome, index]));
const LEVEL_NAMES: readonly (Level | "")[] = ["", ...LEVELS];
const LEVEL_INDEX = new Map<string, number>(LEVEL_NAMES.map((level, index) => [level, index]));

/** The counts of one op: a cell for each level and outcome, and the classes of times. */
class OpCounts {
  readonly cells = new Float64Array(LEVEL_NAMES.length * OUTCOMES.length);
  readonly times = new Float64Array(REQUEST_TIME_BOUNDS_MS.length + 1);
  sumMs = 0;
}

interface Begun {
  readonly counts: OpCounts;
  readonly level: number;
  readonly atMs: number;
}

/** The meter of one replica. */
export class RequestMeter {
  readonly #byOp = new Map<string, OpCounts>();
  readonly #begun = new Map<RequestId, Begun>();

  /** Requests that have not ended. */
  get inFlight(): number {
    return this.#begun.size;
  }

  /** A request came. `level` is the one that counts, where it is known. */
  begin(id: RequestId, op: Request["op"], level: Level | undefined, atMs: number): void {
    let counts = this.#byOp.get(op);
    if (counts === undefined) {
      counts = new OpCounts();
      this.#byOp.set(op, counts);
    }
    this.#begun.set(id, { counts, level: level === undefined ? 0 : LEVEL_INDEX.get(level)!, atMs });
  }

  /** Its answer leaves. */
  end(id: RequestId, result: Result<unknown, { readonly code: ErrorCode }>, atMs: number): void {
    const begun = this.#begun.get(id);
    if (begun === undefined) return;
    this.#begun.delete(id);
    const { counts, level } = begun;
    const outcome = result.ok ? 0 : OUTCOME_INDEX.get(result.failure.code)!;
    counts.cells[level * OUTCOMES.length + outcome]!++;
    const tookMs = Math.max(0, atMs - begun.atMs);
    counts.sumMs += tookMs;
    let index = 0;
    while (index < REQUEST_TIME_BOUNDS_MS.length && tookMs > REQUEST_TIME_BOUNDS_MS[index]!) index++;
    counts.times[index]!++;
  }

  /** Everything that was counted; kinds that never came are left out. */
  read(): RequestMetrics {
    const counts: RequestCount[] = [];
    const times: RequestTimes[] = [];
    for (const [op, { cells, times: ofOp, sumMs }] of this.#byOp) {
      times.push({ op, counts: [...ofOp], sumMs });
      for (const [index, count] of cells.entries()) {
        if (count === 0) continue;
        const level = LEVEL_NAMES[Math.floor(index / OUTCOMES.length)]!;
        counts.push({ op, level, outcome: OUTCOMES[index % OUTCOMES.length]!, count });
      }
    }
    return { counts, times };
  }
}
