/** Measurements as text for a person. @module */
import { formatTable } from "../../src/cli/table.ts";
import type { Machine } from "./machine.ts";
import type { Measured } from "./measurement.ts";
import type { BenchOptions } from "./options.ts";

/** A generator that keeps a processor this busy may be what limits the rate. */
const GENERATOR_BUSY_MAX = 0.85;

/** The lines above the figures: what was measured on what. */
export function headerLines(machine: Machine, { binary }: BenchOptions): string[] {
  const { deno, commit, cpu, cpuCount, fdatasyncUs, loadAverage } = machine;
  return [
    `quartet ${commit} from ${binary ?? "source"}, Deno ${deno}`,
    `${cpuCount} × ${cpu}, load average ${loadAverage.toFixed(2)}`,
    `fdatasync p50 ${fdatasyncUs} µs (512 bytes into a file filled beforehand)`,
  ];
}

/** One line saying how the load was made. */
export function loadLine(options: BenchOptions): string {
  const { rounds, seconds, valueBytes, connectionCount, coordinator, generatorCount } = options;
  return `${rounds} rounds of ${seconds} s, values of ${valueBytes} bytes, ` +
    `${connectionCount === undefined ? "one connection a client" : `${connectionCount} connections`}, ` +
    `coordinator ${coordinator ?? "each in turn"}, ` +
    `${generatorCount} generating process${generatorCount === 1 ? "" : "es"}`;
}

/** The figures as a table, and remarks on what spoils them. */
export function measuredLines(all: readonly Measured[], { generatorCount }: BenchOptions): string[] {
  const rows = all.map((measured) => {
    const { run, perSecond } = measured;
    return [
      `${run.op}-${run.level}`,
      String(run.clientCount),
      `${Math.round(perSecond.median)} (${Math.round(perSecond.min)}–${Math.round(perSecond.max)})`,
      ...[measured.p50Us, measured.p99Us, measured.p999Us, measured.maxUs].map(milliseconds),
      String(measured.errorCount),
      micro(measured.cpuUs),
      measured.replicaCpuUs.map(micro).join(" "),
      micro(measured.generatorCpuUs),
      measured.syncsPerOperation.toFixed(3),
      measured.rssBytes.map((bytes) => Math.round(bytes / 1e6)).join(" "),
    ];
  });
  const head = ["op", "clients", "ops/s (min–max)", "p50 ms", "p99", "p99.9", "max", "errors"];
  const costs = ["CPU µs/op", "by replica", "load", "syncs/op", "RSS MB by replica"];
  const lines = formatTable([[...head, ...costs], ...rows]);
  for (const { run, firstError, errorCount } of all) {
    if (firstError === undefined) continue;
    lines.push(
      `${run.op}-${run.level} at ${run.clientCount}: ${errorCount} errors, the first: ${firstError}`,
    );
  }
  const busiest = Math.max(...all.map(({ generatorBusy }) => generatorBusy)) / generatorCount;
  if (busiest > GENERATOR_BUSY_MAX) {
    lines.push(
      `the load took up to ${Math.round(busiest * 100)} % of a processor for each generating process; ` +
        `it may be the limit: try --generators ${generatorCount + 1} on a machine with processors to spare`,
    );
  }
  return lines;
}

/** Bytes for a person. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function milliseconds(us: number): string {
  return (us / 1000).toFixed(us < 10_000 ? 2 : 1);
}

function micro(us: number): string {
  return us.toFixed(us < 10 ? 1 : 0);
}
