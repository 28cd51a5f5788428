/** The steps of a traced request as a client reads them. Wire format: only append. @module */
import { isErrorCode } from "../protocol/error_codes.ts";
import { LEVELS } from "../protocol/level.ts";
import { TRACE_CHARS_MAX } from "../protocol/limits.ts";
import type { TraceStep } from "../protocol/trace.ts";
import { isCount, isFields, isName, isNameList, isVersionName } from "./fields.ts";

/** Steps of one trace: each is an object of more than 16 characters. */
const STEP_COUNT_MAX = TRACE_CHARS_MAX / 16;

/** The steps from untrusted JSON; undefined where they are none. Words of a later version are kept. */
export function decodeTrace(input: unknown): readonly TraceStep[] | undefined {
  if (!Array.isArray(input) || input.length > STEP_COUNT_MAX) return undefined;
  const steps: TraceStep[] = [];
  for (const item of input) {
    const step = decodeStep(item);
    if (step === undefined) return undefined;
    steps.push(step);
  }
  return steps;
}

function decodeStep(input: unknown): TraceStep | undefined {
  if (!isFields(input)) return undefined;
  const { at_ms, what, replica, replicas, required, version, deleted, superseded_by, recovering, message } =
    input;
  if (typeof at_ms !== "number" || !isName(what)) return undefined;
  if (replica !== undefined && !isName(replica)) return undefined;
  if (replicas !== undefined && !isNameList(replicas)) return undefined;
  if (required !== undefined && !isCount(required)) return undefined;
  if (version !== undefined && !isVersionName(version)) return undefined;
  if (superseded_by !== undefined && !isVersionName(superseded_by)) return undefined;
  if (message !== undefined && typeof message !== "string") return undefined;
  const level = LEVELS.find((name) => name === input.level);
  return {
    at_ms,
    what,
    ...(replica === undefined ? {} : { replica }),
    ...(replicas === undefined ? {} : { replicas }),
    ...(level === undefined ? {} : { level }),
    ...(required === undefined ? {} : { required }),
    ...(version === undefined ? {} : { version }),
    ...(deleted === true ? { deleted } : {}),
    ...(superseded_by === undefined ? {} : { superseded_by }),
    ...(recovering === true ? { recovering } : {}),
    ...(isErrorCode(input.code) ? { code: input.code } : {}),
    ...(message === undefined ? {} : { message }),
  };
}
