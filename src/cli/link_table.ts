/** Who reaches whom and since when, as a table: a row for each replica that answered, a column for each member. @module */
import type { Status } from "../protocol/reply.ts";
import type { StatusView } from "./cluster_view.ts";
import { printable } from "./output.ts";

/** Rows of the table, the head first. Empty where nobody answered, or there is nobody to see. */
export function linkRows(views: readonly StatusView[]): string[][] {
  const statuses = views.flatMap(({ result }) => result.ok ? [result.value] : []);
  const ids = views.map(({ replica }) => replica.id);
  if (statuses.length === 0 || ids.length < 2) return [];
  return [
    ["sees", ...ids],
    ...statuses.map((status) => [printable(status.id), ...ids.map((id) => cellOf(status, id))]),
  ];
}

/** Whether a cell says that a replica is not reached. */
export function isDownCell(text: string): boolean {
  return text.startsWith("DOWN");
}

function cellOf(status: Status, id: string): string {
  if (id === status.id) return "-";
  const peer = status.peers.find((candidate) => candidate.id === id);
  if (peer === undefined) return "?";
  const since = peer.changed_ms_ago === undefined ? "" : ` ${shortDuration(peer.changed_ms_ago)}`;
  return `${peer.alive ? "up" : "DOWN"}${since}`;
}

/** `12s`, `5m`, `3h`, `2d`: seven replicas must fit a terminal of 80 columns. */
export function shortDuration(durationMs: number): string {
  const seconds = Math.floor(durationMs / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
