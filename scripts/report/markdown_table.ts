/** Tables in Markdown. @module */

/** The lines of a table. Where there is no row, a line that says so. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(" | ")} |`;
  if (rows.length === 0) return ["None."];
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}

/** What a person wrote, as it is: no markup, no second cell, no second line. */
export function plainText(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll(/[\\`*_<>[\]]/g, "\\$&");
}

function escaped(cell: string): string {
  return cell.replaceAll("|", "\\|").replaceAll("\n", " ");
}
