/** The terminal around a session: a prompt, line editing, history, Tab and Ctrl-C. @module */
import process from "node:process";
import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from "node:readline";
import { complete, type Grammar } from "./completer.ts";
import { quoteWord, readTypedLine } from "./console_words.ts";
import type { HistoryFile } from "./history_file.ts";
import { Output, printable, widthOfTerminal } from "./output.ts";
import { LINE_FLAGS, type Session } from "./session.ts";
import { SESSION_ALIASES, SESSION_VERBS } from "./session_verbs.ts";
import { wrapLine } from "./table.ts";
import { ALIASES, LINE_VERBS } from "./verbs.ts";

/** Lines that the arrows reach. */
const HISTORY_SIZE = 1000;

/** Reads and carries out lines until somebody leaves; gives the exit code. */
export async function runConsole(session: Session, history: HistoryFile, isJson: boolean): Promise<number> {
  await new Console(session, history, isJson).over;
  return 0;
}

class Console {
  /** Resolves when somebody left; rejects when carrying out a line broke an invariant. */
  readonly over: Promise<void>;
  readonly #session: Session;
  readonly #history: HistoryFile;
  readonly #isJson: boolean;
  readonly #terminal: Interface;
  /** Typed, and not begun yet. */
  #lines: string[] = [];
  /** The line that is being carried out. */
  #running: AbortController | undefined;
  #isClosed = false;

  constructor(session: Session, history: HistoryFile, isJson: boolean) {
    this.#session = session;
    this.#history = history;
    this.#isJson = isJson;
    const terminal = createInterface({
      input: process.stdin,
      output: process.stdout,
      terminal: true,
      history: [...history.lines].reverse(),
      historySize: HISTORY_SIZE,
      removeHistoryDuplicates: true,
      completer: (line: string) => completeLine(line, session),
    });
    this.#terminal = terminal;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.over = promise;
    terminal.on("line", (line) => {
      this.#lines.push(line);
      if (this.#running === undefined) this.#work().then(() => this.#isClosed && resolve(), reject);
    });
    terminal.on("SIGINT", () => this.#interrupt());
    // Why not suspended: deno task and npx do not stop with us, and no shell would have the terminal back.
    terminal.on(
      "SIGTSTP",
      () => this.#running ?? this.#say("(Ctrl-Z does not suspend; exit or Ctrl-D leaves)"),
    );
    terminal.on("close", () => {
      this.#isClosed = true;
      // Ctrl-D leaves the cursor behind the prompt.
      if (!session.isOver) process.stdout.write("\n");
      if (this.#running === undefined) resolve();
    });
    session.caller.watch((replica) => this.#onLost(replica).catch(reject));
    this.#prompt();
  }

  #prompt({ isTyping = false } = {}): void {
    if (this.#isClosed) return;
    this.#terminal.setPrompt(this.#session.state.prompt);
    this.#terminal.prompt(isTyping);
  }

  async #work(): Promise<void> {
    let isTypedAhead = false;
    for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift()) {
      // Why again: several lines at once, pasted say, were shown above the answer of the first.
      if (isTypedAhead) process.stdout.write(`${this.#session.state.prompt}${printable(line)}\n`);
      isTypedAhead = true;
      this.#history.add(line);
      // Why here, before the first await: a Ctrl-C right behind the line is meant for it.
      this.#running = new AbortController();
      await this.#session.run(line, new Output({ isJson: this.#isJson }), this.#running.signal);
      this.#running = undefined;
      if (this.#session.isOver) return this.#terminal.close();
    }
    this.#prompt();
  }

  #interrupt(): void {
    if (this.#running !== undefined) {
      this.#lines = [];
      this.#running.abort();
    } else if (this.#terminal.line === "") {
      process.stdout.write("\n(exit or Ctrl-D leaves)\n");
      this.#prompt();
    } else {
      this.#terminal.write(null, { ctrl: true, name: "e" });
      this.#terminal.write(null, { ctrl: true, name: "u" });
    }
  }

  /** A connection to this replica has ended. */
  async #onLost(replica: string): Promise<void> {
    const { state } = this.#session;
    // While a line runs its own failure tells.
    if (replica !== state.coordinator || this.#running !== undefined || this.#isJson) return;
    const message = await this.#session.lookForCoordinator(new Output({ isJson: false }).paintOut);
    if (message === undefined || this.#isClosed) return;
    this.#say(message);
  }

  /** Says something in a line of its own; what is being typed stays. */
  #say(message: string): void {
    if (this.#running === undefined) eraseLine(this.#terminal);
    process.stdout.write(`${wrapLine(message, widthOfTerminal(Deno.stdout))}\n`);
    if (this.#running === undefined) this.#prompt({ isTyping: true });
  }
}

/** Candidates for the end of a line, and the part of it that they replace, as readline wants them. */
export function completeLine(line: string, { state }: Pick<Session, "state">): [string[], string] {
  const { words, partial, begin } = readTypedLine(line);
  const grammar: Grammar = {
    commands: [...LINE_VERBS, ...SESSION_VERBS],
    aliases: new Map([...ALIASES, ...SESSION_ALIASES]),
    flags: LINE_FLAGS,
    knowledge: {
      keyspaces: [...state.cluster.keyspaces.keys()],
      replicas: state.cluster.replicas,
      keys: state.recentKeys,
    },
  };
  const completion = complete(words, partial, grammar);
  const texts = completion === "files" ? [] : completion.map(({ text }) => quoteWord(text));
  // A word that is certain is over.
  return [texts.length === 1 ? [`${texts[0]} `] : texts, line.slice(begin)];
}

/** Takes prompt and line off the screen, so that something can be said in their place. */
function eraseLine(terminal: Interface): void {
  moveCursor(process.stdout, 0, -terminal.getCursorPos().rows);
  cursorTo(process.stdout, 0);
  clearScreenDown(process.stdout);
}
