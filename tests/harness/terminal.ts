/** A person at a terminal: a command under a pseudo-terminal, keys typed into it, and what it shows. @module */
import { ROOT } from "../../scripts/repository.ts";
import { eventually } from "./eventually.ts";

/** Generous, because it only counts where something is wrong. */
const SHOWN_WITHIN_MS = 20_000;

/** What keys send. */
export const KEYS = {
  enter: "\r",
  tab: "\t",
  up: "\x1b[A",
  ctrlC: "\x03",
  ctrlD: "\x04",
  ctrlU: "\x15",
  ctrlZ: "\x1a",
} as const;

/** How a terminal is set up. */
export interface TerminalOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
}

/** One command under a terminal. Requires: `script` is installed. */
export class Terminal implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array>;
  readonly #isOver: Promise<void>;
  #raw = "";
  /** Up to where what was shown has been looked at. */
  #seen = 0;

  private constructor(
    command: string,
    args: readonly string[],
    { env = {}, columns = 100 }: TerminalOptions,
  ) {
    const line = [command, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    this.#child = new Deno.Command("script", {
      args: ["-qec", `stty cols ${columns} rows 30; exec ${line}`, "/dev/null"],
      cwd: ROOT,
      env: { TERM: "xterm", NO_COLOR: "1", ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#keys = this.#child.stdin.getWriter();
    this.#isOver = this.#read();
  }

  /** Starts the command. */
  static open(command: string, args: readonly string[], options: TerminalOptions = {}): Terminal {
    return new Terminal(command, args, options);
  }

  /** Everything shown so far, as it came. */
  get raw(): string {
    return this.#raw;
  }

  /** Everything shown so far, without the sequences that move the cursor and colour text. */
  get text(): string {
    return this.#raw
      // deno-lint-ignore no-control-regex
      .replaceAll(/\x1b(?:\[[0-9;?]*[A-Za-z]|[=>]|\][^\x07]*\x07)/g, "")
      .replaceAll("\r", "");
  }

  /** Types keys. */
  async type(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.#keys.write(new TextEncoder().encode(key));
  }

  /** Types a line and Enter. */
  async enter(line: string): Promise<void> {
    await this.type(line, KEYS.enter);
  }

  /** Waits until what was shown since the last match has this in it; the match, and everything before it counts as seen. */
  async shows(pattern: RegExp | string): Promise<RegExpExecArray> {
    const wanted = typeof pattern === "string"
      ? new RegExp(pattern.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      : pattern;
    const match = await eventually(() => wanted.exec(this.text.slice(this.#seen)) ?? undefined, {
      withinMs: SHOWN_WITHIN_MS,
      what: `the terminal shows ${wanted}`,
    }).catch((cause) => {
      throw new Error(
        `the terminal shows, behind what was seen:\n${JSON.stringify(this.text.slice(this.#seen))}`,
        {
          cause,
        },
      );
    });
    this.#seen += match.index + match[0].length;
    return match;
  }

  /** Resolves when the command has ended, to its exit code; rejects when it does not end. */
  async ended(): Promise<number> {
    let code: number | undefined;
    void this.#child.status.then((status) => this.#isOver.then(() => code = status.code));
    return await eventually(() => code, { withinMs: SHOWN_WITHIN_MS, what: "the command ends" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keys.close().catch(() => {});
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.ended();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stdout) this.#raw += decoder.decode(chunk, { stream: true });
  }
}
