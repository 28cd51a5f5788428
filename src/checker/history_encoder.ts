/** A history as text, one JSON object a line (`HISTORY.md`): events by time, as if they had been written down live. @module */
import type { History, Operation } from "./history.ts";
import { HISTORY_FORMAT } from "./history_parser.ts";

/** The lines of a history, each with its end. Their fields that nothing is known of are left out. */
export function encodeHistory(history: History): string {
  const { keyspace, copies, replicas, clockSpreadMs, deadlineMs, convergenceBoundMs } = history;
  const lines = [line({
    type: "history",
    format: HISTORY_FORMAT,
    keyspace,
    copies,
    replicas,
    clock_spread_ms: clockSpreadMs === Infinity ? undefined : clockSpreadMs,
    deadline_ms: deadlineMs,
    convergence_bound_ms: convergenceBoundMs,
  })];
  lines.push(...eventsByTime(history));
  for (const { replica, atMs, state } of history.snapshots ?? []) {
    lines.push(line({ type: "final", replica, time_ms: atMs }));
    for (const [key, { stamp, origin, value }] of state) {
      lines.push(line({ type: "final", replica, time_ms: atMs, key, version: { stamp, origin }, value }));
    }
  }
  return lines.join("");
}

/** Invocations, completions, faults and lost disks. */
function eventsByTime({ operations, faults = [], diskLosses }: History): string[] {
  const events: { readonly ms: number; readonly text: string }[] = [];
  for (const { atMs, untilMs, replicas, text } of faults) {
    events.push({
      ms: atMs,
      text: line({ type: "fault", time_ms: atMs, until_ms: untilMs, replicas: unlessEmpty(replicas), text }),
    });
  }
  for (const { replica, atMs } of diskLosses) {
    events.push({ ms: atMs, text: line({ type: "disk_loss", time_ms: atMs, replica }) });
  }
  // Why sorted first: at one moment a client ends the one thing before it begins the next.
  for (const operation of [...operations].sort((a, b) => a.invokedMs - b.invokedMs)) {
    events.push({ ms: operation.invokedMs, text: invocation(operation) });
    events.push({ ms: completionMs(operation), text: completion(operation) });
  }
  return events.sort((a, b) => a.ms - b.ms).map(({ text }) => text);
}

function invocation(operation: Operation): string {
  const { client, op, key, value, expected, required, coordinator, invokedMs, session, live } = operation;
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
    session,
    live,
  });
}

function completion(operation: Operation): string {
  const { client, op, value, outcome, version, acked, code } = operation;
  return line({
    type: outcome,
    time_ms: completionMs(operation),
    client,
    value: op === "get" && outcome === "ok" ? value ?? null : undefined,
    version: version && { stamp: version.stamp, origin: version.origin },
    code,
    acked: unlessEmpty(acked),
  });
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
