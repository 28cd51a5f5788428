/**
 * A process that generates load: closed-loop clients, each of which asks again as soon as it has its answer. Commands
 * come as lines on stdin, reports go as lines to stdout; `load_process.ts` is the other end.
 * @module
 */
import { Connection } from "../../src/client/connection.ts";
import type { Level } from "../../src/protocol/level.ts";
import { print } from "../print.ts";
import { pause } from "../supervisor/os_process.ts";
import { Histogram, type HistogramCounts } from "./histogram.ts";

/** One run of clients. */
export interface LoadCommand {
  readonly op: "put" | "get";
  readonly level: Level;
  readonly clientCount: number;
  /** Clients share these evenly. */
  readonly connectionCount: number;
  /** Connections go to these in turn. */
  readonly places: readonly { readonly host: string; readonly port: number }[];
  readonly valueBytes: number;
  /** Operations that end before this time are not counted. */
  readonly warmUpMs: number;
  /** When the run ends: after a time, or after so many operations. */
  readonly until: { readonly durationMs: number } | { readonly operationCount: number };
}

/** What is said during and after a run. */
export type LoadReport =
  /** Counting begins. */
  | { readonly kind: "measuring" }
  /** Operations so far, once a second. */
  | { readonly kind: "progress"; readonly operationCount: number }
  | LoadResult;

/** What came of a run. Counts and times are of operations that succeeded. */
export interface LoadResult {
  readonly kind: "done";
  readonly operationCount: number;
  readonly elapsedMs: number;
  readonly latency: HistogramCounts;
  readonly errorCount: number;
  readonly firstError?: string;
}

const TIMEOUT_MS = 10_000;
const PROGRESS_MS = 1000;
const KEY_COUNT = 256;
const VALUE_COUNT = 64;

/** Counts of one run. */
class Tally {
  readonly #latency = new Histogram();
  readonly #limit: number;
  #beganMs: number | undefined;
  #elapsedMs: number | undefined;
  #startedCount = 0;
  #errorCount = 0;
  #firstError: string | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get operationCount(): number {
    return this.#latency.count;
  }

  /** Whether one more operation belongs to this run; answering true takes it. */
  takeNext(): boolean {
    return this.#elapsedMs === undefined && this.#startedCount++ < this.#limit;
  }

  begin(): void {
    this.#beganMs = performance.now();
  }

  end(): void {
    this.#elapsedMs ??= performance.now() - this.#beganMs!;
  }

  onEnd(durationMs: number, error: string | undefined): void {
    if (this.#beganMs === undefined || this.#elapsedMs !== undefined) return;
    if (error === undefined) return this.#latency.add(durationMs * 1000);
    this.#errorCount++;
    this.#firstError ??= error;
  }

  /** Requires: ended. */
  result(): LoadResult {
    return {
      kind: "done",
      operationCount: this.#latency.count,
      elapsedMs: this.#elapsedMs!,
      latency: this.#latency.counts(),
      errorCount: this.#errorCount,
      ...(this.#firstError === undefined ? {} : { firstError: this.#firstError }),
    };
  }
}

async function runLoad(command: LoadCommand): Promise<void> {
  const { places, connectionCount, clientCount, until, warmUpMs } = command;
  const connections = await Promise.all(
    Array.from({ length: connectionCount }, (_, index) => {
      const { host, port } = places[index % places.length]!;
      return Connection.open({ host, port, timeoutMs: TIMEOUT_MS });
    }),
  );
  const tally = new Tally("operationCount" in until ? until.operationCount : Infinity);
  const values = Array.from({ length: VALUE_COUNT }, () => drawText(command.valueBytes));
  if (warmUpMs === 0) tally.begin();
  const clients = Promise.all(Array.from(
    { length: clientCount },
    (_, index) => runClient(connections[index % connections.length]!, { command, tally, values }),
  ));
  if (warmUpMs > 0) {
    await pause(warmUpMs);
    tally.begin();
  }
  report({ kind: "measuring" });
  const progress = setInterval(
    () => report({ kind: "progress", operationCount: tally.operationCount }),
    PROGRESS_MS,
  );
  if ("durationMs" in until) {
    await pause(until.durationMs);
    tally.end();
  }
  await clients;
  tally.end();
  clearInterval(progress);
  report(tally.result());
  for (const connection of connections) connection.close();
  await Promise.all(connections.map((connection) => connection.closed));
}

async function runClient(
  connection: Connection,
  { command: { op, level }, tally, values }: {
    readonly command: LoadCommand;
    readonly tally: Tally;
    readonly values: readonly string[];
  },
): Promise<void> {
  while (tally.takeNext()) {
    const key = Math.floor(Math.random() * KEY_COUNT);
    const value = values[key % VALUE_COUNT]!;
    const beganMs = performance.now();
    const result = await connection.request(
      op === "put" ? { op, key, value, level } : { op, key, level },
      { timeoutMs: TIMEOUT_MS },
    );
    const error = result.ok ? undefined : `${result.failure.code}: ${result.failure.message}`;
    tally.onEnd(performance.now() - beganMs, error);
    // Why: a lost connection answers at once, and a client that asks it again and again would burn the processor.
    if (error !== undefined) await pause(1);
  }
}

/** Text of this length, so varied that nothing can pack it. */
function drawText(length: number): string {
  let text = "";
  while (text.length < length) text += Math.random().toString(36).slice(2);
  return text.slice(0, length);
}

function report(line: LoadReport): void {
  print(JSON.stringify(line));
}

if (import.meta.main) {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) await runLoad(JSON.parse(line) as LoadCommand);
  }
}
