/** What a run says at its end: for a person, and as JSON. @module */
import type { FuzzOutcome } from "./fuzz_run.ts";
import type { Histogram } from "../bench/histogram.ts";
import { growthOf, type Observations, unprovedOf } from "./judge.ts";
import { excusedOf, lengthMs, longestMs, stalledShare } from "./stalls.ts";

/** A run in lines. */
export function outcomeLines(name: string, { seen, violations, directory }: FuzzOutcome): string[] {
  const { attacks, bytes, opened, unopened } = seen.spent;
  const attackCount = Object.values(attacks).reduce((sum, count) => sum + count, 0);
  const kinds = Object.entries(attacks).sort().map(([kind, count]) => `${kind} ${count}`).join(", ");
  return [
    `${name}: ${attackCount} attacks over ${opened} connections (${unopened} not taken), ${
      megabytes(bytes)
    } sent`,
    `  ${kinds}`,
    ...Object.entries(seen.rssBytes).map(([id, sizes]) => {
      const { startBytes, endBytes, peakBytes } = growthOf(sizes);
      const times = (endBytes / Math.max(1, startBytes)).toFixed(2);
      return `  ${id} RSS ${megabytes(startBytes)} → ${megabytes(endBytes)} (× ${times}), peak ${
        megabytes(peakBytes)
      }`;
    }),
    `  polite requests: ${seen.requestCount}, not done: ${seen.undoneCount}`,
    ...excuseLines(seen),
    ...latencyLines(seen),
    `  this machine: load up to ${
      seen.load.max.toFixed(1)
    } on ${seen.load.processors} processors; the judge itself ` +
    `stood still ${timesText(seen.standstill.count)}, ${seen.standstill.worstMs} ms at worst`,
    `  its disk: ${diskText(seen)}`,
    ...unprovedOf(seen).map((text) => `  UNPROVED ${text}`),
    ...violations.map((violation) => `  VIOLATED ${violation}`),
    ...(violations.length > 0 ? [`  logs, and the order of attacks: ${directory}`] : []),
  ];
}

/** A run as plain data. */
export function outcomeJson({ seen, violations }: FuzzOutcome): Readonly<Record<string, unknown>> {
  return {
    attacks: seen.spent.attacks,
    connections: seen.spent.opened,
    connections_not_taken: seen.spent.unopened,
    bytes: seen.spent.bytes,
    rss: Object.fromEntries(Object.entries(seen.rssBytes).map(([id, sizes]) => [id, growthOf(sizes)])),
    requests: seen.requestCount,
    requests_not_done: seen.undoneCount,
    requests_excused: excusedOf(seen.undone, seen.disk?.stalls ?? []).length,
    disk: seen.disk === undefined ? null : {
      watched_ms: seen.disk.watchedMs,
      worst_ms: seen.disk.worstMs,
      stalls: seen.disk.stalls.map(({ beganMs, endedMs }) => ({ began_ms: beganMs, ended_ms: endedMs })),
    },
    load: seen.load,
    standstill: { count: seen.standstill.count, worst_ms: seen.standstill.worstMs },
    quiet: quantiles(seen.quiet.all),
    attacked: quantiles(seen.attacked.all),
    quiet_without_stalls: quantiles(seen.quiet.unstalled),
    attacked_without_stalls: quantiles(seen.attacked.unstalled),
    unproved: unprovedOf(seen),
    violations,
  };
}

function excuseLines({ undone, disk }: Observations): string[] {
  const excused = excusedOf(undone, disk?.stalls ?? []);
  if (disk === undefined || excused.length === 0) return [];
  return [
    `  excused: ${excused.length} of them were late because the disk stood still, as the judge saw itself, ` +
    `longest ${seconds(longestMs(disk.stalls))}`,
  ];
}

function latencyLines({ quiet, attacked, disk }: Observations): string[] {
  const lines = [
    `  polite in quiet:      ${latency(quiet.all)}`,
    `  polite under attack:  ${latency(attacked.all)}`,
  ];
  if (disk === undefined || disk.stalls.length === 0) return lines;
  return [
    ...lines,
    `  without the moments in which the disk stood still, which is what is judged:`,
    `    in quiet:           ${latency(quiet.unstalled)}`,
    `    under attack:       ${latency(attacked.unstalled)}`,
  ];
}

function diskText({ disk }: Observations): string {
  if (disk === undefined) return "unknown, its probe ended by itself";
  const { stalls, watchedMs, worstMs } = disk;
  const watched = `a probe of its own synced a few bytes all the time, ${worstMs} ms at worst`;
  if (stalls.length === 0) return `did not stand still; ${watched}`;
  return `stood still ${timesText(stalls.length)}, ${seconds(lengthMs(stalls))} of ${seconds(watchedMs)} ` +
    `(${(100 * stalledShare(disk)).toFixed(2)} %); ${watched}`;
}

function timesText(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function quantiles(times: Histogram): Readonly<Record<string, number>> {
  return {
    count: times.count,
    p50_us: times.quantileUs(0.5),
    p99_us: times.quantileUs(0.99),
    p999_us: times.quantileUs(0.999),
    max_us: times.maxUs,
  };
}

function latency(times: Histogram): string {
  const ms = (us: number): string => (us / 1000).toFixed(1);
  return `${times.count} requests, p50 ${ms(times.quantileUs(0.5))} ms, p99 ${
    ms(times.quantileUs(0.99))
  } ms, ` +
    `p99.9 ${ms(times.quantileUs(0.999))} ms, max ${ms(times.maxUs)} ms`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
