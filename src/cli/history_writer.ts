/** A history that is written down while it happens: whatever ends the client, what was written so far can be read. @module */
import { UsageError } from "./arguments.ts";
import { OutputLostError, writeWhole } from "./output.ts";

/** Lines of one history on their way into a file, and the clock that they are told by. */
export class HistoryWriter implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #startMs = performance.now();
  #lost: string | undefined;
  readonly #onLost: () => void;

  /** Empties the file. `onLost` is told once when it cannot be written any more. Throws `UsageError`. */
  constructor(path: string, onLost: () => void) {
    this.#onLost = onLost;
    try {
      this.#file = Deno.openSync(path, { write: true, create: true, truncate: true });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : cause;
      throw new UsageError(`--history ${path} cannot be written: ${reason}`);
    }
  }

  /** Milliseconds since the history began; they never go back. */
  nowMs(): number {
    // Microseconds are enough, and readable.
    return Math.round((performance.now() - this.#startMs) * 1000) / 1000;
  }

  /** Why the file could not be written, once that was so. */
  get lost(): string | undefined {
    return this.#lost;
  }

  /** Appends whole lines. */
  write(lines: string): void {
    if (this.#lost !== undefined) return;
    try {
      writeWhole(this.#file, lines);
    } catch (cause) {
      if (!(cause instanceof OutputLostError)) throw cause;
      this.#lost = cause.message;
      this.#onLost();
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}
