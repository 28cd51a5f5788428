/** Runs what a report tells of: the tests and the soaks, each in a process of its own that tells its results as data. @module */
import { join } from "@std/path";
import { ROOT, runDeno } from "../repository.ts";
import type { PlantedRow } from "../soak/planted_row.ts";
import type { SoakSummary } from "../soak/soak_tally.ts";
import type { Ended } from "./report_data.ts";
import { parseTestResults, type TestResult } from "./test_results.ts";

/** Somebody does not want to wait: there is no page. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
  readonly exitCode: number;

  constructor(exitCode: number) {
    super("interrupted: no page was written");
    this.exitCode = exitCode;
  }
}

/** What a process ends with that Ctrl-C or SIGTERM ended. */
const INTERRUPTED = [130, 143];

/** Runs the tests that match, or all. What they print goes to this terminal, a dot for each. */
export async function runTests(filter: string | undefined): Promise<Ended<TestResult[]>> {
  const directory = await Deno.makeTempDir({ prefix: "quartet-report-" });
  try {
    const path = join(directory, "tests.xml");
    const filters = filter === undefined ? [] : [filter];
    const flags = ["--reporter=dot", `--junit-path=${path}`];
    const exitCode = await runDeno(["run", "-A", "scripts/test.ts", ...filters, "--", ...flags]);
    if (INTERRUPTED.includes(exitCode)) throw new InterruptedError(exitCode);
    const xml = await Deno.readTextFile(path).catch((cause) => {
      // Where nothing could be loaded nothing is written, and the exit code tells.
      if (cause instanceof Deno.errors.NotFound) return "";
      throw cause;
    });
    return { value: parseTestResults(xml), exitCode };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Runs simulated clusters. */
export function runSoak(seeds: number): Promise<Ended<SoakSummary>> {
  return soakAsData<SoakSummary>(["--seeds", String(seeds)]);
}

/** Plants each known bug. */
export function runPlanted(): Promise<Ended<PlantedRow[]>> {
  return soakAsData<PlantedRow[]>(["--planted"]);
}

async function soakAsData<T>(args: readonly string[]): Promise<Ended<T>> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "scripts/soak.ts", ...args, "--json"],
    cwd: ROOT,
    stdout: "piped",
    stderr: "inherit",
  }).output();
  if (INTERRUPTED.includes(code)) throw new InterruptedError(code);
  const last = new TextDecoder().decode(stdout).trimEnd().split("\n").at(-1) ?? "";
  if (!last.startsWith("{") && !last.startsWith("[")) {
    throw new Error(
      `soak ${args.join(" ")} ended with exit code ${code} and told nothing; its own words are above`,
    );
  }
  return { value: JSON.parse(last) as T, exitCode: code };
}
