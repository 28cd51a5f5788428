/** Faults on the wire: what a client wants broken, and what a replica says is. Wire format: only append. @module */
import { fail, ok, type Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { ActiveFault, Fault } from "../protocol/fault.ts";
import { FAULT_DELAY_MS_MAX, FAULT_SKEW_MS_MAX, FAULTS_MAX } from "../protocol/limits.ts";
import { isCount, isFields, isNameList, isPlain, wrongField } from "./fields.ts";

const KINDS_ALLOWED = "cut, delay, drop, pause, skew";

/** The fault in a request, or why there is none. */
export function parseFault(input: unknown): Result<Fault, Failure> {
  if (!isFields(input)) return fail(wrongField("fault", input, 'an object such as {"kind":"pause"}'));
  const { kind, peers, way, delay_ms, percent, skew_ms } = input;
  switch (kind) {
    case "cut":
      if (!isNameList(peers) || peers.length === 0) {
        return fail(wrongField("peers", peers, "an array of replica ids"));
      }
      if (way !== "both" && way !== "to" && way !== "from") {
        return fail(wrongField("way", way, "both, to, from"));
      }
      return ok({ kind, peers, way });
    case "delay":
      if (!isCount(delay_ms) || delay_ms < 1 || delay_ms > FAULT_DELAY_MS_MAX) {
        return fail(wrongField("delay_ms", delay_ms, `an integer from 1 to ${FAULT_DELAY_MS_MAX}`));
      }
      return ok({ kind, delay_ms });
    case "drop":
      if (!isPercent(percent)) return fail(wrongField("percent", percent, "a number above 0 and up to 100"));
      return ok({ kind, percent });
    case "pause":
      return ok({ kind });
    case "skew":
      if (!isSkew(skew_ms)) {
        const allowed = `an integer from -${FAULT_SKEW_MS_MAX} to ${FAULT_SKEW_MS_MAX}, and not 0`;
        return fail(wrongField("skew_ms", skew_ms, allowed));
      }
      return ok({ kind, skew_ms });
    default:
      return fail(wrongField("kind", kind, KINDS_ALLOWED));
  }
}

/** Whether `value` is a list of faults at work. One of a kind that a later version knows has a name, and no more is asked. */
export function isActiveFaultList(value: unknown): value is readonly ActiveFault[] {
  return Array.isArray(value) && value.length <= FAULTS_MAX && value.every(isActiveFault);
}

function isActiveFault(value: unknown): boolean {
  if (!isFields(value) || typeof value.left_ms !== "number" || !isPlain(value.kind)) return false;
  if (!KINDS_ALLOWED.split(", ").includes(value.kind)) return true;
  if (!parseFault(value).ok) return false;
  return value.kind !== "cut" || (value.peers as readonly string[]).every(isPlain);
}

function isPercent(value: unknown): value is number {
  return typeof value === "number" && value > 0 && value <= 100;
}

function isSkew(value: unknown): value is number {
  return Number.isSafeInteger(value) && value !== 0 && Math.abs(value as number) <= FAULT_SKEW_MS_MAX;
}
