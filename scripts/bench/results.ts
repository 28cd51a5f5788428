/** Measurements that are kept in the repository, each with what it was measured on. @module */
import { basename, join } from "@std/path";
import { UsageError } from "../../src/cli/arguments.ts";
import { ROOT } from "../repository.ts";
import type { Machine } from "./machine.ts";
import type { Row } from "./measurement.ts";
import type { BenchOptions } from "./options.ts";

/** How the load was made. */
export interface LoadShape {
  readonly rounds: number;
  readonly seconds: number;
  readonly generatorCount: number;
  readonly connections: number | "one a client";
  readonly coordinator: string;
  /** The file that the replicas ran from, or `source`. */
  readonly binary: string;
}

/** One run of the bench, as it is kept. */
export interface Results {
  readonly format: typeof FORMAT;
  /** ISO 8601. */
  readonly takenAt: string;
  readonly machine: Machine;
  readonly load: LoadShape;
  readonly rows: readonly Row[];
}

/** Stands for the name of the results that were kept last. */
export const LATEST = "latest";

const FORMAT = 1;
const SUFFIX = ".json";
const DIRECTORY = join(ROOT, "scripts", "bench", "results");

/** Puts a run together for keeping. */
export function resultsOf(machine: Machine, options: BenchOptions, rows: readonly Row[]): Results {
  return { format: FORMAT, takenAt: new Date().toISOString(), machine, load: shapeOf(options), rows };
}

/** What the options say of the load. */
export function shapeOf(options: BenchOptions): LoadShape {
  const { rounds, seconds, generatorCount, connectionCount, coordinator, binary } = options;
  return {
    rounds,
    seconds,
    generatorCount,
    connections: connectionCount ?? "one a client",
    coordinator: coordinator ?? "each in turn",
    binary: binary === undefined ? "source" : basename(binary),
  };
}

/** Keeps results under a name; returns the file. */
export async function saveResults(name: string, results: Results, directory = DIRECTORY): Promise<string> {
  await Deno.mkdir(directory, { recursive: true });
  const file = join(directory, name + SUFFIX);
  await Deno.writeTextFile(file, textOf(results));
  return file;
}

/** Results kept under a name, or `latest`. Throws `UsageError` where there are none. */
export async function loadResults(
  name: string,
  directory = DIRECTORY,
): Promise<{ name: string; results: Results }> {
  const names = await resultNames(directory);
  if (name !== LATEST) {
    if (!names.includes(name)) {
      throw new UsageError(
        `no results are kept as "${name}"; there are: ${
          names.join(" ") || "none; make some with --save NAME"
        }`,
      );
    }
    return { name, results: await readResults(directory, name) };
  }
  const all = await Promise.all(
    names.map(async (name) => ({ name, results: await readResults(directory, name) })),
  );
  const [latest] = all.sort((a, b) => a.results.takenAt < b.results.takenAt ? 1 : -1);
  if (latest === undefined) throw new UsageError("no results are kept yet; make some with --save NAME");
  return latest;
}

async function resultNames(directory: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(directory)) {
      if (name.endsWith(SUFFIX)) names.push(name.slice(0, -SUFFIX.length));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}

async function readResults(directory: string, name: string): Promise<Results> {
  const results: Results = JSON.parse(await Deno.readTextFile(join(directory, name + SUFFIX)));
  if (results.format === FORMAT) return results;
  throw new UsageError(
    `the results "${name}" have format ${results.format}, this version reads ${FORMAT}; measure them again`,
  );
}

/** JSON with each row on a line of its own. */
function textOf({ rows, ...head }: Results): string {
  const text = (value: unknown): string => JSON.stringify(value, roundNumber);
  return `${text(head).slice(0, -1)},"rows":[\n${rows.map(text).join(",\n")}\n]}\n`;
}

/** Figures are kept to six digits; the others are noise. */
function roundNumber(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(6)) : value;
}
