/** Reads `cluster.toml`: text to configuration, and every problem as a line that names file, line and key. @module */
import { parse, TomlError } from "smol-toml";
import { fail, ok, type Result } from "../base/failure.ts";
import {
  type ClusterConfig,
  parseClusterConfig,
  placeText,
  settingNames,
} from "../replica/cluster_config.ts";
import type { ConfigProblem } from "../replica/config_table.ts";
import { nearestOf } from "./arguments.ts";
import { findSecret } from "./secret.ts";

/** Far above what 64 members and many keyspaces need. */
const FILE_BYTES_MAX = 1024 * 1024;

const NO_FILE = "no such file";

/** A configuration with the secret that counts, and where that was found. */
export interface LoadedConfig {
  readonly config: ClusterConfig;
  readonly secretFrom?: string;
}

/** The configuration in a file with the secret that counts, or all that is wrong with it, one line each. */
export async function readConfigFile(path: string): Promise<Result<ClusterConfig, readonly string[]>> {
  const loaded = await loadConfigFile(path);
  return loaded.ok ? ok(loaded.value.config) : loaded;
}

/** The same, and where the secret was found. */
export async function loadConfigFile(path: string): Promise<Result<LoadedConfig, readonly string[]>> {
  const config = await parseConfigFile(path);
  if (!config.ok) return config;
  const secret = await findSecret(config.value, path);
  if (!secret.ok) return fail([secret.failure]);
  if (secret.value === undefined) return ok({ config: config.value });
  const { value, from } = secret.value;
  return ok({ config: { ...config.value, secret: value }, secretFrom: from });
}

/** Whether a problem is that there is no file at all. */
export function isNoFile(problem: string): boolean {
  return problem.endsWith(NO_FILE);
}

async function parseConfigFile(path: string): Promise<Result<ClusterConfig, readonly string[]>> {
  let text: string;
  try {
    const { isFile, size } = await Deno.stat(path);
    // Why: a device or a pipe may never end.
    if (!isFile) return fail([`${path}: is no file; name a cluster.toml`]);
    if (size > FILE_BYTES_MAX) {
      return fail([`${path}: has ${size} bytes, at most ${FILE_BYTES_MAX} are read; is it a cluster.toml?`]);
    }
    text = await Deno.readTextFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      return fail([`${path}: ${NO_FILE}`]);
    }
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
  const problems = config.ok ? addressProblems(config.value) : withoutNameless(config.failure);
  if (config.ok && problems.length === 0) return config;
  const lines = text.split("\n");
  return fail(problems.map((problem) => {
    const line = lineOf(problem, lines);
    return `${name}${line === undefined ? "" : `:${line}`}: ${problem.path}: ${suggest(problem)}`;
  }));
}

/** Addresses that stand for all of a machine: a replica could listen there, and no other could dial it. */
function addressProblems({ members }: ClusterConfig): ConfigProblem[] {
  return members.flatMap(({ id, host, port, http }) =>
    ([["address", { host, port }], ["http", http]] as const).flatMap(([name, place]) =>
      place === undefined || !/^(0(\.0){0,3}|[0:]*:[0:]*)$/.test(place.host) ? [] : [{
        path: `replica.${name}`,
        message: `"${
          placeText(place)
        }" is no address that others can dial; write the address of ${id}'s machine`,
      }]
    )
  );
}

/** A keyspace whose name was left out looks like many: that is one problem. */
function withoutNameless(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const isOfNameless = ({ path, message }: ConfigProblem): boolean =>
    /^keyspace\.[^.]+$/.test(path) && message.endsWith(" is not a table");
  if (!problems.some(isOfNameless)) return problems;
  const message = "its name is missing; write [keyspace.NAME], such as [keyspace.main]";
  return [
    { path: "keyspace", message },
    ...problems.filter((problem) => !isOfNameless(problem) && problem.path !== "default_keyspace"),
  ];
}

/** The problem's message, and for an unknown key the one that was probably meant. */
function suggest({ path, message }: ConfigProblem): string {
  const [, known] = /^unknown key; known here: (.*)$/.exec(message) ?? [];
  if (known === undefined) return message;
  const key = path.slice(path.lastIndexOf(".") + 1);
  if (settingNames().includes(key)) return "unknown key here; it belongs under [settings]";
  const nearest = nearestOf(key, known.split(", "));
  return nearest === undefined ? message : message.replace(";", `; did you mean ${nearest}?`);
}

function syntaxProblem(error: TomlError, text: string): string {
  const reason = error.message.split("\n")[0]!.replace(/^Invalid TOML document: /, "")
    .replace(/^invalid value$/, "invalid value (text stands in quotes)");
  const line = text.split("\n")[error.line - 1] ?? "";
  const isCut = reason === "unfinished string" ||
    (reason === "control characters are not allowed in strings" && error.column > line.trimEnd().length);
  return behindSource(isCut ? "a quote is opened and not closed" : reason + bracketsWord(reason, line), line);
}

/** One pair of brackets declares one table, and replicas are several. */
function bracketsWord(reason: string, line: string): string {
  const isReplica = /^\s*\[\[?\s*replica\s*\]/.test(line) && reason.includes("redefine");
  return isReplica ? " (each replica begins with [[replica]], in double brackets)" : "";
}

function behindSource(reason: string, line: string): string {
  // Why not all of it: what stands behind an `=`, or on a line without one, may be the secret.
  const [source = ""] = /^\s*(\[[^\]]*\]*|[A-Za-z0-9_.-]+\s*=)/.exec(line) ?? [];
  return source === "" ? reason : `${reason}: ${source.trim()}${source.endsWith("=") ? " …" : ""}`;
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
