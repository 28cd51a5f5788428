/** Reading the replicas' log files: their ends, their merged lines, and what is being added. @module */

/** Bytes from the end of a file that are looked at. */
const TAIL_BYTES = 256 * 1024;
/** How often a followed file is looked at. */
const POLL_MS = 100;

/** One line and where it came from. */
export interface LogLine {
  readonly id: string;
  readonly text: string;
}

/** The last lines of a file, or of what follows `offset` in it; none when there is no file. */
export function lastLines(path: string, count: number, offset = -TAIL_BYTES): string[] {
  const { text } = readFrom(path, offset);
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return count <= 0 ? [] : lines.slice(-count);
}

/** The last lines of several logs, in the order of their times. Lines without a time stay with the one before. */
export function mergedLines(logs: readonly { id: string; path: string }[], count: number): LogLine[] {
  const timed = logs.flatMap(({ id, path }) => {
    let time = "";
    return lastLines(path, count).map((text) => {
      time = /^\d{4}-\d\d-\d\dT\S+/.exec(text)?.[0] ?? time;
      return { id, text, time };
    });
  });
  timed.sort((a, b) => a.time < b.time ? -1 : a.time > b.time ? 1 : 0);
  return timed.slice(-count).map(({ id, text }) => ({ id, text }));
}

/** Hands on the lines that are added to files from now on. */
export class LogFollower {
  readonly #files: { readonly id: string; readonly path: string; offset: number; rest: string }[];
  readonly #onLine: (line: LogLine) => void;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(logs: readonly { id: string; path: string }[], onLine: (line: LogLine) => void) {
    this.#files = logs.map(({ id, path }) => ({ id, path, offset: sizeOf(path), rest: "" }));
    this.#onLine = onLine;
    this.#timer = setInterval(() => this.poll(), POLL_MS);
  }

  /** Looks once. */
  poll(): void {
    for (const file of this.#files) {
      // Why: a file that shrank was removed and made anew.
      if (sizeOf(file.path) < file.offset) file.offset = 0;
      const { text, end } = readFrom(file.path, file.offset);
      file.offset = end;
      const lines = (file.rest + text).split("\n");
      file.rest = lines.pop()!;
      for (const line of lines) this.#onLine({ id: file.id, text: line });
    }
  }

  /** Looks a last time and stops. */
  close(): void {
    clearInterval(this.#timer);
    this.poll();
  }
}

/** Bytes in a file; none when there is no file. */
export function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    // Not written yet.
    return 0;
  }
}

/** Text from `offset` (negative: from the end, at the start of a line) to the end. */
function readFrom(path: string, offset: number): { text: string; end: number } {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch {
    // Not written yet.
    return { text: "", end: 0 };
  }
  try {
    const size = file.statSync().size;
    const begin = offset < 0 ? Math.max(0, size + offset) : Math.min(offset, size);
    file.seekSync(begin, Deno.SeekMode.Start);
    const bytes = new Uint8Array(size - begin);
    let filled = 0;
    for (let read = 1; filled < bytes.length && read > 0; filled += read) {
      read = file.readSync(bytes.subarray(filled)) ?? 0;
    }
    const text = new TextDecoder().decode(bytes.subarray(0, filled));
    const isCut = offset < 0 && begin > 0;
    return { text: isCut ? text.slice(text.indexOf("\n") + 1) : text, end: begin + filled };
  } finally {
    file.close();
  }
}
