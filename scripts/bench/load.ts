/**
 * A process that generates load: closed-loop clients, each of which asks again as soon as it has its answer. Commands
 * come as lines on stdin, reports go as lines to stdout; `load_process.ts` is the other end.
 * @module
 */
import { print } from "../print.ts";
import { type LoadCommand, LoadRun } from "./load_run.ts";
import { Tally } from "./tally.ts";

const PROGRESS_MS = 1000;
/** A wait never takes longer, so that the end of a run is seen in time. */
const WAIT_MS_MAX = 20;

function runLoad(command: LoadCommand): void {
  const { until, warmUpMs } = command;
  const tally = new Tally("operationCount" in until ? until.operationCount : Infinity);
  const run = new LoadRun(command, tally);
  const startMs = performance.now();
  const beginMs = startMs + warmUpMs;
  const endMs = "durationMs" in until ? beginMs + until.durationMs : Infinity;
  let progressMs = beginMs + PROGRESS_MS;
  if (warmUpMs === 0) begin(tally);
  run.start();
  while (!run.isOver) {
    run.turn(WAIT_MS_MAX);
    const nowMs = performance.now();
    if (!tally.hasBegun && nowMs >= beginMs) begin(tally);
    if (nowMs >= endMs) tally.end();
    if (nowMs >= progressMs) {
      progressMs += PROGRESS_MS;
      print(JSON.stringify({ kind: "progress", operationCount: tally.operationCount }));
    }
  }
  // A run whose connections were all lost may end before it counts.
  if (!tally.hasBegun) begin(tally);
  tally.end();
  run.close();
  print(JSON.stringify({ kind: "done", ...tally.result() }));
}

function begin(tally: Tally): void {
  tally.begin();
  print(JSON.stringify({ kind: "measuring" }));
}

if (import.meta.main) {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) runLoad(JSON.parse(line) as LoadCommand);
  }
}
