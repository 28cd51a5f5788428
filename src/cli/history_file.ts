/** The lines that were typed, kept between consoles in a file that only its owner reads. Never fails a console. @module */
import { dirname, join } from "@std/path";
import { writeAll } from "./output.ts";

/** Lines that are remembered. */
const LINE_COUNT_MAX = 1000;

/** A longer line, a large value for example, is not written down. */
const LINE_LENGTH_MAX = 4096;

/** Where the history lies: undefined where none is wanted, or nobody's home is known. */
export function historyPath(env: { get(name: string): string | undefined }): string | undefined {
  const asked = env.get("QUARTET_HISTORY");
  if (asked !== undefined) return asked === "" ? undefined : asked;
  const state = env.get("XDG_STATE_HOME");
  if (state) return join(state, "quartet", "history");
  const home = env.get("HOME") ?? env.get("USERPROFILE");
  return home ? join(home, ".quartet_history") : undefined;
}

/** What was typed in this console and in earlier ones. */
export class HistoryFile {
  readonly #path: string | undefined;
  readonly #onTrouble: (message: string) => void;
  #lines: string[] = [];
  #isBroken = false;

  /** Reads what is there. `onTrouble` is told once when the file cannot be read or written. */
  constructor(path: string | undefined, onTrouble: (message: string) => void) {
    this.#path = path;
    this.#onTrouble = onTrouble;
    this.#attempt((file) => this.#read(file));
  }

  /** The oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Remembers a line, unless it is the last one again. */
  add(line: string): void {
    if (line.trim() === "" || line === this.#lines.at(-1)) return;
    this.#lines.push(line);
    if (this.#lines.length > LINE_COUNT_MAX) this.#lines.shift();
    if (line.length > LINE_LENGTH_MAX) return;
    // Why appended: two consoles at once lose nothing of each other.
    this.#attempt((file) => {
      Deno.mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      // Why not `writeTextFileSync`: its mode is also set on what was there before, a device for example.
      using handle = Deno.openSync(file, { append: true, create: true, mode: 0o600 });
      writeAll(handle, `${line}\n`);
    });
  }

  #read(file: string): void {
    let text: string;
    try {
      text = Deno.readTextFileSync(file);
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return;
      throw cause;
    }
    const lines = text.split("\n").filter((line) => line !== "");
    this.#lines = lines.slice(-LINE_COUNT_MAX);
    // Why: whoever wants no history may name /dev/null, and root could close that to everybody.
    if (!Deno.statSync(file).isFile) return;
    // Only its owner may read what was typed, even where the file was there before.
    if (Deno.build.os !== "windows") Deno.chmodSync(file, 0o600);
    if (lines.length <= 2 * LINE_COUNT_MAX) return;
    const shorter = `${file}.${Deno.pid}`;
    Deno.writeTextFileSync(shorter, `${this.#lines.join("\n")}\n`, { mode: 0o600 });
    Deno.renameSync(shorter, file);
  }

  #attempt(work: (file: string) => void): void {
    if (this.#path === undefined || this.#isBroken) return;
    try {
      work(this.#path);
    } catch (cause) {
      this.#isBroken = true;
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#onTrouble(
        `the history is not kept: ${reason}; QUARTET_HISTORY names another file, or none when it is empty`,
      );
    }
  }
}
