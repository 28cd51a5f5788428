/** A soak in several processes, one a core: each runs its share of the seeds and tells of each run in a line of JSON. @module */
import { fromFileUrl } from "@std/path";
import type { MarkCounts } from "../../src/base/mark.ts";
import { plantedDraw } from "../../src/sim/planted.ts";
import type { RunResult } from "../../src/sim/sim_run.ts";
import { simulate } from "../../src/sim/simulation.ts";
import { print } from "../print.ts";
import { runFlags, type SoakOptions } from "./soak_options.ts";
import { tellBroken, tellRun, type Told } from "./told.ts";

/** One run as the soak was asked for it. */
export function runSeed(seed: number, { bug }: SoakOptions, marks?: MarkCounts): Promise<RunResult> {
  return simulate(seed, { ...(bug === undefined ? {} : plantedDraw(bug)), ...(marks ? { marks } : {}) });
}

/** Runs every `cores`-th seed and prints each result. */
export async function runShare(options: SoakOptions, share: number): Promise<void> {
  const { seeds, seconds, from, cores } = options;
  const endMs = performance.now() + seconds * 1000;
  for (let index = share; index < seeds && performance.now() < endMs; index += cores) {
    const seed = from + index;
    const marks: MarkCounts = new Map();
    // Why caught: a run that breaks is a finding of its seed, and the seeds behind it are still to be run.
    const told = await runSeed(seed, options, marks).then(
      (result) => tellRun(result, marks),
      (cause) => tellBroken(seed, cause),
    );
    print(JSON.stringify(told));
  }
}

/** The processes of one soak. */
export class Shares {
  readonly #children: readonly Deno.ChildProcess[];
  readonly #onResult: (result: Told) => void;
  #isStopped = false;

  /** Starts them; `script` takes `--share`. */
  constructor(script: URL, options: SoakOptions, onResult: (result: Told) => void) {
    this.#onResult = onResult;
    const path = fromFileUrl(script);
    this.#children = Array.from({ length: options.cores }, (_, share) =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", path, ...runFlags(options), "--share", String(share)],
        stdout: "piped",
      }).spawn());
  }

  /** Ends them all; what they are running now is lost. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const child of this.#children) {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has ended.
      }
    }
  }

  /** Resolves when all have ended: whether each of them came to its end, or was stopped. */
  async ended(): Promise<boolean> {
    const ends = await Promise.all(this.#children.map((child) => this.#readOf(child)));
    return this.#isStopped || ends.every((isWell) => isWell);
  }

  async #readOf(child: Deno.ChildProcess): Promise<boolean> {
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#onResult(JSON.parse(line) as Told);
    }
    return (await child.status).success;
  }
}
