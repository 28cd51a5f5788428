/** Two measurements of the same rows, then and now: what changed, and whether the change is more than noise. @module */
import { formatTable } from "../../src/cli/table.ts";
import type { Measured, Row, Run } from "./measurement.ts";
import type { Spread } from "./median.ts";
import { micro, milliseconds } from "./report.ts";
import type { Results } from "./results.ts";
import { operationName } from "./system.ts";

const NONE = "–";
const MARK = "*";

/** Whether two measurements differ by more than their rounds do: the rounds of one all lie beyond those of the other. */
export function isBeyondNoise(then: Spread, now: Spread): boolean {
  return now.min > then.max || now.max < then.min;
}

/** Change of the median, such as `+12 %`; marked where it is beyond the noise. */
export function changeText(then: Spread, now: Spread): string {
  const percent = Math.round((now.median / then.median - 1) * 100);
  return `${percent > 0 ? "+" : ""}${percent} %${isBeyondNoise(then, now) ? ` ${MARK}` : ""}`;
}

/** A table of every row of now, beside what it was then. */
export function comparisonLines(
  { name, then, now }: { name: string; then: Results; now: Results },
): string[] {
  const head = [
    "op",
    "clients",
    "bytes",
    ...["ops/s then", "now", "change"],
    ...["ratio then", "now", "change"],
    ...["CPU µs/op then", "now", "change"],
    ...["p99 ms then", "now"],
    ...["max then", "now"],
  ];
  const rows = now.rows.map((row) => cellsOf(then.rows.find(({ run }) => isSameRun(run, row.run)), row));
  return [
    `compared with ${name}: ${then.takenAt.slice(0, 10)}, commit ${then.machine.commit}, ` +
    `${then.load.rounds} rounds of ${then.load.seconds} s, fdatasync p50 ${then.machine.fdatasyncUs} µs`,
    ...differencesOf(then, now),
    "",
    ...formatTable([head, ...rows]),
    `${MARK} beyond the noise: all rounds of now lie above all rounds of then, or all below`,
  ];
}

/** What makes absolute figures differ for other reasons than the code. */
function differencesOf(then: Results, now: Results): string[] {
  const differences: string[] = [];
  const tell = (what: string, before: unknown, after: unknown): void => {
    if (before !== after) differences.push(`${what}: ${before ?? "none"} then, ${after ?? "none"} now`);
  };
  for (const field of ["cpu", "cpuCount", "kernel", "deno", "peer"] as const) {
    tell(field, then.machine[field], now.machine[field]);
  }
  for (const field of ["connections", "coordinator", "generatorCount", "binary"] as const) {
    tell(field, then.load[field], now.load[field]);
  }
  return differences;
}

function cellsOf(then: Row | undefined, now: Row): string[] {
  const spread = (of: (row: Row) => Spread | undefined, show: (value: number) => string): string[] => {
    const [before, after] = [then && of(then), of(now)];
    return [
      before === undefined ? NONE : show(before.median),
      after === undefined ? NONE : show(after.median),
      before === undefined || after === undefined ? NONE : changeText(before, after),
    ];
  };
  const pair = (of: (ours: Measured) => number): string[] => [
    then === undefined ? NONE : milliseconds(of(then.ours)),
    milliseconds(of(now.ours)),
  ];
  return [
    operationName(now.run),
    String(now.run.clientCount),
    String(now.run.valueBytes),
    ...spread(({ ours }) => ours.perSecond, (value) => String(Math.round(value))),
    ...spread(({ ratio }) => ratio, (value) => value.toFixed(2)),
    ...spread(({ ours }) => ours.cpuUs, micro),
    ...pair(({ p99Us }) => p99Us),
    ...pair(({ maxUs }) => maxUs),
  ];
}

function isSameRun(a: Run, b: Run): boolean {
  return a.op === b.op && a.level === b.level && a.clientCount === b.clientCount &&
    a.valueBytes === b.valueBytes;
}
