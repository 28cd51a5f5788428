/** The cluster under attack: four replicas of five members, real processes in a directory of their own. @module */
import { join, resolve } from "@std/path";
import { Connection } from "../../src/client/connection.ts";
import type { Reply, Status } from "../../src/protocol/reply.ts";
import type { Request } from "../../src/protocol/request.ts";
import { parseClusterConfig } from "../../src/replica/cluster_config.ts";
import { digestOf } from "../../src/transport/hello.ts";
import { endOnSignal } from "../bench/interrupt.ts";
import { type Launch, ReplicaProcess } from "../supervisor/replica_process.ts";
import { PoliteHttp } from "./polite_http.ts";
import { KEYSPACES, type Target, VALUE_BYTES_MAX } from "./target.ts";

const HOST = "127.0.0.1";
const IDS = ["r1", "r2", "r3", "r4"];
/** Last in id order, so that it holds no copies. */
const ABSENT_ID = "r5";
const CLUSTER = "fuzz";
const SECRET = "the secret of the fuzzed cluster";
const UP_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 50;
/** Beyond it a replica counts as hanging. */
const ANSWER_WITHIN_MS = 5000;

/** What a cluster is like. */
export interface FuzzClusterOptions {
  readonly hasSecret: boolean;
  readonly hasFaults: boolean;
  readonly binary?: string;
  /** Below it the cluster makes its own directory. */
  readonly data?: string;
}

/** The replicas. Disposing ends them, and removes their directory unless it shall stay. */
export class FuzzCluster implements AsyncDisposable {
  readonly directory: string;
  readonly target: Target;
  readonly #replicas: readonly ReplicaProcess[];
  readonly #connections = new Map<string, Connection>();
  readonly #deaths: string[] = [];
  readonly #watch = endOnSignal(() => this[Symbol.asyncDispose]());
  #keepsDirectory = false;
  #ending: Promise<void> | undefined;

  private constructor(directory: string, target: Target, binary: string | undefined) {
    this.directory = directory;
    this.target = target;
    const launch: Launch = {
      configFile: join(directory, "cluster.toml"),
      dataDirectory: join(directory, "data"),
      ...(binary === undefined ? {} : { binary }),
    };
    this.#replicas = target.replicas.map(({ id }) =>
      new ReplicaProcess(id, launch, (replica, wasExpected) => {
        if (!wasExpected) this.#deaths.push(`${replica.id} ${replica.ending}; its log: ${replica.logFile}`);
      })
    );
  }

  /** Starts all replicas; resolves when each sees all others alive. */
  static async start(options: FuzzClusterOptions): Promise<FuzzCluster> {
    const { data } = options;
    const directory = await Deno.makeTempDir({
      prefix: "quartet-fuzz-",
      ...(data === undefined ? {} : { dir: resolve(data) }),
    });
    const target = await writeConfig(directory, options);
    const cluster = new FuzzCluster(directory, target, options.binary);
    try {
      await Promise.all(cluster.#replicas.map((replica) => replica.start()));
      await cluster.#waitUp();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get ids(): readonly string[] {
    return IDS;
  }

  /** How replicas ended that nobody had asked to. */
  get deaths(): readonly string[] {
    return this.#deaths;
  }

  /** Undefined where the replica does not run. */
  pid(id: string): number | undefined {
    return this.#replicas.find((replica) => replica.id === id)?.process?.pid;
  }

  keepDirectory(): void {
    this.#keepsDirectory = true;
  }

  /** A new connection to one replica. Throws `ConnectError`. */
  async connect(id: string): Promise<Connection> {
    const { host, port } = this.target.replicas.find((place) => place.id === id)!;
    const { secret } = this.target;
    return await Connection.open({
      host,
      port,
      timeoutMs: ANSWER_WITHIN_MS,
      ...(secret === undefined ? {} : { secret }),
    });
  }

  /** The same over HTTP. */
  connectHttp(id: string): PoliteHttp {
    const { host, httpPort } = this.target.replicas.find((place) => place.id === id)!;
    return new PoliteHttp({ host, port: httpPort }, this.target.secret);
  }

  /** Asks one replica over the connection kept for that. Throws where it does not answer, or refuses. */
  async ask(id: string, request: Request): Promise<Reply> {
    let connection = this.#connections.get(id);
    if (connection === undefined || connection.isClosed) {
      connection = await this.connect(id);
      this.#connections.set(id, connection);
    }
    const result = await connection.request(request, { timeoutMs: ANSWER_WITHIN_MS });
    if (result.ok) return result.value;
    throw new Error(`${id} answered ${request.op} with ${result.failure.code}: ${result.failure.message}`);
  }

  async status(id: string): Promise<Status> {
    const reply = await this.ask(id, { op: "status" });
    if (reply.kind !== "status") throw new Error(`${id} answered status with ${reply.kind}`);
    return reply.status;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ending ??= this.#end();
  }

  async #end(): Promise<void> {
    for (const connection of this.#connections.values()) connection.close();
    await Promise.all(this.#replicas.map((replica) => replica.stop()));
    if (!this.#keepsDirectory) await Deno.remove(this.directory, { recursive: true });
    this.#watch[Symbol.dispose]();
  }

  async #waitUp(): Promise<void> {
    const deadlineMs = performance.now() + UP_WITHIN_MS;
    while (!await this.#isUp()) {
      if (performance.now() > deadlineMs) {
        throw new Error(`the replicas are not up within ${UP_WITHIN_MS} ms`);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  async #isUp(): Promise<boolean> {
    const all = await Promise.all(IDS.map((id) => this.status(id)));
    return all.every((status) =>
      status.ready && !status.recovering &&
      status.peers.every((peer) => peer.id === ABSENT_ID || (peer.alive && !peer.recovering))
    );
  }
}

async function writeConfig(
  directory: string,
  { hasSecret, hasFaults }: FuzzClusterOptions,
): Promise<Target> {
  const ids = [...IDS, ABSENT_ID];
  const listeners = [...ids, ...ids].map(() => Deno.listen({ hostname: HOST, port: 0 }));
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  const members = ids.map((id, index) => ({
    id,
    host: HOST,
    port: ports[index]!,
    httpPort: ports[ids.length + index]!,
  }));
  const keyspaces = Object.fromEntries(
    Object.values(KEYSPACES).map((name) => [name, {
      keys: name === KEYSPACES.bytes ? "byte" : "text",
      partitioner: "all",
      replication: IDS.length,
      default_level: "QUORUM",
    }]),
  );
  const config = {
    cluster: CLUSTER,
    default_keyspace: KEYSPACES.bytes,
    faults: hasFaults,
    ...(hasSecret ? { secret: SECRET } : {}),
    replica: members.map(({ id, host, port, httpPort }) => ({
      id,
      address: `${host}:${port}`,
      http: `${host}:${httpPort}`,
    })),
    keyspace: keyspaces,
    settings: { value_bytes_max: VALUE_BYTES_MAX },
  };
  const parsed = parseClusterConfig(config);
  if (!parsed.ok) throw new Error(`the fuzzer's own configuration is wrong: ${JSON.stringify(parsed)}`);
  await Deno.writeTextFile(join(directory, "cluster.toml"), tomlOf(config), { mode: 0o600 });
  return {
    cluster: CLUSTER,
    replicas: members.filter(({ id }) => id !== ABSENT_ID),
    absentId: ABSENT_ID,
    digest: digestOf(parsed.value),
    hasFaults,
    ...(hasSecret ? { secret: SECRET } : {}),
  };
}

type Scalars = Readonly<Record<string, string | number | boolean>>;

function tomlOf({ replica, keyspace, settings, ...top }: {
  readonly replica: readonly Scalars[];
  readonly keyspace: Readonly<Record<string, Scalars>>;
  readonly settings: Scalars;
  readonly cluster: string;
  readonly default_keyspace: string;
  readonly faults: boolean;
  readonly secret?: string;
}): string {
  const lines = (scalars: Scalars): string =>
    Object.entries(scalars).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`).join("");
  return [
    lines(top),
    ...replica.map((member) => `[[replica]]\n${lines(member)}`),
    ...Object.entries(keyspace).map(([name, fields]) => `[keyspace.${name}]\n${lines(fields)}`),
    `[settings]\n${lines(settings)}`,
  ].join("\n");
}
