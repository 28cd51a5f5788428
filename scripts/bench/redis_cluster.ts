/**
 * Redis as a peer: a primary with two replicas, each of which syncs its log before it answers, with an own directory and
 * free ports. Otherwise as Debian's package has it.
 * @module
 */
import { join } from "@std/path";
import { UsageError } from "../../src/cli/arguments.ts";
import { ROOT } from "../repository.ts";
import { pause } from "../supervisor/os_process.ts";
import { endOnSignal } from "./interrupt.ts";
import type { Requests } from "./load_run.ts";
import { freePorts, HOST, type Operation, type Place, type ServerProcess, type System } from "./system.ts";

const PROGRAM = "redis-server";
const NAMES = ["primary", "replica1", "replica2"];
const UP_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 20;

/** How many replicas a put waits for, so that as many disks hold it as at this level of ours. */
const WAIT_COUNTS: Readonly<Record<string, number>> = { ONE: 0, TWO: 1, THREE: 2, QUORUM: 2 };

/** Primary and replicas. */
export class RedisCluster implements System {
  readonly name = "redis";
  readonly places: readonly Place[];
  readonly processes: readonly ServerProcess[];
  readonly #directory: string;
  readonly #children: readonly Deno.ChildProcess[];
  readonly #watch = endOnSignal(() => this[Symbol.asyncDispose]());
  #ending: Promise<void> | undefined;

  private constructor(directory: string, ports: readonly number[]) {
    this.#directory = directory;
    this.places = [{ id: NAMES[0]!, host: HOST, port: ports[0]! }];
    this.#children = ports.map((port, index) => {
      return new Deno.Command(PROGRAM, {
        args: serverArguments(join(directory, NAMES[index]!), port, index === 0 ? undefined : ports[0]!),
        stdin: "null",
        stdout: "null",
        stderr: "inherit",
        // Why: Ctrl-C reaches only us, and we end it and remove its directory.
        detached: true,
      }).spawn();
    });
    this.processes = this.#children.map(({ pid }, index) => ({ name: NAMES[index]!, pid }));
  }

  /** Starts all three; resolves when both replicas follow the primary. Throws `UsageError` where Redis is missing. */
  static async start(): Promise<RedisCluster> {
    await redisVersion();
    const parent = join(ROOT, "data");
    await Deno.mkdir(parent, { recursive: true, mode: 0o700 });
    const directory = await Deno.makeTempDir({ dir: parent, prefix: "bench-redis-" });
    for (const name of NAMES) await Deno.mkdir(join(directory, name));
    const cluster = new RedisCluster(directory, freePorts(NAMES.length));
    try {
      await cluster.#waitUp();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  requestsOf({ op, level }: Operation): Requests | undefined {
    if (op === "mix") return { kind: "redis", waitCount: 1 };
    if (op === "get") return level === "ONE" ? { kind: "redis", waitCount: 0 } : undefined;
    const waitCount = WAIT_COUNTS[level];
    return waitCount === undefined ? undefined : { kind: "redis", waitCount };
  }

  syncCount(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ending ??= this.#end();
  }

  async #end(): Promise<void> {
    for (const child of this.#children) {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself; its last words stand in its log.
      }
    }
    await Promise.all(this.#children.map(({ status }) => status));
    await Deno.remove(this.#directory, { recursive: true });
    this.#watch[Symbol.dispose]();
  }

  /** Resolves when the primary says that both replicas are online. */
  async #waitUp(): Promise<void> {
    const { host, port } = this.places[0]!;
    const deadlineMs = performance.now() + UP_WITHIN_MS;
    while (performance.now() < deadlineMs) {
      const text = await ask(host, port, "INFO replication\r\n").catch(() => "");
      if (text.split(",state=online").length === NAMES.length) return;
      await pause(LOOK_EVERY_MS);
    }
    throw new Error(
      `Redis' replicas do not follow within ${UP_WITHIN_MS / 1000} s; the primary's log:\n` +
        await Deno.readTextFile(join(this.#directory, NAMES[0]!, "log")).catch(() => "none"),
    );
  }
}

/** The version of the Redis that is installed. Throws `UsageError` where there is none. */
export async function redisVersion(): Promise<string> {
  try {
    const { stdout } = await new Deno.Command(PROGRAM, { args: ["--version"] }).output();
    return /v=(\S+)/.exec(new TextDecoder().decode(stdout))?.[1] ?? "unknown";
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UsageError(`--peer redis: ${PROGRAM} is not on PATH; on Debian: apt-get install redis-server`);
  }
}

function serverArguments(directory: string, port: number, primaryPort: number | undefined): string[] {
  const settings: Record<string, string> = {
    port: String(port),
    bind: HOST,
    dir: directory,
    logfile: join(directory, "log"),
    daemonize: "no",
    appendonly: "yes",
    appendfsync: "always",
    save: "",
    // Only the start is quicker so.
    "repl-diskless-sync-delay": "0",
  };
  const follow = primaryPort === undefined ? [] : ["--replicaof", HOST, String(primaryPort)];
  return [...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]), ...follow];
}

/** One inline command, and the first packet of its answer. */
async function ask(host: string, port: number, command: string): Promise<string> {
  using connection = await Deno.connect({ hostname: host, port });
  await connection.write(new TextEncoder().encode(command));
  const bytes = new Uint8Array(16 * 1024);
  const count = await connection.read(bytes);
  return new TextDecoder().decode(bytes.subarray(0, count ?? 0));
}
