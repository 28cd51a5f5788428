/** Every way an operation can fail, as the client sees it: one closed list. @module */
import type { TraceStep } from "./trace.ts";

/** Wire format: only append. `definite`: nothing happened and nothing will. `exit`: of the command line. `status`: HTTP. */
export const ERRORS = {
  malformed_request: { definite: true, exit: 2, status: 400 },
  unknown_keyspace: { definite: true, exit: 2, status: 404 },
  key_out_of_range: { definite: true, exit: 2, status: 400 },
  too_large: { definite: true, exit: 2, status: 413 },
  not_found: { definite: true, exit: 4, status: 404 },
  conflict: { definite: true, exit: 3, status: 409 },
  unavailable: { definite: true, exit: 5, status: 503 },
  no_leader: { definite: true, exit: 5, status: 503 },
  overloaded: { definite: true, exit: 5, status: 503 },
  disk_full: { definite: true, exit: 5, status: 507 },
  clock_skew: { definite: true, exit: 5, status: 503 },
  timeout: { definite: false, exit: 6, status: 504 },
  connection_lost: { definite: false, exit: 6, status: 504 },
  session_expired: { definite: false, exit: 6, status: 504 },
  unauthorized: { definite: true, exit: 8, status: 401 },
  wrong_cluster: { definite: true, exit: 8, status: 401 },
  unsupported_version: { definite: true, exit: 8, status: 400 },
  corrupt: { definite: true, exit: 9, status: 500 },
  internal: { definite: false, exit: 70, status: 500 },
} as const;

/** One of the codes above. */
export type ErrorCode = keyof typeof ERRORS;

/** Whether text from outside names an error code. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(ERRORS, value);
}

/** Why a request was not done. Counts and names stand beside the message, so that programs need not read prose. */
export interface Failure {
  readonly code: ErrorCode;
  /** One sentence for a person: the value, the limit, the way out. */
  readonly message: string;
  /** Copies that the level needs, and how many replicas that count were live. */
  readonly required?: number;
  readonly live?: number;
  /** Replicas that had acknowledged or answered when the request ended. */
  readonly acked?: readonly string[];
  /** Who coordinated, where the request got that far. */
  readonly coordinator?: string;
  /** `not_found` because of this delete. */
  readonly version?: { readonly stamp: number; readonly origin: string; readonly wall_ms: number };
  /** `not_found` because of several deletes side by side: all of them, greatest first. */
  readonly siblings?: readonly {
    readonly stamp: number;
    readonly origin: string;
    readonly wall_ms: number;
  }[];
  /**
   * Overrides the table: a refusal that came after the first send may still happen, whatever its code says.
   * Gets are definite whatever happened.
   */
  readonly definite?: boolean;
  /** Where the request asked for it, and got as far as to be traced. */
  readonly trace?: readonly TraceStep[];
  /** As in a receipt, where nothing was found. */
  readonly context?: string;
  readonly session?: string;
  readonly maybe_stale?: true;
}

/** Whether nothing happened and nothing will. */
export function isDefinite(failure: Failure): boolean {
  return failure.definite ?? ERRORS[failure.code].definite;
}
