/** The processes that generate load, as the one that measures sees them. @module */
import { fromFileUrl } from "@std/path";
import { Histogram } from "./histogram.ts";
import type { LoadCommand } from "./load_run.ts";
import type { LoadResult } from "./tally.ts";

const LOAD_FILE = fromFileUrl(new URL("load.ts", import.meta.url));

/** What a process says during and after a run. */
type LoadReport =
  /** Counting begins. */
  | { readonly kind: "measuring" }
  /** Operations so far, once a second. */
  | { readonly kind: "progress"; readonly operationCount: number }
  | { readonly kind: "done" } & LoadResult;

/** What came of one run over all processes. */
export interface LoadOutcome {
  readonly operationCount: number;
  readonly perSecond: number;
  readonly latency: Histogram;
  readonly errorCount: number;
  readonly firstError: string | undefined;
}

/** Called while a run goes on. */
export interface LoadListener {
  /** Every process has begun to count. */
  onMeasuring?(): Promise<void>;
  /** Operations so far, over all processes. */
  onProgress?(operationCount: number): void;
}

/** One process. */
class LoadProcess {
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #reports: AsyncIterator<LoadReport>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor() {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", LOAD_FILE],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.#reports = readReports(this.#child.stdout);
    this.#writer = this.#child.stdin.getWriter();
  }

  async begin(command: LoadCommand): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(JSON.stringify(command) + "\n"));
  }

  /** The next report. Rejects when the process has ended instead. */
  async next(): Promise<LoadReport> {
    const { value, done } = await this.#reports.next();
    if (done) throw new Error(`a process that generates load ended; its last words stand above`);
    return value;
  }

  async close(): Promise<void> {
    // A process that is gone has closed its input already.
    await this.#writer.close().catch(() => {});
    await this.#child.status;
  }
}

/** A group of processes that share the clients of each run. */
export class LoadProcesses implements AsyncDisposable {
  readonly #processes: readonly LoadProcess[];

  constructor(count: number) {
    this.#processes = Array.from({ length: count }, () => new LoadProcess());
  }

  get pids(): number[] {
    return this.#processes.map(({ pid }) => pid);
  }

  /** Runs clients, shared among the processes, to the end. */
  async run(command: LoadCommand, listener: LoadListener = {}): Promise<LoadOutcome> {
    const shares = shareOut(command, this.#processes.length);
    const busy = this.#processes.slice(0, shares.length);
    await Promise.all(busy.map((process, index) => process.begin(shares[index]!)));
    const first = await Promise.all(busy.map((process) => process.next()));
    if (first.every(({ kind }) => kind === "measuring")) await listener.onMeasuring?.();
    const counts = busy.map(() => 0);
    const results = await Promise.all(busy.map(async (process, index) => {
      for (;;) {
        const report = await process.next();
        if (report.kind === "done") return report;
        if (report.kind === "progress") counts[index] = report.operationCount;
        listener.onProgress?.(counts.reduce((sum, count) => sum + count, 0));
      }
    }));
    return joinResults(results);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.close()));
  }
}

/**
 * Splits clients, connections, operations and keys taken in turn as evenly as may be; fewer shares where there are too
 * few connections.
 */
export function shareOut(command: LoadCommand, processCount: number): LoadCommand[] {
  const count = Math.min(processCount, command.connectionCount);
  return Array.from({ length: count }, (_, index) => {
    const part = (total: number): number => Math.floor((total + index) / count);
    const { until, keys } = command;
    return {
      ...command,
      keys: keys === "uniform" ? keys : { begin: keys.begin + index * keys.step, step: keys.step * count },
      clientCount: part(command.clientCount),
      connectionCount: part(command.connectionCount),
      until: "operationCount" in until ? { operationCount: part(until.operationCount) } : until,
    };
  });
}

function joinResults(results: readonly LoadResult[]): LoadOutcome {
  const latency = new Histogram();
  for (const result of results) latency.merge(Histogram.from(result.latency));
  return {
    operationCount: latency.count,
    perSecond: results.reduce(
      (sum, { operationCount, elapsedMs }) => sum + operationCount / elapsedMs * 1000,
      0,
    ),
    latency,
    errorCount: results.reduce((sum, { errorCount }) => sum + errorCount, 0),
    firstError: results.find(({ firstError }) => firstError !== undefined)?.firstError,
  };
}

async function* readReports(stream: ReadableStream<Uint8Array>): AsyncGenerator<LoadReport> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line) as LoadReport;
  }
}
