/** The terminal around a session: a prompt, line editing, history, Tab and Ctrl-C. @module */
import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { complete, type Grammar } from "./completer.ts";
import { quoteWord, readTypedLine } from "./console_words.ts";
import type { HistoryFile } from "./history_file.ts";
import { Output } from "./output.ts";
import { LINE_FLAGS, type Session } from "./session.ts";
import { SESSION_ALIASES, SESSION_VERBS } from "./session_verbs.ts";
import { ALIASES, VERBS } from "./verbs.ts";

/** Lines that the arrows reach. */
const HISTORY_SIZE = 1000;

/** Reads and carries out lines until somebody leaves; gives the exit code. */
export async function runConsole(session: Session, history: HistoryFile, isJson: boolean): Promise<number> {
  const terminal = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: true,
    history: [...history.lines].reverse(),
    historySize: HISTORY_SIZE,
    removeHistoryDuplicates: true,
    completer: (line: string) => completeLine(line, session),
  });
  let running: AbortController | undefined;
  terminal.on("SIGINT", () => {
    if (running !== undefined) running.abort();
    else clearLine(terminal);
  });
  const prompt = (): void => {
    terminal.setPrompt(session.state.prompt);
    terminal.prompt();
  };
  prompt();
  for await (const line of terminal) {
    history.add(line);
    running = new AbortController();
    await session.run(line, new Output({ isJson }), running.signal);
    running = undefined;
    if (session.isOver) break;
    prompt();
  }
  terminal.close();
  // Ctrl-D leaves the cursor behind the prompt.
  if (!session.isOver) process.stdout.write("\n");
  return 0;
}

/** Candidates for the end of a line, and the part of it that they replace, as readline wants them. */
export function completeLine(line: string, { state }: Pick<Session, "state">): [string[], string] {
  const { words, partial, begin } = readTypedLine(line);
  const grammar: Grammar = {
    commands: [...VERBS, ...SESSION_VERBS],
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

function clearLine(terminal: Interface): void {
  if (terminal.line === "") {
    process.stdout.write("\n(exit or Ctrl-D leaves)\n");
    terminal.prompt();
    return;
  }
  terminal.write(null, { ctrl: true, name: "e" });
  terminal.write(null, { ctrl: true, name: "u" });
}
