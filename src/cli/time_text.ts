/** Moments and lengths of time as a person reads them, by the clock and in the time zone of this machine. @module */

/** Replicas' stamps run this far ahead of their clocks in good health: nothing to wonder about. */
const AHEAD_UNSAID_MS = 50;

/** `12:03:04.123`, and the date before it where that is not today. */
export function momentText(wallMs: number, nowMs: number): string {
  const moment = new Date(wallMs);
  const time = `${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}.${
    String(moment.getMilliseconds()).padStart(3, "0")
  }`;
  const date = dateText(moment);
  return date === dateText(new Date(nowMs)) ? time : `${date} ${time}`;
}

/** `3 s ago`, `now`, or `2 s ahead of this clock` where the two clocks disagree. */
export function ageText(wallMs: number, nowMs: number): string {
  const ageMs = nowMs - wallMs;
  if (ageMs < -AHEAD_UNSAID_MS) return `${durationText(-ageMs)} ahead of this clock`;
  return ageMs < 1 ? "now" : `${durationText(ageMs)} ago`;
}

/** `120 ms`, `12 s`, `5 min`, `3 h`, `2 d`: cut to the unit, never rounded up. */
export function durationText(durationMs: number): string {
  if (durationMs < 1000) return `${Math.floor(durationMs)} ms`;
  if (durationMs < 60_000) return `${Math.floor(durationMs / 1000)} s`;
  if (durationMs < 3_600_000) return `${Math.floor(durationMs / 60_000)} min`;
  if (durationMs < 2 * 86_400_000) return `${Math.floor(durationMs / 3_600_000)} h`;
  return `${Math.floor(durationMs / 86_400_000)} d`;
}

function dateText(moment: Date): string {
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
}

function two(count: number): string {
  return String(count).padStart(2, "0");
}
