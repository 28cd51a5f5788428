/** `deno task cluster`: the replicas of `cluster.toml` on this machine, started, watched, broken and stopped. @module */
import { dirname, join, resolve } from "@std/path";
import { type Flags, nearestOf, parseArguments, UsageError } from "../src/cli/arguments.ts";
import { readConfigFile } from "../src/cli/config_file.ts";
import { flagLines, rowLines, showHelp } from "../src/cli/help_text.ts";
import { Output } from "../src/cli/output.ts";
import { type ClusterConfig, placeText } from "../src/replica/cluster_config.ts";
import { print, printError } from "./print.ts";
import { clean, endOrphans } from "./supervisor/afterwards.ts";
import { logScreen, SUPERVISE_VERB, superviseInBackground } from "./supervisor/background.ts";
import { askSupervisor, type ControlVerb } from "./supervisor/control.ts";
import { logPrinter, superviseHere, TERMINAL } from "./supervisor/foreground.ts";
import { LogFollower, mergedLines } from "./supervisor/log_file.ts";
import { findRemains } from "./supervisor/preflight.ts";
import { type ClusterSetup, shortPath, typedPath } from "./supervisor/supervisor.ts";
import { formatTable } from "../src/cli/table.ts";

const DEFAULT_CONFIG = "cluster.toml";
const LOG_LINES = 100;

/** What a person may ask for: its words, and what it does. */
const VERBS = {
  status: ["", "who runs where"],
  logs: ["[r2]", `the last ${LOG_LINES} lines of the logs; with -f go on showing new ones`],
  stop: ["[r2]", "end replicas in good order; without names all, and the supervisor"],
  start: ["[r2]", "start replicas that do not run"],
  restart: ["r2", "stop and start"],
  kill: ["r2", "SIGKILL: a crash"],
  pause: ["r2", "SIGSTOP: to the others it looks dead, until resume"],
  resume: ["r2", "SIGCONT"],
  clean: ["", "remove what all replicas stored, and their logs, once they are stopped"],
} as const;

const VERB_NAMES = Object.keys(VERBS);

const FLAGS: Flags = {
  config: { value: "FILE", help: "the cluster's file; cluster.toml unless given" },
  data: { value: "DIR", help: "where replicas store; data beside the file unless given" },
  binary: { value: "FILE", help: "a compiled quartet, instead of the sources" },
  detach: { help: "start in the background", short: "d" },
  follow: { help: "with logs: go on showing new lines", short: "f" },
  help: { help: "this text", short: "h" },
};

const HELP = `deno task cluster – the replicas of cluster.toml on this machine

USAGE
  deno task cluster        start all replicas, show their logs, stop them on Ctrl-C
  deno task cluster -d     start them in the background
  deno task cluster VERB   do something to them

VERBS
${
  rowLines(Object.entries(VERBS).map(([name, [words, help]]) => [`${name} ${words}`.trimEnd(), help])).join(
    "\n",
  )
}

FLAGS
${flagLines(FLAGS).join("\n")}

They go with every verb: a cluster that was started with --config or --data is found with the same.

EXIT CODES
  0   done
  1   it could not be done
  2   the command line is wrong
  64  the file is wrong

EXAMPLES
  deno task cluster -d && deno task client put 7 hello TWO
  deno task cluster kill r3 r4
  deno task cluster --config other.toml --binary dist/quartet
`;

/** These do nothing to all replicas at once: somebody has to be named. */
const NEED_NAMES: readonly string[] = ["restart", "kill", "pause", "resume"];

interface Options {
  readonly isDetached: boolean;
  readonly isFollowing: boolean;
}

async function run(args: readonly string[]): Promise<number> {
  const { words: [verb, ...names], flags } = parseArguments(args, FLAGS);
  if (flags.has("help") || verb === "help") {
    showHelp(HELP, new Output({ isJson: false }), { isAsked: true });
    return 0;
  }
  const configFile = resolve(flags.get("config") ?? DEFAULT_CONFIG);
  const config = await readConfigFile(configFile);
  if (!config.ok) {
    for (const line of config.failure) printError(line);
    return 64;
  }
  const binary = flags.get("binary");
  const defaultDirectory = join(dirname(configFile), "data");
  const dataDirectory = resolve(flags.get("data") ?? defaultDirectory);
  const forConfig = configFile === resolve(DEFAULT_CONFIG) ? "" : ` --config ${typedPath(configFile)}`;
  const forData = dataDirectory === defaultDirectory ? "" : ` --data ${typedPath(dataDirectory)}`;
  if (isFile(dataDirectory)) throw new UsageError(`--data ${flags.get("data")}: a file; give a directory`);
  const setup: ClusterSetup = {
    launch: { configFile, dataDirectory, ...(binary === undefined ? {} : { binary: resolve(binary) }) },
    config: config.value,
    clusterCommand: `deno task cluster${forConfig}${forData}`,
    clientCommand: `deno task client${forConfig}`,
  };
  const ids = [...new Set(names)];
  if (setup.launch.binary !== undefined) requireFile(setup.launch.binary);
  requireKnown(verb, ids, config.value);
  return await carryOut(setup, verb, ids, {
    isDetached: flags.has("detach"),
    isFollowing: flags.has("follow"),
  });
}

function requireFile(path: string): void {
  if (!isFile(path)) throw new UsageError(`--binary ${path}: no such file; make it with deno task compile`);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

function requireKnown(verb: string | undefined, ids: readonly string[], config: ClusterConfig): void {
  if (verb === undefined || verb === SUPERVISE_VERB) return;
  if (!VERB_NAMES.includes(verb)) {
    const near = nearestOf(verb, VERB_NAMES);
    throw new UsageError(
      `unknown word "${verb}"; ${
        near ? `did you mean ${near}?` : `known: ${VERB_NAMES.join(" ")}`
      } (--help shows all)`,
    );
  }
  const known = config.members.map(({ id }) => id);
  const unknown = ids.find((id) => !known.includes(id));
  if (unknown !== undefined) throw new UsageError(`no replica "${unknown}"; there are ${known.join(", ")}`);
  if (ids.length > 0 && verb === "clean") {
    throw new UsageError(
      `clean takes no names: it removes what all replicas stored; for ${
        ids[0]
      } alone, stop it and remove its directory`,
    );
  }
  if (ids.length === 0 && NEED_NAMES.includes(verb)) {
    throw new UsageError(
      `${verb} whom? Name one or more of ${known.join(", ")}: deno task cluster ${verb} ${known[0]}`,
    );
  }
}

async function carryOut(
  setup: ClusterSetup,
  verb: string | undefined,
  ids: readonly string[],
  { isDetached, isFollowing }: Options,
): Promise<number> {
  switch (verb) {
    case undefined:
      return isDetached ? await superviseInBackground(setup) : await superviseHere(setup, TERMINAL);
    case SUPERVISE_VERB:
      return await superviseHere(setup, logScreen(setup.launch.dataDirectory));
    case "logs":
      return await showLogs(setup, ids, isFollowing);
    case "clean":
      for (const line of await clean(setup)) print(line);
      return 0;
    default:
      return await command(setup, verb as ControlVerb, ids);
  }
}

/** A verb for the supervisor, or for what it left behind. */
async function command(setup: ClusterSetup, verb: ControlVerb, ids: readonly string[]): Promise<number> {
  const { dataDirectory } = setup.launch;
  const remains = findRemains(dataDirectory);
  if (remains.kind === "running") {
    if (remains.file.configFile !== setup.launch.configFile) {
      printError(`the cluster in ${shortPath(dataDirectory)} was started from ${remains.file.configFile}`);
    }
    const { ok, text } = await askSupervisor(remains.file, { verb, ids });
    (ok ? print : printError)(text);
    return ok ? 0 : 1;
  }
  if (remains.kind === "orphans") {
    if (verb === "stop" && ids.length === 0) {
      for (const line of await endOrphans(dataDirectory, remains.file)) print(line);
      return 0;
    }
    if (verb === "status") {
      const rows = setup.config.members.map((member) => [
        member.id,
        placeText(member),
        String(
          remains.file.replicas.find(({ id }) => id === member.id && remains.ids.includes(id))?.pid ?? "-",
        ),
      ]);
      print(formatTable([["id", "address", "pid"], ...rows]).join("\n"));
    }
    printError(
      `the supervisor (process ${remains.file.supervisor.pid}) is gone, ${
        remains.ids.join(", ")
      } run on without it; ` +
        `end them: ${setup.clusterCommand} stop`,
    );
    return 1;
  }
  // Why: after a `stop` of everything a `start` of everything is what a person means.
  if (verb === "start" && ids.length === 0) return await superviseInBackground(setup);
  const stale = remains.kind === "stale"
    ? `, and supervisor ${remains.file.supervisor.pid} of an earlier one is gone`
    : "";
  printError(`no cluster runs in ${shortPath(dataDirectory)}${stale}; start one: ${setup.clusterCommand} -d`);
  return 1;
}

async function showLogs(setup: ClusterSetup, ids: readonly string[], isFollowing: boolean): Promise<number> {
  const all = setup.config.members.map(({ id }) => id);
  const logs = all.filter((id) => ids.length === 0 || ids.includes(id))
    .map((id) => ({ id, path: join(setup.launch.dataDirectory, `${id}.log`) }));
  const show = logPrinter(all);
  const follower = isFollowing ? new LogFollower(logs, show) : undefined;
  const lines = mergedLines(logs, LOG_LINES);
  lines.forEach(show);
  if (follower) return await new Promise<number>(() => {});
  if (lines.length === 0) {
    printError(`no logs in ${shortPath(setup.launch.dataDirectory)}: nothing has run there yet`);
  }
  return 0;
}

if (import.meta.main) {
  let code: number;
  try {
    code = await run(Deno.args);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    printError(error.message);
    code = error instanceof UsageError ? 2 : 1;
  }
  Deno.exit(code);
}
