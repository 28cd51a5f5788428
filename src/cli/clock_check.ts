/** Whether clocks agree, judged as `status` judges them: by the median. Pure. @module */
import { referenceClockMs, spanText } from "./machine_table.ts";
import { FAIL_EXIT, failing, type Finding, fine, warning } from "./finding.ts";

/** A difference that nobody need care about: stamps of the same second are rarely told apart by people. */
const UNSAID_MS = 1000;

/** A peer's clock as seen from here. */
export interface PeerClock {
  readonly id: string;
  /** Its wall clock minus ours. */
  readonly aheadMs: number;
}

const HOW = "for example timedatectl set-ntp true";

/** Findings about our clock, and about each peer's that is far from all others. */
export function clockFindings(clocks: readonly PeerClock[], skewMaxMs: number): Finding[] {
  if (clocks.length === 0) return [];
  const names = clocks.map(({ id }) => id).join(" ");
  const reference = referenceClockMs(clocks.map(({ aheadMs }) => aheadMs));
  const lead = 0 - reference;
  const findings = [ownFinding(lead, names, { skewMaxMs, isAlone: clocks.length === 1 })];
  for (const { id, aheadMs } of clocks) {
    const off = aheadMs - reference;
    if (Math.abs(off) <= UNSAID_MS) continue;
    findings.push(
      warning("clock", `the clock of ${id} is ${offText(off)} the others`, `set the clock of ${id}, ${HOW}`),
    );
  }
  return findings;
}

function ownFinding(
  lead: number,
  names: string,
  { skewMaxMs, isAlone }: { skewMaxMs: number; isAlone: boolean },
): Finding {
  const others = isAlone ? names : `the median of ${names} and this one`;
  if (Math.abs(lead) <= UNSAID_MS) return fine("clock", `within ${UNSAID_MS} ms of ${others}`);
  const text = `the clock of this machine is ${offText(lead)} ${others}`;
  const mend = isAlone
    ? `set the clock of the one that is wrong, ${HOW}`
    : `set the clock of this machine, ${HOW}`;
  if (Math.abs(lead) <= skewMaxMs) return warning("clock", text, mend);
  return failing("clock", `${text}, and clock_skew_max_ms is ${skewMaxMs}`, mend, FAIL_EXIT.passes);
}

function offText(offMs: number): string {
  return `${spanText(Math.abs(offMs))} ${offMs > 0 ? "ahead of" : "behind"}`;
}
