/** `quartet replica`: checks what it is told, then runs one replica. @module */
import { dirname, join, resolve } from "@std/path";
import { ERRORS } from "../protocol/error_codes.ts";
import { DiskFullError } from "../ports.ts";
import { DirectoryInUseError, HttpAddressError, openLockedDisk } from "../host/host.ts";
import { HostLog } from "../host/log.ts";
import { lastWords, runProcess } from "../host/process.ts";
import { type ClusterConfig, placeText } from "../replica/cluster_config.ts";
import { CorruptionError } from "../storage/corruption.ts";
import { DirectoryError } from "../storage/identity.ts";
import { type Arguments, parseArguments, UsageError } from "./arguments.ts";
import { isNoFile, readConfigFile } from "./config_file.ts";
import { exitOf, findingLines, findingsObject } from "./finding.ts";
import { showHelp } from "./help_text.ts";
import { Output, OutputLostError, writeAll, writeNote } from "./output.ts";
import { checkReplica } from "./replica_check.ts";
import { REPLICA_FLAGS, replicaPage } from "./replica_help.ts";
import {
  findSecret,
  OPEN_ADDRESS_MEND,
  OPEN_FAULTS_MEND,
  openAddressProblem,
  openFaultsProblem,
} from "./secret.ts";
import { wrapLine } from "./table.ts";
import { EXIT_USAGE } from "./top_command.ts";
import { hasView, parseView, type ViewStart } from "./view_start.ts";

/** Exit code when a port, a directory or the disk is taken or full: nothing is wrong with the command, try again later. */
const EXIT_UNAVAILABLE = ERRORS.unavailable.exit;

/** Carries out `quartet replica …` and returns the exit code. */
export async function replicaCommand(args: readonly string[]): Promise<number> {
  try {
    const given = parseArguments(args, REPLICA_FLAGS);
    if (given.flags.has("help")) {
      showHelp(replicaPage(), new Output({ isJson: false }), { isAsked: true });
      return 0;
    }
    if (given.words.length > 0) {
      throw new UsageError(`quartet replica takes flags only, and "${given.words[0]}" was given`);
    }
    if (given.flags.has("check")) return await check(given.flags);
    if (given.flags.has("json")) throw new UsageError("--json goes with --check only");
    return await run(given.flags);
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause;
    writeNote(`error: ${cause.message}`);
    return EXIT_USAGE;
  }
}

async function check(flags: Arguments["flags"]): Promise<number> {
  if (flags.has("rebuild")) throw new UsageError("--check changes nothing; leave --rebuild out");
  if (isViewStart(flags)) {
    throw new UsageError(
      "--check looks at a file, and VIEW, IPPORT or PORT say to start without one; give --config FILE",
    );
  }
  const path = flags.get("config") ?? "cluster.toml";
  const findings = await checkReplica({
    path,
    id: flags.get("id"),
    dataDirectory: (id) => dataDirectoryOf(flags, path, id),
    log: flags.get("log"),
    isInsecure: flags.has("insecure"),
  });
  const who = flags.get("id") ?? "the replica";
  const output = new Output({ isJson: flags.has("json") });
  if (output.isJson) output.json(findingsObject(findings, who));
  else {
    for (const line of findingLines(findings, who, output.paintOut)) {
      output.line(wrapLine(line, output.widthOut));
    }
  }
  return exitOf(findings);
}

function dataDirectoryOf(flags: Arguments["flags"], path: string, id: string): string {
  return resolve(flags.get("data") ?? join(dirname(path), "data", id));
}

async function run(flags: Arguments["flags"]): Promise<number> {
  if (isViewStart(flags)) return await runView(flags);
  const path = flags.get("config") ?? "cluster.toml";
  const config = await readConfigFile(path);
  if (!config.ok) {
    const isElsewhere = !flags.has("config") && config.failure.some(isNoFile);
    const way = isElsewhere ? "; say which file with --config FILE" : "";
    throw new UsageError(config.failure.join("\n       ") + way);
  }
  const id = checkId(flags.get("id"), config.value, path);
  // Why even with --insecure: to trust the network is one thing, to let it stop the clocks another.
  const faultsProblem = openFaultsProblem(config.value);
  if (faultsProblem !== undefined) throw new UsageError(`${path}: ${faultsProblem}; ${OPEN_FAULTS_MEND}`);
  if (!flags.has("insecure")) refuseOpenAddresses(config.value, path);
  const dataDirectory = dataDirectoryOf(flags, path, id);
  return await runReplica({ config: config.value, id, dataDirectory }, { flags, path });
}

/** Whether the environment says what is to be run: then no file and no id of one are meant. */
function isViewStart(flags: Arguments["flags"]): boolean {
  return !flags.has("config") && !flags.has("id") && hasView(environment());
}

function environment(): ReadonlyMap<string, string> {
  return new Map(Object.entries(Deno.env.toObject()));
}

async function runView(flags: Arguments["flags"]): Promise<number> {
  const view = parseView(environment());
  if (!view.ok) throw new UsageError(view.failure);
  const secret = await findSecret();
  if (!secret.ok) throw new UsageError(secret.failure);
  const config = secret.value === undefined
    ? view.value.config
    : { ...view.value.config, secret: secret.value.value };
  const data = flags.get("data");
  const dataDirectory = data === undefined ? view.value.dataDirectory : resolve(data);
  const warning = openAddressProblem(config);
  return await runReplica({ config, id: view.value.id, dataDirectory }, { flags, path: "VIEW", warning });
}

async function runReplica(
  { config, id, dataDirectory }: ViewStart,
  { flags, path, warning }: {
    readonly flags: Arguments["flags"];
    /** Where the addresses were said. */
    readonly path: string;
    readonly warning?: string | undefined;
  },
): Promise<number> {
  const log = openLog(flags.get("log"));
  try {
    if (warning !== undefined) {
      log.write("warn", `${warning}: anybody who reaches them can read and write; QUARTET_SECRET sets one`);
    }
    if (flags.has("rebuild")) await setAside(dataDirectory, log, () => tryAddress(config, id));
    await runProcess({ config, id, dataDirectory, log, print, printError: writeNote });
    return 0;
  } catch (cause) {
    const { text, exitCode } = startFailure(cause, {
      config,
      id,
      path,
      dataDirectory,
      hasDirectory: await isDirectory(dataDirectory),
    });
    if (log.isFile) log.write("error", text, { exit: exitCode });
    writeNote(`error: ${text}`);
    return exitCode;
  } finally {
    log.close();
  }
}

function checkId(id: string | undefined, { members }: ClusterConfig, path: string): string {
  const known = `replicas in ${path}: ${members.map((member) => member.id).join(" ")}`;
  if (id === undefined) throw new UsageError(`--id is missing; ${known}`);
  if (!members.some((member) => member.id === id)) {
    throw new UsageError(`--id ${id}: no such replica; ${known}`);
  }
  return id;
}

function refuseOpenAddresses(config: ClusterConfig, path: string): void {
  const problem = openAddressProblem(config);
  if (problem !== undefined) throw new UsageError(`${path}: ${problem}; ${OPEN_ADDRESS_MEND}`);
}

function openLog(path: string | undefined): HostLog {
  try {
    return new HostLog(path);
  } catch (cause) {
    throw new UsageError(
      `--log ${path}: cannot be written: ${cause instanceof Error ? cause.message : cause}`,
    );
  }
}

/** Throws what listening at the replica's addresses throws. */
function tryAddress(config: ClusterConfig, id: string): void {
  const { host, port, http } = config.members.find((member) => member.id === id)!;
  Deno.listen({ hostname: host, port }).close();
  if (http === undefined) return;
  try {
    Deno.listen({ hostname: http.host, port: http.port }).close();
  } catch (cause) {
    throw new HttpAddressError("the HTTP address cannot be listened at", { cause });
  }
}

/** Moves a data directory out of the way, so that the replica starts as one that lost its disk. */
async function setAside(directory: string, log: HostLog, checkStart: () => void): Promise<void> {
  if (!(await isDirectory(directory))) return;
  // Why: a directory that is in use must not be moved from under its replica.
  const disk = await openLockedDisk(directory);
  try {
    // Why: a start that will fail for want of its port should not empty the directory.
    checkStart();
    const aside = `${directory}.${new Date().toISOString().replaceAll(":", "-")}`;
    await Deno.rename(directory, aside);
    log.write("warn", "data directory set aside", { from: directory, to: aside });
    writeNote(`rebuild: the old data is in ${aside}; remove it when the replica is filled`);
  } finally {
    disk.close();
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (cause) {
    // Only the system's errors have a code: what it does not let us look at is no directory for us.
    if ((cause as { readonly code?: string }).code !== undefined) return false;
    throw cause;
  }
}

function startFailure(
  thrown: unknown,
  { config, id, path, dataDirectory, hasDirectory }: {
    config: ClusterConfig;
    id: string;
    path: string;
    dataDirectory: string;
    hasDirectory: boolean;
  },
): { text: string; exitCode: number } {
  const member = config.members.find((candidate) => candidate.id === id)!;
  const isHttp = thrown instanceof HttpAddressError;
  const cause = isHttp ? thrown.cause : thrown;
  const address = placeText(isHttp ? member.http! : member);
  const what = isHttp ? "HTTP address" : "address";
  const detail = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof Deno.errors.AddrInUse) {
    return {
      text: `the ${what} ${address} of ${id} is taken; stop the program that listens there, ` +
        `or give ${id} another ${what} in ${path}`,
      exitCode: EXIT_UNAVAILABLE,
    };
  }
  if (cause instanceof Deno.errors.AddrNotAvailable) {
    return {
      text:
        `the ${what} ${address} of ${id} is not one of this machine; give ${id} another ${what} in ${path}`,
      exitCode: EXIT_USAGE,
    };
  }
  if (cause instanceof DirectoryInUseError) return { text: detail, exitCode: EXIT_UNAVAILABLE };
  if (cause instanceof DirectoryError) return { text: `${dataDirectory}: ${detail}`, exitCode: EXIT_USAGE };
  if (cause instanceof DiskFullError) {
    return { text: `${dataDirectory}: ${detail}`, exitCode: EXIT_UNAVAILABLE };
  }
  if (cause instanceof CorruptionError) {
    return { text: `${dataDirectory}/${detail}`, exitCode: lastWords(cause).exitCode };
  }
  if (!hasDirectory && cause instanceof Error) {
    return {
      text: `the data directory ${dataDirectory} cannot be made: ${detail}; give another with --data DIR`,
      exitCode: EXIT_USAGE,
    };
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return { text: `${detail}; ${id} needs ${dataDirectory} and ${address}`, exitCode: EXIT_USAGE };
  }
  return lastWords(cause);
}

/** Nobody who can be told that a replica is ready is no reason to stop it; the log says it too. */
function print(line: string): void {
  try {
    writeAll(Deno.stdout, `${line}\n`);
  } catch (cause) {
    if (!(cause instanceof OutputLostError)) throw cause;
  }
}
