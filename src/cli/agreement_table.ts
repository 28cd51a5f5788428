/** Whose copies agree, and since when, as a table: a row for each replica that answered, a column for each member. @module */
import type { Status } from "../protocol/reply.ts";
import type { StatusView } from "./cluster_view.ts";
import { shortDuration } from "./link_table.ts";
import { printable } from "./output.ts";

/** Rows of the table, the head first. Empty where nobody compares copies. */
export function agreementRows(views: readonly StatusView[]): string[][] {
  const statuses = views.flatMap(({ result }) => result.ok ? [result.value] : []);
  const isCompared = statuses.some(({ peers }) =>
    peers.some(({ agreed_ms_ago, repair }) => agreed_ms_ago !== undefined || repair !== undefined)
  );
  if (!isCompared) return [];
  const ids = views.map(({ replica }) => replica.id);
  return [
    ["equal to", ...ids],
    ...statuses.map((status) => [printable(status.id), ...ids.map((id) => cellOf(status, id))]),
  ];
}

/** Whether a cell says that two are being made equal. */
export function isRepairCell(text: string): boolean {
  return text.endsWith(" moved");
}

/** `2s ago`, `4711 moved` while a pass is under way, or `?` where they were not found equal yet. */
function cellOf(status: Status, id: string): string {
  if (id === status.id) return "-";
  const peer = status.peers.find((candidate) => candidate.id === id);
  if (peer?.repair !== undefined) return `${peer.repair.moved} moved`;
  return peer?.agreed_ms_ago === undefined ? "?" : `${shortDuration(peer.agreed_ms_ago)} ago`;
}
