/** Measurements as text for a person. @module */
import { formatTable } from "../../src/cli/table.ts";
import type { Machine } from "./machine.ts";
import type { Measured, Row } from "./measurement.ts";
import type { Spread } from "./median.ts";
import type { LoadShape, Results } from "./results.ts";
import { operationName } from "./system.ts";

/** A generator that keeps a processor this busy may be what limits the rate. */
const GENERATOR_BUSY_MAX = 0.85;

const RATE_COLUMNS = ["op", "clients", "bytes", "store", "ops/s (min–max)", "ratio (min–max)"];
const LATENCY_COLUMNS = ["p50 ms", "p99", "p99.9", "max", "errors"];
const COST_COLUMNS = ["CPU µs/op", "by process", "load", "syncs/op", "RSS MB"];
const COLUMNS = [...RATE_COLUMNS, ...LATENCY_COLUMNS, ...COST_COLUMNS];

/** The lines above the figures: what was measured on what. */
export function headerLines(machine: Machine, binary: string): string[] {
  const { kernel, deno, peer, commit, cpu, cpuCount, fdatasyncUs, loadAverage } = machine;
  return [
    `quartet ${commit} from ${binary}, Deno ${deno}${peer === undefined ? "" : `, ${peer}`}`,
    `${cpuCount} × ${cpu}, ${kernel}, load average ${loadAverage.toFixed(2)}`,
    `fdatasync p50 ${fdatasyncUs} µs (512 bytes into a file filled beforehand)`,
  ];
}

/** One line saying how the load was made. */
export function loadLine({ rounds, seconds, connections, coordinator, generatorCount }: LoadShape): string {
  return `${rounds} ${
    rounds === 1 ? "round" : "rounds"
  } of ${seconds} s, connections: ${connections}, coordinator: ${coordinator}, ` +
    `${generatorCount} generating process${generatorCount === 1 ? "" : "es"}`;
}

/** The figures as a table, and remarks on what spoils them. */
export function rowLines(rows: readonly Row[], { generatorCount }: LoadShape): string[] {
  const lines = formatTable([COLUMNS, ...cellsOf(rows)]);
  for (const { run, ours, peer } of rows) {
    for (const [store, measured] of [["ours", ours], ["peer", peer]] as const) {
      if (measured?.firstError === undefined) continue;
      lines.push(
        `${operationName(run)} at ${run.clientCount}, ${store}: ${measured.errorCount} errors, ` +
          `the first: ${measured.firstError}`,
      );
    }
  }
  const busiest = Math.max(
    ...rows.flatMap(({ ours, peer }) => [ours.generatorBusy, peer?.generatorBusy ?? 0]),
  ) / generatorCount;
  if (busiest > GENERATOR_BUSY_MAX) {
    lines.push(
      `the load took up to ${Math.round(busiest * 100)} % of a processor for each generating process; ` +
        `it may be the limit: try --generators ${generatorCount + 1} on a machine with processors to spare`,
    );
  }
  return lines;
}

/** Kept results in Markdown: what they were measured on, and a table. */
export function markdownLines({ takenAt, machine, load, rows }: Results): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    `- ${takenAt.slice(0, 10)}`,
    ...[...headerLines(machine, load.binary), loadLine(load)].map((text) => `- ${text}`),
    "",
    line(COLUMNS),
    line(COLUMNS.map(() => "---")),
    ...cellsOf(rows).map(line),
  ];
}

function cellsOf(rows: readonly Row[]): string[][] {
  return rows.flatMap(({ run, ours, peer, ratio }) => {
    const head = [operationName(run), String(run.clientCount), String(run.valueBytes)];
    const own = [
      ...head,
      "quartet",
      rateText(ours.perSecond),
      ratio ? ratioText(ratio) : "",
      ...costsOf(ours),
    ];
    return peer === undefined
      ? [own]
      : [own, [...head, "peer", rateText(peer.perSecond), "", ...costsOf(peer)]];
  });
}

function costsOf(measured: Measured): string[] {
  return [
    ...[measured.p50Us, measured.p99Us, measured.p999Us, measured.maxUs].map(milliseconds),
    String(measured.errorCount),
    micro(measured.cpuUs.median),
    measured.serverCpuUs.map(micro).join(" "),
    micro(measured.generatorCpuUs),
    syncsText(measured),
    measured.rssBytes.map((bytes) => Math.round(bytes / 1e6)).join(" "),
  ];
}

/** As the store counts, or as strace does where it does not. */
function syncsText({ syncsPerOperation, tracedSyncsPerOperation }: Measured): string {
  if (tracedSyncsPerOperation === undefined) return syncsPerOperation?.toFixed(3) ?? "";
  const traced = `${tracedSyncsPerOperation.toFixed(3)} (strace)`;
  return syncsPerOperation === undefined ? traced : `${syncsPerOperation.toFixed(3)}, ${traced}`;
}

/** Operations per second with the smallest and the greatest round. */
export function rateText({ median, min, max }: Spread): string {
  return `${Math.round(median)} (${Math.round(min)}–${Math.round(max)})`;
}

/** A ratio with the smallest and the greatest round. */
export function ratioText({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
}

/** Bytes for a person. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Microseconds as milliseconds. */
export function milliseconds(us: number): string {
  return (us / 1000).toFixed(us < 10_000 ? 2 : 1);
}

/** Microseconds. */
export function micro(us: number): string {
  return us.toFixed(us < 10 ? 1 : 0);
}
