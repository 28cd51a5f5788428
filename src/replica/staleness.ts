/**
 * Whether the settings can keep what `staleness_bound_ms` promises: after the last heal and the last write every key is equal
 * on all its replicas within that time, where no more than 20,000 keys differ.
 * @module
 */
import type { Settings } from "./cluster_config.ts";
import type { ConfigProblem } from "./config_table.ts";
import type { KeyspaceConfig } from "./keyspace_config.ts";

/** Keys that may differ for the bound to hold. */
export const DIFFERING_KEYS_MAX = 20_000;

/** A question of anti-entropy that got lost is asked again after this. */
export const PATIENCE_MS = 1000;

/** A setting, and its part in the time until all copies are equal. */
interface Part {
  readonly name: string;
  readonly partMs: number;
  /** The same with the setting as it is where the file says nothing. */
  readonly usualMs: number;
  readonly wayOut: "lower" | "raise";
}

/**
 * In the worst case a link is dialled anew at the end of the longest pause, or a silent peer is noticed late; a comparison has
 * just been missed; a question gets lost; and the keys pass from replica to replica, twice as many having them each time.
 */
function partsOf(settings: Settings, copies: number): readonly Part[] {
  const rounds = Math.max(1, 32 - Math.clz32(copies - 1));
  const keysMs = (perSecond: number): number => Math.ceil(rounds * DIFFERING_KEYS_MAX * 1000 / perSecond);
  return [
    { name: "redial_cap_ms", partMs: settings.redialCapMs, usualMs: 1000, wayOut: "lower" },
    { name: "failure_timeout_ms", partMs: settings.failureTimeoutMs, usualMs: 1000, wayOut: "lower" },
    {
      name: "anti_entropy_interval_ms",
      partMs: settings.antiEntropyIntervalMs,
      usualMs: 2000,
      wayOut: "lower",
    },
    {
      name: "anti_entropy_keys_per_second",
      partMs: keysMs(settings.antiEntropyKeysPerSecond),
      usualMs: keysMs(20_000),
      wayOut: "raise",
    },
  ];
}

/** What stands against the promise: the setting that is furthest from what it usually is; undefined where all is well. */
export function stalenessProblem(
  settings: Settings,
  keyspaces: Iterable<KeyspaceConfig>,
): ConfigProblem | undefined {
  const copies = Math.max(
    0,
    ...Array.from(keyspaces, ({ antiEntropy, replication }) => antiEntropy ? replication : 0),
  );
  // Without anti-entropy, or with one copy, nothing is promised that it would have to keep.
  if (copies < 2) return undefined;
  const parts = partsOf(settings, copies);
  const worstMs = parts.reduce((sum, { partMs }) => sum + partMs, PATIENCE_MS);
  if (worstMs <= settings.stalenessBoundMs) return undefined;
  const [worst] = [...parts].sort((a, b) => (b.partMs - b.usualMs) - (a.partMs - a.usualMs)) as [Part];
  const isBoundLow = worst.partMs <= worst.usualMs;
  const name = isBoundLow ? "staleness_bound_ms" : worst.name;
  const sum = parts.map((part) => `${part.name} ${part.partMs} ms`).join(", ");
  return {
    path: `settings.${name}`,
    message:
      `staleness_bound_ms = ${settings.stalenessBoundMs} cannot be kept: it may take ${worstMs} ms until ` +
      `copies are equal (${sum}, a lost question ${PATIENCE_MS} ms); ` +
      (isBoundLow ? "" : `${worst.wayOut} ${worst.name}, or `) +
      `raise staleness_bound_ms to at least ${worstMs}`,
  };
}
