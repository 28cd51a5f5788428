/**
 * Real clusters for tests: replicas as child processes with real ports and real disks, run from the sources, or from
 * the compiled binary that the environment variable `QUARTET_BINARY` names.
 * @module
 */
import { join, resolve } from "@std/path";
import { ROOT } from "../../scripts/repository.ts";
import { lastLines } from "../../scripts/supervisor/log_file.ts";
import { type Launch, quartetCommand, ReplicaProcess } from "../../scripts/supervisor/replica_process.ts";
import { type ClusterOptions, type Place, writeClusterToml } from "./cluster_toml.ts";

const UP_WITHIN = "20s";
const EXCERPT_LINES = 30;

/** How a command ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The binary to test; undefined: the sources. */
export function binaryUnderTest(): string | undefined {
  const path = Deno.env.get("QUARTET_BINARY");
  return path === undefined || path === "" ? undefined : resolve(ROOT, path);
}

/** Runs `quartet` to its end with these arguments, `input` on stdin, and further variables in its environment. */
export async function runQuartet(
  args: readonly string[],
  input = "",
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const [command, words] = quartetCommand(binaryUnderTest(), args);
  return await runCommand(command, words, input, env);
}

/** Runs a command at the top of the repository to its end. */
export async function runCommand(
  command: string,
  args: readonly string[],
  input = "",
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const child = new Deno.Command(command, {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  // A command that does not read its input may end before it is written.
  const written = writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  await written;
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A running cluster in a directory of its own. Disposing it ends the replicas and removes the directory. */
export class LocalCluster implements AsyncDisposable {
  readonly directory: string;
  /** The path of its `cluster.toml`. */
  readonly config: string;
  /** Where each replica listens, in id order. */
  readonly places: readonly Place[];
  /** How replicas ended that nobody had asked to. */
  readonly deaths: string[] = [];
  readonly #replicas: ReadonlyMap<string, ReplicaProcess>;
  #keepsDirectory = false;

  private constructor(directory: string, options: ClusterOptions) {
    const { configFile, places } = writeClusterToml(directory, options);
    const binary = binaryUnderTest();
    const launch: Launch = {
      configFile,
      dataDirectory: join(directory, "data"),
      ...(binary === undefined ? {} : { binary }),
    };
    this.directory = directory;
    this.config = configFile;
    this.places = places;
    const onEnd = ({ id, ending }: ReplicaProcess, wasExpected: boolean): void => {
      if (!wasExpected) this.deaths.push(`${id} ${ending}`);
    };
    this.#replicas = new Map(places.map(({ id }) => [id, new ReplicaProcess(id, launch, onEnd)]));
  }

  /** A cluster with its configuration on disk, and nothing running. */
  static async create(options: ClusterOptions = {}): Promise<LocalCluster> {
    return new LocalCluster(await Deno.makeTempDir({ prefix: "quartet-test-" }), options);
  }

  /** Starts all replicas and waits until each sees all others alive. */
  static async start(options: ClusterOptions = {}): Promise<LocalCluster> {
    const cluster = await LocalCluster.create(options);
    await cluster.begin();
    return cluster;
  }

  /** Starts all replicas of a new cluster; where they do not, throws with their logs, and nothing of it is left. */
  async begin(): Promise<void> {
    try {
      await this.startAll();
    } catch (error) {
      const logs = this.logs();
      await this[Symbol.asyncDispose]();
      throw new Error(`the test's cluster did not start\n${logs}`, { cause: error });
    }
  }

  get ids(): string[] {
    return this.places.map(({ id }) => id);
  }

  /** Whether it has a process. */
  isRunning(id: string): boolean {
    return this.#replica(id).process !== undefined;
  }

  dataDirectory(id: string): string {
    return this.#replica(id).dataDirectory;
  }

  /** Requires: the replica runs. */
  pid(id: string): number {
    const process = this.#replica(id).process;
    if (!process) throw new Error(`${id} does not run`);
    return process.pid;
  }

  /** Starts a replica that does not run, with further flags; resolves when it is ready. */
  async start(id: string, ...flags: string[]): Promise<void> {
    await this.#replica(id).start(flags);
  }

  /** Starts all replicas that do not run, and waits until each sees all others alive. */
  async startAll(): Promise<void> {
    const down = [...this.#replicas.values()].filter((replica) => !replica.process);
    await Promise.all(down.map((replica) => replica.start()));
    await this.waitUp();
  }

  /** SIGTERM; resolves to how it ended, such as `ended with exit code 0`. */
  async stop(id: string): Promise<string> {
    await this.#replica(id).stop();
    return this.#replica(id).ending;
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill9(id: string): Promise<void> {
    await this.#replica(id).kill();
  }

  /** SIGSTOP; resolves when the process stands still. */
  async pause(id: string): Promise<void> {
    await this.#replica(id).pause();
  }

  /** SIGCONT. */
  resume(id: string): void {
    this.#replica(id).resume();
  }

  /** Resolves when a replica's process has ended by itself, to how it did. */
  async ended(id: string): Promise<string> {
    await this.#replica(id).ended;
    return this.#replica(id).ending;
  }

  /** Runs `quartet client --config … ARGS`. */
  async client(...args: string[]): Promise<CommandResult> {
    return await this.clientWithInput("", ...args);
  }

  /** The same with text on stdin. */
  async clientWithInput(input: string, ...args: string[]): Promise<CommandResult> {
    return await runQuartet(["client", "--config", this.config, ...args], input);
  }

  /** Waits until these replicas (all, if none is named) see each other alive. */
  async waitUp(...ids: string[]): Promise<void> {
    const named = ids.length === 0 ? [] : ["--replica", ids.join(",")];
    const { code, stderr } = await this.client("wait", "up", "--timeout", UP_WITHIN, ...named);
    if (code !== 0) throw new Error(`the replicas are not up within ${UP_WITHIN}: ${stderr.trim()}`);
  }

  /** All that a replica has logged. */
  async log(id: string): Promise<string> {
    return await Deno.readTextFile(this.#replica(id).logFile);
  }

  /** The last lines of all logs, for a person. */
  logs(): string {
    return [...this.#replicas.values()].flatMap(({ id, logFile, state }) => [
      `${id} is ${state}; the end of ${logFile}:`,
      ...lastLines(logFile, EXCERPT_LINES).map((line) => `  ${id} | ${line}`),
    ]).join("\n");
  }

  /** Leaves the directory where it is, for somebody who wants to know why a test failed. */
  keepDirectory(): void {
    this.#keepsDirectory = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#replicas.values()].map((replica) => replica.stop()));
    if (!this.#keepsDirectory) await Deno.remove(this.directory, { recursive: true });
  }

  #replica(id: string): ReplicaProcess {
    const replica = this.#replicas.get(id);
    if (!replica) throw new Error(`no replica ${id}; there are ${this.ids.join(", ")}`);
    return replica;
  }
}

/** A test with a cluster: when it fails, the logs are shown and the directory stays. */
export function clusterTest(
  name: string,
  options: ClusterOptions,
  body: (cluster: LocalCluster) => Promise<void>,
): void {
  Deno.test(name, async () => {
    await using cluster = await LocalCluster.start(options);
    try {
      await body(cluster);
    } catch (error) {
      cluster.keepDirectory();
      const shown = `${cluster.logs()}\nkept: ${cluster.directory}`;
      // The test runner shows the cause.
      throw new Error(`failed with these logs\n${shown}`, { cause: error });
    }
  });
}
