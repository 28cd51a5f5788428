/** One replica as a child process: started, watched until it is ready, signalled, ended. @module */
import { join } from "@std/path";
import { formatLogLine } from "../../src/host/log.ts";
import { ROOT } from "../repository.ts";
import { lastLines, sizeOf } from "./log_file.ts";
import { findProcess, type OsProcess, pause } from "./os_process.ts";

/** How replicas are run. Paths are absolute. */
export interface Launch {
  readonly configFile: string;
  /** Each replica has a directory of its id, and a log beside it, in here. */
  readonly dataDirectory: string;
  /** The compiled binary; absent: the sources. */
  readonly binary?: string;
}

/**
 * - `idle`: not started yet, or stopped on request.
 * - `ended`: gone otherwise; `ReplicaProcess.ending` says how.
 */
export type ReplicaState = "idle" | "starting" | "ready" | "paused" | "stopping" | "ended";

/** A replica that did not become ready. The message holds its last log lines. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** Time for a replica to become ready. */
const READY_WITHIN_MS = 20_000;
/** Time for a replica to finish what is in flight before it is killed. */
const STOP_WITHIN_MS = 5000;
const EXCERPT_LINES = 12;

/** The command that runs `quartet` with these arguments, from the binary or from the sources. */
export function quartetCommand(binary: string | undefined, args: readonly string[]): [string, string[]] {
  return binary === undefined
    ? [Deno.execPath(), ["run", "-A", join(ROOT, "main.ts"), ...args]]
    : [binary, [...args]];
}

/** One replica and, while it runs, its process. */
export class ReplicaProcess {
  readonly id: string;
  readonly dataDirectory: string;
  readonly logFile: string;
  readonly #launch: Launch;
  readonly #onEnd: (replica: ReplicaProcess, wasExpected: boolean) => void;
  #state: ReplicaState = "idle";
  #ending = "";
  #exitCode: number | undefined;
  #child: Deno.ChildProcess | undefined;
  #process: OsProcess | undefined;
  #ended: Promise<void> = Promise.resolve();

  /** `onEnd` is called each time the process has ended; expected is what was asked for, or what fails `start`. */
  constructor(
    id: string,
    launch: Launch,
    onEnd: (replica: ReplicaProcess, wasExpected: boolean) => void = () => {},
  ) {
    this.id = id;
    this.dataDirectory = join(launch.dataDirectory, id);
    this.logFile = join(launch.dataDirectory, `${id}.log`);
    this.#launch = launch;
    this.#onEnd = onEnd;
  }

  get state(): ReplicaState {
    return this.#state;
  }

  /** How the last process ended, such as `ended with exit code 9`. */
  get ending(): string {
    return this.#ending;
  }

  /** That of the last process, once it has ended; 128 and more for a signal. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** The running process. */
  get process(): OsProcess | undefined {
    return this.#process;
  }

  /** Resolves when there is no process. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /**
   * Starts the process, with further flags, and resolves when it says `ready`. Rejects with `StartError`.
   * Requires: no process.
   */
  async start(flags: readonly string[] = []): Promise<void> {
    if (this.#child) throw new Error(`${this.id} runs already`);
    Deno.mkdirSync(this.#launch.dataDirectory, { recursive: true, mode: 0o700 });
    const logBegin = sizeOf(this.logFile);
    const [command, args] = quartetCommand(this.#launch.binary, [
      "replica",
      ...["--config", this.#launch.configFile],
      ...["--id", this.id],
      ...["--data", this.dataDirectory],
      ...["--log", this.logFile],
      ...flags,
    ]);
    const child = new Deno.Command(command, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      // Why: a Ctrl-C in the terminal must reach the supervisor alone, which then ends each replica once.
      detached: true,
    }).spawn();
    this.#child = child;
    this.#process = findProcess(child.pid) ?? { pid: child.pid, startMark: "" };
    this.#state = "starting";
    const ready = Promise.withResolvers<"ready">();
    const isReady = (line: string): boolean => line === "ready" || line.startsWith("ready ");
    this.#ended = this.#watch(child, (line) => isReady(line) && ready.resolve("ready"));
    const timeout = Promise.withResolvers<"late">();
    const timer = setTimeout(() => timeout.resolve("late"), READY_WITHIN_MS);
    const outcome = await Promise.race([
      ready.promise,
      timeout.promise,
      this.#ended.then(() => "gone" as const),
    ]);
    clearTimeout(timer);
    if (outcome === "ready") {
      if (this.#state === "starting") this.#state = "ready";
      return;
    }
    if (outcome === "late") await this.kill();
    const what = outcome === "late"
      ? `was not ready within ${READY_WITHIN_MS / 1000} s and was killed`
      : `${this.#ending} before it was ready`;
    const excerpt = lastLines(this.logFile, EXCERPT_LINES, logBegin).map((line) => `  ${this.id} | ${line}\n`)
      .join("");
    throw new StartError(`${this.id} ${what}. The end of ${this.logFile}:\n${excerpt}`.trimEnd());
  }

  /** Ends the process in good order: it finishes what is in flight. Kills it when that takes too long. */
  async stop(): Promise<void> {
    if (!this.#child) return;
    this.#state = "stopping";
    this.#signal("SIGTERM");
    // Why: a paused process hears SIGTERM only when it goes on.
    this.#signal("SIGCONT");
    const timer = setTimeout(() => {
      this.#log(`was killed: it had not stopped within ${STOP_WITHIN_MS / 1000} s`);
      this.#signal("SIGKILL");
    }, STOP_WITHIN_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Ends the process as a crash would (SIGKILL). */
  async kill(): Promise<void> {
    if (!this.#child) return;
    this.#state = "stopping";
    this.#signal("SIGKILL");
    await this.#ended;
  }

  /** Stops the process in its tracks (SIGSTOP): to its peers it looks like a dead one. Requires: it is ready. */
  async pause(): Promise<void> {
    if (this.#state !== "ready") {
      throw new Error(`${this.id} is ${this.#state}, only a ready replica can be paused`);
    }
    this.#signal("SIGSTOP");
    this.#state = "paused";
    // Why: the signal is taken when the process is next scheduled, and callers count on it.
    while (Deno.build.os === "linux" && this.#process && !isStopped(this.#process.pid)) await pause(1);
  }

  /** Lets a paused process go on (SIGCONT). */
  resume(): void {
    if (this.#state !== "paused") throw new Error(`${this.id} is ${this.#state}, not paused`);
    this.#signal("SIGCONT");
    this.#state = "ready";
  }

  async #watch(child: Deno.ChildProcess, onLine: (line: string) => void): Promise<void> {
    const [status] = await Promise.all([
      child.status,
      readLines(child.stdout, onLine),
      readLines(child.stderr, (line) => this.#logOnce(line)),
    ]);
    const wasAsked = this.#state === "stopping";
    const wasExpected = wasAsked || this.#state === "starting";
    this.#exitCode = status.code;
    this.#ending = status.signal === null
      ? `ended with exit code ${status.code}`
      : `was ended by ${status.signal}`;
    this.#state = wasAsked && status.code === 0 ? "idle" : "ended";
    this.#child = undefined;
    this.#process = undefined;
    this.#onEnd(this, wasExpected);
  }

  /** Last words: of a replica that could not open its log, or of Deno itself. The replica logs most of its own. */
  #logOnce(line: string): void {
    const text = line.replace(/^error: /, "").trim();
    if (lastLines(this.logFile, EXCERPT_LINES).some((logged) => logged.includes(text))) return;
    if (line.startsWith("error: ")) this.#log(text, "error");
    else this.#log(line);
  }

  #log(line: string, level: "info" | "error" = "info"): void {
    try {
      Deno.writeTextFileSync(this.logFile, formatLogLine(new Date(), level, line) + "\n", {
        append: true,
        mode: 0o600,
      });
    } catch (error) {
      // The directory may be full or gone; the replica's own errors tell of that.
      if (!(error instanceof Error)) throw error;
    }
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child?.kill(signal);
    } catch {
      // It ended a moment ago; `#watch` says so.
    }
  }
}

function isStopped(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
  } catch {
    // Gone, which is as still as it gets.
    return true;
  }
}

async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) onLine(line);
  }
  if (rest !== "") onLine(rest);
}
