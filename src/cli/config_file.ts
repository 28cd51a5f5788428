/** Reads `cluster.toml`: text to configuration, and every problem as a line that names file, line and key. @module */
import { parse, TomlError } from "smol-toml";
import { fail, type Result } from "../base/failure.ts";
import { type ClusterConfig, type ConfigProblem, parseClusterConfig } from "../replica/cluster_config.ts";

/** The configuration in a file, or all that is wrong with it, one line each. */
export async function readConfigFile(path: string): Promise<Result<ClusterConfig, readonly string[]>> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return fail([`${path}: no such file`]);
    const reason = cause instanceof Error ? cause.message : String(cause);
    return fail([`${path}: cannot be read: ${reason}`]);
  }
  return parseConfigText(text, path);
}

/** The configuration in the text of a file, or all that is wrong with it. `name` is how the file is called in that. */
export function parseConfigText(text: string, name: string): Result<ClusterConfig, readonly string[]> {
  let document: unknown;
  try {
    document = parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    return fail([`${name}:${cause.line}:${cause.column}: ${syntaxProblem(cause, text)}`]);
  }
  const config = parseClusterConfig(document);
  if (config.ok) return config;
  const lines = text.split("\n");
  return fail(config.failure.map((problem) => {
    const line = lineOf(problem, lines);
    return `${name}${line === undefined ? "" : `:${line}`}: ${problem.path}: ${problem.message}`;
  }));
}

function syntaxProblem(error: TomlError, text: string): string {
  const reason = error.message.split("\n")[0]!.replace(/^Invalid TOML document: /, "");
  const source = text.split("\n")[error.line - 1]?.trim() ?? "";
  // Why: a line that may hold the secret is not repeated to a terminal or a log.
  return source === "" || /secret/i.test(source) ? reason : `${reason}: ${source.slice(0, 60)}`;
}

interface Place {
  /** Such as `keyspace.main.replication` or `replica[2].id`. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly text: string;
}

/** The line that a problem is about: of its key, else of its table; undefined where neither is written down. */
function lineOf(problem: ConfigProblem, lines: readonly string[]): number | undefined {
  const places = placesIn(lines);
  const exact = places.filter(({ path }) => path === problem.path);
  // A problem of two entries, such as `replica.id`, has no index: the entry meant is the last one with the value named.
  const loose = places.filter(({ path }) => path.replace(/\[\d+\]/g, "") === problem.path);
  const value = /^"[^"]*"/.exec(problem.message)?.[0];
  const named = loose.filter(({ text }) => value !== undefined && text.includes(value));
  const found = exact[0] ?? named.at(-1) ?? loose.at(-1);
  if (found !== undefined) return found.line;
  const parent = problem.path.slice(0, Math.max(0, problem.path.lastIndexOf(".")));
  return places.find(({ path }) => path === parent)?.line;
}

/** Where each table and key of a TOML file begins, as far as a simple reading shows. */
function placesIn(lines: readonly string[]): Place[] {
  const places: Place[] = [];
  const counts = new Map<string, number>();
  let table = "";
  for (const [index, text] of lines.entries()) {
    const [, double, header] = /^\s*\[(\[?)\s*([^\]]+?)\s*\]/.exec(text) ?? [];
    const [, key] = /^\s*([A-Za-z0-9_."'-]+)\s*=/.exec(text) ?? [];
    if (header !== undefined) {
      table = plain(header);
      if (double === "[") {
        const count = (counts.get(table) ?? 0) + 1;
        counts.set(table, count);
        table += `[${count}]`;
      }
      places.push({ path: table, line: index + 1, text });
    } else if (key !== undefined) {
      places.push({ path: table === "" ? plain(key) : `${table}.${plain(key)}`, line: index + 1, text });
    }
  }
  return places;
}

function plain(key: string): string {
  return key.replaceAll(/["'\s]/g, "");
}
