/** What a running process asks of the operating system, in order, as strace sees it. @module */

/** One system call. `begin` and `end` are places in one order of all begins and ends of all threads. */
export interface SystemCall {
  readonly name: string;
  /** Arguments and result as strace prints them, with the paths of files. */
  readonly text: string;
  readonly begin: number;
  readonly end: number;
}

/** Follows a process with all its threads. */
export class SystemCallTrace implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #file: string;
  #isStopped = false;

  private constructor(child: Deno.ChildProcess, file: string) {
    this.#child = child;
    this.#file = file;
  }

  /** Begins to follow; when this resolves, no call is missed. */
  static async start(pid: number, names: readonly string[]): Promise<SystemCallTrace> {
    const file = await Deno.makeTempFile({ prefix: "quartet-trace-" });
    const child = new Deno.Command("strace", {
      args: ["-f", "-y", "-s", "10000000", "-e", `trace=${names.join(",")}`, "-o", file, "-p", String(pid)],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const trace = new SystemCallTrace(child, file);
    const said = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; !text.includes("attached");) {
      const { value, done } = await said.read();
      if (done) throw new Error(`strace did not attach to ${pid}: ${text}`);
      text += value;
    }
    // What it says from here on (threads that come and go) is nobody's business.
    void (async () => {
      while (!(await said.read()).done);
    })();
    return trace;
  }

  /** Lets the process go; all calls that were seen. */
  async stop(): Promise<SystemCall[]> {
    await this.#end();
    const text = await Deno.readTextFile(this.#file);
    return parseTrace(text.trimEnd().split("\n"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    await Deno.remove(this.#file);
  }

  async #end(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#child.kill("SIGINT");
    await this.#child.status;
  }
}

const UNFINISHED = " <unfinished ...>";

/** Joins the two halves of calls during which another thread came to word. */
function parseTrace(lines: readonly string[]): SystemCall[] {
  const calls: SystemCall[] = [];
  const open = new Map<string, { name: string; text: string; begin: number }>();
  for (const [index, line] of lines.entries()) {
    const [, thread, rest] = /^(\d+) +(.*)$/s.exec(line) ?? [];
    if (thread === undefined || rest === undefined) continue;
    const resumed = /^<\.\.\. (\w+) resumed>(.*)$/s.exec(rest);
    if (resumed !== null) {
      const begun = open.get(thread);
      open.delete(thread);
      // One that had begun before we came.
      if (begun === undefined) continue;
      calls.push({ ...begun, text: begun.text + resumed[2], end: index });
      continue;
    }
    const [, name, text] = /^(\w+)\((.*)$/s.exec(rest) ?? [];
    if (name === undefined || text === undefined) continue;
    if (text.endsWith(UNFINISHED)) {
      open.set(thread, { name, text: text.slice(0, -UNFINISHED.length), begin: index });
    } else calls.push({ name, text, begin: index, end: index });
  }
  return calls;
}
