/** The log of one process: one line an entry, to a file or to stderr. @module */
import type { Log, LogLevel } from "../ports.ts";

const encoder = new TextEncoder();

/** `2026-01-31T12:00:00.000Z warn torn tail cut file=log-3 offset=4096`, for one line whatever the text holds. */
export function formatLogLine(
  at: Date,
  level: LogLevel,
  text: string,
  fields: Readonly<Record<string, string | number>> = {},
): string {
  let line = `${at.toISOString()} ${level} ${text.replaceAll(/[\r\n]+/g, " | ")}`;
  for (const [name, value] of Object.entries(fields)) {
    const shown = String(value);
    line += ` ${name}=${/^[^\s"=\p{Cc}]+$/u.test(shown) ? shown : JSON.stringify(shown)}`;
  }
  return line;
}

/** Writes entries to a file, or to stderr where there is none. */
export class HostLog implements Log {
  readonly #sink: { writeSync(bytes: Uint8Array): number };
  readonly #file: Deno.FsFile | undefined;

  /** Appends to `path`, which is created for its owner alone. Throws what `Deno.openSync` throws. */
  constructor(path?: string) {
    this.#file = path === undefined
      ? undefined
      : Deno.openSync(path, { append: true, create: true, mode: 0o600 });
    this.#sink = this.#file ?? Deno.stderr;
  }

  /** Whether entries go to a file, where nobody who watches the terminal sees them. */
  get isFile(): boolean {
    return this.#file !== undefined;
  }

  write(level: LogLevel, text: string, fields?: Readonly<Record<string, string | number>>): void {
    const bytes = encoder.encode(formatLogLine(new Date(), level, text, fields) + "\n");
    try {
      for (let at = 0; at < bytes.length;) at += this.#sink.writeSync(bytes.subarray(at));
    } catch {
      // A log that cannot be written (disk full, closed pipe) must not stop the replica, and there is no place to say so.
    }
  }

  close(): void {
    this.#file?.close();
  }
}
