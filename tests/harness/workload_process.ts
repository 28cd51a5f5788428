/** `quartet client workload` as a process of its own, which goes on until a test has seen enough. @module */
import { ROOT } from "../../scripts/repository.ts";
import { quartetCommand } from "../../scripts/supervisor/replica_process.ts";
import { eventually } from "./eventually.ts";
import { binaryUnderTest, type CommandResult } from "./processes.ts";

/** Longer than any test. */
const SECONDS = 3600;

const WRITTEN_WITHIN_MS = 20_000;

/** Starts it on the cluster of this `cluster.toml`, with further flags. */
export function spawnWorkload(config: string, history: string, ...flags: string[]): Deno.ChildProcess {
  const [command, args] = quartetCommand(binaryUnderTest(), [
    ...["client", "--config", config],
    ...["workload", "--history", history, "--seconds", String(SECONDS)],
    ...flags,
  ]);
  const env = { NO_COLOR: "1" };
  return new Deno.Command(command, { args: [...args], cwd: ROOT, env, stdout: "piped", stderr: "piped" })
    .spawn();
}

/** A workload that goes on until it gets Ctrl-C: however slow the machine is, what is to happen meanwhile does. */
export class WorkloadProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<Deno.CommandOutput>;
  #isEnded = false;

  constructor(config: string, history: string, ...flags: string[]) {
    this.#child = spawnWorkload(config, history, "--json", ...flags);
    this.#ended = this.#child.output().finally(() => this.#isEnded = true);
  }

  /** Ends the clients; resolves when keys were read and replicas compared. */
  async interrupt(): Promise<CommandResult> {
    if (!this.#isEnded) this.#child.kill("SIGINT");
    const { code, stdout, stderr } = await this.#ended;
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  /** Kills it, where a test ended before it did. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isEnded) this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

/** Waits until a history has more than so many operations that are done. */
export async function untilWritten(path: string, count: number): Promise<void> {
  await eventually(async () => {
    const text = await Deno.readTextFile(path).catch(() => "");
    return text.split('"type":"ok"').length > count;
  }, { withinMs: WRITTEN_WITHIN_MS, what: `the history has ${count} operations that are done` });
}

/** The lines of a history. */
export async function historyLines(path: string): Promise<Record<string, unknown>[]> {
  const text = await Deno.readTextFile(path);
  return text.trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The text of a history with these lines. */
export function historyText(lines: readonly Record<string, unknown>[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}
