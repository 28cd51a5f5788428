/** What a run says at its end: for a person, and as JSON. @module */
import type { FuzzOutcome } from "./fuzz_run.ts";
import { growthOf } from "./judge.ts";

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
    `  polite in quiet:      ${latency(seen.quiet)}`,
    `  polite under attack:  ${latency(seen.attacked)}`,
    `  this machine: the judge itself stood still ${seen.standstill.count} times, ${seen.standstill.worstMs} ms at worst`,
    ...violations.map((violation) => `  VIOLATED ${violation}`),
    ...(violations.length > 0 ? [`  logs, and the order of attacks: ${directory}`] : []),
  ];
}

/** A run as plain data. */
export function outcomeJson({ seen, violations }: FuzzOutcome): unknown {
  return {
    attacks: seen.spent.attacks,
    connections: seen.spent.opened,
    connections_not_taken: seen.spent.unopened,
    bytes: seen.spent.bytes,
    rss: Object.fromEntries(Object.entries(seen.rssBytes).map(([id, sizes]) => [id, growthOf(sizes)])),
    requests: seen.requestCount,
    requests_not_done: seen.undoneCount,
    standstill: { count: seen.standstill.count, worst_ms: seen.standstill.worstMs },
    quiet: quantiles(seen.quiet),
    attacked: quantiles(seen.attacked),
    violations,
  };
}

type Times = FuzzOutcome["seen"]["quiet"];

function quantiles(times: Times): Readonly<Record<string, number>> {
  return {
    count: times.count,
    p50_us: times.quantileUs(0.5),
    p99_us: times.quantileUs(0.99),
    p999_us: times.quantileUs(0.999),
    max_us: times.maxUs,
  };
}

function latency(times: Times): string {
  const ms = (us: number): string => (us / 1000).toFixed(1);
  return `${times.count} requests, p50 ${ms(times.quantileUs(0.5))} ms, p99 ${
    ms(times.quantileUs(0.99))
  } ms, ` +
    `p99.9 ${ms(times.quantileUs(0.999))} ms, max ${ms(times.maxUs)} ms`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
