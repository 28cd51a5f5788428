/** A history as text, one JSON object a line (`HISTORY.md`): whole, by time, or line by line while it happens. @module */
import {
  heldVersions,
  type History,
  type HistoryFault,
  type HistoryVersion,
  type Operation,
  type Snapshot,
} from "./history.ts";
import { HISTORY_FORMAT } from "./history_parser.ts";

/** The lines of a history, each with its end. Their fields that nothing is known of are left out. */
export function encodeHistory(history: History): string {
  const lines = [encodeHeader(history), ...eventsByTime(history)];
  for (const [key, replicas] of history.holders ?? []) lines.push(encodeHolders(key, replicas));
  for (const snapshot of history.snapshots ?? []) lines.push(encodeSnapshot(snapshot));
  return lines.join("");
}

/** The first line. */
export function encodeHeader(
  { keyspace, copies, replicas, clockSpreadMs, deadlineMs, convergenceBoundMs, collectsTombstones }: Omit<
    History,
    "operations" | "diskLosses"
  >,
): string {
  return line({
    type: "history",
    format: HISTORY_FORMAT,
    keyspace,
    copies,
    replicas,
    clock_spread_ms: clockSpreadMs === Infinity ? undefined : clockSpreadMs,
    deadline_ms: deadlineMs,
    convergence_bound_ms: convergenceBoundMs,
    collects_tombstones: collectsTombstones === true ? true : undefined,
  });
}

/** What a replica held at a time: a line for the look at it, and one for each version of each key. */
export function encodeSnapshot({ replica, atMs, state }: Snapshot): string {
  const lines = [line({ type: "final", replica, time_ms: atMs })];
  for (const [key, held] of state) {
    for (const { value, ...version } of heldVersions(held)) {
      lines.push(line({ type: "final", replica, time_ms: atMs, key, version: nameOf(version), value }));
    }
  }
  return lines.join("");
}

/** Who is to hold a copy of a key, where not all are. */
export function encodeHolders(key: string, replicas: Iterable<string>): string {
  return line({ type: "holders", key, replicas: [...replicas] });
}

/** Something that was done to the cluster. */
export function encodeFault({ atMs, untilMs, replicas, text }: HistoryFault): string {
  return line({ type: "fault", time_ms: atMs, until_ms: untilMs, replicas: unlessEmpty(replicas), text });
}

/** A disk that was lost with all it held. */
export function encodeDiskLoss({ replica, atMs }: History["diskLosses"][number]): string {
  return line({ type: "disk_loss", time_ms: atMs, replica });
}

/** How far clocks were apart, as it became known during a run. */
export function encodeClocks(spreadMs: number): string {
  return line({ type: "clocks", spread_ms: spreadMs });
}

/** Invocations, completions, faults and lost disks. */
function eventsByTime({ operations, faults = [], diskLosses }: History): string[] {
  const events: { readonly ms: number; readonly text: string }[] = [];
  for (const fault of faults) events.push({ ms: fault.atMs, text: encodeFault(fault) });
  for (const loss of diskLosses) events.push({ ms: loss.atMs, text: encodeDiskLoss(loss) });
  // Why sorted first: at one moment a client ends the one thing before it begins the next.
  for (const operation of [...operations].sort((a, b) => a.invokedMs - b.invokedMs)) {
    events.push({ ms: operation.invokedMs, text: encodeInvocation(operation) });
    events.push({ ms: completionMs(operation), text: encodeCompletion(operation) });
  }
  return events.sort((a, b) => a.ms - b.ms).map(({ text }) => text);
}

/** A client begins. */
export function encodeInvocation(operation: Omit<Operation, "endedMs" | "outcome" | "acked">): string {
  const { client, op, key, value, expected, required, coordinator, invokedMs } = operation;
  return line({
    type: "invoke",
    time_ms: invokedMs,
    client,
    op,
    key,
    value: op === "get" ? undefined : value,
    expected,
    required,
    coordinator: coordinator === "" ? undefined : coordinator,
    session: operation.session,
    live: operation.live,
    context: operation.context?.map(nameOf),
  });
}

/** What came of it. `coordinator` is said where it is another one than the client asked first. */
export function encodeCompletion(
  operation: Operation,
  { coordinator }: { readonly coordinator?: string } = {},
): string {
  const { client, op, value, outcome, version, siblings, acked, code, maybeStale } = operation;
  return line({
    type: outcome,
    time_ms: completionMs(operation),
    client,
    value: op === "get" && outcome === "ok" ? value ?? null : undefined,
    version: version && nameOf(version),
    siblings: siblings?.map(({ value: content = null, ...sibling }) => ({
      ...nameOf(sibling),
      value: content,
    })),
    maybe_stale: maybeStale,
    code,
    acked: unlessEmpty(acked),
    coordinator,
  });
}

function nameOf({ stamp, origin }: HistoryVersion): HistoryVersion {
  return { stamp, origin };
}

function completionMs({ outcome, invokedMs, endedMs, gaveUpMs = invokedMs }: Operation): number {
  return outcome === "info" ? gaveUpMs : endedMs;
}

function unlessEmpty(names: readonly string[]): readonly string[] | undefined {
  return names.length === 0 ? undefined : names;
}

/** Fields that are undefined are left out. */
function line(fields: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(fields)}\n`;
}
