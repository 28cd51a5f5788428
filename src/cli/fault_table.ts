/** What is broken on purpose and for how much longer, as a table. @module */
import type { ActiveFault } from "../protocol/fault.ts";
import { spanText } from "./machine_table.ts";
import { printable } from "./output.ts";

/** The faults of one replica. */
export interface FaultView {
  readonly id: string;
  readonly faults: readonly ActiveFault[];
}

/** Rows of the table, the head first. Empty where nothing is broken. */
export function faultRows(views: readonly FaultView[]): string[][] {
  const rows = views.flatMap(({ id, faults }) =>
    faults.map((fault) => [printable(id), faultText(fault), spanText(fault.left_ms)])
  );
  return rows.length === 0 ? [] : [["on", "fault", "ends in"], ...rows];
}

/** `cut from r3 r4`, `paused`, `clock 60.0 s ahead`. */
export function faultText(fault: ActiveFault): string {
  switch (fault.kind) {
    case "cut": {
      const peers = fault.peers.map(printable).join(" ");
      if (fault.way === "both") return `cut from ${peers}`;
      return fault.way === "to" ? `nothing goes to ${peers}` : `nothing comes from ${peers}`;
    }
    case "delay":
      return `each line ${fault.delay_ms} ms late`;
    case "drop":
      return `${fault.percent} % of lines lost`;
    case "pause":
      return "paused";
    case "skew":
      return `clock ${spanText(Math.abs(fault.skew_ms))} ${fault.skew_ms > 0 ? "ahead" : "behind"}`;
    default:
      // A replica of a later version may have more.
      return printable(String((fault as { kind: unknown }).kind));
  }
}
