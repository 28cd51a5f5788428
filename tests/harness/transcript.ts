/** Protocol stories as text: commands, `----`, what the machine under test then says. `UPDATE=1` rewrites what it says. @module */
import { assertEquals } from "@std/assert";

/** One line of a story, such as `answer b v=none`. */
export interface Command {
  readonly name: string;
  /** Words without `=`. */
  readonly words: readonly string[];
  /** Words with `=`. */
  readonly fields: Readonly<Record<string, string>>;
}

/** Plays a story. Each block's lines run in order, and what they answer (empty answers left out) stands below `----`. */
export function playTranscript(file: URL, run: (command: Command) => string): void {
  const told = Deno.readTextFileSync(file);
  const blocks = told.trim().split(/\n\n+/).map((block) => {
    const lines = block.split("\n");
    const end = lines.indexOf("----");
    const asked = end < 0 ? lines : lines.slice(0, end);
    const said = asked.filter((line) => !line.startsWith("#")).map((line) => run(parse(line)));
    const answer = said.filter((text) => text !== "");
    return [...asked, ...(answer.length > 0 ? ["----", ...answer] : [])].join("\n");
  });
  const played = `${blocks.join("\n\n")}\n`;
  if (Deno.env.get("UPDATE") === "1") Deno.writeTextFileSync(file, played);
  else assertEquals(played, told, `${file.pathname} tells another story; UPDATE=1 rewrites it`);
}

function parse(line: string): Command {
  const [name = "", ...rest] = line.trim().split(/\s+/);
  const fields = rest.filter((word) => word.includes("=")).map((word) => {
    const at = word.indexOf("=");
    return [word.slice(0, at), word.slice(at + 1)];
  });
  return { name, words: rest.filter((word) => !word.includes("=")), fields: Object.fromEntries(fields) };
}
