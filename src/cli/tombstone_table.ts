/** Deletes that wait to be forgotten, as a table: a row for each replica and keyspace that has some. @module */
import type { StatusView } from "./cluster_view.ts";
import { printable } from "./output.ts";

/** Rows of the table, the head first. Empty where no delete waits. */
export function tombstoneRows(views: readonly StatusView[]): string[][] {
  const rows = views.flatMap(({ result }) =>
    !result.ok ? [] : (result.value.tombstones ?? []).filter(({ held }) => held > 0).map((each) => [
      printable(result.value.id),
      printable(each.keyspace),
      String(each.held),
      String(each.collected),
      each.held_back_by.length === 0 ? "time" : each.held_back_by.map(printable).join(" "),
    ])
  );
  return rows.length === 0 ? [] : [["deletes", "keyspace", "kept", "forgotten", "waits for"], ...rows];
}
